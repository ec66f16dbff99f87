import type { Operator } from './operator';
import type { TensorLike, TensorOf } from './tensor';

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

/** What every operator's function has besides being called. */
export interface Described<Options, Out, Result> {
  /** The operator's line in the catalogue. */
  readonly operator: Operator;
  /** For the types of `plan` and of `softlane/promises` alone: there is no such value. */
  readonly types?: { readonly options: Options; readonly out: Out; readonly result: Result };
}

/** An operator with float32 results. Each form has its twin below, with a promise. */
export interface FloatCall<Options> extends Described<Options, Float32Array, Float32Result> {
  /** Into `out`, which comes back; one with `dims` must have those of the result. */
  <O extends Float32Output>(
    x: Float32Array | TensorLike,
    options: Options & { readonly out: O },
  ): O;
  /** An array in, a new array out. */
  (x: Float32Array, options?: Options): Float32Result;
  /** A tensor in, a new one of the same kind out. */
  <T extends TensorLike>(x: T, options?: Options): T;
}

/** An operator with int32 results. */
export interface IndexCall<Options> extends Described<Options, Int32Array, Int32Result> {
  /** Into `out`, which comes back; one with `dims` must have those of the result. */
  <O extends Int32Output>(x: Float32Array | TensorLike, options: Options & { readonly out: O }): O;
  /** An array in, a new array out. */
  (x: Float32Array, options?: Options): Int32Result;
  /** A tensor in, a new one of the same kind and type int32 out. */
  (x: TensorLike, options?: Options): TensorOf<Int32Result>;
}

/** An AbortSignal as far as it is used: written so, these types ask for neither the DOM's nor Node's. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** What a call with a promise takes besides. */
export interface Abortable {
  /** Stops the call; the promise then rejects with `signal.reason`. */
  readonly signal?: AbortSignalLike | undefined;
}

/** FloatCall with a promise. */
export interface FloatPromise<Options> {
  <O extends Float32Output>(
    x: Float32Array | TensorLike,
    options: Options & Abortable & { readonly out: O },
  ): Promise<O>;
  (x: Float32Array, options?: Options & Abortable): Promise<Float32Result>;
  <T extends TensorLike>(x: T, options?: Options & Abortable): Promise<T>;
}

/** IndexCall with a promise. */
export interface IndexPromise<Options> {
  <O extends Int32Output>(
    x: Float32Array | TensorLike,
    options: Options & Abortable & { readonly out: O },
  ): Promise<O>;
  (x: Float32Array, options?: Options & Abortable): Promise<Int32Result>;
  (x: TensorLike, options?: Options & Abortable): Promise<TensorOf<Int32Result>>;
}

/** The asynchronous twin of an operator's function. */
export type PromiseOf<F> =
  F extends FloatCall<infer Options>
    ? FloatPromise<Options>
    : F extends IndexCall<infer Options>
      ? IndexPromise<Options>
      : never;
