import { SingleBar } from 'cli-progress';

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

  /** `done` of `all`, in any unit, and what to say of it. */
  update(done: number, all: number, text: string): void {
    if (!this.enabled) return;
    if (Date.now() - this.start < patience) return;
    if (this.bar === undefined) {
      this.bar = new SingleBar({
        stream: process.stderr,
        format: '[{bar}] {percentage}% | {text} | {eta_formatted} left',
        barsize: 24,
        clearOnComplete: true,
        // Turning wrapping off and on again would leave the terminal changed if the process is killed.
        linewrap: true,
        gracefulExit: false,
      });
      this.bar.start(all, done, { text });
    } else {
      this.bar.update(done, { text });
    }
  }

  /** Seconds since it was made. */
  get seconds(): number {
    return (Date.now() - this.start) / 1000;
  }

  /** Takes the bar away; the next update draws it again. */
  stop(): void {
    this.bar?.stop();
    this.bar = undefined;
  }
}
