/**
 * The distance of a float32 result from a float64 truth, as the documentation promises it.
 *
 * The unit is one ULP of float32 in the binade of the truth. NaN matches NaN alone. A truth that rounds beyond the
 * largest float matches an infinity. -0 is right only where it stands for a negative number.
 *
 * Below 2^-126 an operator either rounds to subnormals as IEEE has it, or gives +0 and nothing else: then within the
 * bound of that threshold either 0 or a normal float is allowed, and a subnormal result is always wrong.
 */
import type { Bound } from './operator';

/** Whether a truth says that its element may be cut or not (Bound.cut). */
export function isDoubtful(truth: number): boolean {
  return Math.fround(truth) !== truth && !Number.isNaN(truth);
}

/** 2^-126, the smallest normal float. */
export const SMALLEST_NORMAL = 2 ** -126;

/** The ULP of the smallest normal floats and of the subnormal ones. */
const SMALLEST_ULP = 2 ** -149;
const LARGEST = 2 ** 128 - 2 ** 104;

const bits = new DataView(new ArrayBuffer(8));

/** By binade, from 2^-126 on. A power of two takes longer than the rest of a comparison. */
const ULPS = Float64Array.from({ length: 254 }, (_, binade) => 2 ** (binade - 126 - 23));

/** One ULP of float32 in the binade of x; that of the smallest normal floats for anything smaller. */
export function ulpOf(x: number): number {
  const magnitude = Math.abs(x);
  if (magnitude < SMALLEST_NORMAL) return SMALLEST_ULP;
  bits.setFloat64(0, magnitude);
  const exponent = (bits.getUint16(0) >>> 4) - 1023;
  return ULPS[Math.min(exponent, 127) + 126];
}

/** Distance in ULP, 0 to Infinity; Infinity where no rounding error explains the difference. */
export function ulpDistance(result: number, truth: number, tiny: Bound['tiny'] = 'zero'): number {
  if (Number.isNaN(truth) || Number.isNaN(result)) return Object.is(result, truth) ? 0 : Infinity;
  if (Object.is(result, -0) && !(truth < 0) && !Object.is(truth, -0)) return Infinity;
  if (result === truth && Math.abs(result) >= SMALLEST_NORMAL) return 0;
  if (!Number.isFinite(truth)) return Infinity;
  if (!Number.isFinite(result)) {
    if (result > 0 !== truth > 0) return Infinity;
    // A truth that rounds to infinity; any other is as far away as 2^128 is.
    if (Math.abs(truth) >= LARGEST + 2 ** 103) return 0;
    return (2 ** 128 - Math.abs(truth)) / 2 ** 104;
  }
  if (tiny === 'zero') {
    if (result === 0) return Math.max(0, (Math.abs(truth) - SMALLEST_NORMAL) / SMALLEST_ULP);
    if (Math.abs(result) < SMALLEST_NORMAL) return Infinity;
  }
  return Math.abs(result - truth) / ulpOf(truth);
}

/**
 * The same on the scale of an operator's bound: right if and only if it is at most `bound.maxUlp`. Where the bound has
 * an absolute part, or the truth a size that is larger than itself (TrueRow), the unit is never smaller than these make
 * it.
 */
export function boundDistance(result: number, truth: number, bound: Bound, size = 0): number {
  if (bound.cut && isDoubtful(truth)) {
    return result === -Infinity || result === Math.fround(truth) ? 0 : Infinity;
  }
  const distance = ulpDistance(result, truth, bound.tiny);
  const slack = slackOf(truth, bound, size);
  if (slack === 0 || !Number.isFinite(result - truth)) return distance;
  return Math.abs(result - truth) / Math.max(ulpOf(truth), slack / bound.maxUlp);
}

/** The absolute error that a bound allows, whatever the ULP of the truth; 0: none. */
export function slackOf(truth: number, bound: Bound, size = 0): number {
  const cancelled = size > Math.abs(truth) ? bound.maxUlp * ulpOf(size) : 0;
  return Math.max(bound.absolute, cancelled);
}
