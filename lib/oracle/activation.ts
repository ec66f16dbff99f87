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

/** gelu(x) = x * Phi(x), Phi the distribution function of the standard normal distribution. */
export function gelu(row: ArrayLike<number>): Float64Array {
  const y = new Float64Array(row.length);
  for (let i = 0; i < y.length; i++) y[i] = row[i] === -Infinity ? -0 : row[i] * normal(row[i]);
  return y;
}

/**
 * Phi(x): for x < -3 the density times Laplace's continued fraction of Mills' ratio, for x beyond -3 one half and the
 * density times x + x^3/3 + x^5/15 + ..., in which every term has the sign of x. x has 24 bits, so x * x is exact.
 */
function normal(x: number): number {
  if (Number.isNaN(x)) return NaN;
  if (x > 9) return 1;
  const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
  if (x < -3) {
    let ratio = 0;
    for (let k = 120; k > 0; k--) ratio = k / (ratio - x);
    return density / (ratio - x);
  }
  let term = x;
  let sum = x;
  for (let k = 3; sum + term !== sum; k += 2) {
    term *= (x * x) / k;
    sum += term;
  }
  return 0.5 + density * sum;
}

/** geluTanh(x) = x * (1 + tanh(y)) / 2 = x / (1 + exp(-2y)), y = sqrt(2 / pi) * (x + 0.044715 x^3). */
export function geluTanh(row: ArrayLike<number>): Float64Array {
  const y = new Float64Array(row.length);
  for (let i = 0; i < y.length; i++) {
    const x = row[i];
    const twice = 2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x);
    y[i] = x === -Infinity ? -0 : x / (1 + Math.exp(-twice));
  }
  return y;
}

/** Parameters as the catalogue names them. */
export interface DytParameters {
  readonly alpha?: number | string;
}

/** dyt(x) = tanh(alpha * x) */
export function dyt(row: ArrayLike<number>, { alpha = 0.5 }: DytParameters = {}): Float64Array {
  const y = new Float64Array(row.length);
  for (let i = 0; i < y.length; i++) y[i] = Math.tanh(Number(alpha) * row[i]);
  return y;
}
