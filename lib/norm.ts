import { columnOperands, withColumns } from './columns';
import type { ColumnInputs, RowOracle } from './columns';
import { define } from './define';
import type { Bound, InputOperand, NumberRule, Operator, OutputOperand } from './operator';
import * as oracle from './oracle/norm';
import { FORMATS, Spec } from './spec';
import type {
  CallOptions,
  FloatInput,
  Float32Result,
  PartsOutput,
  RecordCall,
  RowOptions,
  RowCall,
} from './types';

/** What the normalisations take. */
export interface NormOptions extends RowOptions, ColumnInputs {
  /** Added to the mean of squares before the root; from 0 to 2^100 (default 1e-5). */
  readonly epsilon?: number | undefined;
}

export interface ResidualInputs extends ColumnInputs {
  /** What is added to x before: as many rows, of as many columns, without gaps. */
  readonly residual: FloatInput;
}

/** What the norms of a sum always give. */
export interface AddNormParts {
  /** The normalised rows. */
  readonly normalised: Float32Result;
}

/** What they give where it is asked for. */
export interface AddNormSum {
  /** x + residual, of which the norm is. */
  readonly sum: Float32Result;
}

/** What the norms of a sum take. */
export interface AddNormOptions extends CallOptions, ResidualInputs {
  /** Added to the mean of squares before the root; from 0 to 2^100 (default 1e-5). */
  readonly epsilon?: number | undefined;
  /** Also x + residual, which the next layer takes for its residual. */
  readonly sum?: boolean | undefined;
  /** Arrays for the results; those that are absent are made. */
  readonly out?: PartsOutput<AddNormParts & AddNormSum> | undefined;
}

const epsilonOption: NumberRule = {
  kind: 'number',
  index: Spec.epsilon,
  default: 1e-5,
  expected: 'a number from 0 to 2^100',
  check: (value) => value >= 0 && value <= 2 ** 100,
  summary: 'added to the mean of squares before the root',
};

/**
 * Each row less its mean, over its standard deviation, with a weight and a bias a column: weight_i (x_i - mean) /
 * sqrt(variance + epsilon) + bias_i, the variance being the mean of the squared deviations (over cols, not cols - 1).
 *
 * Shape: rows x cols in, the same out, as a new Float32Array or the same kind of tensor. `out` may be `x` itself.
 * `weight` and `bias` have [cols] elements; either may be absent.
 *
 * Special values: a NaN or an infinity of either sign makes its row NaN; a row of equal elements gives zeros (its bias),
 * with an epsilon of 0 too; an empty row gives nothing. Results below 2^-126 round to subnormals. No finite row overflows
 * before its weight.
 *
 * Error: at most 4 ULP, of the largest of the result, the bias and 2^-16 of the weight (for elements that nearly are the
 * mean, and for products that the bias cancels), whatever the offset of the row; largest measured 3.7 ULP.
 *
 * Source: Ba, Kiros and Hinton, Layer Normalization, 2016.
 *
 * @param x - a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `out`, `weight`, `bias`, `epsilon`, `threads`, `isa`
 * @returns normalised rows, in the order of x
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { layerNorm } from 'softlane';
 * const hidden = Float32Array.of(1, 2, 3, 10, 20, 30);
 * console.log(layerNorm(hidden, { cols: 3 })); // -1.22, 0, 1.22, -1.22, 0, 1.22
 * const [weight, bias] = [Float32Array.of(1, 2, 3), Float32Array.of(1, 0, -3)];
 * console.log(layerNorm(hidden, { cols: 3, weight, bias })); // -0.22, 0, 0.67, -0.22, 0, 0.67
 * ```
 */
export const layerNorm = define<RowCall<NormOptions, ColumnInputs>>({
  name: 'layerNorm',
  cli: 'layer-norm',
  family: 'norm',
  driver: 'reduce-map',
  summary: 'the row less its mean, over the root of its variance + epsilon; weight and bias',
  formats: FORMATS,
  options: { epsilon: epsilonOption },
  output: 'rows',
  element: 'float32',
  operands: columnOperands,
  bound: { maxUlp: 4, measuredUlp: 3.7, absolute: 0, tiny: 'subnormal' },
  oracle: withColumns(oracle.layerNorm, 2 ** -16),
  papers: ['layer-norm'],
  source: 'Ba, Kiros and Hinton, Layer Normalization, 2016',
  docs: 'docs/norm.md',
});

/**
 * Each row over its root mean square, with a weight and a bias a column: weight_i x_i / sqrt(mean of x_j^2 + epsilon) +
 * bias_i.
 *
 * Shape: rows x cols in, the same out, as a new Float32Array or the same kind of tensor. `out` may be `x` itself.
 * `weight` and `bias` have [cols] elements; either may be absent.
 *
 * Special values: a NaN or an infinity of either sign makes its row NaN; a row of equal elements gives 1 or -1, a row of
 * zeros zeros, with an epsilon of 0 too; an empty row gives nothing. Results below 2^-126 round to subnormals. No finite
 * row overflows before its weight.
 *
 * Error: at most 3 ULP, of the larger of the result and the bias, where the two cancel; largest measured 2.5 ULP.
 *
 * Source: Zhang and Sennrich, Root Mean Square Layer Normalization, 2019.
 *
 * @param x - a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `out`, `weight`, `bias`, `epsilon`, `threads`, `isa`
 * @returns normalised rows, in the order of x
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { rmsNorm } from 'softlane';
 * console.log(rmsNorm(Float32Array.of(3, -4, 0, 0))); // 1.20, -1.60, 0, 0
 * console.log(rmsNorm(Float32Array.of(3, -4), { weight: Float32Array.of(1, 2) })); // 0.85, -2.26
 * ```
 */
export const rmsNorm = define<RowCall<NormOptions, ColumnInputs>>({
  name: 'rmsNorm',
  cli: 'rms-norm',
  family: 'norm',
  driver: 'reduce-map',
  summary: 'the row over the root of its mean square + epsilon; weight and bias',
  formats: FORMATS,
  options: { epsilon: epsilonOption },
  output: 'rows',
  element: 'float32',
  operands: columnOperands,
  bound: { maxUlp: 3, measuredUlp: 2.5, absolute: 0, tiny: 'subnormal' },
  oracle: withColumns(oracle.rmsNorm, 2 ** -126),
  papers: ['rms-norm'],
  source: 'Zhang and Sennrich, Root Mean Square Layer Normalization, 2019',
  docs: 'docs/norm.md',
});

const residualOperand: InputOperand = {
  role: 'input',
  name: 'residual',
  element: 'float32',
  extent: 'rows',
  optional: false,
  summary: 'what is added to x before',
  example: (row) => row.map((_, i) => 0.25 - 0.75 * row[(i + 1) % row.length]),
};

const normalised = { name: 'normalised', optional: false, summary: 'the normalised rows' };
const sum = { name: 'sum', optional: true, summary: 'x + residual', options: [] };

function rowOutput(bound: Bound, part: Pick<OutputOperand, 'name' | 'optional' | 'summary'>) {
  return { role: 'output', element: 'float32', extent: 'rows', bound, ...part } as const;
}

/** What the line of a norm of x + residual has of the norm's own. */
function ofSum(norm: Operator): Omit<Operator, 'name' | 'cli' | 'summary'> {
  const { family, driver, formats, options, element, bound, papers, source, docs } = norm;
  const exact = { maxUlp: 0, measuredUlp: 0, absolute: 0, tiny: 'subnormal' } as const;
  return {
    ...{ family, driver, formats, options, element, bound, papers, source, docs },
    output: 'record',
    operands: [
      residualOperand,
      ...columnOperands,
      rowOutput(bound, normalised),
      rowOutput(exact, sum),
    ],
    oracle: oracle.ofSum(norm.oracle as RowOracle),
  };
}

/**
 * The layerNorm of x + residual, with a weight and a bias a column, and, where asked for, the sum itself: what stands at the
 * beginning of each block of a transformer, in one read of x and the residual.
 *
 * The sum is rounded to float32, once, before anything else: `normalised` has the bits of `layerNorm` of `sum`.
 *
 * Shape: rows x cols in, an object of arrays [rows x cols] out: `normalised`, and `sum`; tensors if x is one. Any of them
 * may be given in `out`, apart from x and the inputs. `residual` has [rows x cols] elements, `weight` and `bias` have
 * [cols].
 *
 * Special values: as those of `layerNorm` of the sum; a sum beyond the largest float is an infinity, which makes its row
 * NaN.
 *
 * Error: that of `layerNorm`, at most 4 ULP; `sum` is exact but for its one rounding; largest measured 3.7 ULP.
 *
 * Source: Ba, Kiros and Hinton, Layer Normalization, 2016.
 *
 * @param x - a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `residual`, `weight`, `bias`, `sum`, `epsilon`, `out`, `threads`, `isa`
 * @returns an object with `normalised`, and `sum` if it was asked for
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { addLayerNorm } from 'softlane';
 * const x = Float32Array.of(1, 2, 3);
 * const residual = Float32Array.of(2, 2, -3);
 * const { normalised, sum } = addLayerNorm(x, { residual, sum: true });
 * console.log(normalised, sum); // 0.39, 0.98, -1.37 and 3, 4, 0
 * ```
 */
export const addLayerNorm = define<
  RecordCall<AddNormOptions, AddNormParts, AddNormSum, ResidualInputs>
>({
  name: 'addLayerNorm',
  cli: null,
  summary: 'layerNorm of x + residual, and that sum',
  ...ofSum(layerNorm.operator),
});

/**
 * The rmsNorm of x + residual, with a weight and a bias a column, and, where asked for, the sum itself: what stands at the
 * beginning of each block of a transformer, in one read of x and the residual.
 *
 * The sum is rounded to float32, once, before anything else: `normalised` has the bits of `rmsNorm` of `sum`.
 *
 * Shape: rows x cols in, an object of arrays [rows x cols] out: `normalised`, and `sum`; tensors if x is one. Any of them
 * may be given in `out`, apart from x and the inputs. `residual` has [rows x cols] elements, `weight` and `bias` have
 * [cols].
 *
 * Special values: as those of `rmsNorm` of the sum; a sum beyond the largest float is an infinity, which makes its row
 * NaN.
 *
 * Error: that of `rmsNorm`, at most 3 ULP; `sum` is exact but for its one rounding; largest measured 2.5 ULP.
 *
 * Source: Zhang and Sennrich, Root Mean Square Layer Normalization, 2019.
 *
 * @param x - a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `residual`, `weight`, `bias`, `sum`, `epsilon`, `out`, `threads`, `isa`
 * @returns an object with `normalised`, and `sum` if it was asked for
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { addRmsNorm } from 'softlane';
 * const x = Float32Array.of(1, 2, 3);
 * const residual = Float32Array.of(2, 2, -3);
 * const { normalised, sum } = addRmsNorm(x, { residual, sum: true });
 * console.log(normalised, sum); // 1.04, 1.39, 0 and 3, 4, 0
 * ```
 */
export const addRmsNorm = define<
  RecordCall<AddNormOptions, AddNormParts, AddNormSum, ResidualInputs>
>({
  name: 'addRmsNorm',
  cli: null,
  summary: 'rmsNorm of x + residual, and that sum',
  ...ofSum(rmsNorm.operator),
});
