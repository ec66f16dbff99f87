/** How a job is cut into ranges of rows: known from its files alone, and the same whenever it is asked for. */
import { createHash } from 'node:crypto';
import { capabilities } from '../../capabilities';
import { SoftlaneFileError } from '../errors';
import { Feed } from '../feed';
import { fingerprints, identify, type InputIdentity } from '../identity';
import { checkJob, outputPaths } from '../job-options';
import type { JobOptions } from '../job-types';
import { outputFormat, sinkOf } from '../output-file';
import { productsOf } from '../product';

/** One of the inputs of a plan. */
export interface PlannedInput {
  /** FILE or FILE:NAME. */
  readonly text: string;
  /** Null where the file does not say it. */
  readonly rows: number | null;
  /** Whether a range of it can be read without what is before. */
  readonly divides: boolean;
}

/** A job, and what it takes to cut it and to know its files again. */
export interface Plan {
  readonly softlane: string;
  readonly options: JobOptions;
  readonly cols: number;
  /** Null where an input does not say it. */
  readonly rows: number | null;
  readonly inputs: readonly PlannedInput[];
  /** Of every file that is read. */
  readonly files: readonly InputIdentity[];
  /** The most rows of a range. */
  readonly rangeRows: number;
  /** The bits of each operation. */
  readonly operators: Readonly<Record<string, string>>;
}

/** A job for one worker: rows of one file. */
export interface RangeTask {
  readonly softlane: string;
  /** The id of the job that it is a part of. */
  readonly job: string;
  readonly number: number;
  /** FILE or FILE:NAME. */
  readonly input: string;
  /** The first row in that file, and how many; null is all to its end. */
  readonly first: number;
  readonly rows: number | null;
  /** Rows of the job before the first of the file; null where they are not known. */
  readonly ahead: number | null;
  readonly jobRows: number | null;
  /** Whether no rows of the job come after its own. */
  readonly isEnd: boolean;
  readonly files: readonly InputIdentity[];
  readonly options: JobOptions;
  readonly operators: Readonly<Record<string, string>>;
}

export const defaultRangeBytes = 2 ** 30;

/** What a worker needs of the options of a job. */
function rowOptions(options: JobOptions): JobOptions {
  const ofJob: readonly string[] = ['manifest', 'partBytes', 'checksum'];
  const entries = Object.entries(options).filter(([name]) => !ofJob.includes(name));
  return Object.fromEntries(entries) as unknown as JobOptions;
}

const idOf = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 32);

/** The id of a job: another job, or the same on other files, has another. */
export const planId = (plan: Plan): string => `j${idOf(plan)}`;

/** The id of a range: all that it says, so that the same is never there twice. */
export const rangeId = (task: RangeTask): string => `r${idOf(task)}`;

/** The folder of an output's parts, beside it; that of the first has the records of them too. */
export function partFolder(path: string, job: string): string {
  return `${path}.parts-${job.slice(1, 13)}`;
}

export function partFolders(options: JobOptions, job: string): string[] {
  return outputPaths(options).map((path) => partFolder(path, job));
}

/** Looks at the files of a job; refuses now what would be refused by every worker. */
export async function makePlan(options: JobOptions): Promise<Plan> {
  const checked = checkJob(options);
  const feed = await Feed.open(options, checked);
  try {
    const products = productsOf(options, checked, feed.cols);
    for (const [i, { path }] of checked.outputs.entries()) {
      const table = { columns: products[i]!.columns, flat: feed.flat };
      sinkOf(path, outputFormat(path, checked.outFormat), table);
    }
    const inputs = feed.links.map(({ located, rows, skips }): PlannedInput => {
      const { path, name } = located;
      const text = name === undefined ? path : `${path}:${name}`;
      return { text, rows: rows ?? null, divides: skips && rows !== undefined };
    });
    requirePlaces(feed, inputs);
    const files: InputIdentity[] = [];
    for (const path of feed.paths) files.push(await identify(path, options.checksum === true));
    const rangeBytes = options.partBytes ?? defaultRangeBytes;
    return {
      softlane: capabilities().version,
      options,
      cols: feed.cols,
      rows: feed.rows ?? null,
      inputs,
      files,
      rangeRows: Math.max(1, Math.floor(rangeBytes / Math.max(4 * feed.cols, 1))),
      operators: await fingerprints(checked),
    };
  } finally {
    await feed.close();
  }
}

/** Rows of a second file, such as labels, are found by their number in the job. */
function requirePlaces(feed: Feed, inputs: readonly PlannedInput[]): void {
  const unknown = inputs.slice(0, -1).find(({ rows }) => rows === null);
  if (unknown === undefined || feed.besides === 0) return;
  throw new SoftlaneFileError(
    'ERR_SOFTLANE_INPUT_SHAPE',
    unknown.text,
    'does not say how many rows it has, so that rows beside those of the next file cannot be found: ' +
      'put labels into a column, or submit a job a file',
  );
}

/** The ranges of a plan, in the order of their rows. */
export function rangesOf(plan: Plan, job = planId(plan)): RangeTask[] {
  const { softlane, operators, rangeRows } = plan;
  const options = rowOptions(plan.options);
  const tasks: Omit<RangeTask, 'isEnd'>[] = [];
  const inputFiles = plan.files.slice(0, plan.inputs.length);
  const others = plan.files.slice(plan.inputs.length);
  let ahead: number | null = 0;
  for (const [i, { text, rows, divides }] of plan.inputs.entries()) {
    const size = divides ? rangeRows : Infinity;
    for (let first = 0; rows === null ? first === 0 : first < rows; first += size) {
      tasks.push({
        softlane,
        job,
        number: tasks.length,
        input: text,
        first,
        rows: rows === null ? null : Math.min(size, rows - first),
        ahead,
        jobRows: plan.rows,
        files: [inputFiles[i]!, ...others],
        options,
        operators,
      });
    }
    ahead = rows === null || ahead === null ? null : ahead + rows;
  }
  return tasks.map((task, i) => ({ ...task, isEnd: i === tasks.length - 1 }));
}
