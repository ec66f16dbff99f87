/**
 * Whatever a call is given, it gives the oracle's answer or one of its documented errors, writes to nothing but its
 * output, and leaves the process alive: functions, plans and promises, by the lines of the catalogue.
 */
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import * as api from '../../lib';
import { native } from '../../lib/configure';
import { viewsOf } from '../../lib/views';
import { effort, say, seed } from '../helpers/effort';
import { callOf } from '../support/hostile/recipes';
import { Tally, events, later, planned, synchronous } from '../support/hostile/run';
import { operators } from '../support/kernels/operators';
import type { Operator } from '../support/kernels/operators';

const RUNS = effort(300, 8000);
const MOST_AT_ONCE = 24;

let total = 0;
afterAll(() => say(`calls: ${total} cases, seed ${seed}`));
afterEach(() => api.configure({ verify: 'off' }));

function settle(tally: Tally): void {
  tally.expectVariety();
  total += tally.total;
}

/** Outputs of one operator share its cases; softmax has more than the others. */
function runsOf({ line }: Operator): number {
  const runs = line.name === 'softmax' ? 5 * RUNS : RUNS;
  // Fewer would not have every kind of outcome among them.
  return Math.ceil(Math.max(runs / Math.sqrt(viewsOf(line).length), 200));
}

describe.each(operators)('%s', (name, line) => {
  const runs = runsOf(line);
  const recipes = callOf(line);

  test('called', () => {
    say(`${name}, called: seed ${seed}`);
    const tally = new Tally();
    const one = synchronous(line);
    fc.assert(
      fc.property(recipes, (recipe) => tally.add(one(recipe))),
      { seed, numRuns: runs },
    );
    settle(tally);
  });

  test('planned', () => {
    say(`${name}, planned: seed ${seed}`);
    const tally = new Tally();
    const one = planned(line);
    fc.assert(
      fc.property(recipes, fc.nat(5), (recipe, rows) => tally.add(one(recipe, rows))),
      { seed, numRuns: runs },
    );
    settle(tally);
  });

  test('by promises, many at once', async () => {
    say(`${name}, by promises: seed ${seed}`);
    const tally = new Tally();
    const one = later(line);
    const cases = fc.array(fc.tuple(recipes, events), { minLength: 1, maxLength: MOST_AT_ONCE });
    const property = fc.asyncProperty(cases, async (drawn) => {
      const ended = await Promise.all(drawn.map(([recipe, event]) => one(recipe, event)));
      for (const outcome of ended) tally.add(outcome);
      expect(native().pending()).toBe(0);
    });
    await fc.assert(property, { seed, numRuns: Math.ceil((2 * runs) / MOST_AT_ONCE) });
    settle(tally);
  });
});
