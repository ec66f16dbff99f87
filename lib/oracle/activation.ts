/**
 * float64 references of the activations, for one row. Written from the definitions alone: no import, and no code or
 * constant shared with the kernels.
 */

/** silu(x) = x / (1 + exp(-x)); its limits are -0 at -Infinity and Infinity at Infinity. */
export function silu(row: ArrayLike<number>): Float64Array {
  const y = new Float64Array(row.length);
  // exp(-x) overflows below -709, where x / Infinity is -0, as it should be; at -Infinity that would be NaN.
  for (let i = 0; i < y.length; i++) {
    y[i] = row[i] === -Infinity ? -0 : row[i] / (1 + Math.exp(-row[i]));
  }
  return y;
}
