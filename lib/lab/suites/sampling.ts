/** A whole sampler step over the size of the vocabulary, beside that of transformers.js and a bare read of the row. */
import { HISTORY, SAMPLING } from '../rivals/sampling';
import { isasOf, paceOf, row, type Setting, type Suite } from '../suite';
import type { Family } from '../task';

/** Of Llama 2, GPT-2, Llama 3 and Gemma. */
const VOCABULARIES = [32_000, 50_257, 128_256, 256_000];

export function sampling(setting: Setting): Suite {
  const { flags, pin } = setting;
  const isas = isasOf(setting, 1);
  return {
    families: VOCABULARIES.map((cols): Family => ({
      name: `sampling/${cols}`,
      part: 'sampling',
      op: 'sample',
      options: SAMPLING,
      shape: row(cols),
      cold: false,
      range: 10,
      contenders: [
        { name: 'transformers.js', kind: 'transformers', threads: 1 },
        ...isas.map((isa) => ({
          name: `softlane/sampler/${isa}`,
          kind: 'sampler' as const,
          isa,
          threads: 1,
        })),
        { name: 'softlane/processor', kind: 'sampler', threads: 1, call: true },
        { name: 'memory/read', kind: 'memory', work: 'read', isa: isas[0], threads: 1 },
        { name: 'copy', kind: 'memcpy', threads: 1 },
      ],
      base: 'transformers.js',
      pin,
    })),
    pace: paceOf(flags),
    remarks: [
      `One row; repetition penalty over ${HISTORY} tokens, temperature, top-k ${SAMPLING.topK}, top-p ${SAMPLING.topP}, which transformers.js has not.`,
      'transformers.js and the processor write to the logits, so that each of their calls copies them first: the line "copy". The processor is followed by the search for the largest logit that generate() does.',
    ],
  };
}
