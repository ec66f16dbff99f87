/** Scores files into files, in blocks of rows, so that they may be larger than memory. */
import { capabilities } from '../capabilities';
import { SoftlaneError } from '../errors';
import * as promises from '../promises';
import { AtomicFile } from './atomic-file';
import { badRowError, blank, findBadRows, type BadRow } from './bad-rows';
import type { ElementArray } from './element';
import { SoftlaneFileError } from './errors';
import { Feed, type Beside } from './feed';
import { fingerprint, identify } from './identity';
import { findUnfinished, JobFiles, namedAlready, removeStale } from './job-files';
import type { ResultFiles } from './job-files';
import { checkJob, type CheckedJob } from './job-options';
import type { JobOptions, JobSummary, Verified } from './job-types';
import type { AsyncOperator, ComputeBlock } from './operation';
import { pump, sharedMemory } from './pipeline';
import { productsOf, type Product } from './product';
import { makeColumns, rowWords } from './table';
import { RowVerifier } from './verify-rows';

/** Thrown when a job was asked to stop: what is done is kept. */
export class JobStopped extends Error {
  constructor(readonly rows: number) {
    super(`stopped after ${rows} rows, which are kept`);
  }
}

/** softlane/promises by name: every operator of the catalogue is there. */
const library = promises as unknown as Readonly<Record<string, AsyncOperator>>;
export const operator = (name: string): AsyncOperator => library[name]!;

const defaultBlockBytes = 8 * 2 ** 20;
const defaultPartBytes = 256 * 2 ** 20;
const defaultLimit = 2 ** 30;

interface BlockBuffers {
  readonly x: Float32Array;
  readonly beside: Beside;
  readonly out: readonly (readonly ElementArray[])[];
  bad: readonly BadRow[];
}

/** Rows of a block, so that two of them with all that they need stay below the limits. */
function blockRowsOf(options: JobOptions, feed: Feed, products: readonly Product[]): number {
  const words = Object.values(feed.widths).reduce((sum, width) => sum + width, feed.cols);
  const results = products.reduce((sum, product) => sum + rowWords({ ...product, flat: false }), 0);
  const scratch = products.reduce((sum, product) => sum + product.scratch, 0);
  const rowBytes = 2 * 4 * (words + results) + scratch;
  const limit = options.limitMemory ?? defaultLimit;
  if (rowBytes > limit) {
    throw new SoftlaneError(
      'ERR_SOFTLANE_OUT_OF_MEMORY',
      `score: expected --limit-memory to be at least the ${rowBytes} bytes that two rows with their results need, received ${limit}`,
    );
  }
  const budget = Math.min(options.blockBytes ?? defaultBlockBytes, limit);
  return Math.max(1, Math.min(feed.rows ?? Infinity, Math.floor(budget / Math.max(rowBytes, 1))));
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
  const operators: Record<string, string> = {};
  for (const output of checked.outputs) {
    operators[output.operation.name] = await fingerprint(output.operation, output, operator);
  }
  const inputs: object[] = [];
  for (const path of feed.paths) inputs.push(await identify(path, options.checksum === true));
  const paths = [...outputs.map(({ path }) => path), metrics?.path, reject];
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
    operators,
    outputs: paths.filter((path) => path !== undefined),
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
  const unfinished = await findUnfinished<JobHead>(options);
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
    const last = unfinished?.last;
    if (unfinished !== undefined || making.expect !== undefined) {
      const head = await headOf(options, checked, feed);
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
    let summary: JobSummary;
    await run.publish(isNaming, making.named !== undefined || manifest !== undefined, async () => {
      summary = run.summary(Number(process.hrtime.bigint() - start) / 1e9);
      if (manifest !== undefined) {
        const job = await headOf(options, checked, feed);
        await manifest.write(Buffer.from(`${JSON.stringify({ ...summary, job }, null, 2)}\n`));
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
  private computed: number;
  private keptAt: number;
  private readonly from: number;
  private readonly to: number | undefined;
  private readonly verifier: RowVerifier | undefined;

  constructor(
    private readonly options: JobOptions,
    private readonly checked: CheckedJob,
    private readonly feed: Feed,
    private readonly products: readonly Product[],
    readonly files: ResultFiles,
    private readonly span: Span,
  ) {
    this.from = this.done = this.computed = this.keptAt = span.from;
    this.to = span.to;
    this.verifier = options.verify === undefined ? undefined : new RowVerifier(options.verify);
  }

  /** Rows that the outputs have. */
  get rowsDone(): number {
    return this.done;
  }

  /** What a check of a share of the rows found here. */
  get verified(): Verified | undefined {
    return this.verifier?.result;
  }

  private get canKeep(): boolean {
    return (
      this.span.canKeep &&
      !this.feed.hasStream &&
      !this.options.outputs.some(({ path }) => path === '-')
    );
  }

  private keep(publish = false): Promise<number> {
    const head = async (): Promise<object> => {
      await this.feed.requireUnchanged();
      return headOf(this.options, this.checked, this.feed);
    };
    return this.files.keep(this.done, head, publish);
  }

  async rows(): Promise<void> {
    const { options, feed, products } = this;
    const { threads, isa } = options;
    const signal = options.signal as AbortSignal | undefined;
    if (this.from > 0) await feed.skip(this.from, signal);
    const blockRows = blockRowsOf(options, feed, products);
    const common = { threads, isa, signal };
    const computes = products.map((product) =>
      product.start({ operator, cols: feed.cols, blockRows, common }),
    );
    const tables = products.map(({ columns }) => ({ columns, flat: false }));
    const nothing = feed.cols === 0 && tables.every((table) => rowWords(table) === 0);
    const left = this.to === undefined ? undefined : this.to - this.from;
    let stopped = false;
    await pump<BlockBuffers>(
      {
        rows: nothing ? 0 : left,
        blockRows,
        signal,
        stopped: () => (stopped = this.canKeep && options.stopped?.() === true),
        makeBlock: () => ({
          x: new Float32Array(sharedMemory(4 * blockRows * feed.cols)),
          beside: Object.fromEntries(
            Object.entries(feed.widths).map(([name, width]) => {
              const memory = sharedMemory(4 * blockRows * width);
              return [name, name === 'targets' ? new Int32Array(memory) : new Float32Array(memory)];
            }),
          ),
          out: tables.map((table) => makeColumns(table, blockRows, sharedMemory)),
          bad: [],
        }),
      },
      {
        read: ({ x, beside }, count) => feed.read(x, beside, count, signal),
        compute: (block, rows) => this.compute(block, rows, computes, common),
        write: (block, rows) => this.write(block, rows),
      },
    );
    if (nothing) this.done = this.to ?? 0;
    if (!stopped && this.to !== undefined && this.done < this.to) {
      const reason = `ended after ${this.done} of ${feed.rows} rows`;
      throw new SoftlaneFileError('ERR_SOFTLANE_INPUT_TRUNCATED', feed.path, reason);
    }
    if (!stopped || this.done === this.to) return;
    await this.keep();
    throw new JobStopped(this.done);
  }

  private async compute(
    block: BlockBuffers,
    rows: number,
    computes: readonly ComputeBlock[],
    common: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    const { feed, products, checked } = this;
    const { cols } = feed;
    const first = this.computed;
    const x = block.x.subarray(0, rows * cols);
    const inputs = Object.fromEntries(
      Object.entries(block.beside).map(([name, array]) => [
        name,
        array.subarray(0, rows * feed.widths[name]!),
      ]),
    );
    const labels = checked.labelled ? (inputs['targets'] as Int32Array) : undefined;
    const numbers = checked.policy !== 'keep';
    block.bad =
      numbers || labels !== undefined
        ? await findBadRows(operator('maxLogit'), common, { x, rows, cols }, { labels, numbers })
        : [];
    if (block.bad.length > 0 && checked.policy !== 'reject') {
      const { row, reason } = block.bad[0]!;
      throw badRowError({ ...feed.locate(first + row), reason });
    }
    for (const { row } of block.bad) if (labels !== undefined && cols > 0) labels[row] = 0;
    const skipped = new Set(block.bad.map(({ row }) => row));
    for (const [i, { columns, operation, request }] of products.entries()) {
      const out = columns.map(({ width }, j) => block.out[i]![j]!.subarray(0, rows * width));
      await computes[i]!({ x, rows, inputs }, out);
      if (operation !== undefined) {
        this.verifier?.check(
          operation,
          request,
          { block: { x, rows, inputs }, first: first + feed.ahead, skipped },
          columns,
          out,
        );
      }
      for (const { row } of block.bad) blank(columns, out, row);
    }
    this.computed += rows;
  }

  private async write({ out, bad }: BlockBuffers, rows: number): Promise<void> {
    const { files, feed, products } = this;
    for (const [i] of products.entries()) await files.outputs[i]!.write(out[i]!, rows);
    if (bad.length > 0) {
      await files.rejects!.add(
        bad.map(({ row, reason }) => ({ ...feed.locate(this.done + row), reason })),
      );
      files.rejected += bad.length;
    }
    await this.took(rows);
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
    const total = this.to;
    options.onProgress?.({
      rows: total,
      rowsDone: this.done,
      inputBytes: total === undefined ? undefined : total * rowBytes,
      inputBytesDone: this.done * rowBytes,
    });
    return keeps;
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
      verified: this.verifier?.result ?? null,
      seconds,
      elementsPerSecond: work / seconds,
      bytesPerSecond: (4 * work) / seconds,
      isa: options.isa ?? facts.isa,
      threads: options.threads ?? facts.threads,
      version: facts.version,
    };
  }
}
