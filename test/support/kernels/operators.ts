/** What the catalogue says there is to test: every operator, in every way that it can be asked for. */
import * as softlane from '../../../lib/index';
import type { OutputArray, ParameterValue, Parameters, TrueRow } from '../../../lib/operator';
import * as promises from '../../../lib/promises';
import { viewOptions, viewPlan, viewResult, viewWidth, viewsOf } from '../../../lib/views';
import type { View } from '../../../lib/views';
import { slow } from '../../helpers/effort';

/** One output of an operator: the operator itself, where it has one. */
export type Operator = View;
export type { OutputArray, Parameters };
export type Options = Record<string, unknown>;
/** True values, and their sizes where they have any. */
export type TrueArray = ArrayLike<number> & Pick<TrueRow, 'sizes'>;
type Function = (x: Float32Array, options?: Options) => OutputArray;

export const { catalogue } = softlane;

/** Every output of every line as a pair for describe.each. */
export const operators: readonly [string, Operator][] = catalogue
  .flatMap(viewsOf)
  .map((view) => [view.name, view]);

/** How many operators together see a whole list of cases at every `npm test`: what all see stays about three lists. */
const SHARES = Math.max(8, Math.ceil(operators.length / 3));

/**
 * The cases of a list that an operator gets at every `npm test`: of its neighbours each gets others, and softmax gets half
 * of them. The slow job gives all of them to all.
 */
export function share<T>(view: Operator, cases: readonly T[]): readonly T[] {
  const own = cases.filter((_, i) => isShare(view, i));
  return own.length > 0 || cases.length === 0 ? own : [cases[placeOf(view) % cases.length]];
}

/** Whether the i-th of many cases is among them. */
export function isShare(view: Operator, i: number): boolean {
  if (slow) return true;
  return view.name === 'softmax' ? i % 2 === 0 : (i - placeOf(view)) % SHARES === 0;
}

function placeOf(view: Operator): number {
  return operators.findIndex(([name]) => name === view.name);
}

/** The instruction sets of this machine, best first. */
export const isas: readonly string[] = softlane
  .capabilities()
  .isas.filter((isa) => isa.supported)
  .map((isa) => isa.name);
export const bestIsa = isas[0];

/** The public function of an operator. */
export function functionOf({ line }: Operator): Function {
  return (softlane as unknown as Record<string, Function>)[line.name];
}

/** What goes with the last rows of one operator: the same ones are tried on every instruction set. */
const examples = { of: '', all: [] as { x: Buffer; asked: string; given: Options }[] };
const MOST_EXAMPLES = 64;

/** The options of a call, with examples for whatever else the operator reads. */
function exampleOptions(view: Operator, x: Float32Array, options: Options): Options {
  const { out, isa, threads, ...rest } = options;
  const isPlain = Object.values(rest).every((value) => typeof value !== 'object');
  if (view.inputs.length === 0 || !isPlain || !ArrayBuffer.isView(x)) {
    return viewOptions(view, x, options);
  }
  const asked = Object.entries(rest).join();
  const bytes = Buffer.from(x.buffer, x.byteOffset, x.byteLength);
  if (examples.of !== view.name) Object.assign(examples, { of: view.name, all: [] });
  let found = examples.all.find((one) => one.asked === asked && one.x.equals(bytes));
  if (found === undefined) {
    found = { x: Buffer.from(bytes), asked, given: viewOptions(view, x, rest) };
    examples.all = [found, ...examples.all.slice(0, MOST_EXAMPLES - 1)];
  }
  const { part } = view;
  return {
    ...found.given,
    ...(isa !== undefined && { isa }),
    ...(threads !== undefined && { threads }),
    ...(out !== undefined && { out: part === undefined ? out : { [part.name]: out } }),
  };
}

/** One output of a call. */
export function call(view: Operator, x: Float32Array, options: Options): OutputArray {
  return viewResult(view, functionOf(view)(x, exampleOptions(view, x, options)));
}

/** The same by the function with a promise. */
export async function callLater(
  view: Operator,
  x: Float32Array,
  options: Options,
): Promise<OutputArray> {
  const later = (promises as unknown as Record<string, (...all: unknown[]) => Promise<unknown>>)[
    view.line.name
  ];
  return viewResult(view, await later(x, exampleOptions(view, x, options)));
}

export function findOperator(name: string): Operator {
  const found = operators.find(([other]) => other === name);
  if (found === undefined) throw new Error(`expected the catalogue to have ${name}`);
  return found[1];
}

/** The same by a plan; `options` has `cols` and may have `rows`, `y` is where the result goes. */
export function planRun(
  view: Operator,
  x: Float32Array,
  options: Options,
  y?: OutputArray,
): OutputArray {
  const plan = softlane.plan as unknown as (
    name: string,
    options: Options,
  ) => { run(x: Float32Array, arrays?: unknown): unknown };
  const { planned, given } = viewPlan(view, x, { ...options, ...(y && { out: y }) });
  return viewResult(view, plan(view.line.name, planned).run(x, given));
}

/** The ways to the same result: `algorithm` by convention. One that says nothing where there is no such option. */
export function algorithmsOf(line: Pick<Operator, 'options'>): Options[] {
  const rule = line.options['algorithm'];
  return rule?.kind === 'choice' ? rule.values.map((algorithm) => ({ algorithm })) : [{}];
}

/** Numbers that any option may be tried with, as far as its own check lets them pass. */
const ORDINARY = [0.1, 0.25, 0.7, 1.3, 1.9780299663543701, 3, 10];
const EXTREME = [1e-2, 1e-6, 1e-20, 2 ** -100, 1e3, 1e5, 1e20, 2 ** 100];

/** `algorithm` has ways of its own; a call that throws for a NaN has no result to look at (views.ts). */
const APART = ['algorithm', 'nan'];

interface Choice {
  /** All values of the choices, or the defaults only. */
  choices?: 'all' | 'default';
  /** Numbers to try for options that are numbers; the default is always among them. */
  numbers?: readonly number[];
}

/**
 * Sets of values for the options that change the result, the defaults first. Choices are combined with each other;
 * numbers are varied one at a time.
 */
export function parameterSets(line: Operator, { choices, numbers }: Choice = {}): Parameters[] {
  const defaults: Record<string, ParameterValue> = {};
  for (const [name, rule] of Object.entries(line.options)) {
    if (!APART.includes(name)) defaults[name] = rule.default;
  }
  let sets = [defaults];
  for (const [name, rule] of Object.entries(line.options)) {
    if (APART.includes(name)) continue;
    if (rule.kind === 'choice' && choices === 'all') {
      const values = [rule.default, ...rule.values.filter((value) => value !== rule.default)];
      sets = sets.flatMap((set) => values.map((value) => ({ ...set, [name]: value })));
    }
  }
  for (const [name, rule] of Object.entries(line.options)) {
    if (rule.kind !== 'number') continue;
    const values = (numbers ?? []).filter((value) => rule.check(value) && value !== rule.default);
    sets.push(...values.map((value) => ({ ...defaults, [name]: value })));
  }
  return sets;
}

/** Sets of parameters with numbers of all sizes that an option takes. */
export function numberSets(line: Operator): Parameters[] {
  return parameterSets(line, { numbers: [...ORDINARY, ...EXTREME] });
}

/** The size of an operator's usual inputs: the temperature, or a number that is not 1 among its parameters. */
export function unitOf(parameters: Parameters): number {
  const { temperature } = parameters;
  if (typeof temperature === 'number') return temperature;
  const numbers = Object.values(parameters).filter((value) => typeof value === 'number');
  return numbers.find((value) => value !== 1) ?? 1;
}

export function describeOptions(options: Options | Parameters): string {
  const parts = Object.entries(options).map(([name, value]) => `${name} ${String(value)}`);
  return parts.join(', ') || 'no options';
}

/** The float64 truth of one row, as an array in either case. */
export function truthOf(line: Operator, row: Float32Array, parameters: Parameters): TrueArray {
  const truth = line.oracle(row, parameters);
  return typeof truth === 'number' ? [truth] : truth;
}

/** Elements of a row's result. */
export function outputCols(line: Operator, cols: number): number {
  return viewWidth(line, cols);
}
