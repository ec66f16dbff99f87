import { Counters } from './counters';
import { generator, shuffle } from './random';
import { median, summarise } from './statistics';

/**
 * Something that can be timed. `batch` does the work so many times; only a contender that has no synchronous form
 * returns a promise, and pays for it, as its users do.
 */
export interface Timed {
  batch(count: number): void | Promise<void>;
}

export interface Settings {
  /** Rounds. */
  readonly repeats: number;
  /** Nanoseconds of a sample. */
  readonly least: number;
  /** Nanoseconds of work before the first one. */
  readonly warmUp: number;
  /** Of the order in each round. */
  readonly seed: number;
  /** For cold outputs: brings the input into the caches before each call. */
  readonly touch?: (() => void) | undefined;
}

export interface Measurement {
  /** Nanoseconds that were subtracted from each sample. */
  readonly timer: number;
  /** Calls of a sample, and nanoseconds of a call by round, for each contender. */
  readonly counts: readonly number[];
  readonly times: readonly (readonly number[])[];
  /** Hardware counts of a call, for each contender; empty where there are none. */
  readonly counted: readonly (readonly (number | null)[])[];
}

/** Calls longer than this are not repeated to settle caches before a sample. */
const LONG = 5e6;

/** What takes no time at all, such as a plug-in that does nothing, must come to an end too. */
const MOST_CALLS = 2 ** 30;

const now = (): bigint => process.hrtime.bigint();

/** What two readings of the clock cost, in nanoseconds. */
export function timerCost(): number {
  const costs: number[] = [];
  for (let i = 0; i < 2001; i++) {
    const start = now();
    costs.push(Number(now() - start));
  }
  return summarise(costs.slice(1000)).median;
}

/** Nanoseconds of one call: of `count` in a row, or each alone with the input touched before it. */
export async function sample(
  timed: Timed,
  count: number,
  timer: number,
  touch?: () => void,
): Promise<number> {
  if (touch === undefined) {
    const start = now();
    const pending = timed.batch(count);
    if (pending !== undefined) await pending;
    return Math.max(0, Number(now() - start) - timer) / count;
  }
  let total = 0;
  for (let i = 0; i < count; i++) {
    touch();
    const start = now();
    const pending = timed.batch(1);
    if (pending !== undefined) await pending;
    total += Math.max(0, Number(now() - start) - timer);
  }
  return total / count;
}

/** Warms up and finds how many calls make a sample of at least `least` nanoseconds. */
async function calibrate(timed: Timed, timer: number, settings: Settings): Promise<number> {
  const { least, warmUp, touch } = settings;
  let count = 1;
  let spent = 0;
  for (;;) {
    const each = await sample(timed, count, timer, touch);
    spent += each * count;
    // A sample is never longer by much than it must be: the last one measured tells the rate.
    if (each * count >= least && spent >= warmUp) {
      return Math.max(1, Math.ceil(least / each));
    }
    if (count >= MOST_CALLS) return count;
    if (each * count < least) count *= 2;
  }
}

/**
 * Measures contenders alternately: every round has each of them once, in a fresh random order, so that neither a
 * change of the machine's speed nor what the one before left in the caches favours any.
 */
export async function measure(
  contenders: readonly Timed[],
  settings: Settings,
  counters: Counters = Counters.none,
): Promise<Measurement> {
  const timer = timerCost();
  const counts: number[] = [];
  for (const timed of contenders) counts.push(await calibrate(timed, timer, settings));
  const random = generator(settings.seed);
  const order = contenders.map((_, i) => i);
  const times: number[][] = contenders.map(() => []);
  const counted: number[][][] = contenders.map(() => counters.names.map(() => []));
  for (let round = 0; round < settings.repeats; round++) {
    globalThis.gc?.();
    for (const i of shuffle(order, random)) {
      const last = times[i][round - 1] ?? Infinity;
      if (settings.touch === undefined && last < LONG) await contenders[i].batch(1);
      counters.start();
      times[i].push(await sample(contenders[i], counts[i], timer, settings.touch));
      counters.stop().forEach((count, name) => counted[i][name].push(count / counts[i]));
    }
  }
  const known = (values: number[]): number | null => {
    const middle = median(values);
    return Number.isNaN(middle) ? null : middle;
  };
  return {
    timer,
    counts,
    times,
    counted: counters.names.length === 0 ? [] : counted.map((each) => each.map(known)),
  };
}
