/** Which of two models writes the next token: entropy-adaptive decoding. */
import { choice, readKnown, plainObject, ruleValue, size } from './check';
import { SoftlaneRangeError, inTheNameOf, wrongShape } from './errors';
import type { NumberRule } from './operator';
import { readIds } from './sampling/inputs';
import { entropy } from './scores';
import type { TensorLike } from './tensor';
import type { AnyInput, NumberFormat } from './types';

/** How an entropy switch decides. */
export interface EntropySwitchOptions {
  /** Bits of mean entropy above which the large model writes; at least 0. */
  readonly threshold: number;
  /** Entropies that the mean is of, the last so many (default 5). */
  readonly window?: number | undefined;
  /** Tokens that a model writes at least before the other may (default 1). */
  readonly dwell?: number | undefined;
  /** Which model writes first (default 'small'). */
  readonly start?: Model | undefined;
}

export type Model = 'small' | 'large';

/** What one call of an entropy switch takes beside the logits. */
export interface SwitchOptions {
  /** Columns, the size of the vocabulary. Default: the whole array as one row, or the last of `dims`. */
  readonly cols?: number | undefined;
  /** For each row, the number of the sequence whose entropies are remembered, below 2^32 (default: its place). */
  readonly rows?: readonly number[] | undefined;
  readonly dtype?: NumberFormat | undefined;
  readonly threads?: number | undefined;
  readonly isa?: string | undefined;
}

/** Chooses models; made by {@link createEntropySwitch}. */
export interface EntropySwitch {
  /** For each row of the logits that the writing model has just given, the model that writes the next token. */
  next(logits: AnyInput | TensorLike, options?: SwitchOptions): Model[];
  /** Forgets a sequence, or all of them. */
  reset(row?: number): void;
}

const NAME = 'createEntropySwitch';
const OPTIONS = ['threshold', 'window', 'dwell', 'start'];
const MODELS: readonly Model[] = ['small', 'large'];

const thresholdRule: NumberRule = {
  kind: 'number',
  index: 0,
  default: NaN,
  expected: 'a finite number from 0 on',
  check: (value) => Number.isFinite(value) && value >= 0,
  summary: 'bits',
};

interface Sequence {
  /** The last entropies in nats, the oldest first. */
  readonly nats: number[];
  model: Model;
  /** Tokens since it was chosen. */
  written: number;
}

/**
 * Entropy-adaptive decoding: a large model writes where the entropy of the next token, in bits and before any
 * temperature, is above a threshold in the mean of the last few tokens, and a small one elsewhere; neither for less than
 * `dwell` tokens. Tokens are not those of the large model: this saves work and changes the distribution.
 *
 * Source: Simonds, Entropy Adaptive Decoding: Dynamic Model Switching for Efficient Inference, 2025.
 *
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`
 *
 * @example
 * ```ts
 * import { createEntropySwitch } from 'softlane';
 * const models = createEntropySwitch({ threshold: 1.5, window: 2 });
 * console.log(models.next(Float32Array.of(0, 0, 0, 0))); // large: 2 bits
 * console.log(models.next(Float32Array.of(9, 0, 0, 0))); // small: the mean is 1 bit
 * ```
 */
export function createEntropySwitch(options: EntropySwitchOptions): EntropySwitch {
  const given = readKnown(NAME, 'options', options, OPTIONS);
  const threshold = ruleValue(NAME, 'options.threshold', thresholdRule, given['threshold']);
  const limit = Math.fround(threshold * Math.LN2);
  const whole = (name: string, initial: number): number =>
    given[name] === undefined ? initial : size(NAME, `options.${name}`, given[name], 1);
  const window = whole('window', 5);
  const dwell = whole('dwell', 1);
  const start = MODELS[choice(NAME, 'options.start', MODELS, given['start'] ?? 'small')];
  const sequences = new Map<number, Sequence>();

  function choose(id: number, nats: number): Model {
    let sequence = sequences.get(id);
    if (sequence === undefined) {
      sequence = { nats: [], model: start, written: dwell };
      sequences.set(id, sequence);
    }
    sequence.nats.push(nats);
    if (sequence.nats.length > window) sequence.nats.shift();
    const mean = sequence.nats.reduce((sum, each) => sum + each, 0) / sequence.nats.length;
    // As float32, which the entropies are: those of a whole number of bits can be told from more.
    const wanted: Model = Math.fround(mean) > limit ? 'large' : 'small';
    if (wanted !== sequence.model && sequence.written >= dwell) {
      sequence.model = wanted;
      sequence.written = 0;
    }
    sequence.written++;
    return sequence.model;
  }

  return {
    next(logits, switchOptions = {}) {
      const own = { __proto__: null, ...plainObject(NAME, 'options', switchOptions) };
      const { rows, ...call } = own as SwitchOptions;
      const nats = inTheNameOf(NAME, entropy.operator.name, () =>
        entropy(logits as Float32Array, call),
      ) as Float32Array | { data: Float32Array };
      const each = nats instanceof Float32Array ? nats : nats.data;
      const ids = readIds(rows, each.length, NAME);
      if (new Set(ids).size < ids.length) {
        throw wrongShape(NAME, 'options.rows', 'name every row once', 'one that is there twice');
      }
      const spoilt = each.findIndex(Number.isNaN);
      if (spoilt >= 0) {
        throw new SoftlaneRangeError(
          'ERR_SOFTLANE_VALUE',
          `${NAME}: expected every row of logits to have a token that is not masked, no NaN and no +Infinity, received another as row ${spoilt}`,
        );
      }
      return Array.from(each, (value, row) => choose(ids[row], value));
    },
    reset(row) {
      if (row === undefined) sequences.clear();
      else sequences.delete(row);
    },
  };
}
