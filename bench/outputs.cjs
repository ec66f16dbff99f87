// @ts-check
'use strict';

/** Buffers of a rotation lie at least a page apart. */
const PAGE = 4096;

/**
 * Outputs that take turns: one, or for cold outputs as many as do not fit into the largest cache together, so that
 * each has been evicted when its turn comes. Every contender of a trial writes to the same ones.
 * @template {Float32Array | Int32Array | BigInt64Array} T
 */
class Rotation {
  #next = 0;

  /**
   * @param {{ new (buffer: ArrayBuffer, offset: number, length: number): T, BYTES_PER_ELEMENT: number }} type
   * @param {number} length of each @param {number} count
   */
  constructor(type, length, count) {
    const stride = Math.ceil((length * type.BYTES_PER_ELEMENT) / PAGE) * PAGE;
    // One block while that may be, so that thousands of small outputs are not thousands of objects outside the heap.
    const together = stride * count <= 2 ** 30;
    const block = together ? new ArrayBuffer(stride * count) : undefined;
    /** @type {T[]} */
    this.buffers = Array.from({ length: count }, (_, i) =>
      block ? new type(block, i * stride, length) : new type(new ArrayBuffer(stride), 0, length),
    );
    // Memory that was never written is one page of zeros, which no program reads from.
    for (const buffer of this.buffers) new Uint8Array(buffer.buffer, buffer.byteOffset).fill(1);
  }

  /** @returns {T} the next one */
  next() {
    this.#next = this.#next + 1 < this.buffers.length ? this.#next + 1 : 0;
    return this.buffers[this.#next];
  }

  /** @returns {T} the last that `next` gave */
  get last() {
    return this.buffers[this.#next];
  }

  /** The place of the last one among the buffers. */
  get place() {
    return this.#next;
  }
}

/** @param {number} bytes of an output @param {boolean} cold @param {number} cache bytes of the largest cache */
function countOf(bytes, cold, cache) {
  return cold ? 1 + Math.ceil(cache / Math.max(bytes, PAGE)) : 1;
}

/**
 * Memory that a trial needs, in bytes: the input, outputs as long, and the oracle's result.
 * @param {import('./shapes.cjs').Shape} shape @param {boolean} cold @param {number} cache
 */
function needed({ rows, cols }, cold, cache) {
  const bytes = 4 * rows * cols;
  return bytes * (1 + countOf(bytes, cold, cache)) + 8 * cols;
}

module.exports = { Rotation, countOf, needed };
