/** An output that takes rows as they come, can be left after any of them, and appears complete or not at all. */
import { AtomicFile, type AtomicFileOptions, type Kept } from './atomic-file';
import type { ElementArray } from './element';
import { SoftlaneFileError } from './errors';
import type { AppendFormat, EncodeFormat, Format, SinkFormat } from './format';
import { extensionsOf, formatOfPath, outputFormats } from './formats';
import { packRows, rowWords, unpackRows, type Table } from './table';

/** What was kept of an output, with the state of one that has one. */
export interface KeptOutput extends Kept {
  readonly state?: unknown;
}

export interface OutputFile {
  readonly path: string;
  write(columns: readonly ElementArray[], rows: number): Promise<void>;
  /** Elements of a row that comes in pieces, of an output that `takesPieces`. */
  writePart?(values: Float32Array): Promise<void>;
  /** Takes rows as the file of a part has them, with the state that the part left; a stream takes none. */
  take?(bytes: Uint8Array, state?: unknown): Promise<void>;
  /** Makes what was written safe, to be gone on with later. */
  keep(): Promise<KeptOutput>;
  abandon(): void;
  /** Gives the file its name. */
  commit(rows: number, signal?: AbortSignal): Promise<void>;
  discard(): Promise<void>;
}

/** The format that a path asks for. */
export function outputFormat(path: string, named?: Format): Format {
  const found = named ?? formatOfPath(path, outputFormats);
  if (found !== undefined) return found;
  throw new SoftlaneFileError(
    'ERR_SOFTLANE_OUTPUT_FORMAT',
    path,
    `expected a name that ends in ${extensionsOf(outputFormats)}, or --out-format`,
  );
}

/** Whether such an output can be written in pieces of a row. */
export function takesPieces(format: Format, table: Table): boolean {
  const sink = format.sink!(table);
  return sink.kind === 'append' && sink.plain === true && table.columns.length === 1;
}

/** How the format writes such a table; throws where it cannot. */
export function sinkOf(path: string, format: Format, table: Table): SinkFormat {
  const sink = format.sink!(table);
  const refusal = sink.kind === 'append' ? sink.refusal?.(table) : undefined;
  if (refusal === undefined) return sink;
  throw new SoftlaneFileError('ERR_SOFTLANE_OUTPUT_FORMAT', path, refusal);
}

/** A part of an output: its rows alone, as the output takes them. */
export async function createPart(
  path: string,
  sink: SinkFormat,
  table: Table,
  options: AtomicFileOptions,
): Promise<OutputFile> {
  return new Part(await AtomicFile.create(path, options), sink, table);
}

export async function createOutput(
  path: string,
  format: Format,
  table: Table,
  rows: number | undefined,
  options: AtomicFileOptions,
): Promise<OutputFile> {
  const sink = sinkOf(path, format, table);
  const file = await AtomicFile.create(path, options);
  try {
    if (sink.kind === 'encode') return new Encoded(file, sink, table, options);
    if (options.resume === undefined) await file.write(sink.head(table, rows ?? 0));
    return new Appended(file, sink, table);
  } catch (error) {
    await file.discard();
    throw error;
  }
}

abstract class Base {
  private readonly rows: AppendFormat['rows'];

  constructor(
    protected readonly file: AtomicFile,
    sink: SinkFormat,
    protected readonly table: Table,
  ) {
    // What is encoded in the end is kept as it is until then.
    this.rows = sink.kind === 'append' ? (...all) => sink.rows(...all) : packRows;
  }

  write(columns: readonly ElementArray[], rows: number): Promise<void> {
    return this.file.write(this.rows(this.table, columns, rows));
  }
  take(bytes: Uint8Array): Promise<void> {
    return this.file.write(bytes);
  }
  writePart({ buffer, byteOffset, byteLength }: Float32Array): Promise<void> {
    return this.file.write(new Uint8Array(buffer, byteOffset, byteLength));
  }

  get path(): string {
    return this.file.path;
  }
  keep(): Promise<Kept> {
    return this.file.keep();
  }
  abandon(): void {
    this.file.abandon();
  }
  discard(): Promise<void> {
    return this.file.discard();
  }
}

class Part extends Base implements OutputFile {
  commit(_rows: number, signal?: AbortSignal): Promise<void> {
    return this.file.commit(signal);
  }
}

class Appended extends Base implements OutputFile {
  constructor(
    file: AtomicFile,
    private readonly sink: AppendFormat,
    table: Table,
  ) {
    super(file, sink, table);
  }

  async commit(rows: number, signal?: AbortSignal): Promise<void> {
    if (this.sink.counts) await this.file.write(this.sink.head(this.table, rows), 0);
    await this.file.commit(signal);
  }
}

/** Keeps rows as they are until the last is there, and encodes them then. */
class Encoded extends Base implements OutputFile {
  constructor(
    file: AtomicFile,
    private readonly sink: EncodeFormat,
    table: Table,
    private readonly options: AtomicFileOptions,
  ) {
    super(file, sink, table);
  }

  commit(rows: number, signal?: AbortSignal): Promise<void> {
    return this.file.commitMade(this.options, (made) => this.encode(made, rows, signal), signal);
  }

  private async encode(made: AtomicFile, rows: number, signal?: AbortSignal): Promise<void> {
    const { table, sink, path } = this;
    const encoder = await sink.open(path, table, rows, (bytes, at) => made.write(bytes, at));
    const group = sink.groupRows(table);
    const rowBytes = 4 * rowWords(table);
    for (let first = 0; first < rows; first += group) {
      signal?.throwIfAborted();
      const count = Math.min(group, rows - first);
      const packed = new Int32Array((count * rowBytes) / 4);
      await this.file.readBack(new Uint8Array(packed.buffer), first * rowBytes);
      await encoder.write(unpackRows(table, packed, count), count);
    }
    await encoder.end();
  }
}
