/** What only losses with teachers and sets of columns have; their lines of the catalogue test the rest. */
import { describe, expect, test } from '@jest/globals';
import {
  crossEntropy,
  decoupledCrossEntropy,
  el2n,
  ensembleKdLoss,
  klDivergence,
  nkdLoss,
  setProbability,
  softmax,
  zScoreLoss,
} from '../lib/index';
import { ulpDistance } from '../lib/ulp';
import { Random } from './support/kernels/random';

const I = Infinity;

function near(got: number, truth: number, ulp: number): void {
  const off = ulpDistance(got, truth, 'subnormal');
  expect({ got, truth, near: off <= ulp }).toEqual({ got, truth, near: true });
}

function logits(n: number): Float32Array {
  const random = new Random(n);
  return Float32Array.from({ length: n }, () => 3 * random.bell());
}

describe('el2n', () => {
  test('is the length of p less the unit vector', () => {
    const x = logits(50);
    const p = softmax(x);
    const length = Math.sqrt(p.reduce((sum, q, i) => sum + (q - Number(i === 7)) ** 2, 0));
    expect(el2n(x, { targets: Int32Array.of(7) })[0]).toBeCloseTo(length, 6);
  });

  test.each([20, 40, 80])('does not collapse to 0, %d above the others', (gap) => {
    const x = Float32Array.of(gap, 0, 0);
    near(el2n(x, { targets: Int32Array.of(0) })[0], Math.sqrt(6) * Math.exp(-gap), 4);
    near(el2n(x, { targets: Int32Array.of(1) })[0], Math.SQRT2, 4);
  });
});

test('zScoreLoss changes neither by an offset nor by a scale', () => {
  const x = logits(64).map(Math.fround);
  const targets = Int32Array.of(5);
  const options = { targets, sharpness: 2, threshold: 1.5 };
  const [want] = zScoreLoss(x, options);
  near(
    zScoreLoss(
      x.map((v) => 1024 * v),
      options,
    )[0],
    want,
    1,
  );
  expect(
    zScoreLoss(
      x.map((v) => v + 64),
      options,
    )[0],
  ).toBeCloseTo(want, 4);
  const mean = x.reduce((a, b) => a + b) / 64;
  const deviation = Math.sqrt(x.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 64);
  const z = (x[5] - mean) / deviation;
  near(want, Math.log1p(Math.exp(2 * (1.5 - z))) / 2, 1);
  expect(zScoreLoss(new Float32Array(3), { targets: Int32Array.of(1) })[0]).toBe(
    Math.fround(Math.LN2),
  );
});

describe('decoupledCrossEntropy', () => {
  test('with one right column is the cross-entropy', () => {
    for (const n of [2, 33, 5000]) {
      const x = logits(n);
      const positives = new Float32Array(n);
      positives[n >> 1] = 1;
      const want = crossEntropy(x, { targets: Int32Array.of(n >> 1), temperature: 0.05 })[0];
      near(decoupledCrossEntropy(x, { positives, temperature: 0.05 })[0], want, 4);
    }
  });

  test('compares each right column with the wrong ones alone', () => {
    const x = Float32Array.of(3, 1, 2, -1);
    const positives = Float32Array.of(1, 0, 0.5, -1);
    const wrong = Math.exp(1) + Math.exp(-1);
    const want = (Math.log1p(wrong * Math.exp(-3)) + Math.log1p(wrong * Math.exp(-2))) / 2;
    near(decoupledCrossEntropy(x, { positives })[0], want, 4);
    expect(decoupledCrossEntropy(x, { positives: new Float32Array(4) })[0]).toBeNaN();
    expect(decoupledCrossEntropy(x, { positives: Float32Array.of(1, 1, 1, 1) })[0]).toBe(0);
    x[0] = -I;
    expect(decoupledCrossEntropy(x, { positives })[0]).toBe(I);
  });
});

test('setProbability: each column once, wherever it stands', () => {
  const x = logits(9000);
  const p = softmax(x);
  const tokens = Int32Array.of(8999, 17, 17, 4100);
  near(setProbability(x, { tokens, count: 4 })[0], p[8999] + p[17] + p[4100], 8);
  near(setProbability(x, { tokens: tokens.subarray(1, 2) })[0], p[17], 8);
  const sure = Float32Array.of(200, 0, 0);
  expect(setProbability(sure, { tokens: Int32Array.of(0) })[0]).toBe(1);
  expect(setProbability(Float32Array.of(1, -I), { tokens: Int32Array.of(1) })[0]).toBe(0);
  const wrong = { cols: 3, count: 2, tokens: Int32Array.of(0, 1, 2, 3) };
  expect(() => setProbability(new Float32Array(6), wrong)).toThrow(
    /options\.tokens .*received -?\d+ for row 1$/,
  );
  expect(() => setProbability(new Float32Array(6), { ...wrong, count: 3 })).toThrow(/6 elements/);
});

describe('nkdLoss', () => {
  const n = 40;
  const x = logits(n);
  const teacher = logits(n + 1).subarray(1);
  const target = 11;
  const options = { targets: Int32Array.of(target), teacher };

  test.each([1, 2, 0.5])('by softmax over the other columns, at %d', (temperature) => {
    const others = (row: Float32Array) =>
      softmax(
        row.filter((_, i) => i !== target),
        { temperature },
      );
    const [s, t] = [others(x), others(teacher)];
    const cross = -t.reduce((sum, p, i) => sum + p * Math.log(s[i]), 0);
    const first = -softmax(teacher)[target] * Math.log(softmax(x)[target]);
    const want = first + 1.5 * temperature ** 2 * cross;
    expect(nkdLoss(x, { ...options, temperature })[0]).toBeCloseTo(want, 4);
  });

  test('of a student without a column that the teacher has', () => {
    const short = x.slice();
    short[3] = -I;
    expect(nkdLoss(short, options)[0]).toBe(I);
    const both = teacher.slice();
    both[3] = -I;
    expect(nkdLoss(short, { ...options, teacher: both })[0]).toBeLessThan(100);
    expect(nkdLoss(short, { ...options, gamma: 0 })[0]).toBeLessThan(100);
  });
});

describe('ensembleKdLoss', () => {
  const x = logits(30);
  const teachers = logits(91).subarray(1);
  const targets = Int32Array.of(4);

  test('is what its parts are', () => {
    const mean = Float32Array.from(
      { length: 30 },
      (_, i) => (teachers[i] + teachers[30 + i] + teachers[60 + i]) / 3,
    );
    const hard = crossEntropy(x, { targets })[0];
    const apart = klDivergence(mean, { other: x, temperature: 2 })[0];
    const got = (targetWeight: number) =>
      ensembleKdLoss(x, { targets, teachers, members: 3, targetWeight })[0];
    near(got(1), hard, 4);
    near(got(0), 4 * apart, 24);
    near(got(0.25), 0.25 * hard + 0.75 * 4 * apart, 24);
  });

  test('has as many teachers as it is told', () => {
    expect(() => ensembleKdLoss(x, { targets, teachers, members: 2 })).toThrow(/have 60 elements/);
    expect(() => ensembleKdLoss(x, { targets, teachers })).toThrow(/have 30 elements/);
  });
});
