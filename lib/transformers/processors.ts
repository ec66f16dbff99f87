/** The sampler as logits processors. */
import { plainObject } from '../check';
import { unknownOption, wrongType } from '../errors';
import type { SampleOptions, SampleResult, Sampler, SamplerOptions } from '../sampler';
import { createSampler } from '../sampler';
import { OPTION_NAMES } from '../sampling/settings';
import { readTensor } from '../tensor';
import { Histories } from './histories';
import type { InputIds, LogitsProcessor, LogitsTensor } from './list';
import { listOf } from './list';

/** What a processor takes beside the options of a sampler. */
interface CommonOptions {
  /**
   * A bit a token, as `createSampler` takes it, 0 masks; or a function that gives the mask for the tokens so far, and
   * undefined where everything is allowed.
   */
  readonly allowed?: Uint32Array | ((inputIds: InputIds) => Uint32Array | undefined) | undefined;
  /** Whether `frequencyPenalty` and `presencePenalty` count the prompt, too (default true). */
  readonly countPrompt?: boolean | undefined;
  /** 'throw' (default), or 'masked': a NaN is a token that cannot be drawn. */
  readonly nan?: 'throw' | 'masked' | undefined;
  /** Threads, 1 to 1024 (default: as configured). The result does not depend on it. */
  readonly threads?: number | undefined;
}

/** Options of {@link logitsProcessor}. The draw is not its own, so that there is no `method` and no `mirostat`. */
export type LogitsProcessorOptions = Omit<SamplerOptions, 'method' | 'mirostat'> & CommonOptions;

/** Options of {@link samplingProcessor} and {@link sampling}. */
export type SamplingOptions = SamplerOptions &
  CommonOptions & {
    /** Log-probabilities under the softmax of the logits as they came, too, for `onSample`. */
    readonly rawLogProbs?: boolean | undefined;
    /** Called with the token of each row and its log-probability, at every step. */
    readonly onSample?: ((result: SampleResult) => void) | undefined;
  };

/** What {@link sampling} gives to `generate()`. */
export interface SamplingSettings {
  readonly do_sample: false;
  readonly num_beams: 1;
  readonly repetition_penalty: 1;
  readonly no_repeat_ngram_size: 0;
  readonly logits_processor: LogitsProcessor;
}

const COMMON = ['allowed', 'countPrompt', 'nan', 'threads'];
const REPORTING = ['rawLogProbs', 'onSample'];
const DRAWING = ['method', 'mirostat'];

/**
 * Penalties, temperature and cuts of `createSampler`, in its order, as one logits processor: what is cut is -Infinity
 * afterwards, and transformers.js draws from the rest (`do_sample: true`, and `top_k: 0`, which is 50 otherwise).
 *
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`; when it is called, what `sample` throws
 *
 * @example
 * ```ts
 * import { logitsProcessor } from 'softlane/transformers';
 * const minP = logitsProcessor({ minP: 0.1 });
 * const logits = { type: 'float32', data: Float32Array.of(1, 5, 3, 4), dims: [1, 4] };
 * console.log(minP([[7n]], logits).data); // -Infinity, 5, 3, 4
 * ```
 */
export function logitsProcessor(options: LogitsProcessorOptions = {}): LogitsProcessor {
  const name = 'logitsProcessor';
  const known = OPTION_NAMES.filter((key) => !DRAWING.includes(key));
  const step = new Step(name, options, [...known, ...COMMON]);
  let filtered = new Float32Array(0);
  return listOf((inputIds, logits) => {
    const { data } = readLogits(name, logits);
    if (filtered.length < data.length) filtered = new Float32Array(data.length);
    step.sample(inputIds, logits, { out: { filtered } });
    data.set(filtered.length === data.length ? filtered : filtered.subarray(0, data.length));
    return logits;
  });
}

/**
 * The whole sampler as the last logits processor, for `do_sample: false`: of each row it leaves one token, at 0 among
 * -Infinity, which transformers.js then takes as the most likely one. {@link sampling} has the settings that go with it.
 *
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`; when it is called, what `sample` throws
 */
export function samplingProcessor(options: SamplingOptions = {}): LogitsProcessor {
  const name = 'samplingProcessor';
  const step = new Step(name, options, [...OPTION_NAMES, ...COMMON, ...REPORTING]);
  const { rawLogProbs, onSample } = step.own as Pick<SamplingOptions, 'rawLogProbs' | 'onSample'>;
  if (onSample !== undefined && typeof onSample !== 'function') {
    throw wrongType(name, 'options.onSample', 'a function', onSample);
  }
  return listOf((inputIds, logits) => {
    const { data, cols } = readLogits(name, logits);
    const result = step.sample(inputIds, logits, { rawLogProbs });
    data.fill(-Infinity);
    result.tokens.forEach((token, row) => (data[row * cols + token] = 0));
    onSample?.(result);
    return logits;
  });
}

/**
 * Settings for `generate()`, to be spread among its others: the sampler, and nothing of the model's own configuration
 * that would have a say beside it.
 *
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`
 */
export function sampling(options: SamplingOptions = {}): SamplingSettings {
  return {
    do_sample: false,
    num_beams: 1,
    repetition_penalty: 1,
    no_repeat_ngram_size: 0,
    logits_processor: samplingProcessor(options),
  };
}

/** A sampler with what stays the same from call to call. */
class Step {
  readonly own: Readonly<Record<string, unknown>>;
  private readonly sampler: Sampler;
  private readonly histories: Histories;
  private readonly fixed: SampleOptions;
  private readonly allowed: CommonOptions['allowed'];
  private readonly countPrompt: boolean;

  constructor(name: string, options: unknown, names: readonly string[]) {
    const settings: Record<string, unknown> = {};
    const own = Object.create(null) as Record<string, unknown>;
    for (const [key, value] of Object.entries(plainObject(name, 'options', options))) {
      if (!names.includes(key)) throw unknownOption(name, key, names);
      (OPTION_NAMES.includes(key) ? settings : own)[key] = value;
    }
    const { allowed, countPrompt = true, nan, threads } = own as CommonOptions;
    if (typeof countPrompt !== 'boolean') {
      throw wrongType(name, 'options.countPrompt', 'true or false', countPrompt);
    }
    this.own = own;
    this.sampler = createSampler(settings);
    this.histories = new Histories(name);
    this.fixed = { nan, threads };
    this.allowed = allowed;
    this.countPrompt = countPrompt;
  }

  sample(inputIds: InputIds, logits: LogitsTensor, more: SampleOptions): SampleResult {
    const { history, prompts } = this.histories.of(inputIds);
    const { allowed } = this;
    return this.sampler.sample(logits, {
      ...this.fixed,
      ...more,
      history,
      promptLength: this.countPrompt ? undefined : prompts,
      allowed: typeof allowed === 'function' ? allowed(inputIds) : allowed,
    });
  }
}

function readLogits(name: string, logits: LogitsTensor): { data: Float32Array; cols: number } {
  if (typeof logits !== 'object' || logits === null) {
    throw wrongType(name, 'logits', 'a Tensor', logits);
  }
  const { data, dims } = readTensor(name, 'logits', logits, 'float32');
  return { data: data as Float32Array, cols: dims[dims.length - 1] ?? 1 };
}
