/** One case of each kind of call, from its recipe to the verdict. */
import fc from 'fast-check';
import * as api from '../../../lib';
import { viewOptions, viewResult } from '../../../lib/views';
import { functionOf } from '../kernels/operators';
import type { Operator } from '../kernels/operators';
import * as promises from '../../../lib/promises';
import { expect } from '@jest/globals';
import type { Grid } from './beside';
import {
  allShapesOf,
  documentedErrors,
  expectAnswer,
  expectDocumented,
  expectUntouched,
  givenOptions,
  fateOf,
  isFaultless,
  limitsHold,
  mayWrite,
  mayWriteAt,
  groupOf,
  parametersOf,
  shapeOf,
  shapesOf,
  widthOf,
} from './judge';
import type { Shape } from './judge';
import type { CallRecipe, Mischief } from './recipes';
import { World, lengthOf } from './world';

type Any = (...args: unknown[]) => unknown;

/** How often each outcome came, so that nobody believes in cases that all fail at the first check. */
export class Tally {
  readonly counts = new Map<string, number>();
  add(outcome: string): void {
    this.counts.set(outcome, (this.counts.get(outcome) ?? 0) + 1);
  }
  get total(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
  }
  /** Enough answers, enough errors, and errors of many kinds. */
  expectVariety(): void {
    const answers = this.counts.get('answer') ?? 0;
    // The more arrays an operator takes, the more of them may be wrong.
    expect(answers).toBeGreaterThan(this.total / 30);
    expect(answers).toBeLessThan(this.total * 0.9);
    expect(this.counts.size).toBeGreaterThan(6);
  }
}

function worldOf(
  line: Operator,
  recipe: CallRecipe,
  kind?: World['kind'],
  extra?: (world: World) => Record<string, unknown>,
  gridOf = (made: World): Grid | undefined => shapeOf(made, lengthOf(made.array)),
): World {
  const usual = viewOptions(line, FOUR, { cols: FOUR.length });
  const call = (): string => String(viewResult(line, functionOf(line)(FOUR, usual)));
  const want = call();
  const again = (): void => {
    if (call() !== want) throw new Error('a call within a call is wrong');
  };
  const world = new World(line, recipe, again, kind, extra, gridOf);
  api.configure({ verify: recipe.options.mischief === 'verify' ? 'always' : 'off' });
  return world;
}

const FOUR = Float32Array.of(1, 2, 3, 4);

export function synchronous(line: Operator): (recipe: CallRecipe) => string {
  const call = (api as unknown as Record<string, Any>)[line.line.name];
  const documented = documentedErrors(line.family, line.line.name);
  return (recipe) => {
    const world = worldOf(line, recipe);
    let result: unknown;
    try {
      result = world.within(() => call(world.x, world.options));
    } catch (error) {
      if (isFaultless(world)) throw new Error('expected no refusal', { cause: error });
      const code = expectDocumented(error, documented);
      expectUntouched(world, mayWriteAt(error, world, allShapesOf(world)));
      return code;
    }
    expectAnswer(world, result);
    expectUntouched(world, mayWrite(world, shapesOf(world)));
    return 'answer';
  };
}

export function planned(line: Operator): (recipe: CallRecipe, rows: number) => string {
  const make = api.plan as unknown as (...args: unknown[]) => { run: Any };
  const documented = new Map([
    ...documentedErrors('plan', 'plan'),
    ...documentedErrors('plan', 'run'),
  ]);
  return (recipe, rows) => {
    const shapeFor = (made: World): Shape => {
      const given = givenOptions(made);
      const asked = given['cols'] ?? 3;
      const cols = typeof asked === 'number' ? asked * groupOf(made) : (asked as number);
      const stride = (given['stride'] ?? cols) as number;
      const wide = (given['outStride'] ?? cols) as number;
      const outStride = line.output === 'rows' ? wide : widthOf(made, cols);
      return { rows, cols, stride, outStride, parameters: parametersOf(made) };
    };
    const extra = ({ recipe: { options } }: World): Record<string, unknown> => ({
      rows,
      ...('cols' in options.values ? {} : { cols: 3 }),
    });
    const world = worldOf(line, recipe, 'planned', extra, (made) => {
      const shape = shapeFor(made);
      const sizes = [shape.cols, shape.stride];
      return sizes.every((n) => Number.isSafeInteger(n) && n >= 0) ? shape : undefined;
    });
    const shape = shapeFor(world);
    const { cols, stride } = shape;
    let result: unknown;
    try {
      const step = world.within(() => make(line.line.name, world.options));
      const arrays = Object.fromEntries(world.besideOptions);
      if (recipe.out.to !== 'none') arrays['out'] = world.outOption;
      result = step.run(world.x, line.line.operands === undefined ? world.out : arrays);
    } catch (error) {
      const code = expectDocumented(error, documented);
      expectUntouched(world, mayWriteAt(error, world, [shape]));
      return code;
    }
    const needed = rows === 0 || cols === 0 ? 0 : (rows - 1) * stride + cols;
    if (lengthOf(world.array) < needed || world.gone)
      throw new Error('expected a refusal of too short an input');
    if (!limitsHold(world, cols) || fateOf(world, shape) === 'refusal')
      throw new Error('expected a refusal of what is beside the input');
    expectAnswer(world, result, [shape]);
    expectUntouched(world, mayWrite(world, [shape]));
    return 'answer';
  };
}

/** What happens while a promise is pending. */
export interface Event {
  readonly abort: 'never' | 'before' | 'at once' | 'later';
  readonly mischief: Mischief;
  /** Turns of the event loop before the mischief, and before the abort. */
  readonly turns: number;
}

const harmless: Mischief[] = [
  ...(['nothing', 'detach x', 'shrink x', 'grow x', 'write x'] as const),
  ...(['write beside', 'detach beside', 'shrink beside'] as const),
];

export const events: fc.Arbitrary<Event> = fc.record({
  abort: fc.oneof(
    { weight: 3, arbitrary: fc.constant('never' as const) },
    { weight: 1, arbitrary: fc.constantFrom('before', 'at once', 'later') },
  ),
  mischief: fc.constantFrom(...harmless, 'detach out', 'shrink out', 'grow out'),
  turns: fc.nat(2),
}) as fc.Arbitrary<Event>;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Starts a call and what happens to it, and gives the verdict when it has settled. */
export function later(line: Operator): (recipe: CallRecipe, event: Event) => Promise<string> {
  const call = (promises as unknown as Record<string, Any>)[line.line.name] as (
    ...args: unknown[]
  ) => Promise<unknown>;
  const documented = documentedErrors(line.family, line.line.name);
  return async (recipe, event) => {
    const world = worldOf(line, recipe, 'awaited', (made) =>
      event.abort === 'never' ? {} : { signal: made.abort.signal },
    );
    const reason = { on: 'purpose' };
    if (event.abort === 'before') world.abort.abort(reason);
    const promise = world.within(() => call(world.x, world.options));
    // From here on the input is as the call saw it, whatever happens to the array.
    const { elements } = world;
    const seen = world.beside.map((each) => each.seen);
    const all = allShapesOf(world);
    const shapes = shapesOf(world);
    const harm = recipe.out.to === 'x' ? /out|detach|shrink/ : /out/;
    // The same WebAssembly memory serves many calls, and any of them may make it grow.
    const stays = world.outArena.kind !== 'wasm' && !harm.test(event.mischief);
    const faultless = stays && isFaultless(world, shapes);
    // Looked at when it settles, and no later: then it is the caller's again.
    const outcome = promise.then(
      (result) => {
        world.elements = elements;
        world.beside.forEach((each, i) => (each.seen = seen[i]));
        expectAnswer(world, result, shapes);
        expectUntouched(world, mayWrite(world, shapes));
        return 'answer';
      },
      (error: unknown) => {
        if (error !== reason || event.abort === 'never') {
          if (faultless) throw new Error('expected no refusal', { cause: error });
          const code = expectDocumented(error, documented);
          expectUntouched(world, mayWriteAt(error, world, all));
          return code;
        }
        // A row to be refused may have come after others.
        expectUntouched(world, mayWrite(world, all));
        return 'aborted';
      },
    );
    if (event.abort === 'at once') world.abort.abort(reason);
    for (let i = 0; i < event.turns; i++) await turn();
    // Shared memory of fixed length is to be left alone until the promise settles.
    if (!(event.mischief === 'write x' && world.arena.isFixedShared))
      world.mischief(event.mischief);
    if (event.abort === 'later') world.abort.abort(reason);
    return outcome;
  };
}
