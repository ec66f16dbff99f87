/**
 * The distance of a float32 result from a float64 truth, as the documentation promises it.
 *
 * The unit is one ULP of float32 in the binade of the truth. Results below the smallest normal float are flushed: where
 * |truth| < 2^-126 the result is 0, and within the operator's bound of that threshold either 0 or a normal float is
 * allowed; a subnormal result is always wrong. -0 is right only for a negative truth that was flushed. NaN matches NaN
 * alone. A truth that rounds beyond the largest float matches an infinity.
 */

/** 2^-126, the smallest normal float. */
export const SMALLEST_NORMAL = 2 ** -126;

const LARGEST = 2 ** 128 - 2 ** 104;

const bits = new DataView(new ArrayBuffer(8));

/** floor(log2 |x|) of a normal float64, exactly. */
function exponentOf(x: number): number {
  bits.setFloat64(0, x);
  return ((bits.getUint16(0) >>> 4) & 0x7ff) - 1023;
}

/** One ULP of float32 in the binade of x; that of the smallest normal floats for anything smaller. */
export function ulpOf(x: number): number {
  const magnitude = Math.abs(x);
  if (magnitude < SMALLEST_NORMAL) return 2 ** -149;
  return 2 ** (Math.min(exponentOf(magnitude), 127) - 23);
}

/** Distance in ULP, 0 to Infinity; Infinity where no rounding error explains the difference. */
export function ulpDistance(result: number, truth: number): number {
  if (Number.isNaN(truth) || Number.isNaN(result)) return Object.is(result, truth) ? 0 : Infinity;
  if (result === truth)
    return result !== 0 || Object.is(result, truth) ? 0 : signOfZero(result, truth);
  if (!Number.isFinite(truth)) return Infinity;
  if (result === 0) {
    const unit =
      Math.abs(truth) < SMALLEST_NORMAL ? 0 : (Math.abs(truth) - SMALLEST_NORMAL) / 2 ** -149;
    return Math.max(unit, signOfZero(result, truth));
  }
  if (Math.abs(result) < SMALLEST_NORMAL) return Infinity;
  if (!Number.isFinite(result)) {
    // Rounded up beyond the largest float: as far as 2^128 is.
    if (result > 0 !== truth > 0) return Infinity;
    if (Math.abs(truth) >= LARGEST + 2 ** 103) return 0;
    return (2 ** 128 - Math.abs(truth)) / 2 ** 104;
  }
  return Math.abs(result - truth) / ulpOf(truth);
}

/** A zero has the sign of +0 unless it stands for a negative number. */
function signOfZero(result: number, truth: number): number {
  return Object.is(result, -0) && !(truth < 0) ? Infinity : 0;
}
