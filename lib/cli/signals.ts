import { removeUnfinished } from '../score/atomic-file';

const codes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
type Name = keyof typeof codes;

/** Turns the first signal into an abort, so that a job can clean up, and leaves at once on the second. */
export class Signals {
  private readonly controller = new AbortController();
  private first: Name | undefined;
  private isGentle = false;
  private then: (() => void) | undefined;
  private readonly listener = (name: Name): void => {
    if (this.first !== undefined) {
      removeUnfinished();
      process.exit(codes[name]);
    }
    this.first = name;
    this.then?.();
    if (this.isGentle) return;
    this.controller.abort(new Error(`stopped by ${name}`));
  };

  constructor() {
    for (const name of Object.keys(codes) as Name[]) process.on(name, this.listener);
  }

  /** From now on the first signal aborts nothing: the job asks whether it came, or is told by `then`. */
  gently(then?: () => void): () => boolean {
    this.isGentle = true;
    this.then = then;
    return () => this.first !== undefined;
  }

  /** The signal that came, if one did. */
  get name(): string | undefined {
    return this.first;
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** The exit code of the signal that came, if one did. */
  get exitCode(): number | undefined {
    return this.first === undefined ? undefined : codes[this.first];
  }

  dispose(): void {
    for (const name of Object.keys(codes) as Name[]) process.off(name, this.listener);
  }
}
