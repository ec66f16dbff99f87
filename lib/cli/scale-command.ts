/** Jobs for several machines, as commands. */
import type { JobSummary } from '../score/job-types';
import { jsonText } from '../score/json';
import type { Broker, BrokerOptions } from '../score/scale/broker';
import type { JobStatus } from '../score/scale/status';
import type { WorkerEvent } from '../score/scale/worker';
import { errorText, exitCodeOf, UsageError, visible } from './failure';
import { bytesText, countText, note, print } from './output';
import { Progress } from './progress';
import { packageVersion } from './program';
import type { QueueFlags, SubmitFlags, WorkerFlags } from './scale-program';
import { summaryText } from './score-command';
import type { Signals } from './signals';

/** Milliseconds between looks at a job, and between lines where there is no terminal. */
const lookEvery = 500;
const lineEvery = 30_000;

function required(command: string, redis: string | undefined): string {
  if (redis !== undefined) return redis;
  throw new UsageError(`${command}: --redis is missing, and SOFTLANE_REDIS is not set`);
}

async function open(
  command: string,
  { redis, queue, quiet }: QueueFlags,
  { signal }: Signals,
  more: Partial<BrokerOptions> = {},
): Promise<Broker> {
  const address = required(command, redis);
  const { Broker } = await import('../score/scale/broker.js');
  const version = packageVersion();
  const broker = await Broker.open({ redis: address, queue, version, signal, ...more });
  const isHeard = command === 'submit' || command === 'worker';
  for (const warning of isHeard && quiet !== true ? broker.warnings : []) {
    note(`softlane: ${warning}`);
  }
  return broker;
}

/** Does something with the queue; a Redis that goes away meanwhile is a sentence. */
async function using<T>(broker: Broker, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw broker.failure(error);
  } finally {
    broker.close();
  }
}

export async function runSubmit(file: string, flags: SubmitFlags, signals: Signals): Promise<void> {
  const { readJobFile } = await import('../score/scale/job-file.js');
  const job = await readJobFile(file);
  const { requireAddress } = await import('../score/scale/address.js');
  requireAddress(required('submit', flags.redis), flags.queue);
  const { makePlan, planId, rangesOf } = await import('../score/scale/plan.js');
  const partBytes = flags.rangeSize ?? job.partBytes;
  const plan = await makePlan({ ...job, ...(partBytes !== undefined && { partBytes }) });
  const { requireWay, submitJob } = await import('../score/scale/submit.js');
  if (flags.dryRun === true) {
    await requireWay(plan, planId(plan), flags.force);
    const ranges = rangesOf(plan).length;
    const found = { job: planId(plan), ranges, rows: plan.rows, cols: plan.cols };
    print(flags.json === true ? JSON.stringify(found) : sizeText(found));
    return;
  }
  const broker = await open('submit', flags, signals);
  const found = await using(broker, () => submitJob(plan, broker, { force: flags.force }));
  if (flags.json === true) {
    print(JSON.stringify({ event: 'submitted', ...found, cols: plan.cols }));
    return;
  }
  print(found.job);
  if (flags.quiet === true) return;
  const size = sizeText({ ...found, cols: plan.cols });
  const words = {
    new: `submitted: ${size}`,
    running: `is being worked on already, nothing was added: ${size}`,
    completed: found.added ? `submitted again: ${size}` : `is done already, nothing was added`,
    failed: `submitted again, what is done stays: ${size}`,
  };
  note(`softlane: ${words[found.before]}`);
}

function sizeText({
  ranges,
  rows,
  cols,
}: {
  readonly ranges: number;
  readonly rows: number | null;
  readonly cols: number;
}): string {
  const count = rows === null ? 'an unknown number of rows' : `${countText(rows)} rows`;
  const size = rows === null ? '' : `, ${bytesText(4 * rows * cols)}`;
  return `${count} of ${countText(cols)}${size}, in ${countText(ranges)} ranges`;
}

export async function runWorker(flags: WorkerFlags, signals: Signals): Promise<number> {
  if (!(flags.lock > 0)) throw new UsageError('worker: expected --lock to be seconds above 0');
  // Of what is wrong here the jobs of others would fail.
  const { isaIndex } = await import('../configure.js');
  const { isa } = (await import('../capabilities.js')).capabilities();
  isaIndex('worker', '--isa', flags.isa ?? isa);
  const tell = (sentence: string): void => {
    if (flags.quiet !== true) note(`softlane: ${visible(sentence)}`);
  };
  const broker = await open('worker', flags, signals, {
    lasting: true,
    onLost: tell,
    onBack: () => tell('the connection is back'),
  });
  const { RangeWorker } = await import('../score/scale/worker.js');
  const report = new Report(flags, tell);
  return using(broker, async () => {
    const worker = new RangeWorker(broker, {
      version: packageVersion(),
      threads: flags.threads,
      isa: flags.isa,
      limitMemory: flags.limitMemory,
      lockDuration: Math.max(1, Math.round(1000 * flags.lock)),
      drain: flags.drain,
      onEvent: (event) => report.event(event),
    });
    signals.gently(() => {
      tell(`${signals.name}: leaving after the range at hand; a second signal leaves at once`);
      worker.leave();
    });
    if (flags.json === true) print(JSON.stringify({ event: 'ready', queue: broker.name }));
    else tell(`waiting for ranges of ${broker.name} at ${broker.label}`);
    const why = await worker.run();
    report.end();
    if (why instanceof Error) {
      note(errorText(why, false));
      return exitCodeOf(why);
    }
    return signals.exitCode ?? 0;
  });
}

/** What people and programs hear of a worker. */
class Report {
  private ranges = 0;
  private rows = 0;
  private bytes = 0;
  private readonly start = Date.now();
  private lastLine = Date.now();

  constructor(
    private readonly flags: WorkerFlags,
    private readonly tell: (sentence: string) => void,
  ) {}

  event(event: WorkerEvent): void {
    if (this.flags.json === true) {
      if (this.flags.quiet !== true) print(JSON.stringify(event));
      return;
    }
    if (event.event === 'failed') this.tell(`job ${event.job}: ${event.message}`);
    if (event.event === 'attempt') {
      this.tell(`job ${event.job}, range ${event.number}: ${event.message}`);
    }
    if (event.event === 'job') this.tell(`job ${event.job} is done`);
    if (event.event !== 'range') return;
    this.ranges++;
    this.rows += event.rows;
    this.bytes += event.bytes;
    if (Date.now() - this.lastLine < lineEvery) return;
    this.lastLine = Date.now();
    this.tell(this.text());
  }

  end(): void {
    if (this.flags.json !== true) this.tell(`left after ${this.text()}`);
  }

  private text(): string {
    const seconds = (Date.now() - this.start) / 1000;
    return (
      `${countText(this.ranges)} ranges, ${countText(this.rows)} rows, ${bytesText(this.bytes)} of logits ` +
      `in ${seconds.toFixed(0)} s`
    );
  }
}

function stateText(status: JobStatus): string {
  const { state, ranges, rangesDone, rows, failure, summary } = status;
  const count = `${countText(rangesDone)} of ${countText(ranges)} ranges`;
  if (state === 'failed') return `failed: ${visible(failure!.message)}`;
  if (state === 'completed') return `done: ${countText(summary!.rows)} rows`;
  if (state === 'running') return count;
  const of = rows === null ? '' : ` of ${countText(rows)}`;
  return `all ranges are done; ${countText(status.rowsFinished)}${of} rows are in the outputs`;
}

export async function runStatus(
  id: string | undefined,
  flags: QueueFlags,
  signals: Signals,
): Promise<void> {
  const broker = await open('status', flags, signals);
  const { findJob, jobStatus, queueStatus } = await import('../score/scale/status.js');
  await using(broker, async () => {
    if (id !== undefined) {
      const status = await jobStatus(broker, (await findJob(broker, id)).id!);
      print(flags.json === true ? JSON.stringify(status) : jobText(status!));
      return;
    }
    const status = await queueStatus(broker);
    if (flags.json === true) {
      print(JSON.stringify(status));
      return;
    }
    print(
      `${broker.name} at ${broker.label}: ${status.workers} workers, ${status.jobs.length} jobs`,
    );
    for (const job of status.jobs) print(jobText(job));
  });
}

const jobText = (status: JobStatus): string =>
  `${status.job}  ${stateText(status)}  ${status.outputs.map(visible).join(' ')}`;

export async function runWatch(id: string, flags: QueueFlags, signals: Signals): Promise<number> {
  const broker = await open('watch', flags, signals);
  const { findJob, jobStatus } = await import('../score/scale/status.js');
  const progress = new Progress(Progress.wanted(flags.quiet === true));
  return using(broker, async () => {
    const job = (await findJob(broker, id)).id!;
    let last = '';
    let lastLine = 0;
    try {
      for (;;) {
        signals.signal.throwIfAborted();
        const status = await jobStatus(broker, job);
        if (status === undefined) throw new Error(`job ${job} was cancelled`);
        const text = stateText(status);
        if (flags.json === true && text !== last)
          print(JSON.stringify({ event: 'status', ...status }));
        if (status.state === 'completed') return ended(status.summary!, flags);
        if (status.state === 'failed') {
          const { message, code } = status.failure!;
          throw Object.assign(new Error(message), { code });
        }
        const { rowsFinished, rows, rangesDone, ranges } = status;
        const isFinishing = status.state === 'finishing' && rows !== null;
        progress.update(isFinishing ? rowsFinished : rangesDone, isFinishing ? rows : ranges, text);
        const isPlain =
          flags.json !== true && flags.quiet !== true && process.stderr.isTTY !== true;
        if (isPlain && text !== last && Date.now() - lastLine >= lineEvery) {
          lastLine = Date.now();
          note(`softlane: ${text}`);
        }
        last = text;
        await new Promise((resolve) => setTimeout(resolve, lookEvery));
      }
    } finally {
      progress.stop();
    }
  });
}

function ended(summary: JobSummary, { json, quiet }: QueueFlags): number {
  if (json === true) print(jsonText({ event: 'done', ...summary }));
  else if (quiet !== true) print(summaryText(summary));
  return summary.rejected > 0 ? 6 : 0;
}

export async function runCancel(id: string, flags: QueueFlags, signals: Signals): Promise<void> {
  const broker = await open('cancel', flags, signals);
  const { findJob } = await import('../score/scale/status.js');
  const { cancelJob } = await import('../score/scale/submit.js');
  await using(broker, async () => {
    const job = await findJob(broker, id);
    await cancelJob(job, broker);
    if (flags.json === true) print(JSON.stringify({ event: 'cancelled', job: job.id }));
    else if (flags.quiet !== true) print(`${job.id} is cancelled`);
  });
}
