/** Jobs that end in the middle and go on; what is refused; numbers about a whole job. */
import { describe, expect, test } from '@jest/globals';
import * as fs from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { ensembleStats } from '../lib/index';
import { JobStopped, runJob } from '../lib/score/job';
import type { JobOptions } from '../lib/score/job-types';
import { cli, command, runs, softlane } from './helpers/cli';
import { badRow, bytesOf, cols, labels, rows, writeInputs, x } from './helpers/job-inputs';
import { dict, failure, floats, npy, Scratch } from './helpers/npy';

const scratch = new Scratch('jobs');
const at = (name: string): string => join(scratch.folder, name);
const inputs = (name: string): string => writeInputs(at(name));

const leftovers = (folder: string): string[] =>
  fs.readdirSync(folder).filter((name) => /\.tmp-|\.job$/.test(name));

/** Stops after so many blocks. */
const stopAfter = (blocks: number): Partial<JobOptions> => {
  let seen = 0;
  return { blockBytes: 100_000, stopped: () => ++seen > blocks };
};

async function stopped(job: JobOptions, blocks = 3): Promise<number> {
  const error = await runJob({ ...job, ...stopAfter(blocks) }).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(JobStopped);
  return (error as JobStopped).rows;
}

describe('a job that was stopped', () => {
  const jobIn = (folder: string, more: Partial<JobOptions> = {}): JobOptions => ({
    inputs: [join(folder, 'good.npy')],
    outputs: [{ path: join(folder, 'y.npy'), op: 'softmax' }],
    ...more,
  });

  test('goes on exactly there', async () => {
    const folder = inputs('stopped');
    const job = jobIn(folder);
    const done = await stopped(job);
    expect(done).toBeGreaterThan(0);
    expect(done).toBeLessThan(rows);
    expect(fs.existsSync(join(folder, 'y.npy'))).toBe(false);
    const summary = await runJob({ ...job, resume: true, threads: 1 });
    expect([summary.resumedFrom, summary.rows]).toEqual([done, rows]);
    const resumed = fs.readFileSync(join(folder, 'y.npy'));
    await runJob({ ...job, force: true });
    expect(fs.readFileSync(join(folder, 'y.npy')).equals(resumed)).toBe(true);
    expect(leftovers(folder)).toEqual([]);
    const error = await failure(runJob({ ...job, resume: true }));
    expect([error.code, error.message]).toEqual([
      'ERR_SOFTLANE_OUTPUT_EXISTS',
      expect.stringContaining('is finished: there is nothing to go on with'),
    ]);
  });

  test('is not begun again by mistake, and is with force', async () => {
    const folder = inputs('mistake');
    const job = jobIn(folder);
    await stopped(job);
    const error = await failure(runJob(job));
    expect([error.code, error.message]).toEqual([
      'ERR_SOFTLANE_OUTPUT_UNFINISHED',
      expect.stringContaining('--resume goes on with it, --force starts anew'),
    ]);
    expect((await runJob({ ...job, force: true })).resumedFrom).toBe(0);
    expect(leftovers(folder)).toEqual([]);
  });

  test.each<[string, string, (folder: string, job: JobOptions) => JobOptions]>([
    [
      'other options',
      'ERR_SOFTLANE_JOB_OPTIONS',
      (_, job) => ({ ...job, outputs: [{ ...job.outputs[0]!, parameters: { temperature: 2 } }] }),
    ],
    [
      'an input that was written to',
      'ERR_SOFTLANE_INPUT_CHANGED',
      (folder, job) => {
        const file = fs.openSync(join(folder, 'good.npy'), 'r+');
        fs.writeSync(file, floats(9), 0, 4, rows * cols * 2);
        fs.closeSync(file);
        return job;
      },
    ],
    [
      'an input of the same size and time with other bytes',
      'ERR_SOFTLANE_INPUT_CHANGED',
      (folder, job) => {
        const path = join(folder, 'good.npy');
        const { atime, mtime } = fs.statSync(path);
        const bytes = fs.readFileSync(path);
        bytes.writeFloatLE(9, bytes.length - 8);
        fs.writeFileSync(path, bytes);
        fs.utimesSync(path, atime, mtime);
        return job;
      },
    ],
    [
      'a temporary file that lost bytes',
      'ERR_SOFTLANE_OUTPUT_UNFINISHED',
      (folder, job) => {
        const [name] = fs.readdirSync(folder).filter((each) => each.includes('.tmp-'));
        fs.truncateSync(join(folder, name!), 100);
        return job;
      },
    ],
    [
      'a journal that is none',
      'ERR_SOFTLANE_OUTPUT_UNFINISHED',
      (folder, job) => {
        fs.writeFileSync(join(folder, 'y.npy.job'), 'something else\n');
        return job;
      },
    ],
  ])('refuses %s', async (name, code, change) => {
    const folder = inputs(`changed ${name}`);
    // To the nanosecond, a time cannot be set again: this one is whole.
    fs.utimesSync(join(folder, 'good.npy'), 1e9, 1e9);
    const job = jobIn(folder);
    await stopped(job);
    const changed = change(folder, job);
    expect((await failure(runJob({ ...changed, resume: true }))).code).toBe(code);
    expect(fs.existsSync(join(folder, 'y.npy'))).toBe(false);
  });

  test('of a line that was being written when the process died, goes on before it', async () => {
    const folder = inputs('torn');
    const job = jobIn(folder);
    const done = await stopped(job);
    fs.appendFileSync(join(folder, 'y.npy.job'), '{"rows":2999,"outp');
    expect((await runJob({ ...job, resume: true })).resumedFrom).toBe(done);
  });

  test('is not written by two at a time', async () => {
    const folder = inputs('two');
    const job = jobIn(folder);
    await stopped(job);
    const self = fs.readFileSync(`/proc/${process.ppid}/stat`, 'utf8');
    const started = self.slice(self.lastIndexOf(')') + 2).split(' ')[19];
    const host = hostname();
    const writer = `${host} ${process.ppid} ${started}`;
    fs.appendFileSync(join(folder, 'y.npy.job'), `${JSON.stringify({ writer })}\n`);
    const error = await failure(runJob({ ...job, resume: true }));
    expect(error.message).toContain(`is being written by process ${process.ppid}`);
  });

  test('is not gone on with in the process that is at it', async () => {
    const job = jobIn(inputs('own'), { partBytes: 10_000, blockBytes: 5000 });
    let second: Promise<Error & { code?: string }> | undefined;
    const first = await runJob({
      ...job,
      onEvent: ({ event }) => {
        if (event === 'part') second ??= failure(runJob({ ...job, resume: true }));
      },
    });
    expect((await second)?.message).toContain(`is being written by process ${process.pid}`);
    expect(first.rows).toBe(rows);
  });
});

describe('a journal that is damaged, or by somebody who means harm', () => {
  const kept = { temporary: 'y.npy.tmp-1-00000000', length: 0 };
  const part = { rows: 1, outputs: [kept], rejected: 0 };
  test.each<[string, unknown, object?]>([
    ['a number for a record', 5],
    ['null for a record', null],
    ['a record of nothing known', {}],
    ['a part without outputs', { rows: 1, rejected: 0 }],
    ['a part with an output too many', { ...part, outputs: [kept, kept] }],
    ['a part of fewer rows than none', { ...part, rows: -1 }],
    ['an output that is none', { ...part, outputs: [null] }],
    ['a length that is none', { ...part, outputs: [{ ...kept, length: 0.5 }] }],
    ['a file that is no temporary one', { ...part, outputs: [{ ...kept, temporary: 'victim' }] }],
    ['a file elsewhere', { ...part, outputs: [{ ...kept, temporary: '../v.tmp-1-00000000' }] }],
    ['a writer without a name', { writer: 7 }],
    ['a head without outputs', part, {}],
    ['a head with outputs that are none', part, { outputs: [1] }],
  ])('%s', async (name, record, head = { outputs: ['y.npy'] }) => {
    const folder = inputs(name);
    const victims = ['victim', '../v.tmp-1-00000000'].map((name) => join(folder, name));
    for (const victim of victims) fs.writeFileSync(victim, 'precious');
    const lines = [{ softlane: 'job', version: '', ...head }, record];
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    fs.writeFileSync(join(folder, 'y.npy.job'), text);
    const outputs = [{ path: join(folder, 'y.npy'), op: 'softmax' }];
    for (const how of [{ resume: true }, { force: true }]) {
      const error = await failure(runJob({ inputs: [join(folder, 'good.npy')], outputs, ...how }));
      expect(error.message).toContain('y.npy.job: is not the journal of a job');
    }
    for (const victim of victims) expect(fs.readFileSync(victim, 'utf8')).toBe('precious');
    expect(fs.readFileSync(join(folder, 'y.npy.job'), 'utf8')).toBe(text);
  });
});

test('files that are one place, however they are written, are not two outputs', async () => {
  const folder = inputs('places');
  const path = join(folder, 'y.npy');
  fs.symlinkSync(folder, join(folder, 'here'));
  const job: JobOptions = {
    inputs: [join(folder, 'good.npy')],
    outputs: [{ path, op: 'softmax' }],
    force: true,
  };
  for (const other of [`${folder}/./y.npy`, `${folder}/here/y.npy`, `${path}.job`]) {
    for (const more of [{ reject: other }, { manifest: other }, { metrics: { path: other } }]) {
      await expect(runJob({ ...job, ...more })).rejects.toThrow('a file for each');
    }
  }
  expect(fs.existsSync(path)).toBe(false);
});

const mounts = runs('unshare', '-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt');
(mounts ? test : test.skip)(
  'a full disk keeps what fits; with more room it goes on (skipped where this user may not mount)',
  () => {
    const folder = inputs('full');
    fs.mkdirSync(join(folder, 'disk'));
    const script =
      'mount -t tmpfs -o size=400k tmpfs disk || exit 99; "$@"; first=$?; ' +
      'mount -o remount,size=4m disk; "$@" --resume; echo $first $? $(ls -A disk); cp disk/y.npy y.npy';
    const args = [
      'good.npy',
      '--op',
      'softmax',
      '--out',
      'disk/y.npy',
      '--part-size',
      '50k',
      '--quiet',
    ];
    const { stdout, stderr } = command(
      'unshare',
      ['-m', 'sh', '-c', script, 'sh', process.execPath, cli, 'score', ...args],
      // Blocks as large as a part: the test is of parts.
      { cwd: folder },
    );
    expect(stdout).toBe('4 0 y.npy\n');
    expect(stderr).toBe('softlane: disk/y.npy: cannot be written: no space left on the device\n');
    softlane(['score', 'good.npy', '--op', 'softmax', '--out', 'z.npy'], { cwd: folder });
    expect(
      fs.readFileSync(join(folder, 'y.npy')).equals(fs.readFileSync(join(folder, 'z.npy'))),
    ).toBe(true);
  },
);

describe('rows that cannot be scored', () => {
  test('stop the job, by file and row; or are rejected; or have the result of the operator', async () => {
    const folder = inputs('bad');
    const path = join(folder, 'y.jsonl');
    const job = (op: string): JobOptions => ({
      inputs: [join(folder, 'good.npy'), join(folder, 'x.npy')],
      outputs: [{ path, op }],
      blockBytes: 50_000,
    });
    const sentence = `${join(folder, 'x.npy')}: row ${badRow}: NaN in column 7`;
    await expect(runJob(job('top-k'))).rejects.toThrow(sentence);
    await expect(runJob({ ...job('softmax'), badRows: 'stop' })).rejects.toThrow(sentence);
    const line = async (options: JobOptions): Promise<string> => {
      await runJob({ ...options, force: true });
      return fs.readFileSync(path, 'utf8').split('\n')[rows + badRow]!;
    };
    expect(await line(job('max-logit'))).toBe('{"maxLogit":null}');
    const reject = join(folder, 'bad.jsonl');
    expect(await line({ ...job('top-k'), reject })).toBe('{"values":[null],"indices":[-1]}');
    const rejected = JSON.parse(fs.readFileSync(reject, 'utf8')) as object;
    expect(rejected).toEqual({
      path: join(folder, 'x.npy'),
      row: badRow,
      reason: 'NaN in column 7',
    });
  });

  test('a label that is no column', async () => {
    const folder = inputs('labels');
    const wrong = labels.slice();
    wrong[10] = cols;
    wrong[11] = -1;
    fs.writeFileSync(join(folder, 'l.npy'), npy(dict(`(${rows},)`, "'<i4'"), bytesOf(wrong)));
    const job: JobOptions = {
      inputs: [join(folder, 'good.npy')],
      outputs: [{ path: join(folder, 'loss.csv'), op: 'cross-entropy' }],
      labels: join(folder, 'l.npy'),
    };
    await expect(runJob(job)).rejects.toThrow(
      `row 10: label ${cols} is none of the ${cols} columns`,
    );
    const summary = await runJob({ ...job, reject: join(folder, 'bad.jsonl') });
    expect(summary.rejected).toBe(2);
    const short = { ...job, labels: join(folder, 'short.npy') };
    fs.writeFileSync(short.labels, npy(dict('(5,)', "'<i4'"), bytesOf(labels.subarray(0, 5))));
    await expect(runJob({ ...short, force: true })).rejects.toThrow(
      'has 5 rows, the input has 3000',
    );
  });
});

describe('beside', () => {
  test('a head matrix makes logits of hidden states', async () => {
    const folder = inputs('head');
    const [hidden, vocabulary] = [cols, 11];
    const weights = Float32Array.from({ length: vocabulary * hidden }, (_, i) => Math.cos(i * i));
    const head = join(folder, 'head.npy');
    fs.writeFileSync(head, npy(dict(`(${vocabulary}, ${hidden})`), bytesOf(weights)));
    const path = join(folder, 'most.npy');
    const inputsOf = [join(folder, 'good.npy')];
    await runJob({
      inputs: inputsOf,
      outputs: [{ path, op: 'max-logit' }],
      head,
      blockBytes: 3000,
    });
    const seen = new Float32Array(new Uint8Array(fs.readFileSync(path).subarray(-4 * rows)).buffer);
    for (const row of [0, 1, 777, rows - 1]) {
      const logits = Array.from({ length: vocabulary }, (_, v) => {
        let sum = 0;
        for (let h = 0; h < hidden; h++) sum += x[row * hidden + h]! * weights[v * hidden + h]!;
        return Math.fround(sum);
      });
      expect(seen[row]).toBe(Math.max(...logits));
    }
    await expect(
      runJob({
        inputs: inputsOf,
        outputs: [{ path, op: 'max-logit' }],
        head: join(folder, 'labels.npy'),
      }),
    ).rejects.toThrow('holds elements of type');
    // Sparse, and larger than any memory.
    const vast = join(folder, 'vast.npy');
    const many = Math.floor(2 ** 40 / hidden);
    fs.writeFileSync(vast, npy(dict(`(${many}, ${hidden})`), new Uint8Array(0)));
    fs.truncateSync(vast, fs.statSync(vast).size + 4 * many * hidden);
    await expect(
      runJob({ inputs: inputsOf, outputs: [{ path, op: 'max-logit' }], head: vast }),
    ).rejects.toThrow('expected enough memory for');
    // It is an input as others are: no output replaces it.
    const before = fs.readFileSync(head);
    const outputs = [{ path: head, op: 'max-logit' }];
    await expect(runJob({ inputs: inputsOf, outputs, head, force: true })).rejects.toThrow(
      'is the input itself',
    );
    expect(fs.readFileSync(head).equals(before)).toBe(true);
  });

  test('what a killed run left of a manifest goes with the next', () => {
    const folder = inputs('left');
    const left = join(folder, 'done.json.tmp-999999999-0123abcd');
    fs.writeFileSync(left, 'half');
    const job = ['score', 'good.npy', '--op', 'entropy', '--out', 'y.npy'];
    const run = softlane([...job, '--manifest', 'done.json', '--force'], { cwd: folder });
    expect([run.status, fs.existsSync(left)]).toEqual([0, false]);
  });

  test('a row is a group of rows, and a manifest says its bits', () => {
    const folder = inputs('groups');
    fs.writeFileSync(join(folder, 'two.npy'), npy(dict('(1, 6)'), floats(1, 2, 3, 1, 2, 2)));
    const job = ['score', 'two.npy', '--op', 'ensemble-stats', '--set', 'stats=agreement'];
    const ends = ['--out', 'y.csv', '--manifest', 'done.json', '--quiet'];
    const run = softlane([...job, '--set', 'members=2', ...ends], { cwd: folder });
    expect([run.status, run.stderr]).toEqual([0, '']);
    const x = Float32Array.of(1, 2, 3, 1, 2, 2);
    const { agreement } = ensembleStats(x, { cols: 3, members: 2, stats: ['agreement'] });
    const [, value] = fs.readFileSync(join(folder, 'y.csv'), 'utf8').trim().split('\n');
    expect(Math.fround(Number(value))).toBe(agreement[0]);
    const wrong = softlane([...job, '--set', 'members=4', ...ends, '--force'], { cwd: folder });
    expect(wrong.status).toBe(2);
    expect(wrong.stderr).toMatch(/^softlane: .*members to be a divisor of .*\(6\), .*received 4/);
  });

  test('a manifest says from what, with what and how', async () => {
    const folder = inputs('manifest');
    const job = [
      'score',
      'good.npy',
      '--op',
      'softmax',
      '--out',
      'y.npy',
      '--manifest',
      'done.json',
      '--checksum',
    ];
    expect(softlane(job, { cwd: folder }).status).toBe(0);
    const seen = JSON.parse(fs.readFileSync(join(folder, 'done.json'), 'utf8')) as any;
    expect(seen.rows).toBe(rows);
    expect(seen.job.inputs).toEqual([
      {
        path: 'good.npy',
        size: fs.statSync(join(folder, 'good.npy')).size,
        modified: expect.any(String),
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        whole: true,
      },
    ]);
    expect(seen.job.operators.softmax).toMatch(/^[0-9a-f]{16}$/);
  });

  test('a dry run writes nothing; events are lines of JSON', () => {
    const folder = inputs('dry');
    const job = ['score', 'good.npy', '--op', 'softmax', '--out', 'y.npy', '--json'];
    const dry = softlane([...job, '--dry-run'], { cwd: folder });
    expect(JSON.parse(dry.stdout)).toMatchObject({
      rows,
      cols,
      outputs: [{ bytes: 4 * rows * cols }],
    });
    expect(fs.existsSync(join(folder, 'y.npy'))).toBe(false);
    const { stdout } = softlane([...job, '--part-size', '1k'], { cwd: folder });
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string });
    expect(events.map(({ event }) => event)).toEqual(['start', 'done']);
  });

  test('memory that is too little for two rows is a sentence', async () => {
    const folder = inputs('memory');
    const outputs = [{ path: join(folder, 'y.npy'), op: 'softmax' }];
    const job = runJob({ inputs: [join(folder, 'good.npy')], outputs, limitMemory: 100 });
    await expect(job).rejects.toThrow('expected --limit-memory to be at least the 1024 bytes');
  });
});
