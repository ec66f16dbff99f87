/** `softlane worker`: takes ranges, and the last steps of jobs, until it is told to leave. */
import { rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { Job, Queue } from 'bullmq';
import type { JobSummary } from '../job-types';
import { majorOf } from './address';
import type { Broker } from './broker';
import { isForGood, told } from './failure';
import type { FinishTask } from './finish';
import { OffLoop, TaskError } from './off-loop';
import { partFolders, type RangeTask } from './plan';
import type { RangeResult, WorkerSettings } from './range';

export type WorkerEvent =
  | ({ readonly event: 'range'; readonly job: string; readonly number: number } & RangeResult)
  | { readonly event: 'stopped'; readonly job: string; readonly number: number | null }
  | { readonly event: 'job'; readonly job: string; readonly summary: JobSummary }
  | { readonly event: 'failed'; readonly job: string; readonly message: string }
  /** A range that may be tried again. */
  | {
      readonly event: 'attempt';
      readonly job: string;
      readonly number: number;
      readonly message: string;
    };

export interface WorkerOptions extends WorkerSettings {
  readonly version: string;
  /** Milliseconds without news after which a worker is taken for lost (default 30,000). */
  readonly lockDuration?: number | undefined;
  /** Leave when there is nothing left to do. */
  readonly drain?: boolean | undefined;
  readonly onEvent?: (event: WorkerEvent) => void;
}

const defaultLock = 30_000;
/** Workers that a range may be lost with before it is taken for what kills them. */
const maxLost = 5;
/** Milliseconds between looks whether a job is still wanted. */
const lookEvery = 1000;
/** And whether anything is left, for those that leave then. */
const drainEvery = 250;

/** Why the worker left by itself, where it was not told to. */
export type Leaving = 'told' | 'drained' | Error;

export class RangeWorker {
  private readonly thread: OffLoop;
  private readonly queue: Queue;
  private readonly worker;
  private leaving: Leaving | undefined;
  private readonly left: Promise<void>;
  private isLeft!: () => void;
  private ending = Promise.resolve();

  constructor(
    private readonly broker: Broker,
    private readonly options: WorkerOptions,
  ) {
    const { threads, isa, limitMemory, lockDuration = defaultLock } = options;
    this.thread = new OffLoop({ threads, isa, limitMemory });
    this.queue = broker.queue();
    this.left = new Promise((resolve) => (this.isLeft = resolve));
    this.worker = new broker.bullmq.Worker(
      broker.name,
      (job: Job, token?: string) => this.process(job, token),
      {
        connection: broker.client,
        skipVersionCheck: true,
        concurrency: 1,
        lockDuration,
        stalledInterval: lockDuration,
        maxStalledCount: maxLost,
        runRetryDelay: Math.min(1000, lockDuration),
        drainDelay: 1,
        autorun: false,
        name: `${hostname()} ${process.pid}`,
      },
    );
    // A Redis that is away is told of by the broker; the others end an attempt and are told there.
    this.worker.on('error', () => undefined);
    this.worker.on('completed', (job: Job) => {
      this.ending = this.over(job);
    });
    this.worker.on('failed', (job: Job | undefined, error: Error) => {
      const { message } = error;
      if (job?.name === 'finish') options.onEvent?.({ event: 'failed', job: job.id!, message });
      if (job?.name !== 'range') return;
      const { job: of, number } = job.data as RangeTask;
      options.onEvent?.({ event: 'attempt', job: of, number, message });
    });
  }

  /** Works until it is to leave; gives why. */
  async run(): Promise<Leaving> {
    const running = this.worker.run();
    const timer = setInterval(
      () => void (this.options.drain === true && this.leaveIfDrained()),
      drainEvery,
    );
    try {
      await Promise.race([running, this.left]);
    } finally {
      clearInterval(timer);
      await this.worker.close();
      await this.ending;
      await this.thread.close();
    }
    return this.leaving ?? 'told';
  }

  /** The range at work is done first. */
  leave(why: Leaving = 'told'): void {
    this.leaving ??= why;
    this.isLeft();
  }

  private async process(job: Job, token: string | undefined): Promise<unknown> {
    const { UnrecoverableError } = this.broker.bullmq;
    const { softlane } = (job.name === 'finish' ? (job.data as FinishTask).plan : job.data) as {
      softlane: string;
    };
    if (majorOf(softlane) !== majorOf(this.options.version)) {
      const reason = `made by softlane ${softlane}, and this worker is ${this.options.version}`;
      throw new UnrecoverableError(told(reason, 'ERR_SOFTLANE_JOB_OPTIONS'));
    }
    try {
      if (job.name === 'finish') return await this.finish(job as Job<FinishTask>);
      return await this.range(job as Job<RangeTask>, token);
    } catch (error) {
      if (!(error instanceof TaskError)) throw error;
      const { code, stack } = error;
      const here = isForGood(code) ? '' : ` (on ${hostname()})`;
      const reason = told(`${error.message}${here}`, code);
      const failure = isForGood(code) ? new UnrecoverableError(reason) : new Error(reason);
      if (stack !== undefined) failure.stack = stack;
      throw failure;
    }
  }

  private async range(job: Job<RangeTask>, token: string | undefined): Promise<unknown> {
    const { data } = job;
    const { number } = data;
    const result = await this.whileWanted(data.job, (signal) =>
      this.thread.range(data, signal),
    ).catch(async (error: unknown) => {
      if (!(error instanceof TaskError) || error.code !== 'ERR_SOFTLANE_OUTPUT_UNSEEN') throw error;
      if (!(await this.isWanted(data.job))) return undefined;
      // Others may see it: this machine leaves the range as it was, and leaves.
      this.leave(error);
      await job.moveToWait(token);
      throw new this.broker.bullmq.WaitingError();
    });
    if (result === undefined) {
      this.options.onEvent?.({ event: 'stopped', job: data.job, number });
      return { stopped: true };
    }
    this.options.onEvent?.({ event: 'range', job: data.job, number, ...result });
    return { rows: result.rows };
  }

  private async finish(job: Job<FinishTask>): Promise<unknown> {
    const { UnrecoverableError } = this.broker.bullmq;
    const failures = Object.values(await job.getIgnoredChildrenFailures()) as string[];
    if (failures.length > 0) {
      await job.removeUnprocessedChildren();
      throw new UnrecoverableError(failures[0]);
    }
    let told = Date.now();
    const onProgress = (rows: number): void => {
      if (Date.now() - told < lookEvery) return;
      told = Date.now();
      job.updateProgress({ rows }).catch(() => undefined);
    };
    const summary = await this.whileWanted(job.id!, (signal) =>
      this.thread.finish(job.data, signal, onProgress),
    );
    if (summary === undefined) throw new UnrecoverableError('cancelled');
    return summary;
  }

  /** Does something for a job until it is done, or nobody wants the job any more: then gives undefined. */
  private async whileWanted<T>(
    job: string,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T | undefined> {
    if (!(await this.isWanted(job))) return undefined;
    const controller = new AbortController();
    const timer = setInterval(() => {
      this.isWanted(job).then(
        (wanted) => wanted || controller.abort(),
        () => undefined,
      );
    }, lookEvery);
    try {
      return await work(controller.signal);
    } catch (error) {
      if (controller.signal.aborted) return undefined;
      throw error;
    } finally {
      clearInterval(timer);
    }
  }

  private async isWanted(job: string): Promise<boolean> {
    if ((await this.broker.client.exists(this.broker.key('unwanted', job))) === 1) return false;
    const state = await this.queue.getJobState(job);
    return state !== 'unknown' && state !== 'failed' && state !== 'completed';
  }

  /** Redis knows that a job is done: its parts may go. */
  private async over(job: Job): Promise<void> {
    if (job.name === 'finish') {
      const summary = job.returnvalue as JobSummary;
      this.options.onEvent?.({ event: 'job', job: job.id!, summary });
      const { plan } = job.data as FinishTask;
      for (const folder of partFolders(plan.options, job.id!)) {
        await rm(folder, { recursive: true, force: true }).catch(() => undefined);
      }
    }
  }

  /** Others may be at work on what is left, so that nothing here tells when it is done. */
  private async leaveIfDrained(): Promise<void> {
    const counts = await this.queue
      .getJobCounts('waiting', 'active', 'delayed', 'waiting-children', 'prioritized')
      .catch(() => ({ unknown: 1 }));
    if (Object.values(counts).every((count) => count === 0)) this.leave('drained');
  }
}
