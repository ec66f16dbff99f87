import { afterEach, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { softmax } from '../lib/index';
import { openNpy, readNpy, writeNpy } from '../lib/score/npy';
import * as run from './helpers/cli';
import { dict, floats, npy, Scratch } from './helpers/npy';

const scratch = new Scratch('trouble');
const fresh = (): string => scratch.fresh();
const score = (from: string, to: string, op = 'softmax', ...flags: string[]): string[] => [
  'score',
  from,
  '--op',
  op,
  '--out',
  to,
  ...flags,
];

async function input(rows = 30, cols = 20): Promise<string> {
  const path = fresh();
  const data = Float32Array.from({ length: rows * cols }, (_, i) => Math.sin(i) * 10);
  await writeNpy(path, { shape: [rows, cols], data });
  return path;
}

/** The exit code, one sentence on standard error, nothing on standard output. */
function expectFailure(outcome: run.Outcome, status: number, ...words: string[]): void {
  expect([outcome.status, outcome.stdout]).toEqual([status, '']);
  expect(outcome.stderr).toMatch(/^softlane[^\n]*\n$/);
  for (const word of words) expect(outcome.stderr).toContain(word);
}

afterEach(() => {
  expect(run.temporaryFiles(scratch.folder)).toEqual([]);
});

describe('exit code 3: the input', () => {
  test('is missing, no file, or refused', () => {
    const to = fresh();
    const cases: [string, string][] = [
      [fresh(), 'no such file'],
      [scratch.folder, 'is a directory'],
      ['/dev/zero', 'is a device'],
      [scratch.saved(Buffer.alloc(0)), 'is empty'],
      [scratch.saved(Buffer.from('logits, mostly')), 'not a .npy file'],
      [scratch.saved(npy(dict('(1,)', "'<i8'"), Buffer.alloc(8))), "'<i8'"],
      [scratch.saved(npy(dict('(3,)'), floats(1, 2))), 'is cut off'],
    ];
    for (const [from, words] of cases) {
      expectFailure(run.softlane(score(from, to)), 3, `${from}: `, words);
    }
    expect(fs.existsSync(to)).toBe(false);
  });

  test('is refused while its writer goes on', async () => {
    const args = [run.cli, ...score('-', fresh())];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'ignore', 'pipe'] });
    child.stdin.on('error', () => undefined);
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.stdin.write('logits, mostly\n'.repeat(100));
    const code = await new Promise((resolve) => child.on('exit', resolve));
    expect([code, said]).toEqual([3, expect.stringContaining('is in no format')]);
    child.stdin.destroy();
  });
});

describe('exit code 4: the output', () => {
  test('has no room for what a head of some bytes claims', () => {
    const from = scratch.saved(npy(dict(`(${2 ** 50}, 0)`)));
    expectFailure(run.softlane(score(from, fresh(), 'entropy')), 4, 'no room');
  });

  test('exists and stays as it is; --force replaces it', async () => {
    const [from, to] = [await input(), scratch.saved(Buffer.from('precious'))];
    expectFailure(run.softlane(score(from, to)), 4, `${to}: exists`, '--force');
    expect(fs.readFileSync(to, 'utf8')).toBe('precious');
    expect(run.softlane(score(from, to, 'softmax', '--force')).status).toBe(0);
    expect((await readNpy(to)).shape).toEqual([30, 20]);
  });

  test('is the input, by any name, even with --force', async () => {
    const from = await input();
    const before = fs.readFileSync(from);
    const [hard, soft] = [fresh(), fresh()];
    fs.linkSync(from, hard);
    fs.symlinkSync(from, soft);
    for (const to of [from, hard, soft, join(scratch.folder, '.', from.split('/').pop()!)]) {
      expectFailure(run.softlane(score(from, to, 'softmax', '--force')), 4, 'is the input itself');
    }
    expect(fs.readFileSync(from).equals(before)).toBe(true);
  });

  test('has no folder, or is no file', async () => {
    const from = await input();
    for (const to of [join(scratch.folder, 'none', 'y.npy'), scratch.folder, '/dev/null']) {
      expectFailure(run.softlane(score(from, to, 'softmax', '--force')), 4, `${to}: `);
    }
  });

  test('grows beyond what the shell allows', async () => {
    const [from, to] = [await input(1000, 1000), fresh()];
    const outcome = run.command('sh', [
      '-c',
      'ulimit -f 64; exec "$0" "$@"',
      process.execPath,
      run.cli,
      ...score(from, to),
    ]);
    expectFailure(outcome, 4, `${to}: cannot be written`, 'larger than is allowed');
    expect(fs.existsSync(to)).toBe(false);
  });

  const mounts = run.runs('unshare', '-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt');
  (mounts ? test : test.skip)(
    'is on a full disk (skipped where this user may not mount a small one)',
    async () => {
      const from = await input(1000, 1000);
      const disk = join(scratch.folder, 'disk');
      fs.mkdirSync(disk);
      // The mount is seen by this shell alone and goes with it.
      const script =
        'mount -t tmpfs -o size=256k tmpfs "$0" && cd "$0" || exit 99; ' +
        '"$@"; code=$?; ls -A; exit $code';
      const outcome = run.command('unshare', [
        '-m',
        'sh',
        '-c',
        script,
        disk,
        process.execPath,
        run.cli,
        ...score(from, 'full.npy'),
      ]);
      expectFailure(outcome, 4, 'full.npy: cannot be written: no space left on the device');
    },
  );
});

describe('permission', () => {
  const root = process.getuid?.() === 0;
  // Root may do everything, so that the command has to run as somebody else.
  const someone = root ? { uid: 65534, gid: 65534 } : {};
  const works = (() => {
    try {
      return run.softlane(['--version'], someone).status === 0;
    } catch {
      return false;
    }
  })();

  (works ? test : test.skip)(
    'denied on either side (skipped where an unprivileged user cannot reach this checkout)',
    async () => {
      const open = join(scratch.folder, 'open');
      const closed = join(scratch.folder, 'closed');
      fs.chmodSync(scratch.folder, 0o755);
      for (const folder of [open, closed]) fs.mkdirSync(folder);
      fs.chmodSync(open, 0o777);
      fs.chmodSync(closed, 0o555);
      const [readable, secret] = [await input(), await input()];
      fs.chmodSync(secret, root ? 0o600 : 0o000);
      const to = join(closed, 'y.npy');
      expectFailure(
        run.softlane(score(secret, join(open, 'y.npy')), someone),
        3,
        'permission denied',
      );
      expectFailure(run.softlane(score(readable, to), someone), 4, `${to}: `, 'permission denied');
      expect(run.softlane(score(readable, join(open, 'y.npy')), someone).status).toBe(0);
      expect([fs.readdirSync(open), fs.readdirSync(closed)]).toEqual([['y.npy'], []]);
      fs.chmodSync(closed, 0o755);
    },
  );
});

describe('stopped in the middle', () => {
  const clean = (to: string): void => {
    expect(fs.existsSync(to)).toBe(false);
    for (const name of run.temporaryFiles(scratch.folder)) fs.rmSync(join(scratch.folder, name));
    fs.rmSync(`${to}.job`, { force: true });
  };

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s: exit code %d, and what is done is kept', async (signal, status) => {
    const [from, to] = [run.endlessFile(fresh()), fresh()];
    for (const op of ['logsumexp', 'top-1']) {
      const { child, ended } = await run.startWriting(score(from, to, op), scratch.folder);
      child.kill(signal);
      expectFailure(await ended, status, `stopped by ${signal}`, 'rows are kept', '--resume');
      expect(run.temporaryFiles(scratch.folder).length).toBe(1);
      expectFailure(run.softlane(score(from, to, op)), 4, 'unfinished job', '--resume', '--force');
      clean(to);
    }
    fs.rmSync(from);
  });

  test('of a stream: nothing is left', async () => {
    const [from, to] = [run.endlessFile(fresh()), fresh()];
    const line = `exec "$0" "$@" < ${from}`;
    const args = ['-c', line, process.execPath, run.cli, ...score('-', to, 'logsumexp')];
    const { child, ended } = await run.startWriting(args, scratch.folder, 'sh');
    child.kill('SIGINT');
    expectFailure(await ended, 130, 'stopped by SIGINT');
    expect(run.temporaryFiles(scratch.folder)).toEqual([]);
    expect(fs.existsSync(to)).toBe(false);
    fs.rmSync(from);
  });

  test('while nothing comes: at once', async () => {
    const to = fresh();
    const args = ['score', '-', '--in-format', 'jsonl', '--op', 'logsumexp', '--out', to];
    const child = spawn(process.execPath, [run.cli, ...args], {
      env: run.plainEnvironment(),
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    // What the stopped process leaves unread breaks the pipe.
    child.stdin.on('error', (error: NodeJS.ErrnoException) => expect(error.code).toBe('EPIPE'));
    child.stdin.write('[1,2]\n'.repeat(200_000));
    while (run.temporaryFiles(scratch.folder).length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    child.kill('SIGINT');
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(130);
    expect(fs.existsSync(to)).toBe(false);
  });

  test('twice: at once, and nothing is left', async () => {
    // A single row, whose reading alone takes seconds.
    const [from, to] = [run.endlessFile(fresh(), 1, 2 ** 29), fresh()];
    const args = score(from, to, 'logsumexp', '--limit-memory', '8GiB');
    const { child, ended } = await run.startWriting(args, scratch.folder);
    child.kill('SIGINT');
    child.kill('SIGTERM');
    const { status } = await ended;
    expect([130, 143]).toContain(status);
    expect(fs.existsSync(to)).toBe(false);
    fs.rmSync(from);
  });

  test('SIGKILL: nothing stands under the name', async () => {
    const [from, to] = [run.endlessFile(fresh()), fresh()];
    const { child, ended } = await run.startWriting(score(from, to, 'logsumexp'), scratch.folder);
    child.kill('SIGKILL');
    expect((await ended).signal).toBe('SIGKILL');
    clean(to);
    fs.rmSync(from);
  });
});

describe('standard output', () => {
  /** Runs with a pipe whose reader is gone before anything is written. */
  async function withoutReader(args: string[]): Promise<{ status: number | null; stderr: string }> {
    const child = spawn(process.execPath, [run.cli, ...args], {
      env: run.plainEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { status, stderr };
  }

  test('a reader that went away is no error', async () => {
    expect(await withoutReader(['ops', '--json'])).toEqual({ status: 0, stderr: '' });
    const to = fresh();
    expect(await withoutReader(score(await input(), to))).toEqual({ status: 0, stderr: '' });
    expect((await readNpy(to)).shape).toEqual([30, 20]);
  });

  test('a reader that went away leaves the files of the job to be made', async () => {
    // More than a pipe takes.
    const from = await input(50_000, 3);
    const [to, metrics, rejects, manifest] = [fresh(), fresh(), fresh(), fresh()];
    const job = score(from, '-', 'softmax', '--out-format', 'npy', '--quiet');
    expect(await withoutReader(job)).toEqual({ status: 0, stderr: '' });
    const more = ['--op', 'max-logit', '--out', to, '--metrics', metrics, '--reject', rejects];
    const outcome = await withoutReader([...job, ...more, '--manifest', manifest]);
    expect(outcome).toEqual({ status: 0, stderr: '' });
    for (const path of [metrics, manifest]) {
      expect(JSON.parse(fs.readFileSync(path, 'utf8'))).toMatchObject({ rows: 50_000 });
    }
    expect([(await readNpy(to)).shape, fs.readFileSync(rejects, 'utf8')]).toEqual([[50_000], '']);
  });

  (fs.existsSync('/dev/full') ? test : test.skip)('on a full device is exit code 4', async () => {
    const from = await input();
    const onFull = (...args: string[]): run.Outcome => {
      const full = fs.openSync('/dev/full', 'w');
      const outcome = run.softlane(args, { stdio: ['ignore', full, 'pipe'] });
      fs.closeSync(full);
      return outcome;
    };
    const ops = onFull('ops');
    expect(ops.status).toBe(4);
    expect(ops.stderr).toMatch(/^softlane: standard output cannot be written: .*ENOSPC.*\n$/);
    expect(onFull(...score(from, '-'))).toMatchObject({
      status: 4,
      stderr: 'softlane: standard output: cannot be written: no space left on the device\n',
    });
  });
});

const terminal = run.runs('script', '-qec', 'true', '/dev/null') ? test : test.skip;

terminal('a terminal gets a bar without colours (skipped where script(1) is missing)', () => {
  const from = run.endlessFile(fresh());
  /** What a person sees who stops the job after some seconds. */
  const onTerminal = (env: NodeJS.ProcessEnv, ...flags: string[]): string => {
    const words = [process.execPath, run.cli, ...score(from, fresh(), 'logsumexp', ...flags)];
    const line = `timeout --foreground -s INT 2 ${words.map((word) => `'${word}'`).join(' ')}`;
    return run.command('script', ['-qec', line, '/dev/null'], { env: { TERM: 'xterm', ...env } })
      .stdout;
  };
  const bar = /\[=*-*\] \d+% \| [\d.]+ [KMG]iB of 64.0 GiB \| [\d.]+ [KMG]iB\/s \| \S+ left/;
  // eslint-disable-next-line no-control-regex
  const colour = /\u001b\[[\d;]*m/;
  const seen = onTerminal({ NO_COLOR: '1' });
  expect(seen).toMatch(bar);
  expect(seen).not.toMatch(colour);
  // The bar is gone before the sentence comes.
  const end = /softlane: stopped by SIGINT; [\d,]+ rows are kept[^\n]*$/.exec(seen.trimEnd());
  expect(seen.slice(0, end!.index).endsWith('\u001b[2K')).toBe(true);
  expect(onTerminal({})).not.toMatch(colour);
  for (const plain of [onTerminal({ TERM: 'dumb' }), onTerminal({}, '--quiet')]) {
    expect(plain.trim()).toMatch(/^softlane: stopped by SIGINT; [\d,]+ rows are kept/);
  }
  for (const name of fs.readdirSync(scratch.folder)) {
    if (/\.(tmp-|job$)/.test(name)) fs.rmSync(join(scratch.folder, name));
  }
  fs.rmSync(from);
});

test('200 MB go through a small process, and come out right', async () => {
  const [rows, cols] = [50_000, 1000];
  const [from, to, report] = [fresh(), fresh(), fresh()];
  const block = Float32Array.from({ length: 500 * cols }, (_, i) => Math.sin(i * i) * 12);
  const file = fs.openSync(from, 'w');
  fs.writeSync(file, npy(dict(`(${rows}, ${cols})`)));
  for (let row = 0; row < rows; row += 500) {
    block[0] = row;
    fs.writeSync(file, block);
  }
  fs.closeSync(file);
  const probe = join(scratch.folder, 'probe.cjs');
  fs.writeFileSync(
    probe,
    // Not resourceUsage().maxRSS: that starts from the memory of the process that started this one.
    `const fs = require('node:fs'); process.on('exit', () => fs.writeFileSync(${JSON.stringify(report)}, ` +
      `/VmHWM:\\s*(\\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]));`,
  );
  const env = { NODE_OPTIONS: `--max-old-space-size=48 --require ${JSON.stringify(probe)}` };
  const outcome = run.softlane(score(from, to, 'softmax', '--json'), { env });
  expect([outcome.status, outcome.stderr]).toEqual([0, '']);
  // A sanitizer that is loaded into every process has memory of its own.
  if (process.env['LD_PRELOAD'] === undefined) {
    const peak = Number(fs.readFileSync(report, 'utf8')) * 1024;
    expect(peak).toBeLessThan(140 * 2 ** 20);
  }
  const reader = await openNpy(to);
  expect([reader.rows, reader.cols]).toEqual([rows, cols]);
  const seen = new Float32Array(block.length);
  for (const row of [0, 24_500, 49_500]) {
    block[0] = row;
    await reader.readRows(row, 500, new Uint8Array(seen.buffer));
    expect(Buffer.from(seen.buffer).equals(Buffer.from(softmax(block, { cols }).buffer))).toBe(
      true,
    );
  }
  await reader.close();
  for (const path of [from, to, report]) fs.rmSync(path);
});
