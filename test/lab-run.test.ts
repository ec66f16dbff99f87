import { afterAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { catalogue } from '../lib/catalogue';
import type { Operator } from '../lib/catalogue';
import { runNode } from './helpers/child';
import { slow } from './helpers/effort';

/** What is measured depends on the driver and on what is read and written beside x and y; the slow job takes all lines. */
const kindOf = ({ driver, output, operands }: Operator): string =>
  JSON.stringify([driver, output, operands?.map(({ name }) => name)]);
const measured = catalogue.filter(
  (line, i) => slow || catalogue.findIndex((other) => kindOf(other) === kindOf(line)) === i,
);

describe('softlane lab ops, and npm run bench which is the same', () => {
  const folder = mkdtempSync(join(tmpdir(), 'softlane-bench-'));
  const main = join(__dirname, '..', 'bench', 'main.mjs');
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(measured.map(({ name }) => name))('measures %s and checks its results', async (op) => {
    const json = join(folder, `${op}.json.gz`);
    const small = ['--quick', '--repeats', '2', '--shapes', '3x33', '--op', op];
    const { code, stdout } = await runNode([main, ...small, '--json', json]);
    expect(code).toBe(0);
    expect(stdout).toContain(`\n${op} 3x33: warm outputs, 1 x 2 rounds\n`);
    const { context, benchmarks } = JSON.parse(String(gunzipSync(readFileSync(json))));
    expect(context.json_schema_version).toBe(1);
    const names = benchmarks.map((entry: { name: string }) => entry.name);
    for (const name of ['memcpy', 'read']) {
      expect(names).toContain(`${op}/3x33/${name}_median`);
    }
    expect(names.join(' ')).toContain(`${op}/3x33/softlane/`);
    // An operator that has no rival yet says so; softmax has all of them.
    if (op === 'softmax') expect(names).toContain('softmax/3x33/plain-js_median');
    expect(benchmarks.filter((entry: object) => 'error_occurred' in entry)).toEqual([]);
  });

  /** Runs with a module of ours loaded first in every process, that changes what others see. */
  function runWith(change: string, args: string[]) {
    const hook = join(folder, 'hook.cjs');
    writeFileSync(hook, change);
    return runNode([main, '--quick', '--repeats', '2', '--shapes', '2x33', ...args], {
      env: { NODE_OPTIONS: `--require=${hook}` },
    });
  }

  test('a rival that is not installed is skipped by its name', async () => {
    const { code, stdout } = await runWith(
      `const Module = require('node:module');
       const resolve = Module._resolveFilename;
       Module._resolveFilename = function (name, ...rest) {
         if (!name.startsWith('onnxruntime-node')) return resolve.call(this, name, ...rest);
         throw Object.assign(new Error('Cannot find module'), { code: 'MODULE_NOT_FOUND' });
       };`,
      [],
    );
    expect(code).toBe(0);
    expect(stdout).toContain('\nskipped: onnxruntime: it is not installed\n');
    expect(stdout).toMatch(/^plain-js /m);
    expect(stdout).not.toMatch(/^onnxruntime /m);
  });

  test('a kernel outside of its bound gets no number, and the exit code is 1', async () => {
    const { code, stdout } = await runWith(
      `const Module = require('node:module');
       const load = Module._load;
       Module._load = function (name, ...rest) {
         const found = load.call(this, name, ...rest);
         return name.endsWith('/ulp') ? { ...found, boundDistance: () => 4.5 } : found;
       };`,
      ['--contenders', 'softlane,memcpy', '--algorithms', 'online'],
    );
    expect(code).toBe(1);
    expect(stdout).toMatch(/^WRONG, so without a number: softlane\/online\/\w+: element 0 is /m);
    expect(stdout).not.toMatch(/^softlane\//m);
    expect(stdout).toMatch(/^memcpy /m);
  });

  test.each([
    [['--isa', 'sse'], /^softlane: lab: expected .* for --isa, received "sse"\n$/],
    [['--repeats', 'x'], /--repeats, received "x"\n$/],
    [['--bogus'], /unknown option '--bogus'; the options are --json, /],
    [['1x1000'], /too many arguments/],
  ])('%j ends with one sentence and code 2', async (args, words) => {
    const { code, stdout, stderr } = await runNode([main, ...args]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(words);
  });
});
