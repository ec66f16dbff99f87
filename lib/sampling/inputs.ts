/** What a call of a sampler reads: logits, and arrays of different lengths for each row. */
import { size } from '../check';
import { wrongShape } from '../errors';
import { formatIndex, readInput } from '../input';
import type { InputArray } from '../operator';
import { FORMATS } from '../spec';
import { NAME } from './settings';

interface Logits {
  readonly x: InputArray;
  /** Its place in FORMATS. */
  readonly format: number;
  readonly rows: number;
  readonly cols: number;
}

export function readLogits(logits: unknown, given: unknown, dtype: unknown): Logits {
  const wanted = given === undefined ? undefined : size(NAME, 'options.cols', given, 0);
  const wantedFormat =
    dtype === undefined ? NaN : formatIndex(NAME, 'options.dtype', FORMATS, dtype);
  const { array: x, format, tensor } = readInput(NAME, 'logits', logits, wantedFormat);
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
    throw wrongShape(NAME, 'logits', expected, `a length of ${x.length}`);
  }
  if (cols > 0x7fffffff) {
    throw wrongShape(NAME, 'rows', 'have at most 2147483647 columns', `${cols} columns`);
  }
  return { x, format, rows, cols };
}

/** Arrays of one type end to end; the same one only once, and one alone is not copied. */
export class Joined<A extends Int32Array | Float32Array> {
  private first: A | undefined;
  /** Where each begins, once there is more than one. */
  private begins: Map<A, number> | undefined;
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

  whole(): A | undefined {
    if (this.begins === undefined) return this.first;
    const joined = new this.maker(this.total);
    for (const [part, begin] of this.begins) joined.set(part as never, begin);
    return joined;
  }
}
