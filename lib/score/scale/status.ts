/** What has become of jobs. */
import type { Job, Queue } from 'bullmq';
import type { JobSummary } from '../job-types';
import { SoftlaneFileError } from '../errors';
import type { Broker } from './broker';
import { untold } from './failure';
import type { FinishTask } from './finish';
import { outputPaths } from '../job-options';

export interface JobStatus {
  readonly job: string;
  /** `finishing` is the last step, in which the parts become the outputs. */
  readonly state: 'running' | 'finishing' | 'completed' | 'failed';
  readonly ranges: number;
  readonly rangesDone: number;
  readonly rows: number | null;
  readonly cols: number;
  /** Rows that the outputs have, in the last step. */
  readonly rowsFinished: number;
  readonly outputs: readonly string[];
  readonly submitted: number;
  readonly summary: JobSummary | null;
  /** Why it failed. */
  readonly failure: { readonly message: string; readonly code?: string } | null;
}

export interface QueueStatus {
  readonly workers: number;
  readonly jobs: readonly JobStatus[];
}

async function statusOf(job: Job<FinishTask>, queue: Queue): Promise<JobStatus> {
  const { plan } = job.data;
  const counts = await job.getDependenciesCount({
    processed: true,
    unprocessed: true,
    failed: true,
    ignored: true,
  });
  const { processed = 0, unprocessed = 0, failed = 0, ignored = 0 } = counts;
  const state = await queue.getJobState(job.id!);
  const isOver = state === 'completed' || state === 'failed';
  const { rows = 0 } = (typeof job.progress === 'object' ? job.progress : {}) as { rows?: number };
  return {
    job: job.id!,
    state: isOver ? state : state === 'waiting-children' ? 'running' : 'finishing',
    ranges: processed + unprocessed + failed + ignored,
    rangesDone: processed,
    rows: plan.rows,
    cols: plan.cols,
    rowsFinished: rows,
    outputs: outputPaths(plan.options),
    submitted: job.timestamp,
    summary: state === 'completed' ? (job.returnvalue as JobSummary) : null,
    failure: state === 'failed' ? untold(job.failedReason ?? '') : null,
  };
}

/** The job of that id, or of an id that begins so. */
export async function findJob(broker: Broker, start: string): Promise<Job<FinishTask>> {
  const queue = broker.queue();
  const ids = await broker.client.zrange(broker.key('jobs'), '0', '-1');
  const fitting = ids.filter((id) => id.startsWith(start));
  const refuse = (reason: string): never => {
    throw new SoftlaneFileError('ERR_SOFTLANE_QUEUE', broker.label, reason);
  };
  if (fitting.length > 1) refuse(`has ${fitting.length} jobs ${start}...: give more of the id`);
  const job = fitting.length === 0 ? undefined : await queue.getJob(fitting[0]!);
  return (job as Job<FinishTask> | undefined) ?? refuse(`has no job ${start}`);
}

/** What has become of one job; undefined when the queue no longer has it. */
export async function jobStatus(broker: Broker, id: string): Promise<JobStatus | undefined> {
  const queue = broker.queue();
  const job = (await queue.getJob(id)) as Job<FinishTask> | undefined;
  return job === undefined ? undefined : statusOf(job, queue);
}

/** All jobs, the last first, and how many workers there are. */
export async function queueStatus(broker: Broker): Promise<QueueStatus> {
  const queue = broker.queue();
  const ids = await broker.client.zrevrange(broker.key('jobs'), '0', '-1');
  const jobs: JobStatus[] = [];
  for (const id of ids) {
    const found = await jobStatus(broker, id);
    if (found !== undefined) jobs.push(found);
    else await broker.client.zrem(broker.key('jobs'), id);
  }
  return { workers: await queue.getWorkersCount(), jobs };
}
