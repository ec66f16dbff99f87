/** The generator behind the sampler, against the vectors that its authors publish with Random123 (kat_vectors). */
import { expect, test } from '@jest/globals';
import { native } from '../lib/configure';
import { philox as oracle, uniforms } from '../lib/oracle/sample';
import { strangers } from './helpers/binding';

const words = (text: string): number[] => text.split(' ').map((word) => parseInt(word, 16));

/** Counter, key, result. */
const vectors = [
  [
    '00000000 00000000 00000000 00000000',
    '00000000 00000000',
    '6627e8d5 e169c58d bc57ac4c 9b00dbd8',
  ],
  [
    'ffffffff ffffffff ffffffff ffffffff',
    'ffffffff ffffffff',
    '408f276d 41c83b0e a20bc7c6 6d5451fd',
  ],
  [
    '243f6a88 85a308d3 13198a2e 03707344',
    'a4093822 299f31d0',
    'd16cfe09 94fdcceb 5001e420 24126ea1',
  ],
].map((line) => line.map(words));

function philox(counter: number[], key: number[]): number[] {
  const out = new Uint32Array(4);
  expect(native()._philox(Uint32Array.of(...counter, ...key), out)).toBe(0);
  return [...out];
}

test.each(vectors)('the published vector of counter %j and key %j', (counter, key, expected) => {
  expect(philox(counter, key)).toEqual(expected);
  expect(oracle(counter, key)).toEqual(expected);
});

test('addon and oracle agree over counters and keys', () => {
  let state = words('01234567 89abcdef 0f1e2d3c 4b5a6978');
  const key = words('deadbeef 00c0ffee');
  for (let i = 0; i < 500; i++) {
    const next = oracle(state, key);
    expect(philox(state, key)).toEqual(next);
    state = next;
    key[i & 1] = next[i & 3];
  }
});

test('uniform numbers are inside (0, 1), odd multiples of 2^-53', () => {
  for (let block = 0; block < 200; block++) {
    for (const u of uniforms(2 ** 53 - 1, 2 ** 32 - 1, 2 ** 53 - 1, block)) {
      expect(u).toBeGreaterThan(0);
      expect(u).toBeLessThan(1);
      expect((u * 2 ** 53) % 2).toBe(1);
    }
  }
});

test('anything but six and four words is refused', () => {
  for (const stranger of [...strangers, new Uint32Array(5)]) {
    expect(native()._philox(stranger as Uint32Array, new Uint32Array(4))).not.toBe(0);
    expect(native()._philox(new Uint32Array(6), stranger as Uint32Array)).not.toBe(0);
  }
});
