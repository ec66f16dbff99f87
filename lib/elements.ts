/** Element types and their arrays. */
import { types } from 'node:util';
import { SoftlaneTypeError } from './errors';
import type { AnyElement, Format, OperandArray } from './operator';

interface Kind {
  readonly name: string;
  readonly make: new (length: number) => OperandArray;
  readonly is: (value: unknown) => value is OperandArray;
}

const is16 = (value: unknown): value is Uint16Array => types.isUint16Array(value);

/** Float32Array and so on, by the name of their elements; 16-bit floats as their bits. */
export const kinds: Readonly<Record<AnyElement, Kind>> = {
  float16: { name: 'a Uint16Array or a Float16Array', make: Uint16Array, is: is16 },
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

type Halves = ArrayBufferView & { readonly length: number };

const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array;
function intrinsic(name: keyof Uint8Array): (array: unknown) => unknown {
  const { get } = Object.getOwnPropertyDescriptor(typedArray, name)!;
  return (array) => Reflect.apply(get!, array, []);
}
// What an array is, whatever its class or the realm that it comes from says.
const tagOf = intrinsic(Symbol.toStringTag);
const bufferOf = intrinsic('buffer') as (array: unknown) => ArrayBufferLike;
const offsetOf = intrinsic('byteOffset') as (array: unknown) => number;
const lengthOf = intrinsic('length') as (array: unknown) => number;

/** Whether it is a Float16Array, which some runtimes have. */
export function isHalves(value: unknown): value is Halves {
  return tagOf(value) === 'Float16Array';
}

/** The bits of a Float16Array, in the same memory; anything else as it is. */
export function bitsOf<T>(value: T): T | Uint16Array {
  if (!isHalves(value)) return value;
  return isLost(value)
    ? lostBits()
    : new Uint16Array(bufferOf(value), offsetOf(value), lengthOf(value));
}

/** What holds elements of one kind, with a Float16Array's bits where they are f16: those of no other kind. */
export function arrayOf(element: AnyElement, value: unknown): unknown {
  return element === 'float16' ? bitsOf(value) : value;
}

/** Those bits as a Float16Array again. */
export function halvesOf(bits: Uint16Array): unknown {
  const { Float16Array } = globalThis as unknown as {
    Float16Array: new (buffer: ArrayBufferLike, at: number, n: number) => Halves;
  };
  return new Float16Array(bits.buffer, bits.byteOffset, bits.length);
}

let lost: Uint16Array | undefined;
/** The bits of what has lost its memory: no view of it can be made, but one of memory that is gone as well. */
function lostBits(): Uint16Array {
  if (lost === undefined) {
    lost = new Uint16Array(1);
    structuredClone(null, { transfer: [lost.buffer as ArrayBuffer] });
  }
  return lost;
}

/** `at` looks for the memory first: of an array that was transferred, or of a view that its resized buffer no longer holds. */
function isLost(array: ArrayBufferView): boolean {
  try {
    Reflect.apply(typedArray.at, array, [0]);
    return false;
  } catch {
    return true;
  }
}

/** The same floats in an array of no class of its own, whose methods and fields may do and say anything. */
export function plainOf(array: Float32Array): Float32Array {
  return new Float32Array(bufferOf(array), offsetOf(array), lengthOf(array));
}

/** Throws if an array without elements has lost its memory. */
export function requireAttached(operator: string, argument: string, array: OperandArray): void {
  if (!isLost(array)) return;
  throw new SoftlaneTypeError(
    'ERR_SOFTLANE_DETACHED',
    `${operator}: expected ${argument} to have its memory, received an array whose buffer was transferred or resized away`,
  );
}
