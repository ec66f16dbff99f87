// @ts-check

/**
 * npm run bench: how fast an operator is beside plain JavaScript, onnxruntime-node and memory itself.
 *
 * Each shape is measured in fresh processes (trial.mjs), in each of which all contenders take turns; see
 * docs/benchmarks.md for the method. Exit code 0; 1 when a result was wrong or a process failed; 2 for wrong arguments.
 */

import { fork } from 'node:child_process';
import { accessSync, constants, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { baseOf, expand, operatorOf } from './expand.cjs';
import { report } from './gbench.cjs';
import machine from './machine.cjs';
import { HELP, UsageError, parse } from './options.cjs';
import { needed } from './outputs.cjs';
import { combine } from './results.cjs';
import { coldByDefault, shapeName } from './shapes.cjs';
import { busy, duration, listing, table } from './table.cjs';

/** @typedef {import('./trial.mjs').Task} Task */
/** @typedef {import('./results.cjs').Outcome} Outcome */
/** @typedef {import('./results.cjs').Result} Result */

const require = createRequire(import.meta.url);
const TRIAL = fileURLToPath(new URL('trial.mjs', import.meta.url));

/** Where the caches are unknown: more than any that is common. */
const SOME_CACHE = 64 * 2 ** 20;

/** Nanoseconds of a sample and of warming up. */
const FULL = { least: 1e6, warmUp: 1e8 };
const QUICK = { least: 3e5, warmUp: 2e7 };

/** @param {Task} task @returns {Promise<Outcome>} */
function runTrial(task) {
  return new Promise((resolve, reject) => {
    const child = fork(TRIAL, [], {
      execArgv: ['--expose-gc'],
      // What the environment asks of softlane must not slow down or replace what is measured.
      env: { ...process.env, SOFTLANE_VERIFY: 'off', SOFTLANE_ISA: '', SOFTLANE_THREADS: '' },
    });
    /** @type {Outcome | undefined} */
    let outcome;
    child.once('message', (message) => (outcome = /** @type {Outcome} */ (message)));
    child.once('error', reject);
    child.once('close', (code, signal) => {
      const failure = outcome ? outcome.failure : `its process ended with ${signal ?? code}`;
      if (outcome && failure === undefined) resolve(outcome);
      else reject(new Error(`${task.op} ${shapeName(task.shape)} cannot be measured: ${failure}`));
    });
    child.send(task);
  });
}

/** What other programs do while this one does nothing. */
async function othersNow() {
  const before = machine.cpuTime();
  await sleep(500);
  return machine.othersShare(before, machine.cpuTime());
}

function requireWritable(/** @type {string} */ file) {
  try {
    if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) throw new Error('it is a folder');
    accessSync(path.dirname(path.resolve(file)), constants.W_OK);
  } catch (error) {
    const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
    const why = code === 'ENOENT' ? 'its folder does not exist' : message;
    throw new UsageError(`cannot write --json ${file}: ${why}`);
  }
}

function say(/** @type {string} */ line) {
  process.stderr.write(`bench: ${line}\n`);
}

/** @param {ReturnType<typeof parse>} options */
async function bench(options) {
  const { catalogue } = require('../dist/catalogue.js');
  /** @type {import('../lib/capabilities.js').Capabilities} */
  const has = require('../dist/index.js').capabilities();
  const available = {
    operators: catalogue,
    algorithms: has.algorithms,
    isas: has.isas.filter(({ supported }) => supported).map(({ name }) => name),
  };
  const { name: op } = operatorOf(available.operators, options.op);
  const { l1d, l2, l3 } = has.cpu.caches;
  const cache = Math.max(l1d, l2, l3) || SOME_CACHE;
  const entries = options.shapes.map((shape) => ({
    shape,
    cold: options.cold === 'auto' ? coldByDefault(shape, l2) : options.cold === 'on',
    contenders: expand(options, available, shape),
  }));
  const one = { rows: 1, cols: 1 };
  if (!options.shapes.some(({ rows, cols }) => rows * cols === 1)) {
    const rivals = expand(options, available, one).filter(({ kind }) => kind === 'onnxruntime');
    if (rivals.length > 0) entries.unshift({ shape: one, cold: false, contenders: rivals });
  }
  const names = entries.flatMap(({ contenders }) => contenders.map(({ name }) => name));
  const base = baseOf(options.base, [...new Set(names)]);
  if (options.json !== undefined) requireWritable(options.json);

  const facts = machine.facts(has, require('../dist/configure.js').native().cpu());
  const loadBefore = os.loadavg();
  console.log(listing({ ...facts, load: loadBefore.map((load) => load.toFixed(2)).join(' ') }));
  const others = await othersNow();
  if (others !== null && others > machine.BUSY) console.log(busy(others));

  /** @type {Result[]} */
  const results = [];
  let failed = false;
  for (const { shape, cold, contenders } of entries) {
    const title = `${op} ${shapeName(shape)}`;
    const bytes = needed(shape, cold, cache);
    if (bytes > machine.freeMemory()) {
      console.log(`\n${title}: skipped, since ${(bytes / 2 ** 30).toFixed(1)} GiB are not free`);
      continue;
    }
    const { repeats, range, seed, trials } = options;
    const pace = options.quick ? QUICK : FULL;
    try {
      const outcomes = [];
      for (let trial = 0; trial < trials; trial++) {
        say(`${title}, process ${trial + 1} of ${trials}`);
        const order = seed + trial;
        const task = { op, shape, cold, contenders, cache, repeats, ...pace, range, seed, order };
        outcomes.push(await runTrial(task));
      }
      const result = combine({ op, shape, cold, base, repeats }, outcomes);
      results.push(result);
      console.log(`\n${table(result)}`);
      if (result.wrong.length > 0) failed = true;
    } catch (error) {
      failed = true;
      say(/** @type {Error} */ (error).message);
    }
  }
  finish(options, { has, facts, loadBefore, results });
  return failed ? 1 : 0;
}

/**
 * @param {ReturnType<typeof parse>} options
 * @param {{ has: import('../lib/capabilities.js').Capabilities, facts: Record<string, string>, loadBefore: number[],
 *   results: Result[] }} run
 */
function finish(options, { has, facts, loadBefore, results }) {
  // What a call costs before it does any work; a part of every other figure of that contender.
  const single = results
    .find(({ shape }) => shape.rows * shape.cols === 1)
    ?.lines.find(({ name }) => name.startsWith('onnxruntime'));
  console.log(
    '\n"x NAME": how many times as fast as NAME, the median of the ratios of each round.',
  );
  if (single) {
    const cost = duration(single.call.median);
    console.log(`A call of onnxruntime-node costs ${cost}, measured on one element.`);
  }
  const loadAfter = os.loadavg();
  console.log(`load afterwards: ${loadAfter.map((load) => load.toFixed(2)).join(' ')}`);
  if (options.json === undefined) return;
  const { trials, repeats, range, seed } = options;
  const context = {
    date: new Date(),
    host: os.hostname(),
    executable: 'npm run bench',
    cpus: os.cpus().length,
    mhz: os.cpus()[0]?.speed ?? 0,
    caches: has.cpu.caches,
    loadBefore,
    loadAfter,
    facts,
    settings: { trials, rounds_per_trial: repeats, logits_range: range, seed },
  };
  writeFileSync(options.json, `${JSON.stringify(report(context, results), undefined, 1)}\n`);
}

try {
  const options = parse(process.argv.slice(2));
  if (options.help) process.stdout.write(HELP);
  else process.exitCode = await bench(options);
} catch (error) {
  const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
  const missing = code === 'MODULE_NOT_FOUND' ? ' (npm run bench builds what is missing)' : '';
  say(`${String(message).split('\n')[0]}${missing}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
