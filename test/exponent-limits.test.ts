/**
 * Logits at the ends of what is carried as an exponent: a row that is shifted, or takes another way, just beyond them
 * has the results of its neighbours, whatever the algorithm, the threads and what is beside it.
 */
import { describe, expect, test } from '@jest/globals';
import { logSoftmax, logSumExp, softmax } from '../lib';
import * as oracle from '../lib/oracle/softmax';
import { ulpDistance } from '../lib/ulp';
import { isas } from './support/kernels/operators';

const algorithms = ['two-pass', 'three-pass-recompute', 'three-pass-reload', 'online'] as const;

/** 2^15 and its halves and wholes around, as natural exponents. */
const tops = [-143, -142, -100, -40, -3, -1, -0.51, -0.49, 0, 0.49, 0.51, 1].flatMap((by) =>
  [32768 + by, -32768 - by].map((e) => e * Math.LN2),
);

/** Some rows of which the largest element is that, the others far below, near, and masked. */
function rowsOf(top: number, temperature: number, rows: number, cols: number): Float32Array {
  return Float32Array.from({ length: rows * cols }, (_, i) => {
    const place = i % cols;
    const below = place % 3 === 1 ? Infinity : place % 3 === 2 ? 0.5 : place;
    return (top - (place === 0 ? 0 : below)) * temperature;
  });
}

/** In ULP; probabilities below 2^-126 are 0 (docs/decisions/0009-small-probabilities-are-zero.md). */
function worst(got: ArrayLike<number>, truth: ArrayLike<number>): number {
  const off = (value: number, i: number): number =>
    Math.abs(value) < 2 ** -126 && got[i] === 0 ? 0 : ulpDistance(got[i], value);
  return Math.max(...Array.from(truth, off));
}

describe.each(isas)('%s', (isa) => {
  test.each([
    [1, 2, 1],
    [1, 17, 0.001],
    [16, 2, 1],
    [17, 32, 0.01],
    [1, 4097, 1],
    [1, 10000, 0.001],
    [3, 5000, 1],
  ])('%i rows of %i at temperature %d', (rows, cols, temperature) => {
    for (const top of tops) {
      const x = rowsOf(top, temperature, rows, cols);
      const row = x.subarray(0, cols);
      for (const [f, reference] of [
        [softmax, oracle.softmax],
        [logSoftmax, oracle.logSoftmax],
        [logSumExp, oracle.logSumExp],
      ] as const) {
        const found = reference(row, { temperature });
        const truth = typeof found === 'number' ? [found] : found;
        for (const algorithm of algorithms) {
          const y = f(x, { cols, temperature, algorithm, isa }) as Float32Array;
          const width = y.length / rows;
          for (let r = 0; r < rows; r++) {
            const off = worst(y.subarray(r * width, (r + 1) * width), truth);
            if (!(off <= 4))
              throw new Error(`${f.name}, ${algorithm}, top ${top}, row ${r}: ${off}`);
          }
        }
      }
    }
  });

  test('has the same bits on any number of threads', () => {
    const x = new Float32Array(2 ** 18).fill(-3);
    x[1000] = 22.7129;
    const of = (threads: number): Float32Array =>
      softmax(x, { temperature: 0.001, threads, isa }) as Float32Array;
    const one = of(1);
    expect(one[1000]).toBe(1);
    expect(Buffer.from(of(4).buffer).equals(Buffer.from(one.buffer))).toBe(true);
  });
});
