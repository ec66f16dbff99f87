import { define } from './define';
import * as oracle from './oracle/select';
import type { OutputOperand } from './operator';
import { largestOption, nanOption, temperatureOption } from './operator';
import { FORMATS, Spec } from './spec';
import type {
  CallOptions,
  Float32Result,
  IndexCall,
  Int32Result,
  PartsOutput,
  RecordCall,
} from './types';

/** What `argMax` takes. */
export type ArgMaxOptions = CallOptions;

/**
 * Index of the largest element of each row, the lowest among equals.
 *
 * Shape: rows x cols in, [rows] out, as a new Int32Array; a tensor loses its last dimension and gets type 'int32'.
 *
 * Special values: a row with a NaN gives -1, so that it is never taken for a class; an empty row gives -1; a row of only
 * -Infinity gives 0; -0 equals 0.
 *
 * Error: at most 0 ULP, the result is exact; largest measured 0 ULP.
 *
 * Source: ONNX ArgMax with select_last_index = 0.
 *
 * @param x - a Float32Array, or an object with `data` and `dims`
 * @param options - `cols`, `stride`, `out`, `threads`, `isa`
 * @returns indices within the row, one per row
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { argMax } from 'softlane';
 * console.log(argMax(Float32Array.of(1, 3, 2, 5, 4, 5), { cols: 3 })); // 1, 0
 * ```
 */
export const argMax = define<IndexCall<ArgMaxOptions>>({
  name: 'argMax',
  cli: null,
  family: 'select',
  driver: 'select',
  summary: 'index of the largest element of the row, the lowest among equals',
  formats: FORMATS,
  options: {},
  output: 'perRow',
  element: 'int32',
  bound: { maxUlp: 0, measuredUlp: 0, absolute: 0, tiny: 'zero' },
  oracle: oracle.argMax,
  papers: [],
  source: 'ONNX ArgMax (select_last_index = 0)',
  docs: 'docs/numerics.md',
});

/** What `topK` always gives. */
export interface TopKParts {
  /** The largest elements of each row, [rows x k]. */
  readonly values: Float32Result;
  /** Where they are in their row, [rows x k]. */
  readonly indices: Int32Result;
}

/** What `topK` gives where it is asked for. */
export interface TopKDistribution {
  /** Their softmax probabilities, [rows x k]. */
  readonly probabilities: Float32Result;
  /** The logarithms of these, [rows x k]. */
  readonly logProbabilities: Float32Result;
}

/** What `topK` takes. */
export interface TopKOptions extends CallOptions {
  /** Elements to select of each row: from 1 to the number of columns (default 1). */
  readonly k?: number | undefined;
  /** The largest first (default), or, if false, in the order of their indices. */
  readonly sorted?: boolean | undefined;
  /** Also the softmax probabilities of the selected, over the whole row. */
  readonly probabilities?: boolean | undefined;
  /** Also the logarithms of these. */
  readonly logProbabilities?: boolean | undefined;
  /** Divides the logits of the distribution; from 2^-100 to 2^100 (default 1). `values` are not divided. */
  readonly temperature?: number | undefined;
  /** A row with a NaN: an error that names the row (default), or 'masked': a NaN counts as -Infinity. */
  readonly nan?: 'throw' | 'masked' | undefined;
  /** Arrays for the results; those that are absent are made. */
  readonly out?: PartsOutput<TopKParts & TopKDistribution> | undefined;
}

const EXACT = { maxUlp: 0, measuredUlp: 0, absolute: 0, tiny: 'subnormal' } as const;

function picked(
  part: Pick<OutputOperand, 'name' | 'element' | 'bound' | 'optional' | 'summary'>,
): OutputOperand {
  return { role: 'output', extent: { option: 'k' }, ...part };
}

/**
 * The k largest elements of each row, their indices, and, where asked for, their softmax probabilities over the whole
 * row: all of it in one read of the row.
 *
 * Shape: rows x cols in, an object of arrays [rows x k] out: `values`, `indices`, `probabilities`, `logProbabilities`; a
 * tensor gives tensors whose last dimension is k. Any of them may be given in `out`, apart from x.
 *
 * Order: by value, the larger first, and among equals by index, the lower first; -0 equals 0. With `sorted: false` the
 * same elements in the order of their indices.
 *
 * Special values: a row with a NaN throws an error that names it; with `nan: 'masked'` a NaN counts as -Infinity. An
 * element of -Infinity may be among the k where a row has few others: it keeps its index, its probability is 0 and the
 * logarithm -Infinity. In a row of only -Infinity, or with a +Infinity, probabilities and logarithms are NaN. An empty
 * row gives the index -1 and NaN. Probabilities below 2^-126 are +0.
 *
 * Error: at most 4 ULP, in probabilities and logarithms; values and indices are exact; largest measured 3.8 ULP.
 *
 * Source: Milakov and Gimelshein, Online normalizer calculation for softmax, 2018 (algorithm 4).
 *
 * @param x - logits: a Float32Array, or an object with `data` and `dims`
 * @param options - shape, `k`, `sorted`, `probabilities`, `logProbabilities`, `temperature`, `nan`, `out`, `threads`,
 * `isa`
 * @returns an object of arrays, or of tensors
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`, `ERR_SOFTLANE_OVERLAP`, `ERR_SOFTLANE_ISA`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`, `ERR_SOFTLANE_VERIFY`
 *
 * @example
 * ```ts
 * import { topK } from 'softlane';
 * const logits = Float32Array.of(1, 5, 3, 5);
 * const { indices, probabilities } = topK(logits, { k: 2, probabilities: true });
 * console.log(indices, probabilities); // 1, 3 and 0.46, 0.46
 * ```
 */
export const topK = define<RecordCall<TopKOptions, TopKParts, TopKDistribution>>({
  name: 'topK',
  cli: null,
  family: 'select',
  driver: 'select',
  summary: 'the k largest elements of the row with their indices and probabilities',
  formats: FORMATS,
  options: {
    temperature: temperatureOption,
    k: largestOption(2),
    sorted: {
      kind: 'choice',
      index: Spec.temperature + 3,
      default: true,
      values: [false, true],
      summary: 'the largest first, or in the order of the indices',
    },
    nan: nanOption,
  },
  output: 'record',
  element: 'float32',
  operands: [
    picked({
      name: 'values',
      element: 'float32',
      bound: EXACT,
      optional: false,
      summary: 'the elements',
    }),
    picked({
      name: 'indices',
      element: 'int32',
      bound: EXACT,
      optional: false,
      summary: 'where they are in the row',
    }),
    picked({
      name: 'probabilities',
      element: 'float32',
      bound: { maxUlp: 4, measuredUlp: 3.8, absolute: 0, tiny: 'zero' },
      optional: true,
      summary: 'their softmax probabilities',
    }),
    picked({
      name: 'logProbabilities',
      element: 'float32',
      bound: { maxUlp: 4, measuredUlp: 3.8, absolute: 0, tiny: 'subnormal' },
      optional: true,
      summary: 'the logarithms of these',
    }),
  ],
  bound: { maxUlp: 4, measuredUlp: 3.8, absolute: 0, tiny: 'zero' },
  oracle: oracle.topK,
  papers: ['online-softmax'],
  source: 'Milakov and Gimelshein, Online normalizer calculation for softmax, 2018 (algorithm 4)',
  docs: 'docs/selection.md',
});
