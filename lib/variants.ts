import { define } from './define';
import { maskedRowOption } from './operator';
import * as oracle from './oracle/variants';
import { FORMATS } from './spec';
import type { FloatCall, RowOptions } from './types';

/** What the variants of softmax take. */
export interface VariantOptions extends RowOptions {
  /** Result of a row that is all -Infinity: 'nan' (default) or 'zero'. */
  readonly maskedRow?: 'nan' | 'zero' | undefined;
}

/**
 * Probabilities of each row without an exponential: s(x_i) / sum_j s(x_j), s(x) = x + 1 for x >= 0 and 1 / (1 - x) below.
 *
 * Shape: rows x cols in, the same out, as a new Float32Array or the same kind of tensor. `out` may be `x` itself.
 *
 * Special values: -Infinity is masked and gives exactly 0; a row of only -Infinity gives NaN, or zeros with
 * `maskedRow: 'zero'`; a NaN or +Infinity makes its row NaN; an empty row gives nothing. Results below 2^-126 round to
 * subnormals. No finite row overflows.
 *
 * Error: at most 4 ULP; largest measured 2.8 ULP.
 *
 * Source: Prieto, Barsbey, Mediano and Birdal, Grokking at the Edge of Numerical Stability, 2025.
 *
 * @param x - scores: a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `out`, `maskedRow`, `threads`, `isa`
 * @returns probabilities between 0 and 1, in the order of x
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { stableMax } from 'softlane';
 * console.log(stableMax(Float32Array.of(-1, 0, 2.5))); // 0.10, 0.20, 0.70
 * ```
 */
export const stableMax = define<FloatCall<VariantOptions>>({
  name: 'stableMax',
  cli: 'stablemax',
  family: 'variants',
  driver: 'reduce-map',
  summary: 's(x) over its sum, s(x) = x + 1 or, below 0, 1 / (1 - x)',
  formats: FORMATS,
  options: { maskedRow: maskedRowOption },
  output: 'rows',
  element: 'float32',
  bound: { maxUlp: 4, measuredUlp: 2.8, absolute: 0, tiny: 'subnormal' },
  oracle: oracle.stableMax,
  papers: ['stablemax'],
  source: 'Prieto, Barsbey, Mediano and Birdal, Grokking at the Edge of Numerical Stability, 2025',
  docs: 'docs/variants.md',
});

/**
 * The point of the probability simplex that is nearest to each row: max(0, x_i - tau), tau such that the results add up to
 * 1. Elements far enough below the largest are exactly 0.
 *
 * Shape: rows x cols in, the same out, as a new Float32Array or the same kind of tensor. `out` may be `x` itself.
 *
 * Special values: -Infinity is masked and gives exactly 0; a row of only -Infinity gives NaN, or zeros with
 * `maskedRow: 'zero'`; a NaN or +Infinity makes its row NaN; an empty row gives nothing. Exact zeros are +0.
 *
 * Error: at most 1 ULP, or 1e-14 absolute where that is larger (elements just above tau), whatever the offset of the row;
 * largest measured 0.6 ULP.
 *
 * Source: Martins and Astudillo, From Softmax to Sparsemax, 2016.
 *
 * @param x - scores: a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `out`, `maskedRow`, `threads`, `isa`
 * @returns probabilities between 0 and 1, in the order of x
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { sparsemax } from 'softlane';
 * console.log(sparsemax(Float32Array.of(1, 0.5, -1))); // 0.75, 0.25, 0
 * ```
 */
export const sparsemax = define<FloatCall<VariantOptions>>({
  name: 'sparsemax',
  cli: 'sparsemax',
  family: 'variants',
  driver: 'reduce-map',
  summary: 'projection of the row on the simplex, max(0, x - tau)',
  formats: FORMATS,
  options: { maskedRow: maskedRowOption },
  output: 'rows',
  element: 'float32',
  bound: { maxUlp: 1, measuredUlp: 0.6, absolute: 1e-14, tiny: 'subnormal' },
  oracle: oracle.sparsemax,
  papers: ['sparsemax'],
  source: 'Martins and Astudillo, From Softmax to Sparsemax, 2016',
  docs: 'docs/variants.md',
});

/**
 * Entmax with alpha = 1.5, between softmax and sparsemax: max(0, x_i / 2 - tau)^2, tau such that the results add up to
 * 1.
 *
 * Shape: rows x cols in, the same out, as a new Float32Array or the same kind of tensor. `out` may be `x` itself.
 *
 * Special values: -Infinity is masked and gives exactly 0; a row of only -Infinity gives NaN, or zeros with
 * `maskedRow: 'zero'`; a NaN or +Infinity makes its row NaN; an empty row gives nothing. Exact zeros are +0.
 *
 * Error: at most 1 ULP, or 1e-14 absolute where that is larger (elements just above the threshold), whatever the offset
 * of the row; largest measured 0.6 ULP.
 *
 * Source: Peters, Niculae and Martins, Sparse Sequence-to-Sequence Models, 2019.
 *
 * @param x - scores: a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `out`, `maskedRow`, `threads`, `isa`
 * @returns probabilities between 0 and 1, in the order of x
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { entmax15 } from 'softlane';
 * console.log(entmax15(Float32Array.of(1, 0, -3))); // 0.83, 0.17, 0
 * ```
 */
export const entmax15 = define<FloatCall<VariantOptions>>({
  name: 'entmax15',
  cli: 'entmax15',
  family: 'variants',
  driver: 'reduce-map',
  summary: 'entmax of alpha 1.5, max(0, x / 2 - tau)²',
  formats: FORMATS,
  options: { maskedRow: maskedRowOption },
  output: 'rows',
  element: 'float32',
  bound: { maxUlp: 1, measuredUlp: 0.6, absolute: 1e-14, tiny: 'subnormal' },
  oracle: oracle.entmax15,
  papers: ['entmax'],
  source: 'Peters, Niculae and Martins, Sparse Sequence-to-Sequence Models, 2019',
  docs: 'docs/variants.md',
});
