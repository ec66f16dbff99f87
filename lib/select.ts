import { define } from './define';
import * as oracle from './oracle/select';
import type { CallOptions, IndexCall } from './types';

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
  formats: ['f32'],
  options: {},
  output: 'perRow',
  element: 'int32',
  bound: { maxUlp: 0, measuredUlp: 0, absolute: 0, tiny: 'zero' },
  oracle: oracle.argMax,
  papers: [],
  source: 'ONNX ArgMax (select_last_index = 0)',
  docs: 'docs/numerics.md',
});
