import { define } from './define';
import { algorithmOption, maskedRowOption, temperatureOption } from './operator';
import * as oracle from './oracle/softmax';
import { FORMATS } from './spec';
import type { CallOptions, FloatCall, RowOptions, RowCall } from './types';

/** How a row is normalised. The same result within the bound; each algorithm has its own bits on every machine. */
export type Algorithm =
  'auto' | 'two-pass' | 'three-pass-recompute' | 'three-pass-reload' | 'online';

interface NormaliserOptions {
  /** Default 'auto': chosen by shape, never by machine. */
  readonly algorithm?: Algorithm | undefined;
  /** Divides the logits; from 2^-100 to 2^100 (default 1). */
  readonly temperature?: number | undefined;
}

/** What `logSoftmax` takes. */
export interface LogSoftmaxOptions extends RowOptions, NormaliserOptions {}
/** What `softmax` takes. */
export interface SoftmaxOptions extends RowOptions, NormaliserOptions {
  /** Result of a row that is all -Infinity: 'nan' (default, as NumPy and PyTorch) or 'zero'. */
  readonly maskedRow?: 'nan' | 'zero' | undefined;
}
/** What `logSumExp` takes. */
export interface LogSumExpOptions extends CallOptions, NormaliserOptions {}

const SOURCE =
  'Dukhan and Ablavatski, The Two-Pass Softmax Algorithm, 2020; Milakov and Gimelshein, Online normalizer calculation for softmax, 2018';
const PAPERS = ['two-pass-softmax', 'online-softmax'] as const;

/**
 * Probabilities of each row: exp(x_i / T) / sum_j exp(x_j / T).
 *
 * Shape: rows x cols in, the same out, as a new Float32Array or the same kind of tensor. `out` may be `x` itself.
 *
 * Special values: -Infinity gives exactly 0; a row of only -Infinity gives NaN, or zeros with `maskedRow: 'zero'`; a
 * NaN or +Infinity makes its row NaN; an empty row gives nothing. Results below 2^-126 are +0.
 *
 * Error: at most 4 ULP for every result that is a normal float; largest measured 3.9 ULP.
 *
 * Source: Dukhan and Ablavatski, The Two-Pass Softmax Algorithm, 2020; Milakov and Gimelshein, Online normalizer
 * calculation for softmax, 2018.
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `out`, `algorithm`, `temperature`, `maskedRow`, `threads`, `isa`
 * @returns probabilities between 0 and 1, in the order of x
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { softmax } from 'softlane';
 * const logits = Float32Array.of(1, 2, 3, 1, 1, -Infinity);
 * const p = softmax(logits, { cols: 3 }); // two rows: 0.09, 0.24, 0.67 and 0.5, 0.5, 0
 * softmax(logits, { cols: 3, out: logits }); // in place
 * console.log(p);
 * ```
 */
export const softmax = define<RowCall<SoftmaxOptions>>({
  name: 'softmax',
  cli: 'softmax',
  family: 'softmax',
  driver: 'reduce-map',
  summary: 'exp(x / T) divided by its sum over the row',
  formats: FORMATS,
  options: {
    algorithm: algorithmOption,
    temperature: temperatureOption,
    maskedRow: maskedRowOption,
  },
  output: 'rows',
  element: 'float32',
  bound: { maxUlp: 4, measuredUlp: 3.9, absolute: 0, tiny: 'zero' },
  oracle: oracle.softmax,
  papers: PAPERS,
  source: SOURCE,
  docs: 'docs/two-pass-softmax.md',
});

/**
 * Log-probabilities of each row: x_i / T - log sum_j exp(x_j / T), without forming the probabilities.
 *
 * Shape: rows x cols in, the same out, as a new Float32Array or the same kind of tensor. `out` may be `x` itself.
 *
 * Special values: -Infinity gives -Infinity; a row of only -Infinity gives NaN; a NaN or +Infinity makes its row NaN;
 * an empty row gives nothing.
 *
 * Error: at most 4 ULP, results near 0 included; largest measured 2.9 ULP.
 *
 * Source: Dukhan and Ablavatski, The Two-Pass Softmax Algorithm, 2020; Milakov and Gimelshein, Online normalizer
 * calculation for softmax, 2018.
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `out`, `algorithm`, `temperature`, `threads`, `isa`
 * @returns natural logarithms, at most 0, in the order of x
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { logSoftmax } from 'softlane';
 * const logits = Float32Array.of(1, 2, 3);
 * console.log(logSoftmax(logits)); // -2.41, -1.41, -0.41
 * console.log(logSoftmax(logits, { temperature: 0.5 })); // sharper
 * ```
 */
export const logSoftmax = define<RowCall<LogSoftmaxOptions>>({
  name: 'logSoftmax',
  cli: 'log-softmax',
  family: 'softmax',
  driver: 'reduce-map',
  summary: 'logarithm of softmax, without forming it',
  formats: FORMATS,
  options: { algorithm: algorithmOption, temperature: temperatureOption },
  output: 'rows',
  element: 'float32',
  bound: { maxUlp: 4, measuredUlp: 2.9, absolute: 0, tiny: 'subnormal' },
  oracle: oracle.logSoftmax,
  papers: PAPERS,
  source: SOURCE,
  docs: 'docs/two-pass-softmax.md',
});

/**
 * One number per row: log sum_j exp(x_j / T).
 *
 * Shape: rows x cols in, [rows] out, as a new Float32Array; a tensor loses its last dimension.
 *
 * Special values: -Infinity counts as absent; a row of only -Infinity, or an empty one, gives -Infinity; +Infinity
 * gives +Infinity; NaN gives NaN.
 *
 * Error: at most 4 ULP, or 1e-15 absolute where that is more (below 2^-28, for rows that are normalised already);
 * largest measured 2.3 ULP.
 *
 * Source: Dukhan and Ablavatski, The Two-Pass Softmax Algorithm, 2020; Milakov and Gimelshein, Online normalizer
 * calculation for softmax, 2018.
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `out`, `algorithm`, `temperature`, `threads`, `isa`
 * @returns natural logarithms, one per row
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { logSumExp } from 'softlane';
 * const logits = Float32Array.of(1, 2, 3, 1, 1, -Infinity);
 * console.log(logSumExp(logits, { cols: 3 })); // 3.41, 1.69
 * ```
 */
export const logSumExp = define<FloatCall<LogSumExpOptions>>({
  name: 'logSumExp',
  cli: 'logsumexp',
  family: 'softmax',
  driver: 'reduce',
  summary: 'logarithm of the sum of exp(x / T) over the row',
  formats: FORMATS,
  options: { algorithm: algorithmOption, temperature: temperatureOption },
  output: 'perRow',
  element: 'float32',
  bound: { maxUlp: 4, measuredUlp: 2.3, absolute: 1e-15, tiny: 'subnormal' },
  oracle: oracle.logSumExp,
  papers: PAPERS,
  source: SOURCE,
  docs: 'docs/two-pass-softmax.md',
});
