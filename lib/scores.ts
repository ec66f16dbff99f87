import { define } from './define';
import type { ChoiceRule, NumberRule } from './operator';
import { temperatureOption } from './operator';
import * as oracle from './oracle/scores';
import { FORMATS, Spec } from './spec';
import type { CallOptions, FloatCall } from './types';

/** What the scores of a distribution take. */
export interface ScoreOptions extends CallOptions {
  /** Divides the logits; from 2^-100 to 2^100 (default 1). */
  readonly temperature?: number | undefined;
}

/** What `maxLogit` takes. */
export type MaxLogitOptions = CallOptions;
/** What `maxLogitPNorm` takes. */
export interface MaxLogitPNormOptions extends CallOptions {
  /** The norm: a whole number from 1 to 32 (default 2); to be chosen on validation data. */
  readonly p?: number | undefined;
  /** 'mean' (default): the row's mean is taken off first; 'none': the logits as they are. */
  readonly centre?: 'mean' | 'none' | undefined;
}

const pOption: NumberRule = {
  kind: 'number',
  index: Spec.temperature + 2,
  default: 2,
  expected: 'a whole number from 1 to 32',
  check: (value) => Number.isInteger(value) && value >= 1 && value <= 32,
  summary: 'the norm',
};

const centreOption: ChoiceRule = {
  kind: 'choice',
  index: Spec.temperature + 3,
  default: 'mean',
  values: ['mean', 'none'],
  summary: 'what is taken off the logits first',
};

/**
 * One number per row: the entropy of its softmax in nats, -sum_i p_i ln p_i with p = softmax(x / T).
 *
 * Shape: rows x cols in, [rows] out, as a new Float32Array; a tensor loses its last dimension.
 *
 * Special values: -Infinity counts as absent; one element alone gives 0, n equal ones ln n; an empty row, a row of only
 * -Infinity, one with +Infinity and one with a NaN have no distribution and give NaN.
 *
 * Error: at most 4 ULP, tiny entropies of confident rows included; largest measured 3.1 ULP.
 *
 * Source: Shannon, A Mathematical Theory of Communication, 1948.
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - `cols`, `stride`, `out`, `temperature`, `threads`, `isa`
 * @returns entropies in nats, from 0 to ln cols, one per row
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { entropy } from 'softlane';
 * const logits = Float32Array.of(1, 1, 1, 9, 1, 1);
 * console.log(entropy(logits, { cols: 3 })); // 1.0986 (ln 3), 0.0060
 * ```
 */
export const entropy = define<FloatCall<ScoreOptions>>({
  name: 'entropy',
  cli: 'entropy',
  family: 'scores',
  driver: 'reduce',
  summary: 'entropy of softmax(x / T) in nats',
  formats: FORMATS,
  options: { temperature: temperatureOption },
  output: 'perRow',
  element: 'float32',
  bound: { maxUlp: 4, measuredUlp: 3.1, absolute: 0, tiny: 'subnormal' },
  oracle: oracle.entropy,
  papers: [
    'active-learning-scores',
    'mc-active-learning-scores',
    'pixel-uncertainty',
    'max-softmax-probability',
  ],
  source: 'Shannon, A Mathematical Theory of Communication, 1948',
  docs: 'docs/scores.md',
});

/**
 * One number per row: its largest softmax probability, max_i p_i with p = softmax(x / T). The "maximum softmax
 * probability" baseline for misclassified and out-of-distribution inputs; higher is surer.
 *
 * Shape: rows x cols in, [rows] out, as a new Float32Array; a tensor loses its last dimension.
 *
 * Special values: -Infinity counts as absent; one element alone gives 1, n equal ones 1/n; an empty row, a row of only
 * -Infinity, one with +Infinity and one with a NaN have no distribution and give NaN.
 *
 * Error: at most 4 ULP; largest measured 1.7 ULP.
 *
 * Source: Hendrycks and Gimpel, A Baseline for Detecting Misclassified and Out-of-Distribution Examples in Neural
 * Networks, 2017.
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - `cols`, `stride`, `out`, `temperature`, `threads`, `isa`
 * @returns probabilities, from 1 / cols to 1, one per row
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { maxProbability } from 'softlane';
 * const logits = Float32Array.of(1, 2, 3, 9, 1, 1);
 * console.log(maxProbability(logits, { cols: 3 })); // 0.665, 0.999
 * ```
 */
export const maxProbability = define<FloatCall<ScoreOptions>>({
  name: 'maxProbability',
  cli: 'max-probability',
  family: 'scores',
  driver: 'reduce',
  summary: 'largest probability of softmax(x / T)',
  formats: FORMATS,
  options: { temperature: temperatureOption },
  output: 'perRow',
  element: 'float32',
  bound: { maxUlp: 4, measuredUlp: 1.7, absolute: 0, tiny: 'subnormal' },
  oracle: oracle.maxProbability,
  papers: ['max-softmax-probability'],
  source:
    'Hendrycks and Gimpel, A Baseline for Detecting Misclassified and Out-of-Distribution Examples in Neural Networks, 2017',
  docs: 'docs/scores.md',
});

/**
 * One number per row: what its largest softmax probability lacks to 1, with p = softmax(x / T): 1 - max_i p_i, from the
 * other elements' mass, so that no digits are lost where the row is sure.
 *
 * Shape: rows x cols in, [rows] out, as a new Float32Array; a tensor loses its last dimension.
 *
 * Special values: -Infinity counts as absent; one element alone gives 0; an empty row, a row of only -Infinity, one with
 * +Infinity and one with a NaN have no distribution and give NaN.
 *
 * Error: at most 4 ULP, results near 0 included; largest measured 2 ULP.
 *
 * Source: Lewis and Gale, A Sequential Algorithm for Training Text Classifiers, 1994.
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - `cols`, `stride`, `out`, `temperature`, `threads`, `isa`
 * @returns numbers from 0 to 1 - 1 / cols, one per row
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { leastConfidence } from 'softlane';
 * const logits = Float32Array.of(1, 2, 3, 40, 1, 1);
 * console.log(leastConfidence(logits, { cols: 3 })); // 0.335, 2.3e-17
 * ```
 */
export const leastConfidence = define<FloatCall<ScoreOptions>>({
  name: 'leastConfidence',
  cli: 'least-confidence',
  family: 'scores',
  driver: 'reduce',
  summary: '1 - the largest probability of softmax(x / T)',
  formats: FORMATS,
  options: { temperature: temperatureOption },
  output: 'perRow',
  element: 'float32',
  bound: { maxUlp: 4, measuredUlp: 2, absolute: 0, tiny: 'subnormal' },
  oracle: oracle.leastConfidence,
  papers: ['active-learning-scores', 'mc-active-learning-scores', 'pixel-uncertainty'],
  source: 'Lewis and Gale, A Sequential Algorithm for Training Text Classifiers, 1994',
  docs: 'docs/scores.md',
});

/**
 * One number per row: its largest softmax probability less the second largest, with p = softmax(x / T), without
 * subtracting one from the other. Small where the model wavers between two.
 *
 * Shape: rows x cols in, [rows] out, as a new Float32Array; a tensor loses its last dimension.
 *
 * Special values: -Infinity counts as absent; one element alone gives 1; two equal largest ones give 0; an empty row, a
 * row of only -Infinity, one with +Infinity and one with a NaN have no distribution and give NaN.
 *
 * Error: at most 4 ULP, margins near 0 included; largest measured 1.7 ULP.
 *
 * Source: Scheffer, Decomain and Wrobel, Active Hidden Markov Models for Information Extraction, 2001.
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - `cols`, `stride`, `out`, `temperature`, `threads`, `isa`
 * @returns numbers from 0 to 1, one per row
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { margin } from 'softlane';
 * const logits = Float32Array.of(1, 2, 3, 1, 3, 3);
 * console.log(margin(logits, { cols: 3 })); // 0.42, 0
 * ```
 */
export const margin = define<FloatCall<ScoreOptions>>({
  name: 'margin',
  cli: 'margin',
  family: 'scores',
  driver: 'reduce',
  summary: 'largest less second largest probability of softmax(x / T)',
  formats: FORMATS,
  options: { temperature: temperatureOption },
  output: 'perRow',
  element: 'float32',
  bound: { maxUlp: 4, measuredUlp: 1.7, absolute: 0, tiny: 'subnormal' },
  oracle: oracle.margin,
  papers: ['active-learning-scores', 'mc-active-learning-scores', 'pixel-uncertainty'],
  source:
    'Scheffer, Decomain and Wrobel, Active Hidden Markov Models for Information Extraction, 2001',
  docs: 'docs/scores.md',
});

/**
 * One number per row: its free energy, -T log sum_i exp(x_i / T). Lower is more like what the model was trained on.
 *
 * Shape: rows x cols in, [rows] out, as a new Float32Array; a tensor loses its last dimension.
 *
 * Special values: -Infinity counts as absent; a row of only -Infinity, or an empty one, gives +Infinity; +Infinity gives
 * -Infinity; NaN gives NaN; a zero result is +0.
 *
 * Error: at most 4 ULP, or 1e-15 T absolute where that is more (results that cancel to nearly 0); largest measured 1.8
 * ULP.
 *
 * Source: Liu, Wang, Owens and Li, Energy-based Out-of-distribution Detection, 2020.
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - `cols`, `stride`, `out`, `temperature`, `threads`, `isa`
 * @returns energies, one per row
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { energy } from 'softlane';
 * const logits = Float32Array.of(1, 2, 3, 9, 1, 1);
 * console.log(energy(logits, { cols: 3 })); // -3.41, -9.00
 * ```
 */
export const energy = define<FloatCall<ScoreOptions>>({
  name: 'energy',
  cli: 'energy',
  family: 'scores',
  driver: 'reduce',
  summary: '-T times the logarithm of the sum of exp(x / T)',
  formats: FORMATS,
  options: { temperature: temperatureOption },
  output: 'perRow',
  element: 'float32',
  bound: { maxUlp: 4, measuredUlp: 1.8, absolute: 1e-15, tiny: 'subnormal' },
  oracle: oracle.energy,
  papers: ['energy-score-weat'],
  source: 'Liu, Wang, Owens and Li, Energy-based Out-of-distribution Detection, 2020',
  docs: 'docs/scores.md',
});

/**
 * One number per row: its largest element.
 *
 * Shape: rows x cols in, [rows] out, as a new Float32Array; a tensor loses its last dimension.
 *
 * Special values: -Infinity counts as absent; a row of only -Infinity, or an empty one, gives -Infinity; +Infinity gives
 * +Infinity; NaN gives NaN; a zero result is +0.
 *
 * Error: at most 0 ULP, the result is exact; largest measured 0 ULP.
 *
 * Source: Hendrycks et al., Scaling Out-of-Distribution Detection for Real-World Settings, 2022.
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - `cols`, `stride`, `out`, `threads`, `isa`
 * @returns largest elements, one per row
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { maxLogit } from 'softlane';
 * const logits = Float32Array.of(1, 2, 3, 9, 1, 1);
 * console.log(maxLogit(logits, { cols: 3 })); // 3, 9
 * ```
 */
export const maxLogit = define<FloatCall<MaxLogitOptions>>({
  name: 'maxLogit',
  cli: 'max-logit',
  family: 'scores',
  driver: 'reduce',
  summary: 'largest element of the row',
  formats: FORMATS,
  options: {},
  output: 'perRow',
  element: 'float32',
  bound: { maxUlp: 0, measuredUlp: 0, absolute: 0, tiny: 'subnormal' },
  oracle: oracle.maxLogit,
  papers: [],
  source: 'Hendrycks et al., Scaling Out-of-Distribution Detection for Real-World Settings, 2022',
  docs: 'docs/scores.md',
});

/**
 * One number per row: its largest logit divided by the p-norm of its logits, both less the row's mean. A confidence that
 * does not depend on the scale of the logits. Reads a row twice.
 *
 * Shape: rows x cols in, [rows] out, as a new Float32Array; a tensor loses its last dimension.
 *
 * Special values: -Infinity counts as absent, in the mean too; a row of equal elements, of one above all, gives 0: it
 * prefers nothing; an empty row, a row of only -Infinity, one with +Infinity and one with a NaN give NaN.
 *
 * Error: at most 4 ULP; largest measured 2 ULP.
 *
 * Source: Cattelan and Silva, How to Fix a Broken Confidence Estimator: Evaluating Post-hoc Methods for Selective
 * Classification with Deep Neural Networks, 2024.
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - `cols`, `stride`, `out`, `p`, `centre`, `threads`, `isa`
 * @returns confidences, at most 1, one per row
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { maxLogitPNorm } from 'softlane';
 * const logits = Float32Array.of(1, 2, 3, 9, 1, 1);
 * console.log(maxLogitPNorm(logits, { cols: 3 })); // 0.707, 0.816
 * console.log(maxLogitPNorm(logits, { cols: 3, p: 4, centre: 'none' })); // 0.95, 1.0
 * ```
 */
export const maxLogitPNorm = define<FloatCall<MaxLogitPNormOptions>>({
  name: 'maxLogitPNorm',
  cli: 'max-logit-p-norm',
  family: 'scores',
  driver: 'reduce',
  summary: 'largest logit over the p-norm of the row, both less the mean',
  formats: FORMATS,
  options: { p: pOption, centre: centreOption },
  output: 'perRow',
  element: 'float32',
  bound: { maxUlp: 4, measuredUlp: 2, absolute: 0, tiny: 'subnormal' },
  oracle: oracle.maxLogitPNorm,
  papers: ['max-logit-pnorm'],
  source:
    'Cattelan and Silva, How to Fix a Broken Confidence Estimator: Evaluating Post-hoc Methods for Selective Classification with Deep Neural Networks, 2024',
  docs: 'docs/scores.md',
});
