/** What a call of a sampler reads: logits, and arrays of different lengths for each row. */
import { size } from '../check';
import { wrongShape, wrongType, wrongValue } from '../errors';
import { formatIndex, readInput } from '../input';
import type { InputArray } from '../operator';
import { FORMATS } from '../spec';
import { NAME, integer } from './settings';

interface Logits {
  readonly x: InputArray;
  /** Its place in FORMATS. */
  readonly format: number;
  readonly rows: number;
  readonly cols: number;
}

export function readLogits(
  logits: unknown,
  given: unknown,
  dtype: unknown,
  name = NAME,
  argument = 'logits',
): Logits {
  const wanted = given === undefined ? undefined : size(name, 'options.cols', given, 0);
  const wantedFormat =
    dtype === undefined ? NaN : formatIndex(name, 'options.dtype', FORMATS, dtype);
  const { array: x, format, tensor } = readInput(name, argument, logits, wantedFormat);
  let cols: number;
  let rows: number | undefined;
  if (tensor === null) {
    cols = wanted ?? x.length;
    if (wanted === undefined) rows = 1;
  } else {
    const { dims } = tensor;
    cols = wanted ?? (dims.length === 0 ? 1 : dims[dims.length - 1]);
    if (cols === 0) rows = dims.slice(0, -1).reduce((product, dim) => product * dim, 1);
  }
  rows ??= cols === 0 ? 0 : x.length / cols;
  if (!Number.isInteger(rows)) {
    const expected = `have a length that is a multiple of options.cols (${cols})`;
    throw wrongShape(name, argument, expected, `a length of ${x.length}`);
  }
  if (cols > 0x7fffffff) {
    throw wrongShape(name, 'rows', 'have at most 2147483647 columns', `${cols} columns`);
  }
  return { x, format, rows, cols };
}

/** That of a row alone. Nobody writes to it. */
const FIRST = new Float64Array(1);

/** The numbers that rows are keyed by: given, or their places. */
export function readIds(ids: unknown, rows: number, name = NAME): Float64Array {
  if (ids === undefined) {
    if (rows === 1) return FIRST;
    const places = new Float64Array(rows);
    for (let row = 1; row < rows; row++) places[row] = row;
    return places;
  }
  if (!Array.isArray(ids)) throw wrongType(name, 'options.rows', 'an array of numbers', ids);
  requireOneARow(name, 'options.rows', ids.length, rows);
  return Float64Array.from(ids as unknown[], (id, row) => {
    const argument = `options.rows[${row}]`;
    const number = integer(argument, id, name);
    if (number < 2 ** 32) return number;
    throw wrongValue(name, argument, 'an integer from 0 to 4294967295', id);
  });
}

export function requireOneARow(name: string, argument: string, length: number, rows: number): void {
  if (length === rows) return;
  throw wrongShape(name, argument, `have one entry for each of ${rows} rows`, `${length}`);
}

/** Arrays of one type end to end; the same one only once, and one alone is not copied. */
export class Joined<A extends Int32Array | Float32Array> {
  private first: A | undefined = undefined;
  /** Where each begins, once there is more than one. */
  private begins: Map<A, number> | undefined = undefined;
  total = 0;

  constructor(private readonly maker: new (length: number) => A) {}

  add(part: A): number {
    if (part.length === 0 || part === this.first) return 0;
    if (this.first === undefined) {
      this.first = part;
      this.total = part.length;
      return 0;
    }
    this.begins ??= new Map([[this.first, 0]]);
    const known = this.begins.get(part);
    if (known !== undefined) return known;
    const begin = this.total;
    this.begins.set(part, begin);
    this.total += part.length;
    return begin;
  }

  /** All of them; what follows begins anew. */
  take(): A | undefined {
    const { first, begins, total } = this;
    this.first = this.begins = undefined;
    this.total = 0;
    if (begins === undefined) return first;
    const joined = new this.maker(total);
    for (const [part, begin] of begins) joined.set(part as never, begin);
    return joined;
  }
}
