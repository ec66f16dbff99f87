import { define } from './define';
import type { Bound, NumberRule } from './operator';
import { nanOption, temperatureOption } from './operator';
import * as oracle from './oracle/masks';
import { FORMATS, Spec } from './spec';
import type { RowOptions, RowCall } from './types';

/** What every mask takes. */
export interface MaskOptions extends RowOptions {
  /** A row with a NaN: an error that names the row (default), or 'masked': a NaN counts as -Infinity. */
  readonly nan?: 'throw' | 'masked' | undefined;
}
interface TemperedMaskOptions extends MaskOptions {
  /** Divides the logits of the distribution; from 2^-100 to 2^100 (default 1). The result is not divided. */
  readonly temperature?: number | undefined;
}
/** What `topP` takes. */
export interface TopPOptions extends TemperedMaskOptions {
  /** The probability to keep; greater than 0, at most 1 (default 0.95). */
  readonly p?: number | undefined;
}
/** What `minP` takes. */
export interface MinPOptions extends TemperedMaskOptions {
  /** The least share of the largest probability, from 0 to 1 (default 0.1). */
  readonly p?: number | undefined;
}
/** What `typicalP` takes. */
export type TypicalPOptions = TopPOptions;
/** What `topNSigma` takes. */
export interface TopNSigmaOptions extends MaskOptions {
  /** Standard deviations below the largest, from 0 to 2^100 (default 1). */
  readonly n?: number | undefined;
}
/** What `epsilonCutoff` takes. */
export interface EpsilonCutoffOptions extends TemperedMaskOptions {
  /** The least probability, from 0 to 1 (default 3e-4). */
  readonly epsilon?: number | undefined;
}
/** What `etaCutoff` takes. */
export interface EtaCutoffOptions extends TemperedMaskOptions {
  /** The least probability where the entropy is small, from 0 to 1 (default 3e-4). */
  readonly eta?: number | undefined;
}
/** What `quantileCutoff` takes. */
export interface QuantileCutoffOptions extends MaskOptions {
  /** Which quantile, from 0 to 1 (default 0.5, the median). */
  readonly q?: number | undefined;
}

/** What is kept is the element itself; what lies within rounding of the cut may be on either side of it. */
const bound: Bound = { maxUlp: 0, measuredUlp: 0, absolute: 0, tiny: 'subnormal', cut: true };

/** The number that a cut is made by: the same place in the spec for all of them. */
function limitOption(
  initial: number,
  expected: string,
  check: (value: number) => boolean,
  summary: string,
): NumberRule {
  return {
    kind: 'number',
    index: Spec.temperature + 2,
    default: initial,
    expected,
    check,
    summary,
  };
}

const isProbability = (value: number): boolean => value >= 0 && value <= 1;
const shareOption = limitOption(
  0.95,
  'a number greater than 0, at most 1 (1: all)',
  (value) => value > 0 && value <= 1,
  'the probability to keep',
);

/**
 * Keeps the most likely elements of each row until their probabilities under softmax(x / T) add up to p (nucleus
 * sampling); the others become -Infinity. Among equals the lowest index is kept first, and one element always is.
 *
 * Shape: rows x cols in, the same out, as a new Float32Array or the same kind of tensor. `out` may be `x` itself.
 *
 * Special values: -Infinity is masked, and stays; a row of only -Infinity stays as it is. A row with a NaN throws an error
 * that names it; with `nan: 'masked'` a NaN counts as -Infinity. A +Infinity makes its row NaN. An empty row gives
 * nothing.
 *
 * Error: at most 0 ULP, what is kept is x itself; largest measured 0 ULP. An element nearer to the cut than 1e-6 of the
 * whole may fall on either side of it, on every instruction set the same: the side of the sampler's step `topP`.
 *
 * Source: Holtzman, Buys, Du, Forbes and Choi, The Curious Case of Neural Text Degeneration, 2020.
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `out`, `temperature`, `p`, `nan`, `threads`, `isa`
 * @returns the logits that are kept, in their places, and -Infinity for the others
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { topP } from 'softlane';
 * console.log(topP(Float32Array.of(3, 1, 2, 0), { p: 0.8 })); // 3, -Infinity, 2, -Infinity
 * ```
 */
export const topP = define<RowCall<TopPOptions>>({
  name: 'topP',
  cli: 'top-p',
  family: 'masks',
  driver: 'select',
  summary: 'keeps the most likely until their probabilities add up to p',
  formats: FORMATS,
  options: {
    temperature: temperatureOption,
    p: shareOption,
    nan: nanOption,
  },
  output: 'rows',
  element: 'float32',
  counts: 'int32',
  bound,
  oracle: oracle.topP,
  papers: ['basis-aware-threshold'],
  source: 'Holtzman, Buys, Du, Forbes and Choi, The Curious Case of Neural Text Degeneration, 2020',
  docs: 'docs/selection.md',
});

/**
 * Keeps the elements of each row that have at least p times the largest probability under softmax(x / T); the others
 * become -Infinity. All that equal the largest are kept.
 *
 * Shape: rows x cols in, the same out, as a new Float32Array or the same kind of tensor. `out` may be `x` itself.
 *
 * Special values: -Infinity is masked, and stays; a row of only -Infinity stays as it is. A row with a NaN throws an error
 * that names it; with `nan: 'masked'` a NaN counts as -Infinity. A +Infinity makes its row NaN. An empty row gives
 * nothing.
 *
 * Error: at most 0 ULP, what is kept is x itself; largest measured 0 ULP. An element nearer to the cut than 1e-6 of the
 * whole may fall on either side of it, on every instruction set the same: the side of the sampler's step `minP`.
 *
 * Source: Nguyen et al., Turning Up the Heat: Min-p Sampling for Creative and Coherent LLM Outputs, 2024.
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `out`, `temperature`, `p`, `nan`, `threads`, `isa`
 * @returns the logits that are kept, in their places, and -Infinity for the others
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { minP } from 'softlane';
 * console.log(minP(Float32Array.of(3, 1, 2, 0), { p: 0.2 })); // 3, -Infinity, 2, -Infinity
 * ```
 */
export const minP = define<RowCall<MinPOptions>>({
  name: 'minP',
  cli: 'min-p',
  family: 'masks',
  driver: 'select',
  summary: 'keeps what has at least p times the largest probability',
  formats: FORMATS,
  options: {
    temperature: temperatureOption,
    p: limitOption(
      0.1,
      'a number from 0 to 1 (0: all)',
      isProbability,
      'the least share of the largest probability',
    ),
    nan: nanOption,
  },
  output: 'rows',
  element: 'float32',
  counts: 'int32',
  bound,
  oracle: oracle.minP,
  papers: [],
  source:
    'Nguyen et al., Turning Up the Heat: Min-p Sampling for Creative and Coherent LLM Outputs, 2024',
  docs: 'docs/selection.md',
});

/**
 * Keeps the elements of each row whose surprise -ln p, p = softmax(x / T), is nearest to the entropy of the row, until
 * their probabilities add up to p; the others become -Infinity. Among those that are equally near the lowest index is
 * kept first.
 *
 * Shape: rows x cols in, the same out, as a new Float32Array or the same kind of tensor. `out` may be `x` itself.
 *
 * Special values: -Infinity is masked, and stays; a row of only -Infinity stays as it is. A row with a NaN throws an error
 * that names it; with `nan: 'masked'` a NaN counts as -Infinity. A +Infinity makes its row NaN. An empty row gives
 * nothing.
 *
 * Error: at most 0 ULP, what is kept is x itself; largest measured 0 ULP. An element nearer to the cut than 1e-6 of the
 * whole may fall on either side of it, on every instruction set the same: the side of the sampler's step `typicalP`.
 *
 * Source: Meister, Pimentel, Wiher and Cotterell, Locally Typical Sampling, 2023.
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `out`, `temperature`, `p`, `nan`, `threads`, `isa`
 * @returns the logits that are kept, in their places, and -Infinity for the others
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { typicalP } from 'softlane';
 * console.log(typicalP(Float32Array.of(3, 1, 2, 0), { p: 0.2 })); // -Infinity, -Infinity, 2, -Infinity
 * ```
 */
export const typicalP = define<RowCall<TypicalPOptions>>({
  name: 'typicalP',
  cli: 'typical-p',
  family: 'masks',
  driver: 'select',
  summary: 'keeps those whose surprise is nearest to the entropy until they add up to p',
  formats: FORMATS,
  options: {
    temperature: temperatureOption,
    p: shareOption,
    nan: nanOption,
  },
  output: 'rows',
  element: 'float32',
  counts: 'int32',
  bound,
  oracle: oracle.typicalP,
  papers: [],
  source: 'Meister, Pimentel, Wiher and Cotterell, Locally Typical Sampling, 2023',
  docs: 'docs/selection.md',
});

/**
 * Keeps the elements of each row that are at least the largest less n standard deviations (of those that are not masked,
 * with one degree of freedom less than they are); the others become -Infinity. No temperature changes what is kept.
 *
 * Shape: rows x cols in, the same out, as a new Float32Array or the same kind of tensor. `out` may be `x` itself.
 *
 * Special values: -Infinity is masked, and stays; a row of only -Infinity stays as it is. A row with a NaN throws an error
 * that names it; with `nan: 'masked'` a NaN counts as -Infinity. A +Infinity makes its row NaN. An empty row gives
 * nothing.
 *
 * Error: at most 0 ULP, what is kept is x itself; largest measured 0 ULP. An element nearer to the cut than 1e-6 of the
 * whole may fall on either side of it, on every instruction set the same: the side of the sampler's step `topNSigma`.
 *
 * Source: Tang et al., Top-nσ: Not All Logits Are You Need, 2024.
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `out`, `n`, `nan`, `threads`, `isa`
 * @returns the logits that are kept, in their places, and -Infinity for the others
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { topNSigma } from 'softlane';
 * console.log(topNSigma(Float32Array.of(9, 1, 8.5, 0))); // 9, -Infinity, 8.5, -Infinity
 * ```
 */
export const topNSigma = define<RowCall<TopNSigmaOptions>>({
  name: 'topNSigma',
  cli: 'top-n-sigma',
  family: 'masks',
  driver: 'select',
  summary: 'keeps what is at least the largest less n standard deviations',
  formats: FORMATS,
  options: {
    n: limitOption(
      1,
      'a number from 0 to 2^100',
      (value) => value >= 0 && value <= 2 ** 100,
      'standard deviations below the largest',
    ),
    nan: nanOption,
  },
  output: 'rows',
  element: 'float32',
  counts: 'int32',
  bound,
  oracle: oracle.topNSigma,
  papers: ['top-n-sigma'],
  source: 'Tang et al., Top-nσ: Not All Logits Are You Need, 2024',
  docs: 'docs/selection.md',
});

/**
 * Keeps the elements of each row with at least the probability epsilon under softmax(x / T), and the first of the most
 * likely; the others become -Infinity.
 *
 * Shape: rows x cols in, the same out, as a new Float32Array or the same kind of tensor. `out` may be `x` itself.
 *
 * Special values: -Infinity is masked, and stays; a row of only -Infinity stays as it is. A row with a NaN throws an error
 * that names it; with `nan: 'masked'` a NaN counts as -Infinity. A +Infinity makes its row NaN. An empty row gives
 * nothing.
 *
 * Error: at most 0 ULP, what is kept is x itself; largest measured 0 ULP. An element nearer to the cut than 1e-6 of the
 * whole may fall on either side of it, on every instruction set the same: the side of the sampler's step `epsilon`.
 *
 * Source: Hewitt, Manning and Liang, Truncation Sampling as Language Model Desmoothing, 2022.
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `out`, `temperature`, `epsilon`, `nan`, `threads`, `isa`
 * @returns the logits that are kept, in their places, and -Infinity for the others
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { epsilonCutoff } from 'softlane';
 * console.log(epsilonCutoff(Float32Array.of(3, 1, 2, 0), { epsilon: 0.1 })); // 3, -Infinity, 2, -Infinity
 * ```
 */
export const epsilonCutoff = define<RowCall<EpsilonCutoffOptions>>({
  name: 'epsilonCutoff',
  cli: 'epsilon-cutoff',
  family: 'masks',
  driver: 'select',
  summary: 'keeps what has at least the probability epsilon',
  formats: FORMATS,
  options: {
    temperature: temperatureOption,
    epsilon: limitOption(
      3e-4,
      'a number from 0 to 1 (0: all)',
      isProbability,
      'the least probability',
    ),
    nan: nanOption,
  },
  output: 'rows',
  element: 'float32',
  counts: 'int32',
  bound,
  oracle: oracle.epsilonCutoff,
  papers: ['basis-aware-threshold'],
  source: 'Hewitt, Manning and Liang, Truncation Sampling as Language Model Desmoothing, 2022',
  docs: 'docs/selection.md',
});

/**
 * Keeps the elements of each row with at least the probability min(eta, sqrt(eta) e^-H) under softmax(x / T), H its
 * entropy, and the first of the most likely; the others become -Infinity.
 *
 * Shape: rows x cols in, the same out, as a new Float32Array or the same kind of tensor. `out` may be `x` itself.
 *
 * Special values: -Infinity is masked, and stays; a row of only -Infinity stays as it is. A row with a NaN throws an error
 * that names it; with `nan: 'masked'` a NaN counts as -Infinity. A +Infinity makes its row NaN. An empty row gives
 * nothing.
 *
 * Error: at most 0 ULP, what is kept is x itself; largest measured 0 ULP. An element nearer to the cut than 1e-6 of the
 * whole may fall on either side of it, on every instruction set the same: the side of the sampler's step `eta`.
 *
 * Source: Hewitt, Manning and Liang, Truncation Sampling as Language Model Desmoothing, 2022.
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `out`, `temperature`, `eta`, `nan`, `threads`, `isa`
 * @returns the logits that are kept, in their places, and -Infinity for the others
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { etaCutoff } from 'softlane';
 * console.log(etaCutoff(Float32Array.of(3, 1, 2, 0), { eta: 0.1 })); // 3, -Infinity, 2, -Infinity
 * ```
 */
export const etaCutoff = define<RowCall<EtaCutoffOptions>>({
  name: 'etaCutoff',
  cli: 'eta-cutoff',
  family: 'masks',
  driver: 'select',
  summary: 'keeps what has at least the probability min(eta, sqrt(eta) e^-H), H the entropy',
  formats: FORMATS,
  options: {
    temperature: temperatureOption,
    eta: limitOption(
      3e-4,
      'a number from 0 to 1 (0: all)',
      isProbability,
      'the least probability where the entropy is small',
    ),
    nan: nanOption,
  },
  output: 'rows',
  element: 'float32',
  counts: 'int32',
  bound,
  oracle: oracle.etaCutoff,
  papers: ['basis-aware-threshold'],
  source: 'Hewitt, Manning and Liang, Truncation Sampling as Language Model Desmoothing, 2022',
  docs: 'docs/selection.md',
});

/**
 * Keeps the elements of each row that are not below its q-quantile (of those that are not masked, between two of them by
 * a straight line): of m in ascending order the one at ceil(q (m - 1)), counted from 0, and what is not less. The others
 * become -Infinity.
 *
 * Shape: rows x cols in, the same out, as a new Float32Array or the same kind of tensor. `out` may be `x` itself.
 *
 * Special values: -Infinity is masked, and stays; a row of only -Infinity stays as it is. A row with a NaN throws an error
 * that names it; with `nan: 'masked'` a NaN counts as -Infinity. A +Infinity is the
 * largest. An empty row gives nothing.
 *
 * Error: at most 0 ULP, the result is exact; largest measured 0 ULP.
 *
 * Source: Hyndman and Fan, Sample Quantiles in Statistical Packages, 1996 (definition 7).
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `out`, `q`, `nan`, `threads`, `isa`
 * @returns the logits that are kept, in their places, and -Infinity for the others
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { quantileCutoff } from 'softlane';
 * console.log(quantileCutoff(Float32Array.of(3, 1, 2, 0), { q: 0.5 })); // 3, -Infinity, 2, -Infinity
 * ```
 */
export const quantileCutoff = define<RowCall<QuantileCutoffOptions>>({
  name: 'quantileCutoff',
  cli: 'quantile-cutoff',
  family: 'masks',
  driver: 'select',
  summary: 'keeps what is not below the q-quantile of the row',
  formats: FORMATS,
  options: {
    q: limitOption(0.5, 'a number from 0 to 1', isProbability, 'which quantile'),
    nan: nanOption,
  },
  output: 'rows',
  element: 'float32',
  bound,
  oracle: oracle.quantileCutoff,
  papers: [],
  source: 'Hyndman and Fan, Sample Quantiles in Statistical Packages, 1996 (definition 7)',
  docs: 'docs/selection.md',
});
