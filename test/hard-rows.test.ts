/**
 * Rows that a search found: errors that add up (a block whose pairs are rounded alike, an operator that multiplies the
 * error of its sum), and numbers at the ends of what a float or a double holds. The truth is from 60 digits.
 */
import { describe, expect, test } from '@jest/globals';
import * as softlane from '../lib';
import { ulpDistance } from '../lib/ulp';
import { isas, operators } from './support/kernels/operators';

const f32 = (...numbers: number[]): Float32Array => Float32Array.from(numbers);

/** `n` masked elements but for these. */
function row(n: number, elements: Readonly<Record<number, number>>): Float32Array {
  const x = new Float32Array(n).fill(-Infinity);
  for (const [i, v] of Object.entries(elements)) x[Number(i)] = v;
  return x;
}

/** Pairs of vectors from `first` on of which the sums of all lanes are rounded alike. */
function pairs(x: Float32Array, first: number, count: number, a: number, b: number, lanes = 16) {
  for (let k = 0; k < count; k++) {
    x.fill(a, first + 32 * k, first + 32 * k + lanes);
    x.fill(b, first + 32 * k + 16, first + 32 * k + 16 + lanes);
  }
  return x;
}

const bounds = new Map(operators.map(([name, { bound }]) => [name, bound.maxUlp]));

const zRow = (peak: number, a: number, b: number): Float32Array => {
  const x = pairs(new Float32Array(48).fill(-Infinity), 0, 1, a, b, 12);
  x[32] = peak;
  return x;
};
const teacher = pairs(
  row(64, { 1: -2.702521562576294 }),
  32,
  1,
  -5.134609222412109,
  -4.976634502410889,
);
const student = pairs(row(64, { 0: 0, 1: 0 }), 32, 1, -76.79627227783203, -50.10373306274414);
const widest = f32(8e37, -3.4e38);
const apart = (widest[0] - widest[1]) / 16;

describe.each(isas)('%s', (isa) => {
  test.each<[string, string, () => number, number]>([
    [
      'focalLoss',
      'gamma 16',
      () => {
        const x = pairs(
          row(288, { 0: 6.477389335632324, 1: 0 }),
          32,
          8,
          -2.781097412109375,
          -2.679621696472168,
        );
        return softlane.focalLoss(x, { targets: Int32Array.of(0), gamma: 16, isa })[0];
      },
      1.60400569776e-27,
    ],
    [
      'zLoss',
      'a large coefficient',
      () =>
        softlane.zLoss(zRow(-2.4810409545898438, -2.781097412109375, -2.679621696472168), {
          coefficient: 7.9600877056170685,
          isa,
        })[0],
      1.99798996121,
    ],
    [
      'zLoss',
      'as it is',
      () =>
        softlane.zLoss(zRow(-2.312221050262451, -2.779743194580078, -2.642747640609741), {
          coefficient: 1,
          isa,
        })[0],
      0.280118844858,
    ],
    [
      'zLoss',
      'as in PaLM',
      () =>
        softlane.zLoss(zRow(-2.305236577987671, -2.779743194580078, -2.642747640609741), {
          coefficient: 1e-4,
          isa,
        })[0],
      2.80551747834e-5,
    ],
    [
      'energy',
      'just below T / 2',
      () =>
        softlane.energy(zRow(-4.6778998374938965, -5.366291522979736, -5.531939506530762), {
          temperature: 1.99,
          isa,
        })[0],
      -0.995398013724,
    ],
    [
      'nkdLoss',
      'pairs',
      () =>
        softlane.nkdLoss(student, {
          teacher,
          targets: Int32Array.of(0),
          temperature: 1.8695190693187895,
          gamma: 1.2059916246910363,
          isa,
        })[0],
      127.743232798,
    ],
    [
      'ensembleStats.predictiveEntropy',
      'two members',
      () =>
        softlane.ensembleStats(
          f32(-0.12956403195858002, -4.81236457824707, 0.005813160911202431, -10.002114295959473),
          { cols: 2, members: 2, stats: ['predictiveEntropy'], isa },
        ).predictiveEntropy[0],
      0.0293808888795,
    ],
    [
      'rowStats.collisionProbability',
      'a sum of pairs, squared',
      () => {
        const x = Float32Array.from(
          { length: 3552 },
          (_, i) => [-9.660757064819336, -9.614487648010254][(i >> 4) & 1],
        );
        x[5] = -4.61737060546875;
        return softlane.rowStats(x, { stats: ['collisionProbability'], isa })
          .collisionProbability[0];
      },
      0.00193154343078,
    ],
    [
      'klDivergence',
      'a difference beyond the largest float',
      () => softlane.klDivergence(f32(0, 0), { other: widest, temperature: 16, isa })[0],
      apart / 2,
    ],
    [
      'nkdLoss',
      'a difference beyond the largest float',
      () =>
        softlane.nkdLoss(f32(0, ...widest), {
          targets: Int32Array.of(0),
          teacher: f32(0, 0, 0),
          temperature: 16,
          gamma: 0.001,
          isa,
        })[0],
      widest[0] / 3 + (0.001 * 256 * apart) / 2,
    ],
    [
      'ensembleKdLoss',
      'a difference beyond the largest float',
      () =>
        softlane.ensembleKdLoss(widest, {
          targets: Int32Array.of(0),
          teachers: f32(0, 0),
          temperature: 16,
          targetWeight: 0.9999,
          isa,
        })[0],
      ((1 - 0.9999) * 256 * apart) / 2,
    ],
  ])('%s: %s', (name, _, call, truth) => {
    expect(ulpDistance(call(), truth)).toBeLessThanOrEqual(bounds.get(name)!);
  });

  test('selfAdjustSoftmax: a masked element beside a narrow range is 0', () => {
    for (const x of [f32(-Infinity, -0.001, -Infinity), f32(-Infinity, 1.5e-6, 1e-6, -1e-8)]) {
      const y = softlane.selfAdjustSoftmax(x, { normalised: true, isa });
      expect(x.every((v, i) => v > -Infinity || Object.is(y[i], 0))).toBe(true);
    }
  });

  test('limits that are subnormal doubles', () => {
    const x = f32(0, -711, -720);
    const want = f32(0, -711, -Infinity);
    expect(softlane.minP(x, { p: 1e-310, isa })).toEqual(want);
    expect(softlane.epsilonCutoff(x, { epsilon: 1e-310, isa })).toEqual(want);
    const other = new Float32Array(3);
    const how = { other, weight: 1, against: 0, alpha: 1e-310, isa };
    expect(softlane.guidedLogits(x, how)).toEqual(want);
  });

  test('nkdLoss: next to none of the teacher where the student has none', () => {
    const one = { targets: Int32Array.of(0), isa };
    const far = (v: number): number =>
      softlane.nkdLoss(row(3, { 1: 0, 2: 0 }), { ...one, teacher: f32(v, 0, 0) })[0];
    expect(far(-200)).toBe(far(-700));
    expect(far(-100)).toBe(Infinity);
  });
});

test('a penalised logit among subnormal ones is compared as the others are', () => {
  const x = f32(
    ...[
      3.2264686946309264e-39, -9.829506168898932e-40, 2.0678611113425244e-39,
      1.0787475838065307e-38,
    ],
    ...[
      -6.873284889605368e-39, 8.392942627420917e-39, -2.1560518301948068e-40,
      1.0082827300085715e-38,
    ],
    ...[
      -7.351172507490989e-39, 7.117648921008187e-39, 9.338676158396807e-39, -1.1060567889285249e-38,
    ],
    ...[
      -6.060502353029224e-39, 9.178566598459982e-39, 7.521955757830576e-39, -3.2789333091352476e-39,
    ],
    ...[5.0526478598313497e-39, 3.9240140506948555e-40],
  );
  const sampler = softlane.createSampler({ topK: 5, repetitionPenalty: 1.1 });
  const { filtered } = sampler.sample(x, { history: [5], filtered: true });
  const kept = [...filtered!.keys()].filter((i) => filtered![i] > -Infinity);
  expect(kept).toEqual([3, 5, 7, 10, 13]);
});

test.each([700, 708, 710, 720, 740, 745, 760])('shards %d apart have an entropy', (distance) => {
  const stats = ['mantissa', 'exponent', 'offset', 'entropy'] as const;
  const shards = [f32(0, -1), f32(-distance)].map((v) =>
    softlane.rowStats(v, { stats: [...stats] }),
  );
  const { entropy } = softlane.mergeRowStats(shards, { cols: [2, 1] });
  expect(entropy[0]).toBeCloseTo(0.58220309, 6);
});
