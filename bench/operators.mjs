// @ts-check

/**
 * Operators that the suite `ops` has no rivals for, beside plain JavaScript and beside onnxruntime's own nodes, in turns: ns an
 * element, medians of the rounds, and how many times as long each rival takes, median (quartiles) of the rounds.
 * docs/benchmarks.md has what it printed.
 *
 * node bench/operators.mjs [--of norms,pools,masks,drafts,top-k,distances] [--rounds 15] [--shapes 1x128256] [--k 5,50]
 */
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import * as cases from './operators/index.mjs';

const load = createRequire(import.meta.url);
const softlane = load('../dist/index.js');

const { values } = parseArgs({
  options: {
    of: { type: 'string', default: Object.keys(cases.all).join() },
    rounds: { type: 'string', default: '15' },
    shapes: { type: 'string' },
    k: { type: 'string', default: '5,50' },
  },
});
const SAMPLE_NS = 1e6;
const rounds = Number(values.rounds);

/** Calls that take a sample's time together; found while everything becomes warm. */
async function repeats(/** @type {() => unknown} */ run) {
  for (let count = 1; ; count *= 2) {
    const ns = await timed(run, count);
    if (ns >= SAMPLE_NS || count >= 2 ** 16)
      return Math.max(1, Math.round((count * SAMPLE_NS) / ns));
  }
}

/** Only what gives a promise is awaited: a turn of the event loop is no part of a synchronous call. */
async function timed(/** @type {() => unknown} */ run, /** @type {number} */ count) {
  const start = process.hrtime.bigint();
  for (let i = 0; i < count; i++) {
    const result = run();
    if (result instanceof Promise) await result;
  }
  return Number(process.hrtime.bigint() - start);
}

/** The p-th part of numbers in order. */
function quantile(/** @type {number[]} */ numbers, /** @type {number} */ p) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.round(p * (sorted.length - 1))];
}

const options = {
  shapes: values.shapes?.split(',').map((shape) => shape.split('x').map(Number)),
  k: values.k.split(',').map(Number),
};
console.log(`one thread, ${softlane.capabilities().isa}, ${rounds} rounds`);
for (const name of values.of.split(',')) {
  const make = cases.all[/** @type {keyof typeof cases.all} */ (name)];
  if (make === undefined)
    throw new Error(`expected one of ${Object.keys(cases.all).join(', ')}, received ${name}`);
  for await (const { title, elements, ways } of make(softlane, options)) {
    const counts = [];
    for (const [, run] of ways) counts.push(await repeats(run));
    /** @type {number[][]} */
    const times = ways.map(() => []);
    for (let round = -1; round < rounds; round++) {
      for (const [i, [, run]] of ways.entries()) {
        const ns = (await timed(run, counts[i])) / counts[i] / elements;
        if (round >= 0) times[i].push(ns);
      }
    }
    console.log(title);
    ways.forEach(([way], i) => {
      const ratios = times[i].map((ns, round) => ns / times[0][round]);
      const [low, middle, high] = [0.25, 0.5, 0.75].map((p) => quantile(ratios, p).toPrecision(3));
      const median = quantile(times[i], 0.5).toPrecision(3);
      console.log(`  ${way.padEnd(34)} ${median.padStart(8)}  x ${middle} (${low} .. ${high})`);
    });
  }
}
