/**
 * float64 references of what stands in the place of softmax, for one row. Written from the definitions alone: no import,
 * and no code or constant shared with the kernels. -Infinity is masked; a NaN or +Infinity makes the row NaN.
 */

/** Parameters as the catalogue names them. */
export interface VariantParameters {
  readonly maskedRow?: number | string;
  readonly epsilon?: number | string;
  readonly normalised?: boolean | number | string;
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

/** Neumaier's sum. */
function sumOf(terms: Float64Array): number {
  let sum = 0;
  let lost = 0;
  for (const term of terms) {
    const next = sum + term;
    lost += Math.abs(sum) >= Math.abs(term) ? sum - next + term : term - next + sum;
    sum = next;
  }
  return sum + lost;
}

/** stableMax(x)_i = s(x_i) / sum_j s(x_j), s(x) = x + 1 where x >= 0 and 1 / (1 - x) elsewhere */
export function stableMax(
  row: ArrayLike<number>,
  parameters: VariantParameters = {},
): Float64Array {
  const top = topOf(row, parameters);
  if (typeof top !== 'number') return top;
  const y = new Float64Array(row).map((x) => (x >= 0 ? x + 1 : 1 / (1 - x)));
  const sum = sumOf(y);
  return y.map((term) => term / sum);
}

/** What can be more than 0, less the largest element and divided by `scale`: largest first. */
function candidates(row: ArrayLike<number>, top: number, scale: number): Float64Array {
  const near = new Float64Array(row.length);
  let count = 0;
  for (let i = 0; i < row.length; i++) {
    const d = (row[i] - top) / scale;
    if (d > -1) near[count++] = d;
  }
  return near.subarray(0, count).sort().reverse();
}

/** tau - top of sparsemax: by sorting, the largest k with 1 + k z_k > z_1 + ... + z_k. */
function sparsemaxTau(row: ArrayLike<number>, top: number): number {
  let tau = -1;
  let sum = 0;
  candidates(row, top, 1).forEach((z, i) => {
    sum += z;
    if (1 + (i + 1) * z > sum) tau = (sum - 1) / (i + 1);
  });
  return tau;
}

/**
 * tau - top / 2 of entmax15: by sorting, the largest k with tau_k <= z_k, tau_k being the mean of the first k less the root
 * of (1 - the sum of their squared deviations) / k.
 */
function entmaxTau(row: ArrayLike<number>, top: number): number {
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
  return tau;
}

/** sparsemax(x)_i = max(0, x_i - tau) */
export function sparsemax(
  row: ArrayLike<number>,
  parameters: VariantParameters = {},
): Float64Array {
  const top = topOf(row, parameters);
  if (typeof top !== 'number') return top;
  const tau = sparsemaxTau(row, top);
  return new Float64Array(row).map((x) => Math.max(0, x - top - tau));
}

/** Its tau. */
export function sparsemaxThreshold(row: ArrayLike<number>): number {
  const top = topOf(row, {});
  return typeof top === 'number' ? top + sparsemaxTau(row, top) : NaN;
}

/** entmax15(x)_i = max(0, x_i / 2 - tau)^2 */
export function entmax15(row: ArrayLike<number>, parameters: VariantParameters = {}): Float64Array {
  const top = topOf(row, parameters);
  if (typeof top !== 'number') return top;
  const tau = entmaxTau(row, top);
  return new Float64Array(row).map((x) => Math.max(0, (x - top) / 2 - tau) ** 2);
}

/** Its tau. */
export function entmax15Threshold(row: ArrayLike<number>): number {
  const top = topOf(row, {});
  return typeof top === 'number' ? top / 2 + entmaxTau(row, top) : NaN;
}

/**
 * softpick(x)_i = max(0, e^x_i - 1) / (sum_j |e^x_j - 1| + epsilon e^m), m = max(0, x_1, ...): all of it times e^-m; 0
 * where the sum is 0. Masked elements are not in the sum.
 */
export function softpick(
  row: ArrayLike<number>,
  { epsilon = 1e-8 }: VariantParameters = {},
): Float64Array {
  const top = topOf(row, { maskedRow: 'zero' });
  if (typeof top !== 'number') return top;
  const m = Math.max(0, top);
  const t = new Float64Array(row).map((x) => {
    if (x === -Infinity) return 0;
    return m > 700 ? Math.exp(x - m) - Math.exp(-m) : Math.expm1(x) * Math.exp(-m);
  });
  const sum = sumOf(t.map(Math.abs)) + Number(epsilon);
  return t.map((term) => (term > 0 ? term / sum : 0));
}

/** Terms e^(b (x_i - top)), and their sum. */
function exponentials(row: ArrayLike<number>, top: number, b: number) {
  const terms = new Float64Array(row).map((x) => Math.exp(b * (x - top)));
  return { terms, sum: sumOf(terms) };
}

/** selfAdjustSoftmax(x)_i = f(x_i) softmax(x)_i, f(x) = x or (x - l) / (h - l), l = min(0, min x), h = max(0, max x). */
export function selfAdjustSoftmax(
  row: ArrayLike<number>,
  parameters: VariantParameters = {},
): Float64Array {
  const top = topOf(row, parameters);
  if (typeof top !== 'number') return top;
  const { terms, sum } = exponentials(row, top, 1);
  let l = 0;
  for (let i = 0; i < row.length; i++) if (row[i] < l && row[i] > -Infinity) l = row[i];
  const width = Math.max(0, top) - l;
  const factor = (x: number): number => {
    if (parameters.normalised !== true) return x;
    return width === 0 ? 0 : (x - l) / width;
  };
  return terms.map((term, i) => (term === 0 ? 0 : (factor(row[i]) * term) / sum));
}

/** softmax(b x), b = max(1, the polynomial of H) where H > 0.5, H = ln S - T / S the entropy of softmax(x). */
export function adaptiveTemperatureSoftmax(
  row: ArrayLike<number>,
  parameters: VariantParameters = {},
): Float64Array {
  const top = topOf(row, parameters);
  if (typeof top !== 'number') return top;
  const plain = exponentials(row, top, 1);
  const moments = plain.terms.map((term, i) => (term === 0 ? 0 : term * (row[i] - top)));
  const h = Math.log(plain.sum) - sumOf(moments) / plain.sum;
  const p = (((-0.037 * h + 0.481) * h - 2.3) * h + 4.917) * h - 1.791;
  const { terms, sum } = exponentials(row, top, h > 0.5 ? Math.max(p, 1) : 1);
  return terms.map((term) => term / sum);
}
