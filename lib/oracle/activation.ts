/**
 * float64 references of the activations, for one row. Written from the definitions alone: no import, and no code or
 * constant shared with the kernels.
 */

/** silu(x) = x / (1 + exp(-x)); its limits are -0 at -Infinity and Infinity at Infinity. */
export function silu(row: ArrayLike<number>): Float64Array {
  // exp(-x) overflows below -709, where x / Infinity is -0, as it should be; at -Infinity that would be NaN.
  return Float64Array.from(row, (x) => (x === -Infinity ? -0 : x / (1 + Math.exp(-x))));
}
