/** The outputs of a range: parts of those of the job. */
import { RejectFile } from '../bad-rows';
import type { Feed } from '../feed';
import type { ResultFiles } from '../job-files';
import type { CheckedJob } from '../job-options';
import type { JobOptions, Verified } from '../job-types';
import { MetricsOutput } from '../metrics-output';
import { createPart, outputFormat, sinkOf, type OutputFile } from '../output-file';
import type { Product } from '../product';
import { writeJson, type PartPlaces, type RangeRecord } from './record';

/** Which range it is, and where its parts go. */
export interface PartPlace {
  readonly places: PartPlaces;
  readonly number: number;
  /** Its first row. */
  readonly first: number;
}

export class PartFiles implements ResultFiles {
  rejected = 0;
  /** Set before these get their names. */
  verified: Verified | undefined;
  readonly isKept = false;
  readonly metrics = undefined;

  private constructor(
    readonly outputs: readonly OutputFile[],
    readonly rejects: RejectFile | undefined,
    private readonly at: PartPlace,
  ) {}

  /** In the order of the outputs of the job. */
  static async create(
    options: JobOptions,
    { outFormat, labelled }: CheckedJob,
    feed: Feed,
    products: readonly Product[],
    at: PartPlace,
  ): Promise<PartFiles> {
    const made: OutputFile[] = [];
    const next = (): string => at.places.part(made.length, at.number);
    // The same range done twice has the same bytes: the later replaces the earlier.
    const common = { force: true, inputs: feed.files };
    try {
      for (const [i, { path }] of options.outputs.entries()) {
        const table = { columns: products[i]!.columns, flat: feed.flat };
        const sink = sinkOf(path, outputFormat(path, outFormat), table);
        made.push(await createPart(next(), sink, table, common));
      }
      if (options.metrics !== undefined) {
        const settings = { bins: options.metrics.bins ?? 15, labelled, isPart: true };
        made.push(await MetricsOutput.create(next(), settings, common, undefined));
      }
      let rejects: RejectFile | undefined;
      if (options.reject !== undefined) {
        rejects = await RejectFile.create(next(), common);
        made.push(rejects.asOutput());
      }
      return new PartFiles(made, rejects, at);
    } catch (error) {
      for (const file of made) await file.discard();
      throw error;
    }
  }

  keep(): Promise<number> {
    return Promise.reject(new RangeError('a range is done in one go'));
  }

  /** Gives the parts their names, and writes the record of them; `end` is the row after the last. */
  async publish(end: number, signal?: AbortSignal): Promise<void> {
    const { places, number, first } = this.at;
    const rows = end - first;
    const kept: RangeRecord['outputs'][number][] = [];
    for (const output of this.outputs) {
      const { length, state } = await output.keep();
      kept.push(state === undefined ? { length } : { length, state });
      output.abandon();
    }
    for (const output of this.outputs) await output.commit(rows, signal);
    const { rejected, verified = null } = this;
    const record: RangeRecord = { rows, rejected, verified, outputs: kept };
    await writeJson(places.record(number), record);
  }

  async close(): Promise<void> {
    for (const output of this.outputs) await output.discard();
  }
}
