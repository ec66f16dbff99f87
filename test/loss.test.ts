/** What only losses have; accuracy, special values and bits are tested by their lines of the catalogue. */
import { describe, expect, test } from '@jest/globals';
import {
  configure,
  compSumLoss,
  crossEntropy,
  fitTemperature,
  focalLoss,
  klDivergence,
  logSoftmax,
  nkdLoss,
  perplexity,
  zLoss,
} from '../lib/index';
import { ulpDistance } from '../lib/ulp';
import { expectCode } from './helpers/errors';
import { Random } from './support/kernels/random';

const I = Infinity;
const one = Int32Array.of(0);

function near(got: number, truth: number, ulp: number): void {
  const off = ulpDistance(got, truth, 'subnormal');
  expect({ got, truth, near: off <= ulp }).toEqual({ got, truth, near: true });
}

test.each([1, 16, 17, 40, 80, 100])('a loss does not collapse to 0, %d above the others', (gap) => {
  const x = Float32Array.of(gap, 0, 0);
  const u = 2 * Math.exp(-gap);
  near(crossEntropy(x, { targets: one })[0], Math.log1p(u), 4);
  near(compSumLoss(x, { targets: one, tau: 0 })[0], u, 4);
  near(compSumLoss(x, { targets: one, tau: 2 })[0], u / (1 + u), 4);
  if (gap > 16) expect(Math.abs(Math.fround(Math.log(1 + Math.fround(u))))).toBeLessThan(1e-6);
});

test('cross-entropy is minus the log-probability, wherever the target is', () => {
  const random = new Random(3);
  for (const cols of [1, 3, 100, 4096, 9001]) {
    const rows = 6;
    const x = Float32Array.from({ length: rows * cols }, () => 5 * random.bell());
    const targets = Int32Array.from({ length: rows }, (_, r) => (r === 0 ? 0 : random.below(cols)));
    targets[rows - 1] = cols - 1;
    const logs = logSoftmax(x, { cols, temperature: 0.5 });
    const losses = crossEntropy(x, { cols, targets, temperature: 0.5 });
    losses.forEach((loss, r) => near(loss, -logs[r * cols + targets[r]], 8));
  }
});

describe('masked columns', () => {
  test('are no classes: they change no loss, smoothed or not', () => {
    const x = Float32Array.of(1, 2, 3);
    const masked = Float32Array.of(-I, 1, -I, 2, 3, -I);
    for (const labelSmoothing of [0, 0.1, 1]) {
      const want = crossEntropy(x, { targets: Int32Array.of(1), labelSmoothing })[0];
      near(crossEntropy(masked, { targets: Int32Array.of(3), labelSmoothing })[0], want, 4);
    }
  });

  test('as targets give infinity, and nothing else is a 0', () => {
    const x = Float32Array.of(-I, 1);
    expect(crossEntropy(x, { targets: one })[0]).toBe(I);
    expect(focalLoss(x, { targets: one })[0]).toBe(I);
    expect(compSumLoss(x, { targets: one, tau: 2 })[0]).toBe(1);
    expect(compSumLoss(x, { targets: one, tau: 1.5 })[0]).toBe(2);
    expect(crossEntropy(x, { targets: Int32Array.of(1) })[0]).toBe(0);
    expect(crossEntropy(Float32Array.of(-I, -I), { targets: one })[0]).toBeNaN();
    expect(crossEntropy(Float32Array.of(1, NaN), { targets: one })[0]).toBeNaN();
    expect(crossEntropy(Float32Array.of(1, I), { targets: one })[0]).toBeNaN();
  });
});

test('label smoothing by hand', () => {
  const x = Float32Array.of(0.5, -1, 2, 0);
  const logs = Array.from(x, (v) => v - Math.log(x.reduce((sum, w) => sum + Math.exp(w), 0)));
  const a = 0.1;
  const want = -logs.reduce((sum, log, i) => sum + ((i === 2 ? 1 - a : 0) + a / 4) * log, 0);
  near(crossEntropy(x, { targets: Int32Array.of(2), labelSmoothing: a })[0], want, 4);
});

describe('a margin', () => {
  const random = new Random(21);
  const lower = (
    x: Float32Array,
    cols: number,
    targets: Int32Array,
    margin: number,
  ): Float32Array => x.map((v, i) => (i % cols === targets[Math.floor(i / cols)] ? v - margin : v));

  test.each([1, 3, 100, 4097, 9001])('is taken off the logit of the target, %d columns', (cols) => {
    // Elements and margins are multiples of 1/64: what is left of a logit is a float.
    const x = Float32Array.from({ length: 4 * cols }, () => random.below(1000) / 64);
    const targets = Int32Array.of(0, cols - 1, cols >> 1, cols >> 2);
    for (const margin of [0, 0.5, 35, -7, 1024]) {
      for (const labelSmoothing of [0, 0.1, 1]) {
        for (const temperature of [1, 0.25]) {
          const options = { cols, targets, labelSmoothing, temperature };
          const got = crossEntropy(x, { ...options, margin });
          const want = crossEntropy(lower(x, cols, targets, margin), options);
          got.forEach((loss, r) => near(loss, want[r], 4));
        }
      }
    }
  });

  test('is inside of the sum: LDR-KL by its definition', () => {
    const [cols, c, lambda] = [5, 2, 0.5];
    const x = Float32Array.from({ length: cols }, () => 2 * random.bell());
    const sum = x.reduce((all, v, k) => all + Math.exp((v - x[3] + (k === 3 ? 0 : c)) / lambda), 0);
    const want = lambda * Math.log(sum / cols);
    const targets = Int32Array.of(3);
    const loss = crossEntropy(x, { cols, targets, temperature: lambda, margin: c })[0];
    expect(Math.abs(lambda * (loss - Math.log(cols)) - want)).toBeLessThan(1e-6);
  });

  test('changes nothing for a target that is masked, or alone', () => {
    const options = { targets: one, margin: 3 };
    expect(crossEntropy(Float32Array.of(-I, 1), options)[0]).toBe(I);
    for (const labelSmoothing of [0, 0.5, 1]) {
      for (const x of [Float32Array.of(7), Float32Array.of(-3e38), Float32Array.of(1e-30, -I)]) {
        expect(crossEntropy(x, { ...options, labelSmoothing })[0]).toBe(0);
      }
    }
    // Of the smoothed part alone a masked target has none.
    const rest = crossEntropy(Float32Array.of(-I, 1, 1), { ...options, labelSmoothing: 1 })[0];
    near(rest, Math.LN2, 1);
  });

  test.each([1025, -1024.5, NaN, Infinity])('of %d is none', (margin) => {
    expectCode(() => crossEntropy(Float32Array.of(1), { targets: one, margin }), 'VALUE');
  });
});

test.each([crossEntropy, focalLoss, compSumLoss])('%p names the row of a wrong target', (loss) => {
  const call = loss as (x: Float32Array, options: object) => unknown;
  const x = new Float32Array(12);
  for (const target of [-1, -100, 3, 2 ** 31 - 1]) {
    const targets = Int32Array.of(0, 1, target, target);
    expect(() => call(x, { cols: 3, targets })).toThrow(
      /options\.targets .*from 0 to 2, received -?\d+ for row 2$/,
    );
  }
  expect(() => call(x, { cols: 3 })).toThrow(/options.targets/);
  expect(() => call(x, { cols: 3, targets: new Int32Array(3) })).toThrow(/have 4 elements/);
});

test('a target that is no column is named without a method of anybody', () => {
  class Odd extends Float32Array {
    override subarray(): never {
      throw new Error('on purpose');
    }
    override slice(): never {
      throw new Error('on purpose');
    }
  }
  const [x, teacher, targets] = [Float32Array.of(1, 2), new Odd(2), Int32Array.of(5)];
  const call = () => nkdLoss(x, { cols: 2, teacher, targets });
  for (const verify of ['off', 'always'] as const) {
    configure({ verify });
    expect(call).toThrow(/options\.targets .*from 0 to 1, received 5 for row 0$/);
    expect(nkdLoss(x, { cols: 2, teacher, targets: Int32Array.of(1) })[0]).toBeGreaterThan(0);
  }
  configure({ verify: 'off' });
});

describe('klDivergence', () => {
  test('of a row from itself is 0, however it is shifted by a power of two', () => {
    const random = new Random(8);
    const x = Float32Array.from({ length: 5000 }, () => random.below(1000) / 64);
    expect(klDivergence(x, { other: x })[0]).toBe(0);
    expect(klDivergence(x, { other: x.map((v) => v + 128) })[0]).toBeLessThan(1e-13);
  });

  test.each([1e-1, 1e-2, 1e-3])('of two that are %d apart', (size) => {
    const random = new Random(8);
    const x = Float32Array.from({ length: 1000 }, () => 3 * random.bell());
    const y = x.map((v) => v + size * random.uniform(-1, 1));
    const want = klDivergence.operator.oracle(x, {}, { other: y }) as number;
    const forward = klDivergence(x, { other: y })[0];
    near(forward, want, 24);
    const reverse = klDivergence(y, { other: x, direction: 'reverse' })[0];
    expect(reverse).toBe(forward);
    expect(forward).toBeGreaterThan(0);
    expect(forward).toBeLessThan(size * size);
  });

  test('masked columns', () => {
    const x = Float32Array.of(0, 0, -I);
    near(klDivergence(x, { other: Float32Array.of(0, 0, 0) })[0], Math.log(1.5), 4);
    expect(klDivergence(x, { other: Float32Array.of(0, -I, 0) })[0]).toBe(I);
    expect(klDivergence(x, { other: Float32Array.of(5, 5, -I) })[0]).toBe(0);
  });
});

test('the z-loss is the square of the logsumexp', () => {
  near(zLoss(Float32Array.of(1, 2, 3), { coefficient: 1e-4 })[0], 1e-4 * 3.40760596444438 ** 2, 4);
});

describe('perplexity', () => {
  test('adds small losses to large ones without losing them', () => {
    const x = new Float32Array(130).fill(-(2 ** 53), 1, 2);
    const targets = new Int32Array(65).fill(1, 0, 1);
    const { nats } = perplexity(x, { cols: 2, targets });
    expect(nats - 2 ** 53).toBe(44); // 64 ln 2, to the nearest of the floats about 2^53
  });

  const x = new Float32Array(4 * 8).fill(0.3);
  const targets = Int32Array.of(0, 7, 3, 3);

  test('of equal probabilities is their number', () => {
    const got = perplexity(x, { cols: 8, targets, characters: 6 });
    expect(got.tokens).toBe(4);
    expect(got.perplexity).toBeCloseTo(8, 5);
    expect(got.bitsPerToken).toBeCloseTo(3, 6);
    expect(got.bitsPerCharacter).toBeCloseTo(2, 6);
    expect(perplexity(x, { cols: 8, targets }).bitsPerCharacter).toBeNaN();
  });

  test('leaves out what does not count, whatever its target', () => {
    const options = {
      cols: 8,
      targets: Int32Array.of(0, -100, 3, -100),
      counts: [1, 0, true, false],
    };
    expect(perplexity(x, options)).toMatchObject({ tokens: 2 });
    expect(() => perplexity(x, { ...options, counts: [1, 1, 1, 1] })).toThrow(/row 1/);
    expect(() => perplexity(x, { ...options, counts: [1] })).toThrow(/options.counts/);
    expect(() => perplexity(x, { ...options, characters: 0 })).toThrow(/greater than 0/);
  });

  test('speaks of itself in its errors', () => {
    expect(() => perplexity(x, { cols: 8, targets: targets.map((t) => -t) })).toThrow(
      /^perplexity: expected options\.targets to have only/,
    );
    expect(() => perplexity(x, { cols: 7, targets })).toThrow(/^perplexity: expected x to have/);
    const options = { cols: 8, targets: Int32Array.of(0, 1, 2, 8) };
    expect(() => fitTemperature(x, options)).toThrow(
      /^fitTemperature: expected options\.targets to have only/,
    );
  });

  test('sums in float64', () => {
    const rows = 200_000;
    const logits = new Float32Array(2 * rows);
    const got = perplexity(logits, { cols: 2, targets: new Int32Array(rows) });
    expect(got.nats).toBeCloseTo(rows * Math.fround(Math.LN2), 6);
  });
});

describe('what is beside x lies as x does', () => {
  const data = Float32Array.from({ length: 12 }, (_, i) => i % 5);
  const x = { data, dims: [2, 3, 2] };
  const targets = new Int32Array(4);
  test.each<[string, readonly number[], boolean]>([
    ['the dims without the classes', [2, 2], true],
    ['an axis of one more', [2, 1, 2], true],
    ['others of as many elements', [4], false],
  ])('targets with %s', (_, dims, right) => {
    const call = (): unknown => crossEntropy(x, { axis: 1, targets: { data: targets, dims } });
    if (right) expect(call()).toMatchObject({ dims: [2, 2] });
    else expectCode(call, 'SHAPE', 'options.targets.dims', '[2, 2]', '[4]');
  });

  test('a distribution that is turned', () => {
    const other = (dims: number[]): unknown => klDivergence(x, { axis: 1, other: { data, dims } });
    expect(other([2, 3, 2])).toMatchObject({ dims: [2, 2] });
    expectCode(() => other([2, 2, 3]), 'SHAPE', 'options.other.dims', 'x, [2, 3, 2]', '[2, 2, 3]');
    const turned = { data, dims: [2, 2, 3] };
    const call = (): unknown => klDivergence(data, { dims: x.dims, axis: 1, other: turned });
    expectCode(call, 'SHAPE', 'options.other.dims');
    // Rows of another number of columns than the dims say.
    expect(klDivergence(data, { cols: 4, other: { data, dims: [12] } })).toHaveLength(3);
  });
});
