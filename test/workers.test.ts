/** The addon in worker threads, where it comes and goes. Workers that are terminated are in crashes.test.ts. */
import { expect, test } from '@jest/globals';
import { runFixture } from './helpers/child';

test.each([
  ['many workers, one after another, then the main thread', 'oneByOne'],
  ['workers and the main thread at once', 'together'],
  ['threads that share an array', 'shared'],
  ['a worker that exits with work in flight', 'exits'],
  ['a worker that throws with work in flight', 'throws'],
])('%s', async (_, name) => {
  const ended = await runFixture('workers.cjs', [name]);
  // Deno reports what a worker throws, whoever listens.
  const reported = name === 'throws' && 'deno' in process.versions;
  const stderr: unknown = reported ? expect.stringContaining('on purpose') : '';
  expect(ended).toEqual({ code: 0, signal: null, stdout: 'done\n', stderr });
});
