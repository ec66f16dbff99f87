import { orOutOfMemory } from '../errors';

/**
 * What happens to a block of rows. Each stage works on one block at a time; different stages overlap. `read` gives how
 * many rows it found: none at the end, and, where their number is not known, fewer than asked for only there.
 */
export interface Stages<B> {
  read(block: B, count: number): Promise<number>;
  compute(block: B, rows: number): Promise<void>;
  write(block: B, rows: number): Promise<void>;
}

export interface Flow<B> {
  /** Undefined where the end is known only when it comes. */
  readonly rows: number | undefined;
  readonly blockRows: number;
  /** Buffers of a block. Two are made at most. */
  readonly makeBlock: () => B;
  readonly signal?: AbortSignal | undefined;
  /** Whether to end after the block that is being computed. */
  readonly stopped?: (() => boolean) | undefined;
}

/**
 * Takes all rows through the stages with two sets of buffers: while block k is computed, block k + 1 is read and block
 * k - 1 is written. When this settles, no stage is at work any more.
 */
export async function pump<B>(flow: Flow<B>, stages: Stages<B>): Promise<void> {
  const { rows = Infinity, blockRows, signal } = flow;
  if (rows === 0) return;
  const blocks: B[] = [flow.makeBlock()];
  const block = (k: number): B => (blocks[k % 2] ??= flow.makeBlock());
  let taken = 0;
  let wanted = 0;
  const read = (k: number): Promise<number> => {
    wanted = Math.min(blockRows, rows - taken);
    return handled(stages.read(block(k), wanted));
  };

  let reading = read(0);
  let writing = Promise.resolve();
  try {
    for (let k = 0; ; k++) {
      signal?.throwIfAborted();
      const found = await reading;
      if (found === 0) break;
      taken += found;
      const isLast = taken >= rows || (flow.rows === undefined && found < wanted);
      // The input of the block before is no longer needed: its computation is done.
      const goesOn = !isLast && flow.stopped?.() !== true;
      if (goesOn) reading = read(k + 1);
      await stages.compute(block(k), found);
      await writing;
      writing = handled(stages.write(block(k), found));
      if (!goesOn) break;
    }
    await writing;
  } finally {
    await Promise.allSettled([reading, writing]);
  }
}

/** A promise that is awaited later: until then its failure is nobody's fault. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

/** Memory that asynchronous calls use where it is. */
export function sharedMemory(bytes: number): SharedArrayBuffer {
  const purpose = () => `the ${bytes} bytes that one block of rows needs`;
  return orOutOfMemory('score', purpose, () => new SharedArrayBuffer(bytes));
}
