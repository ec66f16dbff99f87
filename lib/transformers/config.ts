/** From the names of transformers to those of the sampler. */
import { wrongType } from '../errors';
import type { SamplerOptions } from '../sampler';

/** A generation_config.json, as far as it is about sampling. */
export interface GenerationConfigLike {
  readonly do_sample?: boolean | null | undefined;
  readonly temperature?: number | null | undefined;
  readonly top_k?: number | null | undefined;
  readonly top_p?: number | null | undefined;
  readonly min_p?: number | null | undefined;
  readonly typical_p?: number | null | undefined;
  readonly epsilon_cutoff?: number | null | undefined;
  readonly eta_cutoff?: number | null | undefined;
  readonly repetition_penalty?: number | null | undefined;
  readonly no_repeat_ngram_size?: number | null | undefined;
}

/** What transformers takes where a configuration says nothing. */
const USUAL_TOP_K = 50;

/** Options of the sampler by the names that the configuration has for them. */
const NAMES = {
  temperature: 'temperature',
  top_p: 'topP',
  min_p: 'minP',
  typical_p: 'typicalP',
  epsilon_cutoff: 'epsilon',
  eta_cutoff: 'eta',
  repetition_penalty: 'repetitionPenalty',
  no_repeat_ngram_size: 'noRepeatNgram',
} as const satisfies Partial<Record<keyof GenerationConfigLike, keyof SamplerOptions>>;

const CUTS = ['topP', 'minP', 'typicalP', 'epsilon', 'eta'] as const;

/**
 * The options of a sampler that does what a model's `generation_config` asks for, with all of `top_p`, `min_p`,
 * `typical_p`, `epsilon_cutoff` and `eta_cutoff`, which transformers.js leaves out. Fields that are about anything else
 * than sampling are passed over. Without `do_sample`, or with a temperature of 0, it is greedy, with the penalties.
 *
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`
 *
 * @example
 * ```ts
 * import { fromGenerationConfig } from 'softlane/transformers';
 * const { topK, topP } = fromGenerationConfig({ do_sample: true, top_p: 0.9, eos_token_id: 2 });
 * console.log(topK, topP); // 50 0.9
 * ```
 */
export function fromGenerationConfig<C extends GenerationConfigLike>(config: C): SamplerOptions {
  if (typeof config !== 'object' || config === null) {
    throw wrongType('fromGenerationConfig', 'config', 'a generation configuration', config);
  }
  const options: { -readonly [K in keyof SamplerOptions]: SamplerOptions[K] } = {};
  for (const [theirs, ours] of Object.entries(NAMES) as [keyof typeof NAMES, ValueOf][]) {
    const value = config[theirs];
    if (value !== undefined && value !== null) options[ours] = value;
  }
  if (config.do_sample !== true || options.temperature === 0) {
    // Whatever it says of cuts, greedy makes none.
    for (const cut of CUTS) delete options[cut];
    return { ...options, temperature: 1, method: 'greedy' };
  }
  const topK = config.top_k === undefined ? USUAL_TOP_K : config.top_k;
  if (topK !== null) options.topK = topK;
  return options;
}

type ValueOf = (typeof NAMES)[keyof typeof NAMES];
