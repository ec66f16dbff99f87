/** Calibration, risk, ROC, temperature and perplexity: any lists and options, a documented error or what is defined. */
import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import * as api from '../../lib';
import { effort, say, seed } from '../helpers/effort';
import { Cases, any, made, madeObject, objectOf, seldom } from '../support/hostile/any';
import { documentedErrors } from '../support/hostile/judge';
import { listOf, makeList } from '../support/hostile/lists';
import type { List, ListRecipe } from '../support/hostile/lists';
import { Arena } from '../support/hostile/memory';
import { views } from '../support/hostile/recipes';
import type { ViewRecipe } from '../support/hostile/recipes';
import { polluted } from '../support/hostile/values';
import { fillWords, lengthOf, makeView } from '../support/hostile/world';

const RUNS = effort(750, 40_000);
const settings = { seed, numRuns: RUNS };
const cases = new Cases();
afterAll(() => say(`measures: ${cases.total} cases, seed ${seed}`));

const shares = fc.oneof(
  fc.constantFrom(0, 1, 0.07, 0.3, 0.5, 1 / 3, Number.MIN_VALUE, 1 - 2 ** -53),
  fc.double({ min: 0, max: 1, noNaN: true }),
);
const flags = fc.constantFrom(0, 1);
const numbers = fc.oneof(
  fc.constantFrom(0, -0, 1, 2, -3, 1e-320),
  fc.double({ min: -1e4, max: 1e4, noNaN: true }),
);
const scores = fc.oneof(numbers, fc.constantFrom(Infinity, -Infinity, 1e300, -1e300));

type Check = (value: unknown) => boolean;
const isNumber: Check = (value) => typeof value === 'number' && !Number.isNaN(value);
const isShare: Check = (value) => typeof value === 'number' && value >= 0 && value <= 1;
const isFlag: Check = (value) => [0, 1, true, false].includes(value as number);

/** What a list that is one has for numbers. */
function read({ elements }: List, check: Check): number[] | undefined {
  return elements?.every(check) ? elements.map(Number) : undefined;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

function near(got: number, want: number): void {
  const size = Math.max(1, Math.abs(want));
  const same = Object.is(got, want) || Math.abs(got - want) <= 1e-9 * size || got === want;
  if (!same) throw new Error(`expected ${want}, received ${got}`);
}

type Two = [ListRecipe, ListRecipe];

/** Pairs of lists, of the same length most of the time. */
function pairs(first: fc.Arbitrary<number>, second: fc.Arbitrary<number>): fc.Arbitrary<Two> {
  return fc
    .tuple(listOf(first), listOf(second), fc.integer({ min: 0, max: 9 }))
    .map(([a, b, kind]): Two => {
      if (kind === 0) return [a, b];
      const length = Math.min(a.values.length, b.values.length);
      const cut = (list: ListRecipe): ListRecipe => ({
        ...list,
        values: list.values.slice(0, length),
      });
      return [cut(a), cut(b)];
    });
}

/** Runs one function of two lists on many pairs. */
function tryPairs<R>(
  name: string,
  call: (a: never, b: never) => R,
  recipes: fc.Arbitrary<Two>,
  checks: [Check, Check],
  judge: (got: R, a: number[], b: number[]) => void,
): void {
  say(`${name}: seed ${seed}`);
  const documented = documentedErrors('calibration', name);
  let good = 0;
  const property = fc.property(recipes, fc.boolean(), ([first, second], dirty) => {
    const lists = [makeList(first), makeList(second)];
    const [a, b] = lists.map((list, i) => read(list, checks[i]));
    const right = a !== undefined && b !== undefined && a.length === b.length;
    let got: R | undefined;
    const work = (): void => void (got = call(lists[0].list as never, lists[1].list as never));
    const ok = cases.returned(documented, () => (dirty ? polluted(-1, work) : work()));
    if (ok !== right) throw new Error(right ? 'expected no refusal' : 'expected a refusal');
    if (!right) return;
    judge(got!, a, b);
    good++;
  });
  fc.assert(property, settings);
  expect(good).toBeGreaterThan(RUNS / 4);
  expect(good).toBeLessThan(RUNS * 0.9);
}

/** The options of a calibration that are not its lists, and what came of them. */
interface Binning {
  readonly bins: number;
  readonly binning: 'width' | 'mass';
}

function judgeCalibration(
  got: api.Calibration,
  sure: number[],
  right: number[],
  { bins, binning }: Binning,
): void {
  const n = sure.length;
  expect(got.bins).toHaveLength(bins);
  let place = 0;
  const sorted = [...sure].sort((a, b) => a - b);
  const offs: number[] = [];
  got.bins.forEach((bin, b) => {
    const inside =
      binning === 'mass'
        ? sorted.slice(place, place + bin.count)
        : sure.filter((c) => (c > b / bins || b === 0) && c <= (b + 1) / bins);
    place += bin.count;
    near(inside.length, bin.count);
    near(bin.confidence, mean(inside));
    if (binning === 'mass') {
      near(Math.floor(Math.abs(bin.count - n / bins)), 0);
      near(bin.lower, bin.count === 0 ? NaN : inside[0]);
      near(bin.upper, inside.at(-1) ?? NaN);
    } else {
      const hits = right.filter((_, i) => (sure[i] > b / bins || b === 0) && sure[i] <= bin.upper);
      near(bin.accuracy, mean(hits));
      near(bin.lower, b / bins);
    }
    if (bin.count > 0) offs.push((Math.abs(bin.accuracy - bin.confidence) * bin.count) / n);
  });
  expect(got.bins.reduce((sum, bin) => sum + bin.count, 0)).toBe(n);
  near(got.ece, n === 0 ? NaN : offs.reduce((sum, off) => sum + off, 0));
  near(got.brier, mean(sure.map((c, i) => (right[i] - c) ** 2)));
  const below = (c: number): number =>
    sure.reduce((sum, s, i) => sum + (s <= c ? right[i] - s : 0), 0);
  near(got.ks, n === 0 ? NaN : Math.max(...sure.map((c) => Math.abs(below(c)))) / n);
  expect(n === 0 ? Number.isNaN(got.mce) : got.mce >= got.ece - 1e-12).toBe(true);
}

describe.each([
  { bins: 15, binning: 'width' },
  { bins: 100, binning: 'width' },
  { bins: 1, binning: 'mass' },
  { bins: 5, binning: 'mass' },
] as Binning[])('calibration, %j', (options) => {
  test('any lists', () => {
    tryPairs(
      'calibration',
      (a, b) => api.calibration(a, b, options),
      pairs(shares, flags),
      [isShare, isFlag],
      (got, a, b) => judgeCalibration(got, a, b, options),
    );
  });
});

test('calibration: any options', () => {
  const documented = documentedErrors('calibration', 'calibration');
  let good = 0;
  const keys = ['bins', 'binning', 'colour'];
  const usual = fc.record({ bins: fc.constantFrom(1, 7, 1e6, undefined), binning: any });
  const property = fc.property(fc.oneof(objectOf(keys), usual), (recipe) => {
    const options = madeObject(recipe) as Partial<Binning>;
    const call = (): unknown => api.calibration([0.5, 1], [true, 0], options);
    if (cases.returned(documented, () => expect(call()).toHaveProperty('ece'))) good++;
  });
  fc.assert(property, { seed, numRuns: Math.ceil(RUNS / 10) });
  expect(good).toBeGreaterThan(0);
});

test('calibration: a million bins of as many items take no longer than they must', () => {
  const sure = Float64Array.from({ length: 1e5 }, (_, i) => i / 1e5);
  for (const binning of ['width', 'mass'] as const) {
    const { bins, ece } = api.calibration(sure, new Uint8Array(1e5), { bins: 1e6, binning });
    expect(bins.filter((bin) => bin.count > 0)).toHaveLength(1e5);
    expect(ece).toBeCloseTo(0.5, 4);
  }
});

test('riskCoverage', () => {
  tryPairs(
    'riskCoverage',
    api.riskCoverage,
    pairs(scores, numbers),
    [isNumber, isNumber],
    (got, sure, loss) => {
      const n = sure.length;
      const levels = [...new Set(sure.map((c) => c + 0))].sort((a, b) => (a > b ? -1 : 1));
      const above = (c: number): number[] => loss.filter((_, i) => sure[i] >= c);
      expect(Array.from(got.coverage)).toEqual(levels.map((c) => above(c).length / n));
      levels.forEach((c, i) => near(got.risk[i], mean(above(c))));
      // The mean risk of the k surest, of those that are equal to the last one as many as there is room for.
      const risks = loss.map((_, i) => {
        const k = i + 1;
        const last = levels.find((c) => above(c).length >= k)!;
        const surer = loss.filter((_, j) => sure[j] > last);
        const equal = loss.filter((_, j) => sure[j] === last);
        const sum = surer.reduce((a, b) => a + b, 0);
        return (sum + mean(equal) * (k - surer.length)) / k;
      });
      near(got.aurc, mean(risks));
    },
  );
});

test('auroc', () => {
  tryPairs('auroc', api.auroc, pairs(scores, flags), [isNumber, isFlag], (got, score, label) => {
    const wins = score.flatMap((s, i) =>
      score.flatMap((other, j) =>
        label[i] === 1 && label[j] === 0 ? [s > other ? 1 : s === other ? 0.5 : 0] : [],
      ),
    );
    near(got, mean(wins));
  });
});

test('aupr', () => {
  tryPairs('aupr', api.aupr, pairs(scores, flags), [isNumber, isFlag], (got, score, label) => {
    const precision = score.flatMap((s, i) =>
      label[i] === 1 ? [mean(label.filter((_, j) => score[j] >= s))] : [],
    );
    near(got, mean(precision));
  });
});

/** -ln p of the target, in float64. */
function surprise(row: readonly number[], target: number, temperature: number): number {
  const most = Math.max(...row);
  if (Number.isNaN(most) || !Number.isFinite(most)) return NaN;
  const top = row.indexOf(most);
  // Without the largest itself: next to 1, a small sum would lose its digits.
  const others = row.reduce(
    (sum, x, i) => sum + (i === top ? 0 : Math.exp((x - most) / temperature)),
    0,
  );
  return Math.log1p(others) + (most - row[target]) / temperature;
}

interface Text {
  readonly x: ViewRecipe;
  readonly targets: ViewRecipe;
  readonly cols: number;
  /** What the columns are said to be, if not those. */
  readonly odd: unknown;
  /** Whether targets are brought into the row. */
  readonly fit: boolean;
  readonly dirty: boolean;
}

const texts: fc.Arbitrary<Text> = fc.record({
  x: views,
  targets: views,
  cols: fc.integer({ min: 1, max: 5 }),
  odd: seldom(any),
  fit: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, fc.constant(false)),
  dirty: fc.boolean(),
});

/** Logits and targets in their memories; the rows, where they fit together. */
function textOf({ x, targets, cols, odd, fit }: Text) {
  const arenas = [new Arena(x.memory), new Arena(targets.memory)] as const;
  const whole = { ...x, length: x.length - (x.length % cols) };
  fillWords(arenas[0].words(), whole);
  fillWords(arenas[1].words(), { ...targets, content: 'any bits' });
  const logits = makeView(arenas[0], whole, 'float32') as Float32Array;
  const length = fit ? Math.floor(lengthOf(logits) / cols) : targets.length;
  const indices = makeView(arenas[1], { ...targets, from: 1, length }, 'int32') as Int32Array;
  if (fit) for (let i = 0; i < lengthOf(indices); i++) indices[i] = (indices[i] >>> 0) % cols;
  if (x.before === 'detach') arenas[0].detach();
  if (targets.before === 'detach') arenas[1].detach();
  for (const arena of arenas) arena.keep();
  const elements = Array.from({ length: lengthOf(logits) }, (_, i) => logits[i]);
  const rows = Math.floor(elements.length / cols);
  const isPlain =
    odd === null && fit && !x.tracking && !targets.tracking && x.form !== 'lying length';
  const isFaultless =
    isPlain &&
    targets.form !== 'lying length' &&
    x.before === 'nothing' &&
    targets.before === 'nothing';
  return {
    logits,
    indices,
    isFaultless,
    cols: odd === null ? cols : made(odd),
    rows: Array.from({ length: rows }, (_, r) => elements.slice(r * cols, (r + 1) * cols)),
    untouched(): void {
      for (const arena of arenas) expect(arena.changed(() => false)).toBe(-1);
    },
  };
}

test('fitTemperature', () => {
  say(`fitTemperature: seed ${seed}`);
  const documented = documentedErrors('calibration', 'fitTemperature');
  let good = 0;
  const property = fc.property(texts, seldom(any), (recipe, strange) => {
    const text = textOf(recipe);
    const options = { cols: text.cols, targets: strange === null ? text.indices : made(strange) };
    let got = 0;
    const fit = (): void => void (got = api.fitTemperature(text.logits, options as never));
    const ok = cases.returned(documented, () => (recipe.dirty ? polluted(-1, fit) : fit()));
    text.untouched();
    if (!text.isFaultless || strange !== null) return;
    expect(ok).toBe(true);
    const cost = (temperature: number): number =>
      text.rows.reduce((sum, row, r) => sum + surprise(row, text.indices[r], temperature), 0);
    const best = Math.min(...[1 / 64, 0.1, 0.5, 1, 1.7, 6, 30, 64].map(cost));
    if (text.rows.length === 0 || !Number.isFinite(best)) return expect(got).toBeNaN();
    expect(got).toBeGreaterThan(1 / 65);
    expect(got).toBeLessThan(65);
    // It is right to a ten-thousandth of itself, of which a tiny loss makes much more; and what is less than any float
    // counts for nothing.
    const near = Math.min(...[1 - 1e-4, 1, 1 + 1e-4].map((by) => cost(got * by)));
    expect(near).toBeLessThanOrEqual(best * (1 + 1e-4) + 1e-30);
    good++;
  });
  fc.assert(property, { seed, numRuns: Math.ceil(RUNS / 4) });
  expect(good).toBeGreaterThan(RUNS / 40);
});

test('fitTemperature and perplexity: any arguments', () => {
  const fit = api.fitTemperature as unknown as (...all: unknown[]) => unknown;
  const measure = api.perplexity as unknown as (...all: unknown[]) => unknown;
  const keys = ['cols', 'targets', 'counts', 'characters', 'temperature', 'out', 'stride'];
  const property = fc.property(any, objectOf(keys), fc.boolean(), (first, recipe, plain) => {
    const x = plain ? new Float32Array(6) : made(first);
    const options = madeObject(recipe);
    const usual = { cols: 3, targets: new Int32Array(2) };
    for (const [file, name, call] of [
      ['calibration', 'fitTemperature', fit],
      ['perplexity', 'perplexity', measure],
    ] as const) {
      const codes = documentedErrors(file, name);
      cases.returned(codes, () => {
        const result = call(x, plain ? { ...usual, ...Object(options) } : options);
        if (name === 'fitTemperature') expect(typeof result).toBe('number');
      });
    }
  });
  fc.assert(property, settings);
});

test('perplexity', () => {
  say(`perplexity: seed ${seed}`);
  const documented = documentedErrors('perplexity', 'perplexity');
  let good = 0;
  const property = fc.property(
    texts,
    fc.option(listOf(flags, 40), { freq: 3 }),
    fc.constantFrom(undefined, 1, 0.5, 3, 2 ** 100),
    fc.constantFrom(undefined, 7, 0.5),
    fc.boolean(),
    (recipe, drawn, temperature, characters, asTensor) => {
      const text = textOf(recipe);
      const count = text.rows.length;
      // As many as there are rows.
      const fitted = drawn && {
        ...drawn,
        values: Array.from({ length: count }, (_, i) => drawn.values[i] ?? i % 2),
      };
      const list = fitted && makeList(fitted);
      const counts = list?.list === undefined ? null : list;
      const flagsRead = counts === null ? Array<number>(count).fill(1) : read(counts, isFlag);
      const targets = asTensor ? { data: text.indices, dims: [count] } : text.indices;
      const options = {
        ...{ cols: text.cols, targets, temperature, characters },
        ...(counts && { counts: counts.list }),
      };
      let got: api.Perplexity | undefined;
      const measure = (): void => void (got = api.perplexity(text.logits, options as never));
      const ok = cases.returned(documented, () =>
        recipe.dirty ? polluted(-1, measure) : measure(),
      );
      text.untouched();
      const right = flagsRead !== undefined && flagsRead.length === count;
      if (counts !== null && !right) return expect(ok).toBe(false);
      if (!text.isFaultless || (recipe.dirty && asTensor)) return;
      expect(ok).toBe(true);
      const losses = text.rows.flatMap((row, r) =>
        // Of a row it is a float: beyond the largest one it is infinite.
        flagsRead![r] === 1 ? [Math.fround(surprise(row, text.indices[r], temperature ?? 1))] : [],
      );
      const nats = losses.reduce((sum, loss) => sum + loss, 0);
      const close = (a: number, b: number): void => {
        if (Object.is(a, b) || Math.abs(a - b) <= 1e-6 * Math.abs(b) + 1e-37) return;
        throw new Error(`expected ${b}, received ${a}`);
      };
      expect(got!.tokens).toBe(losses.length);
      close(got!.nats, nats);
      close(got!.bitsPerToken, mean(losses) / Math.LN2);
      close(got!.bitsPerCharacter, nats / Math.LN2 / (characters ?? NaN));
      near(got!.perplexity, Math.exp(got!.nats / losses.length));
      good++;
    },
  );
  fc.assert(property, settings);
  expect(good).toBeGreaterThan(RUNS / 10);
});
