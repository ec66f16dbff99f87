/** The one place that reads the options of a call. Nothing here touches the memory of an array. */
import { plainObject, ruleValue, size, threadCount } from './check';
import { isaIndex } from './configure';
import { unknownOption, wrongType } from './errors';
import { formatIndex } from './input';
import type { Layout } from './layout';
import { noLayout, readAxis, readDims, readWindow } from './layout';
import type { GivenOperands } from './operands';
import { noteList, noteOperand, noteOutputs, operandIndex } from './operands';
import type { Operator } from './operator';
import { operandsOf, optionNames, takesWindows } from './operator';
import { Spec } from './spec';

/** What the options of one call say, before they are compared with its arrays. NaN stands for "not given". */
export interface Options {
  cols: number;
  rows: number;
  stride: number;
  outStride: number;
  /** Places in FORMATS. */
  dtype: number;
  outDtype: number;
  readonly layout: Layout;
  /** Of an operator of several outputs, its members are among `operands`. */
  out: unknown;
  signal: unknown;
  readonly operands: GivenOperands;
}

export function noOptions(): Options {
  return {
    cols: NaN,
    rows: NaN,
    stride: NaN,
    outStride: NaN,
    dtype: NaN,
    outDtype: NaN,
    layout: noLayout(),
    out: undefined,
    signal: undefined,
    operands: [],
  };
}

/** How a call is made; decides which options beside the operator's it takes. */
export type Mode = 'sync' | 'async' | 'plan';

/**
 * Reads own enumerable options, each exactly once; `undefined` is the same as absent. Inherited properties are not
 * seen, so a polluted Object.prototype changes nothing. Writes the operator's own options, threads and isa into
 * `spec`, which holds the defaults, and the rest into `into`.
 */
export function readOptions(
  operator: Operator,
  mode: Mode,
  options: unknown,
  spec: Float64Array,
  into: Options,
): void {
  const name = operator.name;
  const source = plainObject(name, 'options', options);
  for (const key in source) {
    if (!Object.hasOwn(source, key)) continue;
    const value = source[key];
    const known = readCommon(operator, mode, key, value, spec, into);
    if (known) continue;
    if (key === operator.lists) {
      if (value !== undefined) noteList(operator, value, into.operands);
      continue;
    }
    const rule = Object.hasOwn(operator.options, key) ? operator.options[key] : undefined;
    if (rule === undefined) {
      if (isOperand(operator, mode, key) && noteOperand(operator, key, value, into.operands))
        continue;
      throw unknownOption(name, key, validNames(operator, mode));
    }
    if (value !== undefined) spec[rule.index] = ruleValue(name, `options.${key}`, rule, value);
  }
}

function readCommon(
  operator: Operator,
  mode: Mode,
  key: string,
  value: unknown,
  spec: Float64Array,
  into: Options,
): boolean {
  const name = operator.name;
  switch (key) {
    case 'cols':
      if (value !== undefined) into.cols = size(name, 'options.cols', value, 0);
      return true;
    case 'stride':
      if (value !== undefined) into.stride = size(name, 'options.stride', value, 0);
      return true;
    case 'axis':
      if (value !== undefined) into.layout.axis = readAxis(name, value);
      return true;
    case 'dims':
      if (value !== undefined) into.layout.dims = readDims(name, 'options.dims', value);
      return true;
    case 'window':
      // The types of all operators have it, if only to say that there is none.
      if (!takesWindows(operator)) return value === undefined;
      if (value !== undefined) into.layout.window = readWindow(name, value);
      return true;
    case 'outStride':
      if (operator.output !== 'rows') return false;
      if (value !== undefined) into.outStride = size(name, 'options.outStride', value, 0);
      return true;
    case 'out':
      if (mode === 'plan') return false;
      if (value === undefined) return true;
      into.out = value;
      if (operator.output === 'record') noteOutputs(operator, value, into.operands);
      return true;
    case 'rows':
      if (mode !== 'plan') return false;
      if (value !== undefined) into.rows = size(name, 'options.rows', value, 0);
      return true;
    case 'signal':
      if (mode !== 'async') return false;
      if (value !== undefined) into.signal = abortSignal(name, value);
      return true;
    case 'dtype':
      if (value !== undefined)
        into.dtype = formatIndex(name, 'options.dtype', operator.formats, value);
      return true;
    case 'outDtype':
      if (operator.output !== 'rows') return false;
      if (value !== undefined)
        into.outDtype = formatIndex(name, 'options.outDtype', operator.formats, value);
      return true;
    case 'threads':
      if (value !== undefined) spec[Spec.threads] = threadCount(name, 'options.threads', value);
      return true;
    case 'isa':
      if (value !== undefined) spec[Spec.isa] = isaIndex(name, 'options.isa', value);
      return true;
    default:
      return false;
  }
}

/** Recognised by shape: an AbortSignal may come from another realm or a polyfill. */
export function abortSignal(operator: string, value: unknown): AbortSignal {
  const signal = value as Partial<AbortSignal> | null;
  const fits =
    typeof signal === 'object' &&
    signal !== null &&
    typeof signal.aborted === 'boolean' &&
    typeof signal.addEventListener === 'function' &&
    typeof signal.removeEventListener === 'function';
  if (!fits) throw wrongType(operator, 'options.signal', 'an AbortSignal', value);
  return value as AbortSignal;
}

/** Arrays are no business of a plan: they come with each run. */
function isOperand(operator: Operator, mode: Mode, key: string): boolean {
  const place = operandIndex(operator, key);
  return place >= 0 && !(mode === 'plan' && operandsOf(operator)[place].role === 'input');
}

export function validNames(operator: Operator, mode: Mode): string[] {
  const names = optionNames(operator);
  if (mode === 'async') return [...names, 'signal'];
  if (mode !== 'plan') return names;
  const taken = (name: string): boolean =>
    name !== 'out' && (operandIndex(operator, name) < 0 || isOperand(operator, mode, name));
  return ['rows', ...names.filter(taken)];
}
