/**
 * logsumexp of rows that are normalised already, where the largest logit and the logarithm of the sum cancel: the
 * promised 1e-15 holds however long the row is (docs/numerics.md).
 */
import { describe, expect, test } from '@jest/globals';
import { energy, logSumExp, rowStats } from '../lib';

// Of ln 2, the first with trailing zeros: a whole number times it is exact.
const [LN2_HIGH, LN2_LOW] = [0x162e42fee / 2 ** 33, 1.90821492927058770002e-10];

/** ln sum e^(x/t), the sum compensated, the logarithm in two parts of which the larger cancels. */
function truth(x: Float32Array, t: number): number {
  const k = x.reduce((best, value, i) => (value > x[best] ? i : best), 0);
  let [high, low] = [0, 0];
  x.forEach((value, i) => {
    if (i === k) return;
    const term = Math.exp((value - x[k]) / t);
    const sum = high + term;
    const added = sum - high;
    low += high - (sum - added) + (term - added);
    high = sum;
  });
  const e = Math.floor(Math.log2(1 + high));
  const rest = 2 ** -e - 1 + high * 2 ** -e + low * 2 ** -e;
  return x[k] / t + e * LN2_HIGH + (e * LN2_LOW + Math.log1p(rest));
}

/** Log-probabilities, so that their logsumexp is as near to 0 as floats allow. */
function normalised(n: number, t: number): Float32Array {
  const x = Float32Array.from({ length: n }, (_, i) => 4 * t * Math.sin(i * i));
  for (let step = 0; step < 3; step++) {
    const [total] = logSumExp(x, { cols: n, temperature: t });
    x.forEach((value, i) => (x[i] = value - t * total));
  }
  return x;
}

describe.each([1000, 500_000, 3_000_000, 10_000_000])('%i elements', (n) => {
  test.each([1, 0.7])('at a temperature of %p', (t) => {
    const x = normalised(n, t);
    const expected = truth(x, t);
    expect(Math.abs(expected)).toBeLessThan(1e-5);
    // The result's own rounding is half an ULP of a float.
    const bound = 1e-15 + Math.abs(expected) * 2 ** -24;
    const options = { cols: n, temperature: t };
    const found = {
      logSumExp: logSumExp(x, options)[0],
      energy: -energy(x, options)[0] / t,
      rowStats: rowStats(x, { ...options, stats: ['logSumExp'] }).logSumExp[0],
    };
    for (const [name, value] of Object.entries(found)) {
      expect({ name, isNear: Math.abs(value - expected) <= bound }).toEqual({ name, isNear: true });
    }
  });
});
