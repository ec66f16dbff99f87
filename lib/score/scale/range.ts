/** What a worker does with a range: its rows, scored into parts. */
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SoftlaneFileError } from '../errors';
import { Feed } from '../feed';
import { fingerprints, identify, type InputIdentity } from '../identity';
import { Run } from '../job';
import { checkJob, type CheckedJob } from '../job-options';
import type { JobOptions } from '../job-types';
import { productsOf } from '../product';
import { PartFiles } from './part-files';
import type { RangeTask } from './plan';
import { isDone, PartPlaces } from './record';

/** What the worker says for all of its ranges. */
export interface WorkerSettings {
  readonly threads?: number | undefined;
  readonly isa?: string | undefined;
  readonly limitMemory?: number | undefined;
}

export interface RangeResult {
  readonly rows: number;
  readonly bytes: number;
  /** Whether it had been done before. */
  readonly before: boolean;
}

/** Inputs that were compared with what they were when the job was submitted, by their size and time too. */
const known = new Set<string>();

/** Throws if an input is not what it was when the job was submitted. */
async function requireSame(file: InputIdentity): Promise<void> {
  const now = await stat(file.path, { bigint: true }).catch(() => undefined);
  // What cannot be seen is reported by whoever reads it.
  if (now === undefined) return;
  const changed = (): SoftlaneFileError =>
    new SoftlaneFileError(
      'ERR_SOFTLANE_INPUT_CHANGED',
      file.path,
      'changed since the job was submitted: submit it again',
    );
  if (Number(now.size) !== file.size || String(now.mtimeNs) !== file.modified) throw changed();
  const key = JSON.stringify(file);
  if (known.has(key) || file.whole) return;
  if ((await identify(file.path, false)).sha256 !== file.sha256) throw changed();
  known.add(key);
}

/** Refuses a machine whose results have other bits than those of whoever submitted the job. */
async function requireBits(checked: CheckedJob, task: RangeTask): Promise<void> {
  const own = await fingerprints(checked);
  const other = Object.keys(task.operators).find((name) => own[name] !== task.operators[name]);
  if (other === undefined) return;
  throw new SoftlaneFileError(
    'ERR_SOFTLANE_JOB_OPTIONS',
    task.input,
    `${other} has other bits on this machine than on the one that submitted the job`,
  );
}

/** Throws where the folders of the parts, which submitting made, are not to be seen. */
export async function requirePlaces(places: PartPlaces): Promise<void> {
  const isFolder = async (path: string): Promise<boolean> =>
    (await stat(path).catch(() => undefined))?.isDirectory() === true;
  for (const folder of places.folders) {
    if (await isFolder(folder)) continue;
    if (!(await isFolder(dirname(folder)))) {
      const reason = 'is not seen by this machine: a worker needs the storage of whoever submits';
      throw new SoftlaneFileError('ERR_SOFTLANE_OUTPUT_UNSEEN', dirname(folder), reason);
    }
    const reason = 'is gone, with the parts that were in it: submit the job again';
    throw new SoftlaneFileError('ERR_SOFTLANE_OUTPUT_UNWRITABLE', folder, reason);
  }
}

export async function runRange(
  task: RangeTask,
  settings: WorkerSettings,
  signal?: AbortSignal,
): Promise<RangeResult> {
  const { number, input, first, rows, ahead, isEnd } = task;
  const options: JobOptions = { ...task.options, ...settings, inputs: [input], signal };
  const places = new PartPlaces(task.options, task.job);
  await requirePlaces(places);
  if (await isDone(places, number)) return { rows: rows ?? 0, bytes: 0, before: true };
  const checked = checkJob(options);
  await requireBits(checked, task);
  for (const file of task.files) await requireSame(file);
  const whole = { ahead: ahead ?? 0, rows: task.jobRows ?? undefined, isEnd };
  const feed = await Feed.open(options, checked, whole);
  let files: PartFiles | undefined;
  try {
    const products = productsOf(options, checked, feed.cols);
    files = await PartFiles.create(options, checked, feed, products, {
      places,
      number,
      first,
    });
    const to = rows === null ? feed.rows : first + rows;
    const run = new Run(options, checked, feed, products, files, {
      from: first,
      to,
      canKeep: false,
    });
    await run.rows();
    files.verified = run.verified;
    await run.publish();
    const done = run.rowsDone - first;
    return { rows: done, bytes: 4 * done * feed.cols, before: false };
  } finally {
    await feed.close();
    await files?.close();
  }
}
