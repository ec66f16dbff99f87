/** Entropy-adaptive decoding: which model is chosen, from entropies that are known. */
import { expect, test } from '@jest/globals';
import { createEntropySwitch } from '../lib/index';

/** Logits with the entropy of 2^bits equal tokens. */
function logits(...bits: number[]): Float32Array {
  return Float32Array.from(
    bits.flatMap((each) => Array.from({ length: 8 }, (_, i) => (i < 2 ** each ? 0 : -Infinity))),
  );
}

function models(
  options: { window?: number; dwell?: number; start?: 'small' | 'large' },
  bits: number[],
): string {
  const chooser = createEntropySwitch({ threshold: 1, ...options });
  return bits.map((each) => chooser.next(logits(each))[0][0]).join('');
}

test('large above the threshold, small at and below it', () => {
  expect(models({ window: 1 }, [0, 1, 2, 3, 1, 0])).toBe('ssllss');
});

test('of the mean of the last ones', () => {
  expect(models({ window: 2 }, [0, 2, 3, 0, 0, 0])).toBe('ssllss');
  expect(models({}, [3, 0, 0, 0, 0, 0])).toBe('llssss');
});

test('neither for less than dwell tokens', () => {
  expect(models({ window: 1, dwell: 3 }, [3, 0, 0, 0, 3, 3, 3])).toBe('lllsssl');
  expect(models({ window: 1, dwell: 2, start: 'large' }, [0, 3, 3])).toBe('ssl');
});

test('sequences are told apart by their numbers', () => {
  const chooser = createEntropySwitch({ threshold: 1, window: 2 });
  expect(chooser.next(logits(3, 0), { cols: 8, rows: [5, 6] })).toEqual(['large', 'small']);
  expect(chooser.next(logits(0, 0), { cols: 8, rows: [6, 5] })).toEqual(['small', 'large']);
  chooser.reset(5);
  expect(chooser.next(logits(0), { rows: [5] })).toEqual(['small']);
});

test.each([
  [{}, /threshold/],
  [{ threshold: -1 }, /threshold/],
  [{ threshold: 1, window: 0 }, /window/],
  [{ threshold: 1, start: 'medium' }, /"small" or "large"/],
  [{ threshold: 1, tau: 2 }, /tau/],
])('refuses %o', (options, message) => {
  expect(() => createEntropySwitch(options as { threshold: number })).toThrow(message);
});

test('refuses a row without a distribution, and a sequence that is there twice', () => {
  const chooser = createEntropySwitch({ threshold: 1 });
  expect(() => chooser.next(Float32Array.of(1, NaN))).toThrow(/row 0/);
  expect(() => chooser.next(logits(1, 1), { cols: 8, rows: [1, 1] })).toThrow(/once/);
});
