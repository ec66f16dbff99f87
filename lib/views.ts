/**
 * The outputs of operators one at a time, each as if it were an operator of its own, with examples for what is read
 * beside x: what tests, measurements and tables go through. An operator that is one without them too, and gives a row
 * for a row, is two: without any of them, and with all.
 */
import type {
  InputOperand,
  Inputs,
  Operator,
  OutputArray,
  OutputOperand,
  Parameters,
  TrueRow,
} from './operator';
import type { Element, OperandArray } from './operator';
import { kinds } from './elements';
import { widthOf } from './operands';
import { operandsOf } from './operator';

export interface View extends Omit<Operator, 'oracle'> {
  /** The operator itself, whose name this is too; NAME.PART for one of several outputs, NAME(INPUTS) with those given. */
  readonly line: Operator;
  readonly part: OutputOperand | undefined;
  /** What is given beside x. */
  readonly inputs: readonly InputOperand[];
  /** Of a row and, where the operator reads more, the example that goes with it. */
  readonly oracle: (row: ArrayLike<number>, parameters: Parameters) => TrueRow | number;
}

type AnyOptions = Readonly<Record<string, unknown>>;

export function viewsOf(line: Operator): View[] {
  const parts = operandsOf(line).filter(({ role }) => role === 'output') as OutputOperand[];
  const all = operandsOf(line).filter(({ role }) => role === 'input') as InputOperand[];
  const view = (part?: OutputOperand, inputs = all): View => ({
    ...line,
    line,
    part,
    inputs,
    oracle(row, parameters) {
      const elements = row instanceof Float32Array ? row : Float32Array.from(row);
      const truth = line.oracle(
        elements,
        { ...bounded(line, parameters, row.length), ...grouped(line, parameters, row.length) },
        exampleOf(line, inputs, elements, parameters),
      );
      if (typeof truth === 'number' || truth instanceof Float64Array) return truth;
      return truth[part!.name];
    },
    ...(part && {
      name: `${line.name}.${part.name}`,
      output: part.extent === 'perRow' ? 'perRow' : 'record',
      element: part.element as Element,
      bound: part.bound,
      options: Object.fromEntries(
        Object.entries(line.options).filter(([name]) => part.options?.includes(name) ?? true),
      ),
    }),
  });
  if (parts.length > 0) return parts.map((part) => view(part));
  if (line.output !== 'rows' || all.length === 0 || !all.every(({ optional }) => optional)) {
    return [view()];
  }
  const names = all.map(({ name }) => name).join(', ');
  return [view(undefined, []), { ...view(), name: `${line.name}(${names})` }];
}

/** Options that may not be more than the columns are brought down to them. */
function bounded<O extends AnyOptions>(line: Operator, options: O, cols: number): O {
  const changed: Record<string, unknown> = { ...options };
  for (const [name, rule] of Object.entries(line.options)) {
    if (rule.kind !== 'number' || rule.upTo === undefined) continue;
    const value = options[name];
    if (typeof value === 'number') changed[name] = Math.min(value, Math.max(cols, 1));
  }
  return changed as O;
}

/** Groups are of a number of rows into which the elements can be divided. */
function grouped(line: Operator, options: AnyOptions, elements: number): Record<string, number> {
  if (line.group === undefined) return {};
  const { [line.group]: asked = line.options[line.group].default } = options;
  let size = typeof asked === 'number' ? asked : 1;
  while (size > 1 && elements % size !== 0) size--;
  return { [line.group]: size };
}

/** Elements of a row's result. */
export function viewWidth(view: View, cols: number, options: AnyOptions = {}): number {
  if (view.output === 'perRow') return 1;
  const extent = view.part?.extent;
  if (view.output === 'rows' || extent === undefined || typeof extent === 'string') return cols;
  const { [extent.option]: value = view.options[extent.option].default } = options;
  return Math.min(value as number, Math.max(cols, 1));
}

/** Elements of an operand for a row of so many columns. */
function exampleWidth(
  line: Operator,
  { extent }: InputOperand,
  cols: number,
  options: AnyOptions,
): number {
  return widthOf(extent, cols, (option) => {
    const { [option]: value = line.options[option].default } = bounded(line, options, cols);
    return value as number;
  });
}

/** What a call reads beside a row with these elements. */
function exampleOf(
  line: Operator,
  inputs: readonly InputOperand[],
  row: Float32Array,
  options: AnyOptions,
): Inputs {
  const each = inputs.map((operand) => {
    const width = exampleWidth(line, operand, row.length, options);
    return [operand.name, operand.example(row, width)] as const;
  });
  return Object.fromEntries(each);
}

/** The options that a call on x needs beside those given, in the operator's own words. */
export function viewOptions(view: View, x: unknown, given: AnyOptions = {}): AnyOptions {
  const { line, part } = view;
  const options = Object.hasOwn(line.options, 'nan') ? { nan: 'masked', ...given } : given;
  const tensor = x as { data?: unknown; dims?: readonly number[] };
  const data = ArrayBuffer.isView(x) ? x : tensor.data;
  const dims = tensor.dims ?? [];
  if (line.operands === undefined || !(data instanceof Float32Array)) return options;
  const whole = ArrayBuffer.isView(x) ? data.length : (dims[dims.length - 1] ?? 1);
  const cols = (options['cols'] as number | undefined) ?? whole;
  const result: Record<string, unknown> = { ...bounded(line, options, cols) };
  const { stride, rows } = given as { stride?: number; rows?: number };
  const empty = options['cols'] === undefined ? dims.slice(0, -1).reduce((a, b) => a * b, 1) : 0;
  const found = data.length === 0 ? empty : Math.floor((data.length - cols) / (stride ?? cols)) + 1;
  const shape = { cols, stride: stride ?? cols, rows: rows ?? found };
  Object.assign(result, exampleArrays(view, data, shape, options));
  if (line.group !== undefined) {
    Object.assign(result, grouped(line, options, cols));
    // No elements and no columns asked for are one empty row, not none.
    if (cols > 0 || options['cols'] !== undefined)
      result['cols'] = cols / Number(result[line.group]);
  }
  if (part === undefined) return result;
  if (line.lists !== undefined) result[line.lists] = [part.name];
  else if (part.optional) result[part.name] = true;
  if (options['out'] !== undefined) result['out'] = { [part.name]: options['out'] };
  return result;
}

function exampleArrays(
  { line, inputs }: View,
  x: Float32Array,
  { cols, stride, rows }: { cols: number; stride: number; rows: number },
  options: AnyOptions,
): Record<string, OperandArray> {
  const arrays: Record<string, OperandArray> = {};
  for (const operand of inputs) {
    const width = exampleWidth(line, operand, cols, options);
    const isShared = operand.extent === 'perColumn';
    const count = isShared ? 1 : rows;
    const array = new kinds[operand.element].make(count * width);
    for (let r = 0; r < count; r++) {
      const row = isShared ? new Float32Array(cols) : x.subarray(r * stride, r * stride + cols);
      const value = operand.example(row, width);
      if (typeof value === 'number') array[r] = value;
      else array.set(value, r * width);
    }
    arrays[operand.name] = array;
  }
  return arrays;
}

/** The same for a plan: what it takes, and what each run of it takes beside x (nothing, or `out` as it is). */
export function viewPlan(
  view: View,
  x: Float32Array,
  options: AnyOptions,
): { planned: AnyOptions; given: unknown } {
  const { operands } = view.line;
  const { out, ...others } = viewOptions(view, x, { rows: 1, ...options });
  if (operands === undefined) return { planned: others, given: out };
  const inputs = new Set(view.inputs.map(({ name }) => name));
  const entries = Object.entries(others);
  const planned = Object.fromEntries(entries.filter(([name]) => !inputs.has(name)));
  const given = Object.fromEntries(entries.filter(([name]) => inputs.has(name)));
  return { planned, given: { ...given, ...(out !== undefined && { out }) } };
}

/** The view's output in the result of a call. */
export function viewResult(view: View, result: unknown): OutputArray {
  return (
    view.part === undefined ? result : (result as Record<string, unknown>)[view.part.name]
  ) as OutputArray;
}
