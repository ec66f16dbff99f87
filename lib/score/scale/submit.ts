/** `softlane submit`: a job becomes ranges that wait for workers, and a last one that puts them together. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Job, Queue } from 'bullmq';
import { AtomicFile } from '../atomic-file';
import { inputError, SoftlaneFileError } from '../errors';
import type { FileIdentity } from '../input-file';
import { dropUnfinished, lookForUnfinished } from '../job-files';
import { journalPath, outputPaths } from '../job-options';
import type { JobOptions } from '../job-types';
import type { Broker } from './broker';
import type { FinishTask } from './finish';
import { partFolder, partFolders, planId, rangeId, rangesOf, type Plan } from './plan';

/** Attempts at a range whose machine fails it, seconds apart: 1, 2, 4, 8. A lost worker is no attempt. */
const attempts = 5;
const backoff = { type: 'exponential', delay: 1000 };
/** How long a job can be asked about when it is over, in seconds. */
const remembered = { age: 30 * 24 * 3600, count: 10_000 };

export type JobState = 'new' | 'running' | 'completed' | 'failed';

export interface Submission {
  readonly job: string;
  readonly ranges: number;
  readonly rows: number | null;
  /** What had become of it when it was submitted. */
  readonly before: JobState;
  /** Whether there is something to do now. */
  readonly added: boolean;
}

export async function stateOf(queue: Queue, job: string): Promise<JobState> {
  const state = await queue.getJobState(job);
  if (state === 'unknown') return 'new';
  return state === 'completed' || state === 'failed' ? state : 'running';
}

export async function submitJob(
  plan: Plan,
  broker: Broker,
  { force = false }: { readonly force?: boolean | undefined } = {},
): Promise<Submission> {
  const { options } = plan;
  const job = planId(plan);
  const ranges = rangesOf(plan, job);
  const queue = broker.queue();
  const before = await stateOf(queue, job);
  const found = { job, ranges: ranges.length, rows: plan.rows, before };
  if (before === 'running' && force) {
    const reason = `is at work on ${job}: cancel it before it is done anew`;
    throw new SoftlaneFileError('ERR_SOFTLANE_QUEUE', broker.label, reason);
  }
  if (before === 'running') return { ...found, added: false };
  const isThere = outputPaths(options).every((path) => existsSync(path));
  if (before === 'completed' && isThere && !force) return { ...found, added: false };
  await clearWay(plan, job, force);
  const old = await queue.getJob(job);
  if (old !== undefined) await removeFlow(old, broker);
  await makeFolders(partFolders(options, job));
  const task: FinishTask = { job, plan, force };
  const own = { attempts, backoff, removeOnComplete: remembered, removeOnFail: remembered };
  const flow = new broker.bullmq.FlowProducer({
    connection: broker.client,
    skipVersionCheck: true,
  });
  flow.on('error', () => undefined);
  await flow.add({
    name: 'finish',
    queueName: broker.name,
    data: task,
    opts: { ...own, jobId: job },
    children: ranges.map((range) => ({
      name: 'range',
      queueName: broker.name,
      data: range,
      opts: {
        jobId: rangeId(range),
        attempts,
        backoff,
        // What they left is on the disk, and their count is in the last job.
        removeOnComplete: true,
        removeOnFail: true,
        // One that fails for good ends the job, whose last step then says why.
        continueParentOnFailure: true,
      },
    })),
  });
  await broker.client.zadd(broker.key('jobs'), Date.now(), job);
  return { ...found, added: true };
}

/** What is in the way of a job and goes with --force. */
interface InWay {
  /** Folders with parts of other jobs for the same outputs, and of this one. */
  readonly others: readonly string[];
  readonly own: readonly string[];
  /** Whether the outputs of an earlier attempt are there, which the last step goes on with. */
  readonly goesOn: boolean;
  /** Else what a job left that was to make the same outputs. */
  readonly unfinished?: Parameters<typeof dropUnfinished>[1];
}

/** Refuses what is in the way and may not go; writes nothing. */
export async function requireWay(plan: Plan, job: string, force = false): Promise<InWay> {
  const { options } = plan;
  const own = partFolders(options, job);
  const others = await foldersOfOthers(options, job);
  if (others.length > 0 && !force) {
    const other = `j${others[0]!.split('.parts-').at(-1)!}`;
    const reason = `is of another job, ${other}: cancel that one, or remove its parts with --force`;
    throw new SoftlaneFileError('ERR_SOFTLANE_OUTPUT_UNFINISHED', others[0]!, reason);
  }
  const journal = journalPath(options);
  const isOurs = own.some((folder) => existsSync(folder));
  const goesOn = isOurs && journal !== undefined && existsSync(journal) && !force;
  if (goesOn) return { others, own, goesOn };
  const unfinished: InWay['unfinished'] = lookForUnfinished({ ...options, force });
  const inputs: FileIdentity[] = [];
  for (const { path } of plan.files) {
    const found = await stat(path, { bigint: true }).catch((error: unknown) => {
      throw inputError(path, error);
    });
    inputs.push(found);
  }
  for (const path of [...outputPaths(options), options.manifest]) {
    if (path !== undefined) await AtomicFile.check(path, { force, inputs });
  }
  return { others, own, goesOn, unfinished };
}

/** Refuses outputs that are there, and does away with them and what is left of the job where that is wanted. */
async function clearWay(plan: Plan, job: string, force: boolean): Promise<void> {
  const { others, own, goesOn, unfinished } = await requireWay(plan, job, force);
  const remove = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true });
  for (const folder of others) await remove(folder);
  if (goesOn) return;
  await dropUnfinished({ ...plan.options, force }, unfinished);
  if (force) for (const folder of own) await remove(folder);
}

/** Two jobs with one output would end with that of the last. */
async function foldersOfOthers(options: JobOptions, job: string): Promise<string[]> {
  const found: string[] = [];
  for (const path of outputPaths(options)) {
    const own = basename(partFolder(path, job));
    const start = basename(partFolder(path, ''));
    const names = await readdir(dirname(path)).catch((): string[] => []);
    const others = names.filter((name) => name.startsWith(start) && name !== own);
    found.push(...others.map((name) => join(dirname(path), name)));
  }
  return found;
}

async function makeFolders(folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    await mkdir(folder).catch((error: unknown) => {
      if ((error as { code?: string }).code === 'EEXIST') return;
      const reason = `cannot be made in ${dirname(folder)}`;
      throw new SoftlaneFileError('ERR_SOFTLANE_OUTPUT_UNWRITABLE', folder, reason, error);
    });
  }
}

/** Milliseconds that a range at work gets to notice that nobody wants it, or its lost worker's lock to lapse. */
const patience = 60_000;
const retryEvery = 200;

/** Takes a job and all its ranges out of the queue; those at work are waited for. */
export async function removeFlow(job: Job, broker: Broker): Promise<void> {
  const unwanted = broker.key('unwanted', job.id!);
  await broker.client.set(unwanted, '1', 'EX', 24 * 3600);
  try {
    await job.removeUnprocessedChildren();
    for (const start = Date.now(); ;) {
      try {
        await job.remove({ removeChildren: true });
        return;
      } catch (error) {
        if (Date.now() - start > patience) throw error;
        await new Promise((resolve) => setTimeout(resolve, retryEvery));
      }
    }
  } finally {
    await broker.client.del(unwanted);
  }
}

/** Ends a job for good: nothing of it is left but what it was made of. */
export async function cancelJob(job: Job<FinishTask>, broker: Broker): Promise<void> {
  const { plan } = job.data;
  await removeFlow(job, broker);
  await broker.client.zrem(broker.key('jobs'), job.id!);
  const forced = { ...plan.options, force: true };
  await dropUnfinished(forced, lookForUnfinished(forced));
  for (const folder of partFolders(plan.options, job.id!)) {
    await rm(folder, { recursive: true, force: true });
  }
}
