/**
 * float64 references of the normalisations, for one row. Written from the definitions alone: no import, and no code
 * or constant shared with the kernels.
 */

/** Parameters as the catalogue names them. */
export interface NormParameters {
  readonly epsilon?: number | string;
}

/** Neumaier's sum. */
function sumOf(length: number, term: (i: number) => number): number {
  let sum = 0;
  let lost = 0;
  for (let i = 0; i < length; i++) {
    const a = term(i);
    const next = sum + a;
    lost += Math.abs(sum) >= Math.abs(a) ? sum - next + a : a - next + sum;
    sum = next;
  }
  return sum + lost;
}

/** Each d_i over the root of variance + epsilon; 0 where both are 0, as for every other epsilon. */
function scaled(
  d: Float64Array,
  variance: number,
  { epsilon = 1e-5 }: NormParameters,
): Float64Array {
  const root = Math.sqrt(variance + Number(epsilon));
  return d.map((value) => (root === 0 ? value * 0 : value / root));
}

function finite(row: ArrayLike<number>): boolean {
  for (let i = 0; i < row.length; i++) if (!Number.isFinite(row[i])) return false;
  return true;
}

/** layerNorm(x)_i = (x_i - mean) / sqrt(mean of (x_j - mean)^2 + epsilon) */
export function layerNorm(row: ArrayLike<number>, parameters: NormParameters = {}): Float64Array {
  const n = row.length;
  const d = new Float64Array(n);
  if (!finite(row)) return d.fill(NaN);
  // From the first element on, so that an offset of the whole row takes no digits away.
  const mean = sumOf(n, (i) => row[i] - row[0]) / n;
  for (let i = 0; i < n; i++) d[i] = row[i] - row[0] - mean;
  return scaled(d, sumOf(n, (i) => d[i] * d[i]) / n, parameters);
}

/** rmsNorm(x)_i = x_i / sqrt(mean of x_j^2 + epsilon) */
export function rmsNorm(row: ArrayLike<number>, parameters: NormParameters = {}): Float64Array {
  const d = new Float64Array(row);
  if (!finite(row)) return d.fill(NaN);
  return scaled(d, sumOf(d.length, (i) => d[i] * d[i]) / d.length, parameters);
}

type Values = ArrayLike<number>;
type Inputs = Readonly<Record<string, Values | number | undefined>>;

type Norm<P, T> = (row: Values, parameters: P, inputs: Inputs) => T;

/** A norm of x + residual, and that sum, which is a float: rounded to the nearest before the norm is taken. */
export function ofSum<P, T>(norm: Norm<P, T>): Norm<P, { normalised: T; sum: Float64Array }> {
  return function ofSum(row, parameters, inputs) {
    const residual = inputs['residual'] as Values;
    const sum = new Float64Array(row).map((x, i) => Math.fround(x + residual[i]));
    return { normalised: norm(sum, parameters, inputs), sum };
  };
}
