import { define } from './define';
import type { InputOperand } from './operator';
import * as oracle from './oracle/pooling';
import { FORMATS } from './spec';
import type { CallOptions, FloatCall, Int32Output } from './types';

export type SoftPoolOptions = CallOptions;

export interface MaskInputs {
  /** Which positions count: 0 for those that do not. One row for all rows that lie side by side (docs/axes.md). */
  readonly mask?: Int32Output | undefined;
}

export interface SpladeOptions extends CallOptions, MaskInputs {
  /** A mask is about positions, of which windows would have other ones. */
  readonly window?: undefined;
}

const mask: InputOperand = {
  role: 'input',
  name: 'mask',
  element: 'int32',
  extent: 'perSlab',
  optional: true,
  summary: '0 for the positions that do not count',
  example: ({ length }) => Int32Array.from({ length }, (_, i) => (i % 5 === 3 ? 0 : i + 1)),
};

/**
 * One number per row: the mean of the row with its own exponentials as weights, sum x_i e^x_i / sum e^x_i. It lies between
 * the mean and the maximum: the Boltzmann operator of temperature 1. With `window`, SoftPool over one or two
 * dimensions of a tensor.
 *
 * Shape: rows x cols in, [rows] out, as a new Float32Array; a tensor loses its last dimension, or, with `window`, has
 * as many elements in each of the dimensions under it as there are windows.
 *
 * Special values: -Infinity has no weight; where there is nothing else, and for an empty row, the result is -Infinity.
 * +Infinity outweighs everything and is the result; a NaN makes its row NaN. Padding is as -Infinity. No finite row
 * overflows, and no zero has a sign. Results below 2^-126 round to subnormals.
 *
 * Error: at most 4 ULP, or 1e-12 absolute where that is larger (rows whose terms cancel); largest measured 1.3 ULP.
 *
 * Source: Stergiou, Poppe and Kalliatakis, Refining Activation Downsampling with SoftPool, 2021; Asadi and Littman, An
 * Alternative Softmax Operator for Reinforcement Learning, 2017.
 *
 * @param x - activations: a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `window`, `out`, `threads`, `isa`
 * @returns one number per row
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { softPool } from 'softlane';
 * console.log(softPool(Float32Array.of(1, 2, 3))); // 2.58
 * const image = { data: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), dims: [1, 1, 2, 4] };
 * console.log(softPool(image, { window: { kernel: [2, 2] } }).data); // 5.66, 7.66
 * ```
 */
export const softPool = define<FloatCall<SoftPoolOptions>>({
  name: 'softPool',
  cli: 'soft-pool',
  family: 'pooling',
  driver: 'reduce',
  summary: 'the mean of the row with weights exp(x), over windows too',
  formats: FORMATS,
  options: {},
  output: 'perRow',
  element: 'float32',
  bound: { maxUlp: 4, measuredUlp: 1.3, absolute: 1e-12, tiny: 'subnormal' },
  oracle: oracle.softPool,
  papers: ['soft-pool'],
  source:
    'Stergiou, Poppe and Kalliatakis, Refining Activation Downsampling with SoftPool, 2021; Asadi and Littman, An Alternative Softmax Operator for Reinforcement Learning, 2017',
  docs: 'docs/pooling.md',
});

/**
 * One number per row, the weight of a word in a text: the largest ln(1 + max(0, x_i)) over the positions i that `mask`
 * leaves. Logits of a masked language model are [texts, positions, words]: the rows run along axis 1.
 *
 * Shape: rows x cols in, [rows] out, as a new Float32Array; a tensor loses the dimension of the positions. `mask` has
 * [texts, positions], the dims of x without what comes after the axis.
 *
 * Special values: nothing above 0, nothing that the mask leaves, and an empty row give 0. +Infinity gives +Infinity; a
 * NaN that the mask leaves makes its row NaN. Results below 2^-126 round to subnormals.
 *
 * Error: at most 1 ULP; largest measured 0.5 ULP.
 *
 * Source: Formal, Lassance, Piwowarski and Clinchant, SPLADE v2: Sparse Lexical and Expansion Model for Information
 * Retrieval, 2021.
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `mask`, `out`, `threads`, `isa`
 * @returns weights, at least 0, one per row
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { spladeMax } from 'softlane';
 * const logits = Float32Array.of(1, -1, 0, 2, 5, 5, 0, 0); // one text, four positions, two words
 * const mask = Int32Array.of(1, 1, 0, 0);
 * console.log(spladeMax(logits, { dims: [1, 4, 2], axis: 1, mask })); // 0.693, 1.1
 * ```
 */
export const spladeMax = define<FloatCall<SpladeOptions, MaskInputs>>({
  name: 'spladeMax',
  cli: 'splade-max',
  family: 'pooling',
  driver: 'reduce',
  summary: 'largest ln(1 + max(0, x)) of the positions that a mask leaves',
  formats: FORMATS,
  options: {},
  operands: [mask],
  output: 'perRow',
  element: 'float32',
  bound: { maxUlp: 1, measuredUlp: 0.5, absolute: 0, tiny: 'subnormal' },
  oracle: oracle.spladeMax,
  papers: ['splade-v2'],
  source:
    'Formal, Lassance, Piwowarski and Clinchant, SPLADE v2: Sparse Lexical and Expansion Model for Information Retrieval, 2021',
  docs: 'docs/pooling.md',
});

/**
 * One number per row, the weight of a word in a text as the first SPLADE has it: the sum of ln(1 + max(0, x_i)) over the
 * positions i that `mask` leaves. The rows run along axis 1 of [texts, positions, words].
 *
 * Shape: rows x cols in, [rows] out, as a new Float32Array; a tensor loses the dimension of the positions. `mask` has
 * [texts, positions], the dims of x without what comes after the axis.
 *
 * Special values: nothing above 0, nothing that the mask leaves, and an empty row give 0. +Infinity gives +Infinity; a
 * NaN that the mask leaves makes its row NaN. Results below 2^-126 round to subnormals.
 *
 * Error: at most 3 ULP; largest measured 1.6 ULP.
 *
 * Source: Formal, Piwowarski and Clinchant, SPLADE: Sparse Lexical and Expansion Model for First Stage Ranking, 2021.
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `mask`, `out`, `threads`, `isa`
 * @returns weights, at least 0, one per row
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { spladeSum } from 'softlane';
 * const logits = Float32Array.of(1, -1, 0, 2, 5, 5, 0, 0); // one text, four positions, two words
 * const mask = Int32Array.of(1, 1, 1, 0);
 * console.log(spladeSum(logits, { dims: [1, 4, 2], axis: 1, mask })); // 2.48, 2.89
 * ```
 */
export const spladeSum = define<FloatCall<SpladeOptions, MaskInputs>>({
  name: 'spladeSum',
  cli: 'splade-sum',
  family: 'pooling',
  driver: 'reduce',
  summary: 'sum of ln(1 + max(0, x)) over the positions that a mask leaves',
  formats: FORMATS,
  options: {},
  operands: [mask],
  output: 'perRow',
  element: 'float32',
  bound: { maxUlp: 3, measuredUlp: 1.6, absolute: 0, tiny: 'subnormal' },
  oracle: oracle.spladeSum,
  papers: ['splade-v1'],
  source:
    'Formal, Piwowarski and Clinchant, SPLADE: Sparse Lexical and Expansion Model for First Stage Ranking, 2021',
  docs: 'docs/pooling.md',
});
