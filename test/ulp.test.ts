import { describe, expect, test } from '@jest/globals';
import { SMALLEST_NORMAL, boundDistance, ulpDistance, ulpOf } from '../lib/ulp';

const LARGEST = 2 ** 128 - 2 ** 104;

/** The float after x, by its bits. */
function next(x: number): number {
  const bits = new Int32Array(1);
  const view = new Float32Array(bits.buffer);
  view[0] = x;
  bits[0] = bits[0] + (x < 0 ? -1 : 1);
  return view[0];
}

describe('ulpOf', () => {
  test.each([1, 1.5, 1.9999, 3, 1e-30, 1e30, SMALLEST_NORMAL, 0.1, -7, -1e-20])(
    'is the gap to the next float in the binade of %p',
    (x) => {
      const float = Math.fround(x);
      expect(ulpOf(float)).toBe(Math.abs(next(float) - float));
    },
  );

  test('is exact at and just below a power of two', () => {
    expect(ulpOf(1)).toBe(2 ** -23);
    expect(ulpOf(1 - 2 ** -53)).toBe(2 ** -24);
    expect(ulpOf(8)).toBe(2 ** -20);
    expect(ulpOf(8 - 2 ** -50)).toBe(2 ** -21);
  });
});

describe('ulpDistance', () => {
  test('counts floats', () => {
    const one = Math.fround(0.7);
    expect(ulpDistance(one, one)).toBe(0);
    expect(ulpDistance(next(one), one)).toBe(1);
    expect(ulpDistance(next(next(next(one))), one)).toBe(3);
    expect(ulpDistance(-next(one), -one)).toBe(1);
  });

  test('counts parts of an ULP from a truth between floats', () => {
    expect(ulpDistance(1, 1 + 2 ** -25)).toBe(0.25);
    expect(ulpDistance(1, 1 - 2 ** -25)).toBe(0.5);
  });

  test('NaN matches NaN alone', () => {
    expect(ulpDistance(NaN, NaN)).toBe(0);
    expect(ulpDistance(0, NaN)).toBe(Infinity);
    expect(ulpDistance(NaN, 0)).toBe(Infinity);
    expect(ulpDistance(NaN, Infinity)).toBe(Infinity);
  });

  test('infinities match by sign', () => {
    expect(ulpDistance(Infinity, Infinity)).toBe(0);
    expect(ulpDistance(-Infinity, Infinity)).toBe(Infinity);
    expect(ulpDistance(1e38, Infinity)).toBe(Infinity);
    expect(ulpDistance(Infinity, 1)).toBeGreaterThan(1e6);
    expect(ulpDistance(-Infinity, 1e38)).toBe(Infinity);
    expect(ulpDistance(0, Infinity)).toBe(Infinity);
  });

  test('a truth beyond the largest float rounds to infinity', () => {
    expect(ulpDistance(Infinity, 1e39)).toBe(0);
    expect(ulpDistance(-Infinity, -1e39)).toBe(0);
    expect(ulpDistance(Infinity, LARGEST)).toBe(1);
    expect(ulpDistance(LARGEST, LARGEST + 2 ** 102)).toBe(0.25);
    expect(ulpDistance(LARGEST, 1e39)).toBeGreaterThan(1e6);
  });

  test('results below the smallest normal float are zeros', () => {
    expect(ulpDistance(0, 1e-40)).toBe(0);
    expect(ulpDistance(0, 1e-300)).toBe(0);
    expect(ulpDistance(0, SMALLEST_NORMAL * (1 - 1e-9))).toBe(0);
    expect(ulpDistance(Math.fround(1e-40), 1e-40)).toBe(Infinity);
    expect(ulpDistance(Math.fround(1e-40), SMALLEST_NORMAL)).toBe(Infinity);
  });

  test('at the threshold the bound decides', () => {
    expect(ulpDistance(0, SMALLEST_NORMAL)).toBe(0);
    expect(ulpDistance(0, SMALLEST_NORMAL + 3 * 2 ** -149)).toBe(3);
    expect(ulpDistance(SMALLEST_NORMAL, SMALLEST_NORMAL - 2 * 2 ** -149)).toBe(2);
    expect(ulpDistance(0, 1.5 * SMALLEST_NORMAL)).toBeGreaterThan(1e6);
    expect(ulpDistance(SMALLEST_NORMAL, 0.5 * SMALLEST_NORMAL)).toBeGreaterThan(1e6);
    expect(ulpDistance(SMALLEST_NORMAL, 0)).toBeGreaterThan(1e6);
  });

  test('-0 is right only for a negative truth', () => {
    expect(ulpDistance(0, 0)).toBe(0);
    expect(ulpDistance(-0, 0)).toBe(Infinity);
    expect(ulpDistance(-0, 1e-40)).toBe(Infinity);
    expect(ulpDistance(-0, -1e-40)).toBe(0);
    expect(ulpDistance(0, -1e-40)).toBe(0);
  });
});

describe('where subnormal results are kept', () => {
  const distance = (result: number, truth: number) => ulpDistance(result, truth, 'subnormal');
  test('they are counted like others', () => {
    const tiny = Math.fround(1e-40);
    expect(distance(tiny, tiny)).toBe(0);
    expect(distance(next(tiny), tiny)).toBe(1);
    expect(distance(-tiny, -tiny)).toBe(0);
    expect(distance(0, 3 * 2 ** -149)).toBe(3);
    expect(distance(0, tiny)).toBeGreaterThan(1e4);
    expect(distance(SMALLEST_NORMAL, SMALLEST_NORMAL - 2 ** -149)).toBe(1);
  });
  test('zeros have their sign', () => {
    expect(distance(0, 0)).toBe(0);
    expect(distance(-0, 0)).toBe(Infinity);
    expect(distance(-0, -1e-300)).toBeLessThan(1e-100);
    expect(distance(0, -1e-300)).toBeLessThan(1e-100);
  });
});

describe('boundDistance', () => {
  const bound = { maxUlp: 4, measuredUlp: 1, absolute: 1e-15, tiny: 'subnormal' } as const;
  test('allows the absolute part and no more', () => {
    expect(boundDistance(0, 1e-15, bound)).toBe(4);
    expect(boundDistance(-0.5e-15, 0, bound)).toBe(2);
    expect(boundDistance(1.01e-15, 0, bound)).toBeGreaterThan(4);
    expect(boundDistance(0, 1e-15, { ...bound, absolute: 0 })).toBeGreaterThan(1e6);
  });
  test('counts ULP elsewhere', () => {
    expect(boundDistance(1 + 8 * 2 ** -23, 1, bound)).toBe(8);
    expect(boundDistance(1 + 2 ** -23, 1, bound)).toBe(1);
    expect(boundDistance(NaN, 1, bound)).toBe(Infinity);
    expect(boundDistance(-Infinity, Infinity, bound)).toBe(Infinity);
    expect(boundDistance(Infinity, Infinity, bound)).toBe(0);
  });
});
