/** What a sampler refuses: one clear error each, before anything is written. */
import { describe, expect, test } from '@jest/globals';
import { createSampler } from '../lib/index';
import { native } from '../lib/configure';
import { SampleCall } from '../lib/sampling/call';
import { FIELDS, Field, readSettings } from '../lib/sampling/settings';
import type { SampleOptions, SamplerOptions } from '../lib/sampler';
import { Refusal, Spec, Status } from '../lib/spec';
import { expectError } from './helpers/errors';

const x = Float32Array.of(1, 2, 3, 4, 5, 6);
const two = { cols: 3 };

describe('options of a sampler', () => {
  const wrong: [unknown, typeof TypeError | typeof RangeError, RegExp][] = [
    [{ temperature: 0 }, RangeError, /greater than 0.*method: 'greedy'.*received 0/],
    [{ temperature: -1 }, RangeError, /greater than 0/],
    [{ temperature: NaN }, RangeError, /received NaN/],
    [{ temperature: '1' }, TypeError, /received "1" \(string\)/],
    [{ topK: -1 }, RangeError, /topK/],
    [{ topK: 1.5 }, RangeError, /integer/],
    [{ topP: 0 }, RangeError, /topP.*greater than 0/],
    [{ topP: 1.01 }, RangeError, /at most 1/],
    [{ minP: -0.1 }, RangeError, /from 0 to 1/],
    [{ typicalP: NaN }, RangeError, /typicalP/],
    [{ topNSigma: Infinity }, RangeError, /topNSigma/],
    [{ epsilon: 2 }, RangeError, /epsilon/],
    [{ repetitionPenalty: 0 }, RangeError, /repetitionPenalty/],
    [{ frequencyPenalty: Infinity }, RangeError, /finite/],
    [{ noRepeatNgram: -2 }, RangeError, /noRepeatNgram/],
    [{ seed: -1 }, RangeError, /seed/],
    [{ seed: 2 ** 53 }, RangeError, /seed/],
    [{ seed: 1n }, TypeError, /bigint/],
    [{ method: 'beam' }, RangeError, /"multinomial", "gumbel" or "greedy"/],
    [{ method: 1 }, TypeError, /method/],
    [{ xtc: { threshold: 0 } }, RangeError, /xtc\.threshold/],
    [{ xtc: true }, TypeError, /plain object/],
    [{ dry: { base: 0.5 } }, RangeError, /dry\.base/],
    [{ dry: { allowedLength: 0 } }, RangeError, /dry\.allowedLength/],
    [{ dry: { breakers: [1.5] } }, RangeError, /breakers\[0\]/],
    [{ dry: { breakers: 'x' } }, TypeError, /breakers/],
    [{ mirostat: { tau: 0 } }, RangeError, /tau/],
    [{ mirostat: {}, topK: 5 }, RangeError, /topK.*beside options\.mirostat/],
    [{ mirostat: {}, order: ['temperature'] }, RangeError, /the step "epsilon"/],
    [{ logitBias: { a: 1 } }, TypeError, /a key of options\.logitBias/],
    [{ logitBias: new Map([[-1, 1]]) }, RangeError, /a token/],
    [{ logitBias: { 1: Infinity } }, RangeError, /logitBias\[1\]/],
    [{ logitBias: { 1: 1e39 } }, RangeError, /finite as float32/],
    [{ order: 'topK' }, TypeError, /array of steps/],
    [{ order: ['topQ'] }, RangeError, /order\[0\]/],
    [{ order: ['topK', 'topK'] }, RangeError, /not in it before/],
    [{ order: ['topK', 'dry'] }, RangeError, /changes logits/],
    [{ order: ['topK'], topP: 0.5 }, RangeError, /the step "topP"/],
    [{ order: ['topK'], logitBias: { 1: 1 } }, RangeError, /the step "logitBias"/],
    [{ top_k: 5 }, TypeError, /only temperature, topK/],
    [null, TypeError, /plain object/],
  ];
  test.each(wrong)('%j', (options, kind, words) => {
    const code =
      kind === RangeError ? 'VALUE' : words.source.startsWith('only') ? 'UNKNOWN_OPTION' : 'TYPE';
    const make = (): unknown => createSampler(options as SamplerOptions);
    const error = expectError(make, kind, `ERR_SOFTLANE_${code}`, words);
    expect(error.message).toMatch(/^createSampler: expected .*, received /);
  });

  test('off and undefined are the same as absent', () => {
    const off = { topK: 0, topP: 1, minP: 0, typicalP: 1, epsilon: 0, eta: 0, seed: undefined };
    expect(createSampler(off).sample(x)).toEqual(createSampler().sample(x));
  });
});

describe('options of a call', () => {
  const wrong: [SampleOptions & Record<string, unknown>, string, RegExp][] = [
    [{ cols: 4 }, 'SHAPE', /multiple of options\.cols \(4\)/],
    [{ cols: -1 }, 'VALUE', /cols/],
    [{ history: 'abc' as never }, 'TYPE', /history/],
    [{ history: [1, 2.5] }, 'VALUE', /history\[1\]/],
    [{ history: [-1] }, 'VALUE', /history\[0\]/],
    [{ ...two, history: [1, 2] }, 'TYPE', /the tokens of each row/],
    [{ ...two, history: [[1]] }, 'SHAPE', /each of 2 rows/],
    [{ promptLength: 1 }, 'VALUE', /length of the history of row 0 \(0\)/],
    [{ allowed: new Uint32Array(2) }, 'SHAPE', /have 1 elements/],
    [{ allowed: [1] as never }, 'TYPE', /Uint32Array/],
    [{ perRow: [{ temperature: 0 }] }, 'VALUE', /perRow\[0\]\.temperature.*greedy/],
    [{ perRow: [{}, {}] }, 'SHAPE', /perRow/],
    [{ perRow: [{ seeds: 1 } as never] }, 'UNKNOWN_OPTION', /perRow\[0\]/],
    [{ rows: [2 ** 32] }, 'VALUE', /rows\[0\]/],
    [{ step: -1 }, 'VALUE', /step/],
    [{ count: 0 }, 'VALUE', /count/],
    [{ count: 7, replacement: false }, 'VALUE', /at most the number of columns \(6\)/],
    [{ count: 2, perRow: [{ method: 'greedy' }] }, 'VALUE', /1 with method "greedy"/],
    [{ count: 2, perRow: [{ method: 'gumbel' }] }, 'VALUE', /1 with method "gumbel" and repl/],
    [{ count: 2, perRow: [{ mirostat: {} }] }, 'VALUE', /1 with mirostat/],
    [{ replacement: 1 as never }, 'TYPE', /true or false/],
    [{ nan: 'zero' as never }, 'VALUE', /"throw" or "masked"/],
    [{ out: { tokens: new Int32Array(0) } }, 'SHAPE', /at least 1 elements/],
    [{ out: { tokens: new Float32Array(1) as never } }, 'TYPE', /an Int32Array/],
    [{ out: { ids: 1 } as never }, 'UNKNOWN_OPTION', /tokens, logProbs, rawLogProbs, filtered/],
    [{ filtered: 1 as never }, 'TYPE', /options\.filtered to be true or false/],
    [{ out: { filtered: new Float32Array(5) } }, 'SHAPE', /filtered.* at least 6 elements/],
    [{ signal: new AbortController().signal }, 'UNKNOWN_OPTION', /signal/],
    [{ threads: 0 }, 'VALUE', /threads/],
    [{ isa: 'mmx' }, 'ISA', /isa/],
  ];
  test.each(wrong)('%j', (options, code, words) => {
    const sampler = createSampler();
    const kind = /TYPE|UNKNOWN/.test(code) ? TypeError : RangeError;
    const full = `ERR_SOFTLANE_${code}` as never;
    expectError(() => sampler.sample(x, options), kind, full, words);
    expect(sampler.step).toBe(0);
  });

  test('logits of another type', () => {
    for (const logits of [[1, 2], new Float64Array(2), 'x', null, undefined, 3]) {
      expect(() => createSampler().sample(logits as never)).toThrow(/logits/);
    }
    const gone = new Float32Array(4);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    expectError(() => createSampler().sample(gone), TypeError, 'ERR_SOFTLANE_DETACHED', 'logits');
  });

  test('an output that overlaps the logits', () => {
    const shared = new Float32Array(6);
    const out = { logProbs: shared.subarray(2, 3) };
    expectError(() => createSampler().sample(shared, { out }), RangeError, 'ERR_SOFTLANE_OVERLAP');
  });
});

test('nothing that an object inherits is an option', () => {
  const want = createSampler({ topK: 2 }).sample(x, { cols: 3 });
  for (const value of [-1, 'text', {}]) {
    const spoilt = ['perRow', 'history', 'allowed', 'step', 'count', 'topP', 'mirostat', 'tokens'];
    const prototype = Object.prototype as unknown as Record<string, unknown>;
    for (const key of [...spoilt, 'nan', 'seed', 'out', 'rows']) prototype[key] = value;
    try {
      expect(createSampler({ topK: 2 }).sample(x, { cols: 3 })).toEqual(want);
    } finally {
      for (const key of [...spoilt, 'nan', 'seed', 'out', 'rows']) delete prototype[key];
    }
  }
});

describe('rows without a result', () => {
  const row = (...values: number[]): Float32Array => Float32Array.from(values);
  const each: SamplerOptions[] = [{}, { topK: 2 }, { topP: 0.5 }, { method: 'greedy' }];

  test.each(each)('NaN, +Infinity and rows that are masked whole, named: %j', (options) => {
    const sampler = createSampler(options);
    const refuse = (x3: Float32Array, words: string, more: SampleOptions = {}): void => {
      expectError(
        () => sampler.sample(x3, { cols: 3, ...more }),
        RangeError,
        'ERR_SOFTLANE_VALUE',
        words,
      );
    };
    refuse(row(1, 2, 3, 1, NaN, 2), 'one in row 1');
    refuse(row(1, Infinity, 3), 'one in row 0');
    refuse(row(-Infinity, -Infinity, -Infinity), 'none in row 0');
    refuse(row(1, 2, 3), 'none in row 0', { allowed: Uint32Array.of(0xfffffff8) });
    refuse(row(NaN, NaN, NaN), 'none in row 0', { nan: 'masked' });
    const { tokens } = sampler.sample(row(1, NaN, -Infinity), { nan: 'masked' });
    expect(tokens[0]).toBe(0);
  });

  test.each(each)('a NaN in a long row: %j', (options) => {
    const x9 = Float32Array.from({ length: 90000 }, (_, i) => Math.sin(i));
    for (const at of [0, 5000, 89999]) {
      const bad = x9.slice();
      bad[at] = NaN;
      const sampler = createSampler(options);
      expectError(() => sampler.sample(bad), RangeError, 'ERR_SOFTLANE_VALUE', 'one in row 0');
      const { tokens } = sampler.sample(bad, { nan: 'masked', step: 1 });
      bad[at] = -Infinity;
      expect(tokens).toEqual(sampler.sample(bad, { step: 1 }).tokens);
    }
  });

  test('tokens beyond the row, named', () => {
    const penalised = createSampler({ presencePenalty: 1 });
    const history = [
      [0, 2],
      [1, 3],
    ];
    expectError(
      () => penalised.sample(x, { ...two, history }),
      RangeError,
      'ERR_SOFTLANE_VALUE',
      /below 3, the number of columns, received \d+ for row 1/,
    );
    const biased = createSampler({ logitBias: { 3: 1 } });
    expectError(() => biased.sample(x, two), RangeError, 'ERR_SOFTLANE_VALUE', 'for row 0');
  });

  test('no rows, and rows of no columns', () => {
    expect(createSampler().sample(new Float32Array(0), { cols: 5 }).tokens).toHaveLength(0);
    expectError(
      () => createSampler().sample(new Float32Array(0)),
      RangeError,
      'ERR_SOFTLANE_VALUE',
    );
    // However many they are.
    const rows = { data: new Float32Array(0), dims: [2 ** 40, 0] };
    const none = expectError(() => createSampler().sample(rows), RangeError, 'ERR_SOFTLANE_VALUE');
    expect(none.message).toMatch(/not masked, .*none in row 0/);
  });
});

test('the addon checks every field of the settings itself', () => {
  const bad = [NaN, Infinity, -Infinity, -2, 1e300, 2 ** 60, 0.5, 7];
  let refused = 0;
  for (let field = 0; field < FIELDS; field++) {
    for (const value of bad) {
      const memory = { given: {}, settings: readSettings({}, ''), step: 0, surprise: new Map() };
      const call = SampleCall.of(memory, 'sync', x, { history: [1] });
      (call.operands[0] as Float64Array)[field] = value;
      const status = native().run(call.spec, call.x, undefined, ...call.operands);
      const known = [Status.OK, Refusal.SETTINGS, Refusal.MASKED, Refusal.TOKEN] as number[];
      expect(known).toContain(status);
      if (status === Refusal.SETTINGS) refused++;
      const [token] = call.operands[6] as Int32Array;
      expect(status === Status.OK ? token >= 0 && token < 6 : token === -1).toBe(true);
    }
  }
  expect(refused).toBeGreaterThan(FIELDS * 3);
  expect(Field.cutOrder).toBe(FIELDS - 1);
});

test('the addon checks every parameter of a call itself', () => {
  for (let param = 0; param < 10; param++) {
    for (const value of [NaN, -1, 0.5, 2 ** 31, 2 ** 40, 3]) {
      const memory = { given: {}, settings: readSettings({}, ''), step: 0, surprise: new Map() };
      const call = SampleCall.of(memory, 'sync', x, {});
      call.spec[Spec.temperature + param] = value;
      const status = native().run(call.spec, call.x, undefined, ...call.operands);
      expect(status === Status.OK || status > 0).toBe(true);
      if (!Number.isInteger(value) || value < 0) expect(status).toBe(Status.BAD_SPEC);
    }
  }
});
