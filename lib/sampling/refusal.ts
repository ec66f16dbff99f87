/** From the status of a sampler's call to its error. */
import { requireAttached } from '../elements';
import { SoftlaneRangeError } from '../errors';
import type { OperandArray } from '../operator';
import { Refusal, Status } from '../spec';
import { plainStatusError } from '../status';
import { NAME } from './settings';

/** `arrays`: every one of the call. */
export function refusal(
  status: number,
  cols: number,
  arrays: readonly (OperandArray | undefined)[],
): Error {
  const row = Math.floor(status / 256);
  const value = (expected: string, received: string): Error =>
    new SoftlaneRangeError(
      'ERR_SOFTLANE_VALUE',
      `${NAME}: expected ${expected}, received ${received}`,
    );
  switch (status < 256 ? status : status % 256) {
    case Refusal.NAN:
      return value(
        "logits to have no NaN and no +Infinity (nan: 'masked' takes a NaN for a masked token)",
        `one in row ${row}`,
      );
    case Refusal.MASKED:
      return value('every row to have a token that is not masked', `none in row ${row}`);
    case Refusal.TOKEN:
      return value(
        `every token of history and logitBias to be the index of a column, below ${cols}`,
        `another for row ${row}`,
      );
    case Status.OVERLAP:
      return new SoftlaneRangeError(
        'ERR_SOFTLANE_OVERLAP',
        `${NAME}: expected every output to be apart from logits and from every other array of the call, received one that overlaps`,
      );
    case Status.BAD_INPUT:
    case Status.BAD_OPERAND:
      return lostMemory(status, arrays);
    default:
      return plainStatusError(NAME, status);
  }
}

function lostMemory(status: number, arrays: readonly (OperandArray | undefined)[]): Error {
  try {
    for (const array of arrays) {
      if (array?.length === 0) requireAttached(NAME, 'every array of the call', array);
    }
  } catch (error) {
    return error as Error;
  }
  return plainStatusError(NAME, status);
}
