/** Rows in order, whatever file they come from. */
import { orAborted } from './abort';
import { goesOn, readFully, type ByteSource } from './bytes';
import { convertBytes, dtypes, narrowing, type Dtype, type ElementArray } from './element';
import { SoftlaneFileError } from './errors';
import { FileRows } from './file-rows';

/** Where a source puts rows: their elements, and the label of each where the source has them. */
export interface RowTarget {
  readonly x: ElementArray;
  readonly labels?: Int32Array | undefined;
}

export interface Source {
  /** For errors. */
  readonly path: string;
  /** The format in words. */
  readonly format: string;
  /** What it holds in words: "float16". */
  readonly holds: string;
  /** Undefined where that is known only at the end. */
  readonly rows: number | undefined;
  readonly cols: number;
  /** Whether the file says that this is one row, without a dimension of rows. */
  readonly flat: boolean;
  /** Whether rows are skipped without reading them. */
  readonly skips: boolean;
  /** What a person should know, such as that numbers are rounded. */
  readonly warning: string | undefined;
  /** Puts the next rows at the start of `into`, up to `count`, and gives how many: fewer only at the end. */
  read(into: RowTarget, count: number, signal?: AbortSignal): Promise<number>;
  skip(rows: number, signal?: AbortSignal): Promise<void>;
  /** Refuses a stream that goes on after its rows, which have been read; of a file that is known when it is opened. */
  requireEnd?(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
  /** The next rows, up to `count`, unread in their file; absent where rows are not found so. */
  take?: ((count: number) => FileRows) | undefined;
}

export interface RawSourceOptions {
  readonly format: string;
  readonly dtype: Dtype;
  readonly rows: number | undefined;
  readonly cols: number;
  readonly flat?: boolean;
  /** The error of a stream that goes on after its rows. */
  readonly trailing: () => SoftlaneFileError;
}

/** Rows of plain elements one after another. */
export class RawSource implements Source {
  readonly path: string;
  readonly format: string;
  readonly holds: string;
  readonly rows: number | undefined;
  readonly cols: number;
  readonly flat: boolean;
  readonly skips: boolean;
  readonly warning: string | undefined;
  readonly take: ((count: number) => FileRows) | undefined;
  private readonly dtype: Dtype;
  private place = 0;

  constructor(
    private readonly bytes: ByteSource,
    private readonly options: RawSourceOptions,
  ) {
    const { format, dtype, rows, cols, flat = false } = options;
    this.path = bytes.path;
    this.format = format;
    this.dtype = dtype;
    this.rows = rows;
    this.cols = cols;
    this.flat = flat;
    this.skips = bytes.left !== undefined;
    this.holds = dtypes[dtype].words;
    this.warning = narrowing(dtype);
    if (bytes.take === undefined || rows === undefined || !FileRows.has(dtype)) return;
    this.take = (count) => {
      const some = Math.min(count, rows - this.place);
      this.place += some;
      const { file, offset } = bytes.take!(some * cols * dtypes[dtype].bytes);
      return new FileRows(file, offset, dtype, some, cols);
    };
  }

  async read({ x }: RowTarget, count: number, signal?: AbortSignal): Promise<number> {
    const rows = Math.min(count, (this.rows ?? Infinity) - this.place);
    const elements = rows * this.cols;
    if (this.dtype === 'f32' || this.dtype === 'i32') {
      const into = new Uint8Array(x.buffer, x.byteOffset, 4 * elements);
      await readFully(this.bytes, into, signal);
    } else {
      const buffer = new ArrayBuffer(elements * dtypes[this.dtype].bytes);
      await readFully(this.bytes, new Uint8Array(buffer), signal);
      convertBytes(this.dtype, buffer, x.subarray(0, elements), this.path);
    }
    this.place += rows;
    if (rows > 0 && this.place === this.rows) await this.bytes.requireIntact?.(signal);
    return rows;
  }

  async skip(rows: number, signal?: AbortSignal): Promise<void> {
    this.place += rows;
    await this.bytes.skip(rows * this.cols * dtypes[this.dtype].bytes, signal);
  }

  async requireEnd(signal?: AbortSignal): Promise<void> {
    if (this.bytes.left !== undefined || !(await goesOn(this.bytes, signal))) return;
    throw this.options.trailing();
  }

  close(): Promise<void> {
    return this.bytes.close();
  }
}

/** Some rows that a reader of records found together. */
export interface Batch {
  readonly rows: number;
  readonly x: ElementArray;
  readonly labels?: Int32Array | undefined;
}

export interface BatchSourceOptions {
  readonly path: string;
  readonly format: string;
  readonly holds: string;
  readonly rows?: number | undefined;
  readonly cols?: number | undefined;
  readonly warning?: string | undefined;
  readonly close?: () => Promise<void>;
}

/** Rows of a reader that finds them in batches of its own sizes. */
export class BatchSource implements Source {
  readonly path: string;
  readonly format: string;
  readonly holds: string;
  readonly rows: number | undefined;
  readonly cols: number;
  readonly flat = false;
  readonly skips = false;
  readonly warning: string | undefined;
  private used = 0;
  private isWaiting = false;

  private constructor(
    private readonly batches: AsyncIterator<Batch>,
    private batch: Batch | undefined,
    private readonly options: BatchSourceOptions,
  ) {
    this.path = options.path;
    this.format = options.format;
    this.holds = options.holds;
    this.rows = options.rows;
    this.warning = options.warning;
    this.cols = options.cols ?? (batch === undefined ? 0 : batch.x.length / batch.rows);
  }

  /** Reads the first batch, which says how many columns there are. */
  static async open(
    batches: AsyncIterator<Batch>,
    options: BatchSourceOptions,
  ): Promise<BatchSource> {
    try {
      const first = await BatchSource.next(batches);
      return new BatchSource(batches, first, options);
    } catch (error) {
      await options.close?.();
      throw error;
    }
  }

  private static async next(batches: AsyncIterator<Batch>): Promise<Batch | undefined> {
    for (;;) {
      const { done, value } = (await batches.next()) as IteratorResult<Batch, undefined>;
      if (done === true) return undefined;
      if (value.rows > 0) return value;
    }
  }

  async read(into: RowTarget, count: number, signal?: AbortSignal): Promise<number> {
    let done = 0;
    while (done < count && this.batch !== undefined) {
      signal?.throwIfAborted();
      const { rows, x, labels } = this.batch;
      if (x.length !== rows * this.cols) {
        throw new SoftlaneFileError(
          'ERR_SOFTLANE_INPUT_SHAPE',
          this.path,
          `has rows of ${x.length / rows} elements after rows of ${this.cols}`,
        );
      }
      const size = Math.min(count - done, rows - this.used);
      const { cols, used } = this;
      into.x.set(x.subarray(used * cols, (used + size) * cols), done * cols);
      if (labels !== undefined) into.labels?.set(labels.subarray(used, used + size), done);
      await this.advance(size, signal);
      done += size;
    }
    return done;
  }

  async skip(rows: number, signal?: AbortSignal): Promise<void> {
    for (let left = rows; left > 0 && this.batch !== undefined;) {
      signal?.throwIfAborted();
      const size = Math.min(left, this.batch.rows - this.used);
      await this.advance(size, signal);
      left -= size;
    }
  }

  private async advance(rows: number, signal: AbortSignal | undefined): Promise<void> {
    this.used += rows;
    if (this.used < this.batch!.rows) return;
    this.used = 0;
    this.isWaiting = true;
    this.batch = await orAborted(BatchSource.next(this.batches), signal);
    this.isWaiting = false;
  }

  async close(): Promise<void> {
    // A generator that waits would answer only when what it waits for comes.
    if (!this.isWaiting) await this.batches.return?.();
    await this.options.close?.();
  }
}
