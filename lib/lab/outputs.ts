import type { Shape } from './shapes';

/** Buffers of a rotation lie at least a page apart. */
const PAGE = 4096;

/** The arrays that a contender writes to. */
export type OutputArray = Float32Array | Int32Array | BigInt64Array;

export interface OutputType<T extends OutputArray> {
  new (buffer: ArrayBuffer, offset: number, length: number): T;
  readonly BYTES_PER_ELEMENT: number;
}

/**
 * Outputs that take turns: one, or for cold outputs as many as do not fit into the largest cache together, so that
 * each has been evicted when its turn comes. Every contender of a trial writes to the same ones.
 */
export class Rotation<T extends OutputArray> {
  readonly buffers: readonly T[];
  #next = 0;

  constructor(buffers: readonly T[]) {
    this.buffers = buffers;
    // Memory that was never written is one page of zeros, which no program reads from.
    for (const { buffer, byteOffset, byteLength } of buffers) {
      new Uint8Array(buffer, byteOffset, byteLength).fill(1);
    }
  }

  static of<T extends OutputArray>(
    type: OutputType<T>,
    length: number,
    count: number,
  ): Rotation<T> {
    const stride = strideOf(length * type.BYTES_PER_ELEMENT);
    // One block while that may be, so that thousands of small outputs are not thousands of objects outside the heap.
    const block = stride * count <= 2 ** 30 ? new ArrayBuffer(stride * count) : undefined;
    return new Rotation(
      Array.from({ length: count }, (_, i) =>
        block ? new type(block, i * stride, length) : new type(new ArrayBuffer(stride), 0, length),
      ),
    );
  }

  next(): T {
    this.#next = this.#next + 1 < this.buffers.length ? this.#next + 1 : 0;
    return this.buffers[this.#next];
  }

  /** The last that `next` gave. */
  get last(): T {
    return this.buffers[this.#next];
  }

  /** The place of the last one among the buffers. */
  get place(): number {
    return this.#next;
  }
}

/** Bytes from one output to the next. */
export const strideOf = (bytes: number): number => Math.ceil(bytes / PAGE) * PAGE;

/** Outputs of so many bytes that a rotation has; `cache`: bytes of the largest cache. */
export function countOf(bytes: number, cold: boolean, cache: number): number {
  return cold ? 1 + Math.ceil(cache / Math.max(bytes, PAGE)) : 1;
}

/**
 * Memory that a trial needs, in bytes: for each kind of pages the input and outputs as long, and the oracle's result.
 */
export function needed({ rows, cols }: Shape, cold: boolean, cache: number, kinds = 1): number {
  const bytes = 4 * rows * cols;
  return kinds * bytes * (1 + countOf(bytes, cold, cache)) + 8 * cols;
}
