/** Rows that lie one after another in a file and have not been read. */
import type { Format } from '../operator';
import type { RowsInFile } from '../sweep';
import { convertBytes, dtypes, type Dtype, type ElementArray } from './element';
import type { InputFile } from './input-file';

/** Element types of files that operators take as they are. */
const formats: Partial<Readonly<Record<Dtype, Format>>> = { f32: 'f32', f16: 'f16', bf16: 'bf16' };

export class FileRows implements RowsInFile {
  constructor(
    private readonly file: InputFile,
    readonly offset: number,
    private readonly dtype: Dtype,
    readonly rows: number,
    private readonly cols: number,
  ) {}

  /** Whether rows of this type can be left in their file. */
  static has(dtype: Dtype): boolean {
    return formats[dtype] !== undefined;
  }

  get fd(): number {
    return this.file.fd;
  }
  get format(): Format {
    return formats[this.dtype]!;
  }

  /** Reads them, to the start of `x`. */
  read(x: ElementArray, signal?: AbortSignal): Promise<void> {
    return this.readPart(x, 0, this.rows * this.cols, signal);
  }

  /** Reads some elements, counted over all rows. */
  async readPart(
    x: ElementArray,
    first: number,
    count: number,
    signal?: AbortSignal,
  ): Promise<void> {
    const { file, dtype } = this;
    const { bytes } = dtypes[dtype];
    const position = this.offset + first * bytes;
    if (dtype === 'f32') {
      await file.read(new Uint8Array(x.buffer, x.byteOffset, 4 * count), position, signal);
      return;
    }
    const buffer = new ArrayBuffer(count * bytes);
    await file.read(new Uint8Array(buffer), position, signal);
    convertBytes(dtype, buffer, x.subarray(0, count), file.path);
  }
}
