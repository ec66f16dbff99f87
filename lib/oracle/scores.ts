/**
 * float64 references of the scores, for one row. Written from the definitions alone: no import, and no code or constant
 * shared with the kernels. Elements that are -Infinity are masked: they are in no statistic.
 */

/** Parameters as the catalogue names them; all optional. */
export interface ScoreParameters {
  readonly temperature?: number | string;
  readonly p?: number | string;
  readonly centre?: number | string;
}

/** Neumaier's sum: the lost low part of every addition is kept, whichever operand is larger. */
class Sum {
  private high = 0;
  private low = 0;

  add(term: number): void {
    const next = this.high + term;
    this.low +=
      Math.abs(this.high) >= Math.abs(term) ? this.high - next + term : term - next + this.high;
    this.high = next;
  }

  get value(): number {
    return this.high + this.low;
  }
}

/** A row of logits as a distribution, with its largest element at 0. */
interface Distribution {
  /** The largest element: -Infinity for a row without any that is not masked, NaN where an element is NaN. */
  readonly max: number;
  /** The second largest; equal elements are two. */
  readonly second: number;
  /** Over every element but one largest: the sum of exp(-g), g = (max - x) / T. */
  readonly others: number;
  /** The sum of g exp(-g). */
  readonly spread: number;
}

function distribution(row: ArrayLike<number>, temperature: number): Distribution {
  let max = -Infinity;
  let second = -Infinity;
  let top = 0;
  for (let i = 0; i < row.length; i++) {
    const x = row[i];
    if (Number.isNaN(x)) return { max: NaN, second: NaN, others: NaN, spread: NaN };
    if (x > max) {
      second = max;
      max = x;
      top = i;
    } else if (x > second) {
      second = x;
    }
  }
  const others = new Sum();
  const spread = new Sum();
  for (let i = 0; i < row.length && Number.isFinite(max); i++) {
    if (i === top || row[i] === -Infinity) continue;
    const gap = (max - row[i]) / temperature;
    const term = Math.exp(-gap);
    others.add(term);
    if (term > 0) spread.add(gap * term);
  }
  return { max, second, others: others.value, spread: spread.value };
}

function ofDistribution(
  row: ArrayLike<number>,
  parameters: ScoreParameters,
  score: (distribution: Distribution, temperature: number) => number,
): number {
  const temperature = Number(parameters.temperature ?? 1);
  const result = distribution(row, temperature);
  return Number.isFinite(result.max) ? score(result, temperature) : NaN;
}

/** H(p) = -sum p ln p, with p = exp(-g) / S and ln p = -g - ln S. */
export function entropy(row: ArrayLike<number>, parameters: ScoreParameters = {}): number {
  return ofDistribution(
    row,
    parameters,
    ({ others, spread }) => Math.log1p(others) + spread / (1 + others),
  );
}

/** max p = 1 / S */
export function maxProbability(row: ArrayLike<number>, parameters: ScoreParameters = {}): number {
  return ofDistribution(row, parameters, ({ others }) => 1 / (1 + others));
}

/** 1 - max p */
export function leastConfidence(row: ArrayLike<number>, parameters: ScoreParameters = {}): number {
  return ofDistribution(row, parameters, ({ others }) => others / (1 + others));
}

/** p of the largest less p of the second largest */
export function margin(row: ArrayLike<number>, parameters: ScoreParameters = {}): number {
  return ofDistribution(
    row,
    parameters,
    ({ max, second, others }, temperature) =>
      Math.abs(Math.expm1((second - max) / temperature)) / (1 + others),
  );
}

/** -T log sum exp(x / T); -Infinity, +Infinity and NaN among the elements are their own answer. */
export function energy(row: ArrayLike<number>, parameters: ScoreParameters = {}): number {
  const temperature = Number(parameters.temperature ?? 1);
  const { max, others } = distribution(row, temperature);
  return 0 - (Number.isFinite(max) ? max + temperature * Math.log1p(others) : max);
}

/** The largest element; a zero without its sign. */
export function maxLogit(row: ArrayLike<number>): number {
  return distribution(row, 1).max + 0;
}

/** The elements that are not masked. Not by filter, which collects them in a list: 2^27 are too many for that. */
function unmasked(row: ArrayLike<number>): Float64Array {
  const kept = new Float64Array(row.length);
  let count = 0;
  for (let i = 0; i < row.length; i++) if (row[i] !== -Infinity) kept[count++] = row[i];
  return kept.subarray(0, count);
}

/** (max - mean) / (sum |x - mean|^p)^(1/p), or without the mean. */
export function maxLogitPNorm(row: ArrayLike<number>, parameters: ScoreParameters = {}): number {
  const p = Number(parameters.p ?? 2);
  const kept = unmasked(row);
  if (kept.length === 0 || !kept.every(Number.isFinite)) return NaN;
  // In two parts: where the offset is large beside the differences, they would lose their digits.
  const base = parameters.centre === 'none' ? 0 : kept[0];
  const sum = new Sum();
  kept.forEach((x) => sum.add(x - base));
  const offset = parameters.centre === 'none' ? 0 : sum.value / kept.length;
  const centred = kept.map((x) => x - base - offset);
  const size = centred.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  if (size === 0) return 0;
  const powers = new Sum();
  centred.forEach((x) => powers.add((Math.abs(x) / size) ** p));
  const most = centred.reduce((a, b) => Math.max(a, b), -Infinity);
  return most / size / powers.value ** (1 / p);
}
