/** Which number format x has: by its array, by its `type`, or by what the call says. */
import { types } from 'node:util';
import { bitsOf, elementOf, isHalves, requireAttached } from './elements';
import { listOf, wrongType, wrongValue } from './errors';
import type { Format, InputArray } from './operator';
import { FORMATS } from './spec';
import type { TensorFields } from './tensor';
import { readTensor } from './tensor';

const F16 = FORMATS.indexOf('f16');
const ELEMENTS = FORMATS.map((format) => elementOf[format]);

export interface Input {
  /** Floats, or the bits of 16-bit ones. */
  readonly array: InputArray;
  /** Its place in FORMATS. */
  readonly format: number;
  readonly tensor: TensorFields | null;
  /** Whether it is a Float16Array, whose bits these are. */
  readonly halves: boolean;
}

/** The format of that name, as its place in FORMATS. */
export function formatIndex(
  operator: string,
  argument: string,
  formats: readonly Format[],
  value: unknown,
): number {
  if (typeof value !== 'string') throw wrongType(operator, argument, listOf(formats), value);
  if (!formats.includes(value as Format)) {
    throw wrongValue(operator, argument, listOf(formats), value);
  }
  return FORMATS.indexOf(value as Format);
}

/** `dtype`: a place in FORMATS; NaN where the call does not say it. */
export function readInput(name: string, argument: string, x: unknown, dtype: number): Input {
  const input = recognise(name, argument, x, dtype);
  if (input.array.length === 0) requireAttached(name, argument, input.array);
  return input;
}

function plain(array: InputArray, format: number): Input {
  return { tensor: null, halves: false, array, format };
}

function recognise(name: string, argument: string, x: unknown, dtype: number): Input {
  if (types.isFloat32Array(x) && !(dtype > 0)) return plain(x, 0);
  if (types.isUint16Array(x) && dtype > 0) return plain(x, dtype);
  if (isHalves(x) && (Number.isNaN(dtype) || dtype === F16)) {
    return { tensor: null, halves: true, array: bitsOf(x) as Uint16Array, format: F16 };
  }
  if (typeof x === 'object' && x !== null && !ArrayBuffer.isView(x) && !Array.isArray(x)) {
    const [first, ...others] = Number.isNaN(dtype) ? ELEMENTS : [ELEMENTS[dtype]];
    const tensor = readTensor(name, argument, x, first, ...others);
    const format = ELEMENTS.indexOf(tensor.element);
    return { tensor, halves: tensor.halves, array: tensor.data as InputArray, format };
  }
  const expected = dtype > 0 ? `a Uint16Array of ${FORMATS[dtype]}` : 'a Float32Array';
  throw wrongType(name, argument, `${expected} or an object with data and dims`, x);
}
