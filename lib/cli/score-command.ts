import type { JobEstimate } from '../score/estimate';
import type { JobEvent, JobOptions, JobProgress, JobSummary } from '../score/job-types';
import { jsonText } from '../score/json';
import type { MetricsResult } from '../score/metrics';
import { visible } from './failure';
import { bytesText, countText, note, print } from './output';
import { Progress } from './progress';
import { jobOf, streamsOf } from './score-flags';
import type { ScoreFlags } from './score-program';
import type { Signals } from './signals';

/** Milliseconds between lines of progress where there is no terminal, and between events. */
const lineEvery = 30_000;
const eventEvery = 1000;

/** `softlane score`; gives the exit code. */
export async function runScore(
  files: readonly string[],
  flags: ScoreFlags,
  signals: Signals,
): Promise<number> {
  const job = jobOf(files, flags);
  // Not before the flags are right: this loads the addon.
  const { runJob, JobStopped } = await import('../score/job.js');
  const { ReaderGone } = await import('../score/stream-output.js');
  if (flags.dryRun === true) {
    const { estimateJob } = await import('../score/estimate.js');
    const estimate = await estimateJob(job);
    print(flags.json === true ? JSON.stringify(estimate) : estimateText(estimate));
    return 0;
  }
  const usesStreams = streamsOf(job) > 0 || job.outputs.some(({ path }) => path === '-');
  const progress = new Progress(Progress.wanted(flags.quiet === true));
  // A job that can be gone on with ends by itself at the first signal; one of streams is aborted.
  const stopped = usesStreams ? undefined : signals.gently();
  const report = new Report(flags, progress, job);
  let summary: JobSummary;
  try {
    summary = await runJob({
      ...job,
      signal: signals.signal,
      stopped,
      onProgress: (at) => report.progress(at),
      onEvent: (event) => report.event(event),
    });
  } catch (error) {
    progress.stop();
    if (error instanceof ReaderGone) return 0;
    if (!(error instanceof JobStopped)) throw error;
    const name = signals.name ?? 'a request';
    note(
      `softlane: stopped by ${name}; ${countText(error.rows)} rows are kept, and the same command with --resume goes on`,
    );
    return signals.exitCode ?? 1;
  } finally {
    progress.stop();
  }
  report.summary(summary);
  return summary.rejected > 0 ? 6 : 0;
}

/** What people and programs hear of a job. */
class Report {
  private lastLine = Date.now();
  private lastEvent = Date.now();
  private from = 0;
  /** Standard output may be taken by results. */
  private readonly say: (line: string) => void;
  private readonly isEvents: boolean;

  constructor(
    private readonly flags: ScoreFlags,
    private readonly bar: Progress,
    job: JobOptions,
  ) {
    this.say = job.outputs.some(({ path }) => path === '-') ? note : print;
    this.isEvents = flags.json === true && flags.quiet !== true;
  }

  event(event: JobEvent): void {
    if (event.event === 'start') this.from = event.from;
    if (this.isEvents) this.say(JSON.stringify(event));
    else if (event.event === 'warning' && this.flags.quiet !== true) {
      note(`softlane: ${visible(event.message)}`);
    }
  }

  progress({ rows, rowsDone, inputBytes, inputBytesDone }: JobProgress): void {
    const now = Date.now();
    const share = rowsDone === 0 ? 1 : (rowsDone - this.from) / rowsDone;
    const rate = `${bytesText((inputBytesDone * share) / Math.max(this.bar.seconds, 1e-3))}/s`;
    const of = inputBytes === undefined ? '' : ` of ${bytesText(inputBytes)}`;
    const text = `${bytesText(inputBytesDone)}${of} | ${rate}`;
    if (rows !== undefined) this.bar.update(rowsDone, rows, text);
    if (this.isEvents && now - this.lastEvent >= eventEvery) {
      this.lastEvent = now;
      this.say(JSON.stringify({ event: 'progress', rows: rows ?? null, rowsDone, inputBytesDone }));
    }
    const plain = this.flags.quiet !== true && !this.isEvents && process.stderr.isTTY !== true;
    if (!plain || now - this.lastLine < lineEvery) return;
    this.lastLine = now;
    note(`softlane: ${text}`);
  }

  summary(summary: JobSummary): void {
    const { json, quiet } = this.flags;
    if (json === true) this.say(jsonText({ event: 'done', ...summary }));
    else if (quiet !== true) this.say(summaryText(summary));
  }
}

export function summaryText(summary: JobSummary): string {
  const { inputs, outputs, rows, cols, seconds, bytesPerSecond, isa, threads, metrics } = summary;
  const [first] = inputs;
  const what =
    inputs.length === 1 ? visible(first!) : `${visible(first!)} and ${inputs.length - 1} more`;
  const shape = `(${countText(rows)} x ${countText(cols)})`;
  const lines = outputs.map(({ op, path }) => `${op} of ${what} ${shape} to ${visible(path)}`);
  if (lines.length === 0) lines.push(`${what} ${shape}`);
  if (metrics !== null) lines.push(metricsText(metrics));
  if (summary.rejected > 0) lines.push(`${countText(summary.rejected)} rows were rejected`);
  if (summary.verified !== null) {
    const { rows: checked, worstUlp } = summary.verified;
    lines.push(
      `${countText(checked)} rows checked against float64: ${worstUlp.toFixed(2)} ULP at most`,
    );
  }
  if (summary.resumedFrom > 0) lines.push(`gone on after ${countText(summary.resumedFrom)} rows`);
  const how = [outputs[0]?.algorithm ?? null, isa, `${threads} thread${threads === 1 ? '' : 's'}`];
  lines.push(
    `${seconds.toFixed(3)} s, ${bytesText(bytesPerSecond)}/s of logits; ${how.filter((word) => word !== null).join(', ')}`,
  );
  return lines.join('\n');
}

function metricsText(metrics: MetricsResult): string {
  const { accuracy, top5Accuracy, nll, perplexity, ece, auroc, meanConfidence, meanEntropy } =
    metrics;
  const named: [string, number | null][] = [
    ['accuracy', accuracy],
    ['top-5', top5Accuracy],
    ['NLL', nll],
    ['perplexity', perplexity],
    ['ECE', ece],
    ['AUROC', auroc],
    ['confidence', meanConfidence],
    ['entropy', meanEntropy],
  ];
  const known = named.filter(([, value]) => value !== null);
  return known.map(([name, value]) => `${name} ${Number(value!.toPrecision(4))}`).join(', ');
}

function estimateText({ rows, cols, seconds, outputs }: JobEstimate): string {
  const count = rows === null ? 'an unknown number of' : countText(rows);
  const lines = [`${count} rows of ${countText(cols)}`];
  for (const { op, path, bytes } of outputs) {
    const size = bytes === null ? '' : `, about ${bytesText(bytes)}`;
    lines.push(`${op} to ${visible(path)}${size}`);
  }
  lines.push(
    seconds === null ? 'time unknown' : `about ${seconds.toFixed(1)} s, by its first rows`,
  );
  return lines.join('\n');
}
