/** What only groups of rows have; accuracy, special values and bits are tested by the line of the catalogue. */
import { describe, expect, test } from '@jest/globals';
import { configure, ensembleStats, entropy, plan, softmax } from '../lib/index';
import { ensembleStats as later } from '../lib/promises';
import { ulpDistance } from '../lib/ulp';
import { expectSameBits } from './support/kernels/compare';
import { Random } from './support/kernels/random';

const all = [
  ...['predictiveEntropy', 'expectedEntropy', 'mutualInformation', 'variationRatio', 'agreement'],
] as unknown as readonly ['predictiveEntropy', 'expectedEntropy', 'mutualInformation'];

function logits(n: number, size = 3): Float32Array {
  const random = new Random(n);
  return Float32Array.from({ length: n }, () => size * random.bell());
}

describe('by the operators that write rows', () => {
  test.each([
    [1, 7],
    [2, 3],
    [5, 10],
    [10, 1000],
    [3, 9001],
  ])('%d members of %d columns', (members, cols) => {
    const x = logits(2 * members * cols);
    const got = ensembleStats(x, { cols, members, stats: all, temperature: 2 });
    const p = softmax(x, { cols, temperature: 2 });
    const own = entropy(x, { cols, temperature: 2 });
    for (let g = 0; g < 2; g++) {
      const mean = new Float64Array(cols);
      for (let k = 0; k < members; k++) {
        for (let i = 0; i < cols; i++) mean[i] += p[(g * members + k) * cols + i] / members;
      }
      const whole = mean.reduce((sum, q) => sum - q * Math.log(q), 0);
      const each = own.subarray(g * members, (g + 1) * members).reduce((a, b) => a + b) / members;
      expect(got.predictiveEntropy[g]).toBeCloseTo(whole, 5);
      expect(got.expectedEntropy[g]).toBeCloseTo(each, 5);
      expect(got.mutualInformation[g]).toBeCloseTo(whole - each, 5);
    }
  });
});

test('a statistic has the same bits alone and in any company', () => {
  // Alike in some columns, far apart in others, and with a peak in another block.
  const [members, cols] = [5, 9001];
  const own = logits(members * cols, 0.1);
  const x = own.map((v, i) => v + ((i % cols) % 40 < 20 ? 0 : 60 * own[(7 * i) % own.length]));
  x[3 * cols + 8500] = 99;
  const together = ensembleStats(x, { cols, members, stats: all });
  for (let chosen = 1; chosen < 32; chosen++) {
    const stats = all.filter((_, i) => chosen & (1 << i));
    const some = ensembleStats(x, { cols, members, stats });
    expect(Object.keys(some)).toEqual(stats);
    for (const name of stats) expectSameBits(some[name]!, together[name], `${name} of ${stats}`);
  }
});

test('members that nearly agree keep the digits of their difference', () => {
  const x = logits(100);
  const random = new Random(5);
  const members = 4;
  for (const size of [1e-1, 1e-3, 1e-4]) {
    const near = Float32Array.from(
      { length: members * x.length },
      (_, i) => x[i % x.length] + size * random.uniform(-1, 1),
    );
    const stats = ['mutualInformation', 'expectedEntropy'] as const;
    const got = ensembleStats(near, { cols: x.length, members, stats }).mutualInformation[0];
    const want = ensembleStats.operator.oracle(near, { members }, {}) as Record<string, number>;
    expect(Math.abs(got / want['mutualInformation'] - 1)).toBeLessThan(1e-5);
    expect(got).toBeLessThan(size * size);
    expect(got).toBeGreaterThan(size * size * 0.01);
  }
});

test('members that agree on nothing keep the digits of how little', () => {
  const x = Float32Array.of(
    36.332454681396484,
    -51.221778869628906,
    -59.92934036254883,
    16.28930473,
  );
  const { agreement } = ensembleStats(x, { cols: 2, members: 2, stats: ['agreement'] });
  const [a, b, c, d] = x;
  const truth = Math.exp(c - d) + Math.exp(b - a);
  expect(ulpDistance(agreement[0], truth, 'subnormal')).toBeLessThan(2);
});

describe('in so many words', () => {
  const members = 2;
  const sure = [0, -200];
  const other = [-200, 0];
  const of = (x: number[]) => {
    const got = ensembleStats(Float32Array.from(x), { cols: 2, members, stats: all });
    return Object.fromEntries(Object.entries(got).map(([name, values]) => [name, values[0]]));
  };

  test('two that are sure of the same, and of different columns', () => {
    expect(of([...sure, ...sure])).toMatchObject({ mutualInformation: 0, variationRatio: 0 });
    expect(of([...sure, ...sure])['agreement']).toBe(1);
    const apart = of([...sure, ...other]);
    expect(apart['mutualInformation']).toBeCloseTo(Math.LN2, 6);
    expect(apart['predictiveEntropy']).toBeCloseTo(Math.LN2, 6);
    expect(apart['variationRatio']).toBe(0.5);
    expect(apart['agreement']).toBe(0);
  });

  test('masked columns, and rows without a distribution', () => {
    expect(of([0, -Infinity, 0, -Infinity])).toMatchObject({
      predictiveEntropy: 0,
      mutualInformation: 0,
      agreement: 1,
    });
    expect(of([0, -Infinity, -Infinity, 0])['mutualInformation']).toBeCloseTo(Math.LN2, 6);
    for (const bad of [NaN, Infinity]) expect(of([0, 1, 0, bad])['agreement']).toBeNaN();
    expect(of([-Infinity, -Infinity, 0, 1])['variationRatio']).toBeNaN();
  });
});

describe('shapes', () => {
  const stats = ['agreement'] as const;
  const x = logits(24);
  const want = ensembleStats(x, { cols: 4, members: 3, stats }).agreement;

  test('an array, with gaps, as a tensor, by a plan and a promise', async () => {
    expect(want).toHaveLength(2);
    const gaps = new Float32Array(30);
    gaps.set(x.subarray(0, 12));
    gaps.set(x.subarray(12), 15);
    const options = { cols: 4, members: 3, stats };
    expect(ensembleStats(gaps, { ...options, stride: 15 }).agreement).toEqual(want);
    const tensor = { data: x, dims: [2, 1, 3, 4] };
    const { agreement } = ensembleStats(tensor, { members: 3, stats });
    expect(agreement).toMatchObject({ data: want, dims: [2, 1] });
    const step = plan('ensembleStats', { rows: 2, ...options });
    expect({ cols: step.cols, inputLength: step.inputLength }).toEqual({
      cols: 4,
      inputLength: 24,
    });
    const out = { agreement: new Float32Array(2) };
    step.run(x, { out });
    expect(out.agreement).toEqual(want);
    expect((await later(x, options)).agreement).toEqual(want);
  });

  test('that do not fit are refused in the words of the options', () => {
    expect(() => ensembleStats(x, { cols: 5, members: 2, stats })).toThrow(
      /multiple of options.cols times options.members \(5 times 2\)/,
    );
    expect(() => ensembleStats(x, { cols: 4, members: 3, stride: 8, stats })).toThrow(
      /stride.*at least options.cols times options.members \(4 times 3\)/,
    );
    const tensor = { data: x, dims: [2, 3, 4] };
    expect(() => ensembleStats(tensor, { members: 4, stats })).toThrow(/groups of 4 rows.*6 rows/);
    expect(() => ensembleStats(x, { members: 2, stats })).toThrow(/groups of 2 rows.*1 row$/);
    expect(() => ensembleStats(x, { cols: 4, members: 1.5, stats })).toThrow(/whole number/);
  });

  test('a group is one row by default', () => {
    const each = ensembleStats(x, { cols: 4, stats: all }) as Record<string, Float32Array>;
    expect(each).toEqual(ensembleStats(x, { cols: 4, members: 1, stats: all }));
    const zeros = new Float32Array(6);
    expect(each['expectedEntropy']).toEqual(entropy(x, { cols: 4 }));
    expect(each).toMatchObject({ mutualInformation: zeros, variationRatio: zeros });
    expect(each['agreement']).toEqual(zeros.map(() => 1));
  });

  test('by dims, and along an axis, are those of rows alone', () => {
    const dims = [2, 3, 4];
    const words = /options.members to be 1 beside options.axis, options.dims and options.window/;
    for (const other of [{ dims }, { dims, axis: -1 }, { dims, window: { kernel: 2 } }]) {
      expect(() => ensembleStats(x, { members: 3, stats, ...other })).toThrow(words);
      expect(() => ensembleStats(x, { stats, ...other })).not.toThrow();
    }
    const tensor = { data: x, dims };
    expect(() => ensembleStats(tensor, { members: 3, axis: -1, stats })).toThrow(words);
  });

  test('verify mode looks at whole groups', () => {
    configure({ verify: 'always' });
    try {
      expect(ensembleStats(x, { cols: 4, members: 3, stats }).agreement).toEqual(want);
    } finally {
      configure({ verify: 'off' });
    }
  });
});
