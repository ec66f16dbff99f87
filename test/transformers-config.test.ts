/** softlane/transformers without their package: configurations, lists of tokens, and types. */
import { expect, test } from '@jest/globals';
import type {
  GenerationConfig,
  LogitsProcessor as TheirProcessor,
  LogitsProcessorList,
  Tensor,
} from '@huggingface/transformers' with { 'resolution-mode': 'import' };
import type { SamplerOptions } from '../lib';
import { createSampler } from '../lib';
import {
  fromGenerationConfig,
  logitsProcessor,
  sampling,
  samplingProcessor,
} from '../lib/transformers';

test('what a configuration asks for', () => {
  const none = { min_p: null, eos_token_id: 3, max_new_tokens: 9 };
  expect(fromGenerationConfig(none)).toEqual({ temperature: 1, method: 'greedy' });
  expect(
    fromGenerationConfig({ do_sample: true, temperature: 0.6, top_k: 20, top_p: 0.95 }),
  ).toEqual({ temperature: 0.6, topK: 20, topP: 0.95 });
  expect(fromGenerationConfig({ do_sample: true })).toEqual({ topK: 50 });
  expect(fromGenerationConfig({ do_sample: true, top_k: null, typical_p: 0.9 })).toEqual({
    typicalP: 0.9,
  });
  const rest = { epsilon_cutoff: 1e-4, eta_cutoff: 1e-3, repetition_penalty: 1.1 };
  const all = { ...rest, min_p: 0.1, no_repeat_ngram_size: 4, top_k: 0, do_sample: true };
  expect(fromGenerationConfig(all)).toEqual({
    epsilon: 1e-4,
    eta: 1e-3,
    repetitionPenalty: 1.1,
    minP: 0.1,
    noRepeatNgram: 4,
    topK: 0,
  });
  const cold = { do_sample: true, temperature: 0, repetition_penalty: 1.2 };
  expect(fromGenerationConfig(cold)).toMatchObject({ method: 'greedy', repetitionPenalty: 1.2 });
  const greedy = fromGenerationConfig({ do_sample: false, top_p: 0, top_k: 5, epsilon_cutoff: 2 });
  createSampler(greedy);
  expect(() => fromGenerationConfig(null as never)).toThrow(/generation configuration/);
});

test('a list that is changed in its place', () => {
  const penalised = (
    row: readonly bigint[],
    processor = logitsProcessor({ repetitionPenalty: 2 }),
  ) => [
    ...processor([row], { type: 'float32', data: new Float32Array(6).fill(1), dims: [1, 6] }).data,
  ];
  const changes: ((row: bigint[]) => void)[] = [
    (row) => void (row.shift(), row.push(3n)),
    (row) => void (row[0] = 5n),
    (row) => void row.splice(0, row.length, 5n, 5n, 5n, 3n, 4n),
  ];
  for (const change of changes) {
    const processor = logitsProcessor({ repetitionPenalty: 2 });
    const row = [1n, 2n, 3n, 3n];
    penalised(row, processor);
    change(row);
    expect(penalised(row, processor)).toEqual(penalised([...row]));
  }
});

test('the types of theirs take ours', () => {
  const typed = (theirs: Tensor, config: GenerationConfig): void => {
    const one: TheirProcessor = logitsProcessor({ topP: 0.9 });
    const list: LogitsProcessorList = sampling({ topK: 5 }).logits_processor;
    list.push(samplingProcessor());
    const same: Tensor = list([[1n]], theirs) as Tensor;
    const options: SamplerOptions = fromGenerationConfig(config);
    expect([one, same, options]).toBeDefined();
    // @ts-expect-error -- the draw is not its own
    logitsProcessor({ method: 'greedy' });
    // @ts-expect-error -- an option by another name
    sampling({ top_k: 5 });
  };
  expect(typed).toBeInstanceOf(Function);
});
