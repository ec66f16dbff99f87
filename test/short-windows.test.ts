/**
 * softPool takes sixteen rows of at most 32 elements at a time where there are as many (native/ops/pooling.h): the bits must
 * be those of each row alone, whatever is in them and in the fifteen others.
 */
import { describe, expect, test } from '@jest/globals';
import { softPool } from '../lib/index';
import { isas } from './support/kernels/operators';
import { Random } from './support/kernels/random';

const ROWS = 48;
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
};

function bitsOf(values: Float32Array): number[] {
  // A NaN has no promised payload.
  const plain = values.map((v) => (Number.isNaN(v) ? NaN : v));
  return [...new Uint32Array(plain.buffer)];
}

describe.each(isas)('%s', (isa) => {
  test.each(Array.from({ length: 34 }, (_, i) => i + 1))('windows of %i', (cols) => {
    const same = (kindOf: (row: number) => (column: number) => number): void => {
      const x = Float32Array.from({ length: ROWS * cols }, (_, i) =>
        kindOf(Math.floor(i / cols))(i % cols),
      );
      const together = softPool(x, { cols, isa });
      const alone = Float32Array.from({ length: ROWS }, (_, row) => {
        return softPool(x.subarray(row * cols, (row + 1) * cols), { isa })[0];
      });
      expect(bitsOf(together)).toEqual(bitsOf(alone));
    };
    const kinds = Object.values(KINDS);
    // Sixteen of a kind, and one other among them or all mixed.
    for (const kind of kinds) {
      same(() => kind);
      same((row) => (row % 16 === 7 ? kind : kinds[0]));
    }
    same((row) => kinds[row % kinds.length]);
  });
});
