/** Many inputs as one: their rows one after another. */
import type { Format } from './format';
import { SoftlaneFileError } from './errors';
import { openSource, type Located, type OpenedSource } from './inputs';
import type { OpenOptions } from './format';
import type { InputFile } from './input-file';
import type { FileRows } from './file-rows';
import type { RowTarget, Source } from './source';

export interface Link {
  readonly located: Located;
  readonly rows: number | undefined;
  readonly skips: boolean;
  readonly file: InputFile | undefined;
  /** A stream, which is opened once. */
  readonly stream: Source | undefined;
  /** Whether its rows can be left in their file. */
  readonly canTake: boolean;
  /** It names what it is about. */
  readonly warning: string | undefined;
}

/** Rows that are read together where they are not needed. */
const wasteRows = 256;

/** Where a row comes from. */
export interface RowPlace {
  readonly path: string;
  /** Counted from 0 in that file. */
  readonly row: number;
}

export class Chain implements Source {
  readonly path: string;
  readonly format: string;
  readonly holds: string;
  readonly rows: number | undefined;
  readonly cols: number;
  readonly flat: boolean;
  readonly skips: boolean;
  /** The first of those of its links. */
  readonly warning: string | undefined;
  private at = 0;
  private readonly retired: Source[] = [];
  private readonly starts: number[] = [0];
  private place = 0;

  private constructor(
    readonly links: readonly Link[],
    private current: Source | undefined,
    private readonly reopen: (located: Located) => Promise<OpenedSource>,
  ) {
    const first = current!;
    this.path = first.path;
    this.format = first.format;
    this.holds = first.holds;
    this.cols = first.cols;
    this.warning = links.find(({ warning }) => warning !== undefined)?.warning;
    const known = links.map(({ rows }) => rows);
    this.rows = known.reduce((sum, rows) => sum! + rows!, 0 as number | undefined);
    if (known.includes(undefined)) this.rows = undefined;
    this.flat = first.flat && links.length === 1;
    this.skips = links.every(({ skips }) => skips);
  }

  /** Opens every input once, so that what is wrong with the last is known before the first is read. */
  static async open(
    inputs: readonly Located[],
    options: Omit<OpenOptions, 'name'>,
    format?: Format,
    stdin?: AsyncIterable<Uint8Array>,
  ): Promise<Chain> {
    const reopen = (located: Located): Promise<OpenedSource> =>
      openSource(located, options, format, stdin);
    const links: Link[] = [];
    let first: Source | undefined;
    try {
      for (const located of inputs) {
        const { source, file } = await reopen(located);
        const stream = file === undefined ? source : undefined;
        const { rows, skips, take } = source;
        const warning = source.warning && `${source.path}: ${source.warning}`;
        links.push({ located, rows, skips, file, stream, canTake: take !== undefined, warning });
        if (first === undefined) {
          first = source;
          continue;
        }
        const { cols } = source;
        if (stream === undefined) await source.close();
        const wanted: Source = first;
        if (cols !== wanted.cols) {
          throw new SoftlaneFileError(
            'ERR_SOFTLANE_INPUT_SHAPE',
            located.path,
            `has rows of ${cols} elements, ${wanted.path} has rows of ${wanted.cols}`,
          );
        }
      }
      return new Chain(links, first, reopen);
    } catch (error) {
      await first?.close();
      for (const { stream } of links) if (stream !== first) await stream?.close();
      throw error;
    }
  }

  /** Whether an input is a stream, which cannot be read again. */
  get hasStream(): boolean {
    return this.links.some(({ file }) => file === undefined);
  }

  async read(into: RowTarget, count: number, signal?: AbortSignal): Promise<number> {
    let done = 0;
    while (done < count && this.current !== undefined) {
      const rest = {
        x: into.x.subarray(done * this.cols),
        labels: into.labels?.subarray(done),
      };
      const got = await this.current.read(rest, count - done, signal);
      done += got;
      this.place += got;
      if (done < count) await this.advance(signal);
    }
    return done;
  }

  /** Whether `takeRows` gives rows. */
  get canTake(): boolean {
    return this.links.every(({ canTake }) => canTake);
  }

  /**
   * The next rows of one file, unread; undefined at the end. The file stays open until `takeRows` is called a second
   * time from here.
   */
  async takeRows(count: number): Promise<FileRows | undefined> {
    for (const source of this.retired.splice(0)) await source.close();
    while (this.current !== undefined) {
      const found = this.current.take!(count);
      this.place += found.rows;
      if (found.rows > 0 || count === 0) return found;
      this.retired.push(this.current);
      this.current = undefined;
      await this.advance();
    }
    return undefined;
  }

  async skip(rows: number, signal?: AbortSignal): Promise<void> {
    let left = rows;
    while (left > 0 && this.current !== undefined) {
      const { rows: whole } = this.links[this.at]!;
      const start = this.starts[this.at]!;
      if (whole === undefined) {
        // How many it has is known at its end alone.
        const waste = new Float32Array(this.cols * wasteRows);
        for (let got = 1; left > 0 && got > 0; left -= got, this.place += got) {
          got = await this.current.read({ x: waste }, Math.min(left, wasteRows), signal);
        }
      } else {
        const size = Math.min(left, start + whole - this.place);
        await this.current.skip(size, signal);
        this.place += size;
        left -= size;
      }
      if (left > 0) await this.advance(signal);
    }
  }

  /** Where row `row` of all, which has been read, comes from. */
  locate(row: number): RowPlace {
    let link = this.starts.length - 1;
    while (link > 0 && this.starts[link]! > row) link--;
    return { path: this.links[link]!.located.path, row: row - this.starts[link]! };
  }

  async requireEnd(signal?: AbortSignal): Promise<void> {
    await this.current?.requireEnd?.(signal);
    // Those without rows, which nobody asked for.
    for (const { stream } of this.links.slice(this.at + 1)) await stream?.requireEnd?.(signal);
  }

  private async advance(signal?: AbortSignal): Promise<void> {
    await this.current?.requireEnd?.(signal);
    await this.current?.close();
    this.current = undefined;
    if (++this.at >= this.links.length) return;
    this.starts.push(this.place);
    const { located, stream } = this.links[this.at]!;
    this.current = stream ?? (await this.reopen(located)).source;
  }

  async close(): Promise<void> {
    for (const source of this.retired.splice(0)) await source.close();
    await this.current?.close();
    for (const { stream } of this.links.slice(this.at + 1)) await stream?.close();
    this.current = undefined;
  }
}
