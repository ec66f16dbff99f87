import { columnOperands, withColumns } from './columns';
import type { ColumnInputs } from './columns';
import { define } from './define';
import type { NumberRule } from './operator';
import * as oracle from './oracle/activation';
import { FORMATS, Spec } from './spec';
import type { RowOptions, RowCall } from './types';

export type SiluOptions = RowOptions;
/** What `gelu` takes. */
export type GeluOptions = RowOptions;
/** What `geluTanh` takes. */
export type GeluTanhOptions = RowOptions;
/** What `dyt` takes. */
export interface DytOptions extends RowOptions, ColumnInputs {
  /** Multiplies x; a number of magnitude 2^-100 to 2^100 (default 0.5). */
  readonly alpha?: number | undefined;
}

/**
 * The sigmoid linear unit of each element: x * sigmoid(x) = x / (1 + exp(-x)). Also called swish, with beta = 1.
 *
 * Shape: any length in, the same out, as a new Float32Array or the same kind of tensor; rows do not matter. `out` may
 * be `x` itself.
 *
 * Special values: -Infinity gives -0, the limit (x * sigmoid(x) as PyTorch computes it gives NaN there); +Infinity gives
 * +Infinity; NaN gives NaN, for its element alone; a zero keeps its sign. Results below 2^-126 round to subnormals.
 *
 * Error: at most 3 ULP for every float; largest measured 2.6 ULP.
 *
 * Source: Elfwing, Uchibe and Doya, Sigmoid-Weighted Linear Units for Neural Network Function Approximation in
 * Reinforcement Learning, 2017.
 *
 * @param x - a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `out`, `threads`, `isa`
 * @returns activations, in the order of x
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { silu } from 'softlane';
 * const hidden = Float32Array.of(-2, -1, 0, 1, 2);
 * console.log(silu(hidden)); // -0.24, -0.27, 0, 0.73, 1.76
 * silu(hidden, { out: hidden }); // in place
 * ```
 */
export const silu = define<RowCall<SiluOptions>>({
  name: 'silu',
  cli: 'silu',
  family: 'activation',
  driver: 'map',
  summary: 'x times its sigmoid, x / (1 + exp(-x)); also called swish',
  formats: FORMATS,
  options: {},
  output: 'rows',
  element: 'float32',
  bound: { maxUlp: 3, measuredUlp: 2.6, absolute: 0, tiny: 'subnormal' },
  oracle: oracle.silu,
  papers: [],
  source:
    'Elfwing, Uchibe and Doya, Sigmoid-Weighted Linear Units for Neural Network Function Approximation in Reinforcement Learning, 2017',
  docs: 'docs/activations.md',
});

/**
 * The Gaussian error linear unit of each element: x * Phi(x) = x * (1 + erf(x / sqrt(2))) / 2, exact, by no approximation
 * of its own name.
 *
 * Shape: any length in, the same out, as a new Float32Array or the same kind of tensor; rows do not matter. `out` may
 * be `x` itself.
 *
 * Special values: -Infinity gives -0, the limit (x * Phi(x) as PyTorch computes it gives NaN there); +Infinity gives
 * +Infinity; NaN gives NaN, for its element alone; a zero keeps its sign. Results below 2^-126 round to subnormals, and
 * the negative tail keeps its digits down to them.
 *
 * Error: at most 4 ULP for every float; largest measured 3.96 ULP.
 *
 * Source: Hendrycks and Gimpel, Gaussian Error Linear Units, 2016.
 *
 * @param x - a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `out`, `threads`, `isa`
 * @returns activations, in the order of x
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { gelu } from 'softlane';
 * console.log(gelu(Float32Array.of(-2, -1, 0, 1, 2))); // -0.05, -0.16, 0, 0.84, 1.95
 * ```
 */
export const gelu = define<RowCall<GeluOptions>>({
  name: 'gelu',
  cli: 'gelu',
  family: 'activation',
  driver: 'map',
  summary: 'x times the normal distribution function of x, exact (erf)',
  formats: FORMATS,
  options: {},
  output: 'rows',
  element: 'float32',
  bound: { maxUlp: 4, measuredUlp: 3.96, absolute: 0, tiny: 'subnormal' },
  oracle: oracle.gelu,
  papers: ['gelu'],
  source: 'Hendrycks and Gimpel, Gaussian Error Linear Units, 2016',
  docs: 'docs/activations.md',
});

/**
 * The approximation of GELU by tanh that many models were trained with: x * (1 + tanh(y)) / 2 with
 * y = sqrt(2 / pi) * (x + 0.044715 x^3). It differs from `gelu` by up to 4.7e-4, and is another operator.
 *
 * Shape: any length in, the same out, as a new Float32Array or the same kind of tensor; rows do not matter. `out` may
 * be `x` itself.
 *
 * Special values: -Infinity gives -0, the limit; +Infinity gives +Infinity; NaN gives NaN, for its element alone; a zero
 * keeps its sign. Results below 2^-126 round to subnormals, where 1 + tanh(y) as written has none left from -5.6 on.
 *
 * Error: at most 3 ULP for every float; largest measured 2.6 ULP.
 *
 * Source: Hendrycks and Gimpel, Gaussian Error Linear Units, 2016.
 *
 * @param x - a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `out`, `threads`, `isa`
 * @returns activations, in the order of x
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { geluTanh } from 'softlane';
 * console.log(geluTanh(Float32Array.of(-2, -1, 0, 1, 2))); // -0.05, -0.16, 0, 0.84, 1.95
 * ```
 */
export const geluTanh = define<RowCall<GeluTanhOptions>>({
  name: 'geluTanh',
  cli: 'gelu-tanh',
  family: 'activation',
  driver: 'map',
  summary: 'the approximation of gelu by tanh, x (1 + tanh(sqrt(2/π) (x + 0.044715 x³))) / 2',
  formats: FORMATS,
  options: {},
  output: 'rows',
  element: 'float32',
  bound: { maxUlp: 3, measuredUlp: 2.6, absolute: 0, tiny: 'subnormal' },
  oracle: oracle.geluTanh,
  papers: ['gelu'],
  source: 'Hendrycks and Gimpel, Gaussian Error Linear Units, 2016',
  docs: 'docs/activations.md',
});

const alphaOption: NumberRule = {
  kind: 'number',
  index: Spec.alpha,
  default: 0.5,
  expected: 'a number of magnitude 2^-100 to 2^100',
  check: (value) => Math.abs(value) >= 2 ** -100 && Math.abs(value) <= 2 ** 100,
  summary: 'multiplies x',
};

/**
 * Dynamic Tanh, weight * tanh(alpha * x) + bias, with a weight and a bias a column: what stands in the place of a
 * normalisation in transformers without one.
 *
 * Shape: rows x cols in, the same out, as a new Float32Array or the same kind of tensor; without weight and bias rows do
 * not matter. `out` may be `x` itself. `weight` and `bias` have [cols] elements.
 *
 * Special values: -Infinity and +Infinity give the limits, 1 with a sign; NaN gives NaN, for its element alone; a zero
 * keeps its sign (changes it, for a negative alpha). Results below 2^-126 round to subnormals; no tanh is beyond 1.
 *
 * Error: at most 3 ULP for every float, of the larger where product and bias cancel; largest measured 2.4 ULP.
 *
 * Source: Zhu, Chen, He, LeCun and Liu, Transformers without Normalization, 2025.
 *
 * @param x - a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `out`, `weight`, `bias`, `alpha`, `threads`, `isa`
 * @returns activations, in the order of x; from -1 to 1 without weight and bias
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { dyt } from 'softlane';
 * const hidden = Float32Array.of(-2, -1, 0, 1, 2);
 * console.log(dyt(hidden)); // -0.76, -0.46, 0, 0.46, 0.76
 * console.log(dyt(hidden, { alpha: 2 })); // -1.00, -0.96, 0, 0.96, 1.00
 * const weight = Float32Array.of(1, 1, 1, 2, 2);
 * console.log(dyt(hidden, { weight, bias: Float32Array.of(0, 0, 1, 1, 1) })); // -0.76, -0.46, 1, 1.92, 2.52
 * ```
 */
export const dyt = define<RowCall<DytOptions, ColumnInputs>>({
  name: 'dyt',
  cli: 'dyt',
  family: 'activation',
  driver: 'map',
  summary: 'Dynamic Tanh, weight tanh(alpha x) + bias',
  formats: FORMATS,
  options: { alpha: alphaOption },
  output: 'rows',
  element: 'float32',
  operands: columnOperands,
  bound: { maxUlp: 3, measuredUlp: 2.4, absolute: 0, tiny: 'subnormal' },
  oracle: withColumns(oracle.dyt, 2 ** -126),
  papers: ['dynamic-tanh'],
  source: 'Zhu, Chen, He, LeCun and Liu, Transformers without Normalization, 2025',
  docs: 'docs/activations.md',
});
