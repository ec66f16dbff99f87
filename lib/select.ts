import type { Operator } from './operator';
import * as oracle from './oracle/select';
import { invoker } from './prepare';
import type { TensorLike, TensorOf } from './tensor';
import type { CallOptions, Int32Output, Int32Result } from './types';

export type ArgMaxOptions = CallOptions;

const argMaxLine: Operator = {
  name: 'argMax',
  cli: null,
  family: 'select',
  driver: 'select',
  summary: 'index of the largest element of the row, the lowest among equals',
  formats: ['f32'],
  options: {},
  output: 'perRow',
  element: 'int32',
  bound: { maxUlp: 0, measuredUlp: 0 },
  oracle: oracle.argMax,
  papers: [],
  source: 'ONNX ArgMax (select_last_index = 0)',
  docs: 'docs/numerics.md',
};

export const selectFamily: readonly Operator[] = [argMaxLine];

export interface SelectFamily {
  argMax: { options: ArgMaxOptions; out: Int32Array; result: Int32Result };
}

const callArgMax = invoker(argMaxLine);

export function argMax<O extends Int32Output>(
  x: Float32Array | TensorLike,
  options: ArgMaxOptions & { readonly out: O },
): O;
export function argMax(x: Float32Array, options?: ArgMaxOptions): Int32Result;
export function argMax(x: TensorLike, options?: ArgMaxOptions): TensorOf<Int32Result>;
export function argMax(x: unknown, options?: unknown): unknown {
  return callArgMax(x, options);
}
