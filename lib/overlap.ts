/** Losses of a row of shares by what it has in common with another: of a segmentation and its labels, say. */
import { define } from './define';
import type { InputOperand } from './operator';
import { numberOption } from './operator';
import * as oracle from './oracle/overlap';
import { FORMATS } from './spec';
import type { CallOptions, FloatCall, FloatInput } from './types';

export interface LabelInputs {
  /** What x is compared with: as many rows, of as many columns, without gaps. */
  readonly other: FloatInput;
}

/** What `tverskyLoss` takes. */
export interface TverskyLossOptions extends CallOptions, LabelInputs {
  /** What is read beside x has no windows of its own. */
  readonly window?: undefined;
  /** The weight of what x alone has, from 0 to 1024 (default 0.5). */
  readonly alpha?: number | undefined;
  /** The weight of what the other alone has, likewise. */
  readonly beta?: number | undefined;
  /** What is added above and below, from 0 to 1024 (default 0.001). */
  readonly smooth?: number | undefined;
}

const other: InputOperand = {
  role: 'input',
  name: 'other',
  element: 'float32',
  extent: 'rows',
  optional: false,
  summary: 'what x is compared with',
  // A part of x, or the same elements at other places.
  example: (row) =>
    row.map((x, i) => (row.length % 2 === 1 ? 0.75 * x : row[(i + 1) % row.length])),
};

/**
 * One number per row: the Tversky loss of a row of shares, probabilities of one class over all pixels say, against soft labels:
 * 1 - (tp + s) / (tp + alpha fp + beta fn + s), with tp = (‖x‖ + ‖y‖ - ‖x - y‖)/2, fp = ‖x‖ - tp, fn = ‖y‖ - tp in sums of
 * absolute values: what both have, what x alone has, and what the other alone has. alpha = beta = 1/2 (the default) is the
 * soft Dice loss, alpha = beta = 1 the soft Jaccard loss. The norms are never subtracted from each other.
 *
 * Shape: rows x cols in, [rows] out, as a new Float32Array; a tensor loses its last dimension.
 *
 * Special values: an element that is -Infinity in x or in the other, a pixel without a label say, is left out of both. A row
 * with a NaN or an infinity otherwise gives NaN. Rows that are equal, and empty ones, give 0.
 *
 * Error: at most 4 ULP, losses near 0 included; largest measured 2 ULP.
 *
 * Source: Wang, Popordanoska, Bertels, Lemmens and Blaschko, Dice Semimetric Losses: Optimizing the Dice Score with Soft
 * Labels, 2023; Wang, Ning and Blaschko, Jaccard Metric Losses: Optimizing the Jaccard Index with Soft Labels, 2023.
 *
 * @param x - shares, not logits: a Float32Array, or an object with `data` and `dims`
 * @param options - `cols`, `stride`, `out`, `other`, `alpha`, `beta`, `smooth`, `threads`, `isa`
 * @returns losses from 0 to 1, one per row
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { tverskyLoss } from 'softlane';
 * const shares = Float32Array.of(0.9, 0.2, 0.1, 0, 0.5, 0.5);
 * const labels = Float32Array.of(1, 0, 0, 0, 0.5, 0.5);
 * console.log(tverskyLoss(shares, { cols: 3, other: labels })); // 0.182, 0
 * console.log(tverskyLoss(shares, { cols: 3, other: labels, alpha: 1, beta: 1 })); // 0.307, 0
 * ```
 */
export const tverskyLoss = define<FloatCall<TverskyLossOptions, LabelInputs>>({
  name: 'tverskyLoss',
  cli: null,
  family: 'overlap',
  driver: 'reduce',
  summary: 'what two rows of shares do not have in common: soft Dice, soft Jaccard',
  formats: FORMATS,
  options: {
    alpha: numberOption(5, 0.5, [0, 1024], 'the weight of what x alone has'),
    beta: numberOption(6, 0.5, [0, 1024], 'the weight of what the other alone has'),
    smooth: numberOption(7, 1e-3, [0, 1024], 'what is added above and below'),
  },
  output: 'perRow',
  element: 'float32',
  operands: [other],
  bound: { maxUlp: 4, measuredUlp: 2, absolute: 0, tiny: 'subnormal' },
  oracle: oracle.tverskyLoss,
  papers: ['soft-dice-loss', 'soft-jaccard-loss'],
  source:
    'Wang, Popordanoska, Bertels, Lemmens and Blaschko, Dice Semimetric Losses, 2023; Wang, Ning and Blaschko, Jaccard Metric Losses, 2023',
  docs: 'docs/losses.md',
});
