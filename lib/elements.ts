/** Element types and their arrays. */
import { types } from 'node:util';
import { SoftlaneTypeError, describe } from './errors';
import type { AnyElement, Format, OperandArray } from './operator';

interface Kind {
  readonly name: string;
  readonly make: new (length: number) => OperandArray;
  readonly is: (value: unknown) => value is OperandArray;
}

const is16 = (value: unknown): value is Uint16Array => types.isUint16Array(value);

/** Float32Array and so on, by the name of their elements; 16-bit floats as their bits. */
export const kinds: Readonly<Record<AnyElement, Kind>> = {
  float16: { name: 'a Uint16Array', make: Uint16Array, is: is16 },
  bfloat16: { name: 'a Uint16Array', make: Uint16Array, is: is16 },
  float32: { name: 'a Float32Array', make: Float32Array, is: types.isFloat32Array },
  int32: { name: 'an Int32Array', make: Int32Array, is: types.isInt32Array },
  uint32: { name: 'a Uint32Array', make: Uint32Array, is: types.isUint32Array },
  float64: { name: 'a Float64Array', make: Float64Array, is: types.isFloat64Array },
};

/** The names of their elements. */
export const elementOf: Readonly<Record<Format, AnyElement>> = {
  f32: 'float32',
  f16: 'float16',
  bf16: 'bfloat16',
};

interface Halves extends ArrayBufferView {
  readonly length: number;
}
/** Float16Array, where the runtime has it. */
const Float16 = (globalThis as { Float16Array?: new (length: number) => Halves }).Float16Array;

export function isHalves(value: unknown): value is Halves {
  return Float16 !== undefined && value instanceof Float16;
}

/** The bits of a Float16Array, in the same memory; anything else as it is. */
export function bitsOf<T>(value: T): T | Uint16Array {
  return isHalves(value) ? new Uint16Array(value.buffer, value.byteOffset, value.length) : value;
}

/** Those bits as a Float16Array again. */
export function halvesOf(bits: Uint16Array): unknown {
  const make = Float16 as unknown as new (buffer: ArrayBufferLike, at: number, n: number) => Halves;
  return new make(bits.buffer, bits.byteOffset, bits.length);
}

// `at` validates its typed array first: it throws for a detached one, and for a view that its resized buffer no longer
// holds.
const at = (Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array).at;

/** Throws if an array without elements has lost its memory. */
export function requireAttached(operator: string, argument: string, array: OperandArray): void {
  try {
    Reflect.apply(at, array, [0]);
  } catch {
    throw new SoftlaneTypeError(
      'ERR_SOFTLANE_DETACHED',
      `${operator}: expected ${argument} to have its memory, received ${describe(array)} whose buffer was transferred or resized away`,
    );
  }
}
