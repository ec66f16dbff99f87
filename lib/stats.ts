import { define } from './define';
import type { Bound, Element, Extent, NumberRule, OutputOperand } from './operator';
import { largestOption, nanOption, temperatureOption } from './operator';
import * as oracle from './oracle/stats';
import { FORMATS, Spec } from './spec';
import type { TargetInputs } from './targets';
import { targetsOperand } from './targets';
import type { CallOptions, Float32Result, Int32Result, Names, NoInputs, RecordCall } from './types';

/** What `rowStats` gives, each where it was asked for: one element a row, or `k`. */
export interface RowStatistics {
  /** The largest element. */
  readonly max: Float32Result;
  /** Its index, the lowest among equals; -1 for a row without elements that are not masked. */
  readonly argMax: Int32Result;
  /** The second largest; equal elements are two. -Infinity where there is none. */
  readonly secondMax: Float32Result;
  /** The smallest; Infinity where there is none. */
  readonly min: Float32Result;
  /** The `k` largest, the largest first, [rows x k]; -Infinity where there are fewer. */
  readonly topValues: Float32Result;
  /** Their indices, of equals the lowest first; -1 where there are fewer. */
  readonly topIndices: Int32Result;
  /** log sum_i exp(x_i / T) */
  readonly logSumExp: Float32Result;
  /** sum_i exp(x_i / T) = mantissa * 2^exponent * exp(offset / T), as a `LogSumExpState` has it: this is its mantissa. */
  readonly mantissa: Float32Result;
  /** The exponent that goes with it: of the power of two that is nearest to exp(max / T). */
  readonly exponent: Int32Result;
  /** The offset that goes with them: 0, or, where |max / T| is 22,000 or more, max. */
  readonly offset: Float32Result;
  /** How many elements are not masked. */
  readonly count: Int32Result;
  readonly sum: Float32Result;
  readonly sumOfSquares: Float32Result;
  readonly mean: Float32Result;
  /** sum_i (x_i - mean)^2 / n: divided by n, not by n - 1. */
  readonly variance: Float32Result;
  /** The root of `variance`. */
  readonly standardDeviation: Float32Result;
  /** (sum_i |x_i - mean|^p)^(1/p) */
  readonly pNorm: Float32Result;
  /** -sum_i p_i ln p_i, with p = softmax(x / T) */
  readonly entropy: Float32Result;
  /** sum_i p_i^2, the probability that two draws are equal. */
  readonly collisionProbability: Float32Result;
  /** The element at the target. */
  readonly targetLogit: Float32Result;
  readonly targetProbability: Float32Result;
  readonly targetLogProbability: Float32Result;
  /** Elements that are larger than the target's, or equal and before it: 0 where the target is argMax. */
  readonly targetRank: Int32Result;
  /** log of the sum of exp(x_i / T) over every element but the target. */
  readonly othersLogSumExp: Float32Result;
}

/** The name of a statistic. */
export type Statistic = keyof RowStatistics;

/** What `rowStats` takes. */
export interface RowStatsOptions extends CallOptions, Partial<TargetInputs> {
  /** The statistics to compute; nothing else is. Those in `out` are computed too. */
  readonly stats?: Names<Statistic> | undefined;
  /** Where results go; the others are new arrays. */
  readonly out?: { readonly [Name in Statistic]?: RowStatistics[Name] | undefined } | undefined;
  /** Divides the logits in all that has to do with probabilities; from 2^-100 to 2^100 (default 1). */
  readonly temperature?: number | undefined;
  /** Of `pNorm`: a whole number from 1 to 32 (default 2). */
  readonly p?: number | undefined;
  /** Of `topValues` and `topIndices`: elements of each row, from 1 to the number of columns (default 1). */
  readonly k?: number | undefined;
  /** A row with a NaN: 'throw' (default), or 'masked', which takes NaN for a masked element. */
  readonly nan?: 'throw' | 'masked' | undefined;
}

const pOption: NumberRule = {
  kind: 'number',
  index: Spec.temperature + 2,
  default: 2,
  expected: 'a whole number from 1 to 32',
  check: (value) => Number.isInteger(value) && value >= 1 && value <= 32,
  summary: 'of the p-norm',
};

function output(
  name: Statistic,
  summary: string,
  options: readonly string[] = [],
  {
    element = 'float32',
    extent = 'perRow',
    ...bound
  }: Partial<Bound> & { element?: Element; extent?: Extent } = {},
): OutputOperand {
  const exact = { maxUlp: 0, measuredUlp: 0, absolute: 0, tiny: 'subnormal' } as const;
  const needs = name.startsWith('target') || name.startsWith('others') ? 'targets' : undefined;
  return {
    role: 'output',
    name,
    element,
    extent,
    optional: true,
    summary,
    options,
    bound: { ...exact, ...bound },
    ...(needs && { needs }),
  };
}

const ofTop = { extent: { option: 'k' } } as const;

/**
 * Any of 24 statistics of each row at once, in one read of it; what is not asked for is not computed.
 *
 * Shape: rows x cols in, an object of arrays of [rows] out, one by the name of each statistic: new ones, or those of
 * `out`; tensors if x is one, without its last dimension. `topValues` and `topIndices` are [rows x k]. `pNorm` reads the
 * row twice, and so does `logSumExp` where the result is nearly 0; the k largest, with a k of more than 1024, read it three
 * times more.
 *
 * Shards: what several ranges of columns give is put together by `mergeRowStats`; the sum of exponentials is a pair that
 * `LogSumExpState.merge` takes too.
 *
 * Special values: -Infinity is masked: it is counted out of every statistic, means and variances too. A NaN throws, with
 * the row in the error, or is masked with `nan: 'masked'`. +Infinity gives a max, sums, mean and logSumExp of +Infinity,
 * and NaN for what there is none of: probabilities, entropy, variance. A row without elements that are not masked gives
 * -Infinity for max, secondMax, topValues, logSumExp, targetLogit and othersLogSumExp, +Infinity for min, -1 for argMax and
 * topIndices, 0 for count, sums, mantissa, exponent and offset, NaN for the others, and the rank of a target among equals. A
 * target that is masked has the probability 0. A target that is no index of a column throws, with its row; rows without
 * columns have none. A zero is +0.
 *
 * Error: at most 8 ULP of collisionProbability, 4 of the others (of the largest term, where those of sum and mean cancel),
 * tiny probabilities and entropies included (logSumExp and othersLogSumExp: or 1e-15 absolute where that is more; those of
 * orders, indices and counts, exponent and offset are exact); largest measured 4.3 ULP.
 *
 * Source: the definitions; Chan, Golub and LeVeque, Updating Formulae and a Pairwise Algorithm for Computing Sample
 * Variances, 1979; Dukhan and Ablavatski, The Two-Pass Softmax Algorithm, 2020.
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - `stats`, `targets`, `temperature`, `k`, `p`, `nan`, shape, `out`, `threads`, `isa`
 * @returns an object with an array by the name of each statistic that was asked for
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { rowStats } from 'softlane';
 * const logits = Float32Array.of(1, 2, 3, 9, 1, -Infinity);
 * const { argMax, entropy } = rowStats(logits, { cols: 3, stats: ['argMax', 'entropy'] });
 * console.log(argMax, entropy); // 2, 0 and 0.832, 0.003
 * const targets = Int32Array.of(1, 0);
 * console.log(rowStats(logits, { cols: 3, stats: ['targetRank'], targets }).targetRank); // 1, 0
 * ```
 */
export const rowStats = define<
  RecordCall<RowStatsOptions, NoInputs, RowStatistics, Partial<TargetInputs>>
>({
  name: 'rowStats',
  cli: null,
  family: 'stats',
  driver: 'reduce',
  summary: 'any statistics of the row at once: moments, entropy, the rank of a target and others',
  formats: FORMATS,
  options: { temperature: temperatureOption, p: pOption, k: largestOption(3), nan: nanOption },
  output: 'record',
  element: 'float32',
  operands: [
    targetsOperand(true),
    output('max', 'the largest element'),
    output('argMax', 'its index, the lowest among equals', [], { element: 'int32' }),
    output('secondMax', 'the second largest element'),
    output('min', 'the smallest element'),
    output('topValues', 'the k largest elements', ['k'], ofTop),
    output('topIndices', 'their indices', ['k'], { element: 'int32', ...ofTop }),
    output('logSumExp', 'log of the sum of exp(x / T)', ['temperature'], {
      maxUlp: 4,
      measuredUlp: 2.3,
      absolute: 1e-15,
    }),
    output('mantissa', 'of that sum: mantissa 2^exponent exp(offset / T)', ['temperature'], {
      maxUlp: 4,
      measuredUlp: 1.5,
    }),
    output('exponent', 'that goes with it', ['temperature'], { element: 'int32' }),
    output('offset', 'that goes with them', ['temperature']),
    output('count', 'the elements that are not masked', [], { element: 'int32' }),
    output('sum', 'their sum', [], { maxUlp: 4, measuredUlp: 0.6 }),
    output('sumOfSquares', 'the sum of their squares', [], { maxUlp: 4, measuredUlp: 2.7 }),
    output('mean', 'the mean', [], { maxUlp: 4, measuredUlp: 0.6 }),
    output('variance', 'the mean of the squared deviations from it', [], {
      maxUlp: 4,
      measuredUlp: 2.8,
    }),
    output('standardDeviation', 'its root', [], { maxUlp: 4, measuredUlp: 1.6 }),
    output('pNorm', 'the p-norm of the deviations', ['p'], { maxUlp: 4, measuredUlp: 2 }),
    output('entropy', 'of softmax(x / T), in nats', ['temperature'], {
      maxUlp: 4,
      measuredUlp: 3.1,
    }),
    output('collisionProbability', 'the sum of the squared probabilities', ['temperature'], {
      maxUlp: 8,
      measuredUlp: 4.3,
    }),
    output('targetLogit', 'the element at the target'),
    output('targetProbability', 'its probability', ['temperature'], {
      maxUlp: 4,
      measuredUlp: 1.7,
    }),
    output('targetLogProbability', 'the logarithm of that', ['temperature'], {
      maxUlp: 4,
      measuredUlp: 1.7,
    }),
    output('targetRank', 'the elements before it in order', [], { element: 'int32' }),
    output('othersLogSumExp', 'logSumExp without it', ['temperature'], {
      maxUlp: 4,
      measuredUlp: 2.3,
      absolute: 1e-15,
    }),
  ],
  lists: 'stats',
  bound: { maxUlp: 8, measuredUlp: 4.3, absolute: 1e-15, tiny: 'subnormal' },
  oracle: oracle.rowStats,
  papers: [],
  source:
    'Chan, Golub and LeVeque, Updating Formulae and a Pairwise Algorithm for Computing Sample Variances, 1979; Dukhan and Ablavatski, The Two-Pass Softmax Algorithm, 2020',
  docs: 'docs/scores.md',
});
