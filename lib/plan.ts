import type { Binding } from '../binding';
import type { OperatorName, OperatorTypes } from './catalogue';
import { catalogue } from './catalogue';
import { native } from './configure';
import { choice, plainObject } from './check';
import { arrayOf, halvesOf, isHalves, kinds, requireAttached } from './elements';
import { unknownOption, wrongShape, wrongType } from './errors';
import { isGiven, noLayout, placeRows } from './layout';
import { columnsOf, requireNoGroups } from './groups';
import type { GivenOperands } from './operands';
import {
  gatherOperands,
  noteOperand,
  noteOutputs,
  recordOf,
  requireLimits,
  runNow,
} from './operands';
import type {
  AnyElement,
  InputArray,
  OperandArrays,
  Operator,
  OutputArray,
  ParameterValue,
} from './operator';
import { groupSize, operandsOf, parametersOf } from './operator';
import type { Options } from './options';
import { noOptions, readOptions } from './options';
import {
  allocate,
  defaultSpec,
  outputFormat,
  requireIndexable,
  requireNoStrides,
  verifyCall,
} from './prepare';
import { Spec, Status } from './spec';
import { inputElement, inputLength, outputElement, outputLength, statusError } from './status';
import type { AnyInput, ArrayOf, Float16Like, NoInputs, NumberFormat } from './types';
import type { Check } from './verify';
import { verification } from './verify';

/** The options of an operator with the shape of the call: `cols` (`rows` is 1 by default) or `dims`. */
export type PlanOptions<N extends OperatorName> = Omit<
  OperatorTypes[N]['options'],
  'cols' | 'dims' | 'out' | keyof OperatorTypes[N]['inputs']
> &
  PlanShape;

/** Rows of so many columns, or, as for any call, the dims of an array. */
type PlanShape =
  | {
      readonly rows?: number | undefined;
      readonly cols: number;
      readonly dims?: undefined;
    }
  | {
      readonly rows?: undefined;
      readonly cols?: undefined;
      readonly dims: readonly number[];
    };

/** The formats that a plan is told: of x, and, where results are rows, of these. */
type PlanFormats<N extends OperatorName, D, E> = {
  readonly dtype?: D | undefined;
} & (IsRows<N> extends true ? { readonly outDtype?: E | undefined } : NoInputs);
type IsRows<N extends OperatorName> = 'outDtype' extends keyof OperatorTypes[N]['options']
  ? true
  : false;

/** What x may be in a format; a plan takes no tensors. */
type PlanInput<D> = D extends 'f32'
  ? Float32Array
  : Uint16Array | (D extends 'f16' ? Float16Like : never);
/** Where its output may go, where it is one array. */
type PlanOutput<N extends OperatorName, E> =
  IsRows<N> extends true ? PlanInput<E> : OperatorTypes[N]['out'];
type PlanResult<N extends OperatorName, E extends NumberFormat, X> =
  IsRows<N> extends true ? ArrayOf<E, X> : OperatorTypes[N]['result'];

/** What `run` takes beside x of an operator that reads further arrays or has several outputs. */
type PlanArrays<N extends OperatorName, E> =
  IsRows<N> extends true
    ? OperatorTypes[N]['inputs'] & { readonly out?: PlanOutput<N, E> | undefined }
    : OperatorTypes[N]['arrays'];
/** The same as parameters: none, or one that may be left out where no array is required. */
type PlanRest<N extends OperatorName, E> = [OperatorTypes[N]['arrays']] extends [never]
  ? []
  : NeedsArrays<N> extends true
    ? [arrays: PlanArrays<N, E>]
    : [arrays?: PlanArrays<N, E>];
type NeedsArrays<N extends OperatorName> = NoInputs extends OperatorTypes[N]['inputs']
  ? false
  : true;

/** The arrays of a plan have no dims. */
const NO_LAYOUT = noLayout();

/**
 * A call that was checked once. Every field is fixed; `run` is one native call, with no parsing and, given `y`, no
 * allocation. `D`: the format of x; `E`: that of the output, where it is rows.
 */
class Plan<
  N extends OperatorName = OperatorName,
  D extends NumberFormat = 'f32',
  E extends NumberFormat = D,
> {
  readonly operator: N;
  /** Rows, or groups of them. */
  readonly rows: number;
  readonly cols: number;
  /** Elements between the starts of two input rows. */
  readonly stride: number;
  /** Elements between the starts of two output rows; 1 for an operator with one number per row. */
  readonly outStride: number;
  /** Elements that `x` must have at least. */
  readonly inputLength: number;
  /** Elements that `y` must have at least, and that a new output has. */
  readonly outputLength: number;
  /** The operator's own options, defaults included. */
  readonly parameters: Readonly<Record<string, ParameterValue>>;
  readonly #line: Operator;
  readonly #spec: Float64Array;
  readonly #asked: GivenOperands;
  readonly #binding: Binding;
  /** Elements of x, and of an output. */
  readonly #xElement: AnyElement;
  readonly #yElement: AnyElement;

  /** Use {@link plan}. */
  constructor(line: Operator, spec: Float64Array, asked: GivenOperands) {
    this.#line = line;
    this.#spec = spec;
    this.#asked = asked;
    this.#binding = native();
    this.#xElement = inputElement(spec);
    this.#yElement = outputElement(line, spec);
    this.operator = line.name as N;
    this.rows = spec[Spec.rows];
    this.cols = spec[Spec.cols] / groupSize(line, spec);
    this.stride = spec[Spec.xStride];
    this.outStride = spec[Spec.yStride];
    this.inputLength = inputLength(spec);
    this.outputLength = outputLength(line, spec);
    this.parameters = Object.freeze(parametersOf(line, spec));
    Object.freeze(this);
  }

  /**
   * Runs on `x` (at least `inputLength` elements) into `y` (at least `outputLength`; may be `x` itself when the strides
   * are equal), or into a new array, and returns the output.
   *
   * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_DETACHED`
   * @throws SoftlaneRangeError `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`
   * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
   */
  run<Y extends (NeedsArrays<N> extends true ? never : PlanOutput<N, E>)>(x: PlanInput<D>, y: Y): Y;
  /** With what the operator reads beside `x`, and `out`, by name. */
  run<X extends PlanInput<D>>(x: X, ...rest: PlanRest<N, E>): PlanResult<N, E, X>;
  run(x: AnyInput, y?: OutputArray | object): unknown {
    if (this.#line.operands !== undefined) return this.#runOperands(x, y);
    const out =
      y === undefined ? allocate(this.#line, this.#spec, this.outputLength) : (y as OutputArray);
    this.#runChecked(x, out, undefined);
    return y === undefined ? this.#made(x, out) : out;
  }

  /** A new output is of the kind of x. */
  #made(x: unknown, out: OutputArray): unknown {
    return this.#yElement === 'float16' && isHalves(x) ? halvesOf(out as Uint16Array) : out;
  }

  #runChecked(given: AnyInput, out: OutputArray, operands: OperandArrays | undefined): void {
    const x = arrayOf(this.#xElement, given) as InputArray;
    const y = arrayOf(this.#yElement, out) as OutputArray;
    if (this.inputLength === 0 || this.outputLength === 0) this.#requireMemory(x, y);
    const check = verification.share === 0 ? null : this.#verify(x, y, operands);
    const status = runNow(this.#binding, this.#spec, x, y, operands);
    if (status !== 0) throw this.#error(status, x, y, operands);
    if (check !== null) check(y, operands);
  }

  #runOperands(x: AnyInput, arrays: unknown): unknown {
    const line = this.#line;
    const isRecord = line.output === 'record';
    const given: GivenOperands = this.#asked.slice();
    let out: unknown;
    if (!isRecord && kinds[this.#yElement].is(arrayOf(this.#yElement, arrays))) {
      out = arrays;
    } else if (arrays !== undefined) {
      const source = plainObject(line.name, 'what run() is given beside x', arrays);
      for (const key of Object.keys(source)) {
        const value = source[key];
        if (key === 'out') out = value;
        else if (!isInput(line, key) || !noteOperand(line, key, value, given)) {
          throw unknownOption(line.name, key, [...inputNames(line), 'out'], 'the arrays of run()');
        }
      }
    }
    if (isRecord && out !== undefined) noteOutputs(line, out, given, 'arrays');
    const y =
      isRecord || out === undefined
        ? allocate(line, this.#spec, this.outputLength)
        : (out as OutputArray);
    const operands = gatherOperands(line, this.#spec, given, null, NO_LAYOUT, 'arrays');
    this.#runChecked(x, y, operands);
    if (isRecord) return recordOf(line, this.#spec, given, operands, null, NO_LAYOUT);
    return out === undefined ? this.#made(x, y) : y;
  }

  /** Native code takes an array that has lost its memory for an empty one, which would do here. */
  #requireMemory(x: InputArray, y: OutputArray): void {
    if (kinds[this.#xElement].is(x)) requireAttached(this.operator, 'x', x);
    if (kinds[this.#yElement].is(y)) requireAttached(this.operator, 'out', y);
  }

  #verify(x: InputArray, y: OutputArray, operands: OperandArrays | undefined): Check | null {
    // Arguments that native code will refuse have nothing to compare.
    const usable = kinds[this.#xElement].is(x) && x.length > 0 && ArrayBuffer.isView(y);
    return usable ? verifyCall({ operator: this.#line, spec: this.#spec, x, operands }) : null;
  }

  #error(status: number, x: unknown, y: unknown, operands: OperandArrays | undefined): Error {
    const kind = kinds[this.#yElement];
    if (operands === undefined && status === Status.BAD_OUTPUT && !kind.is(y)) {
      const expected = `${kind.name}, itself the second argument of run() here`;
      return wrongType(this.operator, 'out', expected, y);
    }
    const attempt = {
      operator: this.#line,
      spec: this.#spec,
      x,
      y,
      operands,
      giver: 'arrays',
    } as const;
    return statusError(attempt, status);
  }
}

// The type alone is for others: an alias has no constructor, not even in the wrapper for `import`.
type PlanType<
  N extends OperatorName = OperatorName,
  D extends NumberFormat = 'f32',
  E extends NumberFormat = D,
> = Plan<N, D, E>;
export type { PlanType as Plan };

/**
 * Checks a call once, for a hot loop.
 *
 * @param name - an operator of the catalogue
 * @param options - the operator's options without `out`, with `cols` and `rows` (default 1)
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_ISA`
 *
 * @example
 * ```ts
 * import { plan } from 'softlane';
 * const step = plan('softmax', { cols: 32000, temperature: 0.7 });
 * const logits = new Float32Array(step.inputLength);
 * const probabilities = new Float32Array(step.outputLength);
 * step.run(logits, probabilities);
 * ```
 */
export function plan<
  N extends OperatorName,
  D extends NumberFormat = 'f32',
  E extends NumberFormat = D,
>(name: N, options: PlanOptions<N> & PlanFormats<N, D, E>): Plan<N, D, E> {
  const names = catalogue.map((known) => known.name);
  const line = catalogue[choice('plan', 'the operator', names, name)];
  const spec = defaultSpec(line);
  const given = noOptions();
  readOptions(line, 'plan', options, spec, given);
  if (isGiven(given.layout)) readDims(line, spec, given);
  else readRows(line, spec, given);
  const format = Number.isNaN(given.dtype) ? 0 : given.dtype;
  spec[Spec.xFormat] = format;
  spec[Spec.yFormat] = outputFormat(line, format, given.outDtype);
  requireLimits(line, spec);
  const plain = new Plan<N, D, E>(line, spec, given.operands);
  for (const length of [plain.inputLength, plain.outputLength]) {
    if (!Number.isSafeInteger(length)) {
      throw wrongShape(
        line.name,
        'rows and strides',
        'span fewer than 2^53 elements',
        String(length),
      );
    }
  }
  return plain;
}

function readRows(line: Operator, spec: Float64Array, given: Options): void {
  if (Number.isNaN(given.cols)) {
    throw wrongType(line.name, 'options.cols', 'a non-negative integer below 2^53', undefined);
  }
  const cols = given.cols * groupSize(line, spec);
  requireIndexable(line, cols);
  spec[Spec.rows] = Number.isNaN(given.rows) ? 1 : given.rows;
  spec[Spec.cols] = cols;
  spec[Spec.xStride] = strideOf(line, 'stride', given.stride, cols, spec);
  spec[Spec.yStride] =
    line.output !== 'rows' ? 1 : strideOf(line, 'outStride', given.outStride, cols, spec);
}

/** The same by dims. */
function readDims(line: Operator, spec: Float64Array, given: Options): void {
  const { layout } = given;
  requireNoStrides(line.name, given);
  requireNoGroups(line, spec);
  if (layout.dims === null) {
    throw wrongType(line.name, 'options.dims', 'an array of sizes', undefined);
  }
  placeRows(line.name, layout, layout.dims, spec);
  requireIndexable(line, spec[Spec.cols]);
  spec[Spec.yStride] = line.output === 'rows' ? spec[Spec.cols] : 1;
}

function inputNames(line: Operator): string[] {
  return operandsOf(line).flatMap(({ role, name }) => (role === 'input' ? name : []));
}

function isInput(line: Operator, name: string): boolean {
  return inputNames(line).includes(name);
}

function strideOf(
  line: Operator,
  option: string,
  stride: number,
  cols: number,
  spec: Float64Array,
): number {
  if (Number.isNaN(stride)) return cols;
  if (stride < cols) {
    throw wrongShape(
      line.name,
      `options.${option}`,
      `be at least ${columnsOf(line, cols, groupSize(line, spec))}`,
      String(stride),
    );
  }
  return stride;
}
