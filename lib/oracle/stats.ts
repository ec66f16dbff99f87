/**
 * float64 references of the row statistics, for one row. Written from the definitions alone: no import, and no code or
 * constant shared with the kernels. Elements that are -Infinity or NaN are masked: they are in no statistic.
 */

/** Parameters as the catalogue names them; all optional. */
export interface StatsParameters {
  readonly temperature?: number | string | boolean;
  readonly p?: number | string | boolean;
}

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

/** The sum of exp((x - max) / T) over every element but one largest, and logsumexp. */
function exponentials(row: readonly number[], temperature: number) {
  const max = row.reduce((a, b) => (b > a ? b : a), -Infinity);
  const top = row.indexOf(max);
  const gaps = row.filter((_, i) => i !== top).map((x) => (max - x) / temperature);
  const terms = gaps.map((gap) => Math.exp(-gap));
  const others = sumOf(terms);
  const logSumExp = Number.isFinite(max) ? max / temperature + Math.log1p(others) : max;
  return { max, gaps, terms, others, logSumExp };
}

/** Mean, deviations from it and their size; the mean in two parts, for a row with a large offset. */
function centred(row: readonly number[]) {
  const base = row.length === 0 ? NaN : row[0];
  const offset = sumOf(row.map((x) => x - base)) / row.length;
  const mean = sumOf([...row]) / row.length;
  const deviations = row.map((x) => x - base - offset);
  const size = deviations.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  return { mean, deviations, size };
}

/** (sum |d|^p)^(1/p) */
function norm(deviations: readonly number[], size: number, p: number): number {
  if (size === 0) return 0;
  return size * sumOf(deviations.map((d) => (Math.abs(d) / size) ** p)) ** (1 / p);
}

/** -ln p of the target, the sum over the others taken without it. */
function surpriseOf(others: readonly number[], target: number, temperature: number): number {
  if (target === -Infinity) return Infinity;
  const { max, others: rest } = exponentials(others, temperature);
  if (max === -Infinity) return 0;
  // Not the difference of two logarithms, in which an offset of the row takes the digits.
  const gap = (max - target) / temperature + Math.log1p(rest);
  if (gap > 0) return gap + Math.log1p(Math.exp(-gap));
  // Of small numbers each keeps its digits where the difference of two logarithms would not.
  return Math.log1p(sumOf(others.map((x) => Math.exp((x - target) / temperature))));
}

/** Every statistic by its name, asked for or not. */
export function rowStats(
  row: ArrayLike<number>,
  parameters: StatsParameters = {},
  inputs: Readonly<Record<string, ArrayLike<number> | number | undefined>> = {},
): Record<string, number> {
  const temperature = Number(parameters.temperature ?? 1);
  const p = Number(parameters.p ?? 2);
  const all = Array.from(row, (x) => (Number.isNaN(x) ? -Infinity : x));
  const kept = all.filter((x) => x !== -Infinity);
  const { max, gaps, terms, others, logSumExp } = exponentials(kept, temperature);
  const usual = Number.isFinite(max);
  const sorted = [...kept].sort((a, b) => b - a);
  const { mean, deviations, size } = centred(kept);
  const variance = usual ? sumOf(deviations.map((d) => d * d)) / kept.length : NaN;
  const { targets } = inputs;
  const target = typeof targets === 'number' && targets < all.length ? targets : -1;
  const rest = all.filter((x, i) => i !== target && x !== -Infinity);
  const surprise = usual && target >= 0 ? surpriseOf(rest, all[target], temperature) : NaN;
  return {
    max: max + 0,
    argMax: kept.length === 0 ? -1 : all.indexOf(max),
    secondMax: (sorted[1] ?? -Infinity) + 0,
    min: (kept.length === 0 ? Infinity : sorted[kept.length - 1]) + 0,
    logSumExp,
    mean: kept.length === 0 ? NaN : max === Infinity ? Infinity : mean + 0,
    variance,
    standardDeviation: Math.sqrt(variance),
    pNorm: usual ? norm(deviations, size, p) : NaN,
    entropy: usual
      ? Math.log1p(others) + sumOf(terms.map((t, i) => (t > 0 ? gaps[i] * t : 0))) / (1 + others)
      : NaN,
    collisionProbability: usual ? (1 + sumOf(terms.map((t) => t * t))) / (1 + others) ** 2 : NaN,
    targetLogit: target < 0 ? NaN : all[target] + 0,
    targetProbability: usual && target >= 0 ? Math.exp(-surprise) : NaN,
    targetLogProbability: 0 - surprise,
    targetRank: target < 0 ? -1 : rankOf(all, target),
    othersLogSumExp: target < 0 ? NaN : exponentials(rest, temperature).logSumExp,
  };
}

/** Elements that are larger, or equal and before it. */
function rankOf(row: readonly number[], target: number): number {
  return row.filter((x, i) => x > row[target] || (x === row[target] && i < target)).length;
}
