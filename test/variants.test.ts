/** What only one of the operators in the place of softmax has. */
import { describe, expect, test } from '@jest/globals';
import {
  adaptiveTemperatureSoftmax,
  entmax15,
  entropy,
  selfAdjustSoftmax,
  softmax,
  softpick,
  sparsemax,
} from '../lib/index';
import { ulpDistance } from '../lib/ulp';
import { expectSameBits } from './support/kernels/compare';
import { Random } from './support/kernels/random';

const random = new Random(2025);
const uniform = (n: number, size: number): Float32Array =>
  Float32Array.from({ length: n }, () => random.uniform(-size, size));

describe('softpick', () => {
  test('a masked element is not in the sum, one at or below 0 is', () => {
    const e = Math.E - 1;
    const [masked] = softpick(Float32Array.of(1, -Infinity, -Infinity), { epsilon: 0 });
    expect(masked).toBe(1);
    const below = softpick(Float32Array.of(1, -1, 0), { epsilon: 0 });
    expect(ulpDistance(below[0], e / (e + 1 - Math.exp(-1)))).toBeLessThan(4);
    expect(Array.from(below.subarray(1))).toEqual([0, 0]);
  });

  test('rows without anything above 0 are +0 throughout, with any epsilon', () => {
    for (const epsilon of [0, 1e-8, 1]) {
      for (const row of [[0, 0], [-0, -1], [-Infinity], [-Infinity, -3e38, -1e-40]]) {
        const y = softpick(Float32Array.from(row), { epsilon });
        expect(y.every((value) => Object.is(value, 0))).toBe(true);
      }
    }
  });

  test('epsilon is relative to the largest exponential, at every size of it', () => {
    for (const top of [1e-30, 1e-3, 1, 50, 199, 201, 1e4, 3e38]) {
      const m = Math.fround(top);
      const [got] = softpick(Float32Array.of(top), { epsilon: 0.25 });
      const one = m < 1 ? Math.expm1(m) * Math.exp(-m) : 1 - Math.exp(-m);
      expect(ulpDistance(got, one / (one + 0.25), 'subnormal')).toBeLessThan(4);
    }
  });

  test('all sizes between 0 and the shift, around each change of method', () => {
    for (const at of [-0.7, 1.1, 87, 88.8, 104, 125, 199.9, 200, 200.1, 22_700]) {
      for (let i = 0; i < 200; i++) {
        const x = uniform(9, 2).map((value, j) => at + value * 10 ** -(j % 5));
        const y = softpick(x);
        const truth = softpick.operator.oracle(x, {}, {}) as Float64Array;
        y.forEach((value, j) =>
          expect(ulpDistance(value, truth[j], 'subnormal')).toBeLessThanOrEqual(4),
        );
      }
    }
  });
});

describe('selfAdjustSoftmax', () => {
  test('both methods of the map, in both forms', () => {
    for (const size of [1e-30, 1e-7, 1, 100, 8191, 8193, 1e5, 1e30]) {
      for (const normalised of [false, true]) {
        for (let i = 0; i < 100; i++) {
          const x = uniform(1 + random.below(20), size);
          if (i % 3 === 0) x[0] = -Infinity;
          const options = { normalised, maskedRow: 'zero' } as const;
          const y = selfAdjustSoftmax(x, options);
          const truth = selfAdjustSoftmax.operator.oracle(x, options, {}) as Float64Array;
          y.forEach((value, j) => expect(ulpDistance(value, truth[j])).toBeLessThanOrEqual(4));
        }
      }
    }
  });

  test('a row of zeros gives zeros in both forms', () => {
    const zeros = Float32Array.of(0, -0, 0);
    for (const normalised of [false, true]) {
      expect(Array.from(selfAdjustSoftmax(zeros, { normalised }))).toEqual([0, 0, 0]);
    }
  });
});

describe('adaptiveTemperatureSoftmax', () => {
  const polynomial = (h: number): number =>
    -0.037 * h ** 4 + 0.481 * h ** 3 - 2.3 * h ** 2 + 4.917 * h - 1.791;

  test('rows of little or of much entropy are those of softmax, bit for bit', () => {
    const peaked = uniform(50, 1).fill(12, 3, 4);
    const flat = uniform(2000, 1);
    for (const x of [peaked, flat]) {
      expect(polynomial(entropy(x)[0])).toBeLessThan(1);
      expectSameBits(adaptiveTemperatureSoftmax(x), softmax(x, { algorithm: 'online' }), 'softmax');
    }
  });

  test('others are sharpened, by the polynomial', () => {
    for (const n of [3, 10, 100]) {
      const x = uniform(n, 2);
      const h = entropy(x)[0];
      const b = polynomial(h);
      expect(b).toBeGreaterThan(1);
      const y = adaptiveTemperatureSoftmax(x);
      const near = softmax(x, { temperature: 1 / b });
      y.forEach((value, i) => expect(Math.abs(value / near[i] - 1)).toBeLessThan(1e-4));
      expect(entropy(x.map((value) => b * value))[0]).toBeLessThan(h);
    }
  });
});

describe.each([
  ['sparsemax', sparsemax],
  ['entmax15', entmax15],
])('%s', (_, operator) => {
  test('nothing but the row counts, at every length and on either side of 0', () => {
    for (const offset of [-1000, -3, -0.5, 0, 0.5, 3]) {
      for (let n = 1; n <= 50; n++) {
        const x = uniform(n, 1).map((value) => value + offset);
        const y = operator(x);
        const truth = operator.operator.oracle(x, {}, {}) as Float64Array;
        y.forEach((value, i) => expect(Math.abs(value - truth[i])).toBeLessThan(1e-6));
      }
    }
  });
});
