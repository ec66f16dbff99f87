/** How far confidences can be believed: calibration, risk at a coverage, and how well a score tells two kinds apart. */
import { choice, readKnown, size } from './check';
import { types } from 'node:util';
import { inTheNameOf, wrongType, wrongValue } from './errors';
import type { Flags, Numbers } from './lists';
import { flagsOf, numbersOf, requireSameLength, sharesOf } from './lists';
import { BITS, colsOf, formatIndex, readFloats, widened } from './input';
import { crossEntropy } from './loss';
import { FORMATS } from './spec';
import type { FloatInput, Int32Result, NumberFormat } from './types';

/** What the confidences of one bin come to. */
export interface ReliabilityBin {
  /** The smallest and the largest confidence of the bin: its borders for bins of equal width. */
  readonly lower: number;
  readonly upper: number;
  readonly count: number;
  /** Mean confidence; NaN for an empty bin. */
  readonly confidence: number;
  /** Share of the right ones, equal confidences that two bins share having that of them all; NaN for an empty bin. */
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
  /** Bins of equal width in [0, 1] (default), or of equal mass: as many confidences in each, equal ones split if need be. */
  readonly binning?: 'width' | 'mass' | undefined;
}

const BINNINGS = ['width', 'mass'] as const;

/** What `fitTemperature` takes. */
export interface FitTemperatureOptions {
  /** Columns a row (default: the last dimension of a tensor; an array has to come with it). */
  readonly cols?: number | undefined;
  /** The index of the right column of each row. */
  readonly targets: Int32Array | Int32Result;
  /** What the bits of a Uint16Array are. */
  readonly dtype?: NumberFormat | undefined;
}

/**
 * Whether confidences are probabilities: expected and maximum calibration error, the bins of a reliability diagram, the
 * Brier score, and the Kolmogorov-Smirnov calibration error.
 *
 * A confidence on a border of two bins of equal width belongs to the lower one, (a, b]. Where the border of two bins of
 * equal mass falls among equal confidences, each of these counts with the mean correctness of them all: the order in which
 * items are given changes nothing. No items give NaN.
 *
 * @param confidence - one number from 0 to 1 an item, as `maxProbability` gives them
 * @param correct - whether each item was right: 1 or true, 0 or false
 * @param options - `bins`, `binning`
 * @returns errors and bins
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
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
  const given = readKnown(name, 'options', options, ['bins', 'binning']);
  const { bins: count = 15, binning = 'width' } = given;
  const most = 'a whole number from 1 to 1e6';
  if (typeof count !== 'number') throw wrongType(name, 'options.bins', most, count);
  if (!(Number.isInteger(count) && count >= 1 && count <= 1e6)) {
    throw wrongValue(name, 'options.bins', most, count);
  }
  const kind = BINNINGS[choice(name, 'options.binning', BINNINGS, binning)];
  const sure = sharesOf(name, 'confidence', confidence);
  const right = flagsOf(name, 'correct', correct);
  requireSameLength(name, 'correct', right, 'confidence', sure);
  const n = sure.length;
  const order = sortedBy(sure, ascending, right);
  const bins = binsOf(order, sure, right, kind, count);
  let ece = n === 0 ? NaN : 0;
  let mce = ece;
  for (const { count: size, accuracy, confidence: mean } of bins) {
    if (size === 0) continue;
    const off = Math.abs(accuracy - mean);
    ece += off * (size / n);
    mce = Math.max(mce, off);
  }
  return {
    ece,
    mce,
    ks: kolmogorovSmirnov(order, sure, right),
    brier: order.reduce((sum, i) => sum + (right[i] - sure[i]) ** 2, 0) / n,
    bins,
  };
}

/** In the order of the confidences each bin is a stretch. */
function binsOf(
  order: readonly number[],
  sure: Float64Array,
  right: Float64Array,
  binning: 'width' | 'mass',
  count: number,
): ReliabilityBin[] {
  const n = order.length;
  const ties = tiesOf(order, sure, right);
  let from = 0;
  let tie = 0;
  return Array.from({ length: count }, (_, b) => {
    const lower = b / count;
    const upper = (b + 1) / count;
    const isInside = (place: number): boolean =>
      binning === 'mass' ? Math.floor((place * count) / n) === b : sure[order[place]] <= upper;
    let to = from;
    let sum = 0;
    let hits = 0;
    for (; to < n && isInside(to); to++) sum += sure[order[to]];
    for (let at = from; at < to;) {
      const { begin, end, hits: all } = ties[tie];
      const next = Math.min(end, to);
      hits += (all * (next - at)) / (end - begin);
      if (next === end) tie++;
      at = next;
    }
    const [first, size] = [from, to - from];
    from = to;
    const isWidth = binning === 'width';
    return {
      lower: isWidth ? lower : size === 0 ? NaN : sure[order[first]],
      upper: isWidth ? upper : size === 0 ? NaN : sure[order[to - 1]],
      count: size,
      confidence: sum / size,
      accuracy: hits / size,
    };
  });
}

/** Items of one confidence: places from `begin` to before `end`, and how many of them are right. */
interface Tie {
  readonly begin: number;
  readonly end: number;
  readonly hits: number;
}

function tiesOf(order: readonly number[], sure: Float64Array, right: Float64Array): Tie[] {
  const ties: Tie[] = [];
  for (let begin = 0, end = 0; begin < order.length; begin = end) {
    let hits = 0;
    for (; end < order.length && sure[order[end]] === sure[order[begin]]; end++) {
      hits += right[order[end]];
    }
    ties.push({ begin, end, hits });
  }
  return ties;
}

function kolmogorovSmirnov(
  order: readonly number[],
  sure: Float64Array,
  right: Float64Array,
): number {
  let sum = 0;
  let most = 0;
  order.forEach((i, place) => {
    sum += right[i] - sure[i];
    const isLast = place + 1 === order.length || sure[order[place + 1]] !== sure[i];
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
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_DETACHED`
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
  const sure = numbersOf('riskCoverage', 'confidence', confidence);
  const cost = numbersOf('riskCoverage', 'loss', loss);
  requireSameLength('riskCoverage', 'loss', cost, 'confidence', sure);
  const n = sure.length;
  const order = sortedBy(sure, descending, cost);
  const coverage: number[] = [];
  const risk: number[] = [];
  let before = 0;
  let area = 0;
  for (let from = 0, to = 0; from < n; from = to) {
    let sum = 0;
    for (; to < n && sure[order[to]] === sure[order[from]]; to++) sum += cost[order[to]];
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
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`
 *
 * @example
 * ```ts
 * import { auroc } from 'softlane';
 * console.log(auroc([0.9, 0.3, 0.6, 0.1], [1, 0, 0, 1])); // 0.5
 * ```
 */
export function auroc(score: Numbers, label: Flags): number {
  const { scores, labels, n } = scored('auroc', score, label);
  const order = sortedBy(scores, descending, labels).reverse();
  let positives = 0;
  let ranks = 0;
  for (let from = 0, to = 0; from < n; from = to) {
    let here = 0;
    for (; to < n && scores[order[to]] === scores[order[from]]; to++) here += labels[order[to]];
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
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`
 *
 * @example
 * ```ts
 * import { aupr } from 'softlane';
 * console.log(aupr([0.9, 0.3, 0.6, 0.1], [1, 0, 0, 1])); // 0.75
 * ```
 */
export function aupr(score: Numbers, label: Flags): number {
  const { scores, labels, n } = scored('aupr', score, label);
  const order = sortedBy(scores, descending, labels);
  let positives = 0;
  let sum = 0;
  for (let from = 0, to = 0; from < n; from = to) {
    let here = 0;
    for (; to < n && scores[order[to]] === scores[order[from]]; to++) here += labels[order[to]];
    positives += here;
    sum += here * (positives / to);
  }
  return sum / positives;
}

/**
 * The temperature at which the probabilities softmax(x / T) fit their targets best: the one with the smallest mean
 * cross-entropy, between 1/64 and 64. That is convex in 1/T, so that halving an interval finds it.
 *
 * @param x - logits, a row an item
 * @param options - `cols`, `targets`, the index of the right column of each row, and `dtype` of a Uint16Array
 * @returns the temperature, to about three digits; an end of the range where the best lies beyond it; 1 where every one
 * is as good, as no row has two different logits that are not masked; NaN without rows, and where the mean is no finite
 * number at any temperature: a row with a NaN or a +Infinity, or a masked target
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
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
export function fitTemperature(x: FloatInput, options: FitTemperatureOptions): number {
  const { logits, cols, targets } = fitOptions(x, options);
  let losses: Float32Array | undefined;
  const costOf = (sharpness: number): number => {
    const temperature = 1 / sharpness;
    const out = losses === undefined ? {} : { out: losses };
    losses = inTheNameOf('fitTemperature', crossEntropy.operator.name, () =>
      crossEntropy(logits, { cols, targets, temperature, ...out }),
    ) as Float32Array;
    return losses.reduce((sum, loss) => sum + loss, 0);
  };
  // Golden section: one of the two inner points is one of the next interval's.
  const golden = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [1 / 64, 64];
  let a = high - golden * (high - low);
  let b = low + golden * (high - low);
  let [costA, costB] = [costOf(a), costOf(b)];
  while (high - low > 1e-4 * low) {
    // Infinitely wrong is too sharp; all right, as far as floats can tell, may be sharper yet.
    if (costA < costB || costA === Infinity) {
      [high, b, costB] = [b, a, costA];
      a = high - golden * (high - low);
      costA = costOf(a);
    } else {
      [low, a, costA] = [a, b, costB];
      b = low + golden * (high - low);
      costB = costOf(b);
    }
  }
  if (losses?.length === 0 || !Number.isFinite(Math.min(costA, costB))) return NaN;
  return areConstant(logits, cols) ? 1 : 2 / (low + high);
}

/** Whether no row has two different logits that are not masked: its softmax is the same at every temperature. */
function areConstant(logits: Float32Array, cols: number): boolean {
  let first = -Infinity;
  return logits.every((x, i) => {
    if (i % cols === 0) first = -Infinity;
    if (x === -Infinity) return true;
    if (first === -Infinity) first = x;
    return x === first;
  });
}

const FIT_OPTIONS = ['cols', 'targets', 'dtype'];

function fitOptions(
  x: unknown,
  options: unknown,
): { logits: Float32Array; cols: number; targets: Int32Array | Int32Result } {
  const name = 'fitTemperature';
  const given = readKnown(name, 'options', options, FIT_OPTIONS);
  const { targets, dtype } = given;
  if (!types.isInt32Array(targets)) {
    throw wrongType(name, 'options.targets', 'an Int32Array', targets);
  }
  const format = dtype === undefined ? 0 : formatIndex(name, 'options.dtype', FORMATS, dtype);
  const input = readFloats(name, 'x', x, format, BITS);
  const cols = size(name, 'options.cols', colsOf(given['cols'], input), 0);
  return { logits: widened(input), cols, targets };
}

/** The arguments of `auroc` and `aupr`. */
function scored(
  name: string,
  score: Numbers,
  label: Flags,
): { scores: Float64Array; labels: Float64Array; n: number } {
  const scores = numbersOf(name, 'score', score);
  const labels = flagsOf(name, 'label', label);
  requireSameLength(name, 'label', labels, 'score', scores);
  return { scores, labels, n: scores.length };
}

/** The lower first; infinities are as good as any number. */
function ascending(a: number, b: number): number {
  return a < b ? -1 : Number(a > b);
}

function descending(a: number, b: number): number {
  return ascending(b, a);
}

/** Indices in the order of their values, equals in that of the others: sums do not depend on the order that was given. */
function sortedBy(
  values: Float64Array,
  compare: (a: number, b: number) => number,
  others: Float64Array,
): number[] {
  return Array.from(values, (_, i) => i).sort(
    (i, j) => compare(values[i], values[j]) || ascending(others[i], others[j]),
  );
}
