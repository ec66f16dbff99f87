/** Outputs that get their names while somebody else is about: nothing of either is lost. */
import { describe, expect, test } from '@jest/globals';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { JobStopped, runJob } from '../lib/score/job';
import type { JobOptions } from '../lib/score/job-types';
import { writeInputs } from './helpers/job-inputs';
import { failure, Scratch } from './helpers/npy';

const scratch = new Scratch('names');

/** A process that is gone, so that its temporary files are nobody's. */
const gone = 0x7ffffffe;

const temporaries = (folder: string): string[] =>
  fs.readdirSync(folder).filter((name) => name.includes('.tmp-'));

// Metrics are made of what was written for them, as .arrow and .parquet are.
describe.each(['b.npy', 'b.csv', 'metrics.json'])(
  'a job of two outputs, the second %s',
  (second) => {
    const jobIn = (name: string): { folder: string; path: string; job: JobOptions } => {
      const folder = writeInputs(join(scratch.folder, `${name}-${second}`));
      const path = join(folder, second);
      const inputs = [join(folder, 'good.npy')];
      const first = { path: join(folder, 'a.npy'), op: 'softmax' };
      const job =
        second === 'metrics.json'
          ? { inputs, outputs: [first], metrics: { path } }
          : { inputs, outputs: [first, { path, op: 'max-logit' }] };
      return { folder, path, job };
    };

    /** Somebody else makes a file of the second name while the job is running. */
    async function interrupted(name: string): Promise<ReturnType<typeof jobIn>> {
      const made = jobIn(name);
      const error = await failure(
        runJob({ ...made.job, onProgress: () => fs.writeFileSync(made.path, 'of somebody else') }),
      );
      expect(error.code).toBe('ERR_SOFTLANE_OUTPUT_EXISTS');
      return made;
    }

    test('keeps its rows, and what somebody else put there', async () => {
      const { folder, path, job } = await interrupted('taken');
      for (let i = 0; i < 2; i++) {
        const before = fs.readdirSync(folder);
        const error = await failure(runJob({ ...job, resume: true }));
        expect(error.code).toBe('ERR_SOFTLANE_OUTPUT_EXISTS');
        expect(fs.readFileSync(path, 'utf8')).toBe('of somebody else');
        expect(fs.readdirSync(folder)).toEqual(before);
      }
      expect(temporaries(folder).length).toBe(1);
      fs.unlinkSync(path);
      await runJob({ ...job, resume: true });
      expect(temporaries(folder)).toEqual([]);
      const resumed = fs.readFileSync(path);
      await runJob({ ...job, force: true });
      expect(fs.readFileSync(path).equals(resumed)).toBe(true);
    });

    test('replaces what somebody else put there with force', async () => {
      const { folder, path, job } = await interrupted('forced');
      await runJob({ ...job, resume: true, force: true });
      expect(fs.readFileSync(path, 'latin1')).not.toContain('somebody');
      expect(temporaries(folder)).toEqual([]);
    });

    test('knows an output that it had named when it died', async () => {
      const { folder, path, job } = await interrupted('died');
      fs.unlinkSync(path);
      // As between the name and the end of what the output was made from.
      const own = join(folder, `${second}.tmp-${gone}-0123abcd`);
      fs.writeFileSync(own, '["all of it"]');
      fs.linkSync(own, path);
      await runJob({ ...job, resume: true });
      expect(fs.readFileSync(path, 'utf8')).toBe('["all of it"]');
      expect(temporaries(folder)).toEqual([]);
      expect(fs.existsSync(`${join(folder, 'a.npy')}.job`)).toBe(false);
    });
  },
);

test('an unfinished job is still there after another, with force, was refused for its input', async () => {
  const folder = writeInputs(join(scratch.folder, 'kept'));
  const outputs = [{ path: join(folder, 'y.npy'), op: 'softmax' }];
  const job: JobOptions = { inputs: [join(folder, 'good.npy')], outputs, blockBytes: 100_000 };
  let blocks = 0;
  await expect(runJob({ ...job, stopped: () => ++blocks > 2 })).rejects.toThrow(JobStopped);
  const before = fs.readdirSync(folder);
  const inputs = [join(folder, 'is-not-there.npy')];
  const error = await failure(runJob({ ...job, inputs, force: true }));
  expect(error.code).toBe('ERR_SOFTLANE_INPUT_MISSING');
  expect(fs.readdirSync(folder)).toEqual(before);
  expect((await runJob({ ...job, resume: true })).resumedFrom).toBeGreaterThan(0);
});
