/** Arrays beside x, as data and in memory, for a call past TypeScript: what the catalogue line asks for, or what it does not. */
import fc from 'fast-check';
import type { Inputs, Operand, Operator } from '../../../lib/operator';
import { operandsOf } from '../../../lib/operator';
import { extentWidth, operandLength } from '../../../lib/operands';
import type { OutputArray } from '../kernels/operators';
import { Arena } from './memory';
import { views } from './recipes';
import type { ViewRecipe } from './recipes';
import { strangerNames, strangers } from './values';
import { lengthOf, makeView, offsetOf } from './world';

export interface OperandRecipe {
  /** An array that fits; one that does not; none; a view into x's memory, or into the first operand's. */
  readonly how: 'fit' | 'short' | 'wrong type' | 'none' | 'stranger' | 'in x' | 'in the first';
  readonly view: ViewRecipe;
  readonly stranger: string;
  /** One element of an input that is no index of a column. */
  readonly odd: number | null;
}

/** What happens to the arrays once they are made: just before the call, or while it is pending. */
export const tricks = [
  ...['nothing', 'detach x', 'shrink x', 'write inputs', 'detach all', 'shrink all', 'grow all'],
  'call again',
] as const;
export type Trick = (typeof tricks)[number];

const seldom = <T>(usual: fc.Arbitrary<T>, rare: fc.Arbitrary<T>, weight: number) =>
  fc.oneof({ weight, arbitrary: usual }, { weight: 1, arbitrary: rare });

const oddTargets = fc.constantFrom(-1, 9, 70, 2 ** 31 - 1, -(2 ** 31), 1 << 24);

export const operandRecipes = fc.record({
  how: seldom(
    fc.constant('fit' as const),
    fc.constantFrom('short', 'wrong type', 'none', 'stranger', 'in x', 'in the first'),
    24,
  ),
  view: views,
  stranger: fc.constantFrom(...strangerNames),
  odd: seldom(fc.constant(null), oddTargets, 20),
}) as fc.Arbitrary<OperandRecipe>;

/** An operand as it came to be. */
export interface Placed {
  readonly operand: Operand;
  readonly given: unknown;
  /** Where it is an array of the right type. */
  readonly array: OutputArray | undefined;
  readonly arena: Arena | undefined;
}

/** The operands of a call, in the order of the line. */
export function placeOperands(
  line: Operator,
  spec: Float64Array,
  recipes: readonly OperandRecipe[],
  x: { readonly arena: Arena; readonly elements: Float32Array },
  asked: (place: number) => boolean,
): Placed[] {
  const placed: Placed[] = [];
  for (const [i, operand] of operandsOf(line).entries()) {
    const recipe = recipes[i];
    const none: Placed = { operand, given: undefined, array: undefined, arena: undefined };
    if (recipe.how === 'none' || (operand.role === 'output' && operand.optional && !asked(i))) {
      placed.push(none);
      continue;
    }
    if (recipe.how === 'stranger') {
      const given = strangers[recipe.stranger]();
      placed.push({ ...none, given });
      continue;
    }
    const own = operand.element as 'float32' | 'int32';
    const kind = recipe.how === 'wrong type' ? (own === 'int32' ? 'float32' : 'int32') : own;
    const first = placed.find(({ arena }) => arena !== undefined)?.arena;
    const shared = { 'in x': x.arena, 'in the first': first }[recipe.how as string];
    const arena = shared ?? new Arena(recipe.view.memory);
    const needed = Math.min(operandLength(line, operand, spec), 80);
    const length = recipe.how === 'short' ? Math.max(needed - 1, 0) : needed;
    const view = { ...recipe.view, from: Math.min(recipe.view.from, 96 - length), length };
    const array = makeView(arena, view, kind);
    if (shared === undefined) fillInput(line, operand, array, spec, x.elements, recipe.odd);
    placed.push({ operand, given: array, array: kind === own ? array : undefined, arena });
  }
  return placed;
}

/** The line's own examples, with an odd one among them; of an output, a mark. */
function fillInput(
  line: Operator,
  operand: Operand,
  array: OutputArray,
  spec: Float64Array,
  x: Float32Array,
  odd: number | null,
): void {
  const [rows, cols, stride] = [spec[4], spec[5], spec[6]];
  const length = lengthOf(array);
  const values: number[] = [];
  if (operand.role === 'input') {
    for (let r = 0; r < rows && values.length < length; r++) {
      const width = extentWidth(line, operand.extent, spec);
      const example = operand.example(x.subarray(r * stride, r * stride + cols), width);
      if (typeof example === 'number') values.push(example);
      else for (let i = 0; i < example.length; i++) values.push(example[i]);
    }
  }
  for (let i = 0; i < length; i++) array[i] = values[i] ?? 7;
  if (odd !== null && operand.role === 'input' && operand.element === 'int32' && length > 0) {
    array[Math.abs(odd) % length] = odd;
  }
}

/** First and last byte in the arena's buffer, of as many elements. */
export interface Span {
  readonly arena: Arena;
  readonly from: number;
  readonly to: number;
}

export function spanOf(array: OutputArray, arena: Arena, elements: number): Span {
  const from = offsetOf(array) - arena.start;
  return { arena, from, to: from + 4 * elements };
}

export function meets(a: Span, b: Span): boolean {
  const [from, to] = [Math.max(a.from, b.from), Math.min(a.to, b.to)];
  return a.arena === b.arena && from < to;
}

/** What a row has for the oracle, from the arrays as they are. */
export function inputsOf(
  placed: readonly Placed[],
  row: number,
  width: (operand: Operand) => number,
): Inputs {
  const inputs: Record<string, ArrayLike<number> | number | undefined> = {};
  for (const { operand, array } of placed) {
    if (operand.role !== 'input') continue;
    const length = width(operand);
    const from = operand.extent === 'perColumn' ? 0 : row * length;
    const element = (c: number): number => array![from + c];
    inputs[operand.name] =
      array === undefined
        ? undefined
        : operand.extent === 'perRow'
          ? array[row]
          : Float32Array.from({ length }, (_, c) => element(c));
  }
  return inputs;
}
