/** The cuts as operators: that they keep what the sampler's steps keep, and what is special about them. */
import { describe, expect, test } from '@jest/globals';
import * as softlane from '../lib/index';
import type { SamplerOptions } from '../lib/index';
import { isDoubtful } from '../lib/ulp';
import { bitsOf, expectSameBits } from './support/kernels/compare';
import { isas } from './support/kernels/operators';
import { Random } from './support/kernels/random';
import { modelLogits } from './support/kernels/sampling';

const { createSampler, epsilonCutoff, etaCutoff, minP, quantileCutoff, topNSigma, topP, typicalP } =
  softlane;
const I = Infinity;

type Mask = (x: Float32Array, temperature: number) => Float32Array;
const steps: [string, SamplerOptions, Mask][] = [
  ['topP', { topP: 0.9 }, (x, temperature) => topP(x, { p: 0.9, temperature })],
  ['topP of little', { topP: 0.05 }, (x, temperature) => topP(x, { p: 0.05, temperature })],
  ['minP', { minP: 0.02 }, (x, temperature) => minP(x, { p: 0.02, temperature })],
  ['typicalP', { typicalP: 0.6 }, (x, temperature) => typicalP(x, { p: 0.6, temperature })],
  ['topNSigma', { topNSigma: 1.5 }, (x) => topNSigma(x, { n: 1.5 })],
  [
    'epsilon',
    { epsilon: 1e-3 },
    (x, temperature) => epsilonCutoff(x, { epsilon: 1e-3, temperature }),
  ],
  ['eta', { eta: 2e-3 }, (x, temperature) => etaCutoff(x, { eta: 2e-3, temperature })],
];

describe.each(steps)('%s', (_, options, mask) => {
  test('keeps what the step of the sampler keeps, and all of it as it was', () => {
    const random = new Random(79);
    for (const n of [1, 2, 17, 300, 5000, 40_000]) {
      for (const temperature of [0.5, 1, 1.7]) {
        const x = modelLogits(random, n);
        x[random.below(n)] = 5;
        const { filtered } = createSampler({ ...options, temperature }).sample(x, {
          filtered: true,
        });
        const y = mask(x, temperature);
        const kept = Float32Array.from(x, (v, i) => (filtered![i] === -I ? -I : v));
        expectSameBits(y, kept, `${n} at ${temperature}`);
        expect(y.some((v) => v > -I)).toBe(true);
        if (n > 100) expect(y.filter((v, i) => v === -I && x[i] > -I).length).toBeGreaterThan(0);
      }
    }
  });
});

test('a NaN is an error that names its row, or is masked; +Infinity spoils its row', () => {
  const rows = Float32Array.of(1, 2, 3, NaN, 2, 3, I, 2, 3);
  for (const name of [
    'topP',
    'minP',
    'typicalP',
    'topNSigma',
    'epsilonCutoff',
    'etaCutoff',
  ] as const) {
    const mask = softlane[name] as typeof topP;
    expect(() => mask(rows, { cols: 3 })).toThrow(/NaN.*row 1/);
    const y = mask(rows, { cols: 3, nan: 'masked' });
    expect([y[3], y[5]]).toEqual([-I, 3]);
    expect([...y.subarray(6)]).toEqual([NaN, NaN, NaN]);
  }
});

test('of equal ones the lowest index is kept first', () => {
  const x = Float32Array.of(1, 2, 2, 2, 0);
  for (const isa of isas) {
    expect([...topP(x, { p: 0.4, isa })]).toEqual([-I, 2, 2, -I, -I]);
    expect([...topP(x, { p: 1e-9, isa })]).toEqual([-I, 2, -I, -I, -I]);
    expect([...minP(x, { p: 1, isa })]).toEqual([-I, 2, 2, 2, -I]);
    expect([...epsilonCutoff(x, { epsilon: 1, isa })]).toEqual([-I, 2, -I, -I, -I]);
    expect([...topNSigma(x, { n: 0, isa })]).toEqual([-I, 2, 2, 2, -I]);
  }
});

test('quantileCutoff compares, and nothing else', () => {
  const x = Float32Array.of(4, -I, 1, 3, 2, -0);
  for (const isa of isas) {
    expect([...quantileCutoff(x, { q: 0.5, isa })]).toEqual([4, -I, -I, 3, 2, -I]);
    expect([...quantileCutoff(x, { q: 0, isa })]).toEqual([...x]);
    expect([...quantileCutoff(x, { q: 0.01, isa })]).toEqual([4, -I, 1, 3, 2, -I]);
    expect([...quantileCutoff(x, { q: 1, isa })]).toEqual([4, -I, -I, -I, -I, -I]);
    expect([...quantileCutoff(Float32Array.of(I, 1, 2), { isa })]).toEqual([I, -I, 2]);
    expect([...quantileCutoff(Float32Array.of(-I, -I), { isa })]).toEqual([-I, -I]);
  }
});

test('a mask is a logits processor: one after the other, in place', () => {
  const x = modelLogits(new Random(3), 1000);
  const y = x.slice();
  topP(y, { p: 0.9, out: y });
  minP(y, { p: 0.01, out: y });
  const { filtered } = createSampler({ topP: 0.9, minP: 0.01 }).sample(x, { filtered: true });
  expect(bitsOf(y)).toEqual(bitsOf(filtered!));
});

/** Without this the oracle's doubt could hide any mistake. */
test('the oracle is in doubt of few elements', () => {
  const random = new Random(5);
  let doubtful = 0;
  for (const { operator } of [topP, minP, typicalP, topNSigma, epsilonCutoff, etaCutoff]) {
    for (let i = 0; i < 10; i++) {
      const truth = operator.oracle(modelLogits(random, 3000), {}, {}) as Float64Array;
      doubtful += truth.filter(isDoubtful).length;
    }
  }
  expect(doubtful).toBeLessThan(60);
});
