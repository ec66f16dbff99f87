/**
 * How much a property test runs: a share at every `npm test`, with the same seed each time, and all of it in
 * `npm run test:slow`, with a new one, which is printed. SOFTLANE_SEED=... runs the same cases again.
 */
import { test } from '@jest/globals';

export const slow = process.env['SOFTLANE_SLOW'] === '1';

const given = process.env['SOFTLANE_SEED'] || undefined;
export const seed =
  given !== undefined ? Number(given) : slow ? Math.floor(Date.now() / 1000) : 20200113;

/** The first at every test, the second in the slow job. */
export function effort<T>(always: T, all: T): T {
  return slow ? all : always;
}

/** Only in the slow job; skipped by name otherwise. */
export const slowTest = slow ? test : test.skip;

/** Says what is about to run, so that it can be run again even if the process dies of it, and how much it was. */
export function say(line: string): void {
  if (slow || process.env['SOFTLANE_REPORT'] !== undefined) process.stderr.write(`${line}\n`);
}
