import { SoftlaneError } from '../errors';

/** What happens to a block of rows. Each stage works on one block at a time; different stages overlap. */
export interface Stages {
  read(first: number, count: number, into: Uint8Array): Promise<void>;
  compute(x: Float32Array, rows: number, out: Uint8Array): Promise<void>;
  write(bytes: Uint8Array): Promise<void>;
}

export interface Flow {
  readonly rows: number;
  readonly blockRows: number;
  readonly inRowBytes: number;
  readonly outRowBytes: number;
  readonly signal?: AbortSignal | undefined;
  /** Rows whose results have been written. */
  readonly onRows?: ((done: number) => void) | undefined;
}

interface Buffers {
  readonly input: SharedArrayBuffer;
  readonly output: SharedArrayBuffer;
}

/**
 * Takes all rows through the stages with two sets of buffers: while block k is computed, block k + 1 is read and block
 * k - 1 is written. The buffers are shared memory of fixed length, which asynchronous calls use where it is instead of
 * copying it. When this settles, no stage is at work any more.
 */
export async function pump(flow: Flow, stages: Stages): Promise<void> {
  const { rows, blockRows, inRowBytes, outRowBytes, signal, onRows } = flow;
  // Rows without elements and without results.
  if (rows === 0 || inRowBytes + outRowBytes === 0) return;
  const count = (first: number): number => Math.min(blockRows, rows - first);
  const first = makeBuffers(flow);
  const sets = [first, rows > blockRows ? makeBuffers(flow) : first] as const;
  let set = 0;

  const read = (first: number, { input }: Buffers): Promise<void> =>
    handled(stages.read(first, count(first), new Uint8Array(input, 0, count(first) * inRowBytes)));
  const write = async (bytes: Uint8Array, done: number): Promise<void> => {
    await stages.write(bytes);
    onRows?.(done);
  };

  let reading = read(0, sets[0]);
  let writing = Promise.resolve();
  try {
    for (let first = 0; first < rows; first += blockRows) {
      signal?.throwIfAborted();
      const now = sets[set]!;
      const next = sets[1 - set]!;
      const size = count(first);
      await reading;
      // The input of the block before is no longer needed: its computation is done.
      if (first + blockRows < rows) reading = read(first + blockRows, next);
      const out = new Uint8Array(now.output, 0, size * outRowBytes);
      await stages.compute(new Float32Array(now.input, 0, (size * inRowBytes) / 4), size, out);
      await writing;
      writing = handled(write(out, first + size));
      set = 1 - set;
    }
    await writing;
  } finally {
    await Promise.allSettled([reading, writing]);
  }
}

/** A promise that is awaited later: until then its failure is nobody's fault. */
function handled(promise: Promise<void>): Promise<void> {
  promise.catch(() => undefined);
  return promise;
}

function makeBuffers({ rows, blockRows, inRowBytes, outRowBytes }: Flow): Buffers {
  const size = Math.min(rows, blockRows);
  return {
    input: sharedMemory(size * inRowBytes),
    output: sharedMemory(size * outRowBytes),
  };
}

/** Memory that asynchronous calls use where it is. */
export function sharedMemory(bytes: number): SharedArrayBuffer {
  try {
    return new SharedArrayBuffer(bytes);
  } catch {
    throw new SoftlaneError(
      'ERR_SOFTLANE_OUT_OF_MEMORY',
      `score: expected memory for ${bytes} bytes, which one block of rows needs, received none`,
    );
  }
}
