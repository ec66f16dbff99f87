import { define } from './define';
import { maskedRowOption } from './operator';
import type { ChoiceRule, NumberRule } from './operator';
import * as oracle from './oracle/variants';
import { FORMATS, Spec } from './spec';
import type { CallOptions, FloatCall, RowOptions, RowCall } from './types';

/** What the variants of softmax take. */
export interface VariantOptions extends RowOptions {
  /** Result of a row that is all -Infinity: 'nan' (default) or 'zero'. */
  readonly maskedRow?: 'nan' | 'zero' | undefined;
}

/** What `softpick` takes. */
export interface SoftpickOptions extends RowOptions {
  /** Added to the sum, relative to exp(max x); from 0 to 1 (default 1e-8). */
  readonly epsilon?: number | undefined;
}
/** What `selfAdjustSoftmax` takes. */
export interface SelfAdjustOptions extends VariantOptions {
  /** The factor is x brought to [0, 1], instead of x (default false). */
  readonly normalised?: boolean | undefined;
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
 * Error: at most 4 ULP; largest measured 3.4 ULP.
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
export const stableMax = define<RowCall<VariantOptions>>({
  name: 'stableMax',
  cli: 'stablemax',
  family: 'variants',
  driver: 'reduce-map',
  summary: 's(x) over its sum, s(x) = x + 1 or, below 0, 1 / (1 - x)',
  formats: FORMATS,
  options: { maskedRow: maskedRowOption },
  output: 'rows',
  element: 'float32',
  bound: { maxUlp: 4, measuredUlp: 3.4, absolute: 0, tiny: 'subnormal' },
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
export const sparsemax = define<RowCall<VariantOptions>>({
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
export const entmax15 = define<RowCall<VariantOptions>>({
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

/**
 * The threshold of `sparsemax` for each row: tau such that the sum of max(0, x_i - tau) is 1. The elements above it are those
 * that sparsemax does not make 0.
 *
 * Shape: rows x cols in, [rows] out, as a new Float32Array or the same kind of tensor without its last dimension.
 *
 * Special values: -Infinity is masked; a row of only -Infinity, an empty one, and one with a NaN or +Infinity give NaN.
 * For rows with elements of 2^24 and more, tau is the largest element less what a float32 does not tell from it.
 *
 * Error: at most 1 ULP, or 1e-14 absolute where that is larger (near 0); largest measured 0.6 ULP.
 *
 * Source: Martins and Astudillo, From Softmax to Sparsemax, 2016.
 *
 * @param x - scores: a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `out`, `threads`, `isa`
 * @returns one number a row, below its largest element by 1 at most
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { sparsemaxThreshold } from 'softlane';
 * console.log(sparsemaxThreshold(Float32Array.of(1, 0.5, -1))); // 0.25
 * ```
 */
export const sparsemaxThreshold = define<FloatCall<CallOptions>>({
  name: 'sparsemaxThreshold',
  cli: 'sparsemax-threshold',
  family: 'variants',
  driver: 'reduce',
  summary: 'tau of sparsemax, above which elements are not 0',
  formats: FORMATS,
  options: {},
  output: 'perRow',
  element: 'float32',
  bound: { maxUlp: 1, measuredUlp: 0.6, absolute: 1e-14, tiny: 'subnormal' },
  oracle: oracle.sparsemaxThreshold,
  papers: ['sparsemax'],
  source: 'Martins and Astudillo, From Softmax to Sparsemax, 2016',
  docs: 'docs/variants.md',
});

/**
 * The threshold of `entmax15` for each row: tau such that the sum of max(0, x_i / 2 - tau)^2 is 1. The elements above 2 tau are
 * those that entmax15 does not make 0.
 *
 * Shape: rows x cols in, [rows] out, as a new Float32Array or the same kind of tensor without its last dimension.
 *
 * Special values: -Infinity is masked; a row of only -Infinity, an empty one, and one with a NaN or +Infinity give NaN.
 *
 * Error: at most 1 ULP, or 1e-14 absolute where that is larger (near 0); largest measured 0.6 ULP.
 *
 * Source: Peters, Niculae and Martins, Sparse Sequence-to-Sequence Models, 2019.
 *
 * @param x - scores: a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `out`, `threads`, `isa`
 * @returns one number a row, below half of its largest element by 1 at most
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { entmax15Threshold } from 'softlane';
 * console.log(entmax15Threshold(Float32Array.of(1, 0, -3))); // -0.411
 * ```
 */
export const entmax15Threshold = define<FloatCall<CallOptions>>({
  name: 'entmax15Threshold',
  cli: 'entmax15-threshold',
  family: 'variants',
  driver: 'reduce',
  summary: 'tau of entmax15, above twice which elements are not 0',
  formats: FORMATS,
  options: {},
  output: 'perRow',
  element: 'float32',
  bound: { maxUlp: 1, measuredUlp: 0.6, absolute: 1e-14, tiny: 'subnormal' },
  oracle: oracle.entmax15Threshold,
  papers: ['entmax'],
  source: 'Peters, Niculae and Martins, Sparse Sequence-to-Sequence Models, 2019',
  docs: 'docs/variants.md',
});

const pickEpsilonOption: NumberRule = {
  kind: 'number',
  index: Spec.epsilon,
  default: 1e-8,
  expected: 'a number from 0 to 1',
  check: (value) => value >= 0 && value <= 1,
  summary: 'added to the sum, relative to exp(max x)',
};

/**
 * The rectified softmax of each row: max(0, exp(x_i) - 1) / (sum_j |exp(x_j) - 1| + epsilon exp(m)), m being the largest
 * element or 0. Exact zeros where x is not above 0; the sum is at most 1, and 0 where nothing is above 0.
 *
 * Shape: rows x cols in, the same out, as a new Float32Array or the same kind of tensor. `out` may be `x` itself.
 *
 * Special values: -Infinity is masked: it gives 0 and is not in the sum. A row without an element above 0, one of only
 * -Infinity too, gives zeros, with an epsilon of 0 too; a NaN or +Infinity makes its row NaN; an empty row gives
 * nothing. Results below 2^-126 round to subnormals. No finite row overflows.
 *
 * Error: at most 4 ULP, for elements near 0 too; largest measured 3.7 ULP.
 *
 * Source: Zuhri, Fuadi and Aji, Softpick: No Attention Sink, No Massive Activations with Rectified Softmax, 2025.
 *
 * @param x - scores: a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `out`, `epsilon`, `threads`, `isa`
 * @returns weights between 0 and 1, in the order of x
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { softpick } from 'softlane';
 * console.log(softpick(Float32Array.of(-1, 0, 1, 2))); // 0, 0, 0.20, 0.73
 * ```
 */
export const softpick = define<RowCall<SoftpickOptions>>({
  name: 'softpick',
  cli: 'softpick',
  family: 'variants',
  driver: 'reduce-map',
  summary: 'max(0, exp(x) - 1) over epsilon + the sum of the sizes of exp(x) - 1',
  formats: FORMATS,
  options: { epsilon: pickEpsilonOption },
  output: 'rows',
  element: 'float32',
  bound: { maxUlp: 4, measuredUlp: 3.7, absolute: 0, tiny: 'subnormal' },
  oracle: oracle.softpick,
  papers: ['softpick'],
  source:
    'Zuhri, Fuadi and Aji, Softpick: No Attention Sink, No Massive Activations with Rectified Softmax, 2025',
  docs: 'docs/variants.md',
});

const normalisedOption: ChoiceRule = {
  kind: 'choice',
  index: Spec.temperature + 10,
  default: false,
  values: [false, true],
  summary: 'the factor is x brought to [0, 1], instead of x',
};

/**
 * Each element times its softmax, x_i softmax(x)_i; or, with `normalised`, (x_i - l) / (h - l) softmax(x)_i with l =
 * min(0, min x) and h = max(0, max x).
 *
 * Shape: rows x cols in, the same out, as a new Float32Array or the same kind of tensor. `out` may be `x` itself.
 *
 * Special values: -Infinity is masked: it gives 0 and counts in nothing; a row of only -Infinity gives NaN, or zeros with
 * `maskedRow: 'zero'`; a row of zeros gives zeros; a NaN or +Infinity makes its row NaN; an empty row gives nothing.
 * Results of magnitude below 2^-126 are +0. No finite row overflows.
 *
 * Error: at most 6 ULP; largest measured 4.7 ULP.
 *
 * Source: Zheng et al., Self-Adjust Softmax, 2025.
 *
 * @param x - scores: a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `out`, `normalised`, `maskedRow`, `threads`, `isa`
 * @returns weights, in the order of x
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { selfAdjustSoftmax } from 'softlane';
 * console.log(selfAdjustSoftmax(Float32Array.of(-1, 0, 2))); // -0.04, 0, 1.69
 * console.log(selfAdjustSoftmax(Float32Array.of(-1, 0, 2), { normalised: true })); // 0, 0.038, 0.84
 * ```
 */
export const selfAdjustSoftmax = define<RowCall<SelfAdjustOptions>>({
  name: 'selfAdjustSoftmax',
  cli: 'self-adjust-softmax',
  family: 'variants',
  driver: 'reduce-map',
  summary: 'x, or x brought to [0, 1], times its softmax',
  formats: FORMATS,
  options: { normalised: normalisedOption, maskedRow: maskedRowOption },
  output: 'rows',
  element: 'float32',
  bound: { maxUlp: 6, measuredUlp: 4.7, absolute: 0, tiny: 'zero' },
  oracle: oracle.selfAdjustSoftmax,
  papers: ['self-adjust-softmax'],
  source: 'Zheng et al., Self-Adjust Softmax, 2025',
  docs: 'docs/variants.md',
});

/**
 * softmax(b x) of each row, b being a polynomial of the entropy H of softmax(x) where H is above 0.5, and 1 at least:
 * rows that spread are sharpened. b = max(1, -0.037 H^4 + 0.481 H^3 - 2.3 H^2 + 4.917 H - 1.791), H in nats: the fit of
 * the paper.
 *
 * Shape: rows x cols in, the same out, as a new Float32Array or the same kind of tensor. `out` may be `x` itself.
 *
 * Special values: -Infinity is masked and gives exactly 0; a row of only -Infinity gives NaN, or zeros with
 * `maskedRow: 'zero'`; a NaN or +Infinity makes its row NaN; an empty row gives nothing. Results below 2^-126 are +0.
 *
 * Error: at most 4 ULP, the error of b included; largest measured 3.8 ULP.
 *
 * Source: Veličković, Perivolaropoulos, Barbero and Pascanu, softmax is not enough (for sharp out-of-distribution), 2024.
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
 * import { adaptiveTemperatureSoftmax, softmax } from 'softlane';
 * const scores = Float32Array.of(1, 2, 3, 4);
 * console.log(softmax(scores)); // 0.03, 0.09, 0.24, 0.64
 * console.log(adaptiveTemperatureSoftmax(scores)); // 0.02, 0.07, 0.21, 0.70
 * ```
 */
export const adaptiveTemperatureSoftmax = define<RowCall<VariantOptions>>({
  name: 'adaptiveTemperatureSoftmax',
  cli: 'adaptive-temperature-softmax',
  family: 'variants',
  driver: 'reduce-map',
  summary: 'softmax(b x), b a polynomial of the entropy of softmax(x)',
  formats: FORMATS,
  options: { maskedRow: maskedRowOption },
  output: 'rows',
  element: 'float32',
  bound: { maxUlp: 4, measuredUlp: 3.8, absolute: 0, tiny: 'zero' },
  oracle: oracle.adaptiveTemperatureSoftmax,
  papers: ['adaptive-temperature-softmax'],
  source:
    'Veličković, Perivolaropoulos, Barbero and Pascanu, softmax is not enough (for sharp out-of-distribution), 2024',
  docs: 'docs/variants.md',
});
