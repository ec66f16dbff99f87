/** Noise, guidance and the limit of acceptance: what their lines do not say to the tests of all operators. */
import { describe, expect, test } from '@jest/globals';
import { acceptanceLimit, createSampler, gumbelSoftmax, guidedLogits, softmax } from '../lib/index';
import { deviation } from './helpers/chi-square';
import { isas } from './support/kernels/operators';
import { Random } from './support/kernels/random';
import { modelLogits } from './support/kernels/sampling';

const I = Infinity;

describe('gumbelSoftmax', () => {
  test('the hard draw is the token of a sampler with Gumbel noise', () => {
    const cols = 3000;
    const keys = [0, 7, 2 ** 31 + 5, 2 ** 32 - 1];
    const x = new Float32Array(keys.flatMap((key) => [...modelLogits(new Random(key), cols)]));
    for (const [seed, step] of [
      [0, 0],
      [2 ** 52 + 3, 2 ** 40],
    ]) {
      const options = { cols, keys: Int32Array.from(keys, (key) => key | 0), seed, step };
      const { tokens } = createSampler({ method: 'gumbel', seed }).sample(x, {
        cols,
        rows: keys,
        step,
      });
      const hard = gumbelSoftmax(x, { ...options, hard: true });
      const soft = gumbelSoftmax(x, { ...options, temperature: 0.5 });
      keys.forEach((_, r) => {
        const row = hard.subarray(r * cols, (r + 1) * cols);
        expect(row.indexOf(1)).toBe(tokens[r]);
        expect(row.reduce((sum, v) => sum + v, 0)).toBe(1);
        const y = soft.subarray(r * cols, (r + 1) * cols);
        expect(y.indexOf(Math.max(...y))).toBe(tokens[r]);
      });
    }
  });

  test('draws are from the softmax of the logits, whatever the temperature', () => {
    const row = Float32Array.of(0.3, -1, 1.4, 0.2, -0.7);
    const draws = 20_000;
    const x = new Float32Array(5 * draws).map((_, i) => row[i % 5]);
    const keys = Int32Array.from({ length: draws }, (_, i) => i);
    const y = gumbelSoftmax(x, { cols: 5, keys, temperature: 0.1, seed: 4 });
    const counts = new Array<number>(5).fill(0);
    for (let r = 0; r < draws; r++) {
      const each = y.subarray(5 * r, 5 * r + 5);
      counts[each.indexOf(Math.max(...each))]++;
    }
    expect(Math.abs(deviation(counts, softmax(row)))).toBeLessThan(4);
    expect(deviation(counts, softmax(row, { temperature: 1.1 }))).toBeGreaterThan(6);
  });
});

describe('guidedLogits', () => {
  test('classifier-free guidance and contrastive decoding have the softmax of their definitions', () => {
    const random = new Random(6);
    const x = modelLogits(random, 200).map((v) => Math.max(v, -20));
    const other = modelLogits(random, 200).map((v) => Math.max(v, -20));
    const log = (row: Float32Array): number[] => [...softmax(row)].map(Math.log);
    const [p, q] = [log(x), log(other)];
    const same = (got: Float32Array, want: readonly number[]): void => {
      const top = Math.max(...want);
      const sum = want.reduce((all, v) => all + Math.exp(v - top), 0);
      softmax(got).forEach((v, i) => expect(v).toBeCloseTo(Math.exp(want[i] - top) / sum, 4));
    };
    const scale = 1.5;
    const guided = guidedLogits(x, { other, weight: scale, against: scale - 1 });
    same(
      guided,
      p.map((v, i) => q[i] + scale * (v - q[i])),
    );
    const limit = Math.log(0.1) + Math.max(...p);
    const contrast = guidedLogits(x, { other, weight: 1, against: 1, alpha: 0.1 });
    same(
      contrast,
      p.map((v, i) => (v >= limit ? v - q[i] : -I)),
    );
    expect(contrast.filter((v) => v > -I).length).toBeLessThan(100);
  });

  test('masks of either row stay, and nothing else becomes infinite', () => {
    const x = Float32Array.of(1, -I, 3, 3e38, -3e38);
    const other = Float32Array.of(-I, 2, 2, -3e38, 3e38);
    const most = 3.4028234663852886e38;
    for (const isa of isas) {
      const y = guidedLogits(x, { other, weight: 2, against: 1, isa });
      expect([...y]).toEqual([-I, -I, 4, most, -most]);
      expect([...guidedLogits(x, { other: x.map((v) => v && I), isa })]).toEqual(
        Array(5).fill(NaN),
      );
    }
  });
});

test('acceptanceLimit knows no offset of either row', () => {
  const [p, q] = [Float32Array.of(0, 0, 0, 0), Float32Array.of(0, 3, 1, 2)];
  for (const isa of isas) {
    const limit = acceptanceLimit(p, { other: q, isa })[0];
    for (const offset of [1e15, 1e17, -1e17, 3e38, -3e38]) {
      const far = p.map(() => offset);
      expect(acceptanceLimit(far, { other: q, isa })[0]).toBe(limit);
      expect(acceptanceLimit(q, { other: far, isa })[0]).toBe(
        acceptanceLimit(q, { other: p, isa })[0],
      );
    }
  }
});

test('acceptanceLimit is the least over all sets of columns', () => {
  const random = new Random(8);
  for (let round = 0; round < 60; round++) {
    const n = 1 + random.below(9);
    const drafts = 1 + random.below(4);
    const row = (): Float32Array =>
      Float32Array.from({ length: n }, () => (random.chance(0.1) ? -I : 2 * random.bell()));
    const [x, other] = [row(), row()];
    x[0] = other[n - 1] = 1;
    const [p, q] = [softmax(x), softmax(other)];
    let least = 1;
    for (let set = 0; set < 2 ** n; set++) {
      const of = (row: Float32Array): number =>
        row.reduce((s, v, i) => s + ((set >> i) % 2) * v, 0);
      least = Math.min(least, of(p) + 1 - of(q) ** drafts);
    }
    for (const isa of isas) {
      expect(Math.abs(acceptanceLimit(x, { other, drafts, isa })[0] - least)).toBeLessThan(2e-6);
    }
  }
});
