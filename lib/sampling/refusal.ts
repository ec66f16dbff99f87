/** From the status of a call that looks at tokens to its error. */
import { requireAttached } from '../elements';
import { SoftlaneRangeError } from '../errors';
import type { OperandArray } from '../operator';
import { Refusal, Status } from '../spec';
import { plainStatusError } from '../status';

/** `arrays`: every one of the call. `reasons`: by refusal, what was expected and what was received; the row follows. */
export function refusal(
  name: string,
  status: number,
  arrays: readonly (OperandArray | undefined)[],
  reasons: Readonly<Record<number, readonly [expected: string, received: string]>>,
): Error {
  if (status === Status.OVERLAP) {
    return new SoftlaneRangeError(
      'ERR_SOFTLANE_OVERLAP',
      `${name}: expected every output to be apart from logits and from every other array of the call, received one that overlaps`,
    );
  }
  if (status === Status.BAD_INPUT || status === Status.BAD_OPERAND) {
    return lostMemory(name, status, arrays);
  }
  const reason = status < Refusal.NAN ? undefined : reasons[status % 256];
  if (reason === undefined) return plainStatusError(name, status);
  const [expected, received] = reason;
  return new SoftlaneRangeError(
    'ERR_SOFTLANE_VALUE',
    `${name}: expected ${expected}, received ${received} ${Math.floor(status / 256)}`,
  );
}

function lostMemory(
  name: string,
  status: number,
  arrays: readonly (OperandArray | undefined)[],
): Error {
  try {
    for (const array of arrays) {
      if (array?.length === 0) requireAttached(name, 'every array of the call', array);
    }
  } catch (error) {
    return error as Error;
  }
  return plainStatusError(name, status);
}
