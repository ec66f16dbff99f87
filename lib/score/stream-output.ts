/** An output to a stream: rows go out as they come, and nothing is kept. */
import type { Writable } from 'node:stream';
import type { ElementArray } from './element';
import { outputError, SoftlaneFileError, systemCode } from './errors';
import type { Encoder, Format, SinkFormat } from './format';
import type { OutputFile } from './output-file';
import { makeColumns, type Table } from './table';

export const standardOutput = 'standard output';

/** The reader of all that the job makes went away; nobody needs the rest. */
export class ReaderGone extends Error {}

/** The write that failed says so. */
const told = (): void => undefined;

/** How the format writes such a table to a stream; throws where it cannot. */
export function streamSink(format: Format, table: Table, rows: number | undefined): SinkFormat {
  const path = standardOutput;
  const sink = format.sink!(table);
  const refuse = (reason: string): SoftlaneFileError =>
    new SoftlaneFileError('ERR_SOFTLANE_OUTPUT_FORMAT', path, reason);
  if (sink.kind === 'encode' && sink.places === true) {
    throw refuse(`${format.words} with several columns is written to a file, not to a stream`);
  }
  if (sink.counts && rows === undefined) {
    throw refuse(
      `${format.words} begins with the number of rows, which this input does not say: use jsonl or arrows`,
    );
  }
  return sink;
}

/** `isAll`: whether the job makes nothing else; what else it makes is made without a reader too. */
export async function streamOutput(
  stream: Writable,
  format: Format,
  table: Table,
  rows: number | undefined,
  isAll: boolean,
): Promise<OutputFile> {
  const path = standardOutput;
  const sink = streamSink(format, table, rows);
  if (!stream.listeners('error').includes(told)) stream.on('error', told);
  let isGone = false;
  const emit = (bytes: Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => {
      if (isGone) return resolve();
      // A copy: what is not taken at once would be overwritten by the next block.
      stream.write(bytes.slice(), (error) => {
        if (error === null || error === undefined) return resolve();
        isGone = systemCode(error) === 'EPIPE';
        if (!isGone) reject(outputError(path, error));
        else if (isAll) reject(new ReaderGone());
        else resolve();
      });
    });
  let encoder: Grouped | undefined;
  if (sink.kind === 'encode') {
    const group = sink.groupRows(table);
    encoder = new Grouped(await sink.open(path, table, rows, emit), table, group);
  } else await emit(sink.head(table, rows ?? 0));
  return {
    path,
    write: async (columns, count) => {
      if (sink.kind === 'append') await emit(sink.rows(table, columns, count));
      else await encoder!.write(columns, count);
    },
    keep: () => Promise.reject(new RangeError('a stream keeps nothing')),
    abandon: () => undefined,
    commit: async () => {
      await encoder?.end();
    },
    discard: () => Promise.resolve(),
  };
}

/** Hands an encoder its groups, whatever the blocks are, so that the bytes do not depend on them. */
class Grouped {
  private readonly columns: ElementArray[];
  private filled = 0;

  constructor(
    private readonly encoder: Encoder,
    private readonly table: Table,
    private readonly group: number,
  ) {
    this.columns = makeColumns(table, group, (bytes) => new ArrayBuffer(bytes));
  }

  async write(columns: readonly ElementArray[], rows: number): Promise<void> {
    for (let done = 0; done < rows;) {
      const size = Math.min(rows - done, this.group - this.filled);
      this.table.columns.forEach(({ width }, i) => {
        const piece = columns[i]!.subarray(done * width, (done + size) * width);
        this.columns[i]!.set(piece, this.filled * width);
      });
      this.filled += size;
      done += size;
      if (this.filled === this.group) await this.flush();
    }
  }

  async end(): Promise<void> {
    await this.flush();
    await this.encoder.end();
  }

  private async flush(): Promise<void> {
    if (this.filled === 0) return;
    await this.encoder.write(this.columns, this.filled);
    this.filled = 0;
  }
}
