/** Element types and their arrays. */
import { types } from 'node:util';
import { SoftlaneTypeError, describe } from './errors';
import type { OperandArray, OperandElement } from './operator';

interface Kind {
  readonly name: string;
  readonly make: new (length: number) => OperandArray;
  readonly is: (value: unknown) => value is OperandArray;
}

/** Float32Array and so on, by the name of their elements. */
export const kinds: Readonly<Record<OperandElement, Kind>> = {
  float32: { name: 'a Float32Array', make: Float32Array, is: types.isFloat32Array },
  int32: { name: 'an Int32Array', make: Int32Array, is: types.isInt32Array },
  uint32: { name: 'a Uint32Array', make: Uint32Array, is: types.isUint32Array },
  float64: { name: 'a Float64Array', make: Float64Array, is: types.isFloat64Array },
};

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
