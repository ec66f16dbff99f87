/** Numbers about a whole job: what they are, and that they are the same in any split. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readFileSync, writeFileSync } from 'node:fs';
import { auroc, calibration, maxProbability, perplexity, rowStats } from '../lib/index';
import { ExactSum } from '../lib/score/exact-sum';
import { runJob } from '../lib/score/job';
import type { JobOptions } from '../lib/score/job-types';
import { aurocOf, Metrics, type MetricsResult } from '../lib/score/metrics';
import { softlane } from './helpers/cli';
import { dict, npy, Scratch } from './helpers/npy';

const scratch = new Scratch('metrics');
const bytesOf = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

const [rows, cols] = [3000, 64];
const x = Float32Array.from({ length: rows * cols }, (_, i) => Math.fround(Math.sin(i * i) * 4));
const labels = Int32Array.from({ length: rows }, (_, row) => (row * row) % cols);

describe('metrics', () => {
  const confidence = maxProbability(x, { cols });
  const { targetRank, targetLogProbability, entropy } = rowStats(x, {
    cols,
    targets: labels,
    stats: ['targetRank', 'targetLogProbability', 'entropy'],
  });
  const right = Array.from(targetRank, (rank) => rank === 0);

  async function measured(more: Partial<JobOptions>): Promise<MetricsResult> {
    const [good, labelFile, path] = [scratch.fresh(), scratch.fresh(), scratch.fresh()];
    writeFileSync(good, npy(dict(`(${rows}, ${cols})`), bytesOf(x)));
    writeFileSync(labelFile, npy(dict(`(${rows},)`, "'<i4'"), bytesOf(labels)));
    const { metrics } = await runJob({
      inputs: [good],
      outputs: [],
      metrics: { path },
      labels: labelFile,
      ...more,
    });
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(metrics);
    return metrics!;
  }

  test('are those of the functions over all rows at once', async () => {
    const seen = await measured({});
    const { ece, mce, brier, bins } = calibration(confidence, right);
    const nats = perplexity(x, { cols, targets: labels });
    expect(seen.rows).toBe(rows);
    expect(seen.accuracy).toBe(right.filter(Boolean).length / rows);
    expect(seen.top5Accuracy).toBe(targetRank.filter((rank) => rank < 5).length / rows);
    expect(seen.nll).toBeCloseTo(nats.nats / rows, 12);
    expect(seen.perplexity).toBeCloseTo(nats.perplexity, 9);
    expect(seen.ece).toBeCloseTo(ece, 12);
    expect(seen.mce).toBeCloseTo(mce, 12);
    expect(seen.brier).toBeCloseTo(brier, 12);
    expect(seen.bins.map(({ count }) => count)).toEqual(bins.map(({ count }) => count));
    expect(seen.auroc).toBeCloseTo(auroc(confidence, right), 12);
    expect(seen.meanEntropy).toBeCloseTo(entropy.reduce((sum, each) => sum + each, 0) / rows, 9);
  });

  test('are the same to the last bit in any split', async () => {
    const seen = await measured({});
    for (const blockBytes of [1, 5000, 77_777])
      expect(await measured({ blockBytes })).toEqual(seen);
    const states = [new Metrics(15, true), new Metrics(15, true), new Metrics(15, true)];
    for (let row = 0; row < rows; row++) {
      const one = {
        confidence: confidence.subarray(row, row + 1),
        entropy: entropy.subarray(row, row + 1),
        targetLogProbability: targetLogProbability.subarray(row, row + 1),
        targetRank: targetRank.subarray(row, row + 1),
      };
      states[(row * row) % 3]!.add(one, 1, () => undefined);
    }
    const [a, b, c] = states.map((state) => Metrics.from(JSON.parse(JSON.stringify(state)), true));
    expect(b!.merge(c!).merge(a!).finish(seen.auroc)).toEqual(seen);
  });

  test('without labels say what can be said', async () => {
    const seen = await measured({ labels: undefined });
    expect(seen.meanConfidence).toBeGreaterThan(0);
    expect([seen.accuracy, seen.nll, seen.ece, seen.auroc]).toEqual([null, null, null, null]);
  });

  test('of a label without probability are infinite, and not unknown', async () => {
    const [input, labelFile, path] = [scratch.fresh(), scratch.fresh(), scratch.fresh()];
    const logits = Float32Array.of(0, -Infinity, 0, 1);
    writeFileSync(input, npy(dict('(2, 2)'), bytesOf(logits)));
    writeFileSync(labelFile, npy(dict('(2,)', "'<i4'"), bytesOf(Int32Array.of(1, 1))));
    const manifest = `${path}.manifest`;
    const { metrics } = await runJob({
      inputs: [input],
      outputs: [],
      metrics: { path },
      labels: labelFile,
      manifest,
    });
    const infinite = { nll: 'Infinity', perplexity: 'Infinity', accuracy: 0.5 };
    expect(metrics).toMatchObject({ nll: Infinity, perplexity: Infinity });
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject(infinite);
    expect(JSON.parse(readFileSync(manifest, 'utf8'))).toMatchObject({ metrics: infinite });
    const args = ['score', input, '--labels', labelFile, '--metrics', path, '--force'];
    const { stdout } = softlane([...args, '--json', '--quiet']);
    expect(JSON.parse(stdout)).toMatchObject({ metrics: infinite });
  });

  test('the area under the curve counts equal confidences as half', () => {
    expect(aurocOf(Uint32Array.of(5, 1), Uint32Array.of(3, 1))).toBe(0.625);
    expect(aurocOf(Uint32Array.of(), Uint32Array.of(3))).toBeNull();
  });
});

test('an exact sum is the same in every order, and the true one', () => {
  const value = fc.float({ noNaN: true, noDefaultInfinity: true });
  fc.assert(
    fc.property(fc.array(value), fc.nat(50), (values, split) => {
      const whole = new ExactSum();
      const parts = [new ExactSum(), new ExactSum()];
      for (const each of values) whole.add(each);
      [...values].reverse().forEach((each, i) => parts[i < split ? 0 : 1]!.add(each));
      const merged = ExactSum.from(JSON.parse(JSON.stringify(parts[0]!.merge(parts[1]!))));
      expect(merged.value()).toBe(whole.value());
      // In units of 2^-149 every float is a whole number.
      const units = values.reduce(
        (sum, each) => sum + BigInt(Math.trunc(each * 2 ** 100)) * 2n ** 49n + rest(each),
        0n,
      );
      expect(JSON.parse(JSON.stringify(whole)).units).toBe(String(units));
    }),
  );
});

/** What of a float lies below 2^-100, in units of 2^-149. */
function rest(value: number): bigint {
  const whole = Math.trunc(value * 2 ** 100) / 2 ** 100;
  return BigInt((value - whole) * 2 ** 100 * 2 ** 49);
}
