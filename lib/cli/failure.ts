import { inspect } from 'node:util';
import { LimitError } from '../score/errors';

/** What the exit codes mean; `--help` prints this table. */
export const exitCodes: readonly (readonly [number, string])[] = [
  [0, 'done'],
  [1, 'any other failure'],
  [2, 'wrong usage: unknown option, operation, name or value'],
  [3, 'the input cannot be read or is refused'],
  [4, 'the output cannot be written, or exists and --force is not given'],
  [5, 'lab compare: something is slower'],
  [6, 'score: done, but rows were rejected'],
  [129, 'stopped by SIGHUP'],
  [130, 'stopped by SIGINT (Ctrl-C)'],
  [143, 'stopped by SIGTERM'],
];

/** Something wrong with the command line itself. */
export class UsageError extends Error {}

const usage = new Set([
  'ERR_SOFTLANE_TYPE',
  'ERR_SOFTLANE_VALUE',
  'ERR_SOFTLANE_UNKNOWN_OPTION',
  'ERR_SOFTLANE_ISA',
  'ERR_SOFTLANE_ENV',
  'ERR_SOFTLANE_JOB_OPTIONS',
]);

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError || error instanceof LimitError) return 2;
  const code: unknown = (error as { code?: unknown } | null | undefined)?.code;
  if (typeof code !== 'string') return 1;
  if (usage.has(code)) return 2;
  if (/^ERR_SOFTLANE_(NPY|INPUT)_/.test(code)) return 3;
  return code.startsWith('ERR_SOFTLANE_OUTPUT_') ? 4 : 1;
}

/** One line for standard error; with its stack and causes if SOFTLANE_DEBUG asks for them. */
export function errorText(error: unknown, debug: boolean): string {
  const message: unknown = (error as { message?: unknown } | null | undefined)?.message;
  const text = visible(typeof message === 'string' ? message : String(error));
  const sentence = text.startsWith('softlane') ? text : `softlane: ${text}`;
  return debug ? `${sentence}\n${inspect(error)}` : sentence;
}

/** File names may hold line breaks and terminal sequences; a message stays one line and moves no cursor. */
export function visible(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (char) => {
    return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}
