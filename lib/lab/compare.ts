/** What became faster or slower between two results. */
import { LabError } from './failure';
import type { Saved } from './saved';
import { ratioInterval, type Interval } from './statistics';
import { align, digits, duration } from './table';

export type Verdict = 'faster' | 'slower' | 'no difference shown' | 'too few rounds';

/** Fewer rounds than this on either side say nothing. */
const FEWEST = 5;

export interface ComparedRow {
  readonly name: string;
  /** Nanoseconds of a call. */
  readonly before: number;
  readonly after: number;
  /** How many times as fast it is now. */
  readonly ratio: number;
  readonly interval: Interval;
  readonly verdict: Verdict;
}

export interface Comparison {
  readonly before: string;
  readonly after: string;
  readonly confidence: number;
  readonly threshold: number;
  readonly rows: readonly ComparedRow[];
  /** In one of the two alone. */
  readonly gone: readonly string[];
  readonly added: readonly string[];
  /** Why the two should perhaps not be compared. */
  readonly warnings: readonly string[];
}

export interface CompareOptions {
  readonly confidence: number;
  /** A relative difference that counts as none. */
  readonly threshold: number;
}

function verdictOf({ low, high }: Interval, threshold: number): Verdict {
  if (low > 1 + threshold) return 'faster';
  return high < 1 / (1 + threshold) ? 'slower' : 'no difference shown';
}

/** Facts that make two results two machines. */
const SAME = ['cpu', 'caches', 'cpus', 'governor', 'kernel', 'hugePages'];

function warningsOf(before: Saved, after: Saved): string[] {
  const differing = SAME.filter((fact) => before.facts[fact] !== after.facts[fact]).map(
    (fact) => `${fact} is ${before.facts[fact] ?? 'unknown'} and ${after.facts[fact] ?? 'unknown'}`,
  );
  const busy = [before, after]
    .filter(({ others }) => others !== null && others > 0.05)
    .map(
      ({ path, others }) =>
        `${path} was measured while others took ${Math.round(others! * 100)} % of a CPU`,
    );
  return [...differing, ...busy];
}

export function compareSaved(before: Saved, after: Saved, options: CompareOptions): Comparison {
  const { confidence, threshold } = options;
  const old = new Map(before.rows.map((row) => [row.name, row]));
  const fresh = new Set(after.rows.map(({ name }) => name));
  const rows = after.rows.flatMap((row): ComparedRow[] => {
    const base = old.get(row.name);
    if (base === undefined) return [];
    const interval = ratioInterval(base.trials, row.trials, confidence);
    const enough = base.trials.flat().length >= FEWEST && row.trials.flat().length >= FEWEST;
    return [
      {
        name: row.name,
        before: base.median,
        after: row.median,
        ratio: base.median / row.median,
        interval,
        verdict: enough ? verdictOf(interval, threshold) : 'too few rounds',
      },
    ];
  });
  if (rows.length === 0) {
    throw new LabError(
      `${after.path}: has no row in common with ${before.path}`,
      'ERR_SOFTLANE_INPUT_RESULT',
    );
  }
  return {
    before: before.path,
    after: after.path,
    confidence,
    threshold,
    rows,
    gone: before.rows.map(({ name }) => name).filter((name) => !fresh.has(name)),
    added: after.rows.map(({ name }) => name).filter((name) => !old.has(name)),
    warnings: warningsOf(before, after),
  };
}

export function comparisonText(comparison: Comparison, all: boolean): string {
  const { rows, confidence, threshold, gone, added, warnings } = comparison;
  const percent = `${digits(100 * confidence)} %`;
  const shown = rows.filter(({ verdict }) => all || verdict === 'faster' || verdict === 'slower');
  const head = ['row', 'before', 'after', 'x as fast', `${percent} interval`, 'verdict'];
  const lines = shown.map(({ name, before, after, ratio, interval, verdict }) => [
    name,
    duration(before),
    duration(after),
    ratio.toFixed(3),
    `${interval.low.toFixed(3)} .. ${interval.high.toFixed(3)}`,
    verdict,
  ]);
  const count = (verdict: Verdict): number => rows.filter((row) => row.verdict === verdict).length;
  const few = count('too few rounds');
  return [
    ...warnings.map((warning) => `not alike: ${warning}`),
    ...(lines.length > 0 ? [align([head, ...lines])] : []),
    ...gone.map((name) => `only before: ${name}`),
    ...added.map((name) => `only after: ${name}`),
    `${count('faster')} faster, ${count('slower')} slower, ${count('no difference shown')} without a difference beyond ${digits(100 * threshold)} % shown` +
      (few > 0 ? `, ${few} with fewer than ${FEWEST} rounds` : ''),
  ].join('\n');
}
