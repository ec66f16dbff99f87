import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { argMax } from '../lib/oracle/select';
import { logSoftmax, logSumExp, softmax } from '../lib/oracle/softmax';

/**
 * A second opinion on the oracle: the definitions in integer arithmetic with 1400 bits after the point, where every
 * float and every difference of floats is exact.
 */
const BITS = 1400n;
const ONE = 1n << BITS;

function fixed(x: number): bigint {
  // A float64 is an integer times 2^-1074.
  let scaled = x;
  let shift = BITS;
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    shift -= 1n;
  }
  return BigInt(scaled) << shift;
}

function toNumber(x: bigint): number {
  if (x === 0n) return 0;
  const magnitude = x < 0n ? -x : x;
  const drop = BigInt(Math.max(0, magnitude.toString(2).length - 64));
  const top = Number(magnitude >> drop);
  // In two steps: the power alone may be beyond float64.
  const power = Number(drop - BITS);
  const value = top * 2 ** Math.trunc(power / 2) * 2 ** (power - Math.trunc(power / 2));
  return x < 0n ? -value : value;
}

/** log((1 + r) / (1 - r)) = 2 (r + r^3/3 + r^5/5 ...) */
function atanhSeries(r: bigint): bigint {
  const square = (r * r) / ONE;
  let sum = 0n;
  let power = r;
  for (let k = 1n; power !== 0n; k += 2n) {
    sum += power / k;
    power = (power * square) / ONE;
  }
  return 2n * sum;
}

const LN2 = atanhSeries(ONE / 3n);

function exp(x: bigint): bigint {
  let n = x / LN2;
  if (x < 0n) n -= 1n;
  const rest = x - n * LN2;
  let sum = ONE;
  let term = ONE;
  for (let k = 1n; term !== 0n; k++) {
    term = (term * rest) / ONE / k;
    sum += term;
  }
  return n >= 0n ? sum << n : sum >> -n;
}

function log(x: bigint): bigint {
  const n = BigInt(x.toString(2).length) - BITS;
  const m = n >= 0n ? x >> n : x << -n;
  return n * LN2 + atanhSeries(((m - ONE) * ONE) / (m + ONE));
}

function exact(row: Float32Array, temperature: number) {
  const t = fixed(temperature);
  const logits = Array.from(row, (x) => (x === -Infinity ? null : (fixed(x) * ONE) / t));
  const max = logits.reduce<bigint | null>(
    (m, x) => (m === null || (x !== null && x > m) ? x : m),
    null,
  )!;
  // Shifting changes nothing here but the size of the numbers.
  const terms = logits.map((x) => (x === null ? 0n : x - max < -900n * ONE ? 0n : exp(x - max)));
  const sum = terms.reduce((a, b) => a + b, 0n);
  return {
    softmax: terms.map((term) => toNumber((term * ONE) / sum)),
    logSoftmax: logits.map((x) => (x === null ? -Infinity : toNumber(x - max - log(sum)))),
    logSumExp: toNumber(max + log(sum)),
  };
}

function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const random = generator(20200113);
const rows: [string, Float32Array][] = [
  ['one element', Float32Array.of(3.25)],
  ['two equal', Float32Array.of(-7, -7)],
  ['small numbers', Float32Array.from({ length: 33 }, () => random() * 2 - 1)],
  ['usual logits', Float32Array.from({ length: 100 }, () => random() * 40 - 20)],
  ['large logits', Float32Array.from({ length: 50 }, () => random() * 2e4 - 1e4)],
  ['a dominant element', Float32Array.of(30, 1, 2, -5, 0.5, 3)],
  ['a very dominant element', Float32Array.of(-20, 80, -10, 4)],
  ['log-probabilities', Float32Array.of(Math.log(0.25), Math.log(0.25), Math.log(0.5))],
  ['a mask', Float32Array.of(1, -Infinity, 2, -Infinity, 3)],
  ['the largest floats', Float32Array.of(3.4028234663852886e38, 3.4028234663852886e38, -3.4e38)],
  ['the most negative floats', Float32Array.from({ length: 5 }, () => -3.4028234663852886e38)],
  ['subnormals', Float32Array.of(1e-45, -1e-45, 1e-40, 0, -0)],
  ['a long descent', Float32Array.from({ length: 80 }, (_, i) => -9 * i)],
];

function relative(got: number, expected: number): number {
  if (Object.is(got, expected) || got === expected) return 0;
  return Math.abs(got - expected) / Math.abs(expected);
}

describe.each([1, 0.1, 7.3, 100])('against exact arithmetic, temperature %p', (temperature) => {
  test.each(rows)('%s', (_, row) => {
    const want = exact(row, temperature);
    const p = softmax(row, { temperature });
    const l = logSoftmax(row, { temperature });
    row.forEach((_x, i) => {
      // Below the smallest normal float64 there are no digits to compare, and float32 needs none.
      if (want.softmax[i] > 1e-300) expect(relative(p[i], want.softmax[i])).toBeLessThan(2 ** -42);
      else expect(p[i]).toBeLessThan(1.1e-300);
      expect(relative(l[i], want.logSoftmax[i])).toBeLessThan(2 ** -42);
    });
    const scale = Math.max(1, Math.abs(Math.max(...row)) / temperature);
    const error = Math.abs(logSumExp(row, { temperature }) - want.logSumExp);
    expect(error).toBeLessThanOrEqual(scale * 2 ** -51);
  });
});

describe('special values', () => {
  const I = Infinity;
  const table: [string, number[], number[], number[], number][] = [
    ['masked elements', [1, -I, 1], [0.5, 0, 0.5], [-Math.LN2, -I, -Math.LN2], 1 + Math.LN2],
    ['all masked', [-I, -I], [NaN, NaN], [NaN, NaN], -I],
    ['+Infinity', [1, I, -I], [NaN, NaN, NaN], [NaN, NaN, NaN], I],
    ['two +Infinity', [I, I], [NaN, NaN], [NaN, NaN], I],
    ['NaN', [1, NaN, I], [NaN, NaN, NaN], [NaN, NaN, NaN], NaN],
    ['NaN after a mask', [-I, NaN], [NaN, NaN], [NaN, NaN], NaN],
    ['an empty row', [], [], [], -I],
    ['-0 and 0', [-0, 0], [0.5, 0.5], [-Math.LN2, -Math.LN2], Math.LN2],
    ['one element', [-5], [1], [0], -5],
  ];
  test.each(table)('%s', (_, x, p, l, s) => {
    expect(Array.from(softmax(x))).toEqual(p);
    expect(Array.from(logSoftmax(x))).toEqual(l);
    expect(logSumExp(x)).toBe(s);
  });

  test('a masked row is zeros on request, an infinite or NaN row is not', () => {
    expect(Array.from(softmax([-I, -I], { maskedRow: 'zero' }))).toEqual([0, 0]);
    expect(Array.from(softmax([-I, I], { maskedRow: 'zero' }))).toEqual([NaN, NaN]);
    expect(Array.from(softmax([-I, NaN], { maskedRow: 'zero' }))).toEqual([NaN, NaN]);
  });

  test('compensation keeps what plain addition loses', () => {
    // One element of mass 1 and 2^20 of mass 2^-54 each: a plain sum stays at 1 for ever.
    const row = new Float32Array(2 ** 20 + 1).fill(-54 * Math.LN2);
    row[0] = 0;
    const each = Math.exp(row[1]);
    expect(logSumExp(row)).toBe(Math.log1p(2 ** 20 * each));
  });
});

test('argMax', () => {
  expect(argMax([1, 3, 3, 2])).toBe(1);
  expect(argMax([-Infinity, -Infinity])).toBe(0);
  expect(argMax([-0, 0])).toBe(0);
  expect(argMax([5, NaN, 9])).toBe(-1);
  expect(argMax([NaN])).toBe(-1);
  expect(argMax([])).toBe(-1);
  expect(argMax([1, Infinity, Infinity])).toBe(1);
});

test('oracles import nothing', () => {
  const folder = join(__dirname, '../lib/oracle');
  for (const file of readdirSync(folder)) {
    expect(readFileSync(join(folder, file), 'utf8')).not.toMatch(
      /\bimport\b.*from|\brequire\(|import\(/,
    );
  }
});
