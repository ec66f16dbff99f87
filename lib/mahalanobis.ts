/** How far a row of features lies from the classes of the training data, in standard deviations of that data. */
import { types } from 'node:util';
import { readKnown, size } from './check';
import { native } from './configure';
import { SoftlaneRangeError, wrongShape, wrongType, wrongValue } from './errors';
import type { Input } from './input';
import { BITS, colsOf, formatIndex, readFloats, widened } from './input';
import { writeRun } from './sampling/results';
import { FORMATS, SPEC_LENGTH, Spec, Status } from './spec';
import { plainStatusError } from './status';
import type { CallOptions, FloatInput, Float32Result, Int32Result } from './types';

/** What `mahalanobis` takes. */
export interface MahalanobisOptions {
  /** Features a row. */
  readonly cols: number;
  /** The mean of each class, `classes` rows of `cols`. */
  readonly means: Float32Array | Float64Array;
  /** The covariance that the classes share, `cols` rows of `cols`; of it the lower triangle is read. */
  readonly covariance: Float32Array | Float64Array;
}

/** What `fitMahalanobis` takes. */
export interface FitMahalanobisOptions {
  /** Features a row (default: the last dimension of a tensor; an array has to come with it). */
  readonly cols?: number | undefined;
  /** The class of each row, from 0 on. */
  readonly labels: Int32Array | Int32Result;
  /** How many classes there are (default: as many as the labels name). */
  readonly classes?: number | undefined;
  /** What is added to every variance, as a share of their mean: for covariances that are singular (default 0). */
  readonly ridge?: number | undefined;
  /** What the bits of a Uint16Array are. */
  readonly dtype?: CallOptions['dtype'];
}

/** Of each row. */
export interface MahalanobisScores {
  /** The squared distance to the nearest class. */
  readonly distance: Float32Result;
  /** That class, the lowest among equals; -1 where the distance is NaN. */
  readonly nearest: Int32Result;
}

type Numbers = Float32Array | Float64Array;
const FIT = 'fitMahalanobis';
const NAME = 'mahalanobis';

/** What `score` takes. */
export type MahalanobisRun = Pick<CallOptions, 'dtype' | 'threads' | 'isa'>;

/** Classes as they look where the shared covariance is the identity: distances are plain ones there. */
export class Mahalanobis {
  /** What native/ops/distance.h reads, in its order. */
  readonly #operands: readonly Float64Array[];
  readonly cols: number;
  readonly classes: number;

  /** Use {@link mahalanobis} or {@link fitMahalanobis}. */
  constructor(means: readonly Numbers[], factor: Float64Array, cols: number) {
    this.cols = cols;
    this.classes = means.length;
    const whitening = inverse(factor, cols);
    // Means are taken off before anything is multiplied: an offset of all features would take their digits.
    const centre = Float64Array.from({ length: cols }, (_, j) =>
      means.reduce((sum, mean) => sum + mean[j] / means.length, 0),
    );
    const white = new Float64Array(means.length * cols);
    means.forEach((mean, c) => {
      const apart = centre.map((middle, j) => mean[j] - middle);
      for (let i = 0; i < cols; i++) {
        let sum = 0;
        for (let j = 0; j <= i; j++) sum += whitening[j * cols + i] * apart[j];
        white[c * cols + i] = sum;
      }
    });
    this.#operands = [panels(whitening, cols), centre, white];
  }

  /**
   * The squared distance of each row of features to the nearest class, and that class. NaN for a row with a NaN, and for one
   * with an infinity, which has no direction. The same bits on every instruction set, for any number of threads and of rows.
   *
   * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
   * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_ISA`
   */
  score(features: FloatInput, options: MahalanobisRun = {}): MahalanobisScores {
    const given = readKnown(NAME, 'options', options, ['dtype', 'threads', 'isa']);
    const { array, format } = readFeatures(NAME, features, given['dtype']);
    const rows = rowsOf(NAME, array, this.cols);
    const distance = new Float32Array(rows);
    const nearest = new Int32Array(rows);
    const spec = new Float64Array(SPEC_LENGTH);
    // It follows those of the catalogue, the sampler and the speculator.
    spec[Spec.op] = native().operators.length + 2;
    writeRun(NAME, given, spec);
    spec[Spec.xFormat] = format;
    spec[Spec.rows] = rows;
    spec[Spec.cols] = spec[Spec.xStride] = this.cols;
    spec[Spec.yStride] = 1;
    spec[Spec.temperature] = this.classes;
    const status = native().run(spec, array, distance, ...this.#operands, nearest);
    if (status !== Status.OK) throw plainStatusError(NAME, status);
    return { distance, nearest };
  }
}

/** The inverse of a lower triangle, by columns. */
function inverse(factor: Float64Array, n: number): Float64Array {
  const columns = new Float64Array(n * n);
  for (let k = 0; k < n; k++) {
    const column = columns.subarray(k * n, (k + 1) * n);
    column[k] = 1 / factor[k * n + k];
    for (let i = k + 1; i < n; i++) {
      let sum = 0;
      for (let j = k; j < i; j++) sum += factor[i * n + j] * column[j];
      column[i] = -sum / factor[i * n + i];
    }
  }
  return columns;
}

/** Panels of sixteen rows, the sixteen elements of a column side by side; what is beyond the last row is 0. */
function panels(columns: Float64Array, n: number): Float64Array {
  const LANES = 16;
  const all = new Float64Array(Math.ceil(n / LANES) * LANES * n);
  for (let i = 0; i < n; i++) {
    const first = (i - (i % LANES)) * n + (i % LANES);
    for (let j = 0; j <= i; j++) all[first + j * LANES] = columns[j * n + i];
  }
  return all;
}

/** A tensor's rows lie one after the other, whatever its dims are. */
function readFeatures(name: string, features: unknown, dtype: unknown): Input {
  const format = dtype === undefined ? 0 : formatIndex(name, 'options.dtype', FORMATS, dtype);
  return readFloats(name, 'features', features, format, BITS);
}

function rowsOf(name: string, features: ArrayLike<number>, cols: number): number {
  if (features.length % cols === 0) return features.length / cols;
  const expected = `have a length that is a multiple of options.cols (${cols})`;
  throw wrongShape(name, 'features', expected, `a length of ${features.length}`);
}

/** L with L L' = covariance, by rows; undefined where there is none. */
function cholesky(covariance: Numbers, n: number): Float64Array | undefined {
  const factor = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let rest = covariance[i * n + j];
      for (let k = 0; k < j; k++) rest -= factor[i * n + k] * factor[j * n + k];
      if (i === j && !(rest > 0 && rest < Infinity)) return undefined;
      factor[i * n + j] = i === j ? Math.sqrt(rest) : rest / factor[j * n + j];
    }
  }
  return factor;
}

function numbers(name: string, argument: string, value: unknown): Numbers {
  if (!types.isFloat32Array(value) && !types.isFloat64Array(value)) {
    throw wrongType(name, argument, 'a Float32Array or a Float64Array', value);
  }
  return value;
}

function modelOf(
  name: string,
  means: readonly Numbers[],
  covariance: Numbers,
  cols: number,
): Mahalanobis {
  const factor = cholesky(covariance, cols);
  if (factor !== undefined) return new Mahalanobis(means, factor, cols);
  throw new SoftlaneRangeError(
    'ERR_SOFTLANE_VALUE',
    `${name}: expected the covariance to be positive definite (options.ridge of fitMahalanobis makes it so), received one that is not`,
  );
}

/**
 * The Mahalanobis score of features: the squared distance (f - m)' C^-1 (f - m) to the nearest of the classes' means m, C
 * being the covariance that they share. Large for what is like no training data. Everything is float64: a score for features
 * of hundreds of numbers, not for rows of a vocabulary.
 *
 * Source: Lee, Lee, Lee and Shin, A Simple Unified Framework for Detecting Out-of-Distribution Samples and Adversarial
 * Attacks, 2018, with the opposite sign: their confidence is the largest of the negative distances.
 *
 * @param options - `cols`, `means`, `covariance`
 * @returns what scores rows of features
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`
 *
 * @example
 * ```ts
 * import { mahalanobis } from 'softlane';
 * const means = Float32Array.of(0, 0, 4, 4);
 * const model = mahalanobis({ cols: 2, means, covariance: Float32Array.of(1, 0, 0, 4) });
 * const { distance, nearest } = model.score(Float32Array.of(0, 2, 4, 3));
 * console.log(distance, nearest); // 1, 0.25 and 0, 1
 * ```
 */
export function mahalanobis(options: MahalanobisOptions): Mahalanobis {
  const given = readKnown(NAME, 'options', options, ['cols', 'means', 'covariance']);
  const cols = size(NAME, 'options.cols', given['cols'], 1);
  const means = numbers(NAME, 'options.means', given['means']);
  const covariance = numbers(NAME, 'options.covariance', given['covariance']);
  if (means.length === 0 || means.length % cols !== 0) {
    const expected = `have whole rows of ${cols} features, one at least`;
    throw wrongShape(NAME, 'options.means', expected, `${means.length} elements`);
  }
  if (covariance.length !== cols * cols) {
    const expected = `have ${cols} rows of ${cols} elements`;
    throw wrongShape(NAME, 'options.covariance', expected, `${covariance.length} elements`);
  }
  const each = Array.from({ length: means.length / cols }, (_, c) =>
    means.subarray(c * cols, (c + 1) * cols),
  );
  return modelOf(NAME, each, covariance, cols);
}

/**
 * The same from training data: the means of its classes and the covariance that they share, the mean over all rows of (f -
 * m)(f - m)' with m of the row's own class.
 *
 * Source: Lee, Lee, Lee and Shin, 2018, as for `mahalanobis`; the ridge is not theirs.
 *
 * @param features - a row an item
 * @param options - `cols`, `labels`, `classes`, `ridge`, `dtype`
 * @returns what scores rows of features
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`
 *
 * @example
 * ```ts
 * import { fitMahalanobis } from 'softlane';
 * const training = Float32Array.of(0, 1, 0, -1, 1, 0, -1, 0, 5, 6, 5, 4, 6, 5, 4, 5);
 * const model = fitMahalanobis(training, { cols: 2, labels: Int32Array.of(0, 0, 0, 0, 1, 1, 1, 1) });
 * console.log(model.score(Float32Array.of(0, 0, 5, 9))); // distance 0, 32; nearest 0, 1
 * ```
 */
export function fitMahalanobis(features: FloatInput, options: FitMahalanobisOptions): Mahalanobis {
  const given = readKnown(FIT, 'options', options, ['cols', 'labels', 'classes', 'ridge', 'dtype']);
  const { labels, ridge = 0 } = given;
  const input = readFeatures(FIT, features, given['dtype']);
  const cols = size(FIT, 'options.cols', colsOf(given['cols'], input), 1);
  const x = widened(input);
  const rows = rowsOf(FIT, x, cols);
  if (!types.isInt32Array(labels)) throw wrongType(FIT, 'options.labels', 'an Int32Array', labels);
  if (labels.length !== rows || rows === 0) {
    const expected = `have ${Math.max(rows, 1)} elements`;
    throw wrongShape(FIT, 'options.labels', expected, `${labels.length} elements`);
  }
  if (typeof ridge !== 'number') throw wrongType(FIT, 'options.ridge', 'a number', ridge);
  if (!(ridge >= 0 && ridge < Infinity)) {
    throw wrongValue(FIT, 'options.ridge', 'a number of at least 0', ridge);
  }
  const at = x.findIndex((feature) => !Number.isFinite(feature));
  if (at >= 0) {
    const row = Math.floor(at / cols);
    throw wrongValue(FIT, `every feature (number ${at % cols} of row ${row})`, 'finite', x[at]);
  }
  const most = labels.reduce((a, b) => Math.max(a, b), 0);
  const classes = size(FIT, 'options.classes', given['classes'] ?? most + 1, 1);
  if (classes > rows) {
    const expected = `at most ${rows}, as every class is that of a row`;
    throw wrongValue(FIT, 'the number of classes', expected, classes);
  }
  const means = Array.from({ length: classes }, () => new Float64Array(cols));
  const counts = new Float64Array(classes);
  labels.forEach((label, row) => {
    if (!(label >= 0 && label < classes)) {
      throw wrongValue(FIT, `options.labels[${row}]`, `a class from 0 to ${classes - 1}`, label);
    }
    counts[label]++;
    for (let j = 0; j < cols; j++) means[label][j] += x[row * cols + j];
  });
  const empty = counts.indexOf(0);
  if (empty >= 0) throw wrongValue(FIT, `class ${empty}`, 'that of a row at least', 0);
  means.forEach((mean, c) => mean.forEach((sum, j) => (mean[j] = sum / counts[c])));
  const covariance = covarianceOf(x, labels, means, cols);
  let trace = 0;
  for (let i = 0; i < cols; i++) trace += covariance[i * cols + i];
  for (let i = 0; i < cols; i++) covariance[i * cols + i] += (ridge * trace) / cols;
  return modelOf(FIT, means, covariance, cols);
}

/** Its lower triangle. */
function covarianceOf(
  features: Float32Array,
  labels: Int32Array,
  means: readonly Float64Array[],
  cols: number,
): Float64Array {
  const covariance = new Float64Array(cols * cols);
  const apart = new Float64Array(cols);
  labels.forEach((label, row) => {
    for (let j = 0; j < cols; j++) apart[j] = features[row * cols + j] - means[label][j];
    for (let i = 0; i < cols; i++) {
      for (let j = 0; j <= i; j++) covariance[i * cols + j] += apart[i] * apart[j];
    }
  });
  return covariance.map((sum) => sum / labels.length);
}
