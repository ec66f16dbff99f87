import { define } from './define';
import * as oracle from './oracle/activation';
import type { FloatCall, RowOptions } from './types';

export type SiluOptions = RowOptions;

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
export const silu = define<FloatCall<SiluOptions>>({
  name: 'silu',
  cli: 'silu',
  family: 'activation',
  driver: 'map',
  summary: 'x times its sigmoid, x / (1 + exp(-x)); also called swish',
  formats: ['f32'],
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
