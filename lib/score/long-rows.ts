/**
 * Rows that do not fit into memory. Each is read in pieces of whole blocks: once to be reduced and, where it becomes a
 * row, once more to be mapped, its results being written as they come. The bits are those of a call over the whole row,
 * but where that would look at its row again (docs/decisions/0073-rows-longer-than-memory.md).
 */
import { blockLength, RowInPieces } from '../pieces';
import { verification } from '../verify';
import { findOperator } from '../catalogue';
import { badRowError, type BadRow } from './bad-rows';
import type { Feed } from './feed';
import type { FileRows } from './file-rows';
import type { CheckedJob } from './job-options';
import type { JobOptions } from './job-types';
import { outputFormat, takesPieces, type OutputFile } from './output-file';
import { pump } from './pipeline';
import type { Product } from './product';

/** Elements of a piece, where there is memory for it: two of them and two of results stay in the last cache. */
const mostPiece = 2 ** 20;

interface Piece {
  readonly x: Float32Array;
  readonly y: Float32Array;
  first: number;
}

/** Why this job needs every row as a whole; undefined if it does not. */
export function wholeRowReason(
  options: JobOptions,
  { outFormat }: CheckedJob,
  feed: Feed,
  products: readonly Product[],
): string | undefined {
  if (!feed.canTake) return 'the input is no file of plain numbers (.npy, .safetensors)';
  if (Object.keys(feed.widths).length > 0) return 'something is read beside the rows';
  if (options.verify !== undefined || verification.share !== 0) return 'rows are checked';
  for (const [i, product] of products.entries()) {
    const { operation, columns } = product;
    const name = operation?.name ?? 'metrics';
    const row = openRow(product, feed.cols, options);
    if (row === undefined) return `${name} needs a row as a whole`;
    row.close();
    if (columns[0]!.scalar) continue;
    const { path } = options.outputs[i]!;
    const table = { columns, flat: false };
    if (path === '-' || !takesPieces(outputFormat(path, outFormat), table)) {
      return `${path} is no file of plain numbers (.npy, .safetensors)`;
    }
  }
  return undefined;
}

function openRow(
  { operation, request }: Product,
  cols: number,
  { threads, isa }: JobOptions,
): RowInPieces | undefined {
  const line = operation?.line;
  if (line === undefined) return undefined;
  return RowInPieces.open(line, cols, { ...request.parameters, threads, isa });
}

/** Elements of a piece: a power of two of blocks, of which two with their results fit; 0 if none does. */
export function pieceLength(limit: number): number {
  const fits = (length: number): boolean => 4 * 4 * length <= limit;
  let length = blockLength();
  if (!fits(length)) return 0;
  while (2 * length <= mostPiece && fits(2 * length)) length *= 2;
  return length;
}

export class LongRows {
  private readonly buffers: Piece[] = [];
  private readonly signal: AbortSignal | undefined;

  constructor(
    private readonly options: JobOptions,
    private readonly checked: CheckedJob,
    private readonly feed: Feed,
    private readonly products: readonly Product[],
    private readonly length: number,
    /** Whether to leave the row at hand, of which nothing is written yet. */
    private readonly stopped: () => boolean,
  ) {
    this.signal = options.signal as AbortSignal | undefined;
  }

  /**
   * Writes the results of row `number`; gives what is wrong with it, or false if it was to stop before anything of it
   * was written. `progress` hears how many of its elements were read.
   */
  async row(
    number: number,
    outputs: readonly OutputFile[],
    progress: (elements: number) => void,
  ): Promise<readonly BadRow[] | false> {
    const { feed, options, checked, products } = this;
    const unread = (await feed.takeRows({}, 1, this.signal))!;
    const rows = products.map((product) => openRow(product, feed.cols, options)!);
    const maxLogit = findOperator('maxLogit')!;
    const { threads, isa } = options;
    const most =
      checked.policy === 'keep' ? [] : [RowInPieces.open(maxLogit, feed.cols, { threads, isa })!];
    try {
      const reduced = [
        ...rows.filter((_, i) => products[i]!.operation!.line!.driver !== 'map'),
        ...most,
      ];
      let stopped = false;
      if (reduced.length > 0) {
        await this.sweep(unread, {
          compute: ({ x }) => reduced.forEach((row) => row.reduce(x)),
          write: () => Promise.resolve(),
          progress,
          stopped: () => (stopped = this.stopped()),
        });
      }
      if (stopped) return false;
      const values = new Map(reduced.map((row) => [row, row.finish()]));
      const isBad = most.some((row) => Number.isNaN(values.get(row)));
      const bad = isBad ? [await this.nanOf(unread)] : [];
      if (isBad && checked.policy === 'stop') {
        throw badRowError({ ...feed.locate(number), reason: bad[0]!.reason });
      }
      for (const [i, row] of rows.entries()) {
        const output = outputs[i]!;
        if (products[i]!.columns[0]!.scalar) {
          await output.write([Float32Array.of(isBad ? NaN : values.get(row)!)], 1);
          continue;
        }
        await this.sweep(unread, {
          compute: ({ x, y }) => (isBad ? void y.fill(NaN) : row.map(x, y)),
          write: ({ y }) => output.writePart!(y),
          progress,
        });
      }
      return bad;
    } finally {
      for (const row of [...rows, ...most]) row.close();
    }
  }

  /** Takes the elements of a row through the stages, in pieces. */
  private async sweep(
    unread: FileRows,
    stages: {
      readonly compute: (piece: Piece) => void;
      readonly write: (piece: Piece) => Promise<void>;
      readonly progress: (elements: number) => void;
      readonly stopped?: () => boolean;
    },
  ): Promise<void> {
    const { length, signal, buffers } = this;
    const { cols } = this.feed;
    let asked = 0;
    let made = 0;
    const part = ({ x, y, first }: Piece, count: number): Piece => ({
      x: x.subarray(0, count),
      y: y.subarray(0, count),
      first,
    });
    await pump<Piece>(
      {
        rows: cols,
        blockRows: length,
        signal,
        stopped: stages.stopped,
        makeBlock: () =>
          (buffers[made++] ??= {
            x: new Float32Array(length),
            y: new Float32Array(length),
            first: 0,
          }),
      },
      {
        read: async (piece, count) => {
          piece.first = asked;
          asked += count;
          await unread.readPart(piece.x, piece.first, count, signal);
          return count;
        },
        compute: (piece, count) => Promise.resolve(stages.compute(part(piece, count))),
        write: async (piece, count) => {
          await stages.write(part(piece, count));
          stages.progress(piece.first + count);
        },
      },
    );
  }

  /** The first NaN of a row that has one. */
  private async nanOf(unread: FileRows): Promise<BadRow> {
    let column = -1;
    await this.sweep(unread, {
      compute: ({ x, first }) => {
        const at = x.findIndex(Number.isNaN);
        if (at >= 0 && column < 0) column = first + at;
      },
      write: () => Promise.resolve(),
      progress: () => undefined,
      stopped: () => column >= 0,
    });
    return { row: 0, reason: `NaN in column ${column}` };
  }
}
