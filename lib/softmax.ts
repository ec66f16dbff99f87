import type { Operator } from './operator';
import { algorithmOption, maskedRowOption, temperatureOption } from './operator';
import * as oracle from './oracle/softmax';
import { invoker } from './prepare';
import type { TensorLike } from './tensor';
import type { CallOptions, Float32Output, Float32Result, RowOptions } from './types';

/** How a row is normalised. The same result within the bound; each algorithm has its own bits on every machine. */
export type Algorithm =
  'auto' | 'two-pass' | 'three-pass-recompute' | 'three-pass-reload' | 'online';

interface NormaliserOptions {
  /** Default 'auto': chosen by shape, never by machine. */
  readonly algorithm?: Algorithm | undefined;
  /** Divides the logits; finite, greater than 0 (default 1). */
  readonly temperature?: number | undefined;
}

export interface LogSoftmaxOptions extends RowOptions, NormaliserOptions {}
export interface SoftmaxOptions extends RowOptions, NormaliserOptions {
  /** Result of a row that is all -Infinity: 'nan' (default, as NumPy and PyTorch) or 'zero'. */
  readonly maskedRow?: 'nan' | 'zero' | undefined;
}
export interface LogSumExpOptions extends CallOptions, NormaliserOptions {}

const SOURCE =
  'Dukhan and Ablavatski, The Two-Pass Softmax Algorithm, 2020; Milakov and Gimelshein, Online normalizer calculation for softmax, 2018';
const PAPERS = ['two-pass-softmax', 'online-softmax'] as const;

const softmaxLine: Operator = {
  name: 'softmax',
  cli: 'softmax',
  family: 'softmax',
  driver: 'reduce-map',
  summary: 'exp(x / T) divided by its sum over the row',
  formats: ['f32'],
  options: {
    algorithm: algorithmOption,
    temperature: temperatureOption,
    maskedRow: maskedRowOption,
  },
  output: 'rows',
  element: 'float32',
  bound: { maxUlp: 4, measuredUlp: 4 },
  oracle: oracle.softmax,
  papers: PAPERS,
  source: SOURCE,
  docs: 'docs/two-pass-softmax.md',
};

const logSoftmaxLine: Operator = {
  name: 'logSoftmax',
  cli: 'log-softmax',
  family: 'softmax',
  driver: 'reduce-map',
  summary: 'logarithm of softmax, without forming it',
  formats: ['f32'],
  options: { algorithm: algorithmOption, temperature: temperatureOption },
  output: 'rows',
  element: 'float32',
  bound: { maxUlp: 4, measuredUlp: 4 },
  oracle: oracle.logSoftmax,
  papers: PAPERS,
  source: SOURCE,
  docs: 'docs/two-pass-softmax.md',
};

const logSumExpLine: Operator = {
  name: 'logSumExp',
  cli: 'logsumexp',
  family: 'softmax',
  driver: 'reduce',
  summary: 'logarithm of the sum of exp(x / T) over the row',
  formats: ['f32'],
  options: { algorithm: algorithmOption, temperature: temperatureOption },
  output: 'perRow',
  element: 'float32',
  bound: { maxUlp: 4, measuredUlp: 4 },
  oracle: oracle.logSumExp,
  papers: PAPERS,
  source: SOURCE,
  docs: 'docs/two-pass-softmax.md',
};

/** The lines of this family in the catalogue. */
export const softmaxFamily: readonly Operator[] = [softmaxLine, logSoftmaxLine, logSumExpLine];

/** Option and result types by name, for `plan`. */
export interface SoftmaxFamily {
  softmax: { options: SoftmaxOptions; out: Float32Array; result: Float32Result };
  logSoftmax: { options: LogSoftmaxOptions; out: Float32Array; result: Float32Result };
  logSumExp: { options: LogSumExpOptions; out: Float32Array; result: Float32Result };
}

const callSoftmax = invoker(softmaxLine);
const callLogSoftmax = invoker(logSoftmaxLine);
const callLogSumExp = invoker(logSumExpLine);

export function softmax<O extends Float32Output>(
  x: Float32Array | TensorLike,
  options: SoftmaxOptions & { readonly out: O },
): O;
export function softmax(x: Float32Array, options?: SoftmaxOptions): Float32Result;
export function softmax<T extends TensorLike>(x: T, options?: SoftmaxOptions): T;
export function softmax(x: unknown, options?: unknown): unknown {
  return callSoftmax(x, options);
}

export function logSoftmax<O extends Float32Output>(
  x: Float32Array | TensorLike,
  options: LogSoftmaxOptions & { readonly out: O },
): O;
export function logSoftmax(x: Float32Array, options?: LogSoftmaxOptions): Float32Result;
export function logSoftmax<T extends TensorLike>(x: T, options?: LogSoftmaxOptions): T;
export function logSoftmax(x: unknown, options?: unknown): unknown {
  return callLogSoftmax(x, options);
}

export function logSumExp<O extends Float32Output>(
  x: Float32Array | TensorLike,
  options: LogSumExpOptions & { readonly out: O },
): O;
export function logSumExp(x: Float32Array, options?: LogSumExpOptions): Float32Result;
export function logSumExp<T extends TensorLike>(x: T, options?: LogSumExpOptions): T;
export function logSumExp(x: unknown, options?: unknown): unknown {
  return callLogSumExp(x, options);
}
