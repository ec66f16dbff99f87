/** The outputs of a job together: made, kept after each part, gone on with, and published. */
import { existsSync } from 'node:fs';
import { readFile, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  AtomicFile,
  isNamed,
  removeLeftovers,
  type AtomicFileOptions,
  type Kept,
} from './atomic-file';
import { RejectFile } from './bad-rows';
import type { Feed } from './feed';
import { Journal, type JournalContent, type PartRecord, unfinishedJob } from './journal';
import { journalPath, outputPaths, type CheckedJob } from './job-options';
import type { JobOptions } from './job-types';
import { SoftlaneFileError } from './errors';
import { jsonValue } from './json';
import type { MetricsResult } from './metrics';
import { MetricsOutput } from './metrics-output';
import { createOutput, outputFormat, sinkOf, type OutputFile } from './output-file';
import type { Product } from './product';
import { streamOutput, streamSink } from './stream-output';
import type { Format } from './format';
import { formatNamed, outputFormats } from './formats';

/** The unfinished job of these outputs, if there is one that is not in the way. */
export function lookForUnfinished<Head>(options: JobOptions): JournalContent<Head> | undefined {
  const path = journalPath(options);
  const found = path === undefined ? undefined : Journal.read<Head>(path);
  if (found === undefined) requireUnfinished(options);
  else if (options.resume !== true && options.force !== true) throw unfinishedJob(path!);
  return found;
}

/** Does away with it, unless it is to be gone on with. */
export async function dropUnfinished(
  options: JobOptions,
  found: JournalContent<{ readonly outputs: readonly string[] }> | undefined,
): Promise<void> {
  if (found === undefined || options.resume === true) return;
  const path = journalPath(options);
  for (const [i, { temporary }] of (found.last?.outputs ?? []).entries()) {
    const folder = dirname(found.head.outputs[i] ?? path!);
    await unlink(join(folder, temporary)).catch(() => undefined);
  }
  await unlink(path!);
}

/** Refuses to go on with a job of which everything is there. */
function requireUnfinished({ resume, force, outputs, metrics }: JobOptions): void {
  const paths = [...outputs.map(({ path }) => path), metrics?.path];
  const all = paths.filter((path) => path !== undefined);
  if (resume !== true || force === true || !all.every((path) => existsSync(path))) return;
  throw new SoftlaneFileError(
    'ERR_SOFTLANE_OUTPUT_EXISTS',
    all[0]!,
    'is finished: there is nothing to go on with (--force makes it anew)',
  );
}

/** Removes what killed runs left beside the outputs and no journal knows. */
export async function removeStale(
  options: JobOptions,
  last: PartRecord | undefined,
): Promise<void> {
  const known = new Set(last?.outputs.map(({ temporary }) => temporary));
  for (const path of [...outputPaths(options), options.manifest, journalPath(options)]) {
    if (path !== undefined && path !== '-') await removeLeftovers(path, known);
  }
}

const streamFormat = (outFormat: Format | undefined): Format =>
  outFormat ?? formatNamed('jsonl', outputFormats)!;

/** Throws what `JobFiles.create` would of new files, and writes nothing. */
export async function requireOutputs(
  options: JobOptions,
  { outFormat }: CheckedJob,
  feed: Feed,
  products: readonly Product[],
): Promise<void> {
  const { outputs, force } = options;
  for (const [i, { path }] of outputs.entries()) {
    const table = { columns: products[i]!.columns, flat: feed.flat };
    if (path === '-') streamSink(streamFormat(outFormat), table, feed.rows);
    else sinkOf(path, outputFormat(path, outFormat), table);
  }
  for (const path of outputPaths(options)) {
    if (path === '-') continue;
    await AtomicFile.check(path, { force, inputs: feed.files });
  }
}

/** The metrics of a job, once they are made. */
type MadeMetrics = Pick<MetricsOutput, 'result'>;

/** Those that got their name before the process died. */
async function readMetrics(path: string): Promise<MadeMetrics> {
  try {
    return { result: jsonValue(await readFile(path, 'utf8')) as MetricsResult };
  } catch (error) {
    const reason = 'is not what the job wrote: start anew with --force';
    throw new SoftlaneFileError('ERR_SOFTLANE_OUTPUT_UNFINISHED', path, reason, error);
  }
}

/** Where the results of rows go. */
export interface ResultFiles {
  readonly outputs: readonly OutputFile[];
  readonly rejects: RejectFile | undefined;
  readonly metrics: MadeMetrics | undefined;
  rejected: number;
  readonly isKept: boolean;
  keep(rows: number, head: () => Promise<object>, publish?: boolean): Promise<number>;
  publish(rows: number, signal?: AbortSignal, named?: () => Promise<void>): Promise<void>;
}

export class JobFiles implements ResultFiles {
  private journal: Journal | undefined;
  private parts = 0;
  rejected = 0;

  private constructor(
    private readonly path: string | undefined,
    readonly outputs: readonly OutputFile[],
    readonly rejects: RejectFile | undefined,
    readonly metrics: MadeMetrics | undefined,
  ) {}

  /** In the order of the products, the reject file last. */
  static async create(
    options: JobOptions,
    { outFormat, labelled }: CheckedJob,
    feed: Feed,
    products: readonly Product[],
    { last, named = [] }: { last?: PartRecord | undefined; named?: readonly boolean[] },
  ): Promise<JobFiles> {
    const made: OutputFile[] = [];
    const common = (i: number): AtomicFileOptions => {
      const { force } = options;
      return { force, inputs: feed.files, resume: last?.outputs[i] };
    };
    try {
      for (const [i, { path }] of options.outputs.entries()) {
        const table = { columns: products[i]!.columns, flat: feed.flat };
        made.push(
          named[i] === true
            ? done(path)
            : path === '-'
              ? await streamOutput(
                  process.stdout,
                  streamFormat(outFormat),
                  table,
                  feed.rows,
                  outputPaths(options).length === 1 && options.manifest === undefined,
                )
              : await createOutput(
                  path,
                  outputFormat(path, outFormat),
                  table,
                  feed.rows,
                  common(i),
                ),
        );
      }
      let metrics: MadeMetrics | undefined;
      if (options.metrics !== undefined && named[made.length] === true) {
        metrics = await readMetrics(options.metrics.path);
        made.push(done(options.metrics.path));
      } else if (options.metrics !== undefined) {
        const i = made.length;
        const { path, bins = 15 } = options.metrics;
        const state = last?.outputs[i]?.state;
        const output = await MetricsOutput.create(path, { bins, labelled }, common(i), state);
        made.push((metrics = output));
      }
      let rejects: RejectFile | undefined;
      if (options.reject !== undefined && named[made.length] !== true) {
        rejects = await RejectFile.create(options.reject, common(made.length));
        made.push(rejects.asOutput());
      }
      const files = new JobFiles(journalPath(options), made, rejects, metrics);
      files.rejected = last?.rejected ?? 0;
      return files;
    } catch (error) {
      for (const file of made) await file.discard();
      throw error;
    }
  }

  /** Goes on with the journal of a job that was left. */
  async goOn(parts: number): Promise<void> {
    this.journal = await Journal.reopen(this.path!);
    this.parts = parts;
  }

  /** Makes everything up to this row safe; gives the number of the part. `head` says what job this is. */
  async keep(rows: number, head: () => Promise<object>, publish = false): Promise<number> {
    const kept: Kept[] = [];
    const isKept = this.isKept;
    try {
      for (const output of this.outputs) kept.push(await output.keep());
      this.journal ??= await Journal.create(this.path!, await head());
    } catch (error) {
      // Without a journal nothing would know of them.
      if (!isKept) for (const output of this.outputs) output.abandon();
      throw error;
    }
    const record: PartRecord = { rows, outputs: kept, rejected: this.rejected };
    await this.journal.append(publish ? { ...record, publish } : record);
    return ++this.parts;
  }

  /** Whether something is kept already. */
  get isKept(): boolean {
    return this.journal !== undefined;
  }

  /** Gives every output its name; `named` is called before the journal goes. */
  async publish(rows: number, signal?: AbortSignal, named?: () => Promise<void>): Promise<void> {
    for (const output of this.outputs) await output.commit(rows, signal);
    await named?.();
    await this.journal?.remove();
    this.journal = undefined;
  }

  async close(): Promise<void> {
    for (const output of this.outputs) await output.discard();
    await this.journal?.close();
  }
}

/** An output that has its name already. */
function done(path: string): OutputFile {
  const nothing = (): Promise<void> => Promise.resolve();
  const keep = (): Promise<Kept> => Promise.resolve({ temporary: '', length: 0 });
  return {
    path,
    write: nothing,
    keep,
    abandon: () => undefined,
    commit: nothing,
    discard: nothing,
  };
}

/** Which outputs got their names before the process died while it named them. */
export async function namedAlready(
  options: JobOptions,
  content: JournalContent<{ readonly outputs: readonly string[] }>,
): Promise<readonly boolean[]> {
  const { outputs, publish } = content.last!;
  const paths = content.head.outputs;
  return Promise.all(
    outputs.map(async ({ temporary }, i) => {
      const path = paths[i]!;
      const rest = join(dirname(path), temporary);
      if (publish !== true) return false;
      if (!existsSync(rest)) {
        if (existsSync(path)) return true;
        throw new SoftlaneFileError(
          'ERR_SOFTLANE_OUTPUT_UNFINISHED',
          rest,
          'is gone: start anew with --force',
        );
      }
      if (options.force === true || !(await isNamed(path))) return false;
      // Only the rows that it was made of were left.
      await unlink(rest);
      return true;
    }),
  );
}
