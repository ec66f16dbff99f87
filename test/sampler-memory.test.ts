/** What a sampler keeps from call to call, and what rows have of their own. */
import { expect, test } from '@jest/globals';
import { createSampler } from '../lib';

test('a call that throws is no step', () => {
  const sampler = createSampler({ seed: 3 });
  const bad = Float32Array.of(1, NaN);
  expect(() => sampler.sample(bad)).toThrow(/NaN/);
  sampler.step = 9;
  expect(() => sampler.sample(bad, { step: 7 })).toThrow(/NaN/);
  expect(sampler.step).toBe(9);
  sampler.step = 0;
  expect(() => sampler.sample(Float32Array.of(-Infinity))).toThrow(/masked/);
  expect(sampler.step).toBe(0);
});

test('a cut behind one that takes the likeliest measures from what is left', () => {
  const x = new Float32Array(40).fill(0.5, 1, 6);
  x[0] = 2.2;
  const order = ['temperature', 'typicalP', 'topNSigma'] as const;
  const kept = (topNSigma: number): number[] => {
    const sampler = createSampler({ typicalP: 0.3, topNSigma, order });
    const { filtered } = sampler.sample(x, { filtered: true });
    return [...filtered!.keys()].filter((token) => filtered![token] > -Infinity);
  };
  expect(kept(0)).toEqual([1, 2, 3, 4, 5]);
  expect(kept(1000)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
});

test('an option that a row has as undefined is absent', () => {
  const x = Float32Array.of(1, 1.1, 1);
  const options = { temperature: 0.5, topK: 2, logitBias: { 0: -Infinity }, seed: 7 };
  const sampler = createSampler(options);
  const { filtered } = sampler.sample(x, { filtered: true });
  const own = Object.fromEntries(Object.keys(options).map((name) => [name, undefined]));
  expect(sampler.sample(x, { filtered: true, perRow: [own] }).filtered).toEqual(filtered);
});

test('no rows have no histories', () => {
  const sampler = createSampler({ repetitionPenalty: 1.1 });
  const none = { cols: 5, history: [], perRow: [], rows: [], promptLength: [] };
  expect(sampler.sample(new Float32Array(0), none).tokens).toHaveLength(0);
  // Of one row it is its history.
  expect(sampler.sample(new Float32Array(5), { history: [] }).tokens).toHaveLength(1);
});

test('mirostat forgets a row, or all', () => {
  const x = Float32Array.of(3, 2, 1, 0, -1);
  const sampler = createSampler({ mirostat: { tau: 1 }, seed: 1 });
  const first = (rows: number[]): number[] => {
    sampler.step = 0;
    return [...sampler.sample(new Float32Array([...x, ...x]), { cols: 5, rows }).logProbs];
  };
  const fresh = first([3, 4]);
  for (let i = 0; i < 50; i++)
    sampler.sample(new Float32Array([...x, ...x]), { cols: 5, rows: [3, 4] });
  const later = first([3, 4]);
  expect(later).not.toEqual(fresh);
  sampler.reset(3);
  expect(first([3, 4])[0]).toBe(fresh[0]);
  sampler.reset();
  expect(first([3, 4])).toEqual(fresh);
  expect(() => sampler.reset(-1)).toThrow(/expected row to be/);
});
