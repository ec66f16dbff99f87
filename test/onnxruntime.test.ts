/** softlane/onnxruntime: heads on sessions of the real onnxruntime-node, and on what is no session of any kind. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { Tensor } from 'onnxruntime-common';
import type { InferenceSession } from 'onnxruntime-common';
import { native } from '../lib/configure';
import { argMax, createSampler, crossEntropy, entropy, logSumExp, softmax, topK } from '../lib';
import type { HeadOptions, SessionLike } from '../lib/onnxruntime';
import { attachHead } from '../lib/onnxruntime';
import type { TensorOf } from '../lib/tensor';
import type { Float32Result, Int32Result } from '../lib/types';
import { expectCode } from './helpers/errors';
import { runTasks } from './helpers/tasks';
import type { Outcome } from './helpers/tasks';

const DIMS = [2, 3, 8];
const COLS = 8;
const x = Float32Array.from({ length: 48 }, (_, i) => Math.round(40 * Math.sin(i * 1.3)) / 8);
/** The last of three positions of both rows. */
const last = Float32Array.of(...x.subarray(16, 24), ...x.subarray(40, 48));

interface Plain {
  readonly class: string;
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: readonly number[];
}
const tensor = (data: ArrayLike<number>, dims: readonly number[], type = 'float32'): Plain => ({
  class: 'Tensor',
  type,
  dims,
  data: Array.from(data),
});

describe('a session of onnxruntime-node', () => {
  const base = { x: [...x], dims: DIMS };
  const settings = { topK: 4, temperature: 0.8, seed: 3 };
  const tasks = {
    softmax: { ...base, head: 'softmax' },
    temperature: { ...base, head: 'softmax', options: { temperature: 2 } },
    entropy: { ...base, head: 'entropy' },
    topK: { ...base, head: 'topK', options: { k: 3, probabilities: true } },
    last: { ...base, head: 'logSumExp', which: { position: 'last' } },
    'last of one row': {
      ...base,
      x: [...x.subarray(0, 24)],
      dims: [1, 3, 8],
      head: 'softmax',
      which: { position: 'last' },
    },
    'options of the call': {
      ...base,
      head: 'topK',
      options: { k: 1, probabilities: true },
      call: { k: 2 },
    },
    sampler: {
      ...base,
      head: 'sampler',
      settings: { ...settings, repetitionPenalty: 5 },
      options: { rawLogProbs: true },
      which: { position: 'last' },
      call: { history: [[1, 2], [5]], step: 4 },
    },
    'sampler with promises': { ...base, head: 'asyncSampler', settings },
    'another output': { ...base, head: 'softmax', which: { output: 'hidden' } },
    direct: { ...base, head: 'softmax', direct: true },
    'direct topK': { ...base, head: 'topK', options: { k: 2 }, direct: true },
    'no such output': { ...base, head: 'softmax', which: { output: 'scores' } },
    'half precision': { ...base, head: 'softmax', which: { output: 'half' } },
    'last of half precision': {
      ...base,
      head: 'entropy',
      which: { output: 'half', position: 'last' },
    },
    'integers for logits': { ...base, head: 'softmax', which: { output: 'ids' } },
    'a number for logits': { ...base, head: 'softmax', which: { output: 'most' } },
    'targets are missing': { ...base, head: 'crossEntropy' },
    'a NaN': { ...base, x: [NaN, ...x.subarray(1)], head: 'sampler', settings },
  };
  type Result = { result: Plain & Record<string, Plain>; outputs: Record<string, Plain> };
  let outcomes: Readonly<Record<keyof typeof tasks, Outcome<Result>>>;
  beforeAll(async () => {
    outcomes = (await runTasks<Result>('onnxruntime.cjs', tasks)) as typeof outcomes;
  });
  const resultOf = (name: keyof typeof tasks): unknown => {
    expect(outcomes[name].error).toBeUndefined();
    return outcomes[name].value.result;
  };

  test('gives a Tensor of its own class', () => {
    expect(resultOf('softmax')).toEqual(tensor(softmax(x, { cols: COLS }), DIMS));
    expect(resultOf('temperature')).toEqual(
      tensor(softmax(x, { cols: COLS, temperature: 2 }), DIMS),
    );
    expect(resultOf('entropy')).toEqual(tensor(entropy(x, { cols: COLS }), [2, 3]));
  });

  test('gives several Tensors', () => {
    const { values, indices, probabilities } = topK(x, { cols: COLS, k: 3, probabilities: true });
    expect(resultOf('topK')).toEqual({
      values: tensor(values, [2, 3, 3]),
      indices: tensor(indices, [2, 3, 3], 'int32'),
      probabilities: tensor(probabilities, [2, 3, 3]),
    });
    expect((resultOf('options of the call') as Result['result']).values.dims).toEqual([2, 3, 2]);
    expect(resultOf('options of the call')).toHaveProperty('probabilities');
  });

  test('gives the last position', () => {
    expect(resultOf('last')).toEqual(tensor(logSumExp(last, { cols: COLS }), [2]));
    expect(resultOf('last of one row')).toEqual(tensor(softmax(last.subarray(0, 8)), [1, 8]));
  });

  test('takes float16 as it is, and returns it', () => {
    // x is in eighths, which f16 has all of.
    const half = (data: Float32Array): Uint16Array => {
      const bits = new Uint16Array(data.length);
      expect(native()._narrow(-1, 1, 0, data, bits)).toBe(0);
      return bits;
    };
    // A Tensor of f16 has a Float16Array, with numbers for elements, where the runtime has that class.
    const elements = (bits: Uint16Array): ArrayLike<number> => {
      const { Float16Array: Halves } = globalThis as {
        Float16Array?: new (buffer: ArrayBufferLike) => ArrayLike<number>;
      };
      return Halves === undefined ? bits : new Halves(bits.buffer);
    };
    const want = softmax(half(x), { cols: COLS, dtype: 'f16' });
    expect(resultOf('half precision')).toEqual(tensor(elements(want), DIMS, 'float16'));
    const entropies = entropy(half(last), { cols: COLS, dtype: 'f16' });
    expect(resultOf('last of half precision')).toEqual(tensor(entropies, [2]));
  });

  test('gives tokens, of both kinds of sampler', () => {
    const options = { cols: COLS, history: [[1, 2], [5]], step: 4, rawLogProbs: true };
    const want = createSampler({ ...settings, repetitionPenalty: 5 }).sample(last, options);
    expect(resultOf('sampler')).toEqual({
      tokens: [...want.tokens],
      logProbs: [...want.logProbs],
      rawLogProbs: [...want.rawLogProbs!],
    });
    const all = createSampler(settings).sample(x, { cols: COLS });
    expect(resultOf('sampler with promises')).toMatchObject({ tokens: [...all.tokens] });
  });

  test('returns its own outputs, too', () => {
    const { outputs } = outcomes.softmax.value;
    expect(Object.keys(outputs).sort()).toEqual(['half', 'hidden', 'ids', 'logits', 'most']);
    expect(outputs.logits).toEqual(tensor(x, DIMS));
    const negative = x.map((v) => -v);
    expect(resultOf('another output')).toEqual(tensor(softmax(negative, { cols: COLS }), DIMS));
  });

  test('has Tensors that every operator takes as they are', () => {
    expect(outcomes.direct.value).toEqual(tensor(softmax(x, { cols: COLS }), DIMS));
    expect(outcomes['direct topK'].value).toMatchObject({ values: { dims: [2, 3, 2] } });
  });

  test.each<[keyof typeof tasks, string, RegExp]>([
    ['no such output', 'VALUE', /which\.output.*"hidden", "logits".*received "scores"/],
    ['integers for logits', 'TYPE', /output "ids" to be logits.*received type "int64"/],
    ['a number for logits', 'SHAPE', /output "most" to have rows.*received dims \[\]/],
    ['targets are missing', 'TYPE', /crossEntropy: expected options\.targets/],
    ['a NaN', 'VALUE', /no NaN.*row 0/],
  ])('%s: one clear error', (name, code, words) => {
    const { error } = outcomes[name];
    expect(error?.code).toBe(`ERR_SOFTLANE_${code}`);
    expect(error?.message).toMatch(words);
  });
});

/** A session that returns these outputs. */
function sessionOf(outputs: Record<string, unknown>, names = Object.keys(outputs)): SessionLike {
  return {
    outputNames: names,
    run: (feeds: object, options?: object) =>
      Promise.resolve({ feeds, options, ...outputs } as never),
  };
}
const logits = (...dims: number[]): Tensor => {
  const length = dims.reduce((n, dim) => n * dim, 1);
  return new Tensor(
    'float32',
    Float32Array.from({ length }, (_, i) => Math.sin(i)),
    dims,
  );
};

describe('attachHead', () => {
  test('reads the only output, or the one that is called logits', () => {
    expect(attachHead(sessionOf({ y: logits(2) }), 'softmax').output).toBe('y');
    const two = sessionOf({ y: logits(2), logits: logits(3) });
    expect(attachHead(two, 'softmax').output).toBe('logits');
    expect(attachHead(two, 'softmax', {}, { output: 'y' }).session).toBe(two);
  });

  test('hands feeds and run options to the session', async () => {
    const head = attachHead(sessionOf({ y: logits(2, 2) }, ['y']), 'softmax');
    const feeds = { a: 1 };
    const runOptions = { tag: 'x' };
    const { outputs } = await head.run(feeds, undefined, runOptions);
    expect(outputs.feeds).toBe(feeds);
    expect(outputs.options).toBe(runOptions);
  });

  test('takes targets with a call', async () => {
    const head = attachHead(sessionOf({ y: logits(3, 4) }), 'crossEntropy');
    const targets = Int32Array.of(0, 3, 1);
    const { result } = await head.run({}, { targets });
    const data = logits(3, 4).data as Float32Array;
    expect(result.data).toEqual(crossEntropy(data, { cols: 4, targets }));
  });

  test('has no last position of a vector, of none, or of two dimensions less', async () => {
    for (const dims of [[4], [2, 0, 4], []]) {
      const which = { position: 'last' } as const;
      const head = attachHead(sessionOf({ y: logits(...dims) }), 'softmax', {}, which);
      await expect(head.run({})).rejects.toMatchObject({ code: 'ERR_SOFTLANE_SHAPE' });
    }
    const which = { position: 'last' } as const;
    const head = attachHead(sessionOf({ y: logits(3, 4) }), 'softmax', {}, which);
    const one = (await head.run({})).result;
    expect(one.dims).toEqual([4]);
    const data = logits(3, 4).data as Float32Array;
    expect(one.data).toEqual(softmax(data.slice(8)));
    const two = attachHead(sessionOf({ y: logits(2, 3, 4) }), 'argMax', {}, which);
    const rows = logits(2, 3, 4).data as Float32Array;
    const each = [rows.slice(8, 12), rows.slice(20)].map((row) => argMax(row)[0]);
    expect(Array.from((await two.run({})).result.data)).toEqual(each);
  });

  test.each<[unknown, string, RegExp]>([
    [undefined, 'TYPE', /to return output "y", received "feeds" or "options"/],
    [7, 'TYPE', /output "y" to be a tensor, received 7/],
    [Float32Array.of(1), 'TYPE', /to be a tensor, received Float32Array\(1\)/],
    [{ type: 'float32', data: [1], dims: [1] }, 'TYPE', /output "y"\.data/],
    [{ type: 'float32', data: Float32Array.of(1), dims: [2] }, 'SHAPE', /dims \[2\]/],
    [{ type: 'float32', location: 'gpu-buffer', dims: [1] }, 'TYPE', /in CPU memory/],
    [{ data: Float32Array.of(1), dims: [1] }, 'TYPE', /received type undefined/],
  ])('of an output %j', async (y, code, words) => {
    const outputs = y === undefined ? {} : { y };
    const run = attachHead(sessionOf(outputs, ['y']), 'softmax').run({});
    await expect(run).rejects.toMatchObject({
      code: `ERR_SOFTLANE_${code}`,
      message: expect.stringMatching(words) as unknown,
    });
  });

  const session = sessionOf({ y: logits(2), z: logits(2) });
  const one = sessionOf({ y: logits(2) });
  test.each<[string, () => unknown, string, RegExp]>([
    ['no session', () => attachHead({} as never, 'softmax'), 'TYPE', /InferenceSession/],
    ['nothing', () => attachHead(undefined as never, 'softmax'), 'TYPE', /received undefined/],
    ['two outputs', () => attachHead(session, 'softmax'), 'VALUE', /which\.output.*"y" or "z"/],
    ['no operator', () => attachHead(one, 'softMax' as never), 'VALUE', /a sampler or "softmax"/],
    ['no sampler', () => attachHead(one, {} as never), 'TYPE', /operator or a sampler/],
    ['options', () => attachHead(one, 'softmax', 7 as never), 'TYPE', /options.*plain object/],
    [
      'an unknown option',
      () => attachHead(one, 'softmax', {}, { row: 'last' } as HeadOptions),
      'UNKNOWN_OPTION',
      /only output, position, received "row"/,
    ],
    [
      'a position',
      () => attachHead(one, 'softmax', {}, { position: 1 as never }),
      'TYPE',
      /"all" or "last", received 1/,
    ],
    [
      'a name that is none',
      () => attachHead(one, 'softmax', {}, { output: 1 as never }),
      'TYPE',
      /which\.output/,
    ],
  ])('%s: one clear error', (_, call, code, words) => {
    expectCode(call, code, words);
  });

  test('has the types of its session and its head', () => {
    type Equal<A, B> =
      (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
    const typed = async (ort: InferenceSession): Promise<void> => {
      const { result, outputs } = await attachHead(ort, 'softmax').run({ x: logits(1) });
      const probabilities: Equal<typeof result, TensorOf<Float32Result>> = true;
      const theirs: Equal<typeof outputs, InferenceSession.OnnxValueMapType> = true;
      const five = attachHead(ort, 'topK', { k: 5 }, { position: 'last' });
      const { indices } = (await five.run({}, { k: 2 })).result;
      const integers: Equal<typeof indices, TensorOf<Int32Result>> = true;
      const sampled = await attachHead(ort, createSampler({ topK: 5 })).run({}, { history: [1] });
      const tokens: Equal<typeof sampled.result.tokens, Int32Result> = true;
      expect([probabilities, theirs, integers, tokens]).toBeDefined();
      // @ts-expect-error -- no such operator
      attachHead(ort, 'softMax');
      // @ts-expect-error -- the shape is that of the tensor
      attachHead(ort, 'softmax', { cols: 3 });
      // @ts-expect-error -- an option of another operator
      attachHead(ort, 'softmax', { k: 3 });
    };
    expect(typed).toBeInstanceOf(Function);
  });
});
