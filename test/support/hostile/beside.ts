/** Arrays that an operator reads beside x, as options of its call: made from the examples of its line, or wrong. */
import { kinds } from '../../../lib/elements';
import type { InputOperand, Inputs, Operand, Parameters } from '../../../lib/operator';
import { operandsOf } from '../../../lib/operator';
import type { Operator, OutputArray } from '../kernels/operators';
import { ARENA, Arena } from './memory';
import type { BesideRecipe } from './recipes';
import { strangers } from './values';
import { lengthOf, makeView } from './world';

export interface Grid {
  readonly rows: number;
  readonly cols: number;
  readonly stride: number;
  /** Values of the call's own options, defaults included. */
  readonly parameters: Parameters;
}

export interface Beside {
  readonly operand: InputOperand;
  readonly recipe: BesideRecipe;
  readonly given: unknown;
  readonly array: OutputArray | undefined;
  readonly arena: Arena | undefined;
  /** Its elements when they were last looked at. */
  seen: readonly number[];
}

export function inputsOf({ line }: Operator): InputOperand[] {
  return operandsOf(line).filter(({ role }) => role === 'input') as InputOperand[];
}

const ROOM = ARENA - 25;

/** Whether every element must be the index of a column. */
export function isColumns({ name }: Operand): boolean {
  return name === 'targets' || name === 'tokens';
}

/** Elements a row, or, for 'perColumn', of the whole. */
export function wide({ extent }: Operand, cols: number, parameters: Parameters): number {
  if (typeof extent === 'string') return extent === 'perRow' ? 1 : cols;
  const { [extent.option]: value } = parameters;
  // What is no number of elements will be refused.
  const count = Number.isSafeInteger(value) ? Math.min(Math.max(value as number, 0), ARENA) : 1;
  return count * (extent.of === 'rows' ? cols : 1);
}

function neededFor(operand: InputOperand, { rows, cols, parameters }: Grid): number {
  return wide(operand, cols, parameters) * (operand.extent === 'perColumn' ? 1 : rows);
}

/** `grid`: what the call makes of x, if anything. */
export function makeBeside(
  line: Operator,
  recipes: readonly BesideRecipe[],
  x: Float32Array,
  grid: Grid | undefined,
): Beside[] {
  return inputsOf(line).map((operand, i) => {
    const recipe = recipes[i];
    const nothing = {
      operand,
      recipe,
      given: undefined,
      array: undefined,
      arena: undefined,
      seen: [],
    };
    if (recipe.how === 'none') return nothing;
    if (recipe.how === 'stranger') return { ...nothing, given: strangers[recipe.stranger]() };
    const arena = new Arena(recipe.view.memory);
    const needed = Math.min(grid === undefined ? 2 : neededFor(operand, grid), ROOM);
    const by = { short: -1, long: 1 }[recipe.how as string] ?? 0;
    const length = Math.max(0, needed + by);
    const own = operand.element as 'float32' | 'int32';
    const kind = recipe.how !== 'wrong array' ? own : own === 'int32' ? 'float32' : 'int32';
    const array = makeView(arena, { ...recipe.view, from: 1, length }, kind);
    fill(operand, array, x, grid, recipe.odd);
    const given = recipe.how === 'tensor' ? { data: array, dims: [lengthOf(array)] } : array;
    return { ...nothing, given, array, arena };
  });
}

function fill(
  operand: InputOperand,
  array: OutputArray,
  x: Float32Array,
  grid: Grid | undefined,
  odd: number | null,
): void {
  const { example, element, extent } = operand;
  const length = lengthOf(array);
  const values: number[] = [];
  const { rows, cols, stride, parameters } = grid ?? {
    rows: 0,
    cols: 0,
    stride: 0,
    parameters: {},
  };
  // What is larger than the arena cannot fit, and rows of nothing have nothing.
  const count = cols > ARENA || cols === 0 ? 0 : extent === 'perColumn' ? 1 : rows;
  for (let r = 0; r < count && values.length < length; r++) {
    const row = Float32Array.from({ length: cols }, (_, c) => x[r * stride + c]);
    const value = example(row, wide(operand, cols, parameters));
    if (typeof value === 'number') values.push(value);
    else for (let i = 0; i < value.length; i++) values.push(value[i]);
  }
  for (let i = 0; i < length; i++) array[i] = values[i] ?? 0;
  if (odd !== null && element === 'int32' && length > 0) array[Math.abs(odd) % length] = odd;
}

/** Whether a call of this shape can take what is given: undefined where a stranger or a lie may be as good. */
export function fitsGrid(
  { operand, recipe, given, array }: Beside,
  grid: Grid,
): boolean | undefined {
  if (given === undefined) return operand.optional;
  if (recipe.how === 'stranger' || recipe.view.form === 'lying length') return undefined;
  // As long as its memory: what a tensor says of it may be out of date.
  if (array === undefined || !kinds[operand.element].is(array)) return false;
  // Without elements, but not without memory.
  if (lengthOf(array) === 0 && recipe.view.before !== 'nothing') return;
  if (recipe.how === 'tensor' && (recipe.view.tracking || recipe.view.before !== 'nothing')) return;
  return lengthOf(array) === neededFor(operand, grid);
}

/** What the oracle takes for a row. */
export function rowInputs(
  all: readonly Beside[],
  row: number,
  cols: number,
  parameters: Parameters,
): Inputs {
  const inputs: Record<string, ArrayLike<number> | number | undefined> = {};
  for (const { operand, array, seen } of all) {
    const { extent, name } = operand;
    const width = wide(operand, cols, parameters);
    const from = extent === 'perColumn' ? 0 : row * width;
    inputs[name] =
      array === undefined
        ? undefined
        : extent === 'perRow'
          ? seen[row]
          : Float32Array.from(seen.slice(from, from + width));
  }
  return inputs;
}
