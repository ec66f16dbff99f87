/** What the addon takes, and what it should not. */
import { native } from '../../lib/configure';
import { SPEC_LENGTH, Spec } from '../../lib/spec';

export const binding = native();
export const SOFTMAX = binding.operators.indexOf('softmax');
export const LOG_SUM_EXP = binding.operators.indexOf('logSumExp');
export const ARG_MAX = binding.operators.indexOf('argMax');

export type SpecFields = Partial<Record<keyof typeof Spec, number>>;

/** Two rows of three unless said otherwise. */
export function spec(fields: SpecFields = {}): Float64Array {
  const numbers = new Float64Array(SPEC_LENGTH);
  const all = { op: SOFTMAX, isa: -1, rows: 2, cols: 3, temperature: 1, ...fields };
  const stride = all.cols;
  for (const [name, value] of Object.entries({ xStride: stride, yStride: stride, ...all })) {
    numbers[Spec[name as keyof typeof Spec]] = value;
  }
  return numbers;
}

export const x = Float32Array.of(1, 2, 3, 4, 5, 6);
export const y = new Float32Array(6);

/** Everything that an argument may be instead of what it should be. */
export const strangers: readonly unknown[] = [
  undefined,
  null,
  true,
  NaN,
  -1,
  2 ** 53,
  1n,
  'text',
  Symbol('s'),
  {},
  [],
  [1, 2, 3],
  () => 1,
  new Proxy(new Float32Array(8), {}),
  Object.create(Float32Array.prototype),
  { length: SPEC_LENGTH, buffer: new ArrayBuffer(8 * SPEC_LENGTH) },
  new DataView(new ArrayBuffer(256)),
  new ArrayBuffer(256),
  new SharedArrayBuffer(256),
  new Uint8Array(256),
  new Uint8ClampedArray(256),
  new Int16Array(256),
  new Float64Array(SPEC_LENGTH - 1),
  new Float64Array(SPEC_LENGTH + 1),
  new Float64Array(SPEC_LENGTH).fill(NaN),
  new Float64Array(SPEC_LENGTH).fill(1e300),
  new BigInt64Array(256),
  new BigUint64Array(256),
  new (class extends Float64Array {})(SPEC_LENGTH),
  ...['Float16Array']
    .map(
      (name) =>
        (globalThis as Record<string, unknown>)[name] as (new (n: number) => unknown) | undefined,
    )
    .flatMap((Class) => (Class === undefined ? [] : [new Class(256)])),
];
