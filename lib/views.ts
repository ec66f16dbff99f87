/**
 * The outputs of operators one at a time, each as if it were an operator of its own, with examples for what is read
 * beside x: what tests, measurements and tables go through.
 */
import type { Inputs, Operator, OutputArray, OutputOperand, Parameters } from './operator';
import type { Element, OperandArray } from './operator';
import { kinds } from './elements';
import { operandsOf } from './operator';

export interface View extends Omit<Operator, 'oracle'> {
  /** The operator itself, whose name this is too where it has one output; NAME.PART otherwise. */
  readonly line: Operator;
  readonly part: OutputOperand | undefined;
  /** Of a row and, where the operator reads more, the example that goes with it. */
  readonly oracle: (row: ArrayLike<number>, parameters: Parameters) => Float64Array | number;
}

type AnyOptions = Readonly<Record<string, unknown>>;

export function viewsOf(line: Operator): View[] {
  const parts = operandsOf(line).filter(({ role }) => role === 'output') as OutputOperand[];
  const view = (part: OutputOperand | undefined): View => ({
    ...line,
    line,
    part,
    oracle(row, parameters) {
      const elements = row instanceof Float32Array ? row : Float32Array.from(row);
      const truth = line.oracle(
        elements,
        bounded(line, parameters, row.length),
        exampleOf(line, elements),
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
  return parts.length === 0 ? [view(undefined)] : parts.map(view);
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

/** Elements of a row's result. */
export function viewWidth(view: View, cols: number, options: AnyOptions = {}): number {
  if (view.output === 'perRow') return 1;
  const extent = view.part?.extent;
  if (view.output === 'rows' || extent === undefined || typeof extent === 'string') return cols;
  const { [extent.option]: value = view.options[extent.option].default } = options;
  return Math.min(value as number, Math.max(cols, 1));
}

/** What a call reads beside a row with these elements. */
function exampleOf(line: Operator, row: Float32Array): Inputs {
  const inputs = operandsOf(line).flatMap((operand) =>
    operand.role === 'input' ? [[operand.name, operand.example(row)] as const] : [],
  );
  return Object.fromEntries(inputs);
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
  Object.assign(result, exampleArrays(line, data, cols, stride ?? cols, rows ?? found));
  if (part === undefined) return result;
  if (line.lists !== undefined) result[line.lists] = [part.name];
  else if (part.optional) result[part.name] = true;
  if (options['out'] !== undefined) result['out'] = { [part.name]: options['out'] };
  return result;
}

function exampleArrays(
  line: Operator,
  x: Float32Array,
  cols: number,
  stride: number,
  rows: number,
): Record<string, OperandArray> {
  const arrays: Record<string, OperandArray> = {};
  for (const operand of operandsOf(line)) {
    if (operand.role !== 'input') continue;
    const values: number[] = [];
    for (let r = 0; r < (operand.extent === 'perColumn' ? 1 : rows); r++) {
      const value = operand.example(x.subarray(r * stride, r * stride + cols));
      if (typeof value === 'number') values.push(value);
      else for (let i = 0; i < value.length; i++) values.push(value[i]);
    }
    const { make } = kinds[operand.element];
    const array = new make(values.length);
    values.forEach((value, i) => (array[i] = value));
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
  const inputs = new Set(operands.flatMap(({ role, name }) => (role === 'input' ? name : [])));
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
