import { plainObject } from './check';
import { wrongShape, wrongType, wrongValue } from './errors';
import { crossEntropy } from './loss';
import type { TargetInputs } from './targets';
import type { TensorLike } from './tensor';
import type { CallOptions } from './types';

/** What `perplexity` takes. */
export interface PerplexityOptions extends CallOptions, TargetInputs {
  /** Divides the logits; from 2^-100 to 2^100 (default 1). */
  readonly temperature?: number | undefined;
  /** Which rows are part of the text, one element a row, 0 or false for those that are not (default: all are). */
  readonly counts?: ArrayLike<number | boolean> | undefined;
  /** Characters, or bytes, that the counted tokens stand for; for `bitsPerCharacter`. */
  readonly characters?: number | undefined;
}

/** How well a model predicts a text. */
export interface Perplexity {
  /** Rows that were counted. */
  readonly tokens: number;
  /** The sum of -ln p of their targets. */
  readonly nats: number;
  /** exp(nats / tokens) */
  readonly perplexity: number;
  readonly bitsPerToken: number;
  /** nats / ln 2 / characters; NaN where `characters` is not given. */
  readonly bitsPerCharacter: number;
}

const NAME = 'perplexity';
const OWN = ['counts', 'characters'];

/**
 * Perplexity and bits per character of a text: the cross-entropies of its tokens, summed in float64.
 *
 * @param x - logits, a row a token: a Float32Array, or an object with `data` and `dims`
 * @param options - `targets`, the token that came after each row; `counts`, `characters`, and what `crossEntropy` takes
 * @returns sums and means over the rows that count; NaN for means of none
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { perplexity } from 'softlane';
 * const logits = Float32Array.of(1, 2, 3, 9, 1, 1);
 * const targets = Int32Array.of(2, 0);
 * const { perplexity: p, bitsPerCharacter } = perplexity(logits, { cols: 3, targets, characters: 7 });
 * console.log(p, bitsPerCharacter); // 1.23, 0.084
 * ```
 */
export function perplexity(x: Float32Array | TensorLike, options: PerplexityOptions): Perplexity {
  const source = plainObject(NAME, 'options', options);
  const { counts, characters = NaN } = source as Partial<PerplexityOptions>;
  if (typeof characters !== 'number') {
    throw wrongType(NAME, 'options.characters', 'a number', characters);
  }
  if (characters <= 0) {
    throw wrongValue(NAME, 'options.characters', 'a number greater than 0', characters);
  }
  const passed = Object.fromEntries(Object.entries(source).filter(([key]) => !OWN.includes(key)));
  if (counts !== undefined) passed['targets'] = withoutUncounted(source['targets'], counts);
  const call = crossEntropy as (x: unknown, options: unknown) => unknown;
  const result = call(x, passed) as Float32Array | { readonly data: Float32Array };
  const losses = result instanceof Float32Array ? result : result.data;
  let tokens = 0;
  // Neumaier's sum: the lost low part of every addition is kept.
  let high = 0;
  let low = 0;
  losses.forEach((loss, row) => {
    if (counts !== undefined && !counts[row]) return;
    tokens++;
    const next = high + loss;
    if (Number.isFinite(next)) low += high >= loss ? high - next + loss : loss - next + high;
    high = next;
  });
  const nats = high + low;
  return {
    tokens,
    nats,
    perplexity: Math.exp(nats / tokens),
    bitsPerToken: nats / Math.LN2 / tokens,
    bitsPerCharacter: nats / Math.LN2 / characters,
  };
}

/** Rows that do not count may have any target, -100 say: they get one that is a column. */
function withoutUncounted(targets: unknown, counts: ArrayLike<number | boolean>): unknown {
  if (!(targets instanceof Int32Array)) {
    throw wrongType(NAME, 'options.targets', 'an Int32Array', targets);
  }
  if (counts.length !== targets.length) {
    const received = `${counts.length} elements`;
    throw wrongShape(NAME, 'options.counts', `have ${targets.length} elements`, received);
  }
  return targets.map((target, row) => (counts[row] ? target : 0));
}
