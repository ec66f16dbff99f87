/** What several rows of logits about one thing have in common: an ensemble's, or those of draws with dropout. */
import { define } from './define';
import type { Bound, OutputOperand } from './operator';
import { countOption, temperatureOption } from './operator';
import * as oracle from './oracle/ensemble';
import { FORMATS } from './spec';
import type {
  Float32Result,
  LogitOptions,
  Names,
  NoInputs,
  PartsOutput,
  RecordCall,
} from './types';

/** What `ensembleStats` can give, one element a group each. */
export interface EnsembleStatistics {
  /** Of the members' mean distribution, in nats. */
  readonly predictiveEntropy: Float32Result;
  /** The mean of the members' entropies. */
  readonly expectedEntropy: Float32Result;
  /** The difference of the two, which is the mean divergence of the members from their mean: BALD. */
  readonly mutualInformation: Float32Result;
  /** The share of the members whose largest column is not the one that most have. */
  readonly variationRatio: Float32Result;
  /** The mean over pairs of members of the probability that a draw from each is the same column. */
  readonly agreement: Float32Result;
}

export type EnsembleStatistic = keyof EnsembleStatistics;

/** What `ensembleStats` takes. */
export interface EnsembleStatsOptions extends LogitOptions {
  /** What to compute, one at least. */
  readonly stats?: Names<EnsembleStatistic> | undefined;
  /** How many rows, one after another, are a group: from 1 to 256 (default 1). */
  readonly members?: number | undefined;
  /** Arrays for the results; what is here is asked for. */
  readonly out?: PartsOutput<EnsembleStatistics> | undefined;
}

function output(
  name: EnsembleStatistic,
  summary: string,
  bound: Partial<Bound>,
  options: readonly string[] = ['temperature', 'members'],
): OutputOperand {
  const exact = { maxUlp: 0, measuredUlp: 0, absolute: 0, tiny: 'subnormal' } as const;
  return {
    role: 'output',
    name,
    element: 'float32',
    extent: 'perRow',
    optional: true,
    summary,
    options,
    bound: { ...exact, ...bound },
  };
}

/**
 * How sure several models, or several draws of one, are together, and how far they agree: what is asked for of each group of
 * rows, those of its members. What is not asked for is not computed.
 *
 * Shape: x has `members` rows of `cols` for each group, one after another: an array, or a tensor of [..., members, cols].
 * Out comes an object of arrays of [groups], one by the name of each statistic: new ones, or those of `out`; tensors if x
 * is one, without its last two dimensions. `stride` is the distance of two groups. Each row is read two times.
 *
 * Special values: -Infinity is masked: that member gives the column no probability. A group in which a row has a NaN or a
 * +Infinity, or no element that is not masked, gives NaN. One member alone agrees with itself: 0 for mutualInformation and
 * variationRatio, 1 for agreement.
 *
 * Error: at most 16 ULP, results near 0 included (mutualInformation: or 1e-13 absolute where that is more; of
 * expectedEntropy at most 4, of predictiveEntropy 8, of agreement 8, or 1e-42); largest measured 6.7 ULP.
 *
 * Source: Houlsby, Huszár, Ghahramani and Lengyel, Bayesian Active Learning for Classification and Preference Learning, 2011
 * (BALD); Freeman, Elementary Applied Statistics, 1965 (variation ratio); Odonnat, Feofanov and Redko, Leveraging Ensemble
 * Diversity for Robust Self-Training in the Presence of Sample Selection Bias, 2024 (agreement).
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - `stats`, `members`, `temperature`, shape, `out`, `threads`, `isa`
 * @returns an object with an array by the name of each statistic that was asked for
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { ensembleStats } from 'softlane';
 * const logits = Float32Array.of(4, 0, 4, 0, 4, 0, 0, 4); // two members that agree, two that do not
 * const stats = ['mutualInformation', 'variationRatio'] as const;
 * const { mutualInformation, variationRatio } = ensembleStats(logits, { cols: 2, members: 2, stats });
 * console.log(mutualInformation, variationRatio); // 0, 0.603 and 0, 0.5
 * ```
 */
export const ensembleStats = define<RecordCall<EnsembleStatsOptions, NoInputs, EnsembleStatistics>>(
  {
    name: 'ensembleStats',
    cli: null,
    family: 'ensemble',
    driver: 'reduce',
    summary:
      'statistics of groups of rows: mutual information of an ensemble, agreement and others',
    formats: FORMATS,
    options: {
      temperature: temperatureOption,
      members: countOption(7, 1, 'how many rows are a group'),
    },
    output: 'record',
    element: 'float32',
    group: 'members',
    operands: [
      output('predictiveEntropy', 'entropy of the mean distribution', {
        maxUlp: 8,
        measuredUlp: 4.7,
      }),
      output('expectedEntropy', 'mean of the entropies', { maxUlp: 4, measuredUlp: 3.1 }),
      output('mutualInformation', 'the difference of the two', {
        maxUlp: 16,
        measuredUlp: 6.7,
        absolute: 1e-13,
      }),
      output(
        'variationRatio',
        'share of the members beside the mode of their choices',
        { maxUlp: 1, measuredUlp: 0.5 },
        ['members'],
      ),
      output('agreement', 'mean over pairs of the sum of the products of probabilities', {
        absolute: 1e-42,
        maxUlp: 8,
        measuredUlp: 6.4,
      }),
    ],
    lists: 'stats',
    bound: { maxUlp: 16, measuredUlp: 6.7, absolute: 1e-13, tiny: 'subnormal' },
    oracle: oracle.ensembleStats,
    papers: [
      'mc-active-learning-scores',
      'ensemble-agreement-score',
      'prompt-flatness-mi',
      'active-learning-scores',
    ],
    source:
      'Houlsby, Huszár, Ghahramani and Lengyel, Bayesian Active Learning for Classification and Preference Learning, 2011; Freeman, Elementary Applied Statistics, 1965; Odonnat, Feofanov and Redko, Leveraging Ensemble Diversity for Robust Self-Training in the Presence of Sample Selection Bias, 2024',
    docs: 'docs/scores.md',
  },
);
