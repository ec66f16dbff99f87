/**
 * native/simd/math.h by itself, through the hooks of the addon: exp, log and the exponential as a pair, over floats of
 * all bits and densely where something changes. The maxima are those of all 2^32 floats; that takes the best part of an
 * hour, so usually every 509th is looked at.
 *
 * SOFTLANE_EXHAUSTIVE=1 npm test -- math
 */
import { describe, expect, test } from '@jest/globals';
import type { Binding } from '../binding';
import { native } from '../lib/configure';
import { ulpDistance } from '../lib/ulp';
import { expectSameBits } from './support/kernels/compare';
import { isas } from './support/kernels/operators';
import { Random } from './support/kernels/random';
import { step } from './support/kernels/rows';

/** Promised, and measured over all floats (docs/numerics.md). */
const EXP = { bound: 2, measured: 0.94 };
const LOG = { bound: 2, measured: 0.85 };
const PAIR = { measured: 0.95 };

/** The exponent of the pair is exact below this; beyond it a row is shifted first. */
const PAIR_LIMIT = 22_700;
/** The pair is that of this times e^x (native/simd/math.h, Note [Gain]). */
const GAIN = 1.0271170333246298;

type Hook = (isa: number, x: Float32Array, ...outputs: Float32Array[]) => number;

/** Runs a hook on every instruction set; the outputs must not differ. */
function run(name: '_exp' | '_log' | '_extExp', x: Float32Array): Float32Array[] {
  const binding: Binding = native();
  const hook = binding[name] as unknown as Hook;
  let first: Float32Array[] | undefined;
  for (const isa of isas) {
    const outputs = [new Float32Array(x.length)];
    if (name === '_extExp') outputs.push(new Float32Array(x.length));
    expect(hook(binding.isas.indexOf(isa), x, ...outputs)).toBe(0);
    first ??= outputs;
    outputs.forEach((y, i) => expectSameBits(y, first![i], `${name} on ${isa}`));
  }
  return first!;
}

const CHUNK = 1 << 16;

/** Floats by their bits: every `stride`-th of all 2^32, in chunks. */
function* everyFloat(stride: number): Generator<Float32Array> {
  for (let begin = 0; begin < 2 ** 32; begin += CHUNK * stride) {
    const count = Math.min(CHUNK, Math.ceil((2 ** 32 - begin) / stride));
    const words = new Uint32Array(count);
    for (let i = 0; i < count; i++) words[i] = begin + i * stride;
    yield new Float32Array(words.buffer);
  }
}

/** All floats within `steps` of each of the given ones, and of their negatives. */
function around(centres: readonly number[], steps: number): Float32Array {
  const all = centres.flatMap((centre) => [centre, -centre]);
  const row = new Float32Array(all.length * (2 * steps + 1));
  let at = 0;
  for (const centre of all) {
    for (let k = -steps; k <= steps; k++) row[at++] = step(Math.fround(centre), k);
  }
  return row;
}

/** The floats nearest zero of both signs, subnormals among them. */
function tiny(count: number): Float32Array {
  const words = new Uint32Array(2 * count);
  for (let i = 0; i < count; i++) {
    words[2 * i] = i;
    words[2 * i + 1] = 0x80000000 + i;
  }
  return new Float32Array(words.buffer);
}

const LN2 = Math.LN2;
const EXP_CENTRES = [
  ...[1, 0.5, 2, 10, 1e-3, 1e-7, 1e-20, 2 ** -126, LN2, LN2 / 2, 1.5 * LN2, 10.5 * LN2],
  ...[87.33654, 88.72284, 89, 103.27893, 103.97208, 104, 126 * LN2, 127.5 * LN2, 149 * LN2, 1e4],
  ...[2 ** 23, 1e30, 3.4e38],
];
const LOG_CENTRES = [
  ...[1, Math.SQRT1_2, Math.SQRT2, 0.5, 2, 0.75, 1.5, Math.E, 10, 1e-10, 1e10, 1e38, 3.4e38],
  ...[2 ** -126, 2 ** -127, 2 ** -125, 1e-40, 1e-44, 2 ** -24, 2 ** 24, 2 ** 127],
];
const PAIR_CENTRES = [
  ...EXP_CENTRES.filter((x) => x < PAIR_LIMIT),
  ...[1000, 65_504, 65_536 * LN2, 1e5, 262_144.5 * LN2, 524_288.5 * LN2, 6.9e5, 699_999],
];

/** The largest error of exp or log. */
function worst(name: '_exp' | '_log', exact: (x: number) => number, x: Float32Array): number {
  const [y] = run(name, x);
  let largest = 0;
  for (let i = 0; i < x.length; i++) {
    const distance = ulpDistance(y[i], exact(x[i]), 'subnormal');
    if (distance > largest) largest = distance;
    if (distance === Infinity) throw new Error(`${name}(${x[i]}) is ${y[i]}`);
  }
  return largest;
}

/**
 * The largest error of the pair, in ULP of the mantissa. e^x is beyond float64 here, so the same exponent is taken out
 * of x: ln 2 in two parts, of which the first times n is exact.
 */
function worstPair(x: Float32Array): number {
  const [mantissa, exponent] = run('_extExp', x);
  let largest = 0;
  for (let i = 0; i < x.length; i++) {
    if (!(Math.abs(x[i]) < PAIR_LIMIT)) continue;
    const n = exponent[i];
    const rest = x[i] - n * 0.6931471803691238 - n * 1.9082149292705877e-10;
    const distance = ulpDistance(mantissa[i], GAIN * Math.exp(rest), 'subnormal');
    if (distance > largest) largest = distance;
    if (!Number.isInteger(n) || rest < -0.05 || rest > 0.7) {
      throw new Error(`the pair of ${x[i]} is ${mantissa[i]}, ${n}`);
    }
  }
  return largest;
}

// A prime, so that all mantissas and all exponents turn up.
const STRIDE = process.env['SOFTLANE_EXHAUSTIVE'] === '1' ? 1 : 509;

describe('exp', () => {
  test('floats of all bits', () => {
    for (const x of everyFloat(STRIDE)) {
      expect(worst('_exp', Math.exp, x)).toBeLessThanOrEqual(EXP.measured);
    }
  });

  test('densely where something changes', () => {
    const x = around(EXP_CENTRES, 3000);
    expect(worst('_exp', Math.exp, x)).toBeLessThanOrEqual(EXP.measured);
    expect(worst('_exp', Math.exp, tiny(20_000))).toBeLessThanOrEqual(EXP.measured);
  });

  test('special values', () => {
    const x = Float32Array.of(0, -0, -Infinity, Infinity, NaN, 1e-45, -1e-45, 89, 1e4, -104, -1e38);
    const [y] = run('_exp', x);
    expect(Array.from(y)).toEqual([1, 1, 0, Infinity, NaN, 1, 1, Infinity, Infinity, 0, 0]);
  });

  test('a result below 2^-126 is a subnormal, not a zero', () => {
    const x = Float32Array.of(-88, -95, -103);
    const [y] = run('_exp', x);
    y.forEach((value, i) => expect(Math.abs(value - Math.exp(x[i]))).toBeLessThan(2 ** -149));
  });
});

describe('log', () => {
  test('floats of all bits', () => {
    for (const x of everyFloat(STRIDE)) {
      expect(worst('_log', Math.log, x)).toBeLessThanOrEqual(LOG.measured);
    }
  });

  test('densely where something changes', () => {
    const x = around(LOG_CENTRES, 3000);
    expect(worst('_log', Math.log, x)).toBeLessThanOrEqual(LOG.measured);
    expect(worst('_log', Math.log, tiny(20_000))).toBeLessThanOrEqual(LOG.measured);
  });

  test('special values', () => {
    const x = Float32Array.of(1, 0, -0, Infinity, -Infinity, NaN, -1, -1e-45, -3e38);
    const [y] = run('_log', x);
    expect(Array.from(y)).toEqual([0, -Infinity, -Infinity, Infinity, NaN, NaN, NaN, NaN, NaN]);
  });
});

describe('the exponential as a pair', () => {
  test('floats of all bits', () => {
    for (const x of everyFloat(STRIDE)) {
      expect(worstPair(x)).toBeLessThanOrEqual(PAIR.measured);
    }
  });

  test('densely where something changes, and over the whole range', () => {
    expect(worstPair(around(PAIR_CENTRES, 3000))).toBeLessThanOrEqual(PAIR.measured);
    expect(worstPair(tiny(20_000))).toBeLessThanOrEqual(PAIR.measured);
    const random = new Random(1);
    const wide = Float32Array.from({ length: 1 << 20 }, () => random.uniform(-PAIR_LIMIT, PAIR_LIMIT));
    expect(worstPair(wide)).toBeLessThanOrEqual(PAIR.measured);
  });

  test('the gain itself at zero', () => {
    const [mantissa, exponent] = run('_extExp', Float32Array.of(0, -0));
    expect(Array.from(mantissa)).toEqual([Math.fround(GAIN), Math.fround(GAIN)]);
    expect(Array.from(exponent)).toEqual([0, 0]);
  });
});

test('lengths that are not whole vectors: nothing beyond them is written', () => {
  const binding = native();
  for (const isa of isas.map((name) => binding.isas.indexOf(name))) {
    for (let n = 0; n < 50; n++) {
      const x = new Float32Array(n).fill(1);
      const padded = new Float32Array(n + 32).fill(7);
      const other = padded.slice();
      const middle = padded.subarray(16, 16 + n);
      const exponents = other.subarray(16, 16 + n);
      const results: [number, number][] = [
        [binding._exp(isa, x, middle), Math.fround(Math.E)],
        [binding._log(isa, x, middle), 0],
      ];
      results.forEach(([status]) => expect(status).toBe(0));
      expect(Array.from(middle)).toEqual(Array(n).fill(0));
      expect(binding._exp(isa, x, middle)).toBe(0);
      expect(Array.from(middle)).toEqual(Array(n).fill(results[0][1]));
      expect(binding._extExp(isa, x, middle, exponents)).toBe(0);
      expect(Array.from(exponents)).toEqual(Array(n).fill(1));
      for (const whole of [padded, other]) {
        expect(whole.subarray(0, 16).every((value) => value === 7)).toBe(true);
        expect(whole.subarray(16 + n).every((value) => value === 7)).toBe(true);
      }
    }
  }
});

test('the promised bounds', () => {
  expect(EXP.measured).toBeLessThanOrEqual(EXP.bound);
  expect(LOG.measured).toBeLessThanOrEqual(LOG.bound);
});
