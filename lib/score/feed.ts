/** All that a job reads, row by row together: logits, labels, and what operators read beside them. */
import { widthOf } from '../operands';
import { Chain, type Link, type RowPlace } from './chain';
import type { ElementArray } from './element';
import { SoftlaneFileError } from './errors';
import type { FileRows } from './file-rows';
import { readHead, throughHead, type Head } from './head';
import { requireUnchanged } from './identity';
import { expand, locate } from './inputs';
import type { CheckedJob, CheckedOutput } from './job-options';
import type { JobOptions } from './job-types';
import type { FileIdentity, InputFile } from './input-file';
import type { Source } from './source';

/** What a block has beside its logits, by the names of operands. */
export type Beside = Readonly<Record<string, ElementArray>>;

/** The job that some inputs are a part of. */
export interface Whole {
  /** Its rows before the first of these. */
  readonly ahead: number;
  readonly rows: number | undefined;
  /** Whether none come after these. */
  readonly isEnd: boolean;
}

interface Side {
  readonly name: string;
  readonly chain: Chain;
  readonly element: 'float32' | 'int32';
  /** Elements a row that it must have, for an input of so many columns. */
  readonly width: (cols: number) => number;
}

export class Feed {
  private constructor(
    private readonly main: Chain,
    private readonly source: Source,
    private readonly sides: readonly Side[],
    private readonly labelsInMain: boolean,
    private readonly head: Head | undefined,
    private readonly whole: Whole | undefined,
  ) {}

  /** `whole` says where in a job these inputs lie, if they are not all of its inputs. */
  static async open(
    options: JobOptions,
    { inFormat, outputs, labelled }: CheckedJob,
    whole?: Whole,
  ): Promise<Feed> {
    const opened: Chain[] = [];
    try {
      const { labelColumn, labels, beside = {} } = options;
      const located = await expand(options.inputs);
      const main = await Chain.open(located, { element: 'float32', labelColumn }, inFormat);
      opened.push(main);
      const head = options.head === undefined ? undefined : await readHead(options.head);
      const source = head === undefined ? main : throughHead(main, head);
      const sides: Side[] = [];
      if (labels !== undefined) {
        const chain = await Chain.open(await expand([labels]), { element: 'int32' });
        opened.push(chain);
        sides.push({ name: 'targets', chain, element: 'int32', width: () => 1 });
      }
      for (const [name, path] of Object.entries(beside)) {
        const [side] = outputs.flatMap((output) => sideOf(output, name));
        const { element = 'float32', width = (cols: number) => cols } = side ?? {};
        const chain = await Chain.open(await expand([path]), { element });
        opened.push(chain);
        sides.push({ name, chain, element, width });
      }
      const inMain = labelled && labels === undefined;
      const feed = new Feed(main, source, sides, inMain, head, whole);
      feed.requireFit();
      if (feed.ahead > 0) for (const { chain } of sides) await chain.skip(feed.ahead);
      return feed;
    } catch (error) {
      for (const chain of opened) await chain.close();
      throw error;
    }
  }

  /** How many files are read beside the inputs, row by row. */
  get besides(): number {
    return this.sides.length;
  }

  /** Rows of the job before the first of these inputs. */
  get ahead(): number {
    return this.whole?.ahead ?? 0;
  }

  private requireFit(): void {
    const rows = this.whole === undefined ? this.rows : this.whole.rows;
    for (const { name, chain, width } of this.sides) {
      const wanted = width(this.cols);
      if (chain.cols !== wanted) {
        const reason = `has rows of ${chain.cols} elements, expected ${wanted} for ${name}`;
        throw new SoftlaneFileError('ERR_SOFTLANE_INPUT_SHAPE', chain.path, reason);
      }
      if (chain.rows === undefined || rows === undefined || chain.rows === rows) continue;
      throw otherRows(chain.path, chain.rows, rows);
    }
  }

  get rows(): number | undefined {
    return this.source.rows;
  }
  get cols(): number {
    return this.source.cols;
  }
  get flat(): boolean {
    return this.source.flat;
  }
  get path(): string {
    return this.main.path;
  }
  get warnings(): string[] {
    return this.chains().flatMap(({ warning }) => warning ?? []);
  }
  /** Whether something is read from a stream, which cannot be read again. */
  get hasStream(): boolean {
    return this.opened.some(({ file }) => file === undefined);
  }
  /** What no output may replace. */
  get files(): FileIdentity[] {
    return this.opened.flatMap(({ file }) => file ?? []);
  }
  /** The inputs one by one. */
  get links(): readonly Link[] {
    return this.main.links;
  }
  /** Every file by its path. */
  get paths(): string[] {
    return this.opened.map(({ path }) => path);
  }

  /** Elements a row of each that is read beside the logits. */
  get widths(): Readonly<Record<string, number>> {
    const widths = Object.fromEntries(this.sides.map(({ name, chain }) => [name, chain.cols]));
    return this.labelsInMain ? { ...widths, targets: 1 } : widths;
  }

  /** Memory for what is read beside so many rows. */
  makeBeside(rows: number, memory: (bytes: number) => ArrayBufferLike): Beside {
    const elements = Object.fromEntries(this.sides.map(({ name, element }) => [name, element]));
    return Object.fromEntries(
      Object.entries(this.widths).map(([name, width]) => {
        const bytes = memory(4 * rows * width);
        const isIndex = name === 'targets' || elements[name] === 'int32';
        return [name, isIndex ? new Int32Array(bytes) : new Float32Array(bytes)];
      }),
    );
  }

  async read(
    x: Float32Array,
    beside: Beside,
    count: number,
    signal?: AbortSignal,
  ): Promise<number> {
    const labels = this.labelsInMain ? (beside['targets'] as Int32Array) : undefined;
    const rows = await this.source.read({ x, labels }, count, signal);
    await this.readBeside(beside, rows, signal);
    return rows;
  }

  private async readBeside(beside: Beside, rows: number, signal?: AbortSignal): Promise<void> {
    for (const { name, chain } of this.sides) {
      const found = await chain.read({ x: beside[name]! }, rows, signal);
      if (found !== rows) throw otherRows(chain.path, undefined, undefined);
    }
  }

  /**
   * Refuses what is left when the inputs have ended: of a stream, and rows beside the inputs where either was not counted
   * before. A part of a job may have others behind it.
   */
  async requireEnd(signal?: AbortSignal): Promise<void> {
    if (this.whole !== undefined && !this.whole.isEnd) return;
    await this.main.requireEnd(signal);
    for (const { chain, element } of this.sides) {
      if (chain.rows !== undefined && this.rows !== undefined) {
        await chain.requireEnd(signal);
        continue;
      }
      const row = new (element === 'int32' ? Int32Array : Float32Array)(chain.cols);
      if ((await chain.read({ x: row }, 1, signal)) === 0) continue;
      const reason = 'goes on where the input has ended';
      throw new SoftlaneFileError('ERR_SOFTLANE_INPUT_SHAPE', chain.path, reason);
    }
  }

  /** Whether rows can be left in their files, and `takeRows` be called instead of `read`. */
  get canTake(): boolean {
    return this.source === this.main && !this.labelsInMain && this.main.canTake;
  }

  /** The next rows of one file, unread, and what is beside them; undefined at the end. */
  async takeRows(
    beside: Beside,
    count: number,
    signal?: AbortSignal,
  ): Promise<FileRows | undefined> {
    const found = await this.main.takeRows(count);
    if (found !== undefined) await this.readBeside(beside, found.rows, signal);
    return found;
  }

  async skip(rows: number, signal?: AbortSignal): Promise<void> {
    await this.source.skip(rows, signal);
    for (const { chain } of this.sides) await chain.skip(rows, signal);
  }

  locate(row: number): RowPlace {
    return this.main.locate(row);
  }

  async requireUnchanged(): Promise<void> {
    for (const { path, file } of this.opened) {
      if (file !== undefined) await requireUnchanged(path, file);
    }
  }

  async close(): Promise<void> {
    for (const chain of this.chains()) await chain.close();
  }

  private chains(): Chain[] {
    return [this.main, ...this.sides.map(({ chain }) => chain)];
  }

  /** All that is read, with its file as it was when it was opened; a stream has none. */
  private get opened(): { readonly path: string; readonly file: InputFile | undefined }[] {
    const { head } = this;
    const rows = this.chains().flatMap(({ links }) =>
      links.map(({ located, file }) => ({ path: located.path, file })),
    );
    return head === undefined ? rows : [...rows, { path: locate(head.path).path, file: head.file }];
  }
}

/** What an output reads by that name, if anything. */
function sideOf(
  { operation, parameters }: CheckedOutput,
  name: string,
): Pick<Side, 'element' | 'width'>[] {
  const operand = operation.inputs.find((each) => each.name === name);
  if (operand === undefined) return [];
  const { extent, element } = operand;
  const option = (key: string): number =>
    Number(parameters[key] ?? operation.options[key]!.default);
  const width = (cols: number): number => widthOf(extent, cols, option);
  return [{ element: element === 'int32' ? 'int32' : 'float32', width }];
}

function otherRows(
  path: string,
  has: number | undefined,
  wanted: number | undefined,
): SoftlaneFileError {
  const reason =
    has === undefined ? 'ends before the input does' : `has ${has} rows, the input has ${wanted}`;
  return new SoftlaneFileError('ERR_SOFTLANE_INPUT_SHAPE', path, reason);
}
