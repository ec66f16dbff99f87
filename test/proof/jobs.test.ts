/** Jobs of `softlane score` that are killed at any moment and go on: the bytes are those of a run that nobody killed. */
import { describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { cli, plainEnvironment, softlane } from '../helpers/cli';
import { effort, say, seed } from '../helpers/effort';
import { badRow, writeInputs } from '../helpers/job-inputs';
import { Scratch } from '../helpers/npy';

const scratch = new Scratch('kills');
const at = (name: string): string => join(scratch.folder, name);
const inputs = (name: string): string => writeInputs(at(name));

const results = ['p.npy', 'top.parquet', 'm.json', 'bad.jsonl', 'loss.csv'];
const words = [
  ...['score', 'x.npy', '--op', 'softmax', '--out', 'p.npy', '--top-k', '3', 'top.parquet'],
  ...[
    '--op',
    'cross-entropy',
    '--out',
    'loss.csv',
    '--metrics',
    'm.json',
    '--labels',
    'labels.npy',
  ],
  ...['--reject', 'bad.jsonl', '--quiet'],
];
const contents = (folder: string): string[] =>
  results.map((name) => fs.readFileSync(join(folder, name), 'latin1'));
const leftovers = (folder: string): string[] =>
  fs.readdirSync(folder).filter((name) => /\.tmp-|\.job$/.test(name));

function random(from: number): () => number {
  let state = from >>> 0;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

describe('a job that is killed at any moment', () => {
  test('goes on to the same bytes, whatever threads and parts', async () => {
    const whole = inputs('whole');
    expect(softlane(words, { cwd: whole }).status).toBe(6);
    const want = contents(whole);
    expect(JSON.parse(want[3]!)).toEqual({ path: 'x.npy', row: badRow, reason: 'NaN in column 7' });
    const folder = inputs('killed');
    const next = random(seed);
    const wanted = effort(6, 100);
    say(`score-jobs: ${wanted} kills, SOFTLANE_SEED=${seed}`);
    let kills = 0;
    const kept = (): boolean => fs.existsSync(join(folder, 'p.npy.job'));
    /** How long a run takes that nobody kills: kills are spread over that. */
    let length = 400;
    for (let run = 0; kills < wanted; run++) {
      const isNew = !kept();
      const part = String(2000 + Math.floor(next() * 200_000));
      const args = [...words, '--resume', '--part-size', part, '--threads', String(1 + (run % 2))];
      const start = Date.now();
      const child = spawn(process.execPath, [cli, ...args], {
        cwd: folder,
        env: plainEnvironment(),
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let stderr = '';
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      const timer = setTimeout(() => child.kill('SIGKILL'), 60 + next() * length);
      const ended = await new Promise<[number | null, string | null]>((resolve) =>
        child.once('close', (code, signal) => resolve([code, signal])),
      );
      clearTimeout(timer);
      if (ended[1] === 'SIGKILL') {
        kills++;
        // Killed after the last file had its name, the job is done: there is nothing to go on with.
        const isDone = !kept() && results.every((name) => fs.existsSync(join(folder, name)));
        if (!isDone) continue;
      } else expect([ended, stderr]).toEqual([[6, null], '']);
      expect(contents(folder)).toEqual(want);
      expect(leftovers(folder)).toEqual([]);
      if (isNew) length = Math.max(200, Date.now() - start);
      for (const name of results) fs.rmSync(join(folder, name));
    }
    expect(softlane([...words, '--resume'], { cwd: folder }).status).toBe(6);
    expect(contents(folder)).toEqual(want);
    expect(leftovers(folder)).toEqual([]);
  }, 600_000);
});
