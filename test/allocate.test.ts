/** Memory for inputs and outputs: where it begins, what it holds, and what is refused. */
import { describe, expect, jest, test } from '@jest/globals';
import * as softlane from '../lib';
import { allocate } from '../lib';
import { native } from '../lib/configure';
import { expectError } from './helpers/errors';
import { expectSameBits } from './support/kernels/compare';

const LINE = 64;
const HUGE_PAGE = 2 ** 21;
const place = (array: Float32Array): number => native()._place(array);

describe('where an array begins', () => {
  test.each([1, 7, 16, 1000, 4096, 65_537, 2 ** 20 - 1])('%i elements: at a cache line', (n) => {
    const arrays = Array.from({ length: 20 }, () => allocate(n));
    for (const array of arrays) {
      expect(array).toHaveLength(n);
      expect(place(array) % LINE).toBe(0);
    }
  });

  test.each([2 ** 20, 2 ** 20 + 1, 2 ** 22])('%i elements: at a page of 2 MiB', (n) => {
    const array = allocate(n);
    expect(array).toHaveLength(n);
    expect(place(array)).toBe(0);
    expect(HUGE_PAGE % LINE).toBe(0);
  });
});

test('zeros, the whole of the view within its buffer', () => {
  for (const n of [0, 1, 33, 2 ** 20 + 5]) {
    const array = allocate(n);
    expect(array).toBeInstanceOf(Float32Array);
    expect(array.every((value) => value === 0)).toBe(true);
    expect(array.byteOffset + array.byteLength).toBeLessThanOrEqual(array.buffer.byteLength);
  }
});

test('changes no bits', () => {
  const n = 2 ** 20 + 3;
  const plain = Float32Array.from({ length: n }, (_, i) => Math.sin(i) * 9);
  const x = allocate(n);
  x.set(plain);
  const out = softlane.softmax(x, { out: allocate(n) });
  expectSameBits(out, softlane.softmax(plain), 'softmax in memory of allocate');
});

describe('refused', () => {
  test.each([[undefined], ['16'], [null], [16n], [{}]])('%p is no number', (length) => {
    expect(() => allocate(length as number)).toThrow(
      expect.objectContaining({ code: 'ERR_SOFTLANE_TYPE' }) as unknown as Error,
    );
  });
  test.each([[-1], [1.5], [NaN], [Infinity], [2 ** 32 + 1], [2 ** 53]])('%p', (length) => {
    expect(() => allocate(length)).toThrow(
      expect.objectContaining({ code: 'ERR_SOFTLANE_VALUE' }) as unknown as Error,
    );
  });
  test('more than the engine gives', () => {
    // 2^32 elements are 16 GiB: given, where there is so much address space, or refused with our error.
    try {
      expect(allocate(2 ** 32)).toHaveLength(2 ** 32);
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_SOFTLANE_OUT_OF_MEMORY' });
    }
  });
  test('by an engine that has none, with the class that the code has everywhere', () => {
    const { Float32Array: own } = globalThis;
    let poor = softlane;
    try {
      globalThis.Float32Array = class extends own {
        constructor(...given: unknown[]) {
          if (Number(given[0]) > 1e6) throw new RangeError('Array buffer allocation failed');
          super(...(given as [number]));
        }
      } as never;
      jest.isolateModules(() => (poor = require('../lib') as typeof softlane));
    } finally {
      globalThis.Float32Array = own;
    }
    expect(poor.allocate(10)).toHaveLength(10);
    const { SoftlaneError } = poor;
    const words = 'allocate: expected enough memory for 2000000 elements, received none';
    const error = expectError(() => poor.allocate(2e6), Error, 'ERR_SOFTLANE_OUT_OF_MEMORY', words);
    expect(error).toBeInstanceOf(SoftlaneError);
  });
});
