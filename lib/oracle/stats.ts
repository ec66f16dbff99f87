/**
 * float64 references of the row statistics, for one row. Written from the definitions alone: no import, and no code or
 * constant shared with the kernels. Elements that are -Infinity or NaN are masked: they are in no statistic.
 */

/** Parameters as the catalogue names them; all optional. */
export interface StatsParameters {
  readonly temperature?: number | string | boolean;
  readonly p?: number | string | boolean;
  readonly k?: number | string | boolean;
}

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
  return row.reduce((a, b) => (b > a ? b : a), -Infinity);
}

/** The sum of exp((x - max) / T) over every element but one largest, and logsumexp. */
function exponentials(row: Float64Array, temperature: number) {
  const max = largest(row);
  const gaps = row.map((x) => (max - x) / temperature);
  // That one is left out: the exponential is 0.
  gaps[row.indexOf(max)] = Infinity;
  const terms = gaps.map((gap) => Math.exp(-gap));
  const others = sumOf(terms);
  const logSumExp = Number.isFinite(max) ? max / temperature + Math.log1p(others) : max;
  return { max, gaps, terms, others, logSumExp };
}

/** A sum with its largest term, in whose ULP errors are counted where terms cancel. */
function sized(value: number, term: number): number | (Float64Array & { sizes: number[] }) {
  return Number.isFinite(value)
    ? Object.assign(Float64Array.of(value + 0), { sizes: [term] })
    : value;
}

/** ln S - T / S, as the sums stand to the largest. */
function entropyOf({ gaps, terms, others }: ReturnType<typeof exponentials>): number {
  const weighted = sumOf(terms, (t, i) => (t > 0 ? gaps[i] * t : 0));
  return Math.log1p(others) + weighted / (1 + others);
}

/** Mean, deviations from it and their size; the mean in two parts, for a row with a large offset. */
function centred(row: Float64Array) {
  const base = row.length === 0 ? NaN : row[0];
  const offset = sumOf(row, (x) => x - base) / row.length;
  const mean = sumOf(row) / row.length;
  const deviations = row.map((x) => x - base - offset);
  const size = deviations.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  return { mean, deviations, size };
}

/** (sum |d|^p)^(1/p) */
function norm(deviations: Float64Array, size: number, p: number): number {
  if (size === 0) return 0;
  return size * sumOf(deviations, (d) => (Math.abs(d) / size) ** p) ** (1 / p);
}

/** -ln p of the target, the sum over the others taken without it. */
function surpriseOf(others: Float64Array, target: number, temperature: number): number {
  if (target === -Infinity) return Infinity;
  const { max, others: rest } = exponentials(others, temperature);
  if (max === -Infinity) return 0;
  // Not the difference of two logarithms, in which an offset of the row takes the digits.
  const gap = (max - target) / temperature + Math.log1p(rest);
  if (gap > 0) return gap + Math.log1p(Math.exp(-gap));
  // Of small numbers each keeps its digits where the difference of two logarithms would not.
  return Math.log1p(sumOf(others, (x) => Math.exp((x - target) / temperature)));
}

/** A value that is worked out where it is asked for, once. */
function once<T>(work: () => T): () => T {
  let found: { readonly value: T } | undefined;
  return () => (found ??= { value: work() }).value;
}

/** Every statistic by its name; one that nobody reads is not worked out. */
export function rowStats(
  row: ArrayLike<number>,
  parameters: StatsParameters = {},
  inputs: Readonly<Record<string, ArrayLike<number> | number | undefined>> = {},
): Record<string, number | Float64Array> {
  const temperature = Number(parameters.temperature ?? 1);
  const p = Number(parameters.p ?? 2);
  const k = Number(parameters.k ?? 1);
  const all = new Float64Array(row).map((x) => (Number.isNaN(x) ? -Infinity : x));
  const kept = unmasked(all);
  const max = largest(kept);
  const usual = Number.isFinite(max);
  const term = kept.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  const { targets } = inputs;
  const target = typeof targets === 'number' && targets < all.length ? targets : -1;

  const sums = once(() => exponentials(kept, temperature));
  const order = once(() => falling(all).subarray(0, kept.length));
  const sorted = (i: number): number | undefined => all[order()[i]];
  const centre = once(() => centred(kept));
  const variance = once(() =>
    usual ? sumOf(centre().deviations, (d) => d * d) / kept.length : NaN,
  );
  const pair = once(() => scaled(max, sums().others, temperature));
  const rest = once(() => {
    const others = all.slice();
    others[target] = -Infinity;
    return others;
  });
  const surprise = once(() =>
    usual && target >= 0 ? surpriseOf(rest(), all[target], temperature) : NaN,
  );
  const members: Record<string, () => number | Float64Array> = {
    max: () => max + 0,
    argMax: () => (kept.length === 0 ? -1 : all.indexOf(max)),
    secondMax: () => (sorted(1) ?? -Infinity) + 0,
    min: () => (kept.length === 0 ? Infinity : sorted(kept.length - 1)!) + 0,
    topValues: () => Float64Array.from({ length: k }, (_, i) => (sorted(i) ?? -Infinity) + 0),
    topIndices: () => Float64Array.from({ length: k }, (_, i) => order()[i] ?? -1),
    logSumExp: () => sums().logSumExp,
    mantissa: () => pair().mantissa,
    exponent: () => pair().exponent,
    offset: () => pair().offset,
    count: () => kept.length,
    sum: () => sized(max === Infinity ? Infinity : sumOf(kept), term),
    sumOfSquares: () => (max === Infinity ? Infinity : sumOf(kept, (x) => x * x)),
    mean: () => sized(max === Infinity ? Infinity : centre().mean, term / kept.length),
    variance,
    standardDeviation: () => Math.sqrt(variance()),
    pNorm: () => (usual ? norm(centre().deviations, centre().size, p) : NaN),
    entropy: () => (usual ? entropyOf(sums()) : NaN),
    collisionProbability: () => {
      if (!usual) return NaN;
      const { terms, others } = sums();
      return (1 + sumOf(terms, (t) => t * t)) / (1 + others) ** 2;
    },
    targetLogit: () => (target < 0 ? NaN : all[target] + 0),
    targetProbability: () => (usual && target >= 0 ? Math.exp(-surprise()) : NaN),
    targetLogProbability: () => 0 - surprise(),
    targetRank: () => (target < 0 ? -1 : rankOf(all, target)),
    othersLogSumExp: () => (target < 0 ? NaN : exponentials(rest(), temperature).logSumExp),
  };
  const result: Record<string, number | Float64Array> = {};
  for (const [name, get] of Object.entries(members)) {
    Object.defineProperty(result, name, { get, enumerable: true });
  }
  return result;
}

/** The elements that are not masked. Not by filter, which collects them in a list: 2^27 are too many for that. */
function unmasked(row: ArrayLike<number>): Float64Array {
  const kept = new Float64Array(row.length);
  let count = 0;
  for (let i = 0; i < row.length; i++) if (row[i] !== -Infinity) kept[count++] = row[i];
  return kept.subarray(0, count);
}

/**
 * Indices by falling value, equals in their order: merged, runs of twice the size each time. A sort with a comparator works
 * in lists, for which 2^27 are too many.
 */
function falling(values: Float64Array): Uint32Array {
  const n = values.length;
  const order = new Uint32Array(n).map((_, i) => i);
  const left = new Uint32Array(n);
  for (let size = 1; size < n; size *= 2) {
    for (let start = 0, middle = size; middle < n; start += 2 * size, middle += 2 * size) {
      if (values[order[middle - 1]] >= values[order[middle]]) continue;
      const end = Math.min(middle + size, n);
      for (let i = 0; i < size; i++) left[i] = order[start + i];
      for (let i = 0, j = middle, to = start; i < size; to++) {
        const isLeft = j === end || values[left[i]] >= values[order[j]];
        order[to] = isLeft ? left[i++] : order[j++];
      }
    }
  }
  return order;
}

/**
 * The sum of exp(x / T), which is exp(max / T) (1 + others), as mantissa * 2^exponent * exp(offset / T): the exponent is
 * max / T / ln 2, rounded, unless |max / T| is 22,000 or more; then the offset is max, and the exponent 0.
 */
function scaled(max: number, others: number, temperature: number) {
  if (max === -Infinity) return { mantissa: 0, exponent: 0, offset: 0 };
  if (max === Infinity) return { mantissa: Infinity, exponent: 0, offset: 0 };
  const top = max / temperature;
  if (Math.abs(top) >= 22000) return { mantissa: 1 + others, exponent: 0, offset: max };
  const exponent = Math.floor(top * Math.LOG2E + 0.5) + 0;
  return { mantissa: (1 + others) * Math.exp(top - exponent * Math.LN2), exponent, offset: 0 };
}

/** Elements that are larger, or equal and before it. */
function rankOf(row: Float64Array, target: number): number {
  return sumOf(row, (x, i) => Number(x > row[target] || (x === row[target] && i < target)));
}
