/** Rows that cannot be scored: a NaN among their elements, or a label that is no column. */
import { AtomicFile, type AtomicFileOptions } from './atomic-file';
import type { RowPlace } from './chain';
import type { ElementArray } from './element';
import { SoftlaneFileError } from './errors';
import type { Column } from './table';

/** `keep`: each operator's documented result; `stop`: an error; `reject`: written to a file, and NaN in the outputs. */
export type BadRowPolicy = 'keep' | 'stop' | 'reject';

export interface BadRow {
  /** In its block. */
  readonly row: number;
  readonly reason: string;
}

export interface Rejected extends RowPlace {
  readonly reason: string;
}

/** The rows whose label is no column. */
export function badLabels(labels: Int32Array | undefined, cols: number): BadRow[] {
  const bad: BadRow[] = [];
  labels?.forEach((label, row) => {
    if (label >= 0 && label < cols) return;
    bad.push({ row, reason: `label ${label} is none of the ${cols} columns` });
  });
  return bad;
}

/** The rows with a NaN, by the largest element of each, which it makes NaN. */
export function nanRows(x: Float32Array, cols: number, most: Float32Array): BadRow[] {
  const bad: BadRow[] = [];
  most.forEach((value, row) => {
    if (!Number.isNaN(value)) return;
    const column = x.subarray(row * cols, (row + 1) * cols).findIndex(Number.isNaN);
    bad.push({ row, reason: `NaN in column ${column}` });
  });
  return bad;
}

/** Both, a row once, in the order of rows; a NaN is said rather than a label. */
export function bothKinds(nan: readonly BadRow[], label: readonly BadRow[]): BadRow[] {
  const known = new Set(nan.map(({ row }) => row));
  const others = label.filter(({ row }) => !known.has(row));
  return [...nan, ...others].sort((a, b) => a.row - b.row);
}

export function badRowError({ path, row, reason }: Rejected): SoftlaneFileError {
  return new SoftlaneFileError('ERR_SOFTLANE_INPUT_VALUE', path, `row ${row}: ${reason}`);
}

/** The result of a row that has none: NaN, and -1 for an index. */
export function blank(
  columns: readonly Column[],
  arrays: readonly ElementArray[],
  row: number,
): void {
  columns.forEach(({ width, element }, i) => {
    arrays[i]!.fill(element === 'float32' ? NaN : -1, row * width, (row + 1) * width);
  });
}

/** The reject file: a line of JSON each, kept and gone on with as outputs are. */
export class RejectFile {
  private constructor(private readonly file: AtomicFile) {}

  static async create(path: string, options: AtomicFileOptions): Promise<RejectFile> {
    return new RejectFile(await AtomicFile.create(path, options));
  }

  get path(): string {
    return this.file.path;
  }

  async add(rejected: readonly Rejected[]): Promise<void> {
    if (rejected.length === 0) return;
    const lines = rejected.map((row) => `${JSON.stringify(row)}\n`);
    await this.file.write(Buffer.from(lines.join('')));
  }

  /** As an output without columns. */
  asOutput() {
    const { file } = this;
    return {
      path: file.path,
      write: () => Promise.resolve(),
      take: (bytes: Uint8Array) => file.write(bytes),
      keep: () => file.keep(),
      abandon: () => file.abandon(),
      commit: (_rows: number, signal?: AbortSignal) => file.commit(signal),
      discard: () => file.discard(),
    };
  }
}
