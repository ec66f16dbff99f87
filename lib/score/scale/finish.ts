/** What the last worker of a job does: the parts become its outputs, in the order of their rows. */
import { unlink } from 'node:fs/promises';
import { SoftlaneFileError } from '../errors';
import type { InputIdentity } from '../identity';
import { InputFile } from '../input-file';
import { runRows, type JobHead, type Run } from '../job';
import type { JobSummary, Verified } from '../job-types';
import { rangesOf, type Plan, type RangeTask } from './plan';
import { PartPlaces, rangesTaken, readJson, readRecord, writeJson } from './record';
import { requirePlaces, type WorkerSettings } from './range';

const chunkBytes = 8 * 2 ** 20;

export interface FinishTask {
  readonly job: string;
  readonly plan: Plan;
  readonly force: boolean;
}

export async function finishJob(
  { job, plan, force }: FinishTask,
  settings: WorkerSettings,
  signal?: AbortSignal,
  onProgress?: (rows: number) => void,
): Promise<JobSummary> {
  const places = new PartPlaces(plan.options, job);
  await requirePlaces(places);
  // A worker that died after its last rename left this.
  const before = await readJson<JobSummary>(places.done);
  if (before !== undefined) return before;
  const ranges = rangesOf(plan, job);
  const options = { ...plan.options, ...settings, force, resume: true, signal };
  let done: JobSummary;
  await runRows(
    { ...options, onProgress: ({ rowsDone }) => onProgress?.(rowsDone) },
    {
      expect: (head) => requireSame(head, plan.files),
      rows: (run) => assemble(run, places, ranges, signal),
      named: async (summary) => {
        const verified = options.verify === undefined ? null : await verifiedOf(places, ranges);
        done = { ...summary, verified };
        await writeJson(places.done, done);
      },
    },
  );
  return done!;
}

function requireSame(head: JobHead, files: readonly InputIdentity[]): void {
  const now = head.inputs as readonly InputIdentity[];
  const at = files.findIndex((file, i) => JSON.stringify(file) !== JSON.stringify(now[i]));
  if (at < 0 && now.length === files.length) return;
  throw new SoftlaneFileError(
    'ERR_SOFTLANE_INPUT_CHANGED',
    files[at]?.path ?? now[files.length]!.path,
    'changed since the job was submitted: submit it again',
  );
}

/** What the checks of all ranges found. */
async function verifiedOf(places: PartPlaces, ranges: readonly RangeTask[]): Promise<Verified> {
  let [rows, worstUlp] = [0, 0];
  for (const { number } of ranges) {
    const verified = (await readRecord(places, number))?.verified;
    rows += verified?.rows ?? 0;
    worstUlp = Math.max(worstUlp, verified?.worstUlp ?? 0);
  }
  return { rows, worstUlp };
}

/** Appends part after part; those that were kept are removed, so that the disk has each row once. */
async function assemble(
  run: Run,
  places: PartPlaces,
  ranges: readonly RangeTask[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const kept = run.rowsDone;
  let removed = Math.min(await rangesTaken(places), ranges.length);
  let rows = 0;
  for (const { number } of ranges) {
    const record = await readRecord(places, number);
    if (record === undefined) throw missing(places.record(number));
    rows += record.rows;
    if (rows <= kept) continue;
    // Rows that a run on one machine left, which knows no ranges.
    if (rows - record.rows < kept) {
      throw new SoftlaneFileError(
        'ERR_SOFTLANE_OUTPUT_UNFINISHED',
        run.files.outputs[0]!.path,
        'was left in the middle of a range, by a run on one machine: go on with that, or start anew with --force',
      );
    }
    for (const [i, { length, state }] of record.outputs.entries()) {
      const take = (bytes: Uint8Array, state?: unknown): Promise<void> =>
        run.files.outputs[i]!.take!(bytes, state);
      if (state !== undefined) await take(new Uint8Array(0), state);
      await copy(places.part(i, number), length, take, signal);
    }
    run.files.rejected += record.rejected;
    if (!(await run.took(record.rows))) continue;
    await writeJson(places.taken, { ranges: number + 1 });
    for (; removed <= number; removed++) {
      for (const i of record.outputs.keys()) {
        await unlink(places.part(i, removed)).catch(() => undefined);
      }
    }
  }
}

/** The next piece is read while the one before is written. */
async function copy(
  path: string,
  length: number,
  take: (bytes: Uint8Array) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const file = await InputFile.open(path).catch((error: unknown) => {
    throw missing(path, error);
  });
  try {
    if (file.size !== length) throw missing(path);
    const buffers = [new Uint8Array(Math.min(chunkBytes, length)), new Uint8Array(0)];
    if (length > chunkBytes) buffers[1] = new Uint8Array(chunkBytes);
    let writing = Promise.resolve();
    try {
      for (let at = 0, k = 0; at < length; at += chunkBytes, k = 1 - k) {
        const piece = buffers[k]!.subarray(0, Math.min(chunkBytes, length - at));
        await file.read(piece, at, signal);
        await writing;
        writing = take(piece);
        writing.catch(() => undefined);
      }
    } finally {
      await writing;
    }
  } finally {
    await file.close();
  }
}

function missing(path: string, cause?: unknown): SoftlaneFileError {
  return new SoftlaneFileError(
    'ERR_SOFTLANE_OUTPUT_UNFINISHED',
    path,
    'is not what its worker left: submit the job again',
    cause,
  );
}
