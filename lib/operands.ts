/** The arrays of a call beside x and its output: their lengths, what the options give for them, and new ones. */
import type { Binding } from '../binding';
import { plainObject } from './check';
import { kinds, requireAttached } from './elements';
import {
  SoftlaneTypeError,
  orOutOfMemory,
  unknownOption,
  wrongShape,
  wrongType,
  wrongValue,
} from './errors';
import type { Input } from './input';
import { readFloats, widened } from './input';
import type { Layout } from './layout';
import { dimsOfResult, isGiven, placeOf, slabsOf } from './layout';
import type {
  Extent,
  InputArray,
  Inputs,
  Operand,
  OperandArray,
  OperandArrays,
  Operator,
  OutputArray,
} from './operator';
import { groupSize, operandsOf } from './operator';
import { Spec } from './spec';
import type { TensorFields } from './tensor';
import { makeTensor, readTensor } from './tensor';

/** A checked call by the addon, here and now. Without operands nothing is spread: that is a tenth of a short call. */
export function runNow(
  binding: Binding,
  spec: Float64Array,
  x: InputArray,
  y: OutputArray | undefined,
  operands: OperandArrays | undefined,
): number {
  return operands === undefined ? binding.run(spec, x, y) : binding.run(spec, x, y, ...operands);
}

/** Elements a row, or, for 'perColumn', of the whole. */
export function extentWidth(operator: Operator, extent: Extent, spec: Float64Array): number {
  return widthOf(extent, spec[Spec.cols], (option) => spec[operator.options[option].index]);
}

/** The same of a row with so many columns, by the value of the option that says it. */
export function widthOf(extent: Extent, cols: number, value: (option: string) => number): number {
  if (extent === 'perRow') return 1;
  if (typeof extent === 'string') return cols;
  return value(extent.option) * (extent.of === 'rows' ? cols : 1);
}

/** Elements of an operand. */
export function operandLength(operator: Operator, operand: Operand, spec: Float64Array): number {
  const width = extentWidth(operator, operand.extent, spec);
  if (operand.extent === 'perColumn') return width;
  return operand.extent === 'perSlab' ? slabsOf(spec) * width : spec[Spec.rows] * width;
}

/** What is left of the dims of x when a row becomes a number: without those of a row, or of a group of rows. */
export function outerDims(
  operator: Operator,
  spec: Float64Array,
  dims: readonly number[],
  layout: Layout,
): number[] {
  const size = groupSize(operator, spec);
  const isGroup = operator.group !== undefined && !isGiven(layout) && dims.at(-2) === size;
  if (isGroup && dims[dims.length - 1] * size === spec[Spec.cols]) return dims.slice(0, -2);
  return dimsOfResult(layout, spec, dims);
}

/** The dims of an output for a tensor of these dims. */
export function operandDims(
  operator: Operator,
  { extent }: Operand,
  spec: Float64Array,
  dims: readonly number[],
  layout: Layout,
): number[] {
  if (extent === 'perColumn') return [spec[Spec.cols]];
  if (extent === 'rows') return [...dims];
  if (extent === 'perRow') return outerDims(operator, spec, dims, layout);
  return dimsOfResult(layout, spec, dims, extentWidth(operator, extent, spec));
}

/** Where the operand of that name is in the operator's list; -1 for none. */
export function operandIndex(operator: Operator, name: string): number {
  const operands = operandsOf(operator);
  for (let i = 0; i < operands.length; i++) if (operands[i].name === name) return i;
  return -1;
}

export function makeOperand(operator: Operator, operand: Operand, length: number): OperandArray {
  const { make } = kinds[operand.element];
  const purpose = () => `${operand.name}, ${length} elements`;
  return orOutOfMemory(operator.name, purpose, () => new make(length));
}

/** What the arrays of a call are members of: its options, or what `run` of a plan is given beside x. */
export type Giver = 'options' | 'arrays';

/** How an argument is called in an error: that of an output is a part of `out`. */
export function operandArgument({ role, name }: Operand, giver: Giver = 'options'): string {
  return role === 'input' ? `${giver}.${name}` : `${giver}.out.${name}`;
}

/**
 * What the options say of the operands, in the order of the operator's list: an array or a tensor, or, of an output that
 * is to be made, true.
 */
export type GivenOperands = unknown[];

/** Notes the option of that name; false where it is none of the operator's operands. */
export function noteOperand(
  operator: Operator,
  key: string,
  value: unknown,
  into: GivenOperands,
): boolean {
  const place = operandIndex(operator, key);
  if (place < 0) return false;
  const { role, optional } = operandsOf(operator)[place];
  if (role === 'input') {
    if (value !== undefined) into[place] = value;
    return true;
  }
  if (!optional || operator.lists !== undefined) return false;
  if (value !== undefined && typeof value !== 'boolean') {
    throw wrongType(operator.name, `options.${key}`, 'true or false', value);
  }
  if (value === true) ask(place, into);
  return true;
}

/** An output that is to be made, unless there is something for it in `out`, which may be null, and wrong. */
function ask(place: number, into: GivenOperands): void {
  if (into[place] === undefined) into[place] = true;
}

/** Notes the outputs that a list names. */
export function noteList(operator: Operator, value: unknown, into: GivenOperands): void {
  const { name, lists } = operator;
  const argument = `options.${lists}`;
  if (!Array.isArray(value)) throw wrongType(name, argument, 'an array of names', value);
  for (let i = 0; i < value.length; i++) {
    const each: unknown = value[i];
    const place = typeof each === 'string' ? operandIndex(operator, each) : -1;
    if (place < 0 || operandsOf(operator)[place].role === 'input') {
      const expected = `only names among ${outputNames(operator).join(', ')}`;
      throw wrongValue(name, argument, expected, each);
    }
    ask(place, into);
  }
}

/** Notes the members of `out`, which an operator of several outputs has. */
export function noteOutputs(
  operator: Operator,
  out: unknown,
  into: GivenOperands,
  giver: Giver = 'options',
): void {
  const { name } = operator;
  const source = plainObject(name, `${giver}.out`, out);
  for (const key in source) {
    if (!Object.hasOwn(source, key)) continue;
    const value = source[key];
    const place = operandIndex(operator, key);
    if (place < 0 || operandsOf(operator)[place].role === 'input') {
      throw unknownOption(name, key, outputNames(operator), `${giver}.out`);
    }
    // In the list, true is an output that is to be made.
    if (value === true) throw wrongOperand(operator, operandsOf(operator)[place], value, giver);
    if (value !== undefined) into[place] = value;
  }
}

function wrongOperand(operator: Operator, operand: Operand, value: unknown, giver: Giver): Error {
  const expected = `${kinds[operand.element].name} or an object with such data and dims`;
  return wrongType(operator.name, operandArgument(operand, giver), expected, value);
}

export function outputNames(operator: Operator): string[] {
  return operandsOf(operator).flatMap(({ role, name }) => (role === 'output' ? name : []));
}

/** The arrays of a call: those that were given, checked, and new ones for outputs. `tensor`: what x was, if it was one. */
export function gatherOperands(
  operator: Operator,
  spec: Float64Array,
  given: GivenOperands,
  tensor: TensorFields | null,
  layout: Layout,
  giver: Giver = 'options',
): (OperandArray | undefined)[] {
  const { name, lists } = operator;
  const operands = operandsOf(operator);
  if (
    lists !== undefined &&
    !operands.some(({ role }, i) => role === 'output' && given[i] !== undefined)
  ) {
    const message = `${name}: expected options.${lists} to be an array of names, one at least, received none`;
    throw new SoftlaneTypeError('ERR_SOFTLANE_TYPE', message);
  }
  return operands.map((operand, i) => {
    const value = given[i];
    if (operand.role === 'output') {
      const { needs } = operand;
      if (value !== undefined && needs && given[operandIndex(operator, needs)] === undefined) {
        throw wrongType(name, `options.${needs}`, `given beside ${operand.name}`, undefined);
      }
      if (value === true || (value === undefined && !operand.optional)) {
        return makeOperand(operator, operand, operandLength(operator, operand, spec));
      }
    }
    if (value === undefined && operand.optional) return undefined;
    return readOperand(operator, operand, spec, value, tensor, layout, giver);
  });
}

/** What was given for an operand, as an array: an input has exactly its elements, an output at least. */
function readOperand(
  operator: Operator,
  operand: Operand,
  spec: Float64Array,
  given: unknown,
  tensor: TensorFields | null,
  layout: Layout,
  giver: Giver,
): OperandArray {
  const { name } = operator;
  const kind = kinds[operand.element];
  let array: OperandArray;
  let input: Input | undefined;
  let fields: TensorFields | null = null;
  if (kind.is(given)) {
    array = given;
  } else if (operand.role === 'input' && operand.element === 'float32') {
    input = readFloats(name, operandArgument(operand, giver), given, spec[Spec.xFormat]);
    ({ array, tensor: fields } = input);
  } else if (
    typeof given === 'object' &&
    given !== null &&
    !ArrayBuffer.isView(given) &&
    !Array.isArray(given)
  ) {
    fields = readTensor(name, operandArgument(operand, giver), given, operand.element);
    array = fields.data;
  } else {
    throw wrongOperand(operator, operand, given, giver);
  }
  if (array.length === 0) requireAttached(name, operandArgument(operand, giver), array);
  const dims = tensor?.dims ?? layout.dims;
  if (fields !== null && dims !== null) {
    requireDims(operator, operand, spec, fields.dims, dims, layout, giver);
  }
  const needed = operandLength(operator, operand, spec);
  const exactly = operand.role === 'input';
  if (exactly ? array.length !== needed : array.length < needed) {
    const expected = `have ${exactly ? '' : 'at least '}${needed} elements`;
    throw wrongShape(name, operandArgument(operand, giver), expected, `${array.length} elements`);
  }
  return input === undefined ? array : widened(input);
}

/** An operand with dims lies as x does: an output exactly, an input but for dims of 1, as far as its dims are those of x. */
function requireDims(
  operator: Operator,
  operand: Operand,
  spec: Float64Array,
  given: readonly number[],
  dims: readonly number[],
  layout: Layout,
  giver: Giver,
): void {
  const { role, extent } = operand;
  const ones = role === 'input';
  const cut = !isGiven(layout) && dims[dims.length - 1] !== spec[Spec.cols];
  if (ones && (cut || (extent !== 'rows' && extent !== 'perRow'))) return;
  const want = operandDims(operator, operand, spec, dims, layout);
  const [mine, theirs] = [want, given].map((all) => all.filter((dim) => !ones || dim !== 1));
  if (mine.join() === theirs.join()) return;
  const those = !ones
    ? 'those of the result'
    : extent === 'rows'
      ? 'those of x'
      : 'one for each row of x';
  const expected = `be ${those}, [${want.join(', ')}]`;
  const received = `[${given.join(', ')}]`;
  throw wrongShape(operator.name, `${operandArgument(operand, giver)}.dims`, expected, received);
}

/** The result of an operator of several outputs: each as it was given, or new and of the kind of x. */
export function recordOf(
  operator: Operator,
  spec: Float64Array,
  given: GivenOperands,
  arrays: OperandArrays,
  tensor: TensorFields | null,
  layout: Layout,
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  operandsOf(operator).forEach((operand, i) => {
    const array = arrays[i];
    if (operand.role === 'input' || array === undefined) return;
    const { name, element } = operand;
    if (given[i] !== undefined && given[i] !== true) result[name] = given[i];
    else if (tensor === null) result[name] = array;
    else {
      const dims = operandDims(operator, operand, spec, tensor.dims, layout);
      result[name] = makeTensor(tensor, element, array, dims);
    }
  });
  return result;
}

/** Options that may not be more than the columns are. */
export function requireLimits(operator: Operator, spec: Float64Array): void {
  const most = Math.max(spec[Spec.cols], 1);
  for (const [key, index] of limitsOf(operator)) {
    if (spec[index] <= most) continue;
    const expected = `at most the number of columns (${spec[Spec.cols]})`;
    throw wrongValue(operator.name, `options.${key}`, expected, spec[index]);
  }
}

type Limits = readonly (readonly [option: string, index: number])[];
const limits = new WeakMap<Operator, Limits>();

function limitsOf(operator: Operator): Limits {
  let found = limits.get(operator);
  if (found === undefined) {
    found = Object.entries(operator.options).flatMap(([key, rule]) =>
      rule.kind === 'number' && rule.upTo !== undefined ? [[key, rule.index] as const] : [],
    );
    limits.set(operator, found);
  }
  return found;
}

/** For the oracle: what the input operands have for a row. */
export function inputsOfRow(
  operator: Operator,
  spec: Float64Array,
  arrays: OperandArrays,
  row: number,
): Inputs {
  const inputs: Record<string, ArrayLike<number> | number | undefined> = {};
  operandsOf(operator).forEach((operand, i) => {
    const array = arrays[i];
    if (operand.role !== 'input') return;
    if (array === undefined || operand.extent === 'perColumn') {
      inputs[operand.name] = array;
    } else if (operand.extent === 'perRow') {
      inputs[operand.name] = array[row];
    } else {
      const width = extentWidth(operator, operand.extent, spec);
      const at =
        operand.extent === 'perSlab' ? Math.floor(row / Math.max(spec[Spec.inner], 1)) : row;
      const lies = operand.extent === 'perSlab' || spec[Spec.inner] <= 1;
      inputs[operand.name] = lies
        ? array.subarray(at * width, (at + 1) * width)
        : Float64Array.from(
            { length: width },
            (_, k) => array[placeOf(spec, row, k, width, width)],
          );
    }
  });
  return inputs;
}
