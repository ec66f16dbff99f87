/** What jobs say of what they read and made: identities of inputs, manifests, summaries. */
import { expect, test } from '@jest/globals';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { runJob } from '../lib/score/job';
import type { JobOptions } from '../lib/score/job-types';
import { softlane } from './helpers/cli';
import { bytesOf, cols, writeInputs } from './helpers/job-inputs';
import { dict, failure, npy, Scratch } from './helpers/npy';

const scratch = new Scratch('records');
const inputs = (name: string): string => writeInputs(join(scratch.folder, name));

test('a head matrix that changes while it is used is a changed input', async () => {
  const folder = inputs('head-changed');
  const head = join(folder, 'head.npy');
  const matrix = (value: number): Buffer =>
    npy(dict(`(2, ${cols})`), bytesOf(new Float32Array(2 * cols).fill(value)));
  const job: JobOptions = {
    inputs: [join(folder, 'good.npy')],
    outputs: [{ path: join(folder, 'most.npy'), op: 'max-logit' }],
    head,
    blockBytes: 100_000,
  };
  for (const more of [
    { stopped: () => true },
    { manifest: join(folder, 'done.json') },
    { partBytes: 100_000 },
  ]) {
    fs.writeFileSync(head, matrix(1));
    const change = (): void => fs.writeFileSync(head, matrix(2));
    const error = await failure(runJob({ ...job, ...more, onProgress: change }));
    expect([error.code, error.message]).toEqual([
      'ERR_SOFTLANE_INPUT_CHANGED',
      `${head}: changed while it was read`,
    ]);
    expect(fs.readdirSync(folder).sort()).toEqual(['good.npy', 'head.npy', 'labels.npy', 'x.npy']);
  }
});

test('a manifest says of standard input that it was that', () => {
  const folder = inputs('piped');
  const manifest = (file: string, ...args: string[]): any => {
    const input = fs.readFileSync(join(folder, file));
    const job = ['score', ...args, '--manifest', 'done.json', '--quiet', '--force'];
    const { status, stderr } = softlane(job, { cwd: folder, input });
    expect([status, stderr]).toEqual([0, '']);
    return JSON.parse(fs.readFileSync(join(folder, 'done.json'), 'utf8')).job.inputs;
  };
  const file = { path: 'good.npy', sha256: expect.any(String) };
  const most = ['--op', 'max-logit', '--out', 'y.npy'];
  expect(manifest('good.npy', '-', ...most)).toEqual([{ path: '-' }]);
  const loss = ['--op', 'cross-entropy', '--out', 'y.npy', '--labels', '-'];
  expect(manifest('labels.npy', 'good.npy', ...loss)).toMatchObject([file, { path: '-' }]);
  const head = [...most, '--head', '-'];
  expect(manifest('good.npy', 'good.npy', ...head)).toMatchObject([file, { path: '-' }]);
});

test.each(['link', 'rename'] as const)(
  'a job that was killed when its metrics had got their name by %s still says them',
  (how) => {
    const folder = inputs(`killed ${how}`);
    const kill = join(folder, 'kill.cjs');
    fs.writeFileSync(
      kill,
      `const promises = require('node:fs/promises');
      const give = promises.${how};
      promises.${how} = async (from, to) => {
        await give(from, to);
        if (to.endsWith('m.json')) process.kill(process.pid, 'SIGKILL');
      };`,
    );
    const files = ['--op', 'max-logit', '--out', 'y.npy', '--metrics', 'm.json'];
    const rest = ['--labels', 'labels.npy', '--manifest', 'done.json', '--json'];
    const job = ['score', 'good.npy', ...files, ...rest];
    const flags = how === 'rename' ? ['--force'] : [];
    const env = { NODE_OPTIONS: `--require ${JSON.stringify(kill)}` };
    expect(softlane([...job, ...flags], { cwd: folder, env }).status).toBeNull();
    const json = (name: string): any => JSON.parse(fs.readFileSync(join(folder, name), 'utf8'));
    const before = fs.readFileSync(join(folder, 'm.json'));
    const outcome = softlane([...job, '--resume', ...flags], { cwd: folder });
    expect([outcome.status, outcome.stderr]).toEqual([0, '']);
    expect(fs.readFileSync(join(folder, 'm.json')).equals(before)).toBe(true);
    const metrics = json('m.json');
    expect(metrics.auroc).toEqual(expect.any(Number));
    expect(json('done.json').metrics).toEqual(metrics);
    const [done] = outcome.stdout.trimEnd().split('\n').slice(-1);
    expect(JSON.parse(done!)).toMatchObject({ event: 'done', metrics });
  },
);
