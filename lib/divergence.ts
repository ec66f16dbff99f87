/** Losses between two rows of logits: of a student and of its teacher, say. */
import { define } from './define';
import type { ChoiceRule, InputOperand } from './operator';
import { countOption, numberOption, temperatureOption } from './operator';
import * as oracle from './oracle/divergence';
import { FORMATS, Spec } from './spec';
import type { TargetInputs } from './targets';
import { targetsOperand } from './targets';
import type { CallOptions, FloatInput, FloatCall, LogitOptions } from './types';

export interface OtherInputs {
  /** The logits of the other distribution: as many rows, of as many columns, without gaps. */
  readonly other: FloatInput;
}

export interface TeacherInputs extends TargetInputs {
  /** The teacher's logits: as many rows, of as many columns, without gaps. */
  readonly teacher: FloatInput;
}

export interface TeachersInputs extends TargetInputs {
  /** The teachers' logits: for each row those of all members one after another, of as many columns, without gaps. */
  readonly teachers: FloatInput;
}

export interface HeadInputs {
  /** For each column the mean absolute residual that a head of the model predicts: as many rows, of as many columns. */
  readonly residuals: FloatInput;
}

/** What `klDivergence` takes. */
export interface KlDivergenceOptions extends LogitOptions, OtherInputs {
  /** What is read beside x has no windows of its own. */
  readonly window?: undefined;
  /** 'forward' (default): of x from the other, sum p ln(p / q) with p of x; 'reverse': of the other from x. */
  readonly direction?: 'forward' | 'reverse' | undefined;
}
/** What `nkdLoss` takes. */
export interface NkdLossOptions extends CallOptions, TeacherInputs {
  /** What is read beside x has no windows of its own. */
  readonly window?: undefined;
  /** Divides the logits of the part that is about the other columns; from 1/16 to 16 (default 1). */
  readonly temperature?: number | undefined;
  /** The weight of the part that is about the other columns, from 0 to 16 (default 1.5). */
  readonly gamma?: number | undefined;
}
/** What `ensembleKdLoss` takes. */
export interface EnsembleKdLossOptions extends CallOptions, TeachersInputs {
  /** What is read beside x has no windows of its own. */
  readonly window?: undefined;
  /** Divides the logits of both in the divergence; from 1/16 to 16 (default 2). */
  readonly temperature?: number | undefined;
  /** How many teachers there are, from 1 to 256 (default 1). */
  readonly members?: number | undefined;
  /** The weight of the cross-entropy of the target, from 0 to 1 (default 0.5); the divergence has the rest. */
  readonly targetWeight?: number | undefined;
}
/** What `selfConsistency` takes. */
export interface SelfConsistencyOptions extends LogitOptions, HeadInputs {
  /** What is read beside x has no windows of its own. */
  readonly window?: undefined;
}

const directionOption: ChoiceRule = {
  kind: 'choice',
  index: Spec.temperature + 9,
  default: 'forward',
  values: ['forward', 'reverse'],
  summary: 'which of the two is measured from the other',
};

/** A row that is near, or the same probabilities at other places. */
function nearby(row: Float32Array): Float32Array {
  return row.map((x, i) => (row.length % 2 === 1 ? 0.75 * x : row[(i + 1) % row.length]));
}

const other: InputOperand = {
  role: 'input',
  name: 'other',
  element: 'float32',
  extent: 'rows',
  optional: false,
  summary: 'the logits of the other distribution',
  example: nearby,
};

const residuals: InputOperand = {
  ...other,
  name: 'residuals',
  summary: 'for each column the mean absolute residual that a head of the model predicts',
  // What 2 p (1 - p) may be, and in a few places nearly is.
  example: (row) => row.map((_, i) => ((5 * i) % 17) / 32),
};

const teacher: InputOperand = { ...other, name: 'teacher', summary: "the teacher's logits" };

const teachers: InputOperand = {
  ...other,
  name: 'teachers',
  extent: { option: 'members', of: 'rows' },
  summary: "the teachers' logits, for each row those of all members one after another",
  example: (row, width) => {
    const all = nearby(row);
    // Further members are a little off the first.
    const member = (i: number): number => Math.floor(i / row.length);
    return Float32Array.from(
      { length: width },
      (_, i) => all[i % row.length] / (1 + member(i) / 8),
    );
  },
};

/**
 * One number per row: the Kullback-Leibler divergence sum_i p_i ln(p_i / q_i) of p = softmax(x / T) from q =
 * softmax(other / T), or with `direction: 'reverse'` of q from p. In distillation it is usually multiplied by T^2.
 * Reads both rows twice.
 *
 * Shape: rows x cols in, [rows] out, as a new Float32Array; a tensor loses its last dimension.
 *
 * Special values: where p_i is 0, or less than 2^-190 of the largest, the term is 0; where q_i is 0 and p_i is not, the
 * result is +Infinity, and where ln(p_i / q_i) is beyond the largest float. A row of either that has a NaN or a
 * +Infinity, or no column that is not masked, gives NaN. No result is negative.
 *
 * Error: at most 24 ULP, or 1e-13 absolute where that is more; largest measured 17.7 ULP.
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
  family: 'divergence',
  driver: 'reduce',
  summary: 'Kullback-Leibler divergence of softmax(x / T) from that of another row',
  formats: FORMATS,
  options: { temperature: temperatureOption, direction: directionOption },
  output: 'perRow',
  element: 'float32',
  operands: [other],
  bound: { maxUlp: 24, measuredUlp: 17.7, absolute: 1e-13, tiny: 'subnormal' },
  oracle: oracle.klDivergence,
  papers: ['token-divergence-kd', 'kl-sensitivity-bits'],
  source:
    'Kullback and Leibler, On Information and Sufficiency, 1951; Hinton, Vinyals and Dean, Distilling the Knowledge in a Neural Network, 2015',
  docs: 'docs/losses.md',
});

/**
 * One number per row: the normalised knowledge distillation loss of a student, -T_y ln S_y + gamma T^2 sum_i t_i (-ln s_i).
 * S and T are softmax of the student's and of the teacher's logits; s and t, at the temperature, those over the columns
 * beside the target alone. Reads both rows twice.
 *
 * Shape: rows x cols in, [rows] out, as a new Float32Array; a tensor loses its last dimension.
 *
 * Special values: a masked column (-Infinity) has no probability; where the student has none and the teacher has some,
 * the result is +Infinity, and where what a logit lacks to the largest other one, over T, is beyond the largest float;
 * less than 2^-190 of the largest is none. A teacher with no column beside the target adds nothing for them. A row of
 * either that has a NaN or a +Infinity, or no column that is not masked, gives NaN. A target that is no index of a column
 * throws, with its row in the error.
 *
 * Error: at most 8 ULP; largest measured 6.1 ULP.
 *
 * Source: Yang, Zeng, Li, Zhang, Yuan and Li, From Knowledge Distillation to Self-Knowledge Distillation: A Unified
 * Approach with Normalized Loss and Customized Soft Labels, 2023.
 *
 * @param x - the student's logits: a Float32Array, or an object with `data` and `dims`
 * @param options - `cols`, `stride`, `out`, `targets`, `teacher`, `temperature`, `gamma`, `threads`, `isa`
 * @returns losses, at least 0, one per row
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { nkdLoss } from 'softlane';
 * const student = Float32Array.of(1, 2, 3, 9, 1, 1);
 * const teacher = Float32Array.of(1, 2, 4, 9, 1, 2);
 * console.log(nkdLoss(student, { cols: 3, teacher, targets: Int32Array.of(2, 0) })); // 1.22, 1.04
 * ```
 */
export const nkdLoss = define<FloatCall<NkdLossOptions, TeacherInputs>>({
  name: 'nkdLoss',
  cli: null,
  family: 'divergence',
  driver: 'reduce',
  summary: 'cross-entropy from a teacher, apart for the target and for the columns beside it',
  formats: FORMATS,
  options: {
    temperature: numberOption(0, 1, [1 / 16, 16], 'divides the logits of the other columns'),
    gamma: numberOption(6, 1.5, [0, 16], 'the weight of the part that is about the other columns'),
  },
  output: 'perRow',
  element: 'float32',
  operands: [targetsOperand(false), teacher],
  bound: { maxUlp: 8, measuredUlp: 6.1, absolute: 0, tiny: 'subnormal' },
  oracle: oracle.nkdLoss,
  papers: ['nkd-loss'],
  source:
    'Yang, Zeng, Li, Zhang, Yuan and Li, From Knowledge Distillation to Self-Knowledge Distillation: A Unified Approach with Normalized Loss and Customized Soft Labels, 2023',
  docs: 'docs/losses.md',
});

/**
 * One number per row: distillation from an ensemble, a (-ln S_y) + (1 - a) T^2 KL(t || s), with S the softmax of the student's
 * logits, s that at T, and t that of the mean of the teachers' logits at T. That mean is rounded to a float once, a row like
 * any other. Reads the student three times and the teachers twice.
 *
 * Shape: rows x cols in, [rows] out, as a new Float32Array; a tensor loses its last dimension.
 *
 * Special values: those of `crossEntropy` and `klDivergence`; a column that one teacher masks (-Infinity) the mean has masked.
 * A part whose weight is 0 is 0. A row with a NaN or a +Infinity in it or among its teachers, and one without a column that
 * is not masked, gives NaN. A target that is no index of a column throws, with its row in the error.
 *
 * Error: at most 24 ULP, or 1e-10 absolute where that is more; largest measured 8.2 ULP.
 *
 * Source: Timiryasov and Tastet, Baby Llama: knowledge distillation from an ensemble of teachers trained on a small dataset
 * with no performance penalty, 2023, with a = 0.5 and T = 2; means over rows are the caller's to take (docs/losses.md).
 *
 * @param x - the student's logits: a Float32Array, or an object with `data` and `dims`
 * @param options - `cols`, `stride`, `out`, `targets`, `teachers`, `members`, `temperature`, `targetWeight` (a), `threads`,
 * `isa`
 * @returns losses, at least 0, one per row
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { ensembleKdLoss } from 'softlane';
 * const student = Float32Array.of(1, 2, 3, 9, 1, 1);
 * const teachers = Float32Array.of(1, 2, 4, 0, 2, 3, 9, 1, 2, 9, 3, 1); // two for each row
 * const targets = Int32Array.of(2, 0);
 * console.log(ensembleKdLoss(student, { cols: 3, members: 2, teachers, targets })); // 0.24, 0.0075
 * ```
 */
export const ensembleKdLoss = define<FloatCall<EnsembleKdLossOptions, TeachersInputs>>({
  name: 'ensembleKdLoss',
  cli: null,
  family: 'divergence',
  driver: 'reduce',
  summary: 'cross-entropy of the target, and divergence from the mean logits of several teachers',
  formats: FORMATS,
  options: {
    temperature: numberOption(0, 2, [1 / 16, 16], 'divides the logits in the divergence'),
    members: countOption(7, 1, 'how many teachers there are'),
    targetWeight: numberOption(8, 0.5, [0, 1], 'the weight of the cross-entropy of the target'),
  },
  output: 'perRow',
  element: 'float32',
  operands: [targetsOperand(false), teachers],
  bound: { maxUlp: 24, measuredUlp: 8.2, absolute: 1e-10, tiny: 'subnormal' },
  oracle: oracle.ensembleKdLoss,
  papers: ['ensemble-logit-kd'],
  source:
    'Timiryasov and Tastet, Baby Llama: knowledge distillation from an ensemble of teachers trained on a small dataset with no performance penalty, 2023',
  docs: 'docs/losses.md',
});

/**
 * One number per row: the self-consistency discrepancy sum_i |2 p_i (1 - p_i) - r_i| of p = softmax(x / T) and of what a small head of
 * the model predicts as its mean absolute residual, class by class: a probability that is true is off by 2 p (1 - p) on
 * average. The further a head that was trained on the same data is from that, the less the model knows of such rows.
 * Reads x twice and the residuals once.
 *
 * Shape: rows x cols in, [rows] out, as a new Float32Array; a tensor loses its last dimension.
 *
 * Special values: a masked column (-Infinity) is no class, and its residual is left out. A row with a NaN or a +Infinity, and
 * one without a column that is not masked, gives NaN, and so does a NaN among the residuals; an infinite one gives +Infinity.
 *
 * Error: at most 4 ULP, or 5e-7 absolute where that is more, as residuals may be right; largest measured 2 ULP.
 *
 * Source: Zhao and Chen, Post-Hoc Split-Point Self-Consistency Verification for Efficient, Unified Quantification of
 * Aleatoric and Epistemic Uncertainty in Deep Learning, 2025 (SPC-UQ).
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - `cols`, `stride`, `out`, `residuals`, `temperature`, `threads`, `isa`
 * @returns discrepancies, at least 0, one per row
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { selfConsistency } from 'softlane';
 * const logits = Float32Array.of(0, 0, 9, 0);
 * const residuals = Float32Array.of(0.5, 0.5, 0.25, 0.25);
 * console.log(selfConsistency(logits, { cols: 2, residuals })); // 0, 0.4995
 * ```
 */
export const selfConsistency = define<FloatCall<SelfConsistencyOptions, HeadInputs>>({
  name: 'selfConsistency',
  cli: null,
  family: 'divergence',
  driver: 'reduce',
  summary: 'how far predicted residuals are from those of probabilities that are true',
  formats: FORMATS,
  options: { temperature: temperatureOption },
  output: 'perRow',
  element: 'float32',
  operands: [residuals],
  bound: { maxUlp: 4, measuredUlp: 2, absolute: 5e-7, tiny: 'subnormal' },
  oracle: oracle.selfConsistency,
  papers: ['split-point-uncertainty'],
  source:
    'Zhao and Chen, Post-Hoc Split-Point Self-Consistency Verification for Efficient, Unified Quantification of Aleatoric and Epistemic Uncertainty in Deep Learning, 2025',
  docs: 'docs/scores.md',
});
