/**
 * These take sixteen rows of at most 32 elements at a time where there are as many (native/ops/short_rows.h, pooling.h): the
 * bits must be those of each row alone, whatever is in them and in the fifteen others.
 */
import { describe, expect, test } from '@jest/globals';
import { logSoftmax, logSumExp, softPool, softmax } from '../lib/index';
import { ulpDistance } from '../lib/ulp';
import { expectSameBits } from './support/kernels/compare';
import { isas } from './support/kernels/operators';
import { Random } from './support/kernels/random';

const ROWS = 48;
const OPERATORS = { softPool, softmax, logSoftmax, logSumExp };
const random = new Random(32);

const KINDS: Record<string, (column: number) => number> = {
  usual: () => random.bell() * 4,
  equal: () => -2.5,
  'far apart': () => random.bell() * 3000,
  enormous: () => random.bell() * 5e37,
  'least floats': () => -3.4028234663852886e38,
  'about -1e38': () => -1e38 * (1 + random.pick([-1, 0, 1]) * 2 ** -23),
  subnormal: () => random.bell() * 1e-40,
  'masked in part': () => random.pick([-Infinity, 1, 2]),
  masked: () => -Infinity,
  'a NaN among others': (column) => (column === 1 ? NaN : random.bell()),
  'an infinity among others': (column) => (column === 0 ? Infinity : random.bell()),
  'infinities of both signs': () => random.pick([-Infinity, Infinity, 0]),
  zeros: () => random.pick([0, -0]),
  // One of them has more than half, and the others 2^-100 of it or so, where log-softmax changes its way.
  'one ahead': (column) => (column === 3 ? 7 : random.bell()),
  'one far ahead': (column) => (column === 1 ? -3 : -72.3 + random.bell() * 3),
  'one very far ahead': (column) => (column === 1 ? 5 : -90 + random.bell()),
  'two ahead': (column) => (column % 5 === 1 ? 30 : random.bell()),
  'half of it': (column) => (column < 2 ? 0 : -17.5 + random.bell()),
  // About the limits of the exponent, beyond which a row is shifted first.
  'a large offset': () => 22_712.7 + random.bell() * 0.3,
  'a large negative offset': () => -22_660 + random.bell() * 60,
  'one ahead of masked ones': (column) =>
    column === 0 ? 1 : random.pick([-Infinity, -Infinity, -9, -100]),
};

describe.each(Object.entries(OPERATORS))('%s', (_, operator) => {
  const lengths = [1, 2, 3, 5, 8, 10, 15, 16, 17, 24, 31, 32, 33];
  test.each(isas.flatMap((isa) => lengths.map((cols) => [isa, cols] as const)))(
    '%s, rows of %i',
    (isa, cols) => {
      const same = (kindOf: (row: number) => (column: number) => number, options: object): void => {
        const x = Float32Array.from({ length: ROWS * cols }, (_, i) =>
          kindOf(Math.floor(i / cols))(i % cols),
        );
        const together = operator(x, { cols, isa, ...options });
        const alone = Array.from({ length: ROWS }, (_, row) => {
          const one = x.subarray(row * cols, (row + 1) * cols);
          return [...operator(one, { isa, ...options })];
        });
        expectSameBits(together, Float32Array.from(alone.flat()), 'rows alone and together');
      };
      const kinds = Object.values(KINDS);
      // Sixteen of a kind, and one other among them or all mixed.
      for (const kind of kinds) {
        same(() => kind, {});
        same((row) => (row % 16 === 7 ? kind : kinds[0]), {});
      }
      const other = operator === softPool ? {} : { temperature: 0.7, algorithm: 'two-pass' };
      same((row) => kinds[row % kinds.length], other);
      same((row) => kinds[row % kinds.length], {});
    },
  );
});

// What is left out of the others, as masked elements are, must not be missed where the others are almost nothing.
test.each(isas)('%s: log-softmax of one far ahead', (isa) => {
  for (const cols of [2, 3, 16, 17, 32, 33, 100]) {
    for (let gap = 55; gap < 86; gap += 0.37) {
      const row = Float32Array.from({ length: cols }, (_, i) => [3, 3 - gap][i] ?? -11 - gap);
      const x = Float32Array.from({ length: 16 * cols }, (_, i) => row[i % cols]);
      const others = row.reduce((sum, v, i) => sum + (i > 0 ? Math.exp(v - 3) : 0), 0);
      const found = logSoftmax(x, { cols, isa })[0];
      const error = ulpDistance(found, -Math.log1p(others));
      expect({ cols, gap, isNear: error <= 2 }).toEqual({ cols, gap, isNear: true });
    }
  }
});
