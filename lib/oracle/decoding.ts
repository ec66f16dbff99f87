/**
 * float64 references of the operators between logits and a token, for one row. Written from the definitions alone: no
 * import, and no code shared with the kernels.
 */

type Parameters = Readonly<Record<string, number | string | boolean>>;
type Inputs = Readonly<Record<string, ArrayLike<number> | number | undefined>>;

/** The upper word of a product of two words, by parts of 16 bits; Math.imul has the lower one. */
function upper(a: number, b: number): number {
  const low = (a & 0xffff) * (b & 0xffff);
  const crossed = (a >>> 16) * (b & 0xffff) + Math.floor(low / 0x10000);
  const other = (a & 0xffff) * (b >>> 16) + (crossed % 0x10000);
  return (a >>> 16) * (b >>> 16) + Math.floor(crossed / 0x10000) + Math.floor(other / 0x10000);
}

/** The four words of Philox 4x32-10 (Salmon et al. 2011), written into `out`. */
function philox(counter: readonly number[], key: readonly number[], out: Float64Array): void {
  let [a, b, c, d] = counter;
  let [k, l] = key;
  for (let round = 0; round < 10; round++) {
    const first = upper(0xd2511f53, a);
    const second = upper(0xcd9e8d57, c);
    const firstLow = Math.imul(0xd2511f53, a) >>> 0;
    const secondLow = Math.imul(0xcd9e8d57, c) >>> 0;
    a = (second ^ b ^ k) >>> 0;
    b = secondLow;
    c = (first ^ d ^ l) >>> 0;
    d = firstLow;
    k = (k + 0x9e3779b9) >>> 0;
    l = (l + 0xbb67ae85) >>> 0;
  }
  out[0] = a;
  out[1] = b;
  out[2] = c;
  out[3] = d;
}

/** -ln(-ln u) of every column, u the column's own odd multiple of 2^-53. */
export function gumbelNoise(length: number, seed: number, step: number, key: number): Float64Array {
  const words = (value: number): number[] => [value % 2 ** 32, Math.floor(value / 2 ** 32)];
  const counter = [...words(step), key, 0];
  const seeds = words(seed);
  const word = new Float64Array(4);
  const noise = new Float64Array(length);
  for (let i = 0; i < length; i += 2) {
    counter[3] = 2 ** 31 + i / 2;
    philox(counter, seeds, word);
    for (let j = 0; j < 2 && i + j < length; j++) {
      const u = (2 * (word[2 * j] * 2 ** 20 + Math.floor(word[2 * j + 1] / 4096)) + 1) * 2 ** -53;
      noise[i + j] = -Math.log(-Math.log(u));
    }
  }
  return noise;
}

/** softmax((x + g) / T), or 1 at the first of its largest and 0 elsewhere. */
export function gumbelSoftmax(
  row: ArrayLike<number>,
  { temperature = 1, hard = false, seed = 0, step = 0 }: Parameters = {},
  { keys = 0 }: Inputs = {},
): Float64Array {
  const z = gumbelNoise(row.length, seed as number, step as number, (keys as number) >>> 0);
  for (let i = 0; i < z.length; i++) z[i] += row[i];
  let best = 0;
  for (let i = 1; i < z.length; i++) if (z[i] > z[best]) best = i;
  const top = z[best];
  if (!Number.isFinite(top) || z.some(Number.isNaN)) return z.fill(NaN);
  if (hard === true) return z.map((_, i) => (i === best ? 1 : 0));
  let sum = 0;
  for (const v of z) sum += Math.exp((v - top) / (temperature as number));
  return z.map((v) => Math.exp((v - top) / (temperature as number)) / sum);
}

const MOST = 3.4028234663852886e38;

/** weight x - against other, and -Infinity for what either masks or alpha cuts. */
export function guidedLogits(
  row: ArrayLike<number>,
  { weight = 2, against = 1, alpha = 0 }: Parameters = {},
  { other = row }: Inputs = {},
): Float64Array {
  const second = other as ArrayLike<number>;
  const y = new Float64Array(row);
  let top = -Infinity;
  for (let i = 0; i < row.length; i++) {
    if (!(row[i] < Infinity) || !(second[i] < Infinity)) return y.fill(NaN);
    top = Math.max(top, row[i]);
  }
  const least = Math.log(alpha as number);
  const [a, b] = [Math.fround(weight as number), Math.fround(against as number)];
  return y.map((x, i) => {
    if (x === -Infinity || second[i] === -Infinity || x - top < least) return -Infinity;
    return Math.min(Math.max(a * x - b * second[i], -MOST), MOST);
  });
}

/** Probabilities; undefined where a row has none. */
function softmax(row: ArrayLike<number>, temperature: number): Float64Array | undefined {
  let top = -Infinity;
  for (let i = 0; i < row.length; i++) {
    if (!(row[i] < Infinity)) return undefined;
    top = Math.max(top, row[i]);
  }
  if (top === -Infinity) return undefined;
  const p = new Float64Array(row).map((x) => Math.exp((x - top) / temperature));
  let sum = 0;
  for (const v of p) sum += v;
  return p.map((v) => v / sum);
}

/**
 * Indices by rising value, equals in their order: merged, runs of twice the size each time. A sort with a comparator works
 * in lists, for which 2^27 are too many.
 */
function rising(values: Float64Array): Uint32Array {
  const n = values.length;
  const order = new Uint32Array(n).map((_, i) => i);
  const left = new Uint32Array(n);
  for (let size = 1; size < n; size *= 2) {
    for (let start = 0, middle = size; middle < n; start += 2 * size, middle += 2 * size) {
      if (values[order[middle - 1]] <= values[order[middle]]) continue;
      const end = Math.min(middle + size, n);
      for (let i = 0; i < size; i++) left[i] = order[start + i];
      for (let i = 0, j = middle, to = start; i < size; to++) {
        const isLeft = j === end || values[left[i]] <= values[order[j]];
        order[to] = isLeft ? left[i++] : order[j++];
      }
    }
  }
  return order;
}

/** The least p(S) + 1 - q(S)^K over all sets S: one of those with the smallest p / q. */
export function acceptanceLimit(
  row: ArrayLike<number>,
  { temperature = 1, drafts = 1 }: Parameters = {},
  { other = row }: Inputs = {},
): number {
  const p = softmax(row, temperature as number);
  const q = softmax(other as ArrayLike<number>, temperature as number);
  if (p === undefined || q === undefined) return NaN;
  const ratio = p.map((v, i) => (v === 0 && q[i] === 0 ? 0 : v / q[i]));
  const order = rising(ratio);
  const outside = new Float64Array(order.length + 1);
  for (let i = order.length - 1; i >= 0; i--) outside[i] = outside[i + 1] + q[order[i]];
  let inside = 0;
  let least = 1;
  for (let i = 0; i <= order.length; i++) {
    const rest = Math.min(outside[i], 1);
    let powers = 1;
    for (let k = 1; k < (drafts as number); k++) powers = powers * (1 - rest) + 1;
    least = Math.min(least, inside + rest * powers);
    if (i < order.length) inside += p[order[i]];
  }
  return least;
}
