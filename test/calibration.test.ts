/** Calibration, risk and coverage, ROC and precision-recall, against what the definitions say in the plainest way. */
import { describe, expect, test } from '@jest/globals';
import { aupr, auroc, calibration, crossEntropy, fitTemperature, riskCoverage } from '../lib/index';
import { expectCode } from './helpers/errors';
import { Random } from './support/kernels/random';

const random = new Random(12);

/** Items with many equal scores. */
function items(n: number, kinds: number): { score: number[]; label: number[] } {
  const score = Array.from({ length: n }, () => random.below(kinds + 1) / kinds);
  const label = score.map((s) => (random.chance(0.2 + 0.5 * s) ? 1 : 0));
  return { score, label };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

describe('calibration', () => {
  test.each([1, 7, 15])('%d bins of equal width', (bins) => {
    const { score, label } = items(500, 70);
    const got = calibration(score, label, { bins });
    let ece = 0;
    let mce = 0;
    for (let b = 0; b < bins; b++) {
      const inside = score.flatMap((s, i) =>
        (s > b / bins && s <= (b + 1) / bins) || (b === 0 && s === 0) ? [i] : [],
      );
      expect(got.bins[b]).toMatchObject({ lower: b / bins, count: inside.length });
      if (inside.length === 0) continue;
      const accuracy = mean(inside.map((i) => label[i]));
      const confidence = mean(inside.map((i) => score[i]));
      expect(got.bins[b].accuracy).toBeCloseTo(accuracy, 12);
      expect(got.bins[b].confidence).toBeCloseTo(confidence, 12);
      ece += (Math.abs(accuracy - confidence) * inside.length) / score.length;
      mce = Math.max(mce, Math.abs(accuracy - confidence));
    }
    expect(got.ece).toBeCloseTo(ece, 12);
    expect(got.mce).toBeCloseTo(mce, 12);
    expect(got.brier).toBeCloseTo(mean(score.map((s, i) => (label[i] - s) ** 2)), 12);
    const sums = score.map((c) =>
      Math.abs(score.reduce((sum, s, i) => sum + (s <= c ? label[i] - s : 0), 0)),
    );
    expect(got.ks).toBeCloseTo(Math.max(...sums) / score.length, 12);
  });

  test('bins of equal mass hold as many each, in order', () => {
    const { score, label } = items(101, 1000);
    const { bins } = calibration(score, label, { bins: 10, binning: 'mass' });
    expect(bins.map((bin) => bin.count).sort()).toEqual([...Array<number>(9).fill(10), 11].sort());
    bins.slice(1).forEach((bin, b) => expect(bin.lower).toBeGreaterThanOrEqual(bins[b].upper));
  });

  test('items that are equally sure are alike to bins of equal mass, in any order', () => {
    const halves = [0.5, 0.5, 0.5, 0.5];
    const options = { bins: 2, binning: 'mass' } as const;
    const half = { lower: 0.5, upper: 0.5, count: 2, confidence: 0.5, accuracy: 0.5 };
    for (const correct of [
      [1, 1, 0, 0],
      [1, 0, 1, 0],
      [0, 0, 1, 1],
    ]) {
      const got = calibration(halves, correct, options);
      expect(got).toMatchObject({ ece: 0, mce: 0, ks: 0, brier: 0.25, bins: [half, half] });
    }
    // The border falls behind the first of three equals, of which two are right.
    const { bins } = calibration([0.9, 0.6, 0.2, 0.6, 0.6, 0.1], [1, 1, 0, 0, 1, 0], options);
    expect(bins.map((bin) => bin.count)).toEqual([3, 3]);
    expect(bins[0].accuracy).toBeCloseTo(2 / 9, 15);
    expect(bins[1].accuracy).toBeCloseTo((4 / 3 + 1) / 3, 15);
  });

  test.each(['width', 'mass'] as const)('the order changes no bit: %s', (binning) => {
    const { score, label } = items(200, 13);
    const first = calibration(score, label, { bins: 7, binning });
    const risks = riskCoverage(score, score);
    for (let round = 0; round < 20; round++) {
      const order = score.map((_, i) => ({ i, key: random.unit() })).sort((a, b) => a.key - b.key);
      const [mixed, right] = [score, label].map((list) => order.map(({ i }) => list[i]));
      expect(calibration(mixed, right, { bins: 7, binning })).toEqual(first);
      expect(riskCoverage(mixed, mixed)).toEqual(risks);
    }
  });

  test('without equals, bins of equal mass are the plain ones', () => {
    const n = 61;
    const score = Array.from({ length: n }, (_, i) => ((i * 23) % n) / n);
    const label = score.map((s) => (random.chance(s) ? 1 : 0));
    const { bins, ece } = calibration(score, label, { bins: 8, binning: 'mass' });
    const sorted = score.map((s, i) => [s, label[i]]).sort(([a], [b]) => a - b);
    let expected = 0;
    bins.forEach((bin, b) => {
      const inside = sorted.filter((_, place) => Math.floor((place * 8) / n) === b);
      const [sure, right] = [0, 1].map((part) => mean(inside.map((item) => item[part])));
      const [lower, upper] = [inside[0][0], inside[inside.length - 1][0]];
      const count = inside.length;
      expect(bin).toEqual({ lower, upper, count, confidence: sure, accuracy: right });
      expected += Math.abs(right - sure) * (count / n);
    });
    expect(ece).toBe(expected);
  });

  test('of what is always right and always sure', () => {
    const got = calibration([1, 1], [true, true]);
    expect(got).toMatchObject({ ece: 0, mce: 0, ks: 0, brier: 0 });
    expect(calibration([], []).ece).toBeNaN();
  });

  test('errors', () => {
    expect(() => calibration([0.5, 2], [1, 0])).toThrow(/confidence\[1\].*received 2/);
    expect(() => calibration([0.5], [1, 0])).toThrow(/correct to have as many elements/);
    const given = (options: unknown) => () => calibration([0.5], [1], options as object);
    for (const bins of [0, -1, 1.5, NaN, 1e6 + 1]) {
      expectCode(given({ bins }), 'VALUE', 'options.bins to be a whole number from 1 to 1e6');
    }
    for (const bins of ['a', null, 5n]) expectCode(given({ bins }), 'TYPE', 'options.bins');
    expectCode(given({ binning: 'x' }), 'VALUE', 'options.binning to be "width" or "mass"');
    for (const binning of [5, null, true]) {
      expectCode(given({ binning }), 'TYPE', 'options.binning to be "width" or "mass"');
    }
    expect(() => calibration([0.5], [1], { size: 1 } as object)).toThrow(/options to have only/);
    expect(() => calibration(undefined as unknown as number[], [1])).toThrow(/confidence.*array/);
  });
});

test('the area under the risk-coverage curve is the mean over every order of equal confidences', () => {
  const confidence = [3, 1, 2, 2, 1, 2];
  const loss = [0, 1, 1, 0, 0.5, 0];
  const orders: number[][] = [];
  const visit = (order: number[]): void => {
    if (order.length === confidence.length) orders.push(order);
    confidence.forEach((c, i) => {
      const last = order.length === 0 ? Infinity : confidence[order[order.length - 1]];
      if (!order.includes(i) && c <= last) visit([...order, i]);
    });
  };
  visit([]);
  const falling = orders.filter((order) =>
    order.every((i, place) => place === 0 || confidence[order[place - 1]] >= confidence[i]),
  );
  const areas = falling.map((order) =>
    mean(order.map((_, k) => mean(order.slice(0, k + 1).map((i) => loss[i])))),
  );
  const got = riskCoverage(confidence, loss);
  expect(got.aurc).toBeCloseTo(mean(areas), 12);
  expect(Array.from(got.coverage)).toEqual([1 / 6, 4 / 6, 1]);
  expect(got.risk[2]).toBeCloseTo(mean(loss), 12);
});

test.each([2, 5, 1000])('AUROC counts pairs, equal scores half, %d kinds of scores', (kinds) => {
  const { score, label } = items(300, kinds);
  let wins = 0;
  let pairs = 0;
  for (let i = 0; i < score.length; i++) {
    for (let j = 0; j < score.length; j++) {
      if (label[i] !== 1 || label[j] !== 0) continue;
      pairs++;
      wins += score[i] > score[j] ? 1 : score[i] === score[j] ? 0.5 : 0;
    }
  }
  expect(auroc(score, label)).toBeCloseTo(wins / pairs, 12);
  const precision = score.flatMap((s, i) => {
    const above = score.flatMap((other, j) => (other >= s ? [label[j]] : []));
    return label[i] === 1 ? [mean(above)] : [];
  });
  expect(aupr(score, label)).toBeCloseTo(mean(precision), 12);
  expect(auroc([1, 2], [1, 1])).toBeNaN();
  expect(aupr([1, 2], [0, 0])).toBeNaN();
  expect(() => auroc([1, NaN], [1, 0])).toThrow(/score\[1\]/);
});

describe('fitTemperature', () => {
  test.each([0.3, 1, 5])('finds the temperature of logits whose labels were drawn at %d', (t) => {
    const cols = 4;
    const rows = 20_000;
    const logits = Float32Array.from({ length: rows * cols }, () => 3 * random.bell());
    const targets = Int32Array.from({ length: rows }, (_, r) => {
      const p = Array.from(logits.subarray(r * cols, (r + 1) * cols), (x) => Math.exp(x / t));
      let left = random.unit() * p.reduce((a, b) => a + b, 0);
      return Math.max(
        0,
        p.findIndex((value) => (left -= value) < 0),
      );
    });
    const found = fitTemperature(logits, { cols, targets });
    expect(found / t).toBeGreaterThan(0.95);
    expect(found / t).toBeLessThan(1.05);
    const cost = (temperature: number): number =>
      mean(Array.from(crossEntropy(logits, { cols, targets, temperature })));
    for (const factor of [0.98, 1.02]) expect(cost(found)).toBeLessThan(cost(found * factor));
  });

  test('losses that are 0 as floats may be smaller yet', () => {
    const logits = Float32Array.of(200, 0, 300, 0);
    const targets = Int32Array.of(0, 0);
    expect(fitTemperature(logits, { cols: 2, targets })).toBeCloseTo(1 / 64, 5);
  });

  test('is 1 where every temperature is as good', () => {
    const fit = (targets: number[], ...logits: number[]): number =>
      fitTemperature(Float32Array.from(logits), {
        cols: logits.length / targets.length,
        targets: Int32Array.from(targets),
      });
    expect(fit([0, 1], 1, 1, 1, 1)).toBe(1);
    expect(fit([0, 2], 3, -Infinity, 3, -0, 0, 0)).toBe(1);
    expect(fit([1], -Infinity, 5)).toBe(1); // the only class
    expect(fit([0, 1], 1, 1, 1, 2)).toBeCloseTo(1 / 64, 5); // one row tells
    expect(fit([0], 20_000, 0)).toBeCloseTo(1 / 64, 5); // 0 as floats
    expect(fit([0], -Infinity, 5)).toBeNaN();
    expect(fit([0], NaN, NaN)).toBeNaN();
    expect(fit([0], Infinity, Infinity)).toBeNaN();
    expect(fit([0], -Infinity, -Infinity)).toBeNaN();
  });

  test('a tensor says how many columns it has, and an array does not', () => {
    const data = Float32Array.of(4, 0, 4, 0, 4, 0, 0, 4);
    const targets = Int32Array.of(0, 0, 0, 0);
    const want = fitTemperature(data, { cols: 2, targets });
    expect(want).toBeCloseTo(4 / Math.log(3), 2);
    for (const dims of [
      [4, 2],
      [2, 2, 2],
    ]) {
      expect(fitTemperature({ data, dims }, { targets })).toBe(want);
    }
    expect(fitTemperature({ data, dims: [8] }, { cols: 2, targets })).toBe(want);
    const fit = fitTemperature as (...all: unknown[]) => unknown;
    expectCode(() => fit(data, { targets }), 'TYPE', 'options.cols', 'received undefined');
    expectCode(() => fit({ data, dims: [4, 2] }, { cols: null, targets }), 'TYPE', 'options.cols');
    expectCode(() => fit(data, { cols: 0.5, targets }), 'VALUE', 'options.cols');
    const bits = new Uint16Array(8);
    const words = /a Uint16Array beside options\.dtype "f16" or "bf16"/;
    expectCode(() => fit(bits, { cols: 2, targets }), 'TYPE', words);
  });

  test('rows that are all right want no doubt: the end of the range', () => {
    const logits = Float32Array.of(1, 0, 2, 0);
    expect(fitTemperature(logits, { cols: 2, targets: Int32Array.of(0, 0) })).toBeCloseTo(
      1 / 64,
      5,
    );
  });
});
