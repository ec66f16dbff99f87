import { readKnown } from './check';
import { native } from './configure';
import { submit } from './jobs';
import type { SamplerOptions } from './sampler';
import { CUTTING, integer, readSettings } from './sampling/settings';
import type { Given, Mode, SpeculatorMemory } from './sampling/speculate-call';
import { SpeculateCall } from './sampling/speculate-call';
import { Status } from './spec';
import type { Abortable, DrawOptions, FloatInput, Float32Result, Int32Result } from './types';

/** The steps of a sampler that a speculator has: those that look at the logits alone. */
export type SpeculatorFilters = Pick<
  SamplerOptions,
  'temperature' | 'topK' | 'topP' | 'minP' | 'typicalP' | 'topNSigma' | 'epsilon' | 'eta' | 'order'
>;

/** What a speculator does to logits before it compares them, as the options of a sampler; everything is off by default. */
export interface SpeculatorOptions extends SpeculatorFilters {
  /** Options of the draft that are its own, over those above: what its tokens were drawn with. */
  readonly draft?: SpeculatorFilters | undefined;
  /** Of the random numbers, 0 to 2^53 - 1 (default 0). They are others than those of a sampler of the same seed. */
  readonly seed?: number | undefined;
}

/** What one call of a speculator takes beside logits and tokens. */
export interface VerifyOptions extends DrawOptions {
  /** Sequences in the call; default: what the shapes say, and one for `backOff`. */
  readonly sequences?: number | undefined;
  /** What the rows are: 'logits' (default), or 'probabilities', which are taken as they are. */
  readonly input?: 'logits' | 'probabilities' | undefined;
  /** Arrays for the results. */
  readonly out?:
    | {
        readonly accepted?: Int32Array | undefined;
        readonly tokens?: Int32Array | undefined;
        readonly logProbs?: Float32Array | undefined;
      }
    | undefined;
}

/** What became of the drafted tokens of each sequence, one sequence after the other. */
export interface VerifyResult {
  /** How many were accepted; of `verifyOne`, which one, or -1. */
  readonly accepted: Int32Result;
  /** The accepted ones, and the one that was drawn after them; -1 behind it. */
  readonly tokens: Int32Result;
  /** ln of their probabilities under the target, after its steps; NaN behind them. */
  readonly logProbs: Float32Result;
}

type Logits = FloatInput;
type Draft = FloatInput;
type Tokens = Int32Array | readonly number[];

interface Methods<Options, Result> {
  /** Calls so far; the next one's `step`. May be set, to go back or to go on elsewhere. */
  step: number;
  /**
   * Speculative sampling: of the n drafted tokens of a sequence, those up to the first that is rejected, and one token
   * more, drawn from what the target has beyond the draft, or from its last row where all are accepted.
   *
   * @param targetLogits - n + 1 rows for each sequence: after each of its drafted tokens, and before them
   * @param draftLogits - n rows for each sequence, which its tokens were drawn from
   * @param draftTokens - n tokens for each sequence
   */
  verify(targetLogits: Logits, draftLogits: Draft, draftTokens: Tokens, options?: Options): Result;
  /**
   * Several drafts for one place: tokens that were all drawn from the draft's row, independently; tried one after the
   * other (recursive rejection sampling). The result is one token: the first that is accepted, or one that is drawn.
   *
   * @param targetLogits - one row for each sequence
   * @param draftLogits - one row for each sequence
   * @param draftTokens - as many tokens for each sequence
   */
  verifyOne(
    targetLogits: Logits,
    draftLogits: Draft,
    draftTokens: Tokens,
    options?: Options,
  ): Result;
  /**
   * Approximately aligned decoding: a line of tokens that was drawn from the target and turned out to be forbidden as a
   * whole is left at one of its places, by another token: where a speculative test would leave it whose draft is the
   * distribution with the line and whose target is that without.
   *
   * @param targetLogits - a row for each token, which it was drawn from
   * @param tokens - the forbidden line, of each sequence
   */
  backOff(targetLogits: Logits, tokens: Tokens, options?: Options): Result;
}

/** Verifies drafted tokens; made by {@link createSpeculator}. */
export type Speculator = Methods<VerifyOptions, VerifyResult>;
/** The same with promises. */
export type AsyncSpeculator = Methods<VerifyOptions & Abortable, Promise<VerifyResult>>;

const NAME = 'createSpeculator';
const FILTERS: readonly string[] = [...CUTTING.filter((step) => step !== 'xtc'), 'order'];
const ALL = [...FILTERS, 'draft', 'seed'];

function read(argument: string, value: unknown, names: readonly string[]): Record<string, unknown> {
  return readKnown(NAME, argument, value === undefined ? {} : value, names);
}

function memoryOf(options: unknown): SpeculatorMemory {
  const { draft, ...given } = read('options', options, ALL);
  const own = read('options.draft', draft, FILTERS);
  return {
    target: readSettings(given, 'options', NAME, ALL),
    draft: readSettings({ ...given, ...own }, 'options.draft', NAME, ALL),
    step: 0,
  };
}

function methods<Options, Result>(
  memory: SpeculatorMemory,
  run: (name: Mode, call: Given) => Result,
): Methods<Options, Result> {
  return {
    get step() {
      return memory.step;
    },
    set step(value) {
      memory.step = integer('step', value, NAME);
    },
    verify: (target, draft, tokens, options) => run('verify', { target, draft, tokens, options }),
    verifyOne: (target, draft, tokens, options) =>
      run('verifyOne', { target, draft, tokens, options }),
    backOff: (target, tokens, options) => run('backOff', { target, tokens, options }),
  };
}

/**
 * A speculator: what a cheap model has drafted is kept as far as it can be without a change to the distribution of the
 * target's tokens. Both models' logits go through the same steps as a sampler's; a draft of other settings has its own
 * in `draft`. With `topK: 1` it is greedy: a token is accepted where it is the target's most likely one.
 *
 * Randomness is Philox 4x32-10, keyed by seed, row and step: the same tokens on every instruction set, for every number
 * of threads, at every place in a batch. Definitions, what is exact, and special values: docs/decoding.md.
 *
 * Source: Leviathan, Kalman and Matias, Fast Inference from Transformers via Speculative Decoding, 2023; Chen et al.,
 * Accelerating Large Language Model Decoding with Speculative Sampling, 2023; docs/decoding.md has the others.
 *
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`
 *
 * @example
 * ```ts
 * import { createSpeculator } from 'softlane';
 * const speculator = createSpeculator({ temperature: 0.8, topP: 0.95, seed: 7 });
 * const target = Float32Array.of(1, 3, 2, 0, 2, 5, 1, 1, 1); // before, between and after two tokens
 * const draft = Float32Array.of(1, 2, 2, 0, 1, 5);
 * const { accepted, tokens } = speculator.verify(target, draft, [1, 2], { cols: 3 });
 * console.log(accepted[0], tokens.subarray(0, accepted[0] + 1));
 * ```
 */
export function createSpeculator(options: SpeculatorOptions = {}): Speculator {
  const memory = memoryOf(options);
  return methods(memory, (name, given) => {
    const call = new SpeculateCall(memory, name, given, 'sync');
    const status = native().run(call.spec, call.x, call.y, ...call.operands);
    if (status !== Status.OK) {
      call.takeBack();
      throw call.error(status);
    }
    return call.finish() as VerifyResult;
  });
}

/** {@link createSpeculator} with promises; `softlane/promises` exports it under that name. */
export function createAsyncSpeculator(options: SpeculatorOptions = {}): AsyncSpeculator {
  const memory = memoryOf(options);
  return methods(
    memory,
    (name, given) =>
      new Promise((resolve, reject) => {
        const call = new SpeculateCall(memory, name, given, 'async');
        submit(name, call, resolve as (value: unknown) => void, reject);
      }),
  );
}
