import { define } from './define';
import type { NumberRule } from './operator';
import { numberOption, temperatureOption } from './operator';
import * as oracle from './oracle/loss';
import { FORMATS, Spec } from './spec';
import type { TargetInputs } from './targets';
import { targetsOperand } from './targets';
import type { CallOptions, FloatCall, LogitOptions } from './types';

/** What `crossEntropy` takes. */
export interface CrossEntropyOptions extends LogitOptions, TargetInputs {
  /** The share of the target's weight that is spread over all columns that are not masked, from 0 to 1 (default 0). */
  readonly labelSmoothing?: number | undefined;
  /** What the target's logit is lowered by before anything else, from -1024 to 1024 (default 0). */
  readonly margin?: number | undefined;
}
/** What `focalLoss` takes. */
export interface FocalLossOptions extends LogitOptions, TargetInputs {
  /** The power of 1 - p, from 0 to 16 (default 2). */
  readonly gamma?: number | undefined;
}
/** What `compSumLoss` takes. */
export interface CompSumLossOptions extends LogitOptions, TargetInputs {
  /** From 0 to 2 (default 1, the cross-entropy). */
  readonly tau?: number | undefined;
}
/** What `el2n` takes. */
export interface El2nOptions extends LogitOptions, TargetInputs {}
/** What `zScoreLoss` takes. */
export interface ZScoreLossOptions extends CallOptions, TargetInputs {
  /** How sharp the bend is, from 1/1024 to 1024 (default 1). */
  readonly sharpness?: number | undefined;
  /** Where the bend is, in standard deviations above the mean, from -1024 to 1024 (default 0). */
  readonly threshold?: number | undefined;
}
/** What `zLoss` takes. */
export interface ZLossOptions extends LogitOptions {
  /** What the square is multiplied by; greater than 0, to 2^100 (default 1). */
  readonly coefficient?: number | undefined;
}
const coefficientOption: NumberRule = {
  kind: 'number',
  index: Spec.temperature + 8,
  default: 1,
  expected: 'a number greater than 0, to 2^100',
  check: (value) => value > 0 && value <= 2 ** 100,
  summary: 'what the square is multiplied by',
};

const targets = targetsOperand(false);

/**
 * One number per row: the cross-entropy of a target, -ln p_y with p = softmax(x / T), with label smoothing a: (1 - a)
 * (-ln p_y) + a times the mean of -ln p over the columns. From log1p of the others' sum: where the target has nearly
 * all of the mass the loss is small and right, not 0 ("softmax collapse"). With a `margin` the target's logit counts as
 * that much less: it has to lie above the others by so much to be as right.
 *
 * Shape: rows x cols in, [rows] out, as a new Float32Array; a tensor loses its last dimension.
 *
 * Special values: a masked column (-Infinity) has no probability: as a target it gives +Infinity, but for a
 * `labelSmoothing` of 1, which leaves the target out. A row with a NaN or a +Infinity, and one without a column that is
 * not masked, has no distribution and gives NaN. A target that is no index of a column throws, with its row in the error;
 * a row without columns gives NaN.
 *
 * Error: at most 4 ULP, losses near 0 included; largest measured 1.5 ULP.
 *
 * Source: Szegedy et al., Rethinking the Inception Architecture for Computer Vision, 2016; Müller, Kornblith and
 * Hinton, When Does Label Smoothing Help?, 2019. The margin: Wang, Cheng, Liu and Liu, Additive Margin Softmax for Face
 * Verification, 2018; Zhu, Ying and Yang, Label Distributionally Robust Losses for Multi-class Classification, 2023.
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - `cols`, `stride`, `out`, `targets`, `temperature`, `labelSmoothing`, `margin`, `threads`, `isa`
 * @returns losses in nats, at least 0, one per row
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { crossEntropy } from 'softlane';
 * const logits = Float32Array.of(1, 2, 3, 40, 1, 1);
 * const targets = Int32Array.of(1, 0);
 * console.log(crossEntropy(logits, { cols: 3, targets })); // 1.41, 2.3e-17
 * console.log(crossEntropy(logits, { cols: 3, targets, labelSmoothing: 0.1 })); // 1.41, 2.6
 * console.log(crossEntropy(logits, { cols: 3, targets, margin: 35 })); // 36.1, 0.036
 * ```
 */
export const crossEntropy = define<FloatCall<CrossEntropyOptions, TargetInputs>>({
  name: 'crossEntropy',
  cli: null,
  family: 'loss',
  driver: 'reduce',
  summary: '-ln p of the target, with label smoothing',
  formats: FORMATS,
  options: {
    temperature: temperatureOption,
    labelSmoothing: numberOption(
      5,
      0,
      [0, 1],
      'the share of the weight that is spread over all columns',
    ),
    margin: numberOption(9, 0, [-1024, 1024], "what the target's logit is lowered by"),
  },
  output: 'perRow',
  element: 'float32',
  operands: [targets],
  bound: { maxUlp: 4, measuredUlp: 1.5, absolute: 0, tiny: 'subnormal' },
  oracle: oracle.crossEntropy,
  papers: [
    'label-smoothing-ce',
    'token-nll-bpc',
    'label-dro-loss',
    'vocab-parallel-ce',
    'class-sharded-softmax-ce',
  ],
  source:
    'Szegedy et al., Rethinking the Inception Architecture for Computer Vision, 2016; Müller, Kornblith and Hinton, When Does Label Smoothing Help?, 2019',
  docs: 'docs/losses.md',
});

/**
 * One number per row: the focal loss of a target, (1 - p_y)^gamma (-ln p_y) with p = softmax(x / T): cross-entropy in
 * which examples that are easy already count for less.
 *
 * Shape: rows x cols in, [rows] out, as a new Float32Array; a tensor loses its last dimension.
 *
 * Special values: a masked column (-Infinity) has no probability: as a target it gives +Infinity. A row with a NaN or a
 * +Infinity, and one without a column that is not masked, has no distribution and gives NaN. A target that is no index
 * of a column throws, with its row in the error; a row without columns gives NaN.
 *
 * Error: at most 40 ULP, 8 for the usual gamma of 2 (the power multiplies the error of 1 - p); largest measured 33.5 ULP.
 *
 * Source: Lin, Goyal, Girshick, He and Dollár, Focal Loss for Dense Object Detection, 2017.
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - `cols`, `stride`, `out`, `targets`, `temperature`, `gamma`, `threads`, `isa`
 * @returns losses, at least 0, one per row
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { focalLoss } from 'softlane';
 * const logits = Float32Array.of(1, 2, 3, 9, 1, 1);
 * console.log(focalLoss(logits, { cols: 3, targets: Int32Array.of(1, 0) })); // 0.80, 3.0e-10
 * ```
 */
export const focalLoss = define<FloatCall<FocalLossOptions, TargetInputs>>({
  name: 'focalLoss',
  cli: null,
  family: 'loss',
  driver: 'reduce',
  summary: 'cross-entropy times (1 - p)^gamma',
  formats: FORMATS,
  options: {
    temperature: temperatureOption,
    gamma: numberOption(6, 2, [0, 16], 'the power of 1 - p'),
  },
  output: 'perRow',
  element: 'float32',
  operands: [targets],
  bound: { maxUlp: 40, measuredUlp: 33.5, absolute: 0, tiny: 'subnormal' },
  oracle: oracle.focalLoss,
  papers: [],
  source: 'Lin, Goyal, Girshick, He and Dollár, Focal Loss for Dense Object Detection, 2017',
  docs: 'docs/losses.md',
});

/**
 * One number per row: the comp-sum loss of a target, ((1 + u)^(1 - tau) - 1) / (1 - tau) with u = 1 / p_y - 1 and p =
 * softmax(x / T). tau = 0 is the sum-exponential loss u, 1 the cross-entropy ln(1 + u), 2 the mean absolute error 1 -
 * p_y, between 1 and 2 the generalised cross-entropy.
 *
 * Shape: rows x cols in, [rows] out, as a new Float32Array; a tensor loses its last dimension.
 *
 * Special values: a masked column (-Infinity) has no probability: as a target it gives +Infinity. A row with a NaN or a
 * +Infinity, and one without a column that is not masked, has no distribution and gives NaN. A target that is no index
 * of a column throws, with its row in the error; a row without columns gives NaN. Results beyond the largest float are
 * +Infinity.
 *
 * Error: at most 4 ULP, losses near 0 included; largest measured 1.5 ULP.
 *
 * Source: Mao, Mohri and Zhong, Cross-Entropy Loss Functions: Theoretical Analysis and Applications, 2023.
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - `cols`, `stride`, `out`, `targets`, `temperature`, `tau`, `threads`, `isa`
 * @returns losses, at least 0, one per row
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { compSumLoss } from 'softlane';
 * const logits = Float32Array.of(1, 2, 3, 9, 1, 1);
 * console.log(compSumLoss(logits, { cols: 3, targets: Int32Array.of(1, 0), tau: 2 })); // 0.755, 0.00067
 * ```
 */
export const compSumLoss = define<FloatCall<CompSumLossOptions, TargetInputs>>({
  name: 'compSumLoss',
  cli: null,
  family: 'loss',
  driver: 'reduce',
  summary: 'a function of the odds against the target, cross-entropy among them',
  formats: FORMATS,
  options: {
    temperature: temperatureOption,
    tau: numberOption(7, 1, [0, 2], 'which of the family'),
  },
  output: 'perRow',
  element: 'float32',
  operands: [targets],
  bound: { maxUlp: 4, measuredUlp: 1.5, absolute: 0, tiny: 'subnormal' },
  oracle: oracle.compSumLoss,
  papers: ['comp-sum-losses'],
  source:
    'Mao, Mohri and Zhong, Cross-Entropy Loss Functions: Theoretical Analysis and Applications, 2023',
  docs: 'docs/losses.md',
});

/**
 * One number per row: the z-loss, c (log sum_i exp(x_i / T))^2, which keeps the normaliser near 1; of the logits of a
 * vocabulary (c = 1e-4 in PaLM) or of a router (c = 1e-3 in ST-MoE).
 *
 * Shape: rows x cols in, [rows] out, as a new Float32Array; a tensor loses its last dimension.
 *
 * Special values: -Infinity counts as absent; a row of only -Infinity, an empty one, and one with +Infinity give
 * +Infinity; NaN gives NaN.
 *
 * Error: at most 4 ULP, or 1e-15 absolute, times the coefficient, where that is more; largest measured 3 ULP.
 *
 * Source: Zoph et al., ST-MoE: Designing Stable and Transferable Sparse Expert Models, 2022; Chowdhery et al., PaLM:
 * Scaling Language Modeling with Pathways, 2022.
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - `cols`, `stride`, `out`, `temperature`, `coefficient`, `threads`, `isa`
 * @returns losses, at least 0, one per row
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { zLoss } from 'softlane';
 * const logits = Float32Array.of(1, 2, 3, 9, 1, 1);
 * console.log(zLoss(logits, { cols: 3, coefficient: 1e-4 })); // 0.00116, 0.0081
 * ```
 */
export const zLoss = define<FloatCall<ZLossOptions>>({
  name: 'zLoss',
  cli: 'z-loss',
  family: 'loss',
  driver: 'reduce',
  summary: 'c times the square of the logsumexp of x / T',
  formats: FORMATS,
  options: { temperature: temperatureOption, coefficient: coefficientOption },
  output: 'perRow',
  element: 'float32',

  bound: { maxUlp: 4, measuredUlp: 3, absolute: 1e-15, tiny: 'subnormal' },
  oracle: oracle.zLoss,
  papers: [],
  source:
    'Zoph et al., ST-MoE: Designing Stable and Transferable Sparse Expert Models, 2022; Chowdhery et al., PaLM: Scaling Language Modeling with Pathways, 2022',
  docs: 'docs/losses.md',
});

/**
 * One number per row: the EL2N score of a target, the length of p less the target's unit vector, with p = softmax(x / T).
 * A measure of how hard an example is, to prune a data set by; the mean over several trained models is usual.
 *
 * Shape: rows x cols in, [rows] out, as a new Float32Array; a tensor loses its last dimension.
 *
 * Special values: a masked column (-Infinity) has no probability, as a target neither: the length is then that of p and
 * 1. A row with a NaN or a +Infinity, and one without a column that is not masked, has no distribution and gives NaN. A
 * target that is no index of a column throws, with its row in the error; a row without columns gives NaN.
 *
 * Error: at most 4 ULP, scores near 0 included; largest measured 1.5 ULP.
 *
 * Source: Paul, Ganguli and Dziugaite, Deep Learning on a Data Diet: Finding Important Examples Early in Training, 2021.
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - `cols`, `stride`, `out`, `targets`, `temperature`, `threads`, `isa`
 * @returns lengths, from 0 to the root of 2, one per row
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { el2n } from 'softlane';
 * const logits = Float32Array.of(1, 2, 3, 40, 1, 1);
 * console.log(el2n(logits, { cols: 3, targets: Int32Array.of(1, 0) })); // 1.01, 2.8e-17
 * ```
 */
export const el2n = define<FloatCall<El2nOptions, TargetInputs>>({
  name: 'el2n',
  cli: null,
  family: 'loss',
  driver: 'reduce',
  summary: 'length of softmax(x / T) less the unit vector of the target',
  formats: FORMATS,
  options: { temperature: temperatureOption },
  output: 'perRow',
  element: 'float32',
  operands: [targets],
  bound: { maxUlp: 4, measuredUlp: 1.5, absolute: 0, tiny: 'subnormal' },
  oracle: oracle.el2n,
  papers: ['el2n-grand', 'influence-scores'],
  source:
    'Paul, Ganguli and Dziugaite, Deep Learning on a Data Diet: Finding Important Examples Early in Training, 2021',
  docs: 'docs/losses.md',
});

/**
 * One number per row: the Z-loss of the spherical family, ln(1 + exp(a (b - z))) / a, z being how many standard deviations
 * the target's logit lies above the mean of its row. It changes neither by an offset nor by a scale of the logits, and
 * takes no exponential of them. It is not `zLoss`, c logsumexp^2. Reads a row four times.
 *
 * Shape: rows x cols in, [rows] out, as a new Float32Array; a tensor loses its last dimension.
 *
 * Special values: a masked column (-Infinity) is in neither mean nor deviation; as a target it gives +Infinity. In a row
 * of equal elements z is 0. A row with a NaN or a +Infinity, and one without a column that is not masked, gives NaN. A
 * target that is no index of a column throws, with its row in the error; a row without columns gives NaN.
 *
 * Error: at most 1 ULP; largest measured 0.5 ULP.
 *
 * Source: de Brébisson and Vincent, The Z-loss: a shift and scale invariant classification loss belonging to the
 * Spherical Family, 2016. They choose a and b for the metric of the task; the defaults here are the plain softplus.
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - `cols`, `stride`, `out`, `targets`, `sharpness` (a), `threshold` (b), `threads`, `isa`
 * @returns losses, greater than 0, one per row
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { zScoreLoss } from 'softlane';
 * const logits = Float32Array.of(1, 2, 3, 9, 1, 1);
 * console.log(zScoreLoss(logits, { cols: 3, targets: Int32Array.of(2, 0) })); // 0.258, 0.218
 * ```
 */
export const zScoreLoss = define<FloatCall<ZScoreLossOptions, TargetInputs>>({
  name: 'zScoreLoss',
  cli: null,
  family: 'loss',
  driver: 'reduce',
  summary: 'softplus of what the standardised logit of the target lacks to a threshold',
  formats: FORMATS,
  options: {
    sharpness: numberOption(8, 1, [1 / 1024, 1024], 'how sharp the bend is'),
    threshold: numberOption(9, 0, [-1024, 1024], 'where the bend is, in standard deviations'),
  },
  output: 'perRow',
  element: 'float32',
  operands: [targets],
  bound: { maxUlp: 1, measuredUlp: 0.5, absolute: 0, tiny: 'subnormal' },
  oracle: oracle.zScoreLoss,
  papers: ['z-score-loss'],
  source:
    'de Brébisson and Vincent, The Z-loss: a shift and scale invariant classification loss belonging to the Spherical Family, 2016',
  docs: 'docs/losses.md',
});
