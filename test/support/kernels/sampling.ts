/** A sampler's options as the oracle takes them, and one row through both. */
import { createSampler } from '../../../lib/sampler';
import type { SampleOptions, SamplerOptions } from '../../../lib/sampler';
import { DEFAULT_ORDER } from '../../../lib/sampling/settings';
import * as oracle from '../../../lib/oracle/sample';
import type { Distribution } from '../../../lib/oracle/sample';
import type { Random } from './random';

/** Distance to a boundary below which rounding may decide: the sums of a row are right to a few 2^-24. */
export const ROUNDING = 4e-7;

export interface Given {
  readonly options: SamplerOptions;
  readonly history?: readonly number[];
  readonly promptLength?: number;
  readonly allowed?: Uint32Array;
  readonly row?: number;
  readonly step?: number;
}

export function distributionOf(x: Float32Array, given: Given): Distribution {
  const { options, history = [], promptLength = 0, allowed, row = 0, step = 0 } = given;
  const { xtc, dry, logitBias } = options;
  return oracle.distribution(
    x,
    {
      ...options,
      topK: options.topK === 0 ? undefined : options.topK,
      xtc: xtc && { threshold: 0.1, probability: 0.5, ...definedOf(xtc) },
      dry: dry && {
        multiplier: 0.8,
        base: 1.75,
        allowedLength: 2,
        ...definedOf(dry),
        breakers: [...(dry.breakers ?? [])],
      },
      logitBias: Object.entries(logitBias ?? {}).map(([token, v]) => [Number(token), v as number]),
      order: options.order ?? DEFAULT_ORDER,
    },
    {
      history,
      promptLength,
      allowed: allowed && ((token) => (allowed[token >> 5] >>> (token & 31)) % 2 === 1),
      coin: oracle.uniforms(options.seed ?? 0, row, step, 0)[1],
    },
  );
}

/** Without what is undefined. */
function definedOf<T extends object>(value: T): Partial<Defined<T>> {
  const kept = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(kept) as Partial<Defined<T>>;
}

type Defined<T> = { [K in keyof T]: NonNullable<T[K]> };

/** The oracle's token for the same uniform number, and how near it was to another. */
export function expected(
  x: Float32Array,
  given: Given,
): { token: number; doubt: number; log: number } {
  const { options, row = 0, step = 0 } = given;
  const truth = distributionOf(x, given);
  const logOf = (token: number): number => truth.logProbabilities[token];
  const { seed = 0 } = options;
  if (options.method === 'gumbel') {
    const noisy = [...truth.probabilities.keys()]
      .filter((token) => truth.probabilities[token] > 0)
      .map((token) => ({ token, key: logOf(token) + oracle.gumbel(seed, row, step, token) }))
      .sort((a, b) => b.key - a.key);
    const doubt = noisy.length > 1 ? noisy[0].key - noisy[1].key : Infinity;
    return {
      token: noisy[0].token,
      doubt: Math.min(doubt, truth.doubt),
      log: logOf(noisy[0].token),
    };
  }
  const [u] = oracle.uniforms(seed, row, step, 0);
  const { token, doubt } = oracle.inverse(truth.probabilities, u);
  return { token, doubt: Math.min(doubt, truth.doubt), log: logOf(token) };
}

export function sampled(
  x: Float32Array,
  given: Given,
  more: SampleOptions = {},
): { token: number; log: number; filtered: Float32Array } {
  const { options, history, promptLength, allowed, row = 0, step = 0 } = given;
  const { tokens, logProbs, filtered } = createSampler(options).sample(x, {
    history,
    promptLength,
    allowed,
    rows: [row],
    step,
    filtered: true,
    ...more,
  });
  return { token: tokens[0], log: logProbs[0], filtered: filtered! };
}

/** Logits as models have them: a wide bell, a few tokens far above it, some masked. */
export function modelLogits(random: Random, n: number, spread = 3): Float32Array {
  const x = Float32Array.from({ length: n }, () => spread * random.bell());
  for (let i = 0; i < 8; i++) x[random.below(n)] = 4 * spread + 2 * random.bell();
  for (let i = 0; i < Math.floor(n / 50); i++) x[random.below(n)] = -Infinity;
  return x;
}
