/** f16 (IEEE 754 binary16) and bf16 in float64, for the checks of verify mode: the kernels have their own (native/rows). */
import type { Bound, Format, InputArray } from './operator';
import { isDoubtful, slackOf } from './ulp';

/** Bits of the mantissa, and the smallest exponent of a normal number. */
const shapes = {
  f16: { mantissa: 10, least: -14, bias: 15, most: 31 },
  bf16: { mantissa: 7, least: -126, bias: 127, most: 255 },
};
type Half = keyof typeof shapes;

/** The number that 16 bits say. */
export function widen(format: Half, bits: number): number {
  const { mantissa, bias, most } = shapes[format];
  const sign = bits >= 0x8000 ? -1 : 1;
  const exponent = (bits & 0x7fff) >> mantissa;
  const fraction = (bits & ((1 << mantissa) - 1)) / (1 << mantissa);
  if (exponent === most) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias);
  return sign * (1 + fraction) * 2 ** (exponent - bias);
}

/** x as float32 elements, in memory of its own. */
export function floatsOf(format: Format, x: InputArray): Float32Array {
  if (format === 'f32') return new Float32Array(x);
  return Float32Array.from(new Uint16Array(x), (bits) => widen(format, bits));
}

/**
 * How many numbers of a format lie between 16 bits and the nearest to a value, or to one that is as far from it as the
 * bound allows absolutely, or by the value's size (TrueRow). A float32 result within its bound of the value, rounded, is at most 1 away.
 */
export function formatDistance(
  format: Half,
  bits: number,
  value: number,
  bound: Bound,
  size = 0,
): number {
  const got = widen(format, bits);
  if (bound.cut && isDoubtful(value) && got === -Infinity) return 0;
  if (Number.isNaN(got) || Number.isNaN(value)) return Object.is(got, value) ? 0 : Infinity;
  if (got === 0 && bound.tiny === 'zero' && Math.abs(value) < 2 ** -126) return 0;
  const at = place(format, got);
  const slack = slackOf(value, bound, size);
  const low = place(format, value - slack);
  const high = place(format, value + slack);
  return Math.max(0, low - at, at - high);
}

/** Where the nearest number of a format, ties to even, stands among all of them in order; 0 is that of zero. */
function place(format: Half, value: number): number {
  const { mantissa, least, most } = shapes[format];
  const size = Math.abs(value);
  const infinity = most << mantissa;
  if (size === Infinity) return Math.sign(value) * infinity;
  const exponent = Math.max(least, size === 0 ? least : Math.floor(Math.log2(size)));
  const steps = roundToEven(size / 2 ** (exponent - mantissa));
  const index = (exponent - least) * 2 ** mantissa + steps;
  return Math.sign(value) * Math.min(index, infinity);
}

function roundToEven(x: number): number {
  const down = Math.floor(x);
  const rest = x - down;
  if (rest !== 0.5) return rest < 0.5 ? down : down + 1;
  return down % 2 === 0 ? down : down + 1;
}
