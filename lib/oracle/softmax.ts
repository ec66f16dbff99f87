/**
 * float64 references of the softmax family, for one row. Written from the definitions alone: no import, and no code
 * or constant shared with the kernels. x are float32 values (exact in float64), temperature any float64 > 0.
 *
 * Accuracy: the shift (x - max) / T has a relative error of 2^-52, so its exponential, and with it softmax and the
 * log-softmax of a dominant element, has one of at most about 2^-42, reached where exp is about to underflow; elsewhere
 * log-softmax stays near 2^-51, nothing cancels in it. For log-sum-exp the absolute error is about
 * 2^-52 * max(1, |max / T|): far below half an ULP of float32 unless the result cancels to within 2^-27 of zero.
 */

/** Parameters as the catalogue names them; all optional. */
export interface SoftmaxParameters {
  readonly temperature?: number | string;
  readonly maskedRow?: number | string;
}

/** The normaliser of one row: the sum is 1 + others, with the shift being the maximum. */
interface Normaliser {
  /** Largest element; -Infinity for an empty or fully masked row, NaN where an element is NaN. */
  readonly max: number;
  /** Index of the (first) largest element. */
  readonly top: number;
  /** Sum of exp((x - max) / T) over every element but `top`. */
  readonly others: number;
}

function normaliser(row: ArrayLike<number>, temperature: number): Normaliser {
  let max = -Infinity;
  let top = 0;
  for (let i = 0; i < row.length; i++) {
    const x = row[i];
    if (Number.isNaN(x)) return { max: NaN, top: i, others: NaN };
    if (x > max) {
      max = x;
      top = i;
    }
  }
  // Neumaier's sum: the lost low part of every addition is kept, whichever operand is larger.
  let sum = 0;
  let lost = 0;
  if (Number.isFinite(max)) {
    for (let i = 0; i < row.length; i++) {
      if (i === top) continue;
      const term = Math.exp((row[i] - max) / temperature);
      const next = sum + term;
      lost += sum >= term ? sum - next + term : term - next + sum;
      sum = next;
    }
  }
  return { max, top, others: sum + lost };
}

function temperatureOf(parameters: SoftmaxParameters): number {
  return Number(parameters.temperature ?? 1);
}

/** softmax(x)_i = exp(x_i / T) / sum_j exp(x_j / T) */
export function softmax(row: ArrayLike<number>, parameters: SoftmaxParameters = {}): Float64Array {
  const temperature = temperatureOf(parameters);
  const { max, others } = normaliser(row, temperature);
  const y = new Float64Array(row.length);
  // A NaN or a +Infinity makes the whole row NaN, as in PyTorch.
  if (Number.isNaN(max) || max === Infinity) return y.fill(NaN);
  if (max === -Infinity) return y.fill(parameters.maskedRow === 'zero' ? 0 : NaN);
  const sum = 1 + others;
  for (let i = 0; i < row.length; i++) y[i] = Math.exp((row[i] - max) / temperature) / sum;
  return y;
}

/** logSoftmax(x)_i = x_i / T - logSumExp(x); through log1p, so that the dominant element keeps its digits. */
export function logSoftmax(
  row: ArrayLike<number>,
  parameters: SoftmaxParameters = {},
): Float64Array {
  const temperature = temperatureOf(parameters);
  const { max, others } = normaliser(row, temperature);
  const y = new Float64Array(row.length);
  if (!Number.isFinite(max)) return y.fill(NaN);
  const log = Math.log1p(others);
  for (let i = 0; i < row.length; i++) y[i] = (row[i] - max) / temperature - log;
  return y;
}

/** logSumExp(x) = log sum_j exp(x_j / T) */
export function logSumExp(row: ArrayLike<number>, parameters: SoftmaxParameters = {}): number {
  const temperature = temperatureOf(parameters);
  const { max, others } = normaliser(row, temperature);
  // -Infinity, +Infinity and NaN are their own answer.
  return Number.isFinite(max) ? max / temperature + Math.log1p(others) : max;
}
