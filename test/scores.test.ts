/** What only scores have; accuracy, special values and bits are tested by their lines of the catalogue. */
import { describe, expect, test } from '@jest/globals';
import {
  energy,
  entropy,
  leastConfidence,
  logSumExp,
  margin,
  maxLogit,
  maxLogitPNorm,
  maxProbability,
  softmax,
} from '../lib/index';
import { ulpDistance } from '../lib/ulp';
import { Random } from './support/kernels/random';

function near(got: number, truth: number, ulp: number): void {
  expect({ got, truth, off: ulpDistance(got, truth, 'subnormal') <= ulp }).toEqual({
    got,
    truth,
    off: true,
  });
}

describe('a row that is sure keeps the digits of its doubt', () => {
  test.each([1, 5, 20, 60, 87, 100])('two elements that are %d apart', (gap) => {
    const x = Float32Array.of(-gap, 0);
    const rest = Math.exp(-gap);
    near(leastConfidence(x)[0], rest / (1 + rest), 4);
    near(entropy(x)[0], Math.log1p(rest) + (gap * rest) / (1 + rest), 4);
    // 1 - p from the probabilities themselves has nothing left.
    if (gap > 20) expect(1 - softmax(x)[1]).toBe(0);
  });

  test('many elements that are next to nothing each', () => {
    const n = 2 ** 20;
    const x = new Float32Array(n).fill(-98);
    x[n >> 1] = 0;
    const rest = (n - 1) * Math.exp(-98);
    near(leastConfidence(x)[0], rest, 4);
    near(entropy(x)[0], rest * 99, 4);
    near(maxProbability(x)[0], 1, 0);
  });

  test('masked elements are nothing at all, however many', () => {
    const x = new Float32Array(2 ** 20).fill(-Infinity);
    x[77_777] = 3;
    expect(entropy(x)[0]).toBe(0);
    expect(leastConfidence(x)[0]).toBe(0);
    x[5] = -200;
    expect(leastConfidence(x)[0]).toBe(0);
  });
});

test('elements at the top count one each, wherever they are', () => {
  for (const n of [2, 17, 5000]) {
    for (const ties of [2, 3, 50]) {
      const x = new Float32Array(n * ties).fill(-Infinity);
      for (let i = 0; i < ties; i++) x[i * n + ((i * 7) % n)] = 2.5;
      near(entropy(x)[0], Math.log(ties), 4);
      near(maxProbability(x)[0], 1 / ties, 4);
      expect(margin(x)[0]).toBe(0);
    }
  }
});

test('scores agree with the operators that write the row', () => {
  const random = new Random(6);
  for (const cols of [1, 10, 1000, 9001]) {
    const x = Float32Array.from({ length: cols }, () => 4 * random.bell());
    for (const temperature of [0.25, 1, 3]) {
      const p = Array.from(softmax(x, { temperature })).sort((a, b) => b - a);
      const options = { temperature };
      near(maxProbability(x, options)[0], p[0], 8);
      expect(margin(x, options)[0]).toBeCloseTo(p[0] - (p[1] ?? 0), 6);
      near(energy(x, options)[0], -temperature * logSumExp(x, options)[0], 8);
      expect(maxLogit(x)[0]).toBe(Math.max(...x));
    }
  }
});

describe('maxLogitPNorm', () => {
  test.each([2 ** -40, 1, 2 ** 80])('does not depend on a power of two, %d', (scale) => {
    const random = new Random(9);
    const x = Float32Array.from({ length: 300 }, () => random.bell());
    for (const p of [1, 2, 5, 32]) {
      const plain = maxLogitPNorm(x, { p });
      expect(
        maxLogitPNorm(
          x.map((v) => v * scale),
          { p },
        ),
      ).toEqual(plain);
    }
  });

  test('the norms of one row, by hand', () => {
    const x = Float32Array.of(3, -1, 4, -6);
    const by = (p: number): number => maxLogitPNorm(x, { p, centre: 'none' })[0];
    near(by(1), 4 / 14, 4);
    near(by(2), 4 / Math.sqrt(62), 4);
    near(by(3), 4 / (27 + 1 + 64 + 216) ** (1 / 3), 4);
    near(maxLogitPNorm(x, { p: 1 })[0], 4 / 14, 4);
  });

  test.each([0, 33, 1.5, -1, NaN])('p of %d is refused', (p) => {
    expect(() => maxLogitPNorm(Float32Array.of(1, 2), { p })).toThrow(/whole number from 1 to 32/);
  });
});
