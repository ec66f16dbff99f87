/**
 * float64 references of what stands in the place of softmax, for one row. Written from the definitions alone: no import,
 * and no code or constant shared with the kernels. -Infinity is masked; a NaN or +Infinity makes the row NaN.
 */

/** Parameters as the catalogue names them. */
export interface VariantParameters {
  readonly maskedRow?: number | string;
}

/** The largest element, or the row that stands for one without a distribution. */
function topOf(row: ArrayLike<number>, { maskedRow }: VariantParameters): number | Float64Array {
  let top = -Infinity;
  for (let i = 0; i < row.length; i++) {
    if (Number.isNaN(row[i])) return new Float64Array(row.length).fill(NaN);
    if (row[i] > top) top = row[i];
  }
  if (Number.isFinite(top)) return top;
  const zeros = top === -Infinity && maskedRow === 'zero';
  return new Float64Array(row.length).fill(zeros ? 0 : NaN);
}

/** stableMax(x)_i = s(x_i) / sum_j s(x_j), s(x) = x + 1 where x >= 0 and 1 / (1 - x) elsewhere */
export function stableMax(
  row: ArrayLike<number>,
  parameters: VariantParameters = {},
): Float64Array {
  const top = topOf(row, parameters);
  if (typeof top !== 'number') return top;
  const y = Float64Array.from(row, (x) => (x >= 0 ? x + 1 : 1 / (1 - x)));
  let sum = 0;
  let lost = 0;
  for (const term of y) {
    const next = sum + term;
    lost += sum >= term ? sum - next + term : term - next + sum;
    sum = next;
  }
  return y.map((term) => term / (sum + lost));
}

/** What can be more than 0, less the largest element and divided by `scale`: largest first. */
function candidates(row: ArrayLike<number>, top: number, scale: number): Float64Array {
  const near: number[] = [];
  for (let i = 0; i < row.length; i++) {
    const d = (row[i] - top) / scale;
    if (d > -1) near.push(d);
  }
  return Float64Array.from(near).sort().reverse();
}

/** sparsemax(x)_i = max(0, x_i - tau): by sorting, the largest k with 1 + k z_k > z_1 + ... + z_k. */
export function sparsemax(
  row: ArrayLike<number>,
  parameters: VariantParameters = {},
): Float64Array {
  const top = topOf(row, parameters);
  if (typeof top !== 'number') return top;
  let tau = -1;
  let sum = 0;
  candidates(row, top, 1).forEach((z, i) => {
    sum += z;
    if (1 + (i + 1) * z > sum) tau = (sum - 1) / (i + 1);
  });
  return Float64Array.from(row, (x) => Math.max(0, x - top - tau));
}

/**
 * entmax15(x)_i = max(0, x_i / 2 - tau)^2: by sorting, the largest k with tau_k <= z_k, tau_k being the mean of the
 * first k less the root of (1 - the sum of their squared deviations) / k.
 */
export function entmax15(row: ArrayLike<number>, parameters: VariantParameters = {}): Float64Array {
  const top = topOf(row, parameters);
  if (typeof top !== 'number') return top;
  let tau = -1;
  let mean = 0;
  let deviations = 0;
  const sorted = candidates(row, top, 2);
  for (let k = 1; k <= sorted.length; k++) {
    // Welford's update: no difference of large sums.
    const d = sorted[k - 1] - mean;
    mean += d / k;
    deviations += d * (sorted[k - 1] - mean);
    if (deviations > 1) break;
    const next = mean - Math.sqrt((1 - deviations) / k);
    if (next > sorted[k - 1]) break;
    tau = next;
  }
  return Float64Array.from(row, (x) => Math.max(0, (x - top) / 2 - tau) ** 2);
}
