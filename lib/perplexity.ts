import { readKnown } from './check';
import { types } from 'node:util';
import { requireAttached } from './elements';
import { inTheNameOf, wrongType, wrongValue } from './errors';
import type { Flags } from './lists';
import { flagsOf, requireSameLength } from './lists';
import { crossEntropy } from './loss';
import { prepare, runCall } from './prepare';
import type { TargetInputs } from './targets';
import { readTensor } from './tensor';
import type { CallOptions, FloatInput } from './types';

/** What `perplexity` takes. */
export interface PerplexityOptions
  extends Pick<CallOptions, 'cols' | 'stride' | 'dtype' | 'threads' | 'isa'>, TargetInputs {
  /** Divides the logits; from 2^-100 to 2^100 (default 1). */
  readonly temperature?: number | undefined;
  /** Which rows are part of the text, one element a row: 1 or true, 0 or false (default: all are). */
  readonly counts?: Flags | undefined;
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
const OPTIONS = ['cols', 'stride', 'dtype', 'targets', 'temperature', ...OWN, 'threads', 'isa'];

/**
 * Perplexity and bits per character of a text: the cross-entropies of its tokens, summed in float64.
 *
 * @param x - logits, a row a token: a Float32Array, or an object with `data` and `dims`
 * @param options - `targets`, the token that came after each row; `cols`, `stride`, `dtype`, `temperature`,
 * `counts`, `characters`, `threads`, `isa`
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
export function perplexity(x: FloatInput, options: PerplexityOptions): Perplexity {
  const passed = readKnown(NAME, 'options', options, OPTIONS);
  const { counts, characters } = passed;
  for (const own of OWN) delete passed[own];
  if (characters !== undefined && typeof characters !== 'number') {
    throw wrongType(NAME, 'options.characters', 'a number', characters);
  }
  if (characters !== undefined && !(characters > 0)) {
    throw wrongValue(NAME, 'options.characters', 'a number greater than 0', characters);
  }
  const flags = counts === undefined ? undefined : flagsOf(NAME, 'options.counts', counts);
  if (flags !== undefined) passed['targets'] = withoutUncounted(passed['targets'], flags);
  const call = inTheNameOf(NAME, crossEntropy.operator.name, () => {
    const prepared = prepare(crossEntropy.operator, x, passed);
    runCall(prepared);
    return prepared;
  });
  let tokens = 0;
  // Neumaier's sum: the lost low part of every addition is kept.
  let high = 0;
  let low = 0;
  call.y.forEach((loss, row) => {
    if (flags?.[row] === 0) return;
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
    bitsPerCharacter: nats / Math.LN2 / (characters ?? NaN),
  };
}

/** Rows that do not count may have any target, -100 say: they get one that is a column. */
function withoutUncounted(targets: unknown, flags: Float64Array): Int32Array {
  const isTensor = typeof targets === 'object' && targets !== null && !ArrayBuffer.isView(targets);
  const data = isTensor ? readTensor(NAME, 'options.targets', targets, 'int32').data : targets;
  if (!types.isInt32Array(data)) {
    throw wrongType(NAME, 'options.targets', 'an Int32Array or an object with such data', targets);
  }
  requireAttached(NAME, 'options.targets', data);
  const copy = new Int32Array(data);
  requireSameLength(NAME, 'options.counts', flags, 'options.targets', copy);
  flags.forEach((flag, row) => {
    if (flag === 0) copy[row] = 0;
  });
  return copy;
}
