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
  async read(x: ElementArray, signal?: AbortSignal): Promise<void> {
    const { file, offset, dtype, rows, cols } = this;
    const elements = rows * cols;
    if (dtype === 'f32') {
      await file.read(new Uint8Array(x.buffer, x.byteOffset, 4 * elements), offset, signal);
      return;
    }
    const buffer = new ArrayBuffer(elements * dtypes[dtype].bytes);
    await file.read(new Uint8Array(buffer), offset, signal);
    convertBytes(dtype, buffer, x.subarray(0, elements), file.path);
  }
}
