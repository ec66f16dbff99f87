/** The programs of test/native, which `npm test` builds on Linux and leaves the name of their folder. */
import { test } from '@jest/globals';
import { capabilities } from '../../lib/index';

export const programFolder = process.env['SOFTLANE_PROGRAMS'];
export const programTest = programFolder === undefined ? test.skip : test;

/** All there is instead of a share. */
export const EXHAUSTIVE = process.env['SOFTLANE_EXHAUSTIVE'] === '1';

/** Of so many parts one, where a command may not take as long as the whole: SOFTLANE_PART=1/4. */
const [place, parts] = (process.env['SOFTLANE_PART'] ?? '1/1').split('/').map(Number);
export const share = { part: place - 1, parts };

/** How many times as long a program may take: of one that is looked at by sanitizers each line does. */
export const patience = process.env['SOFTLANE_SANITIZE'] ? 30 : 1;

export const isas = capabilities().isas.filter(({ supported }) => supported);

/** Prints figures where they are wanted. */
export function said(what: string, figures: unknown): void {
  if (EXHAUSTIVE) process.stderr.write(`${what}: ${JSON.stringify(figures)}\n`);
}
