/** Runs that stop before their end: nothing that was measured is lost, and nothing is mixed. */
import { afterAll, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cli, command, plainEnvironment, runs, softlane } from './helpers/cli';

const folder = mkdtempSync(join(tmpdir(), 'softlane-lab-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
function fresh() {
  const json = join(folder, `${count++}.json`);
  return { json, journal: `${json}.journal` };
}
const SMALL = ['--quick', '--repeats', '2', '--contenders', 'softlane,memcpy'];
const ops = (json: string, ...args: string[]) =>
  softlane(['lab', 'ops', ...SMALL, '--json', json, ...args]);
const namesIn = (json: string) =>
  (JSON.parse(readFileSync(json, 'utf8')) as { benchmarks: { name: string }[] }).benchmarks.map(
    ({ name }) => name,
  );

/** Runs until so many trials are in the journal, and stops it there. */
async function interrupted(json: string, signal: NodeJS.Signals, args: readonly string[] = []) {
  const child = spawn(process.execPath, [cli, 'lab', 'ops', ...SMALL, '--json', json, ...args], {
    env: plainEnvironment(),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<number | string | null>((resolve) =>
    child.once('close', (code, by) => resolve(by ?? code)),
  );
  const lines = () =>
    existsSync(`${json}.journal`)
      ? readFileSync(`${json}.journal`, 'utf8').split('\n').length - 1
      : 0;
  while (lines() < 2 && child.exitCode === null) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  child.kill(signal);
  return { status: await ended, stderr };
}

describe('an interrupted run', () => {
  // The second shape takes a while, so that the first is in the journal before the end.
  const shapes = ['--shapes', '2x33,1x2^22'];

  test('says so, keeps its finished trials, and the same command goes on', async () => {
    const { json, journal } = fresh();
    const { status, stderr } = await interrupted(json, 'SIGINT', shapes);
    expect(status).toBe(130);
    expect(stderr).toMatch(
      /\d finished trials are kept in .*; the same command goes on from there/,
    );
    expect(stderr).toMatch(/softlane: stopped by SIGINT\n$/);
    expect(existsSync(json)).toBe(false);
    const first = readFileSync(journal, 'utf8').split('\n')[1];

    const again = ops(json, ...shapes);
    expect(again).toMatchObject({ status: 0 });
    expect(again.stdout).toMatch(/going on after \d finished trials/);
    expect(namesIn(json).join()).toContain('softmax/1x2^22/memcpy_median');
    // The very numbers of the first run.
    const { outcome } = JSON.parse(first) as {
      outcome: { measured: { name: string; times: number[] }[] };
    };
    const { name, times } = outcome.measured[0];
    expect(readFileSync(json, 'utf8')).toContain(`"real_time":${times[0]},`);
    expect(name).toMatch(/^softlane/);
    expect(existsSync(journal)).toBe(false);
  });

  test('that was killed may have half a line; that trial runs again', async () => {
    const { json, journal } = fresh();
    await interrupted(json, 'SIGKILL', shapes);
    appendFileSync(journal, '{"key": "softmax/1x2^22 1", "outc');
    const again = ops(json, ...shapes);
    expect(again).toMatchObject({ status: 0 });
    expect(namesIn(json).join()).toContain('softmax/1x2^22/memcpy_median');
  });

  test('does not go on with other options; --restart forgets it', async () => {
    const { json, journal } = fresh();
    await interrupted(json, 'SIGTERM', shapes);
    const other = ops(json, '--shapes', '2x33', '--seed', '2');
    expect(other).toMatchObject({ status: 3, stdout: '' });
    expect(other.stderr).toMatch(
      /holds finished trials of another run .*; --restart forgets them\n$/,
    );
    expect(existsSync(journal)).toBe(true);
    expect(ops(json, '--shapes', '2x33', '--seed', '2', '--restart')).toMatchObject({ status: 0 });
  });

  test('a journal that is none is left alone', () => {
    const { json, journal } = fresh();
    writeFileSync(journal, 'my diary\n');
    const outcome = ops(json, '--shapes', '2x33');
    expect(outcome.status).toBe(3);
    expect(outcome.stderr).toContain('is no journal of softlane lab');
    expect(readFileSync(journal, 'utf8')).toBe('my diary\n');
  });
});

const terminal = runs('script', '-qec', 'true', '/dev/null') ? test : test.skip;
terminal('a terminal gets a bar with the time that is left (skipped without script(1))', () => {
  const { json } = fresh();
  const words = [process.execPath, cli, 'lab', 'ops', ...SMALL, '--json', json];
  const line = [...words, '--shapes', '2x33,3x33,1x2^20'].map((word) => `'${word}'`).join(' ');
  const seen = command('script', ['-qec', line, '/dev/null'], { env: { TERM: 'xterm' } });
  expect(seen.status).toBe(0);
  expect(seen.stdout).toMatch(/\[=*-*\] \d+% \| softmax\/1x2\^20 \| \S+ left/);
});

describe('outputs', () => {
  test('are refused before anything is measured: existing, in no folder, a folder', () => {
    const { json } = fresh();
    writeFileSync(json, '{}');
    const existing = ops(json);
    expect(existing).toMatchObject({ status: 4, stdout: '' });
    expect(existing.stderr).toMatch(
      /exists and is not overwritten unless you say so \(--force\)\n$/,
    );
    expect(ops(join(folder, 'no', 'x.json'))).toMatchObject({ status: 4, stdout: '' });
    const directory = join(folder, 'directory');
    mkdirSync(directory);
    expect(ops(directory, '--force')).toMatchObject({ status: 4, stdout: '' });
    expect(readFileSync(json, 'utf8')).toBe('{}');
  });

  test('CSV and Markdown come with the JSON or without it', () => {
    const { json } = fresh();
    const [csv, md] = [`${json}.csv`, `${json}.md`];
    const outcome = softlane([
      ...['lab', 'ops', ...SMALL, '--shapes', '2x33', '--quiet'],
      ...['--csv', csv, '--markdown', md],
    ]);
    expect(outcome).toMatchObject({ status: 0, stdout: '' });
    expect(readFileSync(csv, 'utf8')).toMatch(/^ops,softmax\/2x33,shapes,memcpy,/m);
    expect(readFileSync(md, 'utf8')).toContain('## softmax/2x33');
    expect(existsSync(json)).toBe(false);
  });

  const mounts = runs('unshare', '-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt');
  (mounts ? test : test.skip)(
    'no space left: one sentence, exit code 4, and the finished trials are there',
    () => {
      const disk = join(folder, 'disk');
      mkdirSync(disk);
      // The mount is seen by this shell alone and goes with it.
      const script =
        'mount -t tmpfs -o size=12k tmpfs "$0" && cd "$0" || exit 99; "$@"; code=$?; ls -A; exit $code';
      const args = ['lab', 'ops', ...SMALL, '--json', 'r.json', '--shapes', '2x33,3x33,4x33'];
      const outcome = command('unshare', [
        ...['-m', 'sh', '-c', script, disk, process.execPath, cli],
        ...args,
      ]);
      expect(outcome.status).toBe(4);
      expect(outcome.stderr).toMatch(/finished trials are kept in r\.json\.journal/);
      expect(outcome.stderr).toMatch(/no space left on the device\n$/);
      expect(outcome.stdout).toMatch(/^r\.json\.journal$/m);
      expect(outcome.stdout).not.toMatch(/^r\.json$/m);
    },
  );
});

describe('wrong usage', () => {
  test.each([
    [['lab', 'twopass'], /unknown command 'twopass'; the commands are .*two-pass, online/],
    [['lab', 'ops', '--shapes', 'bert'], /a preset \(gpt-2, llama-3/],
    [['lab', 'ops', '--op', 'softmex'], /for --op, received "softmex"/],
    [['lab', 'online', '--pin', '4096'], /for --pin, received "4096"/],
    [['lab', 'two-pass', '--largest', '10'], /from 1000 to 1000000000 for --largest/],
    [['lab', 'report', 'x.json', '-o', 'x.pdf'], /x\.json: no such file/],
    [['lab', 'compare', 'x.json'], /missing required argument 'B.json'/],
    [['lab', 'compare', 'a', 'b', '--confidence', '0'], /for --confidence, received "0"/],
  ])('%j', (args, words) => {
    const { status, stdout, stderr } = softlane(args, { cwd: folder });
    expect(stdout).toBe('');
    expect([2, 3]).toContain(status);
    expect(stderr).toMatch(words);
    expect(stderr.trimEnd()).not.toContain('\n');
  });

  test.each([
    ['1x4\n2y4\n', /line 2, received "2y4"/],
    ['# nothing\n', /at least one ROWSxCOLS, found none/],
    ['\u0000\u0001\u0002', /expected ROWSxCOLS in line 1/],
  ])('a shape file %j is refused', (text, words) => {
    const file = join(folder, 'shapes.txt');
    writeFileSync(file, text);
    const outcome = softlane(['lab', 'ops', '--shapes', file]);
    expect(outcome).toMatchObject({ status: 3, stdout: '' });
    expect(outcome.stderr).toMatch(words);
  });

  test('a shape file has shapes, one a line or more, and comments', () => {
    const file = join(folder, 'good.txt');
    writeFileSync(file, '# two\n2x33, 3x33\n\n2x33 # again\n');
    const { json } = fresh();
    expect(ops(json, '--shapes', file)).toMatchObject({ status: 0 });
    expect(namesIn(json).join()).toContain('softmax/3x33/memcpy_median');
  });
});

describe('rivals', () => {
  test('a plug-in is measured and checked like any other; a wrong one gets no number', () => {
    const right = join(folder, 'fast rival.cjs');
    writeFileSync(
      right,
      `exports.prepare = ({ op, rows, cols, x }) => {
        if (op !== 'softmax') return undefined;
        const y = new Float32Array(x.length);
        const run = (count) => { for (let n = 0; n < count; n++) for (let r = 0; r < rows; r++) {
          let max = -Infinity, sum = 0;
          for (let i = r * cols; i < (r + 1) * cols; i++) max = Math.max(max, x[i]);
          for (let i = r * cols; i < (r + 1) * cols; i++) sum += (y[i] = Math.exp(x[i] - max));
          for (let i = r * cols; i < (r + 1) * cols; i++) y[i] /= sum;
        } };
        return { run, result: () => y };
      };`,
    );
    const wrong = join(folder, 'wrong.mjs');
    writeFileSync(wrong, `export const prepare = ({ x }) => ({ run() {}, result: () => x });`);
    const args = ['--shapes', '2x33', '--rival', right, '--rival', wrong];
    const { json } = fresh();
    const outcome = ops(json, ...args, '--rival', join(folder, 'absent.cjs'));
    expect(outcome.status).toBe(1);
    expect(outcome.stdout).toMatch(/^fast-rival +[\d.]+ /m);
    expect(outcome.stdout).toMatch(/^WRONG, so without a number: wrong: element 0 is /m);
    expect(outcome.stdout).toMatch(/^skipped: absent: Cannot find module/m);
    expect(ops(fresh().json, '--op', 'argMax', ...args.slice(0, 4)).stdout).toContain(
      'skipped: fast-rival: it has no argMax',
    );
  });
});
