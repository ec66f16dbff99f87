import { SoftlaneFileError, type FileErrorCode } from './errors';
import { LiteralSyntaxError, LiteralTuple, parseLiteral, type Literal } from './literal';

/** One field of a structured element type. */
export interface NpyField {
  readonly name: string;
  readonly dtype: string;
  /** Elements of a field that has several. */
  readonly width?: number;
}

/** What the head of a .npy file says, before anything is refused for what it says. */
export interface NpyHeader {
  readonly version: '1.0' | '2.0' | '3.0';
  /** NumPy's element type: a code such as '<f4', or the fields of a record. */
  readonly descr: string | readonly NpyField[];
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
  /** Product of the shape; 1 for a shape of no dimensions. */
  readonly elements: number;
  /** Bytes of one element, or undefined for a type whose size is not known here. */
  readonly itemBytes: number | undefined;
  /** Where the data starts. */
  readonly dataOffset: number;
}

/** The longest header that is read, in bytes: six times what NumPy itself accepts. */
export const maxHeaderBytes = 65_536;

const magic = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59);

/** Bytes that are enough to know where the header ends. */
export const preludeBytes = 12;

export interface NpyPrelude {
  readonly version: NpyHeader['version'];
  readonly headerOffset: number;
  readonly dataOffset: number;
}

function refuse(code: FileErrorCode, path: string, reason: string): never {
  throw new SoftlaneFileError(code, path, reason);
}

/** Reads magic, version and header length from the first bytes of a file. */
export function parsePrelude(path: string, bytes: Uint8Array): NpyPrelude {
  if (bytes.length === 0) refuse('ERR_SOFTLANE_NPY_MAGIC', path, 'is empty, not a .npy file');
  for (let i = 0; i < magic.length; i++) {
    if (bytes[i] !== magic[i]) {
      refuse('ERR_SOFTLANE_NPY_MAGIC', path, 'is not a .npy file: it does not start as one');
    }
  }
  const ends = 'is cut off: it ends inside its header';
  if (bytes.length < 8) refuse('ERR_SOFTLANE_NPY_TRUNCATED', path, ends);
  const version = `${bytes[6]!}.${bytes[7]!}`;
  if (version !== '1.0' && version !== '2.0' && version !== '3.0') {
    const known = 'only 1.0, 2.0 and 3.0 are known';
    refuse('ERR_SOFTLANE_NPY_VERSION', path, `.npy format version ${version}: ${known}`);
  }
  const headerOffset = version === '1.0' ? 10 : 12;
  if (bytes.length < headerOffset) refuse('ERR_SOFTLANE_NPY_TRUNCATED', path, ends);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = version === '1.0' ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > maxHeaderBytes) {
    const limit = `the limit is ${maxHeaderBytes}`;
    refuse('ERR_SOFTLANE_NPY_HEADER', path, `a header of ${length} bytes: ${limit}`);
  }
  return { version, headerOffset, dataOffset: headerOffset + length };
}

/** Reads the dictionary between prelude and data. */
export function parseHeader(path: string, prelude: NpyPrelude, bytes: Uint8Array): NpyHeader {
  const damaged = (reason: string): never =>
    refuse('ERR_SOFTLANE_NPY_HEADER', path, `damaged header: ${reason}`);
  const text = decode(prelude.version, bytes) ?? damaged('not UTF-8');
  let root: Literal;
  try {
    root = parseLiteral(text);
  } catch (error) {
    if (error instanceof LiteralSyntaxError) return damaged(error.message);
    throw error;
  }
  if (!(root instanceof Map)) return damaged('expected a dictionary');
  const entries = root as ReadonlyMap<string, Literal>;
  for (const key of ['descr', 'fortran_order', 'shape']) {
    if (!entries.has(key)) damaged(`the key '${key}' is missing`);
  }
  for (const key of entries.keys()) {
    if (key !== 'descr' && key !== 'fortran_order' && key !== 'shape') {
      damaged(`unknown key ${JSON.stringify(key)}`);
    }
  }
  const fortranOrder = entries.get('fortran_order');
  if (typeof fortranOrder !== 'boolean') return damaged("'fortran_order' is not True or False");
  const descr = readDescr(entries.get('descr')!) ?? damaged("'descr' is not an element type");
  const itemBytes = sizeOf(descr);
  const shape = readShape(path, entries.get('shape')!, itemBytes ?? 1);
  return {
    version: prelude.version,
    descr,
    fortranOrder,
    shape,
    elements: shape.reduce((product, length) => product * length, 1),
    itemBytes,
    dataOffset: prelude.dataOffset,
  };
}

function decode(version: string, bytes: Uint8Array): string | undefined {
  if (version !== '3.0') {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function readDescr(value: Literal): string | readonly NpyField[] | undefined {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return undefined;
  const fields: NpyField[] = [];
  for (const item of value as readonly Literal[]) {
    if (!(item instanceof LiteralTuple) || item.items.length < 2) return undefined;
    const [label, dtype, ...shape] = item.items;
    // A label is a name, or (title, name); a field may itself be a record or have a shape.
    const name = label instanceof LiteralTuple ? label.items[1] : label;
    if (typeof name !== 'string') return undefined;
    const plain = typeof dtype === 'string' && shape.length === 0;
    fields.push({ name, dtype: plain ? dtype : 'nested' });
  }
  return fields;
}

function readShape(path: string, value: Literal, itemBytes: number): readonly number[] {
  const wrong = (reason: string): never => refuse('ERR_SOFTLANE_NPY_SHAPE', path, reason);
  if (!(value instanceof LiteralTuple)) return wrong("'shape' is not a tuple");
  let bytes = BigInt(Math.max(itemBytes, 1));
  const shape = value.items.map((length) => {
    if (typeof length !== 'bigint') return wrong('a dimension in the shape is not an integer');
    if (length < 0n) return wrong(`a negative dimension in the shape: ${length}`);
    if (length > 0n) bytes *= length;
    if (bytes > BigInt(Number.MAX_SAFE_INTEGER))
      return wrong('the shape is too large for any file');
    return Number(length);
  });
  return shape;
}

function sizeOf(descr: string | readonly NpyField[]): number | undefined {
  if (typeof descr === 'string') {
    const match = /^[<>|=][?bBiufcSVUmM](\d{1,9})(?:\[.*\])?$/.exec(descr);
    if (match === null) return undefined;
    const count = Number(match[1]);
    return descr[1] === 'U' ? 4 * count : count;
  }
  let total = 0;
  for (const field of descr) {
    const size = sizeOf(field.dtype);
    if (size === undefined) return undefined;
    total += size;
  }
  return total;
}

/** The element type as NumPy writes it in a header. */
export function descrText(descr: string | readonly NpyField[]): string {
  if (typeof descr === 'string') return quote(descr);
  const fields = descr.map(({ name, dtype, width }) => {
    return `(${quote(name)}, ${quote(dtype)}${width === undefined ? '' : `, (${width},)`})`;
  });
  return `[${fields.join(', ')}]`;
}

function quote(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}

export function shapeText(shape: readonly number[]): string {
  return shape.length === 1 ? `(${shape[0]!},)` : `(${shape.join(', ')})`;
}

/**
 * The head of a file, byte for byte as NumPy writes it: version 1.0, room for the first dimension to grow to 21
 * digits, padded with blanks so that the data starts at a multiple of 64.
 */
export function formatHeader(
  descr: string | readonly NpyField[],
  shape: readonly number[],
): Uint8Array {
  let text = `{'descr': ${descrText(descr)}, 'fortran_order': False, 'shape': ${shapeText(shape)}, }`;
  if (shape.length > 0) text += ' '.repeat(21 - String(shape[0]!).length);
  // A text that ends at a multiple of 64 gets 64 blanks more, as in NumPy.
  const total = (Math.floor((10 + text.length + 1) / 64) + 1) * 64;
  const bytes = new Uint8Array(total).fill(0x20);
  bytes.set(magic);
  bytes.set([1, 0], 6);
  new DataView(bytes.buffer).setUint16(8, total - 10, true);
  bytes.set(Buffer.from(text, 'latin1'), 10);
  bytes[total - 1] = 0x0a;
  return bytes;
}
