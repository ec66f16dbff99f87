/** Comparing results with the oracle, with each other, and memory with what it was before. */
import { createHash } from 'node:crypto';
import type { Operator, OutputArray, TrueRow } from '../../../lib/operator';
import { boundDistance } from '../../../lib/ulp';

const CANONICAL_NAN = 0x7fc00000;
/** The smallest normal float, and the smallest part of a number that an ULP can be. */
const NORMAL = 2 ** -126;
const SMALLEST_ULP = 2 ** -24;

export function bitsOf(array: OutputArray): Uint32Array | Uint16Array {
  if (array instanceof Uint16Array) return array;
  return new Uint32Array(array.buffer, array.byteOffset, array.length);
}

function isNaNBits(bits: number): boolean {
  return (bits & 0x7fffffff) > 0x7f800000;
}

/** Index of the first element whose bits differ, any NaN being like any other; -1 where there is none. */
export function firstDifference(a: OutputArray, b: OutputArray): number {
  if (a.length !== b.length) return Math.min(a.length, b.length);
  const p = bitsOf(a);
  const q = bitsOf(b);
  const float = a instanceof Float32Array;
  for (let i = 0; i < p.length; i++) {
    if (p[i] !== q[i] && !(float && isNaNBits(p[i]) && isNaNBits(q[i]))) return i;
  }
  return -1;
}

/** Throws where the bits of two results differ. */
export function expectSameBits(got: OutputArray, expected: OutputArray, what: string): void {
  const i = firstDifference(got, expected);
  if (i < 0) return;
  if (got.length !== expected.length) {
    throw new Error(`${what}: expected ${expected.length} elements, received ${got.length}`);
  }
  throw new Error(
    `${what}: expected the bits ${show(expected, i)}, received ${show(got, i)} at ${i} of ${got.length}`,
  );
}

function show(array: OutputArray, i: number): string {
  return `0x${bitsOf(array)[i].toString(16).padStart(8, '0')} (${array[i]})`;
}

export interface Worst {
  /** On the scale of the bound: ULP, save where an absolute error is allowed. */
  distance: number;
  index: number;
}

/** True values, and their sizes where they have any. */
type Truth = ArrayLike<number> & Pick<TrueRow, 'sizes'>;

/** The element that is farthest from the truth. */
export function worstOf(line: Pick<Operator, 'bound'>, y: OutputArray, truth: Truth): Worst {
  const worst = { distance: 0, index: -1 };
  for (let i = 0; i < y.length; i++) {
    // Most elements cannot be worse than the worst so far, and need no exact distance.
    const error = y[i] > truth[i] ? y[i] - truth[i] : truth[i] - y[i];
    const size = truth[i] < 0 ? -truth[i] : truth[i];
    if (size >= NORMAL && (y[i] === truth[i] || error <= worst.distance * size * SMALLEST_ULP)) {
      continue;
    }
    const distance = boundDistance(y[i], truth[i], line.bound, truth.sizes?.[i]);
    if (!(distance <= worst.distance)) {
      worst.distance = distance;
      worst.index = i;
    }
  }
  return worst;
}

/** Throws where an element is farther from the truth than the operator promises; else gives the largest distance. */
export function expectAccurate(
  line: Pick<Operator, 'bound'>,
  y: OutputArray,
  truth: Truth,
  what: string,
  x?: Float32Array,
): number {
  if (y.length !== truth.length) {
    throw new Error(`${what}: expected ${truth.length} elements, received ${y.length}`);
  }
  const { distance, index } = worstOf(line, y, truth);
  if (distance <= line.bound.maxUlp) return distance;
  const row = x !== undefined && x.length <= 64 ? `; x = [${Array.from(x).join(', ')}]` : '';
  throw new Error(
    `${what}: expected ${truth[index]} within ${line.bound.maxUlp} ULP, received ${show(y, index)}, ` +
      `${distance.toFixed(2)} ULP off, at ${index} of ${y.length}${row}`,
  );
}

/** sha256 over the elements as little-endian words, with every NaN the same. */
export class BitHash {
  private readonly hash = createHash('sha256');

  add(array: OutputArray): this {
    const words = bitsOf(array);
    const bytes = Buffer.alloc(4 * words.length);
    const float = array instanceof Float32Array;
    for (let i = 0; i < words.length; i++) {
      bytes.writeUInt32LE(float && isNaNBits(words[i]) ? CANONICAL_NAN : words[i], 4 * i);
    }
    this.hash.update(bytes);
    return this;
  }

  addNumbers(numbers: readonly number[]): this {
    const bytes = Buffer.alloc(8 * numbers.length);
    // A NaN from JavaScript has bits of its own choice.
    numbers.forEach((value, i) => bytes.writeDoubleLE(Number.isNaN(value) ? NaN : value, 8 * i));
    this.hash.update(bytes);
    return this;
  }

  hex(): string {
    return this.hash.digest('hex');
  }
}
