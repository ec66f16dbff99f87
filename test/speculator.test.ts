/** Verification of drafted tokens: the distribution of what comes out, and that nothing but seed, row and step decides. */
import { describe, expect, test } from '@jest/globals';
import { acceptanceLimit, createSampler, createSpeculator, softmax } from '../lib/index';
import type { SpeculatorOptions, VerifyOptions } from '../lib/index';
import { createSpeculator as createAsync } from '../lib/promises';
import { deviation } from './helpers/chi-square';
import { expectSameBits } from './support/kernels/compare';
import { isas } from './support/kernels/operators';
import { Random } from './support/kernels/random';
import { distributionOf, modelLogits } from './support/kernels/sampling';

const V = 4;
const S = 20_000;

/** Logits after a prefix: a function of it, so that context counts. */
function after(model: number, prefix: readonly number[]): Float32Array {
  const code = prefix.reduce((sum, token) => sum * (V + 1) + token + 1, 0);
  return Float32Array.from(
    { length: V },
    (_, i) => 1.4 * Math.sin(1 + 3.3 * i + 1.9 * code + model),
  );
}

function rowsOf(rows: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(rows.length * V);
  rows.forEach((row, i) => all.set(row, i * V));
  return all;
}

const probabilities = (x: Float32Array, options: SpeculatorOptions): number[] => {
  const { draft: _, ...filters } = options;
  return [...distributionOf(x, { options: filters }).probabilities];
};

const cells = (p: (first: number, second: number) => number): number[] =>
  Array.from({ length: V * V }, (_, i) => p(Math.floor(i / V), i % V));

/** Two drafted tokens of S sequences, by a model of its own; `told` is what the speculator is told of it. */
function pairs(options: SpeculatorOptions, told = 1): { counts: number[]; accepted: number } {
  const { seed = 0, draft, ...filters } = options;
  const drafter = createSampler({ ...filters, ...draft, seed });
  const many = (prefixes: readonly (readonly number[])[], step: number): number[] => [
    ...drafter.sample(rowsOf(prefixes.map((prefix) => after(1, prefix))), { cols: V, step }).tokens,
  ];
  const none: readonly number[][] = Array.from({ length: S }, () => []);
  const first = many(none, 0);
  const second = many(
    first.map((token) => [token]),
    1,
  );
  const drafted = first.flatMap((token, s) => [token, second[s]]);
  const prefixes = first.map((token, s) => [[], [token], [token, second[s]]]);
  const target = rowsOf(prefixes.flatMap((each) => each.map((prefix) => after(0, prefix))));
  const shown = prefixes.flatMap((each) => each.slice(0, 2).map((prefix) => after(told, prefix)));
  const { accepted, tokens } = createSpeculator(options).verify(target, rowsOf(shown), drafted, {
    cols: V,
    step: 0,
  });
  const got = Array.from({ length: S }, (_, s) => [...tokens.subarray(3 * s, 3 * s + 2)]);
  // Where the first was rejected, the target writes the second.
  const open = got.filter(([, token]) => token < 0);
  const rest = createSampler({ ...filters, seed: seed + 1 }).sample(
    rowsOf(open.map(([token]) => after(0, [token]))),
    { cols: V },
  ).tokens;
  open.forEach((pair, i) => (pair[1] = rest[i]));
  const counts = new Array<number>(V * V).fill(0);
  for (const [a, b] of got) counts[a * V + b]++;
  return { counts, accepted: accepted.reduce((sum, each) => sum + each, 0) / S };
}

describe('chi-square, with fixed seeds', () => {
  const settings: [string, SpeculatorOptions][] = [
    ['whole rows', { seed: 1 }],
    ['temperature and topP', { temperature: 1.5, topP: 0.8, seed: 2 }],
    ['topK', { topK: 3, seed: 3 }],
    ['a draft of other settings', { topK: 3, draft: { temperature: 2, topK: 0 }, seed: 4 }],
    ['a draft that lacks a token of the target', { draft: { topK: 2 }, seed: 5 }],
  ];
  test.each(settings)('pairs of tokens are those of the target: %s', (_, options) => {
    const first = probabilities(after(0, []), options);
    const second = first.map((_p, token) => probabilities(after(0, [token]), options));
    const want = cells((a, b) => first[a] * second[a][b]);
    const { counts, accepted } = pairs(options);
    expect(Math.abs(deviation(counts, want))).toBeLessThan(4);
    expect(accepted).toBeGreaterThan(0.3);
  });

  test('a draft that was drawn from another distribution than was told is found out', () => {
    const first = probabilities(after(0, []), {});
    const second = first.map((_p, token) => probabilities(after(0, [token]), {}));
    const { counts } = pairs({ seed: 1 }, 1.3);
    expect(
      deviation(
        counts,
        cells((a, b) => first[a] * second[a][b]),
      ),
    ).toBeGreaterThan(6);
  });

  test('rows of several blocks: what is drawn after a rejection, and after all', () => {
    const n = 10_000;
    const random = new Random(14);
    const target = new Float32Array([...modelLogits(random, n), ...modelLogits(random, n)]);
    const draft = target.slice(0, n).map((v) => v + random.bell());
    const draws = 5000;
    const drafted = createSampler({ seed: 15 }).sample(draft, { count: draws }).tokens;
    const speculator = createSpeculator({ seed: 15 });
    const tokens = Array.from({ length: draws }, (_, step) => [
      ...speculator.verify(target, draft, [drafted[step]], { cols: n, step }).tokens,
    ]);
    const parts = 40;
    const part = (token: number): number => Math.floor((token * parts) / n);
    const expectFrom = (row: Float32Array, drawn: readonly number[]): void => {
      const want = new Array<number>(parts).fill(0);
      softmax(row).forEach((p, token) => (want[part(token)] += p));
      const counts = new Array<number>(parts).fill(0);
      for (const token of drawn) counts[part(token)]++;
      expect(Math.abs(deviation(counts, want))).toBeLessThan(4);
    };
    const all = tokens.filter(([, token]) => token >= 0);
    expect(all.length).toBeGreaterThan(draws / 4);
    expect(all.length).toBeLessThan((3 * draws) / 4);
    expectFrom(
      target.slice(0, n),
      tokens.map(([token]) => token),
    );
    expectFrom(
      target.slice(n),
      all.map(([, token]) => token),
    );
  });

  test('one token is accepted as often as it can be, several oftener, and never more than is possible', () => {
    const p = after(0, []);
    const q = after(1, []);
    const rate = (drafts: number): number => {
      const target = rowsOf(Array.from({ length: S }, () => p));
      const draft = rowsOf(Array.from({ length: S }, () => q));
      const drawn = createSampler({ seed: 8 }).sample(draft, { cols: V, count: drafts }).tokens;
      const { tokens, accepted } = createSpeculator({ seed: 8 }).verifyOne(target, draft, drawn, {
        cols: V,
      });
      const counts = new Array<number>(V).fill(0);
      for (const token of tokens) counts[token]++;
      expect(Math.abs(deviation(counts, probabilities(p, {})))).toBeLessThan(4);
      return accepted.filter((each) => each >= 0).length / S;
    };
    const limit = (drafts: number): number => acceptanceLimit(p, { other: q, drafts })[0];
    // Four standard deviations of a share of S.
    const near = 2 / Math.sqrt(S);
    expect(Math.abs(rate(1) - limit(1))).toBeLessThan(near);
    const two = rate(2);
    expect(two).toBeGreaterThan(limit(1) + near);
    expect(two).toBeLessThan(limit(2) + near);
    expect(rate(4)).toBeLessThan(limit(4) + near);
  });

  test('a forbidden line is left as a speculative test against the distribution without it would leave it', () => {
    const [bad, next] = [2, 1];
    const p = probabilities(after(0, []), {});
    const after_ = probabilities(after(0, [bad]), {});
    // What is left of the line from its second token on, and the whole.
    const [rest, whole] = [after_[next], p[bad] * after_[next]];
    const stays = (1 - rest) / (1 - whole);
    const without = (row: number[], token: number): number[] =>
      row.map((v, i) => (i === token ? 0 : v / (1 - row[token])));
    const want = [
      ...without(p, bad).map((v) => (1 - stays) * v),
      ...without(after_, next).map((v) => stays * v),
    ];
    const tally = (
      { accepted, tokens }: { accepted: Int32Array; tokens: Int32Array },
      width: number,
    ) => {
      const counts = new Array<number>(2 * V).fill(0);
      accepted.forEach((place, s) => counts[place * V + tokens[s * width + place]]++);
      return counts;
    };
    const lines = Array.from({ length: S }, () => [bad, next]).flat();
    const repeat = (...rows: Float32Array[]): Float32Array =>
      rowsOf(Array.from({ length: S }, () => rows).flat());
    const target = repeat(after(0, []), after(0, [bad]));
    const options: VerifyOptions = { cols: V, sequences: S };
    const speculator = createSpeculator({ seed: 9 });
    const left = tally(speculator.backOff(target, lines, options), 2);
    expect(Math.abs(deviation(left, want))).toBeLessThan(4);
    // The definition: the distribution without the line as the target, that with it as the draft.
    const allowed = p.map((v, i) => (v * (i === bad ? 1 - rest : 1)) / (1 - whole));
    const first = [allowed, without(after_, next), after_].map((row) => Float32Array.from(row));
    const second = [p, after_].map((row) => Float32Array.from(row));
    const probable: VerifyOptions = { ...options, input: 'probabilities' };
    const tested = speculator.verify(repeat(...first), repeat(...second), lines, probable);
    expect(Math.abs(deviation(tally(tested, 3), want))).toBeLessThan(4);
  });
});

describe('nothing but seed, row and step decides', () => {
  const n = 5000;
  const random = new Random(11);
  const lines = 6;
  const drafted = 3;
  const target = new Float32Array(lines * (drafted + 1) * n);
  const draft = new Float32Array(lines * drafted * n);
  for (let i = 0; i < lines * (drafted + 1); i++) target.set(modelLogits(random, n), i * n);
  for (let s = 0; s < lines; s++) {
    for (let i = 0; i < drafted; i++) {
      const row = target.slice((s * (drafted + 1) + i) * n, (s * (drafted + 1) + i + 1) * n);
      draft.set(
        row.map((v) => v + random.bell()),
        (s * drafted + i) * n,
      );
    }
  }

  test.each([{}, { topK: 40, topP: 0.9, temperature: 0.8 }, { minP: 0.01, topK: 0 }])(
    '%o',
    async (o) => {
      const options = { ...o, seed: 12 };
      const tokens = createSampler(options).sample(draft, { cols: n }).tokens;
      const run = (more: VerifyOptions = {}) =>
        createSpeculator(options).verify(target, draft, tokens, { cols: n, step: 5, ...more });
      const want = run();
      expect([...want.accepted].some((each) => each > 0)).toBe(true);
      const same = (got: typeof want, what: string): void => {
        expect([...got.accepted]).toEqual([...want.accepted]);
        expect([...got.tokens]).toEqual([...want.tokens]);
        expectSameBits(got.logProbs, want.logProbs, what);
      };
      for (const isa of isas) for (const threads of [1, 4]) same(run({ isa, threads }), isa);
      const later = createAsync(options).verify(target, draft, tokens, { cols: n, step: 5 });
      same(await later, 'a promise');
      for (let s = 0; s < lines; s++) {
        const alone = createSpeculator(options).verify(
          target.subarray(s * (drafted + 1) * n, (s + 1) * (drafted + 1) * n),
          draft.subarray(s * drafted * n, (s + 1) * drafted * n),
          tokens.subarray(s * drafted, (s + 1) * drafted),
          { cols: n, step: 5, rows: [s] },
        );
        expect(alone.accepted[0]).toBe(want.accepted[s]);
        const width = drafted + 1;
        expect([...alone.tokens]).toEqual([...want.tokens.subarray(s * width, (s + 1) * width)]);
      }
    },
  );

  test('equal distributions accept everything, and their log-probabilities are those of a sampler', () => {
    const options = { topK: 50, topP: 0.9, seed: 13 };
    const one = target.subarray(0, 2 * n);
    const { tokens, logProbs } = createSampler(options).sample(one, { cols: n });
    const twice = new Float32Array([...one, ...one.subarray(0, n)]);
    const got = createSpeculator(options).verify(twice, one, tokens, { cols: n });
    expect(got.accepted[0]).toBe(2);
    expect([...got.tokens.subarray(0, 2)]).toEqual([...tokens]);
    for (let i = 0; i < 2; i++) expect(Math.abs(got.logProbs[i] - logProbs[i])).toBeLessThan(1e-6);
  });

  test('topK 1 is greedy', () => {
    const x = Float32Array.of(0, 5, 1, 9, 1, 2, 0, 0, 7);
    const draft = Float32Array.of(0, 1, 0, 0, 1, 0);
    const got = createSpeculator({ topK: 1 }).verify(x, draft, [1, 1], { cols: 3 });
    expect([got.accepted[0], ...got.tokens]).toEqual([1, 1, 0, -1]);
    expect([...got.logProbs]).toEqual([0, 0, NaN]);
  });

  test('probabilities are taken as they are, and are the same as logits of theirs', () => {
    const rows = target.subarray(0, 2 * n);
    const p = softmax(rows, { cols: n });
    const q = softmax(draft.subarray(0, n));
    const given = createSpeculator({ seed: 3 }).verify(p, q, [17], {
      cols: n,
      input: 'probabilities',
    });
    const logits = createSpeculator({ seed: 3 }).verify(rows, draft.subarray(0, n), [17], {
      cols: n,
    });
    expect([...given.tokens]).toEqual([...logits.tokens]);
  });
});

describe('errors', () => {
  const target = Float32Array.of(1, 2, 3, 4, 5, 6);
  const draft = Float32Array.of(1, 2, 3);
  const verify = (
    given: { target?: Float32Array; draft?: unknown; tokens?: unknown; options?: object } = {},
    options: object = {},
  ) =>
    createSpeculator(options).verify(
      given.target ?? target,
      (given.draft ?? draft) as Float32Array,
      (given.tokens ?? [1]) as number[],
      { cols: 3, ...given.options },
    );
  const p = Float32Array.of(0.2, 0.3, 0.5, 0.2, 0.3, 0.5);
  const given = { input: 'probabilities' };
  test.each([
    ['shapes', () => verify({ tokens: [1, 1] }), /^verify: .*a row for each of draftTokens/],
    ['a short draft', () => verify({ draft: draft.subarray(1) }), /draftLogits to have a row of 3/],
    [
      'a token out of range',
      () => verify({ tokens: [3] }),
      /draftTokens .*below 3, .*received 3 in sequence 0/,
    ],
    ['a token that is none', () => verify({ tokens: [-1] }), /draftTokens\[0\]/],
    [
      'NaN',
      () => verify({ target: target.map((v, i) => (i === 2 ? NaN : v)) }),
      /no NaN.*sequence 0/,
    ],
    ['NaN in the draft', () => verify({ draft: Float32Array.of(1, NaN, 2) }), /no NaN.*sequence 0/],
    ['a mask over all', () => verify({ draft: new Float32Array(3).fill(-Infinity) }), /not masked/],
    [
      'q = 0',
      () => verify({ draft: Float32Array.of(1, -Infinity, 3) }),
      /drafted token to have a prob/,
    ],
    [
      'q = 0 by a cut',
      () => verify({}, { draft: { topK: 1 } }),
      /drafted token to have a probability/,
    ],
    [
      'probabilities beyond 1',
      () => verify({ target: p, draft: p.subarray(0, 3).map((v) => 2 * v), options: given }),
      /draftLogits .*adding up to 1 .*sequence 0/,
    ],
    [
      'probabilities below 0',
      () =>
        verify({
          target: Float32Array.of(-0.2, 0.7, 0.5, 0, 0, 1),
          draft: p.subarray(3),
          options: given,
        }),
      /at least 0/,
    ],
    [
      'probabilities and a cut',
      () => verify({ options: given }, { topK: 2 }),
      /options\.input to be "logits"/,
    ],
    ['an unknown option', () => verify({}, { topQ: 2 }), /createSpeculator.*topQ/],
    ['history', () => verify({}, { repetitionPenalty: 2 }), /repetitionPenalty/],
    ['an unknown option of the draft', () => verify({}, { draft: { seed: 2 } }), /options\.draft/],
    ['a wrong value', () => verify({}, { topP: 2 }), /createSpeculator: .*options\.topP/],
    [
      'a line without a way out',
      () => createSpeculator({ topK: 1 }).backOff(target, [2, 2], { cols: 3 }),
      /another than was drawn/,
    ],
  ] as [string, () => unknown, RegExp][])('%s', (_, call, message) => {
    expect(call).toThrow(message);
  });

  test('a call that is refused is no step', () => {
    const speculator = createSpeculator();
    expect(() => speculator.verify(target, draft, [1, 1], { cols: 3 })).toThrow();
    expect(speculator.step).toBe(0);
    const unlikely = Float32Array.of(0, -Infinity, 0);
    expect(() => speculator.verify(target, unlikely, [1], { cols: 3 })).toThrow(/sequence 0/);
    expect(speculator.step).toBe(0);
    expect(() => speculator.verify(target, unlikely, [1], { cols: 3, step: 5 })).toThrow();
    expect(speculator.step).toBe(0);
    speculator.verify(target, draft, [1], { cols: 3 });
    expect(speculator.step).toBe(1);
  });

  test('no sequences, and none drafted', () => {
    const none = new Float32Array(0);
    expect(createSpeculator().verify(none, none, [], { cols: 3 }).tokens).toHaveLength(0);
    const { tokens, accepted } = createSpeculator().verify(target, none, [], { cols: 3 });
    expect([tokens.length, ...accepted]).toEqual([2, 0, 0]);
    const [one, other] = [target.subarray(0, 3), draft.subarray(0, 3)];
    for (const sequences of [undefined, 1]) {
      const alone = createSpeculator().verifyOne(one, other, [], { cols: 3, sequences });
      const same = createSpeculator().verify(one, none, [], { cols: 3, sequences });
      expect([alone.accepted[0], alone.tokens[0]]).toEqual([-1, same.tokens[0]]);
      expect(alone.logProbs).toEqual(same.logProbs);
    }
    for (const sequences of [undefined, 0]) {
      const left = createSpeculator().backOff(none, [], { cols: 3, sequences });
      expect([left.accepted.length, left.tokens.length]).toEqual([0, 0]);
      const some = createSpeculator().verifyOne(none, none, [], { cols: 3, sequences });
      expect(some.tokens).toHaveLength(0);
    }
    const rows = { data: none, dims: [2 ** 40, 0] };
    expect(() => createSpeculator().verify(rows, rows, [])).toThrow(/not masked, .*in sequence 0/);
  });
});
