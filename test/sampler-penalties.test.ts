/**
 * Penalties that only lower logits are worked out for candidates alone (native/ops/gather.h); with a bias of nothing, which
 * might raise one, for the whole history beforehand. Both must give the same bits.
 */
import { describe, expect, test } from '@jest/globals';
import { createSampler, topK } from '../lib/index';
import type { SampleOptions, SamplerOptions } from '../lib/sampler';
import { expectError } from './helpers/errors';
import { isas } from './support/kernels/operators';
import { Random } from './support/kernels/random';

const COLS = 20_011;
const random = new Random(81);

type Row = (i: number) => number;
const ROWS: Record<string, Row> = {
  'a few stand out': () => random.bell() * 6,
  'equals at the border': () => Math.round(random.bell() * 2),
  'all equal': () => 3,
  'masked but for some': (i) => (i % 7 === 0 ? random.bell() : -Infinity),
  'below zero': () => -20 - Math.abs(random.bell()),
  enormous: () => random.bell() * 5e37,
};

const SETTINGS: readonly SamplerOptions[] = [
  { topK: 50, repetitionPenalty: 1.3 },
  { topK: 1, repetitionPenalty: 1.3, frequencyPenalty: 0.25 },
  { topK: 300, topP: 0.9, temperature: 0.7, presencePenalty: 1.5, frequencyPenalty: 0.01 },
  {
    topK: 40,
    method: 'gumbel',
    repetitionPenalty: 2,
    order: ['frequencyPenalty', 'repetitionPenalty', 'topK'],
    frequencyPenalty: 1,
  },
];

/** What raises logits, or asks for more than how often a token was seen. */
const OTHERS: readonly SamplerOptions[] = [
  { topK: 50, repetitionPenalty: 0.7 },
  { topK: 50, frequencyPenalty: -1 },
  { topK: 50, presencePenalty: -6, repetitionPenalty: 1.1 },
  { topK: 50, noRepeatNgram: 1 },
  { topK: 50, dry: { multiplier: 3, allowedLength: 1 } },
];

/** Tokens of a history: any, those that are likeliest, or these many times over. */
function histories(x: Float32Array): Int32Array[] {
  const { indices } = topK(x, { k: 1000 });
  return [
    Int32Array.of(indices[0]),
    Int32Array.from({ length: 1000 }, () => random.below(COLS)),
    indices.slice(),
    Int32Array.from({ length: 500 }, () => indices[random.below(60)]),
    Int32Array.from({ length: 8000 }, (_, i) => (i % 3 === 0 ? indices[i % 200] : i % COLS)),
  ];
}

function both(settings: SamplerOptions, x: Float32Array, options: SampleOptions): void {
  const asked = { ...options, filtered: true, step: 5 };
  const alone = createSampler({ ...settings, seed: 3 }).sample(x, asked);
  const order = settings.order && (['logitBias', ...settings.order] as const);
  const known = { ...settings, seed: 3, logitBias: { 17: 0 }, ...(order && { order }) };
  const before = createSampler(known).sample(x, asked);
  expect([alone.tokens, alone.logProbs]).toEqual([before.tokens, before.logProbs]);
  // Element by element it takes a minute.
  const bytes = [alone, before].map(({ filtered }) => Buffer.from(filtered!.buffer));
  expect(Buffer.compare(bytes[0], bytes[1])).toBe(0);
}

describe.each(isas)('%s', (isa) => {
  test.each(Object.entries(ROWS))('%s', (_, make) => {
    const x = Float32Array.from({ length: COLS }, (_, i) => make(i));
    for (const history of histories(x)) {
      for (const settings of SETTINGS) {
        both(settings, x, { history, isa });
        both(settings, x, { history, isa, promptLength: history.length >> 1 });
      }
    }
  });

  test('what raises logits, n-grams, DRY and biases', () => {
    const x = Float32Array.from({ length: COLS }, () => random.bell());
    for (const history of histories(x)) {
      for (const settings of OTHERS) both(settings, x, { history, isa });
      const raised = createSampler({ topK: 5, repetitionPenalty: 1.3, logitBias: { 123: 100 } });
      const { filtered } = raised.sample(x, { history, isa, filtered: true });
      expect(filtered![123]).toBeGreaterThan(90 / 1.3);
    }
  });

  test('NaN, +Infinity and tokens that are none', () => {
    const x = Float32Array.from({ length: COLS }, () => random.bell());
    const history = Int32Array.of(3, 9000, 9000, 12);
    const [settings] = SETTINGS;
    const sampler = createSampler(settings);
    x[9000] = NaN;
    expectError(
      () => sampler.sample(x, { history, isa }),
      RangeError,
      'ERR_SOFTLANE_VALUE',
      'no NaN',
    );
    both(settings, x, { history, isa, nan: 'masked' });
    x[9000] = Infinity;
    expectError(
      () => sampler.sample(x, { history, isa }),
      RangeError,
      'ERR_SOFTLANE_VALUE',
      'no NaN',
    );
    // The token is looked at first.
    const beyond = Int32Array.of(3, COLS);
    const call = () => sampler.sample(x, { history: beyond, isa });
    expectError(call, RangeError, 'ERR_SOFTLANE_VALUE', `${COLS} for row 0`);
  });
});
