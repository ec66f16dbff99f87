/** What only tverskyLoss and selfConsistency have; accuracy, special values and bits are tested by their lines of the catalogue. */
import { describe, expect, test } from '@jest/globals';
import { selfConsistency, softmax, tverskyLoss } from '../lib/index';
import { ulpDistance } from '../lib/ulp';
import { Random } from './support/kernels/random';

const I = Infinity;

function near(got: number, truth: number, ulp: number): void {
  const off = ulpDistance(got, truth, 'subnormal');
  expect({ got, truth, near: off <= ulp }).toEqual({ got, truth, near: true });
}

/** The definition, by three norms. */
function byNorms(
  x: Float32Array,
  y: Float32Array,
  alpha: number,
  beta: number,
  smooth: number,
): number {
  const norm = (row: readonly number[]): number => row.reduce((sum, v) => sum + Math.abs(v), 0);
  const [a, b] = [norm(Array.from(x)), norm(Array.from(y))];
  const d = norm(Array.from(x, (v, i) => v - y[i]));
  const tp = (a + b - d) / 2;
  return 1 - (tp + smooth) / (tp + alpha * (a - tp) + beta * (b - tp) + smooth);
}

describe('tverskyLoss', () => {
  const random = new Random(11);
  const shares = (n: number): Float32Array =>
    Float32Array.from({ length: n }, () => random.uniform(0, 1));

  test.each([1, 5, 16, 40, 4096, 9001])('is what the norms say, %d columns', (cols) => {
    const [x, other] = [shares(cols), shares(cols)];
    for (const [alpha, beta, smooth] of [
      [0.5, 0.5, 1e-3],
      [1, 1, 1e-3],
      [0.3, 0.7, 0],
      [0, 2, 1],
    ]) {
      const want = byNorms(x, other, alpha, beta, smooth);
      const got = tverskyLoss(x, { other, alpha, beta, smooth })[0];
      expect(Math.abs(got - want)).toBeLessThanOrEqual(1e-6 * want);
    }
    near(tverskyLoss(x, { other })[0], byNorms(x, other, 0.5, 0.5, 1e-3), 8);
  });

  test('of labels that are 0 or 1 is Dice and Jaccard by intersection and union', () => {
    const n = 100;
    const x = Float32Array.from({ length: n }, () => Number(random.chance(0.6)));
    const other = Float32Array.from({ length: n }, () => Number(random.chance(0.4)));
    const both = x.filter((v, i) => v === 1 && other[i] === 1).length;
    const [a, b] = [x, other].map((row) => row.filter((v) => v === 1).length);
    near(tverskyLoss(x, { other, smooth: 0 })[0], 1 - (2 * both) / (a + b), 4);
    const jaccard = tverskyLoss(x, { other, smooth: 0, alpha: 1, beta: 1 })[0];
    near(jaccard, 1 - both / (a + b - both), 4);
  });

  test('weighs what x alone has and what the other alone has', () => {
    const x = Float32Array.of(1, 0);
    const other = Float32Array.of(0, 3);
    const options = { other, smooth: 1 };
    near(tverskyLoss(x, { ...options, alpha: 1, beta: 0 })[0], 1 / 2, 1);
    near(tverskyLoss(x, { ...options, alpha: 0, beta: 1 })[0], 3 / 4, 1);
    near(tverskyLoss(x, { ...options, alpha: 2, beta: 3 })[0], 11 / 12, 1);
  });

  test('keeps the digits of rows that nearly agree', () => {
    const x = Float32Array.from({ length: 1000 }, () => 0.5);
    const other = x.slice();
    other[700] = 0.5 + 2 ** -20;
    near(tverskyLoss(x, { other, smooth: 0 })[0], (0.5 * 2 ** -20) / (500 + 0.5 * 2 ** -20), 2);
  });

  test('leaves out what is masked in either row, and nothing else', () => {
    const x = Float32Array.of(0.9, 0.2, NaN, -I, 0.4);
    const other = Float32Array.of(1, 0, -I, 1, 0.5);
    const [a, b] = [Float32Array.of(0.9, 0.2, 0.4), Float32Array.of(1, 0, 0.5)];
    near(tverskyLoss(x, { other })[0], tverskyLoss(a, { other: b })[0], 1);
    expect(tverskyLoss(Float32Array.of(1, NaN), { other: Float32Array.of(1, 1) })[0]).toBeNaN();
    expect(tverskyLoss(Float32Array.of(1, 1), { other: Float32Array.of(1, I) })[0]).toBeNaN();
    expect(tverskyLoss(Float32Array.of(I, 1), { other: Float32Array.of(I, 1) })[0]).toBeNaN();
    expect(tverskyLoss(Float32Array.of(-I), { other: Float32Array.of(1), smooth: 0 })[0]).toBe(0);
  });

  test('elements of opposite signs have nothing in common, and none is too large', () => {
    const [x, other] = [Float32Array.of(1, -2), Float32Array.of(-1, -1)];
    near(tverskyLoss(x, { other, smooth: 0 })[0], byNorms(x, other, 0.5, 0.5, 0), 2);
    const big = new Float32Array(40).fill(3e38);
    const half = big.map((v) => v / 2);
    near(tverskyLoss(big, { other: half, alpha: 1 })[0], 1 / 2, 2);
  });
});

describe('selfConsistency', () => {
  test('is 0 for residuals of probabilities that are true, and their sum for none', () => {
    const random = new Random(12);
    const x = Float32Array.from({ length: 1000 }, () => 3 * random.bell());
    const p = softmax(x);
    const residuals = p.map((v) => 2 * v * (1 - v));
    expect(selfConsistency(x, { residuals })[0]).toBeLessThan(3e-7);
    const sum = residuals.reduce((all, r) => all + r, 0);
    const whole = selfConsistency(x, { residuals: new Float32Array(1000) })[0];
    expect(Math.abs(whole - sum)).toBeLessThan(1e-5);
    // Signs count, whichever is more.
    const more = selfConsistency(x, { residuals: residuals.map((r) => r + 1 / 4) })[0];
    const less = selfConsistency(x, { residuals: residuals.map((r) => r - 1 / 4) })[0];
    expect([more, less].every((v) => Math.abs(v - 250) < 1e-3)).toBe(true);
  });

  test('keeps what the largest probability lacks', () => {
    const x = Float32Array.of(40, 0, 0);
    const rest = 2 * Math.exp(-40);
    near(selfConsistency(x, { residuals: new Float32Array(3) })[0], 4 * rest, 4);
    near(
      selfConsistency(x, { temperature: 2, residuals: new Float32Array(3) })[0],
      8 * Math.exp(-20) * (1 - 3 * Math.exp(-20)),
      4,
    );
  });

  test('masked columns are no classes; residuals that are no numbers', () => {
    const x = Float32Array.of(1, -I, 1);
    expect(selfConsistency(x, { residuals: Float32Array.of(0.5, NaN, 0.25) })[0]).toBe(0.25);
    expect(selfConsistency(x, { residuals: Float32Array.of(0.5, 0, NaN) })[0]).toBeNaN();
    expect(selfConsistency(x, { residuals: Float32Array.of(0.5, 0, I) })[0]).toBe(I);
    expect(selfConsistency(x, { residuals: Float32Array.of(0.5, 0, -I) })[0]).toBe(I);
    const big = new Float32Array(3).fill(2e38);
    expect(selfConsistency(x, { residuals: big })[0]).toBe(I);
    expect(selfConsistency(x, { residuals: big.map((v) => v / 2) })[0]).toBe(Math.fround(2e38));
    expect(selfConsistency(Float32Array.of(-I), { residuals: Float32Array.of(0) })[0]).toBeNaN();
    expect(selfConsistency(Float32Array.of(1, I), { residuals: new Float32Array(2) })[0]).toBeNaN();
  });
});
