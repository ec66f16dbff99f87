import { define } from './define';
import type { NumberRule } from './operator';
import * as oracle from './oracle/norm';
import { FORMATS, Spec } from './spec';
import type { FloatCall, RowOptions } from './types';

/** What the normalisations take. */
export interface NormOptions extends RowOptions {
  /** Added to the mean of squares before the root; from 0 to 2^100 (default 1e-5). */
  readonly epsilon?: number | undefined;
}

const epsilonOption: NumberRule = {
  kind: 'number',
  index: Spec.epsilon,
  default: 1e-5,
  expected: 'a number from 0 to 2^100',
  check: (value) => value >= 0 && value <= 2 ** 100,
  summary: 'added to the mean of squares before the root',
};

/**
 * Each row less its mean, over its standard deviation: (x_i - mean) / sqrt(variance + epsilon), the variance being the
 * mean of the squared deviations (over cols, not cols - 1).
 *
 * Shape: rows x cols in, the same out, as a new Float32Array or the same kind of tensor. `out` may be `x` itself.
 *
 * Special values: a NaN or an infinity of either sign makes its row NaN; a row of equal elements gives zeros,
 * with an epsilon of 0 too; an empty row gives nothing. Results below 2^-126 round to subnormals. No finite row overflows.
 *
 * Error: at most 4 ULP, or 1e-11 absolute where that is larger (elements that nearly are the mean), whatever the offset
 * of the row; largest measured 3 ULP.
 *
 * Source: Ba, Kiros and Hinton, Layer Normalization, 2016.
 *
 * @param x - a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `out`, `epsilon`, `threads`, `isa`
 * @returns normalised rows, in the order of x
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { layerNorm } from 'softlane';
 * console.log(layerNorm(Float32Array.of(1, 2, 3, 10, 20, 30), { cols: 3 })); // -1.22, 0, 1.22, -1.22, 0, 1.22
 * ```
 */
export const layerNorm = define<FloatCall<NormOptions>>({
  name: 'layerNorm',
  cli: 'layer-norm',
  family: 'norm',
  driver: 'reduce-map',
  summary: 'the row less its mean, over the root of its variance + epsilon',
  formats: FORMATS,
  options: { epsilon: epsilonOption },
  output: 'rows',
  element: 'float32',
  bound: { maxUlp: 4, measuredUlp: 3, absolute: 1e-11, tiny: 'subnormal' },
  oracle: oracle.layerNorm,
  papers: ['layer-norm'],
  source: 'Ba, Kiros and Hinton, Layer Normalization, 2016',
  docs: 'docs/norm.md',
});

/**
 * Each row over its root mean square: x_i / sqrt(mean of x_j^2 + epsilon).
 *
 * Shape: rows x cols in, the same out, as a new Float32Array or the same kind of tensor. `out` may be `x` itself.
 *
 * Special values: a NaN or an infinity of either sign makes its row NaN; a row of equal elements gives 1 or -1, a row of zeros zeros,
 * with an epsilon of 0 too; an empty row gives nothing. Results below 2^-126 round to subnormals. No finite row overflows.
 *
 * Error: at most 3 ULP; largest measured 2 ULP.
 *
 * Source: Zhang and Sennrich, Root Mean Square Layer Normalization, 2019.
 *
 * @param x - a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `out`, `epsilon`, `threads`, `isa`
 * @returns normalised rows, in the order of x
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { rmsNorm } from 'softlane';
 * console.log(rmsNorm(Float32Array.of(3, -4, 0, 0))); // 1.20, -1.60, 0, 0
 * ```
 */
export const rmsNorm = define<FloatCall<NormOptions>>({
  name: 'rmsNorm',
  cli: 'rms-norm',
  family: 'norm',
  driver: 'reduce-map',
  summary: 'the row over the root of its mean square + epsilon',
  formats: FORMATS,
  options: { epsilon: epsilonOption },
  output: 'rows',
  element: 'float32',
  bound: { maxUlp: 3, measuredUlp: 2, absolute: 0, tiny: 'subnormal' },
  oracle: oracle.rmsNorm,
  papers: ['rms-norm'],
  source: 'Zhang and Sennrich, Root Mean Square Layer Normalization, 2019',
  docs: 'docs/norm.md',
});
