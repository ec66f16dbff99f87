/** softlane/transformers: processors by themselves, and in generate() of the real @huggingface/transformers. */
import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Tensor } from '@huggingface/transformers' with { 'resolution-mode': 'import' };
import type { SampleResult, SamplerOptions } from '../lib';
import { createSampler, logSumExp, softmax } from '../lib';
import type { SamplingOptions } from '../lib/transformers';
import { logitsProcessor, samplingProcessor } from '../lib/transformers';
import { deviation } from './helpers/chi-square';
import { repository } from './helpers/consumer';
import { expectCode } from './helpers/errors';
import { runTasks } from './helpers/tasks';
import type { Outcome } from './helpers/tasks';

const COLS = 60;
/** The logits of the stub in test/fixtures/transformers.cjs after this token. */
const logitsAfter = (last: number, spread = 3): Float32Array =>
  Float32Array.from(
    { length: COLS },
    (_, i) => spread * Math.sin(1.7 * i + 0.3 * last * i) - i / 20,
  );

function softmaxOf(logits: readonly number[]): number[] {
  const top = Math.max(...logits);
  const weights = logits.map((v) => Math.exp(v - top));
  const total = weights.reduce((sum, w) => sum + w, 0);
  return weights.map((w) => w / total);
}

/** -Infinity for all but the k largest. */
function largest(logits: readonly number[], k: number): number[] {
  const least = [...logits].sort((a, b) => b - a)[k - 1];
  return logits.map((v) => (v >= least ? v : -Infinity));
}

/** The most likely of these until they have this share. */
function nucleus(logits: readonly number[], share: number): number[] {
  const p = softmaxOf(logits);
  let sum = 0;
  const kept = new Set<number>();
  for (const i of [...p.keys()].sort((a, b) => p[b] - p[a])) {
    if (sum >= share) break;
    kept.add(i);
    sum += p[i];
  }
  return logits.map((v, i) => (kept.has(i) ? v : -Infinity));
}

test('operators give a Tensor for theirs', () => {
  const types = (x: Tensor): Tensor[] => [softmax(x), logSumExp(x)];
  expect(types.length).toBe(1);
  const script = `
    const { Tensor } = require('@huggingface/transformers');
    const { softmax, logSumExp } = require('./dist');
    const x = new Tensor('float32', new Float32Array(6), [2, 3]);
    console.log([softmax(x), logSumExp(x)].map((y) => y instanceof Tensor && y.dims.join()).join(' '));`;
  const { stdout } = spawnSync(process.execPath, ['-e', script], {
    cwd: repository,
    encoding: 'utf8',
  });
  expect(stdout).toBe('2,3 2\n');
});

describe('generate() of @huggingface/transformers', () => {
  const model = { cols: COLS };
  const same = { ...model, same: true };
  const prompt = [
    [5, 9, 2],
    [1, 1, 30],
    [7, 8, 7],
  ];
  const many = Array.from({ length: 3000 }, () => [4]);
  const greedy = { do_sample: false, max_new_tokens: 40 };
  const draws = { max_new_tokens: 2 };
  const usual: SamplingOptions = { temperature: 1.3, topK: 30 };
  const config = { do_sample: true, temperature: 1.3, top_k: 30, top_p: 0.8, eos_token_id: 99 };
  const theirs = { do_sample: true, ...draws };
  const ours = (own: SamplingOptions): object => ({
    prompt: many,
    model: same,
    settings: draws,
    tally: true,
    own,
  });
  const tasks = {
    'greedy, theirs': { model, prompt, settings: greedy },
    'greedy, ours': {
      model,
      prompt,
      settings: greedy,
      own: { method: 'greedy', rawLogProbs: true },
    },
    'penalties, theirs': {
      model,
      prompt,
      settings: { ...greedy, repetition_penalty: 1.4, no_repeat_ngram_size: 3 },
    },
    'penalties, ours': {
      model,
      prompt,
      settings: greedy,
      own: { method: 'greedy', repetitionPenalty: 1.4, noRepeatNgram: 3 },
    },
    'penalties, as processors': {
      model,
      prompt,
      settings: greedy,
      processor: [{ repetitionPenalty: 1.4 }, { noRepeatNgram: 3 }],
    },
    'a penalty of the model': {
      model,
      prompt,
      config: { repetition_penalty: 1.4, no_repeat_ngram_size: 3 },
      settings: greedy,
    },
    'draws, theirs': {
      model: same,
      prompt: many,
      settings: { ...theirs, temperature: 1.3, top_k: 30 },
      tally: true,
    },
    'draws, ours': ours({ ...usual, seed: 5 }),
    'nucleus, ours': ours({ ...usual, topP: 0.8, seed: 6 }),
    'nucleus of the configuration': {
      model: same,
      prompt: many,
      config,
      settings: draws,
      tally: true,
    },
    'nucleus, as processors, drawn by them': {
      model: same,
      prompt: many,
      settings: { ...theirs, top_k: 0 },
      processor: [{ temperature: 1.3 }, { topK: 30 }, { topP: 0.8 }],
      tally: true,
    },
    'another seed': { model, prompt, settings: draws, own: { ...usual, seed: 8 } },
    'a NaN': { model: { ...model, spread: 'x' }, prompt, settings: draws, own: {} },
    'an option that is none': { model, prompt, settings: draws, own: { top_p: 0.5 } },
  };
  interface Generated {
    readonly tokens: number[][];
    readonly reported: { tokens: number[]; logProbs: number[]; rawLogProbs?: number[] }[];
  }
  let outcomes: Readonly<Record<string, Outcome<Generated & number[]>>>;
  beforeAll(async () => {
    outcomes = await runTasks<Generated & number[]>('transformers.cjs', tasks);
  });
  const valueOf = (name: keyof typeof tasks): Generated & number[] => {
    expect(outcomes[name].error).toBeUndefined();
    return outcomes[name].value;
  };

  test('greedy: the same tokens as theirs', () => {
    const { tokens } = valueOf('greedy, theirs');
    expect(tokens.map((row) => row.length)).toEqual([40, 40, 40]);
    expect(valueOf('greedy, ours').tokens).toEqual(tokens);
  });

  test('greedy with penalties: the same tokens as theirs, and others than without', () => {
    const { tokens } = valueOf('penalties, theirs');
    expect(tokens).not.toEqual(valueOf('greedy, theirs').tokens);
    for (const name of ['penalties, ours', 'penalties, as processors', 'a penalty of the model']) {
      expect(valueOf(name as keyof typeof tasks).tokens).toEqual(tokens);
    }
  });

  const p = (logits: readonly number[]): number[] => softmaxOf(logits);
  const cooled = [...logitsAfter(1)].map((v) => v / 1.3);
  const thirty = p(largest(cooled, 30));
  const most = p(nucleus(largest(cooled, 30), 0.8));

  test('draws: the same distribution as theirs', () => {
    for (const name of ['draws, theirs', 'draws, ours'] as const) {
      expect(Math.abs(deviation(valueOf(name), thirty))).toBeLessThan(4);
      // What is off by a temperature of 15 % is found out.
      const other = p(
        largest(
          [...logitsAfter(1)].map((v) => v / 1.13),
          30,
        ),
      );
      expect(deviation(valueOf(name), other)).toBeGreaterThan(6);
    }
  });

  test('draws: top_p, which theirs passes over', () => {
    expect(most.filter((share) => share > 0).length).toBeLessThan(30);
    for (const name of [
      'nucleus, ours',
      'nucleus of the configuration',
      'nucleus, as processors, drawn by them',
    ] as const) {
      expect(Math.abs(deviation(valueOf(name), most))).toBeLessThan(4);
    }
  });

  test('reports tokens and log-probabilities of every step', () => {
    const { tokens, reported } = valueOf('greedy, ours');
    expect(reported.map((step) => step.tokens[1])).toEqual(tokens[1]);
    for (const { logProbs, rawLogProbs } of reported) expect(logProbs).toEqual(rawLogProbs);
    const first = Math.log(Math.max(...p([...logitsAfter(2)])));
    expect(reported[0].logProbs[0]).toBeCloseTo(first, 5);
  });

  test('draws by the seed alone, row by row and step by step', () => {
    const { tokens } = valueOf('another seed');
    const sampler = createSampler({ ...usual, seed: 8 });
    const drawn = [0, 1].map((step) => {
      const last = prompt.map((row, r) => (step === 0 ? row[2] : tokens[r][0]));
      const x = new Float32Array(3 * COLS);
      last.forEach((token, row) => x.set(logitsAfter(token), row * COLS));
      return [...sampler.sample(x, { cols: COLS }).tokens];
    });
    expect(tokens).toEqual(prompt.map((_, row) => drawn.map((step) => step[row])));
  });

  test.each<[keyof typeof tasks, string, RegExp]>([
    ['a NaN', 'VALUE', /no NaN.*row 0/],
    ['an option that is none', 'UNKNOWN_OPTION', /samplingProcessor: .*received "top_p"/],
  ])('%s: generate() rejects with one clear error', (name, code, words) => {
    expect(outcomes[name].error?.code).toBe(`ERR_SOFTLANE_${code}`);
    expect(outcomes[name].error?.message).toMatch(words);
  });
});

const tensor = (data: Float32Array, ...dims: number[]) => ({ type: 'float32', data, dims });

describe('logitsProcessor', () => {
  const row = logitsAfter(3);
  const history = [2n, 7n, 2n, 40n, 2n, 7n];
  const cases: [string, Omit<SamplerOptions, 'method'>][] = [
    ['nothing', {}],
    ['temperature', { temperature: 0.7 }],
    ['topK', { topK: 7 }],
    ['topP', { topP: 0.7 }],
    ['minP', { minP: 0.2 }],
    ['typicalP', { typicalP: 0.6 }],
    ['topNSigma', { topNSigma: 0.8 }],
    ['epsilon', { epsilon: 0.02 }],
    ['eta', { eta: 0.05 }],
    ['xtc', { xtc: { probability: 1, threshold: 0.03 } }],
    ['repetitionPenalty', { repetitionPenalty: 1.5 }],
    ['frequency and presence', { frequencyPenalty: 0.5, presencePenalty: 0.25 }],
    ['noRepeatNgram', { noRepeatNgram: 2 }],
    ['dry', { dry: { multiplier: 1 } }],
    ['logitBias', { logitBias: { 3: 2, 9: -Infinity } }],
    ['all at once', { temperature: 2, repetitionPenalty: 1.2, topK: 40, topP: 0.9, minP: 0.01 }],
  ];
  test.each(cases)('%s: leaves what the sampler draws from', (_, options) => {
    const logits = tensor(row.slice(), 1, COLS);
    expect(logitsProcessor(options)([history], logits)).toBe(logits);
    const left = p64(logits.data);
    const sampler = createSampler(options);
    const seen = new Map<number, number>();
    const call = { history: history.map(Number), count: 2000, step: 0 };
    const { tokens, logProbs } = sampler.sample(row, call);
    tokens.forEach((token, i) => seen.set(token, logProbs[i]));
    for (const [token, log] of seen) expect(Math.log(left[token])).toBeCloseTo(log, 5);
    // Without replacement all that can be drawn is drawn, so that nothing else is left.
    const all = sampler.sample(row, { ...call, count: COLS, replacement: false }).tokens;
    const kept = [...all].filter((token) => token >= 0).sort((a, b) => a - b);
    expect([...left.keys()].filter((token) => left[token] > 0)).toEqual(kept);
  });
  const p64 = (data: Float32Array): number[] => softmaxOf([...data]);

  test('does each row for itself, of any leading dimensions', () => {
    const rows = Float32Array.of(...logitsAfter(1), ...logitsAfter(2));
    const logits = tensor(rows.slice(), 2, 1, COLS);
    const one = logitsProcessor({ topK: 3, presencePenalty: 4 });
    one([[5n], [6n, 7n]], logits);
    const alone = [[5n], [6n, 7n]].flatMap((ids, r) => {
      const each = tensor(rows.slice(r * COLS, (r + 1) * COLS), 1, COLS);
      return [...logitsProcessor({ topK: 3, presencePenalty: 4 })([ids], each).data];
    });
    expect([...logits.data]).toEqual(alone);
    // A smaller one after a larger one.
    const small = tensor(logitsAfter(1), 1, COLS);
    expect([...one([[5n]], small).data]).toEqual(alone.slice(0, COLS));
  });

  test('masks what is not allowed, by a mask or by a function of the tokens', () => {
    const even = new Uint32Array(2).fill(0x55555555);
    const masked = (allowed: SamplingOptions['allowed']): number[] => {
      const { data } = logitsProcessor({ allowed })([[3n]], tensor(row.slice(), 1, COLS));
      return [...data.keys()].filter((i) => data[i] === -Infinity);
    };
    const odd = Array.from({ length: COLS / 2 }, (_, i) => 2 * i + 1);
    expect(masked(even)).toEqual(odd);
    expect(masked((ids) => (ids[0][0] === 3n ? even : undefined))).toEqual(odd);
    expect(masked(() => undefined)).toEqual([]);
  });

  test('has no draw of its own', () => {
    for (const options of [{ method: 'greedy' }, { mirostat: {} }, { top_k: 3 }]) {
      expectCode(() => logitsProcessor(options as never), 'UNKNOWN_OPTION', /to have only/);
    }
  });
});

describe('samplingProcessor', () => {
  test('leaves one token of each row', () => {
    const logits = tensor(Float32Array.of(...logitsAfter(1), ...logitsAfter(2)), 2, COLS);
    const want = createSampler({ seed: 4 }).sample(logits.data.slice(), { cols: COLS }).tokens;
    const found: SampleResult[] = [];
    samplingProcessor({ seed: 4, onSample: (result) => found.push(result) })([[1n], [2n]], logits);
    const kept = [...logits.data.keys()].filter((i) => logits.data[i] === 0);
    expect(kept).toEqual([want[0], COLS + want[1]]);
    expect(logits.data.filter((v) => v !== 0).every((v) => v === -Infinity)).toBe(true);
    expect(found[0].tokens).toEqual(want);
  });

  test('counts the prompt, or does not', () => {
    const drawn = (countPrompt: boolean): number[] => {
      const ids = [[1n, 1n, 1n]];
      const one = samplingProcessor({ method: 'greedy', frequencyPenalty: 1, countPrompt });
      return [0, 1, 2].map(() => {
        const logits = tensor(Float32Array.of(0, 2.5, 0, 1), 1, 4);
        const { data } = one(ids, logits);
        const token = data.indexOf(0);
        ids[0].push(BigInt(token));
        return token;
      });
    };
    expect(drawn(true)).toEqual([3, 0, 2]);
    expect(drawn(false)).toEqual([1, 1, 3]);
  });

  test('reads no option that Object.prototype was given', () => {
    const polluted = Object.prototype as { allowed?: unknown; onSample?: unknown };
    const logits = tensor(Float32Array.of(1, 99), 1, 2);
    polluted.allowed = polluted.onSample = 1;
    try {
      samplingProcessor()([[1n]], logits);
    } finally {
      delete polluted.allowed;
      delete polluted.onSample;
    }
    expect([...logits.data]).toEqual([-Infinity, 0]);
  });

  test('follows lists that grow, are cut, or are others', () => {
    const ids: bigint[] = Array.from({ length: 300 }, (_, i) => BigInt(i % 3));
    const one = samplingProcessor({ method: 'greedy', presencePenalty: 100 });
    const next = (list: bigint[]): number =>
      one([list], tensor(Float32Array.of(4, 3, 2, 1, 0), 1, 5)).data.indexOf(0);
    expect(next(ids)).toBe(3);
    for (let i = 0; i < 600; i++) ids.push(3n);
    expect(next(ids)).toBe(4);
    ids.length = 2;
    expect(next(ids)).toBe(2);
    ids[1] = 4n;
    expect(next(ids)).toBe(1);
    expect(next([1n])).toBe(0);
    expect(next([])).toBe(0);
  });

  const row = (): ReturnType<typeof tensor> => tensor(Float32Array.of(1, 2, 3), 1, 3);
  const one = samplingProcessor({ topK: 2 });
  test.each<[string, () => unknown, string, RegExp]>([
    ['no options', () => samplingProcessor(7 as never), 'TYPE', /options.*plain object/],
    ['a callback', () => samplingProcessor({ onSample: 1 as never }), 'TYPE', /onSample/],
    ['a prompt', () => samplingProcessor({ countPrompt: 1 as never }), 'TYPE', /countPrompt/],
    ['a temperature', () => samplingProcessor({ temperature: 0 }), 'VALUE', /greedy/],
    ['no tokens', () => one(undefined as never, row()), 'TYPE', /input_ids/],
    ['numbers', () => one([3] as never, row()), 'TYPE', /input_ids\[0\]/],
    ['a token', () => one([[-1n]], row()), 'VALUE', /input_ids\[0\]\[0\] to be a token/],
    ['a word', () => one([['a']] as never, row()), 'TYPE', /received "a"/],
    ['two rows', () => one([[1n], [1n]], row()), 'SHAPE', /history.*each of 1 rows/],
    ['no logits', () => one([[1n]], undefined as never), 'TYPE', /logits to be a Tensor/],
    ['half logits', () => one([[1n]], { ...row(), type: 'float16' }), 'TYPE', /"float32"/],
    [
      'nothing allowed',
      () => samplingProcessor({ allowed: new Uint32Array(1) })([[1n]], row()),
      'VALUE',
      /not masked.*row 0/,
    ],
  ])('%s: one clear error', (_, call, code, words) => {
    expectCode(call, code, words);
  });
});

test('a processor is a list of itself, as theirs are', () => {
  const first = logitsProcessor({ topK: 3 });
  first.push(logitsProcessor({ topK: 2 }));
  first.extend([samplingProcessor({ method: 'greedy' })]);
  expect([...first]).toHaveLength(3);
  expect(first.processors).toHaveLength(3);
  const logits = tensor(Float32Array.of(1, 2, 3, 4), 1, 4);
  expect([...first([[0n]], logits).data]).toEqual([-Infinity, -Infinity, -Infinity, 0]);
  expect(first._call([[0n]], tensor(Float32Array.of(9, 2, 3, 4), 1, 4)).data[0]).toBe(0);
});
