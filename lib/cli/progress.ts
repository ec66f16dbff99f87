import { SingleBar } from 'cli-progress';
import type { ScoreProgress } from '../score/job';
import { bytesText } from './output';

/** A job that is done before this many milliseconds shows no bar. */
const patience = 300;

/** A bar on standard error, if that is a terminal; it disappears at the end. */
export class Progress {
  private readonly start = Date.now();
  private bar: SingleBar | undefined;

  constructor(private readonly enabled: boolean) {}

  /** Whether a bar suits this process: not in a pipe, a log or an editor's dumb terminal. */
  static wanted(quiet: boolean): boolean {
    return !quiet && process.stderr.isTTY && process.env['TERM'] !== 'dumb';
  }

  update({ rows, rowsDone, inputBytes, inputBytesDone }: ScoreProgress): void {
    if (!this.enabled) return;
    const elapsed = Date.now() - this.start;
    if (elapsed < patience) return;
    const rate = `${bytesText(inputBytesDone / (elapsed / 1000))}/s`;
    const payload = { done: `${bytesText(inputBytesDone)} of ${bytesText(inputBytes)}`, rate };
    if (this.bar === undefined) {
      this.bar = new SingleBar({
        stream: process.stderr,
        format: '[{bar}] {percentage}% | {done} | {rate} | {eta_formatted} left',
        barsize: 24,
        clearOnComplete: true,
        // Turning wrapping off and on again would leave the terminal changed if the process is killed.
        linewrap: true,
        gracefulExit: false,
      });
      this.bar.start(rows, rowsDone, payload);
    } else {
      this.bar.update(rowsDone, payload);
    }
  }

  stop(): void {
    this.bar?.stop();
    this.bar = undefined;
  }
}
