/** Statistics of shards, merged, beside those of the whole rows. */
import { describe, expect, test } from '@jest/globals';
import * as api from '../lib';
import type { MergeableStatistic, RowStatistics } from '../lib';
import { ulpOf } from '../lib/ulp';
import { expectError } from './helpers/errors';
import { expectSameBits } from './support/kernels/compare';
import { Random } from './support/kernels/random';

const { mergeRowStats, rowStats } = api;
type Merged = Pick<RowStatistics, MergeableStatistic>;

const about = /^(target|others|pNorm)/;
const mergeable = rowStats.operator.operands!.flatMap(({ role, name }) =>
  role === 'output' && !about.test(name) ? [name as MergeableStatistic] : [],
);
const exact = [
  ...['max', 'argMax', 'secondMax', 'min', 'topValues', 'topIndices'],
  ...['count', 'exponent', 'offset'],
];

interface Settings {
  readonly temperature?: number;
  readonly k?: number;
}

/** Columns from..to of every row. */
function columns(x: Float32Array, cols: number, from: number, to: number): Float32Array {
  const rows = x.length / cols;
  const result = new Float32Array(rows * (to - from));
  for (let r = 0; r < rows; r++) {
    result.set(x.subarray(r * cols + from, r * cols + to), r * (to - from));
  }
  return result;
}

function merged(x: Float32Array, widths: readonly number[], { k = 1, ...settings }: Settings = {}) {
  const cols = widths.reduce((a, b) => a + b);
  let from = 0;
  const shards = widths.map((width) => {
    const shard = columns(x, cols, from, (from += width));
    const options = { ...settings, cols: width, k: Math.min(k, width), nan: 'masked' } as const;
    return rowStats(shard, { ...options, stats: mergeable });
  });
  return mergeRowStats(shards as Merged[], { ...settings, k, cols: widths });
}

function whole(x: Float32Array, cols: number, settings: Settings = {}): Merged {
  return rowStats(x, { ...settings, cols, stats: mergeable, nan: 'masked' }) as Merged;
}

function expectNear(got: Merged, want: Merged, ulp: number): void {
  for (const name of mergeable) {
    if (exact.includes(name)) {
      expectSameBits(got[name], want[name], name);
      continue;
    }
    got[name].forEach((value, r) => {
      const truth = want[name][r];
      if (Object.is(value, truth)) return;
      expect(`${name} ${Math.abs(value - truth) <= ulp * ulpOf(truth)}`).toBe(`${name} true`);
    });
  }
}

test('a shard that is all masked counts for nothing, however small the others are', () => {
  const stats = ['mantissa', 'exponent', 'offset', 'entropy', 'collisionProbability'] as const;
  const masked = Float32Array.of(-Infinity, -Infinity);
  for (const [low, temperature] of [
    [Float32Array.of(-800, -801), 1],
    [Float32Array.of(-30, -30.01), 0.01],
  ] as const) {
    const whole = rowStats(low, { stats, temperature });
    const parts = [masked, low].map((x) => rowStats(x, { stats, temperature }));
    for (const order of [parts, [...parts].reverse()]) {
      const found = mergeRowStats(order, { cols: [2, 2], temperature });
      for (const name of stats) {
        const [got, want] = [found[name][0], whole[name][0]];
        expect(Math.abs(got - want)).toBeLessThanOrEqual(8 * ulpOf(want));
      }
    }
  }
});

test('what tensors gave is merged like arrays', () => {
  const stats = ['max', 'argMax', 'count', 'mean'] as const;
  const [left, right] = [Float32Array.of(1, 2, 9, 1), Float32Array.of(3, 0)];
  const tensor = (data: Float32Array, cols: number) =>
    rowStats({ data, dims: [2, cols] }, { stats }) as never;
  const want = mergeRowStats(
    [rowStats(left, { cols: 2, stats }), rowStats(right, { cols: 1, stats })],
    { cols: [2, 1] },
  );
  expect(mergeRowStats([tensor(left, 2), tensor(right, 1)], { cols: [2, 1] })).toEqual(want);
});

describe('shards of a row give what the row gives', () => {
  const random = new Random(77);
  const cuts = [[1000], [1, 999], [400, 600], [300, 1, 2, 97, 600], new Array(100).fill(10)];

  test.each(cuts.map((widths) => [widths.length, widths] as const))('%d of them', (_, widths) => {
    for (const settings of [{}, { k: 5 }, { k: 30, temperature: 0.2 }]) {
      // Around 20, so that nothing cancels.
      const x = Float32Array.from({ length: 7 * 1000 }, () => 20 + 2 * random.bell());
      expectNear(merged(x, widths, settings), whole(x, 1000, settings), 8);
    }
  });

  test('with equal elements, masks, masked shards and NaN', () => {
    for (let repeat = 0; repeat < 50; repeat++) {
      const pick = (): number => (random.chance(0.4) ? -Infinity : 4 + random.below(3));
      const x = Float32Array.from({ length: 3 * 24 }, pick);
      x.fill(-Infinity, 24, 24 + 8);
      x.fill(-Infinity, 48, 72);
      x[random.below(20)] = NaN;
      expectNear(merged(x, [8, 1, 15], { k: 11 }), whole(x, 24, { k: 11 }), 8);
    }
  });

  test('with infinity, and with logits beyond an exponent', () => {
    const x = Float32Array.of(1, Infinity, 2, 3, 3e38, 1, 2, 3, 25000, 24999, 24998.5, -3e38);
    expectNear(merged(x, [2, 2]), whole(x, 4), 8);
  });

  test('sums and means that cancel keep the error of the parts', () => {
    const x = Float32Array.from({ length: 2000 }, (_, i) => (i < 1000 ? 1 : -1) + random.bell());
    const got = merged(x, [1000, 1000]);
    const want = whole(x, 2000);
    expect(Math.abs(got.sum[0] - want.sum[0])).toBeLessThan(8 * ulpOf(1000));
    expect(Math.abs(got.mean[0] - want.mean[0])).toBeLessThan(8 * ulpOf(1));
  });

  test('a shard with nearly all of the mass leaves the entropy its digits', () => {
    const x = Float32Array.of(40, -900, 0, 1);
    expectNear(merged(x, [2, 2]), whole(x, 4), 8);
    expect(merged(x, [2, 2]).entropy[0]).toBeGreaterThan(0);
  });
});

test('no more than is there, and no rows', () => {
  const one = rowStats(Float32Array.of(1, 2), { stats: ['max'] });
  expect(mergeRowStats([one], { cols: [2] })).toEqual(one);
  const none = { max: new Float32Array(0), topValues: new Float32Array(0) };
  expect(mergeRowStats([none, none], { cols: [2, 3], k: 1 })).toEqual(none);
  expect(mergeRowStats([{}], { cols: [2] })).toEqual({});
});

describe('refuses', () => {
  const merge = mergeRowStats as (...all: unknown[]) => unknown;
  const max = Float32Array.of(1);
  const [type, shape, value] = ['TYPE', 'SHAPE', 'VALUE'].map(
    (word) => `ERR_SOFTLANE_${word}` as api.ErrorCode,
  );

  test('shards that are none, or do not fit', () => {
    const options = { cols: [2, 3] };
    for (const shards of [undefined, 1, { max }]) {
      expectError(() => merge(shards, options), TypeError, type, 'shards to be an array');
    }
    expectError(() => merge([{ max }], options), RangeError, shape, 'shards');
    expectError(() => merge([], { cols: [] }), RangeError, shape, 'shards');
    expectError(() => merge([{ max }, null], options), TypeError, type, /shards\[1\]/);
    expectError(() => merge([{ max }, {}], options), TypeError, type, /shards\[1\]\.max/);
    const two = { max: new Float32Array(2) };
    expectError(() => merge([{ max }, two], options), RangeError, shape, 'have 1 elements');
    const wrong = { max: Int32Array.of(1) };
    expectError(() => merge([wrong, wrong], options), TypeError, type, 'a Float32Array');
    const indices = { topIndices: Int32Array.of(1) };
    expectError(() => merge([indices], { cols: [1], k: 1 }), TypeError, type, 'topValues');
    const lone = { mean: max };
    expectError(() => merge([lone], { cols: [1] }), TypeError, type, 'count');
  });

  test('statistics that are not of the shards alone', () => {
    for (const name of ['pNorm', 'targetRank', 'othersLogSumExp', 'median']) {
      const shard = { [name]: max };
      const code = 'ERR_SOFTLANE_UNKNOWN_OPTION';
      expectError(() => merge([shard], { cols: [1] }), TypeError, code, name);
    }
  });

  test('top values without the k that they are of', () => {
    const stats = ['topValues', 'topIndices'] as const;
    const shard = rowStats(Float32Array.of(1, 2, 3, 4), { cols: 4, k: 2, stats });
    for (const all of [shard, { topValues: shard.topValues }]) {
      const words = 'options.k to be a number beside top';
      expectError(() => merge([all, all], { cols: [4, 4] }), TypeError, type, words);
    }
    const { topValues, topIndices } = mergeRowStats([shard, shard], { cols: [4, 4], k: 2 });
    expect([...topValues, ...topIndices]).toEqual([4, 4, 3, 7]);
  });

  test('options that are none, or out of range', () => {
    expectError(() => merge([{ max }]), TypeError, type, 'options');
    expectError(() => merge([{ max }], {}), TypeError, type, 'options.cols');
    expectError(() => merge([{ max }], { cols: [0] }), RangeError, value, 'cols');
    expectError(() => merge([{ max }], { cols: ['1'] }), TypeError, type, 'cols');
    const huge = { cols: [2 ** 30, 2 ** 30] };
    expectError(() => merge([{ max }, { max }], huge), RangeError, shape, 'options.cols');
    expectError(() => merge([{ max }], { cols: [4], k: 5 }), RangeError, value, 'options.k');
    const cold = { cols: [4], temperature: 0 };
    expectError(() => merge([{ max }], cold), RangeError, value, 'options.temperature');
    const code = 'ERR_SOFTLANE_UNKNOWN_OPTION';
    expectError(() => merge([{ max }], { cols: [4], p: 1 }), TypeError, code, 'cols');
  });
});
