/**
 * float64 references of the losses, for one row. Written from the definitions alone: no import, and no code or constant
 * shared with the kernels. Elements that are -Infinity are masked: they are no class.
 */

/** Parameters as the catalogue names them; all optional. */
export interface LossParameters {
  readonly temperature?: number | string | boolean;
  readonly labelSmoothing?: number | string | boolean;
  readonly margin?: number | string | boolean;
  readonly gamma?: number | string | boolean;
  readonly tau?: number | string | boolean;
  readonly coefficient?: number | string | boolean;
  readonly sharpness?: number | string | boolean;
  readonly threshold?: number | string | boolean;
}
type Inputs = Readonly<Record<string, ArrayLike<number> | number | undefined>>;

/** Neumaier's sum: the lost low part of every addition is kept, whichever operand is larger. */
function sumOf(
  elements: ArrayLike<number>,
  termOf: (x: number, i: number) => number = (x) => x,
): number {
  let high = 0;
  let low = 0;
  for (let i = 0; i < elements.length; i++) {
    const term = termOf(elements[i], i);
    const next = high + term;
    if (Number.isFinite(next)) {
      low += Math.abs(high) >= Math.abs(term) ? high - next + term : term - next + high;
    }
    high = next;
  }
  return high + low;
}

function largest(row: Float64Array): number {
  return row.reduce((a, b) => (b > a || Number.isNaN(b) ? b : a), -Infinity);
}

/** log sum exp(x / T) less max / T: log1p of the sum over all but one largest. */
function logMass(row: Float64Array, max: number, temperature: number): number {
  const top = row.indexOf(max);
  return Math.log1p(sumOf(row, (x, i) => (i === top ? 0 : Math.exp((x - max) / temperature))));
}

/** The others alone: the target is masked. */
function without(row: Float64Array, target: number): Float64Array {
  const others = row.slice();
  others[target] = -Infinity;
  return others;
}

/** -ln p of the target, from the others: log1p(u), u = sum over the others of exp((x - x_y) / T). */
function surpriseOf(row: Float64Array, target: number, temperature: number): number {
  const others = without(row, target);
  const max = largest(others);
  if (max === -Infinity) return row[target] === -Infinity ? NaN : 0;
  const gap = (max - row[target]) / temperature;
  if (gap > 0) {
    const log = logMass(others, max, temperature);
    return gap + log + Math.log1p(Math.exp(-gap - log));
  }
  return Math.log1p(sumOf(others, (x) => Math.exp((x - row[target]) / temperature)));
}

/** The elements that are not masked. Not by filter, which collects them in a list: 2^27 are too many for that. */
function unmasked(row: ArrayLike<number>): Float64Array {
  const kept = new Float64Array(row.length);
  let count = 0;
  for (let i = 0; i < row.length; i++) if (row[i] !== -Infinity) kept[count++] = row[i];
  return kept.subarray(0, count);
}

/** The mean of -ln p over all elements that are not masked: that of (max - x) / T, and the logarithm of the mass. */
function meanSurprise(row: Float64Array, temperature: number): number {
  const kept = unmasked(row);
  const max = largest(kept);
  const apart = sumOf(kept, (x) => max - x) / kept.length;
  return apart / temperature + logMass(kept, max, temperature);
}

/** A loss of the surprise of the row's target; NaN for a row without a distribution, or without columns. */
function ofTarget(
  row: ArrayLike<number>,
  parameters: LossParameters,
  inputs: Inputs,
  loss: (surprise: number, row: Float64Array, temperature: number) => number,
): number {
  const temperature = Number(parameters.temperature ?? 1);
  const all = new Float64Array(row);
  const target = Number(inputs['targets']);
  if (!Number.isFinite(largest(all)) || !(target < all.length)) return NaN;
  return loss(surpriseOf(all, target, temperature), all, temperature);
}

/** (1 - a) (-ln p_y) + a mean(-ln p), p of the row with the target's logit less the margin */
export function crossEntropy(
  row: ArrayLike<number>,
  parameters: LossParameters,
  inputs: Inputs,
): number {
  const a = Number(parameters.labelSmoothing ?? 0);
  const margin = Number(parameters.margin ?? 0);
  const target = Number(inputs['targets']);
  const lowered = new Float64Array(row);
  lowered[target] -= margin;
  return ofTarget(lowered, parameters, inputs, (surprise, all, temperature) => {
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
  const all = new Float64Array(row);
  const max = largest(all);
  const log = Number.isFinite(max) ? max / temperature + logMass(all, max, temperature) : max;
  return Number(parameters.coefficient ?? 1) * log * log;
}

/** ||p - e_y||, from the probabilities and 1 - p_y as the sum of the others. */
export function el2n(row: ArrayLike<number>, parameters: LossParameters, inputs: Inputs): number {
  return ofTarget(row, parameters, inputs, (_, all, temperature) => {
    const target = Number(inputs['targets']);
    const others = without(all, target);
    const top = largest(others);
    if (top === -Infinity) return 0;
    // Relative to the largest of the others: squares of what is next to nothing would be 0.
    const weights = others.map((x) => Math.exp((x - top) / temperature));
    const length = Math.sqrt(sumOf(weights, (w) => w * w) + sumOf(weights) ** 2);
    const gap = (top - all[target]) / temperature;
    return gap > 0
      ? length / (sumOf(weights) + Math.exp(-gap))
      : (Math.exp(gap) * length) / (1 + Math.exp(gap) * sumOf(weights));
  });
}

/** ln(1 + e^(a (b - z))) / a, z = (x_y - mean) / standard deviation */
export function zScoreLoss(
  row: ArrayLike<number>,
  parameters: LossParameters,
  inputs: Inputs,
): number {
  const a = Number(parameters.sharpness ?? 1);
  const b = Number(parameters.threshold ?? 0);
  const target = Number(inputs['targets']);
  const kept = unmasked(row);
  if (kept.length === 0 || !kept.every(Number.isFinite) || !(target < row.length)) return NaN;
  // In two parts: an offset that is large beside the differences would take their digits.
  const base = kept[0];
  const offset = sumOf(kept, (x) => x - base) / kept.length;
  const variance = sumOf(kept, (x) => (x - base - offset) ** 2) / kept.length;
  if (row[target] === -Infinity) return Infinity;
  const z = variance === 0 ? 0 : (row[target] - base - offset) / Math.sqrt(variance);
  const v = a * (b - z);
  return (Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v)))) / a;
}
