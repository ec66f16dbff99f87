/** What a failure means for a range: another attempt, or the end of its job; and how it is told. */

/** What another machine, or the same one later, may do better. */
const passing = new Set([
  'ERR_SOFTLANE_INPUT_MISSING',
  'ERR_SOFTLANE_INPUT_UNREADABLE',
  'ERR_SOFTLANE_OUTPUT_UNWRITABLE',
  'ERR_SOFTLANE_OUTPUT_UNSEEN',
  'ERR_SOFTLANE_OUT_OF_MEMORY',
  'ERR_SOFTLANE_NO_LIBRARY',
]);

/** Whether it is the same wherever it is tried: bad input, wrong options. Errors without a code are not known well enough. */
export function isForGood(code: string | undefined): boolean {
  return code?.startsWith('ERR_SOFTLANE_') === true && !passing.has(code);
}

/** A queue keeps a sentence: the code goes at its end. */
export function told(message: string, code: string | undefined): string {
  return code === undefined ? message : `${message} [${code}]`;
}

/** The sentence and the code again. */
export function untold(reason: string): { readonly message: string; readonly code?: string } {
  const found = /^([\s\S]*) \[(ERR_SOFTLANE_\w+)\]$/.exec(reason);
  return found === null ? { message: reason } : { message: found[1]!, code: found[2]! };
}
