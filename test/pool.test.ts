/** The thread pool by itself: the native program test/native/pool.cpp, briefly. npm run test:tsan is the longer look. */
import { expect } from '@jest/globals';
import { programFolder, programTest } from './helpers/programs';
import { runProgram } from './native/programs.cjs';

programTest('the pool: callers, cancellation, resizing, tasks, forks, no threads', async () => {
  const rounds = (await runProgram(programFolder!, 'pool', { seconds: 0.5 })) as object;
  expect(Object.keys(rounds)).toContain('several callers');
  expect(Math.min(...Object.values(rounds))).toBeGreaterThan(0);
});
