/**
 * float64 references of the operators that cut a row of logits, for one row: they sort where a definition says "the most
 * likely". No import, and nothing shared with the kernels.
 *
 * What is kept is the element itself, what is cut is -Infinity. An element whose place is within the rounding of float32
 * sums of the cut may be either: it is given as a number that no float32 equals, next to the element (`Bound.cut`).
 *
 * A NaN counts as masked: where it is an error there is no result. A +Infinity makes the row NaN, save in
 * `quantileCutoff`, which only compares.
 */

export interface MaskParameters {
  readonly temperature?: number;
  readonly p?: number;
  readonly n?: number;
  readonly epsilon?: number;
  readonly eta?: number;
  readonly q?: number;
}

/** What float32 sums, relative to the whole, and limits of logarithms may be off by. */
const DOUBT = 1e-6;

/** Every element's fate: kept, cut, or in doubt. */
const FATES = ['kept', 'cut', 'doubtful'] as const;
type Verdict = (typeof FATES)[number];

interface Row {
  /** With NaN as -Infinity. */
  readonly x: Float64Array;
  /** The first of the largest; -1 where all are masked. */
  readonly best: number;
  /** (x - max) / T, ln of the sum of their exponentials, and the entropy. */
  readonly depth: Float64Array;
  readonly logTotal: number;
  readonly entropy: number;
}

function read(row: ArrayLike<number>, temperature: number): Row {
  const x = new Float64Array(row).map((v) => (Number.isNaN(v) ? -Infinity : v));
  let best = -1;
  x.forEach((v, i) => {
    if (v > (best < 0 ? -Infinity : x[best])) best = i;
  });
  const max = best < 0 ? 0 : x[best];
  const depth = x.map((v) => (v === -Infinity ? v : (v - max) / temperature));
  let sum = 0;
  for (const d of depth) sum += Math.exp(d);
  let entropy = Math.log(sum);
  for (const d of depth) if (d > -700) entropy -= (d * Math.exp(d)) / sum;
  return { x, best, depth, logTotal: Math.log(sum), entropy };
}

function masked(
  row: ArrayLike<number>,
  temperature: number,
  judge: (row: Row) => (i: number) => Verdict,
): Float64Array {
  const read_ = read(row, temperature);
  const { x, best } = read_;
  if (best < 0) return x;
  if (x[best] === Infinity) return new Float64Array(x.length).fill(NaN);
  return written(x, judge(read_));
}

function written(x: Float64Array, judge: (i: number) => Verdict): Float64Array {
  return x.map((v, i) => {
    if (v === -Infinity) return v;
    const verdict = judge(i);
    if (verdict === 'cut') return -Infinity;
    return verdict === 'kept' ? v : v * (1 + 2 ** -40) + (v === 0 ? 2 ** -1000 : 0);
  });
}

/** Keeps what is at or above a limit, and the first of the largest. */
function above(values: Float64Array, limit: number, best: number): (i: number) => Verdict {
  const near = DOUBT * Math.max(1, Math.abs(limit));
  return (i) => {
    if (i === best) return 'kept';
    if (Math.abs(values[i] - limit) <= near) return 'doubtful';
    return values[i] >= limit ? 'kept' : 'cut';
  };
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
 * Keeps the most preferred until they have a share of the mass. `apart`: preferences nearer than that are in no certain
 * order. What must come before an element decides against it, what may come before it decides for it.
 */
function accumulated(
  { depth, logTotal }: Row,
  preference: Float64Array,
  share: number,
  apart: number,
): (i: number) => Verdict {
  const order = falling(preference);
  // Mass before each place of the order, and the whole at its end.
  const before = new Float64Array(order.length + 1);
  order.forEach((token, i) => (before[i + 1] = before[i] + Math.exp(depth[token] - logTotal)));
  const verdicts = new Uint8Array(order.length);
  let first = 0;
  let end = 0;
  order.forEach((token, i) => {
    const value = preference[token];
    while (first < i && preference[order[first]] > value + apart) first++;
    if (end < i + 1) end = i + 1;
    while (apart > 0 && end < order.length && preference[order[end]] >= value - apart) end++;
    const least = apart === 0 ? before[i] : before[first];
    const most = apart === 0 ? before[i] : before[end] - Math.exp(depth[token] - logTotal);
    if ((i === 0 && end === 1) || most < share - DOUBT) verdicts[token] = FATES.indexOf('kept');
    else verdicts[token] = FATES.indexOf(least >= share + DOUBT ? 'cut' : 'doubtful');
  });
  return (i) => FATES[verdicts[i]];
}

/** The most likely until they add up to p; of equal ones the lowest index first. */
export function topP(
  row: ArrayLike<number>,
  { temperature = 1, p = 0.95 }: MaskParameters = {},
): Float64Array {
  return masked(row, temperature, (all) => (p >= 1 ? () => 'kept' : accumulated(all, all.x, p, 0)));
}

/** What has at least p times the largest probability. */
export function minP(
  row: ArrayLike<number>,
  { temperature = 1, p = 0.1 }: MaskParameters = {},
): Float64Array {
  return masked(row, temperature, ({ depth, best }) => above(depth, Math.log(p), best));
}

/** Those whose -ln p is nearest to the entropy, until they add up to p. */
export function typicalP(
  row: ArrayLike<number>,
  { temperature = 1, p = 0.95 }: MaskParameters = {},
): Float64Array {
  return masked(row, temperature, (all) => {
    if (p >= 1) return () => 'kept';
    const away = all.depth.map((d) =>
      d === -Infinity ? d : -Math.abs(all.logTotal - d - all.entropy),
    );
    return accumulated(all, away, p, DOUBT * Math.max(1, all.entropy));
  });
}

/** At least the largest less n standard deviations, with n - 1 degrees of freedom. */
export function topNSigma(row: ArrayLike<number>, { n = 1 }: MaskParameters = {}): Float64Array {
  return masked(row, 1, ({ depth, best }) => {
    let count = 0;
    let mean = 0;
    let squares = 0;
    for (const d of depth) {
      if (d === -Infinity) continue;
      // Welford's update
      const delta = d - mean;
      mean += delta / ++count;
      squares += delta * (d - mean);
    }
    const sigma = count < 2 ? 0 : Math.sqrt(squares / (count - 1));
    const limit = -n * sigma;
    if (limit === 0) return (i) => (depth[i] === 0 ? 'kept' : 'cut');
    const judge = above(
      depth.map((d) => d / -limit),
      -1,
      best,
    );
    return (i) => (depth[i] === 0 ? 'kept' : judge(i));
  });
}

/** What has at least this probability, and the most likely. */
export function epsilonCutoff(
  row: ArrayLike<number>,
  { temperature = 1, epsilon = 3e-4 }: MaskParameters = {},
): Float64Array {
  return masked(row, temperature, ({ depth, logTotal, best }) =>
    above(depth, Math.log(epsilon) + logTotal, best),
  );
}

/** What has at least min(eta, sqrt(eta) e^-H), and the most likely. */
export function etaCutoff(
  row: ArrayLike<number>,
  { temperature = 1, eta = 3e-4 }: MaskParameters = {},
): Float64Array {
  return masked(row, temperature, ({ depth, logTotal, entropy, best }) =>
    above(depth, Math.min(Math.log(eta), Math.log(eta) / 2 - entropy) + logTotal, best),
  );
}

/** What is not below the q-quantile of the elements that are not masked. Exact: it only compares. */
export function quantileCutoff(
  row: ArrayLike<number>,
  { q = 0.5 }: MaskParameters = {},
): Float64Array {
  const { x } = read(row, 1);
  const sorted = x.slice().sort();
  const masked = sorted.lastIndexOf(-Infinity) + 1;
  const least = sorted[masked + Math.ceil(q * (x.length - masked - 1))];
  return written(x, (i) => (x[i] >= least ? 'kept' : 'cut'));
}
