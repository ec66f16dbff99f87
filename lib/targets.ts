/** The right column of each row, for operators that are about one. */
import type { InputOperand } from './operator';
import type { Int32Output } from './types';

export interface TargetInputs {
  /** The index of the right column, one a row. */
  readonly targets: Int32Output;
}

export function targetsOperand(optional: boolean): InputOperand {
  return {
    role: 'input',
    name: 'targets',
    element: 'int32',
    extent: 'perRow',
    optional,
    summary: 'the index of the right column of each row',
    example: exampleTarget,
  };
}

/** Of even rows the largest element, of odd ones that in the middle: targets of both kinds. */
function exampleTarget(row: Float32Array): number {
  const middle = row.length >> 1;
  if (row.length % 2 === 1) return middle;
  let best = 0;
  for (let i = 1; i < row.length; i++) if (row[i] > row[best]) best = i;
  return best;
}
