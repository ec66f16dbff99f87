/** What only rowStats has; accuracy, special values and bits of each statistic are tested by its line of the catalogue. */
import { describe, expect, test } from '@jest/globals';
import { argMax, entropy, plan, rowStats } from '../lib/index';
import { rowStats as rowStatsLater } from '../lib/promises';
import type { Statistic } from '../lib/stats';
import { expectSameBits } from './support/kernels/compare';
import { Random } from './support/kernels/random';

const COLS = 9001;
const ROWS = 5;
const random = new Random(66);
const x = Float32Array.from({ length: ROWS * COLS }, () => 4 * random.bell());
const targets = Int32Array.from({ length: ROWS }, () => random.below(COLS));
const all = rowStats.operator.operands!.flatMap(({ role, name }) =>
  role === 'output' ? [name as Statistic] : [],
);

test('a statistic has the same bits alone and in any company', () => {
  const together = rowStats(x, { cols: COLS, stats: all, targets });
  expect(Object.keys(together)).toEqual(all);
  for (const name of all) {
    const alone = rowStats(x, { cols: COLS, stats: [name], targets });
    expect(Object.keys(alone)).toEqual([name]);
    expectSameBits(alone[name], together[name], name);
  }
  for (let repeat = 0; repeat < 60; repeat++) {
    const stats = all.filter(() => random.chance(0.3));
    if (stats.length === 0) continue;
    const some = rowStats(x, { cols: COLS, stats, targets, threads: 1 + (repeat % 3) });
    for (const name of stats) expectSameBits(some[name], together[name], `${name} of ${stats}`);
  }
});

test('those that are operators too have their bits', () => {
  const options = { cols: COLS, temperature: 0.7 };
  const stats = rowStats(x, { ...options, stats: ['entropy', 'argMax'] });
  expectSameBits(stats.entropy, entropy(x, options), 'entropy');
  expectSameBits(stats.argMax, argMax(x, { cols: COLS }), 'argMax');
});

test('a long row in ranges, by several threads, with the target anywhere', async () => {
  const n = 2 ** 20 + 77;
  const row = Float32Array.from({ length: n }, () => 4 * random.bell());
  for (const target of [0, 4095, 4096, 500_000, n - 1]) {
    const options = { stats: all, targets: Int32Array.of(target) };
    const one = rowStats(row, { ...options, threads: 1 });
    const four = rowStats(row, { ...options, threads: 4 });
    const later = await rowStatsLater(row, { ...options, threads: 2 });
    for (const name of all) {
      expectSameBits(four[name], one[name], name);
      expectSameBits(later[name], one[name], name);
    }
  }
});

test('the rank is the place in the sorted row, ties in their order', () => {
  const values = Array.from({ length: 300 }, () => random.below(40));
  const order = values.map((_, i) => i).sort((a, b) => values[b] - values[a] || a - b);
  for (let i = 0; i < values.length; i++) {
    const options = { stats: ['targetRank'] as const, targets: Int32Array.of(i) };
    expect(rowStats(Float32Array.from(values), options).targetRank[0]).toBe(order.indexOf(i));
  }
});

describe('what is wrong gets one clear error', () => {
  const bad = x.slice();
  bad[3 * COLS + 5000] = NaN;
  bad[4 * COLS] = NaN;

  test('a NaN names its row, and is masked on request', () => {
    const stats = ['mean', 'entropy', 'max'] as const;
    expect(() => rowStats(bad, { cols: COLS, stats })).toThrow(/no NaN.*received one in row 3$/);
    const masked = rowStats(bad, { cols: COLS, stats, nan: 'masked' });
    const want = x.slice();
    want[3 * COLS + 5000] = -Infinity;
    want[4 * COLS] = -Infinity;
    const clean = rowStats(want, { cols: COLS, stats });
    for (const name of stats) expectSameBits(masked[name], clean[name], name);
  });

  test.each([-1, COLS, -(2 ** 31), 2 ** 31 - 1])('a target of %d names its row', (target) => {
    const wrong = targets.slice();
    wrong[2] = target;
    const options = { cols: COLS, stats: ['targetLogit'] as const, targets: wrong };
    expect(() => rowStats(x, options)).toThrow(
      /options\.targets to have only indices of columns, from 0 to \d+, received -?\d+ for row 2$/,
    );
  });

  test('a target that is missing, a name that is none, and nothing at all', () => {
    const call = rowStats as (x: Float32Array, options?: object) => unknown;
    expect(() => call(x, { stats: ['targetRank'] })).toThrow(/options.targets.*targetRank/);
    expect(() => call(x, { stats: ['median'] })).toThrow(/options.stats.*max, .*received "median"/);
    expect(() => call(x, { stats: 'max' })).toThrow(/options.stats.*array/);
    expect(() => call(x, { max: true })).toThrow(/options to have only/);
    expect(() => call(x, {})).toThrow(/options.stats/);
    expect(() => call(x)).toThrow(/options.stats/);
    expect(() => call(x, { stats: [] })).toThrow(/options.stats/);
  });
});

test('arrays of the caller, and a plan', () => {
  const max = new Float32Array(ROWS);
  const got = rowStats(x, { cols: COLS, stats: ['argMax'], out: { max } });
  expect(got.max).toBe(max);
  const want = rowStats(x, { cols: COLS, stats: ['max', 'argMax'] });
  expect(got).toEqual(want);
  const planned = plan('rowStats', { rows: ROWS, cols: COLS, stats: ['max', 'targetRank'] });
  const run = planned.run(x, { targets, out: { max } });
  expect(run.max).toBe(max);
  expect(run.targetRank).toEqual(
    rowStats(x, { cols: COLS, stats: ['targetRank'], targets }).targetRank,
  );
});
