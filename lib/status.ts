/** The one place where what a native function returned becomes an error. */
import { elementOf, kinds, requireAttached } from './elements';
import { SoftlaneError, SoftlaneRangeError, wrongShape, wrongType } from './errors';
import { elementsUnderWindows, placeOf } from './layout';
import type { Giver } from './operands';
import { extentWidth, operandArgument, operandLength } from './operands';
import type { AnyElement, OperandArray, OperandArrays, Operator } from './operator';
import { groupSize, operandsOf } from './operator';
import { FORMATS, Refusal, Spec, Status } from './spec';

/** What a call was about, for the message. */
export interface Attempt {
  readonly operator: Operator;
  readonly spec: Float64Array;
  readonly x: unknown;
  readonly y: unknown;
  readonly operands?: OperandArrays | undefined;
  readonly giver?: Giver | undefined;
}

/** Elements of x that a spec reads up to. */
export function inputLength(spec: Float64Array): number {
  const rows = spec[Spec.rows];
  const cols = spec[Spec.cols];
  if (spec[Spec.kernelHeight] > 0) return elementsUnderWindows(spec);
  return rows === 0 || cols === 0 ? 0 : (rows - 1) * spec[Spec.xStride] + cols;
}

/** Elements of y that a spec writes up to. */
export function outputLength(operator: Operator, spec: Float64Array): number {
  const rows = spec[Spec.rows];
  const cols = spec[Spec.cols];
  if (operator.output === 'record') return 0;
  if (operator.output === 'perRow') return rows;
  return rows === 0 || cols === 0 ? 0 : (rows - 1) * spec[Spec.yStride] + cols;
}

/** Of the elements that a spec says x has. */
export function inputElement(spec: Float64Array): AnyElement {
  return elementOf[FORMATS[spec[Spec.xFormat]]];
}

/** Of those that y has. */
export function outputElement(operator: Operator, spec: Float64Array): AnyElement {
  return operator.output === 'rows' ? elementOf[FORMATS[spec[Spec.yFormat]]] : operator.element;
}

/** The error for a status other than OK. */
export function statusError(attempt: Attempt, status: number): Error {
  const { operator, spec, x, y } = attempt;
  const name = operator.name;
  const input = kinds[inputElement(spec)];
  const output = kinds[outputElement(operator, spec)];
  switch (status) {
    case Status.BAD_INPUT:
      if (!input.is(x)) return wrongType(name, 'x', input.name, x);
      return lengthError(name, 'x', x, inputLength(spec));
    case Status.BAD_OUTPUT:
      if (!output.is(y)) return wrongType(name, 'out', output.name, y);
      return lengthError(name, 'out', y, outputLength(operator, spec));
    case Status.BAD_OPERAND:
      return operandError(attempt);
    case Status.OVERLAP:
      return operandsOf(operator).length === 0
        ? plainStatusError(name, status)
        : new SoftlaneRangeError(
            'ERR_SOFTLANE_OVERLAP',
            `${name}: expected every output to be apart from x and from every other array of the call, received one that overlaps x or another`,
          );
    default:
      return status >= Refusal.NAN ? refusalError(attempt, status) : plainStatusError(name, status);
  }
}

/** The first operand that native code cannot have taken. */
function operandError({ operator, spec, operands = [], giver }: Attempt): Error {
  const { name } = operator;
  for (const [i, operand] of operandsOf(operator).entries()) {
    const array = operands[i];
    const kind = kinds[operand.element];
    const argument = operandArgument(operand, giver);
    if (array === undefined) continue;
    if (!kind.is(array)) return wrongType(name, argument, kind.name, array);
    const needed = operandLength(operator, operand, spec);
    // The last of them is wrong if no other is: a length may lie.
    const isLast = operands.slice(i + 1).every((other) => other === undefined);
    if (isLast || array.length < needed || (array.byteLength === 0) !== (array.length === 0)) {
      return lengthError(name, argument, array, needed);
    }
  }
  return plainStatusError(name, Status.BAD_OPERAND);
}

/** A row that has no result. */
function refusalError(attempt: Attempt, status: number): Error {
  const row = Math.floor(status / 256);
  const { name, options } = attempt.operator;
  const [expected, received] = {
    [Refusal.NAN]: [
      `x to have no NaN${Object.hasOwn(options, 'nan') ? " (nan: 'masked' takes a NaN for a masked element)" : ''}`,
      `one in row ${row}`,
    ],
    [Refusal.TARGET]: wrongTarget(attempt, row),
    [Refusal.MASKED]: ['every row to have an element that is not masked', `none in row ${row}`],
    [Refusal.DISTRIBUTION]: [
      'every row of probabilities to be at least 0 and to add up to 1',
      `another as row ${row}`,
    ],
  }[status % 256] ?? ['the addon to accept the call', `status ${status}`];
  return new SoftlaneRangeError(
    'ERR_SOFTLANE_VALUE',
    `${name}: expected ${expected}, received ${received}`,
  );
}

/** The first of so many that is no column. By elements alone: an array's methods may be anybody's. */
export function firstBeyond(
  indices: OperandArray | undefined,
  count: number,
  cols: number,
  place: (k: number) => number,
): number | undefined {
  for (let k = 0; indices !== undefined && k < count; k++) {
    const index = indices[place(k)];
    if (!(index >= 0 && index < cols)) return index;
  }
  return undefined;
}

/** The target of a row that is no column, as far as the arrays are still there. */
function wrongTarget(
  { operator, spec, operands = [], giver }: Attempt,
  row: number,
): readonly [expected: string, received: string] {
  const cols = spec[Spec.cols] / groupSize(operator, spec);
  const expected = `to have only indices of columns, from 0 to ${cols - 1}`;
  for (const [i, operand] of operandsOf(operator).entries()) {
    if (operand.role !== 'input' || operand.element !== 'int32') continue;
    const width = extentWidth(operator, operand.extent, spec);
    const lies = width === 1 || spec[Spec.inner] <= 1;
    const wrong = firstBeyond(operands[i], width, cols, (k) =>
      lies ? row * width + k : placeOf(spec, row, k, width, width),
    );
    const received = wrong === undefined ? 'another' : String(wrong);
    return [`${operandArgument(operand, giver)} ${expected}`, `${received} for row ${row}`];
  }
  return [`every target ${expected}`, `another for row ${row}`];
}

function lengthError(name: string, argument: string, array: OperandArray, needed: number): Error {
  try {
    requireAttached(name, argument, array);
  } catch (error) {
    return error as Error;
  }
  return wrongShape(
    name,
    argument,
    `have at least ${needed} elements`,
    `${array.length === needed ? 'fewer' : array.length}`,
  );
}

/** The error for a status that no argument explains further. */
export function plainStatusError(name: string, status: number): Error {
  switch (status) {
    case Status.OVERLAP:
      return new SoftlaneRangeError(
        'ERR_SOFTLANE_OVERLAP',
        `${name}: expected out to be apart from x, or to start where x starts with an equal stride, received an out that overlaps x otherwise`,
      );
    case Status.UNSUPPORTED_ISA:
      return new SoftlaneRangeError(
        'ERR_SOFTLANE_ISA',
        `${name}: expected an instruction set that this CPU and operating system support, received another`,
      );
    case Status.OUT_OF_MEMORY:
      return new SoftlaneError(
        'ERR_SOFTLANE_OUT_OF_MEMORY',
        `${name}: expected enough memory for the call's buffers, received none`,
      );
    case Status.ABORTED:
      return new SoftlaneError('ERR_SOFTLANE_ABORTED', `${name}: the call was aborted`);
    case Status.BAD_STATE:
      return new SoftlaneError(
        'ERR_SOFTLANE_STATE',
        `${name}: expected an intact state of this version and temperature, received another`,
      );
    default:
      return new SoftlaneError(
        'ERR_SOFTLANE_INTERNAL',
        `${name}: expected the addon to accept the call, received status ${status}`,
      );
  }
}
