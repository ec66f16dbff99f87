/** Results as they are read back: our own, or any of google/benchmark's with times. Nothing in a file is trusted. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { inputError } from '../score/errors';
import { LabError } from './failure';
import { median } from './statistics';

/** One contender of one family, or one benchmark of another program. */
export interface SavedRow {
  readonly name: string;
  readonly family: string;
  /** Which figure it belongs to; '' in results of others. */
  readonly part: string;
  readonly contender: string;
  readonly base: string;
  readonly op: string;
  readonly rows: number;
  readonly cols: number;
  readonly cold: boolean;
  readonly threads: number;
  readonly kind: string;
  readonly algorithm: string;
  readonly isa: string;
  readonly work: string;
  readonly pages: string;
  /** Of softmax followed by a selection; k is NaN elsewhere. */
  readonly form: string;
  readonly k: number;
  /** 'published', 'shipped' ... : the last word of a contender's name, without the threads. */
  readonly variant: string;
  /** Elements moved for each element, by the algorithm's own count; NaN where nobody says. */
  readonly moved: number;
  /** Nanoseconds of a call, by trial and round. */
  readonly trials: readonly (readonly number[])[];
  /** Of all rounds. */
  readonly median: number;
  readonly maxUlp: number | null;
  /** Hardware counts of a call by name. */
  readonly counted: Readonly<Record<string, number>>;
  readonly doubts: readonly string[];
}

export interface Missing {
  readonly name: string;
  readonly why: string;
  readonly wrong: boolean;
}

export interface Saved {
  readonly path: string;
  readonly suite: string;
  readonly date: string;
  readonly host: string;
  /** Bytes by level. */
  readonly caches: readonly { readonly level: number; readonly size: number }[];
  readonly facts: Readonly<Record<string, string>>;
  readonly settings: Readonly<Record<string, string>>;
  readonly remarks: readonly string[];
  readonly rows: readonly SavedRow[];
  readonly missing: readonly Missing[];
  /** The largest share of a CPU that others had; null where unknown. */
  readonly others: number | null;
}

type Fields = Readonly<Record<string, unknown>>;

const NANOSECONDS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 };

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const numberOf = (value: unknown, otherwise = NaN): number =>
  typeof value === 'number' && Number.isFinite(value) ? value : otherwise;
const textsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];

function refuse(path: string, reason: string): never {
  throw new LabError(`${path}: ${reason}`, 'ERR_SOFTLANE_INPUT_RESULT');
}

/** A file as the lab writes it; packed with gzip where its name ends so. */
export function readSaved(path: string): Saved {
  let text: string;
  try {
    const bytes = readFileSync(path);
    text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
  } catch (error) {
    throw inputError(path, error);
  }
  return parseSaved(path, text);
}

export function parseSaved(path: string, text: string): Saved {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    refuse(path, 'expected JSON, found something else');
  }
  const entries = isObject(document) ? document['benchmarks'] : undefined;
  if (!isObject(document) || !Array.isArray(entries)) {
    refuse(path, 'expected a result of softlane lab or google/benchmark, found other JSON');
  }
  const context: Fields = isObject(document['context']) ? document['context'] : {};
  const version = context['json_schema_version'];
  if (version !== undefined && version !== 1) {
    refuse(path, `expected json_schema_version 1, found ${JSON.stringify(version)}`);
  }
  const benchmarks = entries.map((entry, i): Fields => {
    if (isObject(entry) && typeof entry['name'] === 'string') return entry;
    return refuse(path, `expected benchmark ${i + 1} to be an object with a name`);
  });
  const { rows, missing } = read(path, benchmarks);
  if (rows.length === 0 && missing.length === 0) refuse(path, 'it holds no benchmark');
  const others = benchmarks.map((entry) => numberOf(entry['others_share'])).filter((x) => x >= 0);
  return {
    path,
    suite: textOf(context['softlane_suite']),
    date: textOf(context['date']),
    host: textOf(context['host_name']),
    caches: cachesOf(context),
    ...factsOf(context),
    remarks: textsOf(context['remarks']),
    rows,
    missing,
    others: others.length === 0 ? null : others.reduce((a, b) => Math.max(a, b)),
  };
}

function cachesOf({ caches }: Fields): { level: number; size: number }[] {
  if (!Array.isArray(caches)) return [];
  return caches
    .filter(isObject)
    .map(({ level, size }) => ({ level: numberOf(level), size: numberOf(size) }))
    .filter(({ level, size }) => level >= 1 && size > 0);
}

const SETTINGS = ['trials', 'rounds_per_trial', 'seed', 'pinned', 'quick'];

function factsOf(context: Fields): Pick<Saved, 'facts' | 'settings'> {
  const facts = Object.entries(context)
    .filter(([name, value]) => name.startsWith('softlane_') && typeof value === 'string')
    .map(([name, value]) => [name.slice('softlane_'.length), String(value)])
    .filter(([name]) => name !== 'suite');
  const settings = SETTINGS.filter((name) => context[name] !== undefined);
  return {
    facts: Object.fromEntries(facts) as Record<string, string>,
    settings: Object.fromEntries(settings.map((name) => [name, String(context[name])])),
  };
}

function read(
  path: string,
  benchmarks: readonly Fields[],
): { rows: SavedRow[]; missing: Missing[] } {
  const rounds = new Map<string, { first: Fields; trials: number[][] }>();
  const medians = new Map<string, Fields>();
  const missing: Missing[] = [];
  for (const entry of benchmarks) {
    const name = textOf(entry['name']);
    const run = textOf(entry['run_name']) || name;
    if (entry['skipped'] === true || entry['error_occurred'] === true) {
      const wrong = entry['error_occurred'] === true;
      const why = textOf(entry[wrong ? 'error_message' : 'skip_message']);
      missing.push({ name, why, wrong });
    } else if (entry['run_type'] === 'aggregate') {
      if (entry['aggregate_name'] === 'median') medians.set(run, entry);
    } else {
      const unit = NANOSECONDS[textOf(entry['time_unit']) || 'ns'];
      const time = numberOf(entry['real_time']) * unit;
      if (!(time > 0)) {
        refuse(path, `expected a positive real_time and a time_unit of ${JSON.stringify(name)}`);
      }
      const known = rounds.get(run) ?? { first: entry, trials: [] };
      const trial = Math.min(numberOf(entry['trial'], 0), 1e6);
      while (known.trials.length <= trial && known.trials.length < 1e4) known.trials.push([]);
      known.trials[Math.min(trial, known.trials.length - 1)].push(time);
      rounds.set(run, known);
    }
  }
  const rows = [...rounds].map(([name, { first, trials }]) =>
    rowOf(
      name,
      first,
      trials.filter((times) => times.length > 0),
      medians.get(name) ?? {},
    ),
  );
  return { rows, missing };
}

function rowOf(name: string, first: Fields, trials: number[][], middle: Fields): SavedRow {
  const contender = textOf(first['contender']) || name;
  const counted = ['cycles', 'instructions', 'llc_misses']
    .map((count) => [count, numberOf(middle[count])] as const)
    .filter(([, count]) => count >= 0);
  return {
    name,
    family: textOf(first['family']),
    part: textOf(first['part']),
    contender,
    base: textOf(first['base']),
    op: textOf(first['contender_op']) || textOf(first['op']),
    rows: numberOf(first['rows'], 1),
    cols: numberOf(first['cols']),
    cold: first['label'] === 'cold outputs',
    threads: numberOf(first['threads'], 1),
    kind: textOf(first['kind']),
    algorithm: textOf(first['algorithm']),
    isa: textOf(first['isa']),
    work: textOf(first['work']),
    pages: textOf(first['pages']),
    form: textOf(first['form']),
    k: numberOf(first['k']),
    variant: contender.replace(/\/\d+t$/, '').replace(/^.*\//, ''),
    moved: numberOf(first['reads']) + numberOf(first['writes'], 0),
    trials,
    median: median(trials.flat()),
    maxUlp: typeof first['max_ulp'] === 'number' ? first['max_ulp'] : null,
    counted: Object.fromEntries(counted),
    doubts: textsOf(middle['doubts']),
  };
}

/** Nanoseconds of an element; NaN where the result does not say how many there are. */
export const perElement = (row: SavedRow): number => row.median / (row.rows * row.cols);

/** GB/s by the row's own count of what it moves. */
export const rateOf = (row: SavedRow): number => (4 * row.moved) / perElement(row);
