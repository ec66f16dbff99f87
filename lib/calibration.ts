/** How far confidences can be believed: calibration, risk at a coverage, and how well a score tells two kinds apart. */
import { plainObject } from './check';
import { unknownOption, wrongShape, wrongType, wrongValue } from './errors';
import { crossEntropy } from './loss';
import type { Int32Result } from './types';

/** What the confidences of one bin come to. */
export interface ReliabilityBin {
  /** The smallest and the largest confidence of the bin: its borders for bins of equal width. */
  readonly lower: number;
  readonly upper: number;
  readonly count: number;
  /** Mean confidence; NaN for an empty bin. */
  readonly confidence: number;
  /** Share of the right ones; NaN for an empty bin. */
  readonly accuracy: number;
}

/** What `calibration` gives. */
export interface Calibration {
  /** Expected calibration error: the mean of |accuracy - confidence| over the bins, by their counts. */
  readonly ece: number;
  /** Maximum calibration error: the largest of them. */
  readonly mce: number;
  /** The largest |sum of (correct - confidence)| / n over those with a confidence of at most c; needs no bins. */
  readonly ks: number;
  /** The mean of (correct - confidence)^2. */
  readonly brier: number;
  readonly bins: readonly ReliabilityBin[];
}

/** What `calibration` takes. */
export interface CalibrationOptions {
  /** How many bins (default 15). */
  readonly bins?: number | undefined;
  /** Bins of equal width in [0, 1] (default), or of equal mass: as many confidences in each. */
  readonly binning?: 'width' | 'mass' | undefined;
}

type Numbers = ArrayLike<number>;
type Flags = ArrayLike<number | boolean>;

/**
 * Whether confidences are probabilities: expected and maximum calibration error, the bins of a reliability diagram, the
 * Brier score, and the Kolmogorov-Smirnov calibration error.
 *
 * A confidence on a border of two bins of equal width belongs to the lower one, (a, b]. No items give NaN.
 *
 * @param confidence - one number from 0 to 1 an item, as `maxProbability` gives them
 * @param correct - whether each item was right: 1 or true, 0 or false
 * @param options - `bins`, `binning`
 * @returns errors and bins
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`
 *
 * Source: Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks, 2017; Gupta et al., Calibration of
 * Neural Networks using Splines, 2021 (Kolmogorov-Smirnov).
 *
 * @example
 * ```ts
 * import { calibration } from 'softlane';
 * const { ece, bins } = calibration([0.9, 0.8, 0.6], [1, 1, 0], { bins: 5 });
 * console.log(ece, bins.length); // 0.3, 5
 * ```
 */
export function calibration(
  confidence: Numbers,
  correct: Flags,
  options: CalibrationOptions = {},
): Calibration {
  const name = 'calibration';
  const n = sameLength(name, { confidence, correct });
  const source = plainObject(name, 'options', options);
  for (const key of Object.keys(source)) {
    if (key !== 'bins' && key !== 'binning') throw unknownOption(name, key, ['bins', 'binning']);
  }
  const { bins: count = 15, binning = 'width' } = source as CalibrationOptions;
  if (!(Number.isInteger(count) && count >= 1 && count <= 1e6)) {
    throw wrongValue(name, 'options.bins', 'a whole number from 1 to 1e6', count);
  }
  if (binning !== 'width' && binning !== 'mass') {
    throw wrongValue(name, 'options.binning', '"width" or "mass"', binning);
  }
  for (let i = 0; i < n; i++) {
    if (confidence[i] >= 0 && confidence[i] <= 1) continue;
    throw wrongValue(name, `confidence[${i}]`, 'a number from 0 to 1', confidence[i]);
  }
  const order = sortedBy(confidence, (a, b) => a - b);
  const bins = Array.from({ length: count }, (_, b) => {
    const inBin = (i: number, place: number): boolean =>
      binning === 'mass'
        ? Math.floor((place * count) / n) === b
        : Math.max(0, Math.ceil(confidence[i] * count) - 1) === b;
    return binOf(order.filter(inBin), confidence, correct, binning, b / count, (b + 1) / count);
  });
  const errors = bins.filter((bin) => bin.count > 0).map((bin) => ({ ...bin, off: offOf(bin) }));
  let brier = 0;
  for (let i = 0; i < n; i++) brier += (flag(correct[i]) - confidence[i]) ** 2;
  return {
    ece: n === 0 ? NaN : errors.reduce((sum, { off, count: size }) => sum + off * (size / n), 0),
    mce: n === 0 ? NaN : errors.reduce((most, { off }) => Math.max(most, off), 0),
    ks: kolmogorovSmirnov(order, confidence, correct),
    brier: brier / n,
    bins,
  };
}

function offOf({ accuracy, confidence }: ReliabilityBin): number {
  return Math.abs(accuracy - confidence);
}

function binOf(
  items: readonly number[],
  confidence: Numbers,
  correct: Flags,
  binning: 'width' | 'mass',
  lower: number,
  upper: number,
): ReliabilityBin {
  const count = items.length;
  const sum = items.reduce((total, i) => total + confidence[i], 0);
  const right = items.reduce((total, i) => total + flag(correct[i]), 0);
  const own = binning === 'mass' && count > 0;
  return {
    lower: own ? confidence[items[0]] : binning === 'mass' ? NaN : lower,
    upper: own ? confidence[items[count - 1]] : binning === 'mass' ? NaN : upper,
    count,
    confidence: sum / count,
    accuracy: right / count,
  };
}

function kolmogorovSmirnov(order: readonly number[], confidence: Numbers, correct: Flags): number {
  let sum = 0;
  let most = 0;
  order.forEach((i, place) => {
    sum += flag(correct[i]) - confidence[i];
    const isLast = place + 1 === order.length || confidence[order[place + 1]] !== confidence[i];
    if (isLast) most = Math.max(most, Math.abs(sum));
  });
  return order.length === 0 ? NaN : most / order.length;
}

/** What `riskCoverage` gives: one point for each different confidence, the highest first. */
export interface RiskCoverage {
  /** Share of the items that are at least as sure. */
  readonly coverage: Float64Array;
  /** Their mean loss. */
  readonly risk: Float64Array;
  /** The mean risk over the coverages 1/n, 2/n ... 1, equal confidences in any order having the mean of all. */
  readonly aurc: number;
}

/**
 * The risk of answering only where one is sure: for every threshold of the confidence, the share of items above it and
 * their mean loss, and the area under that curve.
 *
 * @param confidence - one number an item, higher is surer; any score, a negated `entropy` too
 * @param loss - what each item costs: 1 for a wrong one and 0 for a right one, or any loss
 * @returns the curve and its area; NaN for no items
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`
 *
 * Source: Geifman and El-Yaniv, Selective Classification for Deep Neural Networks, 2017; Geifman, Uziel and El-Yaniv,
 * Bias-Reduced Uncertainty Estimation for Deep Neural Classifiers, 2019.
 *
 * @example
 * ```ts
 * import { riskCoverage } from 'softlane';
 * const { coverage, risk, aurc } = riskCoverage([0.9, 0.8, 0.6], [0, 0, 1]);
 * console.log(coverage, risk, aurc); // 1/3, 2/3, 1 and 0, 0, 1/3 and 1/9
 * ```
 */
export function riskCoverage(confidence: Numbers, loss: Numbers): RiskCoverage {
  const n = sameLength('riskCoverage', { confidence, loss });
  requireNumbers('riskCoverage', { confidence, loss });
  const order = sortedBy(confidence, (a, b) => b - a);
  const coverage: number[] = [];
  const risk: number[] = [];
  let before = 0;
  let area = 0;
  for (let from = 0, to = 0; from < n; from = to) {
    let sum = 0;
    for (; to < n && confidence[order[to]] === confidence[order[from]]; to++)
      sum += loss[order[to]];
    const each = sum / (to - from);
    for (let k = from + 1; k <= to; k++) area += (before + each * (k - from)) / k;
    before += sum;
    coverage.push(to / n);
    risk.push(before / to);
  }
  return { coverage: Float64Array.from(coverage), risk: Float64Array.from(risk), aurc: area / n };
}

/**
 * The area under the ROC curve: how often an item with the label has a higher score than one without, equal scores
 * counting half.
 *
 * @param score - one number an item
 * @param label - whether each item is of the kind that should have high scores
 * @returns from 0 to 1; NaN where one of the two kinds is missing
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`
 *
 * @example
 * ```ts
 * import { auroc } from 'softlane';
 * console.log(auroc([0.9, 0.3, 0.6, 0.1], [1, 0, 0, 1])); // 0.5
 * ```
 */
export function auroc(score: Numbers, label: Flags): number {
  const n = sameLength('auroc', { score, label });
  requireNumbers('auroc', { score });
  const order = sortedBy(score, (a, b) => a - b);
  let positives = 0;
  let ranks = 0;
  for (let from = 0, to = 0; from < n; from = to) {
    let here = 0;
    for (; to < n && score[order[to]] === score[order[from]]; to++) here += flag(label[order[to]]);
    positives += here;
    // Ranks from + 1 to `to`: their mean.
    ranks += here * ((from + 1 + to) / 2);
  }
  return (ranks - (positives * (positives + 1)) / 2) / (positives * (n - positives));
}

/**
 * The area under the precision-recall curve as average precision: the mean, over the items with the label, of the
 * precision at their score, equal scores together.
 *
 * @param score - one number an item
 * @param label - whether each item is of the kind that should have high scores
 * @returns from 0 to 1; NaN where no item has the label
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`
 *
 * @example
 * ```ts
 * import { aupr } from 'softlane';
 * console.log(aupr([0.9, 0.3, 0.6, 0.1], [1, 0, 0, 1])); // 0.75
 * ```
 */
export function aupr(score: Numbers, label: Flags): number {
  const n = sameLength('aupr', { score, label });
  requireNumbers('aupr', { score });
  const order = sortedBy(score, (a, b) => b - a);
  let positives = 0;
  let sum = 0;
  for (let from = 0, to = 0; from < n; from = to) {
    let here = 0;
    for (; to < n && score[order[to]] === score[order[from]]; to++) here += flag(label[order[to]]);
    positives += here;
    sum += here * (positives / to);
  }
  return sum / positives;
}

/**
 * The temperature at which the probabilities softmax(x / T) fit their targets best: the one with the smallest mean
 * cross-entropy, between 1/64 and 64. That is convex in 1/T, so that halving an interval finds it.
 *
 * @param logits - a row an item
 * @param options - `cols`, and `targets`, the index of the right column of each row
 * @returns the temperature, to about three digits; an end of the range where the best lies beyond it
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`
 *
 * Source: Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks, 2017.
 *
 * @example
 * ```ts
 * import { fitTemperature } from 'softlane';
 * const logits = Float32Array.of(4, 0, 4, 0, 4, 0, 4, 0);
 * const targets = Int32Array.of(0, 0, 0, 1); // right in three of four: 4 / T = ln 3
 * console.log(fitTemperature(logits, { cols: 2, targets })); // 3.64
 * ```
 */
export function fitTemperature(
  logits: Float32Array,
  { cols, targets }: { readonly cols: number; readonly targets: Int32Array | Int32Result },
): number {
  const losses = new Float32Array(targets.length);
  const costOf = (sharpness: number): number => {
    crossEntropy(logits, { cols, targets, temperature: 1 / sharpness, out: losses });
    return losses.reduce((sum, loss) => sum + loss, 0);
  };
  // Golden section: one of the two inner points is one of the next interval's.
  const golden = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [1 / 64, 64];
  let a = high - golden * (high - low);
  let b = low + golden * (high - low);
  let [costA, costB] = [costOf(a), costOf(b)];
  while (high - low > 1e-4 * low) {
    if (costA <= costB) {
      [high, b, costB] = [b, a, costA];
      a = high - golden * (high - low);
      costA = costOf(a);
    } else {
      [low, a, costA] = [a, b, costB];
      b = low + golden * (high - low);
      costB = costOf(b);
    }
  }
  return 2 / (low + high);
}

function flag(value: number | boolean): number {
  return value ? 1 : 0;
}

/** Indices in the order of their values. */
function sortedBy(values: Numbers, compare: (a: number, b: number) => number): number[] {
  return Array.from(values, (_, i) => i).sort((i, j) => compare(values[i], values[j]));
}

/** The length of two lists, which must be the same. */
function sameLength(name: string, lists: Record<string, ArrayLike<unknown>>): number {
  const [[first, a], [second, b]] = Object.entries(lists);
  for (const [key, list] of Object.entries(lists)) {
    const length = (list as { length?: unknown } | null | undefined)?.length;
    if (typeof list !== 'object' || typeof length !== 'number') {
      throw wrongType(name, key, 'an array', list);
    }
  }
  if (a.length !== b.length) {
    throw wrongShape(
      name,
      second,
      `have as many elements as ${first} (${a.length})`,
      `${b.length} elements`,
    );
  }
  return a.length;
}

function requireNumbers(name: string, lists: Record<string, Numbers>): void {
  for (const [key, list] of Object.entries(lists)) {
    for (let i = 0; i < list.length; i++) {
      if (Number.isNaN(Number(list[i]))) {
        throw wrongValue(name, `${key}[${i}]`, 'a number', list[i]);
      }
    }
  }
}
