/** The sampler against its oracle: the same token for the same random number, wherever rounding cannot decide. */
import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { argMax, createSampler, logSoftmax } from '../lib/index';
import * as oracle from '../lib/oracle/sample';
import type { SamplerOptions, SamplerStep } from '../lib/sampler';
import { DEFAULT_ORDER, FIELDS, Field } from '../lib/sampling/settings';
import { effort } from './helpers/effort';
import { expectError } from './helpers/errors';
import { Random } from './support/kernels/random';
import type { Given } from './support/kernels/sampling';
import {
  ROUNDING,
  distributionOf,
  expected,
  modelLogits,
  sampled,
} from './support/kernels/sampling';

/** Of the logarithm of a probability: a float32 near 1 has this much, and the sum of a row not much more. */
function closeLog(got: number, want: number): boolean {
  return Math.abs(got - want) <= 1e-6 + 4e-7 * Math.abs(want);
}

interface Tally {
  doubtful: number;
  cases: number;
}

function compare(x: Float32Array, given: Given, tally: Tally): void {
  tally.cases++;
  const truth = distributionOf(x, given);
  if (truth.probabilities.every((p) => p === 0)) {
    expectError(() => sampled(x, given), RangeError, 'ERR_SOFTLANE_VALUE', 'none in row 0');
    return;
  }
  const want = expected(x, given);
  const got = sampled(x, given);
  if (want.doubt < ROUNDING) {
    tally.doubtful++;
    return;
  }
  const { token } = want;
  expect({ given, token: got.token }).toEqual({ given, token });
  if (!closeLog(got.log, want.log))
    expect({ given, log: got.log }).toEqual({ given, log: want.log });
  const lost = lostOf(got.filtered, truth);
  if (lost.length > 0) expect({ given, lost }).toEqual({ given, lost: [] });
}

/** Tokens whose share of the softmax of what is left of a row is not that of the distribution. */
function lostOf(filtered: Float32Array, truth: oracle.Distribution): number[] {
  const top = filtered.reduce((most, v) => Math.max(most, v));
  const total = filtered.reduce((sum, v) => sum + Math.exp(v - top), 0);
  return [...filtered.keys()].filter((token) => {
    const log = filtered[token] - top - Math.log(total);
    const want = truth.logProbabilities[token];
    if (truth.probabilities[token] === 0) return filtered[token] !== -Infinity && log > -700;
    // Each of two logits is rounded once.
    const rounding = 2 ** -24 * (Math.abs(filtered[token]) + Math.abs(top));
    return !(Math.abs(log - want) <= rounding + 1e-6 + 4e-7 * Math.abs(want));
  });
}

/** Options drawn at random: most cuts are off, so that each also stands alone. */
function drawOptions(random: Random): SamplerOptions {
  const options: Record<string, unknown> = { seed: random.below(1000) };
  const maybe = (name: string, make: () => unknown, probability = 0.3): void => {
    if (random.chance(probability)) options[name] = make();
  };
  maybe('temperature', () => random.uniform(0.2, 3), 0.7);
  maybe('topK', () => 1 + random.below(random.pick([3, 50, 400])));
  maybe('topP', () => random.uniform(0.05, 1));
  maybe('minP', () => random.uniform(0, 0.3));
  maybe('typicalP', () => random.uniform(0.1, 1), 0.15);
  maybe('topNSigma', () => random.uniform(0, 3), 0.15);
  maybe('epsilon', () => random.uniform(0, 0.01), 0.15);
  maybe('eta', () => random.uniform(0, 0.02), 0.15);
  maybe('xtc', () => ({ threshold: random.uniform(0.01, 0.3), probability: random.unit() }), 0.15);
  maybe('repetitionPenalty', () => random.uniform(0.8, 2));
  maybe('frequencyPenalty', () => random.uniform(-1, 2));
  maybe('presencePenalty', () => random.uniform(-1, 2));
  maybe('noRepeatNgram', () => 1 + random.below(4), 0.2);
  maybe('dry', () => ({ multiplier: random.uniform(0, 2), breakers: [random.below(6)] }), 0.2);
  maybe('logitBias', () => ({ 1: 2, 3: -Infinity, [random.below(8)]: random.uniform(-5, 5) }));
  if (random.chance(0.3)) options['order'] = shuffled(random);
  return options;
}

function shuffled(random: Random): SamplerStep[] {
  const mixed = (steps: readonly SamplerStep[]): SamplerStep[] =>
    [...steps]
      .map((step) => [random.unit(), step] as const)
      .sort((a, b) => a[0] - b[0])
      .map(([, step]) => step);
  return [...mixed(DEFAULT_ORDER.slice(0, 6)), ...mixed(DEFAULT_ORDER.slice(6))];
}

function drawCase(random: Random, n: number): Given {
  const length = random.below(40);
  const allowed = random.chance(0.2)
    ? Uint32Array.from({ length: Math.ceil(n / 32) }, () => random.bits() | 256)
    : undefined;
  return {
    options: drawOptions(random),
    history: Array.from({ length }, () => random.below(Math.min(n, 12))),
    promptLength: random.below(length + 1),
    ...(allowed && { allowed }),
    row: random.below(5),
    step: random.pick([0, 1, 2 ** 40 + random.below(100)]),
  };
}

describe('the same token as the oracle', () => {
  test.each([
    [9, 400],
    [33, 300],
    [700, 150],
    [5000, 40],
    [20000, 16],
  ])('rows of %i, any options', (n, cases) => {
    const random = new Random(n);
    const tally = { doubtful: 0, cases: 0 };
    for (let i = 0; i < cases; i++) compare(modelLogits(random, n), drawCase(random, n), tally);
    expect(tally.doubtful).toBeLessThan(0.05 * cases);
  });

  const cuts: [string, SamplerOptions][] = [
    ['nothing', {}],
    ['temperature', { temperature: 0.6 }],
    ['topK', { topK: 20 }],
    ['topP', { topP: 0.9 }],
    ['minP', { minP: 0.02 }],
    ['typicalP', { typicalP: 0.5 }],
    ['topNSigma', { topNSigma: 1.5 }],
    ['epsilon', { epsilon: 1e-4 }],
    ['eta', { eta: 1e-3 }],
    ['xtc', { xtc: { probability: 1, threshold: 0.01 } }],
    ['topK and topP', { temperature: 0.8, topK: 50, topP: 0.95 }],
    ['gumbel over the whole row', { method: 'gumbel' }],
    ['gumbel after topK', { method: 'gumbel', topK: 100 }],
  ];
  test.each(cuts)('by %s alone, over steps and temperatures', (_, options) => {
    const random = new Random(77);
    const tally = { doubtful: 0, cases: 0 };
    for (let step = 0; step < 40; step++) {
      compare(
        modelLogits(random, 3000, 1 + (step % 4)),
        { options: { seed: 3, ...options }, step },
        tally,
      );
    }
    expect(tally.doubtful).toBeLessThan(4);
  });

  const shapes: [string, (i: number, n: number, random: Random) => number][] = [
    ['rising', (i) => i / 1000],
    ['falling', (i) => -i / 1000],
    ['all equal', () => 1.5],
    ['two values', (i) => (i % 7 === 3 ? 4 : 1)],
    ['huge', (i) => (i % 1000 === 7 ? 3e38 : -3e38)],
    ['far from zero', (_, __, random) => 1e6 + random.bell()],
    ['nearly all masked', (i, _, random) => (i % 997 === 5 ? random.bell() : -Infinity)],
    ['one high stretch', (i) => (i > 30000 && i < 30200 ? 20 + (i % 13) : Math.sin(i))],
    ['subnormal and signed zeros', (i) => (i % 3 === 0 ? -0 : i % 3 === 1 ? 1e-42 : 0)],
  ];
  test.each(shapes)('rows of 40000 that are %s', (_, shape) => {
    const random = new Random(5);
    const x = Float32Array.from({ length: 40000 }, (_each, i) => shape(i, 40000, random));
    const tally = { doubtful: 0, cases: 0 };
    for (const options of [
      { topK: 50, topP: 0.9501 },
      { topK: 3000 },
      { topP: 0.50001 },
      { minP: 0.5 },
      {},
      { topK: 10, repetitionPenalty: 1.3, presencePenalty: 9 },
    ]) {
      const history = Array.from({ length: 3000 }, (_each, i) => (i * 13) % 40000);
      for (let step = 0; step < effort(1, 3); step++) compare(x, { options, step, history }, tally);
    }
    expect(tally.doubtful).toBeLessThan(3);
  });

  test('by mirostat, which follows the surprise of what was drawn', () => {
    const tau = 3;
    const eta = 0.2;
    const sampler = createSampler({ mirostat: { tau, eta }, seed: 11 });
    let bound = 2 * tau;
    let surprises = 0;
    let compared = 0;
    const random = new Random(8);
    for (let step = 0; step < 120; step++) {
      const x = Float32Array.from({ length: 400 }, () => 1.5 * random.bell());
      const { tokens, logProbs } = sampler.sample(x);
      const want = expected(x, { options: { epsilon: 2 ** -bound, seed: 11 }, step });
      if (want.doubt > ROUNDING) {
        expect(tokens[0]).toBe(want.token);
        compared++;
      }
      const surprise = -logProbs[0] / Math.LN2;
      surprises += surprise;
      bound -= eta * (surprise - tau);
    }
    expect(compared).toBeGreaterThan(110);
    expect(Math.abs(surprises / 120 - tau)).toBeLessThan(0.4);
  });
});

describe('what each step does', () => {
  const x = Float32Array.of(2, 1, 0, -1, 3);
  const kept = (options: SamplerOptions, more: Partial<Given> = {}): number[] => {
    const seen = new Set<number>();
    const { history } = more;
    for (let step = 0; step < 60; step++) {
      const { tokens } = createSampler({ temperature: 8, ...options }).sample(x, {
        step,
        history,
        count: 20,
      });
      for (const token of tokens) seen.add(token);
    }
    return [...seen].sort();
  };

  test('cuts keep what their definitions say', () => {
    expect(kept({})).toEqual([0, 1, 2, 3, 4]);
    expect(kept({ topK: 2 })).toEqual([0, 4]);
    expect(kept({ temperature: 1, topP: 0.6 })).toEqual([4]);
    expect(kept({ temperature: 1, topP: 0.7 })).toEqual([0, 4]);
    expect(kept({ temperature: 1, minP: 0.13 })).toEqual([0, 1, 4]);
    expect(kept({ topNSigma: 1 })).toEqual([0, 4]);
    expect(kept({ temperature: 1, epsilon: 0.05 })).toEqual([0, 1, 4]);
    expect(kept({ temperature: 1, xtc: { probability: 1, threshold: 0.2 } })).toEqual([0, 1, 2, 3]);
  });

  test('of equal logits the lowest indices are kept', () => {
    const same = new Float32Array(100).fill(1);
    const { tokens } = createSampler({ topK: 3 }).sample(same, { count: 100 });
    expect(Math.max(...tokens)).toBe(2);
    expect(createSampler({ topP: 0.0201 }).sample(same, { count: 99 }).tokens).toEqual(
      createSampler({ topK: 3 }).sample(same, { count: 99 }).tokens,
    );
  });

  test('a mask of its own for each row, or one for all', () => {
    const rows = new Float32Array(3 * 40);
    const allowed = Uint32Array.of(1 << 3, 0, 0, 1 << 7, 1 << 30, 0);
    const sampler = createSampler();
    expect(Array.from(sampler.sample(rows, { cols: 40, allowed }).tokens)).toEqual([3, 39, 30]);
    const one = Uint32Array.of(0, 1 << 7);
    expect(Array.from(sampler.sample(rows, { cols: 40, allowed: one }).tokens)).toEqual([
      39, 39, 39,
    ]);
  });

  test('penalties change logits as they say', () => {
    const adjusted = (options: SamplerOptions, history: number[]): number[] =>
      [0, 1, 2, 3, 4].map((token) => {
        const mask = Uint32Array.of(1 << token);
        const { rawLogProbs } = createSampler(options).sample(x, {
          allowed: mask,
          rawLogProbs: true,
        });
        const { probabilities } = distributionOf(x, { options, history });
        expect(rawLogProbs![0]).toBeCloseTo(
          x[token] - Math.log(x.reduce((s, v) => s + Math.exp(v), 0)),
          5,
        );
        return probabilities[token];
      });
    expect(adjusted({ repetitionPenalty: 2 }, [4, 3])[4]).toBeLessThan(0.3);
    const banned = createSampler({ noRepeatNgram: 2 });
    const draws = [0, 1, 2, 3].flatMap((step) => [
      ...banned.sample(x, { history: [4, 0, 2, 4], step, count: 50 }).tokens,
    ]);
    expect(new Set(draws).has(0)).toBe(false);
    const dry = createSampler({ dry: { multiplier: 1000, allowedLength: 2 } });
    expect(new Set(dry.sample(x, { history: [1, 2, 4, 1, 2], count: 200 }).tokens).has(4)).toBe(
      false,
    );
  });

  test('every history of seven tokens of three: what repeats it, by the words of the definition', () => {
    const COLS = 4;
    const histories = Array.from({ length: 3 ** 7 }, (_, code) =>
      Array.from({ length: 7 }, (_, i) => Math.floor(code / 3 ** i) % 3),
    );
    const x = new Float32Array(histories.length * COLS);
    const leftBy = (options: SamplerOptions): Float32Array =>
      createSampler(options).sample(x, { cols: COLS, history: histories, filtered: true })
        .filtered!;
    /** How many of the last tokens stand before place i too; none of them is a breaker. */
    const repeat = (history: readonly number[], i: number, breaker?: number): number => {
      let n = 0;
      while (n < i && history[i - 1 - n] === history[6 - n] && history[6 - n] !== breaker) n++;
      return n;
    };
    for (const breaker of [undefined, 1]) {
      const breakers = breaker === undefined ? [] : [breaker];
      const left = leftBy({ dry: { multiplier: 3, base: 2, allowedLength: 1, breakers } });
      const want = histories.flatMap((history) => {
        const longest = [0, 0, 0, 0];
        history.forEach((token, i) => {
          if (token === breaker) return; // what breaks repeats continues none
          longest[token] = Math.max(longest[token], repeat(history, i, breaker));
        });
        return longest.map((n) => (n === 0 ? 0 : -3 * 2 ** (n - 1)));
      });
      expect(Array.from(left)).toEqual(want);
    }
    const bans = histories.flatMap((history) =>
      [0, 1, 2, 3].map((token) =>
        history.some((each, i) => each === token && i >= 2 && repeat(history, i) >= 2),
      ),
    );
    const left = leftBy({ noRepeatNgram: 3 });
    expect(Array.from(left, (v) => v === -Infinity)).toEqual(bans);
  });

  test('greedy is the largest after penalties, and ties go to the lowest index', () => {
    const random = new Random(3);
    const greedy = createSampler({ method: 'greedy', topK: 1, temperature: 7 });
    for (const n of [1, 15, 4097, 9000]) {
      const row = modelLogits(random, n);
      const { tokens, logProbs } = greedy.sample(row);
      expect(tokens[0]).toBe(argMax(row)[0]);
      const truth = distributionOf(row, { options: {} });
      expect(closeLog(logProbs[0], truth.logProbabilities[tokens[0]])).toBe(true);
    }
    expect(greedy.sample(Float32Array.of(1, 5, 5, 5)).tokens[0]).toBe(1);
    expect(
      createSampler({ method: 'greedy', logitBias: { 2: 1 } }).sample(Float32Array.of(1, 5, 5))
        .tokens[0],
    ).toBe(2);
  });

  test('without replacement no token comes twice, and the first missing is -1', () => {
    const sampler = createSampler({ topK: 4, seed: 5 });
    const { tokens, logProbs } = sampler.sample(x, { count: 5, replacement: false });
    expect([...tokens].sort()).toEqual([-1, 0, 1, 2, 4].sort());
    expect(tokens[4]).toBe(-1);
    expect(logProbs[4]).toBe(-Infinity);
    const first = createSampler({ topK: 4, seed: 5, method: 'gumbel' }).sample(x);
    expect(first.tokens[0]).toBe(tokens[0]);
  });

  test('the oracle adjusts as the hand does', () => {
    const context = { history: [0, 0, 3], promptLength: 1, coin: 0.5 };
    const values = oracle.adjusted(
      x,
      {
        repetitionPenalty: 2,
        frequencyPenalty: 0.5,
        presencePenalty: 0.25,
        logitBias: [[1, 4]],
        order: DEFAULT_ORDER,
      },
      context,
    );
    expect([...values]).toEqual([2 / 2 - 0.5 - 0.25, 5, 0, -2 - 0.5 - 0.25, 3]);
  });
});

test("results are the caller's own, of their lengths, however few", () => {
  const sampler = createSampler({ seed: 3 });
  const x = Float32Array.of(1, 2, 3, 4);
  for (const rows of [1, 4, 16, 17]) {
    const many = Float32Array.from({ length: rows * x.length }, (_, i) => x[i % x.length]);
    const asked = { cols: x.length, rawLogProbs: true, filtered: true, step: rows };
    const first = sampler.sample(many, asked);
    const kept = structuredClone(first);
    for (const [name, array] of Object.entries(first) as [string, Float32Array][]) {
      expect(array).toHaveLength(name === 'filtered' ? many.length : rows);
      expect(array.buffer.byteLength).toBe(4 * array.length);
    }
    const second = sampler.sample(
      many.map((v) => 5 - v),
      { ...asked, step: 100 },
    );
    expect(first).toEqual(kept);
    for (const name of ['tokens', 'logProbs', 'rawLogProbs', 'filtered'] as const) {
      expect(second[name]).not.toBe(first[name]);
    }
    const out = { tokens: new Int32Array(20).fill(-7) };
    expect(sampler.sample(many, { ...asked, out }).tokens).toBe(out.tokens);
    expect(out.tokens[rows]).toBe(-7);
  }
});

test('a NaN that is masked is in neither log-probability', () => {
  const x = Float32Array.of(1, 2, NaN, 0.5);
  const sampler = createSampler({ seed: 3, repetitionPenalty: 2 });
  const { tokens, logProbs, rawLogProbs } = sampler.sample(x, {
    nan: 'masked',
    rawLogProbs: true,
    history: [1],
  });
  const masked = x.map((v) => (Number.isNaN(v) ? -Infinity : v));
  expect(rawLogProbs![0]).toBeCloseTo(logSoftmax(masked)[tokens[0]], 6);
  expect(logProbs[0]).toBeCloseTo(logSoftmax(Float32Array.of(1, 1, -Infinity, 0.5))[tokens[0]], 6);
});

test('settings have the names and places that native code has', () => {
  const text = readFileSync(join(__dirname, '..', 'native', 'ops', 'sample_settings.h'), 'utf8');
  const listed = /enum SampleField \{([\s\S]*?)kSampleFields/.exec(text)![1];
  const names = [...listed.replace(/\/\/.*$/gm, '').matchAll(/\bk(\w+)/g)].map(([, name]) => name);
  const own = Object.keys(Field).map((name) => name[0].toUpperCase() + name.slice(1));
  expect(names.map((name) => name.replace(/^TemperatureOf$/, 'Temperature'))).toEqual(own);
  expect(names).toHaveLength(FIELDS);
});
