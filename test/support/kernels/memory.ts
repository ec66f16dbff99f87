/** Arrays in the middle of memory that is watched. */
import type { OutputArray } from '../../../lib/operator';

/** A NaN that no kernel makes: where an element near a row is read, the result shows it. */
const CANARY = 0x7fb1a5ed;
/** Elements of canaries before and after. */
const MARGIN = 64;

/**
 * `length` elements between canaries, `offset` elements further on than without. Where memory begins is not ours to
 * say, but offsets 0 to 15 are all alignments modulo 64 bytes.
 */
export class Watched<A extends OutputArray = Float32Array> {
  readonly array: A;
  private readonly words: Uint32Array;
  private readonly start: number;

  constructor(kind: 'float32' | 'int32', length: number, offset = 0) {
    this.start = MARGIN + offset;
    this.words = new Uint32Array(this.start + length + MARGIN).fill(CANARY);
    const { buffer } = this.words;
    const byteOffset = 4 * this.start;
    const view =
      kind === 'float32'
        ? new Float32Array(buffer, byteOffset, length)
        : new Int32Array(buffer, byteOffset, length);
    this.array = view as OutputArray as A;
  }

  static of(row: Float32Array, offset = 0): Watched {
    const watched = new Watched('float32', row.length, offset);
    bits(watched.array).set(bits(row));
    return watched;
  }

  /** Throws where something outside the array, or in a gap between rows inside it, is no canary any more. */
  expectUntouched(what: string, rows?: { cols: number; stride: number }): void {
    const { words, start, array } = this;
    for (let i = 0; i < words.length; i++) {
      const at = i - start;
      const inside = at >= 0 && at < array.length;
      if (inside && (rows === undefined || at % rows.stride < rows.cols)) continue;
      if (words[i] !== CANARY) {
        throw new Error(`${what}: element ${at} of an array of ${array.length} was written`);
      }
    }
  }

  /** Fills the gaps and the rows with canaries again. */
  reset(): void {
    this.words.fill(CANARY);
  }
}

function bits(array: OutputArray): Uint32Array {
  return new Uint32Array(array.buffer, array.byteOffset, array.length);
}
