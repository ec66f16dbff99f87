import { expect } from '@jest/globals';
import type { ErrorCode } from '../../lib/errors';

/** Runs `call`, which must throw an error of that class and code whose sentence has these words. */
export function expectError(
  call: () => unknown,
  kind: typeof TypeError | typeof RangeError | typeof Error,
  code: ErrorCode,
  ...words: (string | RegExp)[]
): Error {
  let thrown: unknown;
  try {
    call();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(kind);
  const error = thrown as Error & { code: string };
  if (kind === Error) expect(error).not.toBeInstanceOf(TypeError);
  if (kind === Error) expect(error).not.toBeInstanceOf(RangeError);
  expect(error.code).toBe(code);
  for (const word of words) expect(error.message).toMatch(word);
  // One sentence.
  expect(error.message).not.toContain('\n');
  return error;
}

/** The same by the end of the code, which says which class it is. */
export function expectCode(call: () => unknown, code: string, ...words: (string | RegExp)[]): void {
  const kind = /^(TYPE|UNKNOWN_OPTION|DETACHED)$/.test(code) ? TypeError : RangeError;
  expectError(call, kind, `ERR_SOFTLANE_${code}` as ErrorCode, ...words);
}
