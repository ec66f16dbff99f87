import { define } from './define';
import type { ChoiceRule, InputOperand, NumberRule } from './operator';
import { temperatureOption } from './operator';
import * as oracle from './oracle/decoding';
import { FORMATS, Spec } from './spec';
import type { TensorLike } from './tensor';
import type { CallOptions, FloatInput, FloatCall, RowOptions, RowCall } from './types';

export interface KeyInputs {
  /** For each row, the number that its noise is keyed by; one below 0 counts 2^32 more. */
  readonly keys: Int32Array | TensorLike;
}
export interface OtherLogits {
  /** The other logits: as many rows, of as many columns, without gaps. */
  readonly other: FloatInput;
}

/** What `gumbelSoftmax` takes. */
export interface GumbelSoftmaxOptions extends RowOptions, KeyInputs {
  /** Divides the noisy logits; from 2^-20 to 2^100 (default 1). */
  readonly temperature?: number | undefined;
  /** Whether to give 1 at the largest and 0 elsewhere (default false). */
  readonly hard?: boolean | undefined;
  /** Of the random numbers, 0 to 2^53 - 1 (default 0). */
  readonly seed?: number | undefined;
  /** What the randomness is keyed by besides, 0 to 2^53 - 1 (default 0). */
  readonly step?: number | undefined;
}
/** What `guidedLogits` takes. */
export interface GuidedLogitsOptions extends RowOptions, OtherLogits {
  /** What x is multiplied by, from -2^20 to 2^20; rounded to float32 (default 2). */
  readonly weight?: number | undefined;
  /** What the other is multiplied by before it is subtracted, likewise (default 1). */
  readonly against?: number | undefined;
  /** The least share of the largest probability under x, from 0 to 1 (default 0: all). */
  readonly alpha?: number | undefined;
}
/** What `acceptanceLimit` takes. */
export interface AcceptanceLimitOptions extends CallOptions, OtherLogits {
  /** Divides both logits; from 2^-100 to 2^100 (default 1). */
  readonly temperature?: number | undefined;
  /** Tokens that the draft proposes, 1 to 64 (default 1). */
  readonly drafts?: number | undefined;
}

function number(
  place: number,
  initial: number,
  expected: string,
  check: (value: number) => boolean,
  summary: string,
): NumberRule {
  const index = Spec.temperature + place;
  return { kind: 'number', index, default: initial, expected, check, summary };
}

const count = (place: number, summary: string): NumberRule =>
  number(
    place,
    0,
    'a non-negative integer below 2^53',
    (v) => Number.isSafeInteger(v) && v >= 0,
    summary,
  );

const weightOption = (place: number, initial: number, summary: string): NumberRule =>
  number(
    place,
    initial,
    'a number from -2^20 to 2^20',
    (v) => v >= -(2 ** 20) && v <= 2 ** 20,
    summary,
  );

const hardOption: ChoiceRule = {
  kind: 'choice',
  index: Spec.temperature + 2,
  default: false,
  values: [false, true],
  summary: '1 at the largest and 0 elsewhere',
};

/** A number that differs from row to row, of the row's own elements. */
const keys: InputOperand = {
  role: 'input',
  name: 'keys',
  element: 'int32',
  extent: 'perRow',
  optional: false,
  summary: 'the number that the noise of each row is keyed by',
  example: (row) => (row.length > 0 && row[0] < 0 ? -row.length : row.length),
};

/** Logits that are near, with other columns ahead. */
const other: InputOperand = {
  role: 'input',
  name: 'other',
  element: 'float32',
  extent: 'rows',
  optional: false,
  summary: 'the other logits',
  example: (row) =>
    row.map((x, i) => (row.length % 2 === 1 ? 0.75 * x : row[(i + 1) % row.length])),
};

/**
 * Probabilities of each row after noise: softmax((x + g) / T), g = -ln(-ln u) with u uniform in (0, 1) for every column:
 * a relaxed draw from softmax(x). `hard` gives the draw itself, 1 at the largest x + g. Random numbers are Philox 4x32-10,
 * keyed by seed, step, the row's number in `keys` and the column: those of `createSampler({ method: 'gumbel' })`, so that
 * its token is where the 1 is.
 *
 * Shape: rows x cols in, the same out, as a new Float32Array or the same kind of tensor. `out` may be `x` itself.
 *
 * Special values: -Infinity is masked and gives exactly 0; a row of only -Infinity gives NaN; a NaN or +Infinity makes its
 * row NaN; an empty row gives nothing. Results below 2^-126 are +0. Of equal noisy logits the lowest index is the largest.
 *
 * Error: at most 1 ULP, against the formula in float64; largest measured 0.6 ULP.
 *
 * Source: Jang, Gu and Poole, Categorical Reparameterization with Gumbel-Softmax, 2017.
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `out`, `keys`, `temperature`, `hard`, `seed`, `step`, `threads`, `isa`
 * @returns probabilities between 0 and 1, in the order of x
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { gumbelSoftmax } from 'softlane';
 * const logits = Float32Array.of(1, 2, 3, 3, 2, 1);
 * const keys = Int32Array.of(0, 1);
 * const y = gumbelSoftmax(logits, { cols: 3, keys, temperature: 0.5, seed: 7 });
 * console.log(y[0] + y[1] + y[2]); // 1
 * ```
 */
export const gumbelSoftmax = define<RowCall<GumbelSoftmaxOptions, KeyInputs>>({
  name: 'gumbelSoftmax',
  cli: null,
  family: 'decoding',
  driver: 'reduce-map',
  summary: 'softmax((x + g) / T), g Gumbel noise: a relaxed draw, or the draw itself',
  formats: FORMATS,
  options: {
    temperature: {
      ...temperatureOption,
      expected: 'a number from 2^-20 to 2^100',
      check: (value) => value >= 2 ** -20 && value <= 2 ** 100,
      summary: 'divides the noisy logits',
    },
    hard: hardOption,
    seed: count(3, 'of the random numbers'),
    step: count(5, 'what the randomness is keyed by besides'),
  },
  output: 'rows',
  element: 'float32',
  operands: [keys],
  bound: { maxUlp: 1, measuredUlp: 0.6, absolute: 0, tiny: 'zero' },
  oracle: oracle.gumbelSoftmax,
  papers: ['gumbel-softmax'],
  source: 'Jang, Gu and Poole, Categorical Reparameterization with Gumbel-Softmax, 2017',
  docs: 'docs/decoding.md',
});

/**
 * Logits guided by another row of logits: weight x - against other. Classifier-free guidance of scale s has weight s and
 * against s - 1; contrastive decoding has 1 and 1, or 1 + beta and beta, and a plausibility `alpha`: what has less than
 * alpha times the largest probability under x becomes -Infinity. Logits do as well as their log-probabilities, which
 * differ by a number that is the same for the whole row.
 *
 * Shape: rows x cols in, the same out, as a new Float32Array or the same kind of tensor. `out` may be `x` itself.
 *
 * Special values: what is -Infinity in x or in the other is masked, and is -Infinity. A NaN or +Infinity in either makes
 * the row NaN. Results beyond the largest float stop there, so that nothing but a mask is infinite. An empty row gives
 * nothing.
 *
 * Error: at most 1 ULP, with both weights rounded to float32; largest measured 0.6 ULP.
 *
 * Source: Sanchez et al., Stay on Topic with Classifier-Free Guidance, 2023; Li et al., Contrastive Decoding: Open-ended
 * Text Generation as Optimization, 2023.
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `out`, `other`, `weight`, `against`, `alpha`, `threads`, `isa`
 * @returns logits, in the order of x
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { guidedLogits } from 'softlane';
 * const expert = Float32Array.of(3, 1, 2, -4);
 * const amateur = Float32Array.of(3, 0, 1, 2);
 * console.log(guidedLogits(expert, { other: amateur, weight: 1, alpha: 0.1 })); // 0, 1, 1, -Infinity
 * ```
 */
export const guidedLogits = define<RowCall<GuidedLogitsOptions, OtherLogits>>({
  name: 'guidedLogits',
  cli: null,
  family: 'decoding',
  driver: 'reduce-map',
  summary: 'weight x - against other: classifier-free guidance, contrastive decoding',
  formats: FORMATS,
  options: {
    weight: weightOption(2, 2, 'what x is multiplied by'),
    against: weightOption(3, 1, 'what the other is multiplied by before it is subtracted'),
    alpha: number(
      5,
      0,
      'a number from 0 to 1 (0: all)',
      (v) => v >= 0 && v <= 1,
      'the least share of the largest probability under x',
    ),
  },
  output: 'rows',
  element: 'float32',
  operands: [other],
  bound: { maxUlp: 1, measuredUlp: 0.6, absolute: 0, tiny: 'subnormal' },
  oracle: oracle.guidedLogits,
  papers: ['guided-logit-decoding'],
  source:
    'Sanchez et al., Stay on Topic with Classifier-Free Guidance, 2023; Li et al., Contrastive Decoding: Open-ended Text Generation as Optimization, 2023',
  docs: 'docs/decoding.md',
});

/**
 * One number per row: the largest probability with which one of K drafted tokens can be what is accepted, for any rule
 * that gives tokens of p = softmax(x / T) when each draft is drawn from q = softmax(other / T): the least
 * p(S) + 1 - q(S)^K over sets S of columns. With one draft it is the sum of min(p, q), which is what speculative sampling
 * reaches.
 *
 * Shape: rows x cols in, [rows] out, as a new Float32Array; a tensor loses its last dimension.
 *
 * Special values: -Infinity is masked. A row of either that has a NaN or a +Infinity, or no column that is not masked,
 * gives NaN; so does an empty row. Where p and q have no column in common the result is 0.
 *
 * Error: at most 4 ULP, or 1e-13 absolute where that is more; largest measured 1 ULP.
 *
 * Source: Khisti et al., Multi-Draft Speculative Sampling: Canonical Architectures and Theoretical Limits, 2024; Leviathan,
 * Kalman and Matias, Fast Inference from Transformers via Speculative Decoding, 2023.
 *
 * @param x - the target's logits: a Float32Array, or an object with `data` and `dims`
 * @param options - `cols`, `stride`, `out`, `other`, `temperature`, `drafts`, `threads`, `isa`
 * @returns probabilities, one per row
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { acceptanceLimit } from 'softlane';
 * const target = Float32Array.of(1, 2, 3);
 * const draft = Float32Array.of(3, 2, 1);
 * console.log(acceptanceLimit(target, { other: draft })); // 0.425
 * console.log(acceptanceLimit(target, { other: draft, drafts: 4 })); // 0.65
 * ```
 */
export const acceptanceLimit = define<FloatCall<AcceptanceLimitOptions, OtherLogits>>({
  name: 'acceptanceLimit',
  cli: null,
  family: 'decoding',
  driver: 'reduce',
  summary: 'how often one of K drafted tokens can be accepted at most',
  formats: FORMATS,
  options: {
    temperature: temperatureOption,
    drafts: number(
      2,
      1,
      'an integer from 1 to 64',
      (v) => Number.isInteger(v) && v >= 1 && v <= 64,
      'tokens that the draft proposes',
    ),
  },
  output: 'perRow',
  element: 'float32',
  operands: [other],
  counts: 'int32',
  bound: { maxUlp: 4, measuredUlp: 1, absolute: 1e-13, tiny: 'subnormal' },
  oracle: oracle.acceptanceLimit,
  papers: ['multi-draft-speculative'],
  source:
    'Khisti et al., Multi-Draft Speculative Sampling: Canonical Architectures and Theoretical Limits, 2024; Leviathan, Kalman and Matias, Fast Inference from Transformers via Speculative Decoding, 2023',
  docs: 'docs/decoding.md',
});
