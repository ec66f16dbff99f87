import type { TensorLike } from './tensor';

/** A new Float32Array on its own ArrayBuffer; written so that it means the same before and after TypeScript 5.7. */
export type Float32Result = ReturnType<Float32ArrayConstructor['of']>;
/** A new Int32Array on its own ArrayBuffer. */
export type Int32Result = ReturnType<Int32ArrayConstructor['of']>;

/** What every operator takes. */
export interface CallOptions {
  /**
   * Elements per row. Default: the whole array as one row, or the last dimension of an object with `dims`. The number of
   * rows follows from the length; `cols: 0` is zero rows.
   */
  readonly cols?: number | undefined;
  /**
   * Distance in elements between the starts of two rows of a typed array, at least `cols` (default: `cols`). There are
   * floor((length - cols) / stride) + 1 rows; the gap after the last one may be missing.
   */
  readonly stride?: number | undefined;
  /** Threads for this call, 1 to 1024 (default: as configured). The result does not depend on it. */
  readonly threads?: number | undefined;
  /** Instruction set for this call, for tests and measurements; one of those in `capabilities()`. */
  readonly isa?: string | undefined;
}

/** What an operator with one output element per input element takes besides. */
export interface RowOptions extends CallOptions {
  /** Distance in elements between the starts of two output rows, at least `cols` (default: `cols`; in place: `stride`). */
  readonly outStride?: number | undefined;
}

/** Where a float32 result may go: given as `out`, it is also what the call returns. */
export type Float32Output = Float32Array | TensorLike;
/** Where an int32 result may go. */
export type Int32Output = Int32Array | TensorLike;
