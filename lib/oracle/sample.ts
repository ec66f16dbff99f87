/**
 * float64 reference of the sampler, for one row. Written from the definitions alone: it sorts where a definition says
 * "the most probable", and no import and no code is shared with the kernels.
 *
 * Every cut says how near it was to falling otherwise (`doubt`, relative): a kernel that is right within its rounding
 * errors must keep the same tokens wherever that is more than those.
 */

/** Settings of one row; those that are absent do nothing. */
export interface SampleSettings {
  readonly temperature?: number | undefined;
  readonly topK?: number | undefined;
  readonly topP?: number | undefined;
  readonly minP?: number | undefined;
  readonly typicalP?: number | undefined;
  readonly topNSigma?: number | undefined;
  readonly epsilon?: number | undefined;
  readonly eta?: number | undefined;
  readonly xtc?: { readonly threshold: number; readonly probability: number } | undefined;
  readonly repetitionPenalty?: number | undefined;
  readonly frequencyPenalty?: number | undefined;
  readonly presencePenalty?: number | undefined;
  readonly noRepeatNgram?: number | undefined;
  readonly dry?:
    | {
        readonly multiplier: number;
        readonly base: number;
        readonly allowedLength: number;
        readonly breakers: readonly number[];
      }
    | undefined;
  readonly logitBias?: readonly (readonly [number, number])[] | undefined;
  readonly order: readonly string[];
}

export interface SampleContext {
  readonly history: readonly number[];
  /** Tokens of the history that the frequency and presence penalties do not count. */
  readonly promptLength: number;
  readonly allowed?: ((token: number) => boolean) | undefined;
  /** Decides, with `xtc`, whether it cuts. */
  readonly coin: number;
}

export interface Distribution {
  /** Of every token; 0 for one that was cut. */
  readonly probabilities: Float64Array;
  /** Natural logarithms of them. */
  readonly logProbabilities: Float64Array;
  readonly doubt: number;
}

/** The words of Philox 4x32-10 (Salmon et al. 2011). */
export function philox(counter: readonly number[], key: readonly number[]): number[] {
  const word = (value: bigint): bigint => value & 0xffffffffn;
  let [a, b, c, d] = counter.map(BigInt);
  let [k, l] = key.map(BigInt);
  for (let round = 0; round < 10; round++) {
    const first = 0xd2511f53n * a;
    const second = 0xcd9e8d57n * c;
    [a, b, c, d] = [(second >> 32n) ^ b ^ k, word(second), (first >> 32n) ^ d ^ l, word(first)];
    k = word(k + 0x9e3779b9n);
    l = word(l + 0xbb67ae85n);
  }
  return [a, b, c, d].map(Number);
}

/** The two uniform numbers of a block: odd multiples of 2^-53. */
export function uniforms(seed: number, row: number, step: number, block: number): [number, number] {
  const low = (value: number): number => Number(BigInt(value) & 0xffffffffn);
  const high = (value: number): number => Number(BigInt(value) >> 32n);
  const words = philox([low(step), high(step), row, block], [low(seed), high(seed)]);
  const unit = (a: number, b: number): number =>
    (2 * (a * 2 ** 20 + Math.floor(b / 4096)) + 1) * 2 ** -53;
  return [unit(words[0], words[1]), unit(words[2], words[3])];
}

/** The block of a Gumbel draw that token `token` takes its number from, and which of the two. */
export function gumbel(seed: number, row: number, step: number, token: number): number {
  const u = uniforms(seed, row, step, 2 ** 31 + (token >> 1))[token & 1];
  return -Math.log(-Math.log(u));
}

/** The logits after penalties and masks, rounded to float32 once. */
export function adjusted(
  row: ArrayLike<number>,
  settings: SampleSettings,
  context: SampleContext,
): Float64Array {
  const { history, promptLength } = context;
  const seen = tally(history);
  const generated = tally(history.slice(promptLength));
  const banned = completions(history, settings.noRepeatNgram ?? 0);
  const matches = repeats(history, settings.dry?.breakers ?? []);
  const bias = new Map<number, number>();
  for (const [token, value] of settings.logitBias ?? [])
    bias.set(token, (bias.get(token) ?? 0) + Math.fround(value));
  const steps: Record<string, (x: number, token: number) => number> = {
    logitBias: (x, token) => x + (bias.get(token) ?? 0),
    repetitionPenalty: (x, token) => {
      const penalty = settings.repetitionPenalty ?? 1;
      if (!seen.has(token)) return x;
      return x < 0 ? x * penalty : x / penalty;
    },
    frequencyPenalty: (x, token) =>
      x - (settings.frequencyPenalty ?? 0) * (generated.get(token) ?? 0),
    presencePenalty: (x, token) => (generated.has(token) ? x - (settings.presencePenalty ?? 0) : x),
    noRepeatNgram: (x, token) => (banned.has(token) ? -Infinity : x),
    dry: (x, token) => {
      const { dry } = settings;
      const length = matches.get(token) ?? 0;
      if (dry === undefined || length < dry.allowedLength) return x;
      return x - dry.multiplier * dry.base ** (length - dry.allowedLength);
    },
  };
  return Float64Array.from(row, (raw, token) => {
    if (context.allowed?.(token) === false) return -Infinity;
    if (raw === -Infinity) return raw;
    let x = raw;
    for (const step of settings.order) x = steps[step]?.(x, token) ?? x;
    if (x === -Infinity && !banned.has(token) && bias.get(token) !== -Infinity) x = -MOST;
    return Math.min(Math.max(Math.fround(x), x === -Infinity ? x : -MOST), MOST);
  });
}

const MOST = 3.4028234663852886e38;

function tally(tokens: readonly number[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1);
  return counts;
}

/** Tokens that would complete an n-gram that the history has already. */
function completions(history: readonly number[], n: number): Set<number> {
  const banned = new Set<number>();
  if (n === 0) return banned;
  const last = history.slice(history.length - (n - 1)).join();
  for (let i = 0; i + n <= history.length; i++) {
    if (n === 1 || history.slice(i, i + n - 1).join() === last) banned.add(history[i + n - 1]);
  }
  return banned;
}

/** Of every token but breakers that has followed what the history ends with: how long the longest such repeat is. */
function repeats(history: readonly number[], breakers: readonly number[]): Map<number, number> {
  const longest = new Map<number, number>();
  const end = history.length;
  for (let next = 1; next < end; next++) {
    if (breakers.includes(history[next])) continue;
    let length = 0;
    while (length < next) {
      const token = history[next - 1 - length];
      if (token !== history[end - 1 - length] || breakers.includes(token)) break;
      length++;
    }
    if (length > (longest.get(history[next]) ?? 0)) longest.set(history[next], length);
  }
  return longest;
}

interface Kept {
  tokens: number[];
  x: Float64Array;
  temperature: number;
  doubt: number;
}

/** Probabilities of the tokens that are kept, in their order, and their logarithms. */
function softmaxOf({ tokens, x, temperature }: Kept): { p: number[]; log: number[] } {
  const max = tokens.reduce((most, token) => Math.max(most, x[token]), -Infinity);
  const shifted = tokens.map((token) => (x[token] - max) / temperature);
  const sum = shifted.reduce((total, t) => total + Math.exp(t), 0);
  const log = shifted.map((t) => t - Math.log(sum));
  return { p: log.map(Math.exp), log };
}

/** Keeps the tokens with value >= limit; never none: then the first of the largest. */
function cut(kept: Kept, values: readonly number[], limit: number): void {
  const near = (v: number): number => Math.abs(v - limit) / Math.max(1, Math.abs(limit));
  const top = values.reduce((most, v) => Math.max(most, v), -Infinity);
  const first = values.indexOf(top);
  kept.doubt = values.reduce(
    (least, v, i) => (i === first ? least : Math.min(least, near(v))),
    kept.doubt,
  );
  kept.tokens = kept.tokens.filter((_, i) => values[i] >= limit || i === first);
}

/** Keeps the first in this order until their probabilities add up to the share. */
function accumulate(
  kept: Kept,
  order: readonly number[],
  p: readonly number[],
  share: number,
): void {
  const chosen = new Set<number>();
  let sum = 0;
  for (const i of order) {
    if (chosen.size > 0) kept.doubt = Math.min(kept.doubt, Math.abs(sum - share));
    if (chosen.size > 0 && sum >= share) break;
    chosen.add(i);
    sum += p[i];
  }
  kept.tokens = kept.tokens.filter((_, i) => chosen.has(i));
}

function byFalling(values: readonly number[]): number[] {
  return values.map((_, i) => i).sort((a, b) => values[b] - values[a] || a - b);
}

const cuts: Record<string, (kept: Kept, settings: SampleSettings, coin: number) => void> = {
  temperature(kept, { temperature = 1 }) {
    kept.temperature = temperature;
  },
  topNSigma(kept, { topNSigma }) {
    if (topNSigma === undefined) return;
    const values = kept.tokens.map((token) => kept.x[token]);
    const n = values.length;
    if (n < 2) return;
    const mean = values.reduce((sum, v) => sum + v / n, 0);
    const variance = values.reduce((sum, v) => sum + (v - mean) ** 2 / (n - 1), 0);
    const limit = Math.max(...values) - topNSigma * Math.sqrt(variance);
    cut(kept, values, limit);
  },
  topK(kept, { topK = Infinity }) {
    const order = byFalling(kept.tokens.map((token) => kept.x[token])).slice(0, topK);
    kept.tokens = order.map((i) => kept.tokens[i]).sort((a, b) => a - b);
  },
  topP(kept, { topP = 1 }) {
    if (topP >= 1) return;
    const { p } = softmaxOf(kept);
    accumulate(kept, byFalling(kept.tokens.map((token) => kept.x[token])), p, topP);
  },
  minP(kept, { minP = 0 }) {
    if (minP <= 0) return;
    const { log } = softmaxOf(kept);
    cut(kept, log, Math.max(...log) + Math.log(minP));
  },
  typicalP(kept, { typicalP = 1 }) {
    if (typicalP >= 1) return;
    const { p, log } = softmaxOf(kept);
    const entropy = p.reduce((sum, v, i) => (v > 0 ? sum - v * log[i] : sum), 0);
    const away = log.map((v) => -Math.abs(-v - entropy));
    const order = byFalling(away);
    const before = kept.tokens;
    accumulate(kept, order, p, typicalP);
    // The order itself is in doubt where two are equally far away, one on each side, and one of them is cut.
    const last = kept.tokens.reduce(
      (least, token) => Math.min(least, away[before.indexOf(token)]),
      Infinity,
    );
    const inside = new Set(kept.tokens);
    before.forEach((token, i) => {
      if (!inside.has(token) && kept.x[token] !== kept.x[before[away.indexOf(last)]])
        kept.doubt = Math.min(kept.doubt, Math.abs(away[i] - last));
    });
  },
  epsilon(kept, { epsilon = 0 }) {
    if (epsilon <= 0) return;
    cut(kept, softmaxOf(kept).log, Math.log(epsilon));
  },
  eta(kept, { eta = 0 }) {
    if (eta <= 0) return;
    const { p, log } = softmaxOf(kept);
    const entropy = p.reduce((sum, v, i) => (v > 0 ? sum - v * log[i] : sum), 0);
    cut(kept, log, Math.min(Math.log(eta), Math.log(eta) / 2 - entropy));
  },
  xtc(kept, { xtc }, coin) {
    if (xtc === undefined || !(coin < xtc.probability)) return;
    const { log } = softmaxOf(kept);
    const limit = Math.log(xtc.threshold);
    for (const v of log) kept.doubt = Math.min(kept.doubt, Math.abs(v - limit));
    const likely = byFalling(log).filter((i) => log[i] >= limit);
    const removed = new Set(likely.slice(0, -1));
    kept.tokens = kept.tokens.filter((_, i) => !removed.has(i));
  },
};

/** What is left of a row, in the order of the steps, as a distribution. */
export function distribution(
  row: ArrayLike<number>,
  settings: SampleSettings,
  context: SampleContext,
): Distribution {
  const x = adjusted(row, settings, context);
  const alive = [...x.keys()].filter((token) => x[token] > -Infinity);
  const kept: Kept = { tokens: alive, x, temperature: 1, doubt: Infinity };
  if (kept.tokens.length > 0) {
    for (const step of settings.order) cuts[step]?.(kept, settings, context.coin);
  }
  const probabilities = new Float64Array(row.length);
  const logProbabilities = new Float64Array(row.length).fill(-Infinity);
  const { p, log } = softmaxOf(kept);
  kept.tokens.forEach((token, i) => {
    probabilities[token] = p[i];
    logProbabilities[token] = log[i];
  });
  return { probabilities, logProbabilities, doubt: kept.doubt };
}

/** The first token, by index, up to which the probabilities add up to more than u, and how near u was to another's. */
export function inverse(probabilities: Float64Array, u: number): { token: number; doubt: number } {
  let sum = 0;
  let last = -1;
  for (let token = 0; token < probabilities.length; token++) {
    const p = probabilities[token];
    if (p === 0) continue;
    const before = sum;
    sum += p;
    last = token;
    if (sum > u) {
      const left = before === 0 ? Infinity : u - before;
      return { token, doubt: Math.min(left, sum - u) };
    }
  }
  return { token: last, doubt: 0 };
}
