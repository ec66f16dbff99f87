/** Softmax followed by its k largest: that each form is right, and that a wrong one gets no number. */
import { describe, expect, test } from '@jest/globals';
import { findOperator } from '../lib/catalogue';
import { native } from '../lib/configure';
import { Absent, Ground } from '../lib/lab/ground';
import { generator } from '../lib/lab/random';
import type { Contender, Family } from '../lib/lab/task';
import { FORMS, topK, verify, type Form } from '../lib/lab/top-k';
import { viewsOf } from '../lib/views';

const binding = native();
const usable = new Int32Array(binding.isas.length);
binding.supported(usable);
const isas = binding.isas.filter((_, i) => usable[i] === 1);

const [rows, cols] = [7, 1500];
const next = generator(4);
// Halves of thousandths: many are equal.
const x = new Float32Array(rows * cols).map(() => Math.ceil(next() * 2000) / 2000);

const family = { op: 'softmax', options: {}, shape: { rows, cols }, cold: false, contenders: [] };
const ground = new Ground(
  family as unknown as Family,
  2 ** 20,
  (name) => viewsOf(findOperator(name)!)[0],
  x,
);

const contender = (form: Form, k: number, isa: string, threads = 1): Contender => ({
  ...{ name: form, kind: 'top-k', form, k, isa, threads },
});

describe.each(isas)('on %s', (isa) => {
  test.each(Object.keys(FORMS) as Form[])('%s is right for each K', async (form) => {
    for (const k of [1, 5, 30]) {
      for (const threads of [1, 2]) {
        const ready = await topK(contender(form, k, isa, threads), ground);
        await ready.batch(2);
        const found = ready.verify!();
        expect([k, found.wrong]).toEqual([k, undefined]);
        expect(found.maxUlp).toBeLessThanOrEqual(4);
      }
    }
  });
});

test('a row that is shorter than K is left out by name', () => {
  expect(() => topK(contender('online-fused', cols + 1, isas[0]), ground)).toThrow(Absent);
});

describe('a wrong result', () => {
  const k = 3;
  const row = Float32Array.of(1, 4, 2, 4, 3, 0);
  const sum = row.reduce((total, v) => total + Math.exp(v), 0);
  const right = {
    from: row,
    indices: Int32Array.of(1, 3, 4),
    probabilities: Float32Array.of(4, 4, 3).map((v) => Math.exp(v) / sum),
  };

  test('none', () => {
    expect(verify(row, 6, k, right)).toEqual({ maxUlp: expect.any(Number) });
  });

  test.each<[string, Partial<typeof right>, RegExp]>([
    ['equals in the wrong order', { indices: Int32Array.of(3, 1, 4) }, /3 largest .* not in order/],
    ['an element twice', { indices: Int32Array.of(1, 1, 4) }, /3 largest .* not in order/],
    ['no element', { indices: Int32Array.of(1, 3, 6) }, /3 largest .* not in order/],
    ['a negative index', { indices: Int32Array.of(1, 3, -1) }, /3 largest .* not in order/],
    [
      'one that is too small',
      { indices: Int32Array.of(1, 3, 2) },
      /element 2 is not the last of its 3 largest/,
    ],
    [
      'one that is left out',
      { indices: Int32Array.of(1, 4, 2) },
      /element 2 is not the last of its 3 largest/,
    ],
    [
      'a probability that is a little off',
      { probabilities: right.probabilities.map((p, i) => (i === 2 ? p * 0.999999 : p)) },
      /the oracle has 0\./,
    ],
    [
      'a NaN',
      { probabilities: right.probabilities.map((p, i) => (i === 1 ? NaN : p)) },
      /a probability of NaN/,
    ],
    [
      'one that rises',
      { probabilities: right.probabilities.map((p, i) => (i === 2 ? 0.75 : p)) },
      /a probability of 0\.75/,
    ],
  ])('%s', (_, spoilt, why) => {
    expect(verify(row, 6, k, { ...right, ...spoilt }).wrong).toMatch(why);
  });
});
