/** f16 and bf16 to floats and back, by the definition of IEEE 754: every 16-bit number, and every place of rounding. */
import { describe, expect, test } from '@jest/globals';
import { native } from '../lib/configure';
import { Random } from './support/kernels/random';
import { isas } from './support/kernels/operators';

const binding = native();

/** Sign, exponent and mantissa bits of a format. */
const formats = [
  { name: 'f16', id: 1, exponent: 5, mantissa: 10 },
  { name: 'bf16', id: 2, exponent: 8, mantissa: 7 },
];
type Format = (typeof formats)[number];

const all = Uint16Array.from({ length: 2 ** 16 }, (_, i) => i);
const isNaNOf = ({ exponent, mantissa }: Format, h: number): boolean =>
  (h & 0x7fff) > ((1 << exponent) - 1) << mantissa;

/** The value of 16 bits, as the standard writes it. */
function valueOf({ exponent, mantissa }: Format, h: number): number {
  const sign = h >> 15 ? -1 : 1;
  const e = (h >> mantissa) & ((1 << exponent) - 1);
  const m = h & ((1 << mantissa) - 1);
  const bias = 2 ** (exponent - 1) - 1;
  if (e === (1 << exponent) - 1) return m === 0 ? sign * Infinity : NaN;
  return e === 0
    ? sign * m * 2 ** (1 - bias - mantissa)
    : sign * (1 + m / 2 ** mantissa) * 2 ** (e - bias);
}

/** The nearest 16-bit number, ties to the even one, found among the values themselves. */
function nearest(magnitudes: readonly number[], value: number): number {
  const sign = Object.is(value, -0) || value < 0 ? 0x8000 : 0;
  const size = Math.abs(value);
  let low = 0;
  let high = magnitudes.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (magnitudes[middle] <= size) low = middle;
    else high = middle;
  }
  if (size === Infinity) return sign | high;
  // Infinity stands where the next number would: it wins from half-way on.
  const step = magnitudes[high - 1] - magnitudes[high - 2];
  const above = magnitudes[high] === Infinity ? magnitudes[low] + step : magnitudes[high];
  const below = size - magnitudes[low];
  const rest = above - size;
  return sign | (below < rest || (below === rest && low % 2 === 0) ? low : high);
}

const floatOf = new Float32Array(1);
const bitsOf = new Uint32Array(floatOf.buffer);
function nextFloat(value: number, steps: number): number {
  floatOf[0] = value;
  bitsOf[0] += steps;
  return floatOf[0];
}

function widen(isa: number, id: number, x: Uint16Array): Float32Array {
  const y = new Float32Array(x.length);
  expect(binding._widen(isa, id, x, y)).toBe(0);
  return y;
}
function narrow(isa: number, id: number, x: Float32Array, streamed = 0): Uint16Array {
  const y = new Uint16Array(x.length);
  expect(binding._narrow(isa, id, streamed, x, y)).toBe(0);
  return y;
}

describe.each(isas.map((name) => [name, binding.isas.indexOf(name)] as const))('%s', (_, isa) => {
  test.each(formats)('$name to floats: all 65,536', (format) => {
    const got = widen(isa, format.id, all);
    const bits = new Uint32Array(got.buffer);
    for (const h of all) {
      if (isNaNOf(format, h)) {
        const payload = (h & ((1 << format.mantissa) - 1)) << (23 - format.mantissa);
        const quiet = format.name === 'f16' ? 0x400000 : 0;
        expect(bits[h]).toBe((((h >> 15) << 31) | 0x7f800000 | payload | quiet) >>> 0);
      } else if (!Object.is(got[h], valueOf(format, h))) {
        throw new Error(`${h}: expected ${valueOf(format, h)}, received ${got[h]}`);
      }
    }
  });

  test.each(formats)('floats to $name: every number, every tie and its neighbours', (format) => {
    const infinity = ((1 << format.exponent) - 1) << format.mantissa;
    const magnitudes = Array.from({ length: infinity + 1 }, (_, h) => valueOf(format, h));
    const points: number[] = [0, -0, Infinity, -Infinity, 3.4e38, -3.4e38, 2 ** -149, 2 ** -126];
    for (let h = 0; h < infinity; h++) {
      const next = h + 1 === infinity ? 2 * magnitudes[h] - magnitudes[h - 1] : magnitudes[h + 1];
      const tie = Math.fround(magnitudes[h] / 2 + next / 2);
      points.push(magnitudes[h], tie, nextFloat(tie, 1), tie === 0 ? 0 : nextFloat(tie, -1));
      points.push(-tie, -nextFloat(tie, 1));
    }
    const random = new Random(7);
    for (let i = 0; i < 200_000; i++) {
      bitsOf[0] = random.bits();
      if (floatOf[0] === floatOf[0]) points.push(floatOf[0]);
    }
    const x = Float32Array.from(points);
    const got = narrow(isa, format.id, x);
    x.forEach((value, i) => {
      const expected = nearest(magnitudes, value);
      if (got[i] !== expected) throw new Error(`${value}: expected ${expected}, got ${got[i]}`);
    });
  });

  test.each(formats)('$name: a NaN stays one, with its sign and upper payload', (format) => {
    const x = new Float32Array(64);
    const bits = new Uint32Array(x.buffer);
    const random = new Random(9);
    bits.forEach((_, i) => (bits[i] = random.bits() | 0x7f800001));
    bits[0] = 0x7f800001;
    bits[1] = 0xff800001;
    const got = narrow(isa, format.id, x);
    const infinity = ((1 << format.exponent) - 1) << format.mantissa;
    bits.forEach((b, i) => {
      const payload = (b >>> (23 - format.mantissa)) & ((1 << format.mantissa) - 1);
      const quiet = 1 << (format.mantissa - 1);
      expect(got[i]).toBe(((b >>> 16) & 0x8000) | infinity | payload | quiet);
    });
  });

  test.each(formats)('$name: any length at any place, past the cache or not', (format) => {
    const x = Float32Array.from({ length: 200 }, (_, i) => Math.sin(i) * 10 ** ((i % 9) - 5));
    const whole = narrow(isa, format.id, x);
    const back = widen(isa, format.id, whole);
    for (let n = 0; n <= 70; n++) {
      for (let offset = 0; offset < 33; offset += n < 40 ? 1 : 7) {
        for (const streamed of [0, 1]) {
          const y = new Uint16Array(200).fill(0xabcd);
          const view = y.subarray(offset, offset + n);
          const from = x.subarray(5, 5 + n);
          expect(binding._narrow(isa, format.id, streamed, from, view)).toBe(0);
          expect(view).toEqual(whole.subarray(5, 5 + n));
          expect(y.subarray(0, offset).every((v) => v === 0xabcd)).toBe(true);
          expect(y.subarray(offset + n).every((v) => v === 0xabcd)).toBe(true);
        }
        const z = new Float32Array(200).fill(7);
        const view = z.subarray(offset, offset + n);
        expect(binding._widen(isa, format.id, whole.subarray(3, 3 + n), view)).toBe(0);
        expect(view).toEqual(back.subarray(3, 3 + n));
        expect(z.subarray(0, offset).every((v) => v === 7)).toBe(true);
        expect(z.subarray(offset + n).every((v) => v === 7)).toBe(true);
      }
    }
  });
});
