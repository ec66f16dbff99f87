import { endianness } from 'node:os';
import { descrText, type NpyField, type NpyHeader } from './npy-header';

/** The element types that are written, and read back by readNpy. Scoring reads '<f4' only. */
export type NpyDtype = '<f4' | '<i4' | 'top-1';

interface DtypeLine {
  /** NumPy's name of it, or its fields. */
  readonly descr: string | readonly NpyField[];
  /** Bytes of an element. */
  readonly bytes: number;
  readonly words: string;
}

const top1Fields: readonly NpyField[] = [
  { name: 'index', dtype: '<i4' },
  { name: 'probability', dtype: '<f4' },
];

export const npyDtypes: Readonly<Record<NpyDtype, DtypeLine>> = {
  '<f4': { descr: '<f4', bytes: 4, words: "little-endian float32 ('<f4')" },
  '<i4': { descr: '<i4', bytes: 4, words: "little-endian int32 ('<i4')" },
  'top-1': { descr: top1Fields, bytes: 8, words: 'top-1 records' },
};

/** Which of `among` a header holds, or undefined. */
export function dtypeOf(header: NpyHeader, among: readonly NpyDtype[]): NpyDtype | undefined {
  const text = descrText(header.descr);
  return among.find((dtype) => descrText(npyDtypes[dtype].descr) === text);
}

/** The element type in words, for an error or for a person. */
export function describeDescr(descr: NpyHeader['descr']): string {
  if (typeof descr !== 'string') {
    return `records of ${descr.map((field) => `${field.name} (${field.dtype})`).join(', ')}`;
  }
  if (/^[<>|=]?O/.test(descr)) return `Python objects ('${descr}')`;
  return `${descr.startsWith('>') ? 'big-endian ' : ''}elements of type '${descr}'`;
}

/** The same bytes, shared or not, as Uint8Array. */
export function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** Bytes go between file and typed array as they are, which is right on little-endian machines only. */
export function requireLittleEndian(): void {
  if (endianness() !== 'LE') {
    throw new Error('.npy files are read and written on little-endian machines only');
  }
}
