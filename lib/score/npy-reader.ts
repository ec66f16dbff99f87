import { SoftlaneFileError, type FileErrorCode } from './errors';
import { InputFile, type FileIdentity } from './input-file';
import { describeDescr, dtypeOf, npyDtypes, requireLittleEndian, type NpyDtype } from './npy-dtype';
import { parseHeader, parsePrelude, preludeBytes, shapeText, type NpyHeader } from './npy-header';

/** A .npy file open for reading rows. A shape of one dimension is one row. */
export interface NpyReader extends FileIdentity {
  readonly path: string;
  readonly header: NpyHeader;
  readonly shape: readonly number[];
  readonly dtype: NpyDtype;
  readonly rows: number;
  readonly cols: number;
  /** Reads whole rows into the start of `into`, which keeps the bytes of any buffer, shared ones too. */
  readRows(first: number, count: number, into: Uint8Array, signal?: AbortSignal): Promise<void>;
  /** Throws if the file was changed since it was opened. */
  verifyUnchanged(): Promise<void>;
  close(): Promise<void>;
}

async function readHeader(file: InputFile): Promise<NpyHeader> {
  const head = new Uint8Array(Math.min(preludeBytes, file.size));
  await file.read(head, 0);
  const prelude = parsePrelude(file.path, head);
  if (prelude.dataOffset > file.size) {
    throw new SoftlaneFileError(
      'ERR_SOFTLANE_NPY_TRUNCATED',
      file.path,
      'is cut off: it ends inside its header',
    );
  }
  const text = new Uint8Array(prelude.dataOffset - prelude.headerOffset);
  await file.read(text, prelude.headerOffset);
  return parseHeader(file.path, prelude, text);
}

/**
 * The first reason not to read a file with this header, in the order a person would fix them. `type` is what is wrong
 * with its element type; `actual` the bytes of data that it has, if that is known.
 */
export function headerRefusal(
  path: string,
  header: NpyHeader,
  type: string | undefined,
  itemBytes: number,
  actual: number | undefined,
): SoftlaneFileError | undefined {
  const no = (code: FileErrorCode, reason: string): SoftlaneFileError =>
    new SoftlaneFileError(code, path, reason);
  if (type !== undefined) return no('ERR_SOFTLANE_NPY_DTYPE', type);
  if (header.fortranOrder) {
    return no(
      'ERR_SOFTLANE_NPY_ORDER',
      'is in Fortran (column-major) order, expected C order: save numpy.ascontiguousarray(x)',
    );
  }
  if (header.shape.length < 1 || header.shape.length > 2) {
    const { shape } = header;
    return no(
      'ERR_SOFTLANE_NPY_SHAPE',
      `has ${shape.length} dimensions, shape ${shapeText(shape)}, expected 1 or 2`,
    );
  }
  if (actual === undefined) return undefined;
  const expected = header.elements * itemBytes;
  if (actual < expected) {
    return no(
      'ERR_SOFTLANE_NPY_TRUNCATED',
      `is cut off: its shape ${shapeText(header.shape)} needs ${expected} bytes of data, it has ${actual}`,
    );
  }
  return actual > expected ? trailingData(path, header, `${actual - expected} bytes`) : undefined;
}

export function trailingData(path: string, { shape }: NpyHeader, bytes: string): SoftlaneFileError {
  const reason = `has ${bytes} after its data of shape ${shapeText(shape)}`;
  return new SoftlaneFileError('ERR_SOFTLANE_NPY_TRAILING', path, reason);
}

function refusalOf(
  file: InputFile,
  header: NpyHeader,
  accepted: readonly NpyDtype[],
): SoftlaneFileError | undefined {
  const dtype = dtypeOf(header, accepted);
  const wanted = accepted.map((name) => npyDtypes[name].words).join(' or ');
  const type = `holds ${describeDescr(header.descr)}, expected ${wanted}`;
  const bytes = dtype === undefined ? 0 : npyDtypes[dtype].bytes;
  const actual = file.size - header.dataOffset;
  return headerRefusal(file.path, header, dtype === undefined ? type : undefined, bytes, actual);
}

/**
 * Opens a file for reading rows. Only what `accept` names, in C order, with one or two dimensions and exactly the
 * bytes that its shape needs, is accepted; every other file is refused with one error that names the reason.
 */
export async function openNpy(
  path: string,
  { accept = ['<f4'] }: { readonly accept?: readonly NpyDtype[] } = {},
): Promise<NpyReader> {
  requireLittleEndian();
  const file = await InputFile.open(path);
  try {
    const header = await readHeader(file);
    const refusal = refusalOf(file, header, accept);
    if (refusal !== undefined) throw refusal;
    return new Reader(file, header, dtypeOf(header, accept)!);
  } catch (error) {
    await file.close();
    throw error;
  }
}

class Reader implements NpyReader {
  readonly rows: number;
  readonly cols: number;

  constructor(
    private readonly file: InputFile,
    readonly header: NpyHeader,
    readonly dtype: NpyDtype,
  ) {
    this.cols = header.shape[header.shape.length - 1]!;
    this.rows = header.shape.length === 1 ? 1 : header.shape[0]!;
  }

  get path(): string {
    return this.file.path;
  }
  get dev(): bigint {
    return this.file.dev;
  }
  get ino(): bigint {
    return this.file.ino;
  }
  get shape(): readonly number[] {
    return this.header.shape;
  }

  async readRows(
    first: number,
    count: number,
    into: Uint8Array,
    signal?: AbortSignal,
  ): Promise<void> {
    const rowBytes = this.cols * npyDtypes[this.dtype].bytes;
    if (!(first >= 0 && count >= 0 && first + count <= this.rows)) {
      throw new RangeError(`rows ${first} to ${first + count} of ${this.rows}`);
    }
    if (into.byteLength < count * rowBytes) {
      throw new RangeError(`${count} rows of ${rowBytes} bytes do not fit into ${into.byteLength}`);
    }
    const position = this.header.dataOffset + first * rowBytes;
    await this.file.read(into.subarray(0, count * rowBytes), position, signal);
  }

  verifyUnchanged(): Promise<void> {
    return this.file.verifyUnchanged();
  }

  close(): Promise<void> {
    return this.file.close();
  }
}
