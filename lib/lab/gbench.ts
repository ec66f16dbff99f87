/**
 * Results in the JSON schema of google/benchmark (version 1), which its compare.py and others read. A round is a
 * repetition, the rounds of all trials are numbered through, and an aggregate's `iterations` is their number. What the
 * schema has no field for (operator, shape, algorithm ...) is in fields of our own, which other readers pass over.
 */
import { COUNTER_NAMES } from './counters';
import type { Result } from './results';
import type { Contender } from './task';

export interface Context {
  readonly suite: string;
  readonly date: Date;
  readonly host: string;
  readonly executable: string;
  readonly cpus: number;
  readonly mhz: number;
  /** Bytes, 0 where unknown. */
  readonly caches: { readonly l1d: number; readonly l2: number; readonly l3: number };
  readonly loadBefore: readonly number[];
  readonly loadAfter: readonly number[];
  readonly facts: Readonly<Record<string, string>>;
  readonly settings: Readonly<Record<string, string | number>>;
  /** What the reader should be told. */
  readonly remarks: readonly string[];
}

type Fields = Record<string, unknown>;

function contextOf(context: Context): Fields {
  const { caches, facts, settings } = context;
  const levels = [
    ['Data', 1, caches.l1d],
    ['Unified', 2, caches.l2],
    ['Unified', 3, caches.l3],
  ] as const;
  return {
    date: context.date.toISOString(),
    host_name: context.host,
    executable: context.executable,
    num_cpus: context.cpus,
    mhz_per_cpu: context.mhz,
    caches: levels
      .filter(([, , size]) => size > 0)
      .map(([type, level, size]) => ({ type, level, size })),
    load_avg: context.loadBefore,
    load_avg_after: context.loadAfter,
    library_build_type: 'release',
    json_schema_version: 1,
    softlane_suite: context.suite,
    ...Object.fromEntries(
      Object.entries(facts).map(([name, value]) => [`softlane_${name}`, value]),
    ),
    ...settings,
    ...(context.remarks.length > 0 ? { remarks: context.remarks } : {}),
  };
}

function contenderFields(contender: Contender): Fields {
  const { kind, op, algorithm, isa, call, pages, work, reads, writes } = contender;
  const { stores, prefetch, streams, ahead, form, k } = contender;
  const fields: Fields = {
    kind,
    contender_op: op,
    algorithm,
    isa,
    call,
    pages,
    work,
    reads,
    writes,
    stores,
    prefetch,
    streams,
    ahead,
    form,
    k,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** What is the same for all contenders of a family. */
function familyFields(result: Result): Fields {
  const { family, part, op, options, shape, cold, range, base, hugePages, cpus, others } = result;
  return {
    label: cold ? 'cold outputs' : 'warm outputs',
    family,
    part,
    op,
    ...shape,
    ...(Object.keys(options).length > 0 ? { options } : {}),
    range,
    base,
    cpus_allowed: cpus,
    ...(hugePages === null ? {} : { huge_page_bytes: hugePages }),
    ...(others === null ? {} : { others_share: others }),
  };
}

function entriesOf(result: Result, family: number): Fields[] {
  const { shape, lines } = result;
  const elements = shape.rows * shape.cols;
  return lines.flatMap((line, index) => {
    const name = `${result.family}/${line.name}`;
    const common = {
      family_index: family,
      per_family_instance_index: index,
      run_name: name,
      repetitions: line.call.n,
      threads: line.contender.threads,
      time_unit: 'ns',
    };
    // Once for each contender, in its first round: a hundred times they would be most of the file.
    const own = {
      ...familyFields(result),
      contender: line.name,
      ...contenderFields(line.contender),
      ...(line.maxUlp === null ? {} : { max_ulp: line.maxUlp }),
    };
    const { reads, writes } = line.contender;
    const moved = reads === undefined ? undefined : 4 * elements * (reads + (writes ?? 0));
    const timed = (time: number): Fields => ({
      real_time: time,
      cpu_time: time,
      items_per_second: elements / (time / 1e9),
      ...(moved === undefined ? {} : { bytes_per_second: moved / (time / 1e9) }),
      ns_per_element: time / elements,
    });
    const iterations = line.trials.flatMap((rounds, trial) =>
      rounds.map((time, round) => ({
        ...common,
        name,
        run_type: 'iteration',
        repetition_index: trial * rounds.length + round,
        iterations: line.calls[trial],
        ...timed(time),
        trial,
        ...(trial === 0 && round === 0 ? own : {}),
      })),
    );
    const ratios = Object.entries(line.faster).flatMap(([reference, ratio]) => [
      [`times_as_fast_as_${reference}`, ratio.median],
      [`times_as_fast_as_${reference}_q1`, ratio.q1],
      [`times_as_fast_as_${reference}_q3`, ratio.q3],
      [`times_as_fast_as_${reference}_low`, ratio.interval.low],
      [`times_as_fast_as_${reference}_high`, ratio.interval.high],
    ]);
    const counted = line.counted.flatMap((count, i) =>
      count === null ? [] : [[COUNTER_NAMES[i], count]],
    );
    const aggregates = (['median', 'q1', 'q3'] as const).map((aggregate) => ({
      ...common,
      name: `${name}_${aggregate}`,
      run_type: 'aggregate',
      aggregate_name: aggregate,
      aggregate_unit: 'time',
      iterations: line.call.n,
      ...timed(line.call[aggregate]),
      ...(aggregate === 'median' ? Object.fromEntries([...ratios, ...counted]) : {}),
      ...(aggregate === 'median' && line.doubts.length > 0 ? { doubts: line.doubts } : {}),
    }));
    return [...iterations, ...aggregates];
  });
}

/** Contenders without a number, as entries that say why. */
function missingOf(result: Result, family: number): Fields[] {
  const entry = (name: string): Fields => ({
    name: `${result.family}/${name}`,
    run_name: `${result.family}/${name}`,
    family_index: family,
    run_type: 'iteration',
    repetitions: 0,
    repetition_index: 0,
    threads: 1,
    iterations: 0,
    real_time: 0,
    cpu_time: 0,
    time_unit: 'ns',
    ...familyFields(result),
    contender: name,
  });
  return [
    ...result.absent.map(({ name, why }) => ({ ...entry(name), skipped: true, skip_message: why })),
    ...result.wrong.map(({ name, why }) => ({
      ...entry(name),
      error_occurred: true,
      error_message: why,
    })),
  ];
}

export interface Report {
  readonly context: Fields;
  readonly benchmarks: readonly Fields[];
}

export function report(context: Context, results: readonly Result[]): Report {
  return {
    context: contextOf(context),
    benchmarks: results.flatMap((result, family) => [
      ...entriesOf(result, family),
      ...missingOf(result, family),
    ]),
  };
}

/** A benchmark a line. */
export function reportText({ context, benchmarks }: Report): string {
  const lines = benchmarks.map((entry) => `  ${JSON.stringify(entry)}`).join(',\n');
  return `{\n"context": ${JSON.stringify(context, undefined, 1)},\n"benchmarks": [\n${lines}\n]\n}\n`;
}
