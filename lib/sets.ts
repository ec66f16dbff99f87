/** Losses and scores about a set of columns of each row. */
import { define } from './define';
import type { InputOperand } from './operator';
import { countOption, temperatureOption } from './operator';
import * as oracle from './oracle/sets';
import { FORMATS } from './spec';
import type { FloatInput, FloatCall, Int32Output, LogitOptions } from './types';

export interface PositiveInputs {
  /** Labels: as many rows, of as many columns, without gaps; what is greater than 0 is positive. */
  readonly positives: FloatInput;
}

export interface TokenInputs {
  /** Indices of columns, `count` for each row; one that is there twice counts once. */
  readonly tokens: Int32Output;
}

/** What `setProbability` takes. */
export interface SetProbabilityOptions extends LogitOptions, TokenInputs {
  /** What is read beside x has no windows of its own. */
  readonly window?: undefined;
  /** How many columns each row names, from 1 to 256 (default 1). */
  readonly count?: number | undefined;
}
/** What `decoupledCrossEntropy` takes. */
export interface DecoupledCrossEntropyOptions extends LogitOptions, PositiveInputs {
  /** What is read beside x has no windows of its own. */
  readonly window?: undefined;
}

const positives: InputOperand = {
  role: 'input',
  name: 'positives',
  element: 'float32',
  extent: 'rows',
  optional: false,
  summary: 'labels of the columns, greater than 0 for the right ones',
  // Every third, none of a row of one.
  example: (row) => row.map((_, i) => Number(i % 3 === 1)),
};

const tokens: InputOperand = {
  role: 'input',
  name: 'tokens',
  element: 'int32',
  extent: { option: 'count' },
  optional: false,
  summary: 'indices of columns, count for each row',
  // From the middle on, some of them twice.
  example: (row, count) =>
    Int32Array.from({ length: count }, (_, i) => ((row.length >> 1) + 3 * i) % row.length),
};

/**
 * One number per row: the decoupled cross-entropy of several right columns, the mean over them of -ln p, p being the softmax
 * at T of that column and the wrong ones alone: what is right as well takes nothing away. With one right column it is the
 * cross-entropy. Reads a row twice.
 *
 * Shape: rows x cols in, [rows] out, as a new Float32Array; a tensor loses its last dimension.
 *
 * Special values: a masked column (-Infinity) has no probability: one that is right gives +Infinity, or NaN where no
 * wrong one is left either. A row without a right column gives NaN, and so do one with a NaN or a +Infinity and one without
 * columns. A label that is NaN is not right.
 *
 * Error: at most 4 ULP, losses near 0 included; largest measured 1 ULP.
 *
 * Source: Gupta, Khatri, Rawat, Bhojanapalli, Jain and Dhillon, Dual-Encoders for Extreme Multi-Label Classification,
 * 2024, with a temperature of 0.05 there; 1 here.
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - `cols`, `stride`, `out`, `positives`, `temperature`, `threads`, `isa`
 * @returns losses, at least 0, one per row
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { decoupledCrossEntropy } from 'softlane';
 * const logits = Float32Array.of(1, 2, 3, 9, 9, 1);
 * const positives = Float32Array.of(0, 1, 1, 1, 1, 0);
 * console.log(decoupledCrossEntropy(logits, { cols: 3, positives })); // 0.22, 0.00034
 * ```
 */
export const decoupledCrossEntropy = define<
  FloatCall<DecoupledCrossEntropyOptions, PositiveInputs>
>({
  name: 'decoupledCrossEntropy',
  cli: null,
  family: 'sets',
  driver: 'reduce',
  summary: 'mean of -ln p of the right columns, each beside the wrong ones alone',
  formats: FORMATS,
  options: { temperature: temperatureOption },
  output: 'perRow',
  element: 'float32',
  operands: [positives],
  bound: { maxUlp: 4, measuredUlp: 1, absolute: 0, tiny: 'subnormal' },
  oracle: oracle.decoupledCrossEntropy,
  papers: ['decoupled-softmax-soft-top-k'],
  source:
    'Gupta, Khatri, Rawat, Bhojanapalli, Jain and Dhillon, Dual-Encoders for Extreme Multi-Label Classification, 2024',
  docs: 'docs/losses.md',
});

/**
 * One number per row: the probability of any of some columns, the sum of p over them with p = softmax(x / T). Of the tokens
 * that say "yes" after a prompt that asks whether a text is good, it is the Ask-LLM score of the text. To weigh "yes" against
 * "no" alone, give the few logits of both as the row.
 *
 * Shape: rows x cols in, [rows] out, as a new Float32Array; a tensor loses its last dimension.
 *
 * Special values: a masked column (-Infinity) has no probability. A row with a NaN or a +Infinity, and one without a column
 * that is not masked, has no distribution and gives NaN. A token that is no index of a column throws, with its row in the
 * error; a row without columns gives NaN.
 *
 * Error: at most 4 ULP, probabilities near 0 included; largest measured 1.6 ULP.
 *
 * Source: Sachdeva et al., How to Train Data-Efficient LLMs, 2024 (Ask-LLM).
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - `cols`, `stride`, `out`, `tokens`, `count`, `temperature`, `threads`, `isa`
 * @returns probabilities, one per row
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { setProbability } from 'softlane';
 * const logits = Float32Array.of(1, 2, 3, 9, 1, 1);
 * const tokens = Int32Array.of(0, 1, 0, 2); // the same two meanings, wherever they stand
 * console.log(setProbability(logits, { cols: 3, tokens, count: 2 })); // 0.335, 0.9997
 * ```
 */
export const setProbability = define<FloatCall<SetProbabilityOptions, TokenInputs>>({
  name: 'setProbability',
  cli: null,
  family: 'sets',
  driver: 'reduce',
  summary: 'probability of any of some columns of softmax(x / T)',
  formats: FORMATS,
  options: {
    temperature: temperatureOption,
    count: countOption(8, 1, 'how many columns each row names'),
  },
  output: 'perRow',
  element: 'float32',
  operands: [tokens],
  bound: { maxUlp: 4, measuredUlp: 1.6, absolute: 0, tiny: 'subnormal' },
  oracle: oracle.setProbability,
  papers: ['ask-llm-density'],
  source: 'Sachdeva et al., How to Train Data-Efficient LLMs, 2024',
  docs: 'docs/scores.md',
});
