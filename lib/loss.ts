import { define } from './define';
import type { ChoiceRule, InputOperand, NumberRule } from './operator';
import { temperatureOption } from './operator';
import * as oracle from './oracle/loss';
import { FORMATS, Spec } from './spec';
import type { TargetInputs } from './targets';
import { targetsOperand } from './targets';
import type { CallOptions, Float32Output, FloatCall } from './types';

export interface OtherInputs {
  /** The logits of the other distribution: as many rows, of as many columns, without gaps. */
  readonly other: Float32Output;
}

interface LogitOptions extends CallOptions {
  /** Divides the logits; from 2^-100 to 2^100 (default 1). */
  readonly temperature?: number | undefined;
}

/** What `crossEntropy` takes. */
export interface CrossEntropyOptions extends LogitOptions, TargetInputs {
  /** The share of the target's weight that is spread over all columns that are not masked, from 0 to 1 (default 0). */
  readonly labelSmoothing?: number | undefined;
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
/** What `zLoss` takes. */
export interface ZLossOptions extends LogitOptions {
  /** What the square is multiplied by; greater than 0, to 2^100 (default 1). */
  readonly coefficient?: number | undefined;
}
/** What `klDivergence` takes. */
export interface KlDivergenceOptions extends LogitOptions, OtherInputs {
  /** A second distribution has no windows of its own. */
  readonly window?: undefined;
  /** 'forward' (default): of x from the other, sum p ln(p / q) with p of x; 'reverse': of the other from x. */
  readonly direction?: 'forward' | 'reverse' | undefined;
}

function numberOption(
  place: number,
  initial: number,
  [least, most]: readonly [number, number],
  summary: string,
): NumberRule {
  return {
    kind: 'number',
    index: Spec.temperature + place,
    default: initial,
    expected: `a number from ${least} to ${most}`,
    check: (value) => value >= least && value <= most,
    summary,
  };
}

const coefficientOption: NumberRule = {
  kind: 'number',
  index: Spec.temperature + 8,
  default: 1,
  expected: 'a number greater than 0, to 2^100',
  check: (value) => value > 0 && value <= 2 ** 100,
  summary: 'what the square is multiplied by',
};

const directionOption: ChoiceRule = {
  kind: 'choice',
  index: Spec.temperature + 9,
  default: 'forward',
  values: ['forward', 'reverse'],
  summary: 'which of the two is measured from the other',
};

const targets = targetsOperand(false);

/** A row that is near, or the same probabilities at other places. */
const other: InputOperand = {
  role: 'input',
  name: 'other',
  element: 'float32',
  extent: 'rows',
  optional: false,
  summary: 'the logits of the other distribution',
  example: (row) =>
    row.map((x, i) => (row.length % 2 === 1 ? 0.75 * x : row[(i + 1) % row.length])),
};

/**
 * One number per row: the cross-entropy of a target, -ln p_y with p = softmax(x / T), with label smoothing a: (1 - a)
 * (-ln p_y) + a times the mean of -ln p over the columns. From log1p of the others' sum: where the target has nearly
 * all of the mass the loss is small and right, not 0 ("softmax collapse").
 *
 * Shape: rows x cols in, [rows] out, as a new Float32Array; a tensor loses its last dimension.
 *
 * Special values: a masked column (-Infinity) has no probability: as a target it gives +Infinity. A row with a NaN or a
 * +Infinity, and one without a column that is not masked, has no distribution and gives NaN. A target that is no index
 * of a column throws, with its row in the error; a row without columns gives NaN.
 *
 * Error: at most 4 ULP, losses near 0 included; largest measured 1.5 ULP.
 *
 * Source: Szegedy et al., Rethinking the Inception Architecture for Computer Vision, 2016; Müller, Kornblith and
 * Hinton, When Does Label Smoothing Help?, 2019.
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - `cols`, `stride`, `out`, `targets`, `temperature`, `labelSmoothing`, `threads`, `isa`
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
  },
  output: 'perRow',
  element: 'float32',
  operands: [targets],
  bound: { maxUlp: 4, measuredUlp: 1.5, absolute: 0, tiny: 'subnormal' },
  oracle: oracle.crossEntropy,
  papers: ['label-smoothing-ce', 'token-nll-bpc'],
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
 * Error: at most 24 ULP, 8 for the usual gamma of 2 (the power multiplies the error of 1 - p); largest measured 14 ULP.
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
  bound: { maxUlp: 24, measuredUlp: 14, absolute: 0, tiny: 'subnormal' },
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
 * Error: at most 4 ULP, or 1e-15 absolute where that is more; largest measured 3 ULP.
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
 * One number per row: the Kullback-Leibler divergence sum_i p_i ln(p_i / q_i) of p = softmax(x / T) from q =
 * softmax(other / T), or with `direction: 'reverse'` of q from p. In distillation it is usually multiplied by T^2.
 * Reads both rows twice.
 *
 * Shape: rows x cols in, [rows] out, as a new Float32Array; a tensor loses its last dimension.
 *
 * Special values: where p_i is 0 the term is 0; where q_i is 0 and p_i is not, the result is +Infinity, and where
 * ln(p_i / q_i) is beyond the largest float. A row of either that has a NaN or a +Infinity, or no column that is not
 * masked, gives NaN. No result is negative.
 *
 * Error: at most 24 ULP, or 1e-13 absolute where that is more; largest measured 14.6 ULP.
 *
 * Source: Kullback and Leibler, On Information and Sufficiency, 1951; Hinton, Vinyals and Dean, Distilling the
 * Knowledge in a Neural Network, 2015.
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - `cols`, `stride`, `out`, `other`, `temperature`, `direction`, `threads`, `isa`
 * @returns divergences in nats, at least 0, one per row
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { klDivergence } from 'softlane';
 * const teacher = Float32Array.of(1, 2, 3, 9, 1, 1);
 * const student = Float32Array.of(1, 2, 2, 9, 1, 1);
 * console.log(klDivergence(teacher, { cols: 3, other: student })); // 0.1196, 0
 * ```
 */
export const klDivergence = define<FloatCall<KlDivergenceOptions, OtherInputs>>({
  name: 'klDivergence',
  cli: null,
  family: 'loss',
  driver: 'reduce',
  summary: 'Kullback-Leibler divergence of softmax(x / T) from that of another row',
  formats: FORMATS,
  options: { temperature: temperatureOption, direction: directionOption },
  output: 'perRow',
  element: 'float32',
  operands: [other],
  bound: { maxUlp: 24, measuredUlp: 14.6, absolute: 1e-13, tiny: 'subnormal' },
  oracle: oracle.klDivergence,
  papers: ['token-divergence-kd', 'kl-sensitivity-bits'],
  source:
    'Kullback and Leibler, On Information and Sufficiency, 1951; Hinton, Vinyals and Dean, Distilling the Knowledge in a Neural Network, 2015',
  docs: 'docs/losses.md',
});
