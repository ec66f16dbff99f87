import { readKnown } from './check';
import { native } from './configure';
import { submit } from './jobs';
import type { Memory } from './sampling/call';
import { SampleCall } from './sampling/call';
import type { Step } from './sampling/settings';
import { NAME, OPTION_NAMES, integer, readSettings } from './sampling/settings';
import { Status } from './spec';
import type { TensorLike } from './tensor';
import type { Abortable, DrawOptions, AnyInput, Float32Result, Int32Result } from './types';

/** A step of a sampler, by the name of its option. */
export type SamplerStep = Step;

/** How a token is chosen, and from what. Everything that is not given is off. */
export interface SamplerOptions {
  /**
   * 'multinomial' (default): the first token, by index, up to which the probabilities add up to more than a uniform
   * number. 'gumbel': the largest of log-probability plus Gumbel noise; the same distribution. 'greedy': the largest
   * logit after penalties, the lowest index of equals; no step that cuts counts.
   */
  readonly method?: 'multinomial' | 'gumbel' | 'greedy' | undefined;
  /** Divides the logits; from 2^-100 to 2^100 (default 1). 0 is an error: that is `method: 'greedy'`. */
  readonly temperature?: number | undefined;
  /** Keeps the k most likely tokens; 0 or more than there are: all. */
  readonly topK?: number | undefined;
  /** Keeps the most likely tokens until their probabilities add up to this (nucleus). */
  readonly topP?: number | undefined;
  /** Keeps tokens with at least this share of the largest probability. */
  readonly minP?: number | undefined;
  /** Keeps the tokens whose surprise is nearest to the entropy, until their probabilities add up to this. */
  readonly typicalP?: number | undefined;
  /** Keeps logits of at least the largest less this many standard deviations (n - 1 degrees of freedom). */
  readonly topNSigma?: number | undefined;
  /** Keeps tokens with at least this probability, and the most likely one. */
  readonly epsilon?: number | undefined;
  /** Keeps tokens with at least min(eta, sqrt(eta) exp(-entropy)), and the most likely one. */
  readonly eta?: number | undefined;
  /**
   * Exclude top choices: with this probability (default 0.5), takes out every token with at least the threshold
   * (default 0.1) but the least likely of them.
   */
  readonly xtc?:
    | { readonly threshold?: number | undefined; readonly probability?: number | undefined }
    | undefined;
  /** Divides positive logits of tokens in the history by this, and multiplies negative ones. */
  readonly repetitionPenalty?: number | undefined;
  /** Subtracted for each time that a token is in the history. */
  readonly frequencyPenalty?: number | undefined;
  /** Subtracted once for a token in the history. */
  readonly presencePenalty?: number | undefined;
  /** Masks tokens that would repeat a run of so many tokens of the history. */
  readonly noRepeatNgram?: number | undefined;
  /**
   * Don't repeat yourself: a token that would continue a repeat of n >= `allowedLength` (default 2) tokens of the
   * history loses `multiplier` (0.8) times `base` (1.75) to the power of n - allowedLength. No repeat reaches over a
   * token of `breakers`.
   */
  readonly dry?:
    | {
        readonly multiplier?: number | undefined;
        readonly base?: number | undefined;
        readonly allowedLength?: number | undefined;
        readonly breakers?: Int32Array | readonly number[] | undefined;
      }
    | undefined;
  /** Added to logits, by token; -Infinity masks. */
  readonly logitBias?:
    ReadonlyMap<number, number> | Readonly<Record<number | `${number}`, number>> | undefined;
  /**
   * Mirostat 2: keeps tokens of at most a surprise, in bits, that follows `tau` (default 5) at the rate `eta` (0.1). The
   * sampler remembers it by the number of the row, until `reset`; no other cut goes with it.
   */
  readonly mirostat?:
    { readonly tau?: number | undefined; readonly eta?: number | undefined } | undefined;
  /** The order of the steps. One whose option is on must be in it; those that change logits come first. */
  readonly order?: readonly SamplerStep[] | undefined;
  /** Of the random numbers, 0 to 2^53 - 1 (default 0). */
  readonly seed?: number | undefined;
}

type Tokens = Int32Array | readonly number[];

/** What one call of a sampler takes beside the logits. */
export interface SampleOptions extends DrawOptions {
  /** The tokens so far: of one row, or of each row. */
  readonly history?: Tokens | readonly Tokens[] | undefined;
  /** How many of them, from the first on, frequency and presence penalties do not count (default 0). */
  readonly promptLength?: number | readonly number[] | undefined;
  /** A bit a column, bit i % 32 of element floor(i / 32); for all rows, or as many elements for each. 0 masks. */
  readonly allowed?: Uint32Array | undefined;
  /** For each row, options that are its own; undefined for a row that has none. */
  readonly perRow?: readonly (SamplerOptions | undefined)[] | undefined;
  /** Tokens for each row (default 1, and no other with mirostat, method 'greedy', or 'gumbel' and replacement). */
  readonly count?: number | undefined;
  /** Whether a token may be drawn twice (default true). Without, the draws are the first of a Gumbel-top-k. */
  readonly replacement?: boolean | undefined;
  /** Whether to give the log-probabilities under the softmax of the logits as they came, too. */
  readonly rawLogProbs?: boolean | undefined;
  /** Whether to give the logits that are left after all steps, too. */
  readonly filtered?: boolean | undefined;
  /** 'throw' (default), or 'masked': a NaN is a token that cannot be drawn. */
  readonly nan?: 'throw' | 'masked' | undefined;
  /** Arrays for the results. */
  readonly out?:
    | {
        readonly tokens?: Int32Array | undefined;
        readonly logProbs?: Float32Array | undefined;
        readonly rawLogProbs?: Float32Array | undefined;
        readonly filtered?: Float32Array | undefined;
      }
    | undefined;
}

/** The tokens of each row, one after the other, and what they had for a probability. */
export interface SampleResult {
  /** -1 where without replacement fewer tokens are left than were asked for. */
  readonly tokens: Int32Result;
  /** ln of the probability under what was drawn from; with `method: 'greedy'` that is the softmax after penalties. */
  readonly logProbs: Float32Result;
  /** The same under the softmax of the logits as they came; only with `rawLogProbs`. */
  readonly rawLogProbs?: Float32Result;
  /**
   * The logits after all steps, over the temperature, and -Infinity for what was cut: the softmax of a row is what the
   * draw was from. Only with `filtered`.
   */
  readonly filtered?: Float32Result;
}

/** Chooses tokens; made by {@link createSampler}. */
export interface Sampler {
  /** Calls so far; the next one's `step`. May be set, to go back or to go on elsewhere. */
  step: number;
  /**
   * A token for each row of logits.
   *
   * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
   * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`
   */
  sample(logits: AnyInput | TensorLike, options?: SampleOptions): SampleResult;
  /** Forgets what mirostat remembers of a row, by its number, or of all: a text has ended. */
  reset(row?: number): void;
}

/** The same with promises. */
export interface AsyncSampler {
  step: number;
  sample(logits: AnyInput | TensorLike, options?: SampleOptions & Abortable): Promise<SampleResult>;
  reset(row?: number): void;
}

const MAKER = 'createSampler';

function memoryOf(options: unknown): Memory {
  const given = readKnown(MAKER, 'options', options === undefined ? {} : options, OPTION_NAMES);
  const settings = readSettings(given, 'options', MAKER);
  return { given, settings, step: 0, surprise: new Map() };
}

/**
 * A sampler: from logits to tokens, with penalties, cuts and a draw that can be repeated.
 *
 * Randomness is Philox 4x32-10, keyed by seed, row and step: the same token on every instruction set, for every number
 * of threads, at every place in a batch. Logits are not changed. Definitions, order of the steps and special values:
 * docs/sampling.md.
 *
 * Source: Holtzman et al., The Curious Case of Neural Text Degeneration, 2020, for topP; docs/sampling.md has the others.
 *
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`
 *
 * @example
 * ```ts
 * import { createSampler } from 'softlane';
 * const sampler = createSampler({ temperature: 0.8, topK: 50, topP: 0.95, seed: 7 });
 * const logits = Float32Array.of(1, 3, 2, 0);
 * const { tokens, logProbs } = sampler.sample(logits, { history: [1, 2] });
 * console.log(tokens[0], Math.exp(logProbs[0]));
 * ```
 */
export function createSampler(options: SamplerOptions = {}): Sampler {
  const memory = memoryOf(options);
  return {
    get step() {
      return memory.step;
    },
    set step(value) {
      memory.step = checkedStep(value);
    },
    sample(logits, sampleOptions) {
      const call = SampleCall.of(memory, 'sync', logits, sampleOptions);
      const status = native().run(call.spec, call.x, call.y, ...call.operands);
      if (status !== Status.OK) {
        call.takeBack();
        throw call.error(status);
      }
      const result = call.finish() as SampleResult;
      call.release();
      return result;
    },
    reset: (row) => forget(memory, row),
  };
}

/** {@link createSampler} with promises; `softlane/promises` exports it under that name. */
export function createAsyncSampler(options: SamplerOptions = {}): AsyncSampler {
  const memory = memoryOf(options);
  return {
    get step() {
      return memory.step;
    },
    set step(value) {
      memory.step = checkedStep(value);
    },
    sample: (logits, sampleOptions) =>
      new Promise((resolve, reject) => {
        const call = SampleCall.of(memory, 'async', logits, sampleOptions);
        submit(NAME, call, resolve as (value: unknown) => void, reject);
      }),
    reset: (row) => forget(memory, row),
  };
}

function forget({ surprise }: Memory, row: unknown): void {
  if (row === undefined) surprise.clear();
  else surprise.delete(integer('row', row));
}

function checkedStep(value: unknown): number {
  return integer('step', value);
}
