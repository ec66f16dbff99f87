// @ts-check
'use strict';

/**
 * Results in the JSON schema of google/benchmark (version 1), which its compare.py and others read. A round is a
 * repetition, the rounds of all trials are numbered through, and an aggregate's `iterations` is their number.
 */

const { shapeName } = require('./shapes.cjs');

/** @typedef {import('./results.cjs').Result} Result */

/**
 * @typedef {object} Context
 * @property {Date} date
 * @property {string} host
 * @property {string} executable
 * @property {number} cpus
 * @property {number} mhz
 * @property {{ l1d: number, l2: number, l3: number }} caches bytes, 0 where unknown
 * @property {number[]} loadBefore
 * @property {number[]} loadAfter
 * @property {Record<string, string>} facts
 * @property {Record<string, string | number>} settings
 */

/** @param {Context} context */
function contextOf({ date, host, executable, cpus, mhz, caches, facts, settings, ...load }) {
  const levels = /** @type {const} */ ([
    ['Data', 1, caches.l1d],
    ['Unified', 2, caches.l2],
    ['Unified', 3, caches.l3],
  ]);
  return {
    date: date.toISOString(),
    host_name: host,
    executable,
    num_cpus: cpus,
    mhz_per_cpu: mhz,
    caches: levels
      .filter(([, , size]) => size > 0)
      .map(([type, level, size]) => ({ type, level, size })),
    load_avg: load.loadBefore,
    load_avg_after: load.loadAfter,
    library_build_type: 'release',
    json_schema_version: 1,
    ...Object.fromEntries(
      Object.entries(facts).map(([name, value]) => [`softlane_${name}`, value]),
    ),
    ...settings,
  };
}

/** @param {Result} result @param {number} family */
function entriesOf({ op, shape, cold, lines }, family) {
  const elements = shape.rows * shape.cols;
  return lines.flatMap((line, index) => {
    const name = `${op}/${shapeName(shape)}/${line.name}`;
    const rounds = line.times.length / line.calls.length;
    const common = {
      family_index: family,
      per_family_instance_index: index,
      run_name: name,
      repetitions: line.times.length,
      threads: 1,
      time_unit: 'ns',
      label: cold ? 'cold outputs' : 'warm outputs',
    };
    /** @param {number} time */
    const timed = (time) => ({
      real_time: time,
      cpu_time: time,
      items_per_second: elements / (time / 1e9),
      ns_per_element: time / elements,
    });
    const iterations = line.times.map((time, round) => ({
      ...common,
      name,
      run_type: 'iteration',
      repetition_index: round,
      iterations: line.calls[Math.floor(round / rounds)],
      ...timed(time),
      trial: Math.floor(round / rounds),
      ...(line.maxUlp === null ? {} : { max_ulp: line.maxUlp }),
    }));
    const ratios = Object.entries(line.faster).flatMap(([reference, { q1, median, q3 }]) => [
      [`times_as_fast_as_${reference}`, median],
      [`times_as_fast_as_${reference}_q1`, q1],
      [`times_as_fast_as_${reference}_q3`, q3],
    ]);
    const aggregates = /** @type {const} */ (['median', 'q1', 'q3']).map((aggregate) => ({
      ...common,
      name: `${name}_${aggregate}`,
      run_type: 'aggregate',
      aggregate_name: aggregate,
      aggregate_unit: 'time',
      iterations: line.times.length,
      ...timed(line.call[aggregate]),
      ...(aggregate === 'median' ? Object.fromEntries(ratios) : {}),
    }));
    return [...iterations, ...aggregates];
  });
}

/** Contenders without a number, as entries that say why. @param {Result} result @param {number} family */
function missingOf({ op, shape, absent, wrong }, family) {
  const entry = (/** @type {string} */ name) => ({
    name: `${op}/${shapeName(shape)}/${name}`,
    run_name: `${op}/${shapeName(shape)}/${name}`,
    family_index: family,
    run_type: 'iteration',
    repetitions: 0,
    repetition_index: 0,
    threads: 1,
    iterations: 0,
    real_time: 0,
    cpu_time: 0,
    time_unit: 'ns',
  });
  return [
    ...absent.map(({ name, why }) => ({ ...entry(name), skipped: true, skip_message: why })),
    ...wrong.map(({ name, why }) => ({ ...entry(name), error_occurred: true, error_message: why })),
  ];
}

/** @param {Context} context @param {readonly Result[]} results */
function report(context, results) {
  return {
    context: contextOf(context),
    benchmarks: results.flatMap((result, family) => [
      ...entriesOf(result, family),
      ...missingOf(result, family),
    ]),
  };
}

module.exports = { report };
