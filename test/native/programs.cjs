// Runs the programs of this folder, which tools/setup/programs.mjs builds. What they are given to do
// comes from the catalogue: every operator by every algorithm, with every choice of its options and
// with numbers of several sizes.
'use strict';
const { spawn } = require('node:child_process');
const { availableParallelism } = require('node:os');
const { join } = require('node:path');
const { catalogue } = require('../../dist/catalogue.js');
const { ALGORITHMS, Spec } = require('../../dist/spec.js');

// Ordinary ones, and powers that leave the range of a float when they are squared.
const NUMBERS = [0.7, 10, 1e-20, 1e20];

/** Every set of values of an operator's own options: choices combined, numbers one at a time. */
function* parameterSets(line) {
  const rules = Object.entries(line.options).filter(([name]) => name !== 'algorithm');
  const choices = rules.filter(([, rule]) => rule.kind === 'choice');
  const valueOf = (rule) =>
    rule.kind === 'choice' ? rule.values.indexOf(rule.default) : rule.default;
  const defaults = new Map(rules.map(([, rule]) => [rule.index, valueOf(rule)]));
  let sets = [defaults];
  for (const [, rule] of choices) {
    sets = sets.flatMap((set) => rule.values.map((_, i) => new Map(set).set(rule.index, i)));
  }
  yield* sets;
  for (const [, rule] of rules) {
    if (rule.kind !== 'number') continue;
    for (const value of NUMBERS.filter((number) => rule.check(number))) {
      yield new Map(defaults).set(rule.index, value);
    }
  }
}

/** "NAME ALGORITHM PARAMETER...", a line a call. */
function calls() {
  const lines = [];
  for (const line of catalogue) {
    const algorithms = line.options.algorithm?.values ?? ['auto'];
    for (const set of parameterSets(line)) {
      const parameters = new Float64Array(Spec.xFormat - Spec.temperature);
      for (const [index, value] of set) parameters[index - Spec.temperature] = value;
      for (const algorithm of algorithms) {
        lines.push([line.name, ALGORITHMS.indexOf(algorithm), ...parameters].join(' '));
      }
    }
  }
  return `${lines.join('\n')}\n`;
}

// Types and meaning are in programs.d.cts.
function runProgram(folder, name, options = {}, { under = [], env = {} } = {}) {
  const flags = Object.entries(options).flatMap(([key, value]) => [`--${key}`, String(value)]);
  const [file, ...args] = [...under, join(folder, name), ...flags];
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env: { ...process.env, ...env } });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => (stdout += chunk));
    child.stderr.on('data', (chunk) => (stderr += chunk));
    child.stdin.on('error', () => {}); // it has ended before it read everything: the code says why
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve(JSON.parse(stdout));
      else reject(new Error(`${[file, ...args].join(' ')}: ${signal ?? code}\n${stdout}${stderr}`));
    });
    child.stdin.end(calls());
  });
}

async function runMemory(folder, { part = 0, parts = 1, ...options } = {}, how = {}) {
  const cpus = availableParallelism();
  const results = await Promise.all(
    Array.from({ length: cpus }, (_, i) => {
      const share = { part: part * cpus + i, parts: parts * cpus };
      return runProgram(folder, 'memory', { ...options, ...share }, how);
    }),
  );
  return { ...results[0], runs: results.reduce((sum, { runs }) => sum + runs, 0) };
}

const subjects = [...catalogue.map(({ name }) => name), 'functions'];

module.exports = { runProgram, runMemory, subjects };
