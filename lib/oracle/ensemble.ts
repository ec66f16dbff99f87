/**
 * float64 references of statistics of a group of rows. Written from the definitions alone: no import, and no code or
 * constant shared with the kernels. Elements that are -Infinity are masked: they have no probability.
 */

/** Parameters as the catalogue names them; all optional. */
export interface EnsembleParameters {
  readonly temperature?: number | string | boolean;
  readonly members?: number | string | boolean;
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
    low += Math.abs(high) >= Math.abs(term) ? high - next + term : term - next + high;
    high = next;
  }
  return high + low;
}

function largest(row: Float64Array): number {
  return row.reduce((a, b) => (b > a || Number.isNaN(b) ? b : a), -Infinity);
}

interface Member {
  readonly max: number;
  /** p of each column, and ln p in two parts: from the largest element, and the logarithm of the normaliser. */
  readonly p: Float64Array;
  readonly gap: Float64Array;
  readonly log: number;
  readonly vote: number;
}

function memberOf(row: Float64Array, temperature: number): Member {
  const max = largest(row);
  const vote = row.indexOf(max);
  const gap = row.map((x) => (max - x) / temperature);
  const log = Math.log1p(sumOf(gap, (g, i) => (i === vote ? 0 : Math.exp(-g))));
  return { max, gap, log, vote, p: gap.map((g) => Math.exp(-g - log)) };
}

/** -sum p ln p: of a column with most of the mass ln p is log1p of what the others have. */
function entropyOf(p: Float64Array): number {
  return sumOf(p, (own, i) => {
    if (own === 0) return 0;
    if (own < 0.6) return -own * Math.log(own);
    const others = sumOf(p, (other, j) => (j === i ? 0 : other));
    return -(1 - others) * Math.log1p(-others);
  });
}

/** e^d - 1 - d */
function excessOf(d: number): number {
  if (Math.abs(d) > 0.5) return Math.expm1(d) - d;
  let sum = 0;
  for (let k = 20, term = 1; k >= 2; k--, term = 1) {
    for (let i = 2; i <= k; i++) term /= i;
    sum = sum * d + term;
  }
  return sum * d * d;
}

/** Of a group of rows one after another: entropies, their difference, votes, and products of pairs. */
export function ensembleStats(
  row: ArrayLike<number>,
  parameters: EnsembleParameters,
): Record<string, number> {
  const temperature = Number(parameters.temperature ?? 1);
  const count = Number(parameters.members ?? 1);
  const cols = row.length / count;
  const all = new Float64Array(row);
  const members = Array.from({ length: count }, (_, k) =>
    memberOf(all.slice(k * cols, (k + 1) * cols), temperature),
  );
  if (!members.every(({ max }) => Number.isFinite(max))) {
    return {
      predictiveEntropy: NaN,
      expectedEntropy: NaN,
      mutualInformation: NaN,
      variationRatio: NaN,
      agreement: NaN,
    };
  }
  const mean = members[0].p.map((_, i) => sumOf(members.map(({ p }) => p[i])) / count);
  const votes = members.map(({ vote }) => members.filter((m) => m.vote === vote).length);
  const own = members.map((m) => entropyOfMember(m));
  return {
    predictiveEntropy: count === 1 ? own[0] : entropyOf(mean),
    expectedEntropy: sumOf(own) / count,
    mutualInformation: sumOf(mean, (_, i) => informationOf(members, i)) / count,
    variationRatio: 1 - Math.max(...votes) / count,
    agreement: count === 1 ? 1 : sumOf(mean, (_, i) => pairsOf(members, i)) / (count * (count - 1)),
  };
}

/** ln S + sum p g, of which no term is negative. */
function entropyOfMember({ p, gap, log }: Member): number {
  return log + sumOf(p, (own, i) => (own === 0 ? 0 : own * gap[i]));
}

/** What a column adds to the sum of the members' divergences from the mean, sum_k p_k (e^d - 1 - d), d = ln(mean / p_k). */
function informationOf(members: readonly Member[], column: number): number {
  const logs = members.map(({ gap, log }) => ({ gap: gap[column], log }));
  const first = logs.reduce((a, b) => (b.gap + b.log < a.gap + a.log ? b : a));
  if (first.gap === Infinity) return 0;
  // ln p_k less that of the largest; the mean is that one's p times 1 + the mean of e^r - 1.
  const ratios = logs.map(({ gap, log }) => first.gap - gap + (first.log - log));
  const log = Math.log1p(sumOf(ratios, Math.expm1) / members.length);
  const top = Math.exp(-first.gap - first.log);
  const terms = ratios.map((r) => {
    const d = log - r;
    // e^d alone may be no number where p_k is next to nothing.
    if (d > 1) return Math.exp(log) - Math.exp(r) * (1 + d);
    return Math.exp(r) * excessOf(d);
  });
  return top * sumOf(terms, (term) => (Number.isNaN(term) ? Math.exp(log) : term));
}

/** sum over pairs, both ways round, of p_k p_l */
function pairsOf(members: readonly Member[], column: number): number {
  let before = 0;
  let sum = 0;
  for (const { p } of members) {
    sum += 2 * p[column] * before;
    before += p[column];
  }
  return sum;
}
