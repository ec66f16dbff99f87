/** Which number format x has: by its array, by its `type`, or by what the call says. */
import { types } from 'node:util';
import { native } from './configure';
import { bitsOf, elementOf, isHalves, requireAttached } from './elements';
import { listOf, wrongType, wrongValue } from './errors';
import type { Format, InputArray } from './operator';
import { CURRENT_ISA, FORMATS } from './spec';
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

/** The format of an array of 16-bit floats; 0 for anything else. `dtype`: what the bits of a Uint16Array are. */
function halfFormat(x: unknown, dtype: number): number {
  if (isHalves(x)) return F16;
  return types.isUint16Array(x) && dtype > 0 ? dtype : 0;
}

/** Floats that no `dtype` is about: a Uint16Array of them is of this format, if that has 16 bits. */
export function readFloats(
  name: string,
  argument: string,
  x: unknown,
  format: number,
  others = '',
): Input {
  return readInput(name, argument, x, types.isUint16Array(x) && format > 0 ? format : NaN, others);
}

/** The same numbers as float32: those of 16 bits in memory of their own. */
export function widened({ array, format }: Input): Float32Array {
  if (format === 0) return array as Float32Array;
  const floats = new Float32Array(array.length);
  native()._widen(CURRENT_ISA, format, array as Uint16Array, floats);
  return floats;
}

/** What `cols` is where it is not given: the last dimension of a tensor. */
export function colsOf(cols: unknown, { tensor }: Input): unknown {
  return cols === undefined && tensor !== null ? (tensor.dims.at(-1) ?? 1) : cols;
}

function bitsName(dtype: number): string {
  return `a Uint16Array of ${FORMATS[dtype]}${dtype === F16 ? ' or a Float16Array' : ''}`;
}

/** What else x may be, for those who have bits and do not say of what. */
export const BITS = `, a Uint16Array beside options.dtype ${listOf(FORMATS.slice(1))},`;

/** `dtype`: a place in FORMATS; NaN where the call does not say it. */
export function readInput(
  name: string,
  argument: string,
  x: unknown,
  dtype: number,
  others = BITS,
): Input {
  const input = recognise(name, argument, x, dtype, others);
  if (input.array.length === 0) requireAttached(name, argument, input.array);
  return input;
}

function recognise(
  name: string,
  argument: string,
  x: unknown,
  dtype: number,
  others: string,
): Input {
  if (types.isFloat32Array(x) && !(dtype > 0)) {
    return { tensor: null, halves: false, array: x, format: 0 };
  }
  const format = halfFormat(x, dtype);
  if (format > 0 && (format === dtype || Number.isNaN(dtype))) {
    return { tensor: null, halves: isHalves(x), array: bitsOf(x) as Uint16Array, format };
  }
  if (typeof x === 'object' && x !== null && !ArrayBuffer.isView(x) && !Array.isArray(x)) {
    const [first, ...others] = Number.isNaN(dtype) ? ELEMENTS : [ELEMENTS[dtype]];
    const tensor = readTensor(name, argument, x, first, ...others);
    const { halves, data, element } = tensor;
    return { tensor, halves, array: data as InputArray, format: ELEMENTS.indexOf(element) };
  }
  const expected = dtype > 0 ? bitsName(dtype) : 'a Float32Array';
  const bits = types.isUint16Array(x) && !(dtype > 0) ? others : '';
  throw wrongType(name, argument, `${expected}${bits} or an object with data and dims`, x);
}
