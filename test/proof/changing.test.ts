/**
 * Shared memory that another thread writes to while a call works on it: whatever comes out of it, the process must not
 * crash or hang, no index may be beyond the row, and nothing but the outputs may be written (test/fixtures/changing.cjs).
 */
import { expect, test } from '@jest/globals';
import { runFixture } from '../helpers/child';
import { effort, say } from '../helpers/effort';

test('every operator, samplers and speculators, called and awaited', async () => {
  const rounds = effort(1, 60);
  const ended = await runFixture('changing.cjs', [String(rounds)], { limit: 1_800_000 });
  expect(ended).toMatchObject({ code: 0, signal: null, stderr: '' });
  const { calls, refused } = JSON.parse(ended.stdout) as { calls: number; refused: number };
  say(`changing memory: ${calls} calls, of which ${refused} were refused`);
  expect(calls).toBeGreaterThan(3000 * rounds);
  // Most of them get as far as their rows.
  expect(refused).toBeLessThan(calls / 3);
});
