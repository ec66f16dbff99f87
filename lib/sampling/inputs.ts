/** What a call of a sampler reads: logits, and arrays of different lengths for each row. */
import { types } from 'node:util';
import { size } from '../check';
import { requireAttached } from '../elements';
import { wrongShape, wrongType } from '../errors';
import { readTensor } from '../tensor';
import { NAME } from './settings';

export function readLogits(
  logits: unknown,
  given: unknown,
): { x: Float32Array; rows: number; cols: number } {
  const wanted = given === undefined ? undefined : size(NAME, 'options.cols', given, 0);
  let x: Float32Array;
  let cols: number;
  let rows: number | undefined;
  if (types.isFloat32Array(logits)) {
    x = logits;
    if (x.length === 0) requireAttached(NAME, 'logits', x);
    cols = wanted ?? x.length;
    if (wanted === undefined) rows = 1;
  } else if (
    typeof logits === 'object' &&
    logits !== null &&
    !ArrayBuffer.isView(logits) &&
    !Array.isArray(logits)
  ) {
    const { data, dims } = readTensor(NAME, 'logits', logits, 'float32');
    x = data as Float32Array;
    cols = wanted ?? (dims.length === 0 ? 1 : dims[dims.length - 1]);
    if (cols === 0) rows = dims.slice(0, -1).reduce((product, dim) => product * dim, 1);
  } else {
    throw wrongType(NAME, 'logits', 'a Float32Array or an object with data and dims', logits);
  }
  rows ??= cols === 0 ? 0 : x.length / cols;
  if (!Number.isInteger(rows)) {
    const expected = `have a length that is a multiple of options.cols (${cols})`;
    throw wrongShape(NAME, 'logits', expected, `a length of ${x.length}`);
  }
  if (cols > 0x7fffffff) {
    throw wrongShape(NAME, 'rows', 'have at most 2147483647 columns', `${cols} columns`);
  }
  return { x, rows, cols };
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
