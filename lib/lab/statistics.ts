import { generator } from './random';

/** Medians and quartiles: a few slow rounds of a busy machine move them little, and none is thrown away. */
export interface Summary {
  readonly n: number;
  readonly min: number;
  readonly q1: number;
  readonly median: number;
  readonly q3: number;
  readonly max: number;
}

/** Where a ratio lies with the stated confidence. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * The value below which a share of the sorted sample lies, interpolated between neighbours (type 7 of Hyndman and Fan,
 * the default of NumPy and R). `sorted` ascends and is not empty.
 */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (at - below);
}

export function summarise(sample: readonly number[]): Summary {
  if (sample.length === 0) throw new RangeError('expected at least one value to summarise');
  const sorted = Float64Array.from(sample).sort();
  return {
    n: sorted.length,
    min: sorted[0],
    q1: quantile(sorted, 0.25),
    median: quantile(sorted, 0.5),
    q3: quantile(sorted, 0.75),
    max: sorted[sorted.length - 1],
  };
}

export function median(sample: ArrayLike<number>): number {
  return quantile(Float64Array.from(sample).sort(), 0.5);
}

/**
 * How many times as fast as the base a contender is: one ratio a round, then their median and quartiles. What slows a
 * whole round down, slows both sides of its ratio.
 */
export function speedup(base: readonly number[], times: readonly number[]): Summary {
  return summarise(ratios(base, times));
}

function ratios(base: readonly number[], times: readonly number[]): number[] {
  if (base.length !== times.length) {
    throw new RangeError(
      `expected ${base.length} rounds as the base has, received ${times.length}`,
    );
  }
  return base.map((time, round) => time / times[round]);
}

/** Rounds, by trial. */
export type Trials = readonly (readonly number[])[];

const RESAMPLES = 2000;

/** The median of as many trials as there are, drawn with replacement, and as many rounds of each, drawn likewise. */
function medianOfDraw(trials: Trials, next: () => number, drawn: Float64Array): number {
  let at = 0;
  for (const { length } of trials) {
    const trial = trials[Math.floor(next() * trials.length)];
    for (let i = 0; i < length; i++) drawn[at++] = trial[Math.floor(next() * trial.length)];
  }
  return quantile(drawn.sort(), 0.5);
}

const room = (trials: Trials): Float64Array =>
  new Float64Array(trials.reduce((sum, { length }) => sum + length, 0));

function intervalOf(estimates: number[], confidence: number): Interval {
  const sorted = Float64Array.from(estimates).sort();
  const tail = (1 - confidence) / 2;
  return { low: quantile(sorted, tail), high: quantile(sorted, 1 - tail) };
}

/**
 * A bootstrap interval of {@link speedup}: trials are drawn, then rounds of them, the rounds of both contenders
 * together. Between two processes more differs than between two rounds of one; with a single trial nobody can tell how
 * much, and the interval covers rounds alone. Seeded, so the same data give the same interval.
 */
export function speedupInterval(base: Trials, times: Trials, confidence = 0.95): Interval {
  const each = base.map((rounds, trial) => ratios(rounds, times[trial]));
  const [next, drawn] = [generator(1), room(each)];
  const estimates = Array.from({ length: RESAMPLES }, () => medianOfDraw(each, next, drawn));
  return intervalOf(estimates, confidence);
}

/** The same for two results that were measured apart: the ratio of the medians, each side drawn for itself. */
export function ratioInterval(base: Trials, times: Trials, confidence = 0.95): Interval {
  const next = generator(1);
  const [before, after] = [room(base), room(times)];
  const estimates = Array.from(
    { length: RESAMPLES },
    () => medianOfDraw(base, next, before) / medianOfDraw(times, next, after),
  );
  return intervalOf(estimates, confidence);
}

/** A median that moved by more than this between the first and the last third of the rounds is a drift. */
export const DRIFT = 0.05;

/**
 * How far a contender's time moved while it was measured, relatively: the last third of a trial's rounds beside the
 * first, the largest of the trials. 0 with fewer than six rounds, of which nothing can be said.
 */
export function drift(trials: Trials): number {
  let largest = 0;
  for (const rounds of trials) {
    const third = Math.floor(rounds.length / 3);
    if (third < 2) continue;
    const moved = median(rounds.slice(-third)) / median(rounds.slice(0, third)) - 1;
    if (Math.abs(moved) > Math.abs(largest)) largest = moved;
  }
  return largest;
}

/** How far the medians of the trials lie apart, relatively. */
export function disagreement(trials: Trials): number {
  const medians = trials.map((rounds) => median(rounds));
  return Math.max(...medians) / Math.min(...medians) - 1;
}
