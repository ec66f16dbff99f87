/**
 * float64 references of the losses, for one row. Written from the definitions alone: no import, and no code or constant
 * shared with the kernels. Elements that are -Infinity are masked: they are no class.
 */

/** Parameters as the catalogue names them; all optional. */
export interface LossParameters {
  readonly temperature?: number | string | boolean;
  readonly labelSmoothing?: number | string | boolean;
  readonly gamma?: number | string | boolean;
  readonly tau?: number | string | boolean;
  readonly coefficient?: number | string | boolean;
  readonly direction?: number | string | boolean;
}
type Inputs = Readonly<Record<string, ArrayLike<number> | number | undefined>>;

/** Neumaier's sum: the lost low part of every addition is kept, whichever operand is larger. */
function sumOf(terms: readonly number[]): number {
  let high = 0;
  let low = 0;
  for (const term of terms) {
    const next = high + term;
    if (Number.isFinite(next)) {
      low += Math.abs(high) >= Math.abs(term) ? high - next + term : term - next + high;
    }
    high = next;
  }
  return high + low;
}

function largest(row: readonly number[]): number {
  return row.reduce((a, b) => (b > a || Number.isNaN(b) ? b : a), -Infinity);
}

/** log sum exp(x / T) less max / T: log1p of the sum over all but one largest. */
function logMass(row: readonly number[], max: number, temperature: number): number {
  const top = row.indexOf(max);
  return Math.log1p(
    sumOf(row.filter((_, i) => i !== top).map((x) => Math.exp((x - max) / temperature))),
  );
}

/** -ln p of the target, from the others: log1p(u), u = sum over the others of exp((x - x_y) / T). */
function surpriseOf(row: readonly number[], target: number, temperature: number): number {
  const others = row.filter((_, i) => i !== target);
  const max = largest(others);
  if (max === -Infinity) return row[target] === -Infinity ? NaN : 0;
  const gap = (max - row[target]) / temperature;
  if (gap > 0) {
    const log = logMass(others, max, temperature);
    return gap + log + Math.log1p(Math.exp(-gap - log));
  }
  return Math.log1p(sumOf(others.map((x) => Math.exp((x - row[target]) / temperature))));
}

/** The mean of -ln p over all elements that are not masked: that of (max - x) / T, and the logarithm of the mass. */
function meanSurprise(row: readonly number[], temperature: number): number {
  const kept = row.filter((x) => x !== -Infinity);
  const max = largest(kept);
  const apart = sumOf(kept.map((x) => max - x)) / kept.length;
  return apart / temperature + logMass(kept, max, temperature);
}

/** A loss of the surprise of the row's target; NaN for a row without a distribution, or without columns. */
function ofTarget(
  row: ArrayLike<number>,
  parameters: LossParameters,
  inputs: Inputs,
  loss: (surprise: number, row: readonly number[], temperature: number) => number,
): number {
  const temperature = Number(parameters.temperature ?? 1);
  const all = Array.from(row);
  const target = Number(inputs['targets']);
  if (!Number.isFinite(largest(all)) || !(target < all.length)) return NaN;
  return loss(surpriseOf(all, target, temperature), all, temperature);
}

/** (1 - a) (-ln p_y) + a mean(-ln p) */
export function crossEntropy(
  row: ArrayLike<number>,
  parameters: LossParameters,
  inputs: Inputs,
): number {
  const a = Number(parameters.labelSmoothing ?? 0);
  return ofTarget(row, parameters, inputs, (surprise, all, temperature) => {
    if (a === 0) return surprise;
    const smooth = a * meanSurprise(all, temperature);
    return a === 1 ? smooth : (1 - a) * surprise + smooth;
  });
}

/** (1 - p)^gamma (-ln p) */
export function focalLoss(
  row: ArrayLike<number>,
  parameters: LossParameters,
  inputs: Inputs,
): number {
  const gamma = Number(parameters.gamma ?? 2);
  return ofTarget(row, parameters, inputs, (surprise) => {
    if (surprise === 0 || surprise === Infinity) return surprise;
    return (-Math.expm1(-surprise)) ** gamma * surprise;
  });
}

/** ((1 + u)^(1 - tau) - 1) / (1 - tau) with ln(1 + u) = -ln p, which it is itself for tau = 1. */
export function compSumLoss(
  row: ArrayLike<number>,
  parameters: LossParameters,
  inputs: Inputs,
): number {
  const power = 1 - Number(parameters.tau ?? 1);
  return ofTarget(row, parameters, inputs, (surprise) =>
    power === 0 ? surprise : Math.expm1(power * surprise) / power,
  );
}

/** c logsumexp(x / T)^2 */
export function zLoss(row: ArrayLike<number>, parameters: LossParameters): number {
  const temperature = Number(parameters.temperature ?? 1);
  const all = Array.from(row);
  const max = largest(all);
  const log = Number.isFinite(max) ? max / temperature + logMass(all, max, temperature) : max;
  return Number(parameters.coefficient ?? 1) * log * log;
}

/** sum p (ln p - ln q), as the sum of q - p + p ln(p / q), of which no term is negative. */
export function klDivergence(
  row: ArrayLike<number>,
  parameters: LossParameters,
  inputs: Inputs,
): number {
  const temperature = Number(parameters.temperature ?? 1);
  const given = [Array.from(row), Array.from(inputs['other'] as ArrayLike<number>)];
  const [x, y] = parameters.direction === 'reverse' ? given.reverse() : given;
  const [xMax, yMax] = [largest(x), largest(y)];
  if (!Number.isFinite(xMax) || !Number.isFinite(yMax)) return NaN;
  const [xLog, yLog] = [logMass(x, xMax, temperature), logMass(y, yMax, temperature)];
  const terms = x.map((_, i) => {
    const a = (x[i] - xMax) / temperature - xLog;
    const b = (y[i] - yMax) / temperature - yLog;
    const p = Math.exp(a);
    const q = Math.exp(b);
    const d = (y[i] - yMax - (x[i] - xMax)) / temperature - (yLog - xLog);
    if (p === 0) return q;
    // Odds whose logarithm is no float count as infinite.
    if (Math.abs(d) >= 2 ** 128) return d < 0 ? Infinity : q;
    return Math.abs(d) <= 0.5 ? p * excessOf(d) : q - p - p * d;
  });
  return sumOf(terms);
}

/** e^d - 1 - d for small d. */
function excessOf(d: number): number {
  let sum = 0;
  for (let k = 20, term = 1; k >= 2; k--, term = 1) {
    for (let i = 2; i <= k; i++) term /= i;
    sum = sum * d + term;
  }
  return sum * d * d;
}
