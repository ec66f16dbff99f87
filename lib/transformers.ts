/**
 * softlane for @huggingface/transformers (transformers.js, version 4): logits processors for `generate()`. It needs
 * nothing of that package: a processor is a function of the tokens so far and a Tensor of logits.
 */
import { native } from './configure';

export { fromGenerationConfig } from './transformers/config';
export type { GenerationConfigLike } from './transformers/config';
export { logitsProcessor, sampling, samplingProcessor } from './transformers/processors';
export type {
  LogitsProcessorOptions,
  SamplingOptions,
  SamplingSettings,
} from './transformers/processors';
export type { InputIds, LogitsProcessor, LogitsTensor } from './transformers/list';

native();
