/** The one place where what a native function returned becomes an error. */
import { types } from 'node:util';
import {
  SoftlaneError,
  SoftlaneRangeError,
  SoftlaneTypeError,
  describe,
  wrongShape,
  wrongType,
} from './errors';
import type { Operator, OutputArray } from './operator';
import { Spec, Status } from './spec';

/** What a call was about, for the message. */
export interface Attempt {
  readonly operator: Operator;
  readonly spec: Float64Array;
  readonly x: unknown;
  readonly y: unknown;
}

/** Elements of x that a spec reads up to. */
export function inputLength(spec: Float64Array): number {
  const rows = spec[Spec.rows];
  const cols = spec[Spec.cols];
  return rows === 0 || cols === 0 ? 0 : (rows - 1) * spec[Spec.xStride] + cols;
}

/** Elements of y that a spec writes up to. */
export function outputLength(operator: Operator, spec: Float64Array): number {
  const rows = spec[Spec.rows];
  const cols = spec[Spec.cols];
  if (operator.output === 'perRow') return rows;
  return rows === 0 || cols === 0 ? 0 : (rows - 1) * spec[Spec.yStride] + cols;
}

export function isElementArray(operator: Operator, value: unknown): value is OutputArray {
  return operator.element === 'float32' ? types.isFloat32Array(value) : types.isInt32Array(value);
}

export function elementArrayName(operator: Operator): string {
  return operator.element === 'float32' ? 'a Float32Array' : 'an Int32Array';
}

// `at` validates its typed array first: it throws for a detached one, and for a view that its resized buffer no longer
// holds.
const at = (Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array).at;

/** Throws if an array without elements has lost its memory. */
export function requireAttached(
  operator: string,
  argument: string,
  array: Float32Array | Int32Array,
): void {
  try {
    Reflect.apply(at, array, [0]);
  } catch {
    throw new SoftlaneTypeError(
      'ERR_SOFTLANE_DETACHED',
      `${operator}: expected ${argument} to have its memory, received ${describe(array)} whose buffer was transferred or resized away`,
    );
  }
}

/** The error for a status other than OK. */
export function statusError(attempt: Attempt, status: number): Error {
  const { operator, spec, x, y } = attempt;
  const name = operator.name;
  switch (status) {
    case Status.BAD_INPUT:
      if (!types.isFloat32Array(x)) return wrongType(name, 'x', 'a Float32Array', x);
      return lengthError(name, 'x', x, inputLength(spec));
    case Status.BAD_OUTPUT:
      if (!isElementArray(operator, y)) {
        return wrongType(name, 'out', elementArrayName(operator), y);
      }
      return lengthError(name, 'out', y, outputLength(operator, spec));
    default:
      return plainStatusError(name, status);
  }
}

function lengthError(
  name: string,
  argument: string,
  array: Float32Array | Int32Array,
  needed: number,
): Error {
  try {
    requireAttached(name, argument, array);
  } catch (error) {
    return error as Error;
  }
  return wrongShape(
    name,
    argument,
    `have at least ${needed} elements`,
    `${array.length === needed ? 'fewer' : array.length}`,
  );
}

/** The error for a status that no argument explains further. */
export function plainStatusError(name: string, status: number): Error {
  switch (status) {
    case Status.OVERLAP:
      return new SoftlaneRangeError(
        'ERR_SOFTLANE_OVERLAP',
        `${name}: expected out to be apart from x, or to start where x starts with an equal stride, received an out that overlaps x otherwise`,
      );
    case Status.UNSUPPORTED_ISA:
      return new SoftlaneRangeError(
        'ERR_SOFTLANE_ISA',
        `${name}: expected an instruction set that this CPU and operating system support, received another`,
      );
    case Status.OUT_OF_MEMORY:
      return new SoftlaneError(
        'ERR_SOFTLANE_OUT_OF_MEMORY',
        `${name}: expected enough memory for the call's buffers, received none`,
      );
    case Status.ABORTED:
      return new SoftlaneError('ERR_SOFTLANE_ABORTED', `${name}: the call was aborted`);
    case Status.BAD_STATE:
      return new SoftlaneError(
        'ERR_SOFTLANE_STATE',
        `${name}: expected an intact state of this version and temperature, received another`,
      );
    default:
      return new SoftlaneError(
        'ERR_SOFTLANE_INTERNAL',
        `${name}: expected the addon to accept the call, received status ${status}`,
      );
  }
}
