/** Scores files into files, in blocks of rows, so that they may be larger than memory. */
import { capabilities } from '../capabilities';
import { AtomicFile } from './atomic-file';
import type { BadRow } from './bad-rows';
import { BlockComputer, canSweep, type BlockBuffers } from './compute';
import { LimitError, SoftlaneFileError } from './errors';
import { Feed } from './feed';
import { jsonText } from './json';
import { LongRows, pieceLength, wholeRowReason } from './long-rows';
import { fingerprints, identify } from './identity';
import {
  dropUnfinished,
  JobFiles,
  lookForUnfinished,
  namedAlready,
  removeStale,
  requireOutputs,
} from './job-files';
import type { ResultFiles } from './job-files';
import { checkJob, outputPaths, type CheckedJob } from './job-options';
import type { JobOptions, JobSummary, Verified } from './job-types';
import { pump } from './pipeline';
import { productsOf, type Product } from './product';
import { requireRoom } from './room';
import { rowWords } from './table';

/** Thrown when a job was asked to stop: what is done is kept. */
export class JobStopped extends Error {
  constructor(readonly rows: number) {
    super(`stopped after ${rows} rows, which are kept`);
  }
}

const defaultBlockBytes = 8 * 2 ** 20;
/** Of two blocks whose rows stay in their file: enough to make little of what goes on between blocks. */
const sweptBlockBytes = 512 * 2 ** 20;
const defaultPartBytes = 256 * 2 ** 20;
const defaultLimit = 2 ** 30;

/** How rows go through memory: so many together, or each in pieces of so many elements. */
type Portion = { readonly rows: number } | { readonly elements: number };

/** Two blocks, or two pieces, with all that they need stay below the limits. */
function portionOf(
  options: JobOptions,
  checked: CheckedJob,
  feed: Feed,
  products: readonly Product[],
): Portion {
  const widths = Object.values(feed.widths).reduce((sum, width) => sum + width, 0);
  const results = products.reduce((sum, product) => sum + rowWords({ ...product, flat: false }), 0);
  const scratch = products.reduce((sum, product) => sum + product.scratch, 0);
  const besideBytes = 2 * 4 * (widths + results) + scratch;
  const rowBytes = besideBytes + 2 * 4 * feed.cols;
  const { blockBytes, partBytes = defaultPartBytes, limitMemory: limit = defaultLimit } = options;
  if (rowBytes > limit) {
    const elements = pieceLength(limit);
    const reason =
      elements === 0 ? 'that is too little' : wholeRowReason(options, checked, feed, products);
    if (reason === undefined) return { elements };
    throw new LimitError(
      `score: expected --limit-memory to be at least the ${rowBytes} bytes that two rows with their results need, received ${limit}; rows cannot be taken in pieces, as ${reason}`,
    );
  }
  const rowsIn = (bytes: number, each: number): number =>
    Math.max(1, Math.min(feed.rows ?? Infinity, Math.floor(Math.min(bytes, limit) / each)));
  if (blockBytes !== undefined || !canSweep(options, feed)) {
    return { rows: rowsIn(blockBytes ?? defaultBlockBytes, Math.max(rowBytes, 1)) };
  }
  const rows = rowsIn(
    Math.max(Math.min(sweptBlockBytes, 2 * partBytes), defaultBlockBytes),
    rowBytes,
  );
  return { rows: Math.min(rows, rowsIn(defaultBlockBytes, Math.max(besideBytes, 1))) };
}

/** What tells this job from another one, for --resume. */
export interface JobHead {
  readonly version: string;
  readonly inputs: readonly object[];
  readonly options: object;
  readonly operators: Readonly<Record<string, string>>;
  readonly outputs: readonly string[];
}

async function headOf(options: JobOptions, checked: CheckedJob, feed: Feed): Promise<JobHead> {
  const { metrics, reject, labelColumn, inFormat, outFormat } = options;
  const outputs = checked.outputs.map(({ operation, path, parameters, parts }) => ({
    op: operation.name,
    path,
    parameters,
    parts,
  }));
  const inputs: object[] = [];
  for (const path of feed.paths) {
    // Of a stream there is nothing left to look at.
    inputs.push(path === '-' ? { path } : await identify(path, options.checksum === true));
  }
  // What was identified is what was read.
  await feed.requireUnchanged();
  return {
    version: capabilities().version,
    inputs,
    options: {
      inputs: options.inputs,
      outputs,
      metrics,
      reject,
      policy: checked.policy,
      labels: options.labels,
      labelColumn,
      beside: options.beside,
      head: options.head,
      inFormat,
      outFormat,
    },
    operators: await fingerprints(checked),
    outputs: outputPaths(options),
  };
}

function requireSame(path: string, before: JobHead, now: JobHead): void {
  const text = (part: unknown): string => JSON.stringify(part);
  if (text(before.inputs) !== text(now.inputs)) {
    const reason = 'changed since the job that is to go on was started';
    const at = now.inputs.findIndex((input, i) => text(input) !== text(before.inputs[i]));
    const changed = now.inputs[Math.max(at, 0)] as { path?: string } | undefined;
    throw new SoftlaneFileError('ERR_SOFTLANE_INPUT_CHANGED', changed?.path ?? path, reason);
  }
  const refuse = (what: string): never => {
    throw new SoftlaneFileError(
      'ERR_SOFTLANE_JOB_OPTIONS',
      path,
      `the job that is there was started with other ${what}: give the same, or start anew with --force`,
    );
  };
  if (text(before.options) !== text(now.options)) refuse('options');
  if (before.version !== now.version) refuse(`code (softlane ${before.version})`);
  if (text(before.operators) !== text(now.operators)) refuse('bits of its operators');
}

/** Runs a job to its end, or to where it is stopped. */
export function runJob(options: JobOptions): Promise<JobSummary> {
  return runRows(options, { rows: (run) => run.rows() });
}

/** Where the rows of a job come from, and what else hears of it. */
export interface Making {
  /** Gives all rows to the outputs, after those that were kept. */
  rows(run: Run): Promise<void>;
  /** What the job has to be. */
  expect?(head: JobHead): void;
  /** When every output has its name, before the journal goes: a job that ends here is done. */
  named?(summary: JobSummary): Promise<void>;
}

/** A job whose rows `making` gives. */
export async function runRows(options: JobOptions, making: Making): Promise<JobSummary> {
  const start = process.hrtime.bigint();
  const checked = checkJob(options);
  const found = lookForUnfinished<JobHead>(options);
  const unfinished = options.resume === true ? found : undefined;
  const feed = await Feed.open(options, checked);
  let files: JobFiles | undefined;
  let manifest: AtomicFile | undefined;
  try {
    if (options.manifest !== undefined) {
      // A job that died while its files got their names may have written it already.
      const force = options.force === true || unfinished?.last?.publish === true;
      manifest = await AtomicFile.create(options.manifest, { force, inputs: feed.files });
    }
    for (const message of feed.warnings) options.onEvent?.({ event: 'warning', message });
    const products = productsOf(options, checked, feed.cols);
    // What can never be done is refused before anything is written.
    portionOf(options, checked, feed, products);
    // Its rows are room for the new ones.
    await dropUnfinished(options, found);
    await requireRoom(options, feed, products);
    const last = unfinished?.last;
    let head: JobHead | undefined;
    if (unfinished !== undefined || making.expect !== undefined) {
      head = await headOf(options, checked, feed);
      making.expect?.(head);
      if (unfinished !== undefined)
        requireSame(`${unfinished.head.outputs[0]}.job`, unfinished.head, head);
    }
    const named = last === undefined ? [] : await namedAlready(options, unfinished!);
    if (options.resume === true || options.force === true) await removeStale(options, last);
    files = await JobFiles.create(options, checked, feed, products, { last, named });
    if (unfinished !== undefined) await files.goOn(unfinished.parts);
    const from = last?.rows ?? 0;
    options.onEvent?.({ event: 'start', rows: feed.rows ?? null, cols: feed.cols, from });
    const isNaming = last?.publish === true;
    const span = { from, to: feed.rows, canKeep: true };
    const run = new Run(options, checked, feed, products, files, span);
    if (!isNaming) await making.rows(run);
    if (manifest !== undefined) head ??= await headOf(options, checked, feed);
    let summary: JobSummary;
    await run.publish(isNaming, making.named !== undefined || manifest !== undefined, async () => {
      summary = run.summary(Number(process.hrtime.bigint() - start) / 1e9);
      if (manifest !== undefined) {
        const record = { ...summary, job: head };
        await manifest.write(Buffer.from(`${jsonText(record, 2)}\n`));
        await manifest.commit();
      }
      await making.named?.(summary);
    });
    return summary!;
  } finally {
    await feed.close();
    await files?.close();
    await manifest?.discard();
  }
}

/** Refuses what a run would before it writes anything, and writes nothing. */
export async function requireDoable(
  options: JobOptions,
  checked: CheckedJob,
  feed: Feed,
  products: readonly Product[],
): Promise<void> {
  const unfinished = lookForUnfinished<JobHead>(options);
  const isNaming = options.resume === true && unfinished?.last?.publish === true;
  const { force, manifest } = options;
  if (manifest !== undefined && !isNaming) {
    await AtomicFile.check(manifest, { force, inputs: feed.files });
  }
  portionOf(options, checked, feed, products);
  await requireRoom(options, feed, products);
  if (unfinished !== undefined && options.resume === true) {
    const head = await headOf(options, checked, feed);
    requireSame(`${unfinished.head.outputs[0]}.job`, unfinished.head, head);
  }
  if (!isNaming) await requireOutputs(options, checked, feed, products);
}

/** Which rows of the input a run takes. */
export interface Span {
  readonly from: number;
  /** The row after the last; undefined where the end is known only when it comes. */
  readonly to: number | undefined;
  /** Whether there is a journal for what is done. */
  readonly canKeep: boolean;
}

export class Run {
  private done: number;
  private keptAt: number;
  private computer: BlockComputer | undefined;
  private readonly from: number;
  private readonly to: number | undefined;

  constructor(
    private readonly options: JobOptions,
    private readonly checked: CheckedJob,
    private readonly feed: Feed,
    private readonly products: readonly Product[],
    readonly files: ResultFiles,
    private readonly span: Span,
  ) {
    this.from = this.done = this.keptAt = span.from;
    this.to = span.to;
  }

  /** Rows that the outputs have. */
  get rowsDone(): number {
    return this.done;
  }

  /** What a check of a share of the rows found here. */
  get verified(): Verified | undefined {
    return this.computer?.verified ?? undefined;
  }

  private get canKeep(): boolean {
    return (
      this.span.canKeep &&
      !this.feed.hasStream &&
      !this.options.outputs.some(({ path }) => path === '-')
    );
  }

  private keep(publish = false): Promise<number> {
    const head = (): Promise<object> => headOf(this.options, this.checked, this.feed);
    return this.files.keep(this.done, head, publish);
  }

  async rows(): Promise<void> {
    const { options, checked, feed, products, from } = this;
    if (from > 0) await feed.skip(from, options.signal as AbortSignal | undefined);
    const portion = portionOf(options, checked, feed, products);
    const stopped = await ('rows' in portion
      ? this.blocks(portion.rows)
      : this.longRows(portion.elements));
    if (!stopped && this.to !== undefined && this.done < this.to) {
      const reason = `ended after ${this.done} of ${feed.rows} rows`;
      throw new SoftlaneFileError('ERR_SOFTLANE_INPUT_TRUNCATED', feed.path, reason);
    }
    if (!stopped) await feed.requireEnd(options.signal as AbortSignal | undefined);
    if (!stopped || this.done === this.to) return;
    await this.keep();
    throw new JobStopped(this.done);
  }

  /** Whether it was stopped before the end. */
  private async blocks(blockRows: number): Promise<boolean> {
    const { options, checked, feed, products, from } = this;
    const signal = options.signal as AbortSignal | undefined;
    const computer = new BlockComputer(options, checked, feed, products, blockRows, from);
    this.computer = computer;
    // Rows that only their end counts have to be read.
    const nothing =
      this.to !== undefined &&
      feed.cols === 0 &&
      products.every((product) => rowWords({ ...product, flat: false }) === 0);
    const left = this.to === undefined ? undefined : this.to - from;
    const sweeps = canSweep(options, feed);
    let stopped = false;
    await pump<BlockBuffers>(
      {
        rows: nothing ? 0 : left,
        blockRows,
        signal,
        stopped: () => (stopped = this.canKeep && options.stopped?.() === true),
        makeBlock: () => computer.makeBlock(),
      },
      {
        read: async (block, count) => {
          const { x, beside } = block;
          if (!sweeps) return feed.read(x, beside, count, signal);
          block.unread = await feed.takeRows(beside, count, signal);
          return block.unread?.rows ?? 0;
        },
        compute: (block, rows) => computer.compute(block, rows),
        write: (block, rows) => this.write(block, rows),
      },
    );
    if (nothing) this.done = this.to!;
    return stopped;
  }

  /** The same for rows of which each comes in pieces. */
  private async longRows(elements: number): Promise<boolean> {
    const { options, checked, feed, products, files } = this;
    const stopped = (): boolean => this.canKeep && options.stopped?.() === true;
    const rows = new LongRows(options, checked, feed, products, elements, stopped);
    while (this.done < this.to!) {
      const bad = await rows.row(this.done, files.outputs, (read) => this.progress(read));
      if (bad === false) return true;
      await this.reject(bad);
      await this.took(1);
    }
    return false;
  }

  private async write({ out, bad }: BlockBuffers, rows: number): Promise<void> {
    const { files, products } = this;
    for (const [i] of products.entries()) await files.outputs[i]!.write(out[i]!, rows);
    await this.reject(bad);
    await this.took(rows);
  }

  private async reject(bad: readonly BadRow[]): Promise<void> {
    if (bad.length === 0) return;
    const { files, feed } = this;
    await files.rejects!.add(
      bad.map(({ row, reason }) => ({ ...feed.locate(this.done + row), reason })),
    );
    files.rejected += bad.length;
  }

  /** Counts rows that the outputs have taken, and keeps them from time to time; gives whether it did. */
  async took(rows: number): Promise<boolean> {
    const { feed, options } = this;
    this.done += rows;
    const rowBytes = 4 * feed.cols;
    const isWhole = (this.done - this.keptAt) * rowBytes >= (options.partBytes ?? defaultPartBytes);
    const keeps = isWhole && this.canKeep && this.done !== this.to;
    if (keeps) {
      const part = await this.keep();
      this.keptAt = this.done;
      options.onEvent?.({ event: 'part', part, rows: this.done });
    }
    this.progress();
    return keeps;
  }

  /** `elements`: of the row at hand. */
  private progress(elements = 0): void {
    const { to: rows } = this;
    const { cols } = this.feed;
    this.options.onProgress?.({
      rows,
      rowsDone: this.done,
      inputBytes: rows === undefined ? undefined : 4 * rows * cols,
      inputBytesDone: 4 * (this.done * cols + elements),
    });
  }

  /**
   * Gives every output its name; `isNaming`: some may have theirs already. `more`: whether something is to be done
   * in `named` that the journal has to outlive.
   */
  async publish(isNaming = false, more = false, named?: () => Promise<void>): Promise<void> {
    const { feed, files, options } = this;
    await feed.requireUnchanged();
    const signal = options.signal as AbortSignal | undefined;
    signal?.throwIfAborted();
    // With one output there is nothing between its two states; and what was said once holds.
    const several = this.canKeep && (files.outputs.length > 1 || more);
    if (!isNaming && (files.isKept || several)) await this.keep(true);
    await files.publish(this.done, signal, named);
  }

  summary(seconds: number): JobSummary {
    const { feed, files, options, checked, done } = this;
    const facts = capabilities();
    const elements = done * feed.cols;
    const work = (done - this.from) * feed.cols;
    return {
      inputs: options.inputs,
      outputs: checked.outputs.map(({ operation, path, parameters }) => {
        const rule = operation.options['algorithm'];
        const algorithm =
          rule === undefined ? null : String(parameters['algorithm'] ?? rule.default);
        return { op: operation.name, path, algorithm };
      }),
      rows: done,
      cols: feed.cols,
      elements,
      resumedFrom: this.from,
      rejected: files.rejected,
      metrics: files.metrics?.result ?? null,
      verified: this.computer?.verified ?? null,
      seconds,
      elementsPerSecond: work / seconds,
      bytesPerSecond: (4 * work) / seconds,
      isa: options.isa ?? facts.isa,
      threads: options.threads ?? facts.threads,
      version: facts.version,
    };
  }
}
