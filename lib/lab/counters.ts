import { getSystemErrorName } from 'node:util';
import { native } from '../configure';

/** The hardware's own counts of this process, in user mode. What is touched before a cold call is counted with it. */
export const COUNTER_NAMES = ['cycles', 'instructions', 'llc_misses'] as const;

export class Counters {
  static readonly none = new Counters([], '');

  readonly #before: Float64Array;
  readonly #after: Float64Array;

  private constructor(
    readonly names: readonly string[],
    /** Why there are none; empty where there are. */
    readonly refusal: string,
  ) {
    this.#before = new Float64Array(names.length);
    this.#after = new Float64Array(names.length);
  }

  /** Those of the machine, or none with the reason. */
  static open(): Counters {
    const error = native()._counters(new Float64Array(COUNTER_NAMES.length));
    return error === 0 ? new Counters(COUNTER_NAMES, '') : new Counters([], refusalOf(error));
  }

  start(): void {
    if (this.names.length > 0) native()._counters(this.#before);
  }

  /** Counts since the start; NaN for one that is not there. */
  stop(): Float64Array {
    if (this.names.length === 0) return this.#after;
    native()._counters(this.#after);
    return this.#after.map((count, i) => count - this.#before[i]);
  }
}

function refusalOf(error: number): string {
  let name: string;
  try {
    name = getSystemErrorName(-error);
  } catch {
    name = String(error);
  }
  const reasons: Record<string, string> = {
    EACCES: 'the system forbids it (kernel.perf_event_paranoid)',
    EPERM: 'the system forbids it (kernel.perf_event_paranoid, or a container)',
    ENOENT: 'this machine shows none, as most virtual ones',
    ENOSYS: 'this system has no perf_event_open',
    EOPNOTSUPP: 'this machine shows none, as most virtual ones',
  };
  return `not counted: ${reasons[name] ?? name}`;
}
