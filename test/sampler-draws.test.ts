/** Draws of the sampler: their distribution, and that nothing but seed, row and step has a say in them. */
import { describe, expect, test } from '@jest/globals';
import { createSampler } from '../lib/index';
import type { SampleOptions, SamplerOptions } from '../lib/sampler';
import { createSampler as createAsync } from '../lib/promises';
import { deviation } from './helpers/chi-square';
import { isas } from './support/kernels/operators';
import { Random } from './support/kernels/random';
import { distributionOf, modelLogits } from './support/kernels/sampling';

function tally(tokens: Int32Array, n: number): number[] {
  const counts = new Array<number>(n).fill(0);
  for (const token of tokens) counts[token]++;
  return counts;
}

const N = 60;
const DRAWS = 40_000;
const row = Float32Array.from({ length: N }, (_, i) => 3 * Math.sin(i * 1.7) - i / 20);

/** The same row many times, a token each. */
function drawRows(options: SamplerOptions): Int32Array {
  const x = new Float32Array(N * DRAWS);
  for (let r = 0; r < DRAWS; r++) x.set(row, r * N);
  return createSampler(options).sample(x, { cols: N }).tokens;
}

function drawCount(options: SamplerOptions): Int32Array {
  return createSampler(options).sample(row, { count: DRAWS }).tokens;
}

function drawSteps(options: SamplerOptions): Int32Array {
  const sampler = createSampler(options);
  return Int32Array.from({ length: DRAWS }, () => sampler.sample(row).tokens[0]);
}

describe('chi-square, with fixed seeds', () => {
  const settings: [string, SamplerOptions][] = [
    ['the whole row', { seed: 1 }],
    ['temperature, topK and topP', { temperature: 1.3, topK: 30, topP: 0.95, seed: 2 }],
    ['minP', { minP: 0.05, seed: 3 }],
    ['typicalP', { typicalP: 0.7, seed: 4 }],
    ['Gumbel-max', { method: 'gumbel', seed: 5 }],
    ['Gumbel-max after topK', { method: 'gumbel', topK: 20, temperature: 0.7, seed: 2 ** 50 }],
  ];
  const ways = { rows: drawRows, count: drawCount, steps: drawSteps };
  test.each(settings)('%s: draws over rows, counts and steps', (_, options) => {
    const { probabilities } = distributionOf(row, { options });
    for (const draw of Object.values(ways)) {
      // Independent draws of one call are no matter of Gumbel noise.
      if (options.method === 'gumbel' && draw === drawCount) continue;
      expect(Math.abs(deviation(tally(draw(options), N), probabilities))).toBeLessThan(4);
    }
  });

  test('a distribution that is off by a temperature of 10 % is found out', () => {
    const { probabilities } = distributionOf(row, { options: { temperature: 1.1 } });
    for (const draw of Object.values(ways)) {
      expect(deviation(tally(draw({ seed: 1 }), N), probabilities)).toBeGreaterThan(6);
    }
  });

  test('XTC cuts as often as it says', () => {
    const xtc = { probability: 0.3, threshold: 0.05 };
    const plain = distributionOf(row, { options: {} }).probabilities;
    const always = { ...xtc, probability: 1 };
    const cut = distributionOf(row, { options: { xtc: always } }).probabilities;
    const mixed = plain.map((p, i) => 0.7 * p + 0.3 * cut[i]);
    expect(deviation(tally(drawRows({ xtc, seed: 6 }), N), mixed)).toBeLessThan(4);
  });

  test('without replacement: ordered pairs as drawn one after the other', () => {
    const x = Float32Array.of(0.3, 1.2, -0.4, 0.9);
    const { probabilities: p } = distributionOf(x, { options: {} });
    const sampler = createSampler({ seed: 7 });
    const counts = new Array<number>(16).fill(0);
    for (let i = 0; i < 30_000; i++) {
      const { tokens } = sampler.sample(x, { count: 2, replacement: false });
      counts[4 * tokens[0] + tokens[1]]++;
    }
    const pairs = counts.map((_, i) => {
      const [a, b] = [i >> 2, i & 3];
      return a === b ? 0 : (p[a] * p[b]) / (1 - p[a]);
    });
    expect(Math.abs(deviation(counts, pairs))).toBeLessThan(4);
  });

  test('the first draws of neighbouring seeds, rows and steps have nothing to do with each other', () => {
    const x = new Float32Array(8);
    const uniform = new Array<number>(64).fill(1 / 64);
    const first = (seed: number, id: number, step: number): number =>
      createSampler({ seed }).sample(x, { rows: [id], step }).tokens[0];
    for (const [a, b] of [
      [
        [1, 0, 0],
        [0, 1, 0],
      ],
      [
        [0, 1, 0],
        [0, 0, 1],
      ],
      [
        [0, 0, 1],
        [1, 0, 0],
      ],
    ]) {
      const counts = new Array<number>(64).fill(0);
      for (let i = 0; i < 6000; i++) {
        const [left, right] = [a, b].map((d) => first(i * d[0], i * d[1], i * d[2]));
        counts[8 * left + right]++;
      }
      expect(Math.abs(deviation(counts, uniform))).toBeLessThan(4);
    }
  });
});

describe('the same tokens', () => {
  const COLS = 6000;
  const ROWS = 12;
  const random = new Random(21);
  const x = new Float32Array(COLS * ROWS);
  for (let r = 0; r < ROWS; r++) x.set(modelLogits(random, COLS), r * COLS);
  const perRow: SamplerOptions[] = [
    { topK: 50, topP: 0.95, temperature: 0.7, repetitionPenalty: 1.2 },
    { topP: 0.9, frequencyPenalty: 0.4, presencePenalty: 0.1 },
    {},
    { minP: 0.05, dry: { multiplier: 1 } },
    { method: 'gumbel', topK: 500 },
    { method: 'greedy', logitBias: { 5: 100 } },
    { typicalP: 0.6, noRepeatNgram: 2 },
    { topNSigma: 1, seed: 99 },
    { eta: 1e-3 },
    { epsilon: 1e-4, xtc: {} },
    { topK: 5900 },
    { temperature: 4, topP: 0.999 },
  ];
  const history = perRow.map((_, r) =>
    Array.from({ length: 20 * r }, (_each, i) => (i * i + r) % 40),
  );
  const rows = perRow.map((_, r) => 100 + r);
  const options: SampleOptions = {
    cols: COLS,
    perRow,
    history,
    rows,
    step: 5,
    rawLogProbs: true,
    filtered: true,
  };
  const sampler = createSampler({ seed: 13 });
  const reference = sampler.sample(x, options);

  test('one row alone, and at another place of the batch', () => {
    perRow.forEach((own, r) => {
      const alone = sampler.sample(x.slice(r * COLS, (r + 1) * COLS), {
        perRow: [own],
        history: history[r],
        rows: [rows[r]],
        step: 5,
        rawLogProbs: true,
        filtered: true,
      });
      expect(alone.filtered).toEqual(reference.filtered!.subarray(r * COLS, (r + 1) * COLS));
      expect([alone.tokens[0], alone.logProbs[0], alone.rawLogProbs![0]]).toEqual([
        reference.tokens[r],
        reference.logProbs[r],
        reference.rawLogProbs![r],
      ]);
    });
    const turned = (list: readonly unknown[]): never => [...list].reverse() as never;
    const backwards = new Float32Array(x.length);
    for (let r = 0; r < ROWS; r++) {
      backwards.set(x.subarray(r * COLS, (r + 1) * COLS), (ROWS - 1 - r) * COLS);
    }
    const other = sampler.sample(backwards, {
      ...options,
      perRow: turned(perRow),
      history: turned(history),
      rows: turned(rows),
    });
    expect([...other.tokens].reverse()).toEqual([...reference.tokens]);
    expect([...other.logProbs].reverse()).toEqual([...reference.logProbs]);
  });

  test.each(isas)('on %s, with any number of threads, at any address', (isa) => {
    for (const threads of [1, 2, 3, 7]) {
      const moved = new Float32Array(x.length + 3).subarray(threads % 4);
      moved.set(x);
      const found = sampler.sample(moved.subarray(0, x.length), { ...options, isa, threads });
      expect(found).toEqual(reference);
    }
  });

  test('by a promise', async () => {
    const later = createAsync({ seed: 13 });
    expect(await later.sample(x, options)).toEqual(reference);
    expect(later.step).toBe(6);
    const stop = new AbortController();
    stop.abort(new Error('enough'));
    await expect(later.sample(x, { ...options, signal: stop.signal })).rejects.toThrow('enough');
    await expect(later.sample(x, { cols: 7 })).rejects.toThrow('multiple of options.cols');
    await expect(later.sample(Float32Array.of(NaN, 1))).rejects.toThrow('one in row 0');
  });

  test('inputs may be written as soon as the promise is there', async () => {
    const mine = x.slice();
    const tokens = history.map((each) => Int32Array.from(each));
    const promise = createAsync({ seed: 13 }).sample(mine, { ...options, history: tokens });
    mine.fill(0);
    for (const each of tokens) each.fill(0);
    expect(await promise).toEqual(reference);
  });

  test('from a tensor, and into arrays that are given', () => {
    const out = { tokens: new Int32Array(ROWS + 1).fill(9), logProbs: new Float32Array(ROWS) };
    const tensor = { data: x, dims: [3, 4, COLS] };
    const result = sampler.sample(tensor, { ...options, cols: undefined, out });
    expect(result.tokens).toBe(out.tokens);
    expect([...out.tokens]).toEqual([...reference.tokens, 9]);
    expect(out.logProbs).toEqual(reference.logProbs);
  });

  test('whatever is asked for besides', () => {
    const plain = sampler.sample(x, { ...options, rawLogProbs: false, filtered: false });
    expect(plain).toEqual({ tokens: reference.tokens, logProbs: reference.logProbs });
  });

  test('whatever a getter does with the sampler meanwhile', () => {
    const one = createSampler({ topK: 3, seed: 2 });
    const row = x.subarray(0, COLS);
    const want = [0, 1, 2].map((step) => one.sample(row, { step }).tokens[0]);
    const out = {
      get tokens() {
        one.sample(row, { step: 7, history: [1, 2, 3] });
        return undefined;
      },
    };
    expect([0, 1, 2].map((step) => one.sample(row, { step, out }).tokens[0])).toEqual(want);
  });

  test('logits stay as they are', () => {
    const before = x.slice();
    sampler.sample(x, options);
    expect(x).toEqual(before);
  });

  test('steps go on by themselves', () => {
    const first = createSampler({ seed: 1 });
    const one = x.subarray(0, COLS);
    const drawn = [0, 1, 2, 3].map(() => first.sample(one).tokens[0]);
    expect(first.step).toBe(4);
    first.step = 2;
    expect(first.sample(one).tokens[0]).toBe(drawn[2]);
    const again = [0, 1, 2, 3].map(
      (step) => createSampler({ seed: 1 }).sample(one, { step }).tokens[0],
    );
    expect(again).toEqual(drawn);
    expect(new Set(drawn).size).toBeGreaterThan(1);
  });
});
