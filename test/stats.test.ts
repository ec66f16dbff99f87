/** What only rowStats has; accuracy, special values and bits of each statistic are tested by its line of the catalogue. */
import { describe, expect, test } from '@jest/globals';
import { argMax, entropy, logSumExp, logSumExpState, plan, rowStats, topK } from '../lib/index';
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
  const k = 9;
  const together = rowStats(x, { cols: COLS, stats: all, targets, k });
  expect(Object.keys(together)).toEqual(all);
  for (const name of all) {
    const alone = rowStats(x, { cols: COLS, stats: [name], targets, k });
    expect(Object.keys(alone)).toEqual([name]);
    expectSameBits(alone[name]!, together[name]!, name);
  }
  for (let repeat = 0; repeat < 60; repeat++) {
    const stats = all.filter(() => random.chance(0.3));
    if (stats.length === 0) continue;
    const some = rowStats(x, { cols: COLS, stats, targets, k, threads: 1 + (repeat % 3) });
    for (const name of stats) expectSameBits(some[name]!, together[name]!, `${name} of ${stats}`);
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
    const options = { stats: all, targets: Int32Array.of(target), k: 70 };
    const one = rowStats(row, { ...options, threads: 1 });
    const four = rowStats(row, { ...options, threads: 4 });
    const later = await rowStatsLater(row, { ...options, threads: 2 });
    for (const name of all) {
      expectSameBits(four[name]!, one[name]!, name);
      expectSameBits(later[name]!, one[name]!, name);
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

describe('the k largest', () => {
  const stats = ['topValues', 'topIndices', 'max', 'argMax', 'secondMax'] as const;

  test.each([1, 2, 60, 1024, 1025, COLS])('%d of them are those of topK', (k) => {
    // Few values, so that many are equal, and a NaN among them.
    const row = x.map((v) => Math.round(v));
    row[5] = NaN;
    row[COLS + 4100] = NaN;
    const options = { cols: COLS, k, nan: 'masked' } as const;
    const { values, indices } = topK(row, options);
    const got = rowStats(row, { ...options, stats });
    const masked = values.map((v) => (v === -Infinity ? 1 : 0));
    expectSameBits(
      got.topValues,
      values.map((v) => v + 0),
      'values',
    );
    expectSameBits(
      got.topIndices,
      indices.map((index, i) => (masked[i] === 1 ? -1 : index)),
      'indices',
    );
    expectSameBits(
      got.max,
      got.topValues.filter((_, i) => i % k === 0),
      'max',
    );
  });

  test('masked elements are none of them, nor is anything of an empty row', () => {
    const row = Float32Array.of(-Infinity, 2, NaN, -3, -Infinity);
    const got = rowStats(row, { stats, k: 4, nan: 'masked' });
    expect(got.topValues).toEqual(Float32Array.of(2, -3, -Infinity, -Infinity));
    expect(got.topIndices).toEqual(Int32Array.of(1, 3, -1, -1));
    const none = rowStats(new Float32Array(0), { stats });
    expect(none.topValues).toEqual(Float32Array.of(-Infinity));
    expect(none.topIndices).toEqual(Int32Array.of(-1));
    expect(() => rowStats(row, { stats, k: 6, nan: 'masked' })).toThrow(
      /options\.k to be at most the number of columns \(5\), received 6/,
    );
    expect(() => rowStats(row, { stats, k: 4 })).toThrow(/no NaN.*row 0$/);
  });

  test('a zero is +0, and tensors end in k', () => {
    const data = Float32Array.of(-0, -1, 0, -2, -0, -3);
    const got = rowStats({ data, dims: [2, 3] }, { stats: ['topValues', 'count'], k: 2 });
    expect(got.topValues).toMatchObject({ dims: [2, 2], data: Float32Array.of(0, 0, -0 + 0, -2) });
    expect(got.count).toMatchObject({ dims: [2], data: Int32Array.of(3, 3) });
  });
});

describe('the sum of exponentials as a pair', () => {
  const pair = ['mantissa', 'exponent', 'offset'] as const;

  test.each([1, 0.3, 1e-4, 2 ** -100, 2 ** 90])('is that of logSumExp, T = %p', (temperature) => {
    const options = { cols: COLS, temperature };
    const { mantissa, exponent, offset } = rowStats(x, { ...options, stats: pair });
    const want = logSumExp(x, options);
    for (let r = 0; r < ROWS; r++) {
      const [m, e, o] = [mantissa[r], exponent[r], offset[r]];
      const state = logSumExpState({ temperature }).merge({ mantissa: m, exponent: e, offset: o });
      // As a float the mantissa has 2^-24 of itself, and so much the logarithm is off.
      expect(Math.abs(state.finish() - want[r])).toBeLessThan(2 ** -22 * Math.max(1, want[r]));
      expect(state.finish()).toBeCloseTo(Math.log(m) + e * Math.LN2 + o / temperature, 6);
    }
  });

  test('is merged with states and with pairs', () => {
    const options = { cols: COLS, stats: pair };
    const { mantissa, exponent, offset } = rowStats(x, options);
    const state = logSumExpState().push(x.subarray(0, COLS));
    for (let r = 1; r < ROWS; r++) {
      state.merge({ mantissa: mantissa[r], exponent: exponent[r], offset: offset[r] });
    }
    expect(state.finish()).toBeCloseTo(logSumExpState().push(x).finish(), 6);
    expect(logSumExpState().merge(state).finish()).toBe(state.finish());
  });

  test('of nothing, and of infinity', () => {
    const rows = Float32Array.of(-Infinity, -Infinity, 1, Infinity);
    const got = rowStats(rows, { cols: 2, stats: pair });
    expect(got.mantissa).toEqual(Float32Array.of(0, Infinity));
    expect(got.exponent).toEqual(Int32Array.of(0, 0));
    expect(got.offset).toEqual(Float32Array.of(0, 0));
    const merged = (i: number) =>
      logSumExpState().merge({ mantissa: got.mantissa[i], exponent: 0, offset: 0 }).finish();
    expect([merged(0), merged(1)]).toEqual([-Infinity, Infinity]);
  });

  test('logits that are too large for an exponent have an offset', () => {
    const rows = Float32Array.of(21999, 0, 22000, 0, -22000, -3e38, 3e38, 3e38);
    const got = rowStats(rows, { cols: 2, stats: pair });
    expect(got.offset).toEqual(Float32Array.of(0, 22000, -22000, 3e38));
    expect(got.exponent).toEqual(Int32Array.of(31738, 0, 0, 0));
    expect(got.mantissa[3]).toBe(2);
  });
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
