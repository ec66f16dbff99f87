/** From the arguments of a call to a checked record that native code takes, and back to what the caller gets. */
import { types } from 'node:util';
import { current, isaName, native } from './configure';
import { arrayOf, halvesOf, kinds, requireAttached } from './elements';
import { SoftlaneError, orOutOfMemory, wrongShape, wrongType } from './errors';
import { columnsOf, groupsOf, requireNoGroups } from './groups';
import { readInput } from './input';
import { gatherOperands, outerDims, recordOf, requireLimits, runNow } from './operands';
import type { Layout } from './layout';
import { isGiven, placeRows, sizeOf } from './layout';
import type { InputArray, OperandArray, OperandArrays, Operator, OutputArray } from './operator';
import { groupSize, operandsOf } from './operator';
import type { Mode, Options } from './options';
import { noOptions, readOptions } from './options';
import { CURRENT_ISA, DEFAULT_THREADS, SPEC_LENGTH, Spec } from './spec';
import { inputLength, outputElement, outputLength, statusError } from './status';
import type { TensorFields } from './tensor';
import { makeTensor, readTensor } from './tensor';
import type { Check } from './verify';
import { beginVerify, verification } from './verify';

const NO_INPUT: InputArray = new Float32Array(0);

/** The spec of an operator with every default in it. */
export function defaultSpec(operator: Operator): Float64Array {
  const id = current().binding.operators.indexOf(operator.name);
  if (id < 0) {
    throw new SoftlaneError(
      'ERR_SOFTLANE_BINARY',
      `${operator.name}: expected an addon that has this operator, received version ${native().version} without it; reinstall the package or run npm run build`,
    );
  }
  const spec = new Float64Array(SPEC_LENGTH);
  spec[Spec.op] = id;
  spec[Spec.isa] = CURRENT_ISA;
  spec[Spec.threads] = DEFAULT_THREADS;
  for (const rule of Object.values(operator.options)) {
    spec[rule.index] = rule.kind === 'choice' ? rule.values.indexOf(rule.default) : rule.default;
  }
  return spec;
}

/**
 * One checked call. `spec`, `x` and `y` are what `binding.run` and `binding.submit` take; `y` is the caller's `out` or a
 * new array of the right length; `finish()` gives what the caller receives once `y` is filled.
 */
export class Call {
  readonly spec: Float64Array;
  x: InputArray = NO_INPUT;
  y: OutputArray = NO_INPUT;
  /** What native code takes beside x and y; undefined for an operator without operands. */
  operands: (OperandArray | undefined)[] | undefined = undefined;
  /** Options that are not in the spec; NaN where not given. */
  readonly options: Options = noOptions();
  private tensor: TensorFields | null = null;
  /** Whether x is a Float16Array. */
  private halves = false;
  private readonly defaults: Float64Array;

  constructor(readonly operator: Operator) {
    this.defaults = defaultSpec(operator);
    this.spec = this.defaults.slice();
  }

  /** The AbortSignal of an asynchronous call, if one was given. */
  get signal(): AbortSignal | undefined {
    return this.options.signal as AbortSignal | undefined;
  }

  /** Checks everything; throws the first thing that is wrong. Options are read before x, each once. */
  prepare(x: unknown, options: unknown, mode: Mode): void {
    const { spec, defaults } = this;
    for (let i = 0; i < SPEC_LENGTH; i++) spec[i] = defaults[i];
    if (options !== undefined) readOptions(this.operator, mode, options, spec, this.options);
    this.readInput(x);
    this.readShape();
    this.readOutput(x);
    if (this.operator.operands !== undefined) {
      this.operands = gatherOperands(
        this.operator,
        spec,
        this.options.operands,
        this.tensor,
        this.options.layout,
      );
    }
  }

  /** What the caller gets: `out` as it was given, or the same kind as x. */
  finish(): unknown {
    const { out, operands, layout } = this.options;
    const { tensor, operator } = this;
    if (operator.output === 'record') {
      return recordOf(operator, this.spec, operands, this.operands ?? [], tensor, layout);
    }
    if (out !== undefined) return out;
    const element = outputElement(operator, this.spec);
    if (tensor === null) {
      const halves = this.halves && element === 'float16';
      return halves ? halvesOf(this.y as Uint16Array) : this.y;
    }
    return makeTensor(
      tensor,
      element,
      this.y,
      resultDims(operator, this.spec, tensor.dims, layout),
    );
  }

  /** Lets go of everything that belongs to the caller, so that the record can serve again. */
  release(): void {
    const { options } = this;
    options.cols = NaN;
    options.stride = NaN;
    options.outStride = NaN;
    options.dtype = NaN;
    options.outDtype = NaN;
    options.layout.axis = NaN;
    options.layout.dims = null;
    options.layout.window = null;
    options.out = undefined;
    options.signal = undefined;
    if (this.operator.operands !== undefined) {
      // Setting its length would be a call into the engine.
      for (let i = 0; i < options.operands.length; i++) options.operands[i] = undefined;
      this.operands = undefined;
    }
    this.x = NO_INPUT;
    this.y = NO_INPUT;
    this.tensor = null;
    this.halves = false;
  }

  private readInput(x: unknown): void {
    const { dtype } = this.options;
    if (types.isFloat32Array(x) && !(dtype > 0)) {
      // The usual call, without a record of what it is.
      this.x = x;
      this.setFormats(0);
    } else {
      this.readOther(x, dtype);
    }
  }

  private readOther(x: unknown, dtype: number): void {
    const { name } = this.operator;
    const input = readInput(name, 'x', x, dtype);
    this.x = input.array;
    this.tensor = input.tensor;
    this.halves = input.halves;
    this.setFormats(input.format);
    if (this.tensor === null) return;
    const { stride, outStride } = this.options;
    if (!Number.isNaN(stride) || !Number.isNaN(outStride)) {
      const given = Number.isNaN(stride) ? 'outStride' : 'stride';
      throw wrongShape(
        name,
        `options.${given}`,
        'be given with a typed array only',
        'it with an object that has dims',
      );
    }
  }

  private setFormats(format: number): void {
    const { spec, options, operator } = this;
    spec[Spec.xFormat] = format;
    spec[Spec.yFormat] = outputFormat(operator, format, options.outDtype);
  }

  /** Rows, columns and strides from the length, the dims and the options. */
  private readShape(): void {
    const { spec, options, operator, tensor } = this;
    const { name } = operator;
    const { layout } = options;
    // One reading for both: compiled code has been seen to give a detached array's old length at one place and 0 at
    // the next (V8 11.3). Native code finds the old one too long.
    const { length } = this.x;
    if (length === 0) requireAttached(name, 'x', this.x);
    let { cols, stride } = options;
    let rows: number;
    const group = groupSize(operator, spec);
    if (isGiven(layout) || (tensor !== null && Number.isNaN(cols))) {
      this.readDims(length);
      ({ [Spec.rows]: rows, [Spec.cols]: cols, [Spec.xStride]: stride } = spec);
    } else if (Number.isNaN(cols)) {
      if (!Number.isNaN(stride)) {
        throw wrongShape(name, 'options.stride', 'come with options.cols', 'it alone');
      }
      rows = 1;
      cols = stride = length;
    } else {
      cols *= group;
      if (Number.isNaN(stride)) stride = cols;
      if (stride < cols) {
        throw wrongShape(
          name,
          'options.stride',
          `be at least ${columnsOf(operator, cols, group)}`,
          String(stride),
        );
      }
      rows = rowCount(name, length, cols, stride, columnsOf(operator, cols, group));
    }
    if (group !== 1 && Number.isNaN(options.cols)) {
      rows = groupsOf(name, rows, group);
      cols *= group;
      stride = cols;
    }
    requireIndexable(operator, cols);
    spec[Spec.rows] = rows;
    spec[Spec.cols] = cols;
    spec[Spec.xStride] = stride;
    if (operator.operands !== undefined) requireLimits(operator, spec);
  }

  /** The same of a tensor, or of an array that has dims by the options. */
  private readDims(length: number): void {
    const { spec, options, operator, tensor } = this;
    const { name } = operator;
    const { layout } = options;
    if (isGiven(layout)) {
      requireNoStrides(name, options);
      requireNoGroups(operator, spec);
    }
    if (tensor !== null) {
      const expected = 'be given with a typed array only';
      if (layout.dims !== null)
        throw wrongShape(name, 'options.dims', expected, 'it with an object that has dims');
      placeRows(name, layout, tensor.dims, spec);
      return;
    }
    const { dims } = layout;
    if (dims === null) {
      const given = layout.window === null ? 'axis' : 'window';
      throw wrongShape(name, `options.${given}`, 'come with options.dims', 'it alone');
    }
    const size = sizeOf(dims);
    if (size !== length) {
      const expected = `have as many elements as options.dims [${dims.join(', ')}] say (${size})`;
      throw wrongShape(name, 'x', expected, `${length} elements`);
    }
    placeRows(name, layout, dims, spec);
  }

  private readOutput(x: unknown): void {
    const { spec, options, operator } = this;
    const { name } = operator;
    const cols = spec[Spec.cols];
    const { out, outStride } = options;
    if (operator.output === 'rows') {
      if (Number.isNaN(outStride)) {
        // In place, rows stay where they are.
        spec[Spec.yStride] = out !== undefined && out === x ? spec[Spec.xStride] : cols;
      } else {
        if (outStride < cols) {
          throw wrongShape(
            name,
            'options.outStride',
            `be at least the number of columns (${cols})`,
            String(outStride),
          );
        }
        spec[Spec.yStride] = outStride;
      }
    } else {
      spec[Spec.yStride] = 1;
    }
    if (operator.output === 'record') return;
    const needed = outputLength(operator, spec);
    this.y = out === undefined ? allocate(operator, spec, needed) : this.readOut(out, needed);
  }

  private readOut(out: unknown, needed: number): OutputArray {
    const { operator, spec } = this;
    const { name } = operator;
    const element = outputElement(operator, spec);
    const kind = kinds[element];
    let array: OutputArray;
    const given = arrayOf(element, out);
    if (kind.is(given)) {
      array = given as OutputArray;
    } else if (
      typeof out === 'object' &&
      out !== null &&
      !ArrayBuffer.isView(out) &&
      !Array.isArray(out)
    ) {
      const tensor = readTensor(name, 'options.out', out, element);
      this.compareDims(tensor.dims);
      array = tensor.data as OutputArray;
    } else {
      const expected = `${kind.name} or an object with such data and dims`;
      throw wrongType(name, 'options.out', expected, out);
    }
    if (array.length === 0) requireAttached(name, 'options.out', array);
    if (array.length < needed) {
      throw wrongShape(
        name,
        'options.out',
        `have at least ${needed} elements`,
        `${array.length} elements`,
      );
    }
    return array;
  }

  /** An output with dims must say what is in it: those of the result, or as many rows of as many columns. */
  private compareDims(dims: readonly number[]): void {
    const { spec, operator, tensor, options } = this;
    const { name } = operator;
    const received = `[${dims.join(', ')}]`;
    if (!Number.isNaN(options.outStride)) {
      throw wrongShape(
        name,
        'options.outStride',
        'be given with a typed array as options.out only',
        'it with an object that has dims',
      );
    }
    const given = tensor?.dims ?? options.layout.dims;
    if (given !== null) {
      const want = resultDims(operator, spec, given, options.layout);
      if (want.length === dims.length && want.every((dim, axis) => dim === dims[axis])) return;
      const expected = `be those of the result, [${want.join(', ')}]`;
      throw wrongShape(name, 'options.out.dims', expected, received);
    }
    const rows = spec[Spec.rows];
    const cols = spec[Spec.cols];
    if (operator.output === 'rows') {
      if (rowsOf(dims) === rows && lastDim(dims) === cols) return;
      const expected = `say ${rows} rows of ${cols} columns`;
      throw wrongShape(name, 'options.out.dims', expected, received);
    }
    if (dims.reduce((product, dim) => product * dim, 1) === rows) return;
    throw wrongShape(name, 'options.out.dims', `say ${rows} elements`, received);
  }
}

/** Rows run along the last dimension; a scalar is a row of one. */
function lastDim(dims: readonly number[]): number {
  return dims.length === 0 ? 1 : dims[dims.length - 1];
}

function rowsOf(dims: readonly number[]): number {
  return dims.slice(0, -1).reduce((product, dim) => product * dim, 1);
}

/** The dims of the result for a tensor of these dims. */
function resultDims(
  operator: Operator,
  spec: Float64Array,
  dims: readonly number[],
  layout: Layout,
): number[] {
  return operator.output === 'rows' ? [...dims] : outerDims(operator, spec, dims, layout);
}

/** Rows that are told by dims lie without gaps. */
export function requireNoStrides(name: string, options: Options): void {
  const names = ['rows', 'cols', 'stride', 'outStride'] as const;
  const given = names.find((key) => !Number.isNaN(options[key]));
  if (given === undefined) return;
  const expected = 'be absent beside options.axis, options.dims and options.window';
  throw wrongShape(name, `options.${given}`, expected, String(options[given]));
}

function rowCount(
  name: string,
  length: number,
  cols: number,
  stride: number,
  columns: string,
): number {
  if (length === 0) return 0;
  const rows = cols === 0 || length < cols ? 0 : Math.floor((length - cols) / stride) + 1;
  // The gap after the last row may be there or not; a further, incomplete row may not.
  if (rows > 0 && length <= rows * stride) return rows;
  throw wrongShape(
    name,
    'x',
    stride === cols
      ? `have a length that is a multiple of ${columns}`
      : `hold whole rows of ${cols} columns every ${stride} elements`,
    `a length of ${length}`,
  );
}

/** Indices are int32: a row must not be longer than they reach. The rows of a group together must have a length at all. */
export function requireIndexable(operator: Operator, cols: number): void {
  if (cols <= 0x7fffffff) return;
  if (!Number.isSafeInteger(cols)) {
    throw wrongShape(operator.name, 'a group', 'have fewer than 2^53 elements', `${cols} elements`);
  }
  const elements = [operator, ...operandsOf(operator)].map(({ element }) => element);
  if (operator.counts === undefined && !elements.includes('int32')) return;
  throw wrongShape(operator.name, 'rows', 'have at most 2147483647 columns', `${cols} columns`);
}

/** The format of the output: rows have that of x, where no other is asked for. */
export function outputFormat({ output }: Operator, format: number, asked: number): number {
  if (output !== 'rows') return 0;
  return Number.isNaN(asked) ? format : asked;
}

/** A new output; zeros where a stride leaves gaps. */
export function allocate(operator: Operator, spec: Float64Array, length: number): OutputArray {
  const { make } = kinds[outputElement(operator, spec)];
  const purpose = () => `an output of ${length} elements`;
  return orOutOfMemory(operator.name, purpose, () => new make(length) as OutputArray);
}

/** A checked call that belongs to the caller alone (asynchronous work). */
export function prepare(
  operator: Operator,
  x: unknown,
  options: unknown,
  mode: 'sync' | 'async' = 'sync',
): Call {
  const call = new Call(operator);
  call.prepare(x, options, mode);
  return call;
}

/** Runs a prepared call here and now. */
export function runCall(call: Call): unknown {
  const check = verification.share === 0 ? null : verifyCall(call);
  const status = runNow(native(), call.spec, call.x, call.y, call.operands);
  if (status !== 0) throw statusError(call, status);
  check?.(call.y, call.operands);
  return call.finish();
}

/** Null when this call is not among the sampled; otherwise the check to make once y is filled. */
export function verifyCall(call: {
  readonly operator: Operator;
  readonly spec: Float64Array;
  readonly x: InputArray;
  readonly operands?: OperandArrays | undefined;
}): Check | null {
  const { operator, spec, x, operands } = call;
  return beginVerify(operator, spec, x, inputLength(spec), operands, isaName(spec[Spec.isa]));
}
