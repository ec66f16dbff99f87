/** Verify mode: results of calls are compared with the float64 oracle while a program runs. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { types } from 'node:util';
import { SoftlaneError } from './errors';
import { floatsOf, formatDistance, widen } from './formats';
import { placeOf, rowOf } from './layout';
import { inputsOfRow } from './operands';
import type {
  Bound,
  Format,
  InputArray,
  OperandArray,
  OperandArrays,
  Operator,
  OutputArray,
  Parameters,
  TrueRow,
} from './operator';
import { groupSize, operandsOf, parametersOf } from './operator';
import { FORMATS, Spec } from './spec';
import { boundDistance } from './ulp';

/** Share of the calls to check (0: off), and calls counted so far. One per thread of JavaScript. */
export const verification = { share: 0, calls: 0 };

/** 'always' | 'off' | a number from 0 to 1, as a share; undefined for anything else. */
export function parseVerify(value: unknown): number | undefined {
  if (value === 'always') return 1;
  if (value === 'off') return 0;
  return typeof value === 'number' && value >= 0 && value <= 1 ? value : undefined;
}

/** Sets the share and starts to count anew, so that the same program checks the same calls. */
export function setVerify(share: number): void {
  verification.share = share;
  verification.calls = 0;
}

/** What verify mode found, field by field. */
export interface Mismatch {
  readonly operator: string;
  readonly algorithm: string | undefined;
  readonly isa: string;
  /** Of the output; its distances are counted in numbers of that format. */
  readonly format: Format;
  readonly parameters: Parameters;
  readonly rows: number;
  readonly cols: number;
  /** The worst element: its row, its column (0 for an operator with one number per row). */
  readonly row: number;
  readonly column: number;
  /** Which of several outputs; undefined for an operator with one. */
  readonly output: string | undefined;
  readonly got: number;
  readonly expected: number;
  readonly ulp: number;
  readonly bound: number;
  /** Elements beyond the bound in the whole call. */
  readonly mismatches: number;
  /** The input row, as it was when the call was made. */
  readonly input: Float32Array;
  /** Where the row was saved, if SOFTLANE_VERIFY_DIR is set. */
  readonly file: string | undefined;
}

/** A result that is off by more than the operator's bound. */
export class SoftlaneVerifyError extends SoftlaneError {
  override readonly name: string = 'SoftlaneVerifyError';
  constructor(
    message: string,
    readonly mismatch: Mismatch,
  ) {
    super('ERR_SOFTLANE_VERIFY', message);
  }
}

/** Compares the outputs of a call, y or those among its operands, with the oracle's. */
export type Check = (y: OutputArray, operands?: OperandArrays) => void;

/**
 * Counts a call; if it is one of the sampled, keeps its input and gives the check to make when the output is there.
 * With share s, call n (from 0) is checked where ceil((n + 1) s) > ceil(n s): the first, then evenly spread.
 */
export function beginVerify(
  operator: Operator,
  spec: Float64Array,
  x: InputArray,
  length: number,
  operands: OperandArrays | undefined,
  isa: string,
): Check | null {
  const n = verification.calls++;
  const { share } = verification;
  if (!(Math.ceil((n + 1) * share) > Math.ceil(n * share))) return null;
  // Copies: the call may be in place, and the record may be used again before an asynchronous call settles.
  const format = FORMATS[spec[Spec.xFormat]];
  const input = copied(operator.name, () => floatsOf(format, x))?.subarray(0, length);
  const inputs = copied(operator.name, () =>
    operandsOf(operator).map(({ role }, i) =>
      role === 'input' && operands?.[i] !== undefined ? copyOf(operands[i]) : undefined,
    ),
  );
  if (input === undefined || inputs === undefined) return null;
  const kept = spec.slice();
  return (y, results) => {
    check(operator, { spec: kept, x: input, inputs, y, results: results ?? [], isa });
  };
}

/** By no method of the array, which may be of any class. */
function copyOf(array: OperandArray): OperandArray {
  return types.isInt32Array(array) ? new Int32Array(array) : new Float32Array(array);
}

/** What `copy` makes; undefined if memory of an array is gone, which native code is about to refuse. */
function copied<T>(operator: string, copy: () => T): T | undefined {
  try {
    return copy();
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw new SoftlaneError(
      'ERR_SOFTLANE_OUT_OF_MEMORY',
      `${operator}: expected enough memory to keep the input until it is verified, received none`,
    );
  }
}

interface Worst {
  row: number;
  column: number;
  output: string | undefined;
  bound: number;
  got: number;
  expected: number;
  ulp: number;
}

interface Kept {
  readonly spec: Float64Array;
  readonly x: Float32Array;
  readonly inputs: OperandArrays;
  readonly y: OutputArray;
  readonly results: OperandArrays;
  readonly isa: string;
}

function check(operator: Operator, kept: Kept): void {
  const { spec, x, inputs, y, results } = kept;
  const made = operandsOf(operator).map(({ role }, i) => (role === 'output' ? results[i] : y));
  // Rows without elements may be any number.
  const rows = [y, ...made].every((array) => !array?.length) ? 0 : spec[Spec.rows];
  const parameters = parametersOf(operator, spec);
  const format = FORMATS[spec[Spec.yFormat]];
  let worst: Worst | undefined;
  let mismatches = 0;
  const compare = (
    row: number,
    { bound, output }: { bound: Bound; output: string | undefined },
    got: ArrayLike<number>,
    stride: number,
    truth: TrueRow | number,
  ): void => {
    const limit = format === 'f32' ? bound.maxUlp : 1;
    const sizes = typeof truth === 'number' ? undefined : truth.sizes;
    const count = typeof truth === 'number' ? 1 : truth.length;
    for (let column = 0; column < count; column++) {
      const expected = typeof truth === 'number' ? truth : truth[column];
      const value = got[placeOf(spec, row, column, count, stride)];
      const ulp =
        format === 'f32'
          ? boundDistance(value, expected, bound, sizes?.[column])
          : formatDistance(format, value, expected, bound, sizes?.[column]);
      if (ulp <= limit) continue;
      mismatches++;
      if (worst !== undefined && ulp <= worst.ulp) continue;
      worst = {
        row,
        column,
        output,
        got: format === 'f32' ? value : widen(format, value),
        expected,
        ulp,
        bound: limit,
      };
    }
  };
  for (let row = 0; row < rows; row++) {
    const truth = operator.oracle(
      rowOf(spec, x, row),
      parameters,
      inputsOfRow(operator, spec, inputs, row),
    );
    if (typeof truth === 'number' || truth instanceof Float64Array) {
      compare(row, { bound: operator.bound, output: undefined }, y, spec[Spec.yStride], truth);
      continue;
    }
    operandsOf(operator).forEach((operand, i) => {
      const got = results[i];
      if (operand.role === 'input' || got === undefined) return;
      const expected = truth[operand.name];
      const stride = typeof expected === 'number' ? 1 : expected.length;
      compare(row, { bound: operand.bound, output: operand.name }, got, stride, expected);
    });
  }
  if (worst === undefined) return;
  throw mismatchError(operator, kept, parameters, worst, mismatches);
}

function mismatchError(
  operator: Operator,
  { spec, x, isa }: Kept,
  parameters: Parameters,
  worst: Worst,
  mismatches: number,
): SoftlaneVerifyError {
  const cols = spec[Spec.cols];
  const input = rowOf(spec, x, worst.row).slice();
  const file = save(operator.name, input);
  const { algorithm } = parameters;
  const mismatch: Mismatch = {
    operator: operator.name,
    algorithm: algorithm === undefined ? undefined : String(algorithm),
    isa,
    format: FORMATS[spec[Spec.yFormat]],
    parameters,
    rows: spec[Spec.rows],
    cols: cols / groupSize(operator, spec),
    ...worst,
    mismatches,
    input,
    file,
  };
  return new SoftlaneVerifyError(sentence(mismatch), mismatch);
}

function sentence(m: Mismatch): string {
  const settings = Object.entries(m.parameters).map(([name, value]) => `${name} ${value}`);
  const start = m.column - (m.column % 16);
  const near = Array.from(m.input.subarray(start, start + 16), hex).join(' ');
  const where =
    m.file === undefined
      ? `x[${start}...] = ${near} (float32 bits; the whole row is in error.mismatch.input, or in a file if SOFTLANE_VERIFY_DIR is set)`
      : `the row is in ${m.file}`;
  return (
    `${m.operator}: expected ${m.output === undefined ? '' : `${m.output} of `}row ${m.row}, column ${m.column} to be ${m.expected} within ${m.bound} ULP, ` +
    `received ${m.got} (${m.ulp} ULP; ${m.mismatches} such in ${m.rows} x ${m.cols}); ` +
    `to reproduce: isa ${m.isa}, ${[...settings, `cols ${m.cols}`].join(', ')}, ${where}`
  );
}

function hex(value: number): string {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  return view.getUint32(0).toString(16).padStart(8, '0');
}

let saved = 0;

/** Saves a row as a one-dimensional .npy file that the command line reads; undefined if it is not to be or cannot. */
function save(operator: string, row: Float32Array): string | undefined {
  const directory = process.env['SOFTLANE_VERIFY_DIR'];
  if (directory === undefined || directory === '') return undefined;
  const file = join(directory, `softlane-verify-${operator}-${process.pid}-${saved++}.npy`);
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${row.length},), }`;
  const text = `${header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11)}\n`;
  const bytes = Buffer.alloc(10 + text.length + row.length * 4);
  bytes.write('\x93NUMPY\x01\x00', 'latin1');
  bytes.writeUInt16LE(text.length, 8);
  bytes.write(text, 10, 'latin1');
  row.forEach((value, i) => bytes.writeFloatLE(value, 10 + text.length + 4 * i));
  try {
    writeFileSync(file, bytes);
    return file;
  } catch {
    // A directory that cannot be written must not hide the mismatch.
    return undefined;
  }
}
