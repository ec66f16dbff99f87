/** What an output holds: named columns of float32 or int32, one or several elements a row. */
import type { ElementArray, ElementName } from './element';

export interface Column {
  readonly name: string;
  readonly element: ElementName;
  /** Elements a row. */
  readonly width: number;
  /** Whether a row of it is one number rather than a list. */
  readonly scalar: boolean;
}

export interface Table {
  readonly columns: readonly Column[];
  /** Whether the input was one row without a dimension of rows, and so is an output of a row. */
  readonly flat: boolean;
}

/** 4-byte words of a row. */
export function rowWords({ columns }: Table): number {
  return columns.reduce((sum, { width }) => sum + width, 0);
}

/** Arrays for so many rows, a column each; `memory` gives their bytes. */
export function makeColumns(
  { columns }: Table,
  rows: number,
  memory: (bytes: number) => ArrayBufferLike,
): ElementArray[] {
  return columns.map(({ element, width }) => {
    const buffer = memory(4 * rows * width);
    return element === 'float32' ? new Float32Array(buffer) : new Int32Array(buffer);
  });
}

const bytesOf = ({ buffer, byteOffset }: ElementArray, words: number): Uint8Array =>
  new Uint8Array(buffer, byteOffset, 4 * words);

/** Row after row with all its columns; the bytes of a single column as they are. */
export function packRows(table: Table, arrays: readonly ElementArray[], rows: number): Uint8Array {
  const words = rowWords(table);
  if (arrays.length === 1) return bytesOf(arrays[0]!, rows * words);
  const packed = new Int32Array(rows * words);
  let start = 0;
  table.columns.forEach(({ width }, i) => {
    const { buffer, byteOffset } = arrays[i]!;
    const from = new Int32Array(buffer, byteOffset, rows * width);
    for (let row = 0, at = 0; row < rows; row++) {
      for (let j = 0, to = row * words + start; j < width; j++) packed[to + j] = from[at++]!;
    }
    start += width;
  });
  return bytesOf(packed, rows * words);
}

/** The columns of rows that `packRows` packed. */
export function unpackRows(table: Table, packed: Int32Array, rows: number): ElementArray[] {
  const words = rowWords(table);
  let start = 0;
  return table.columns.map(({ element, width }) => {
    const column = new Int32Array(rows * width);
    for (let row = 0, to = 0; row < rows; row++) {
      for (let j = 0, at = row * words + start; j < width; j++) column[to++] = packed[at + j]!;
    }
    start += width;
    return element === 'int32' ? column : new Float32Array(column.buffer);
  });
}
