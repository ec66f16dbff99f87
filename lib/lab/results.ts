import type { Parameters } from '../operator';
import type { Shape } from './shapes';
import {
  disagreement,
  drift,
  DRIFT,
  median,
  speedup,
  speedupInterval,
  summarise,
  type Interval,
  type Summary,
} from './statistics';
import type { Contender, Family, Note, Outcome } from './task';

/** What every other contender is compared with where it takes part. */
export const REFERENCES = ['plain-js', 'onnxruntime', 'memcpy'];

/** Trials whose medians lie further apart than this are flagged. */
const APART = 0.1;

export interface Speedup extends Summary {
  /** Of the median, at 95 %. */
  readonly interval: Interval;
}

/** One contender of a family. */
export interface Line {
  readonly name: string;
  readonly contender: Contender;
  /** Nanoseconds of a call by trial and round. */
  readonly trials: readonly (readonly number[])[];
  /** Calls in a sample, by trial. */
  readonly calls: readonly number[];
  /** Nanoseconds. */
  readonly call: Summary;
  readonly maxUlp: number | null;
  /** Cycles, instructions and last-level misses of a call; empty where they were not counted. */
  readonly counted: readonly (number | null)[];
  /** How many times as fast as another contender, by its name. */
  readonly faster: Readonly<Record<string, Speedup>>;
  /** What speaks against its figures. */
  readonly doubts: readonly string[];
}

/** One family with all of its trials. */
export interface Result {
  readonly family: string;
  readonly part: string;
  readonly op: string;
  readonly options: Parameters;
  readonly shape: Shape;
  readonly cold: boolean;
  readonly range: number | 'unit';
  readonly base: string;
  /** Rounds of a trial. */
  readonly repeats: number;
  readonly lines: readonly Line[];
  readonly absent: readonly Note[];
  readonly wrong: readonly Note[];
  /** The largest share of a CPU that other programs had during a trial. */
  readonly others: number | null;
  readonly hugePages: number | null;
  readonly cpus: string;
}

function unique(notes: readonly Note[]): Note[] {
  return [...new Map(notes.map((note) => [note.name, note])).values()];
}

function largest(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}

function middle(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : median(known);
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;

function doubtsOf(trials: readonly (readonly number[])[]): string[] {
  const moved = drift(trials);
  const apart = disagreement(trials);
  return [
    ...(Math.abs(moved) > DRIFT
      ? [`it became ${percent(Math.abs(moved))} ${moved > 0 ? 'slower' : 'faster'} meanwhile`]
      : []),
    ...(apart > APART ? [`its processes differ by ${percent(apart)}`] : []),
  ];
}

/** Puts the trials of a family together. A contender that was wrong once has no number. `outcomes` is not empty. */
export function combine(family: Family, repeats: number, outcomes: readonly Outcome[]): Result {
  const names = outcomes[0].measured
    .map(({ name }) => name)
    .filter((name) => outcomes.every(({ measured }) => measured.some((one) => one.name === name)));
  const roundsOf = (name: string): readonly (readonly number[])[] =>
    outcomes.map(({ measured }) => measured.find((one) => one.name === name)?.times ?? []);
  const references = [...new Set([family.base, ...REFERENCES])].filter((name) =>
    names.includes(name),
  );
  const lines = names.map((name): Line => {
    const found = outcomes.flatMap(({ measured }) => measured.filter((one) => one.name === name));
    const trials = roundsOf(name);
    const times = trials.flat();
    const faster = references.map((reference): [string, Speedup] => {
      const base = roundsOf(reference);
      return [
        reference,
        { ...speedup(base.flat(), times), interval: speedupInterval(base, trials) },
      ];
    });
    const counts = found.map(({ counted }) => counted ?? []);
    return {
      name,
      contender: family.contenders.find((one) => one.name === name)!,
      trials,
      calls: found.map(({ calls }) => calls),
      call: summarise(times),
      maxUlp: largest(found.map(({ maxUlp }) => maxUlp)),
      counted: counts[0].map((_, i) => middle(counts.map((each) => each[i]))),
      faster: Object.fromEntries(faster),
      doubts: doubtsOf(trials),
    };
  });
  return {
    family: family.name,
    part: family.part,
    op: family.op,
    options: family.options,
    shape: family.shape,
    cold: family.cold,
    range: family.range,
    base: family.base,
    repeats,
    lines,
    absent: unique(outcomes.flatMap(({ absent }) => absent)),
    wrong: unique(outcomes.flatMap(({ wrong }) => wrong)),
    others: largest(outcomes.map(({ others }) => others)),
    hugePages: largest(outcomes.map(({ hugePages }) => hugePages)),
    cpus: outcomes[0].cpus,
  };
}
