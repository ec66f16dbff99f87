/**
 * The operators of `softlane` with promises: off the event loop, on the addon's own threads (libuv's stay free for the
 * file system). Worth it from about a hundred thousand elements on; below that the synchronous call is done sooner than
 * the promise.
 *
 * - **Memory.** `x` is copied when the call is made, and the result is copied into `out` when the promise settles, so
 *   both may be written, transferred or resized in between; an `out` that has become too short rejects. Arrays in a
 *   SharedArrayBuffer of fixed length are used as they are, without a copy: leave them alone until the promise settles.
 *   Growable SharedArrayBuffers and resizable ArrayBuffers are copied like any other.
 * - **Order.** Calls start in the order in which they were made, as many at a time as there are threads, and promises
 *   settle in the order in which the work ends, which may be another one. Results do not depend on it.
 * - **Abort.** With a `signal` that is aborted already nothing is queued. Later, work stops at the next block of rows (or
 *   range of a long row), and the promise rejects with `signal.reason` once it has: nobody writes to `out` any more. What
 *   is in `out` is then unspecified. An abort before the promise settles always rejects it.
 * - **Errors.** Arguments are checked before the function returns, and every error is a rejection.
 */
import { native } from './configure';
import { starter } from './jobs';
import type { ArgMaxOptions } from './select';
import type { LogSoftmaxOptions, LogSumExpOptions, SoftmaxOptions } from './softmax';
import type { TensorLike, TensorOf } from './tensor';
import type { Float32Output, Float32Result, Int32Output, Int32Result } from './types';

/** What a call with a promise takes besides the operator's own options. */
export interface Abortable {
  /** Stops the call; the promise then rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

const startSoftmax = starter('softmax');
const startLogSoftmax = starter('logSoftmax');
const startLogSumExp = starter('logSumExp');
const startArgMax = starter('argMax');

/** exp(x / T) divided by its sum over the row, as `softmax` of `softlane`. */
export function softmax<O extends Float32Output>(
  x: Float32Array | TensorLike,
  options: SoftmaxOptions & Abortable & { readonly out: O },
): Promise<O>;
export function softmax(
  x: Float32Array,
  options?: SoftmaxOptions & Abortable,
): Promise<Float32Result>;
export function softmax<T extends TensorLike>(
  x: T,
  options?: SoftmaxOptions & Abortable,
): Promise<T>;
export function softmax(x: unknown, options?: unknown): Promise<unknown> {
  return startSoftmax(x, options);
}

/** The logarithm of softmax. */
export function logSoftmax<O extends Float32Output>(
  x: Float32Array | TensorLike,
  options: LogSoftmaxOptions & Abortable & { readonly out: O },
): Promise<O>;
export function logSoftmax(
  x: Float32Array,
  options?: LogSoftmaxOptions & Abortable,
): Promise<Float32Result>;
export function logSoftmax<T extends TensorLike>(
  x: T,
  options?: LogSoftmaxOptions & Abortable,
): Promise<T>;
export function logSoftmax(x: unknown, options?: unknown): Promise<unknown> {
  return startLogSoftmax(x, options);
}

/** The logarithm of the sum of exp(x / T) over each row, one number a row. */
export function logSumExp<O extends Float32Output>(
  x: Float32Array | TensorLike,
  options: LogSumExpOptions & Abortable & { readonly out: O },
): Promise<O>;
export function logSumExp(
  x: Float32Array,
  options?: LogSumExpOptions & Abortable,
): Promise<Float32Result>;
export function logSumExp<T extends TensorLike>(
  x: T,
  options?: LogSumExpOptions & Abortable,
): Promise<T>;
export function logSumExp(x: unknown, options?: unknown): Promise<unknown> {
  return startLogSumExp(x, options);
}

/** The index of the largest element of each row, the lowest among equals. */
export function argMax<O extends Int32Output>(
  x: Float32Array | TensorLike,
  options: ArgMaxOptions & Abortable & { readonly out: O },
): Promise<O>;
export function argMax(x: Float32Array, options?: ArgMaxOptions & Abortable): Promise<Int32Result>;
export function argMax(
  x: TensorLike,
  options?: ArgMaxOptions & Abortable,
): Promise<TensorOf<Int32Result>>;
export function argMax(x: unknown, options?: unknown): Promise<unknown> {
  return startArgMax(x, options);
}

native();
