import type { AtomicFileOptions } from './atomic-file';
import { SoftlaneFileError } from './errors';
import { bytesOf, npyDtypes, type NpyDtype } from './npy-dtype';
import { openNpy } from './npy-reader';
import { createNpy } from './npy-writer';

export type { NpyDtype } from './npy-dtype';
export { maxHeaderBytes, type NpyField, type NpyHeader } from './npy-header';
export { openNpy, type NpyReader } from './npy-reader';
export { createNpy, type CreateNpyOptions, type NpyWriter } from './npy-writer';

/** The results of `--op top-1`: per row the index of its largest element and the softmax probability of it. */
export interface Top1 {
  readonly index: Int32Array;
  readonly probability: Float32Array;
}

export type NpyArray =
  | { readonly shape: readonly number[]; readonly dtype: '<f4'; readonly data: Float32Array }
  | { readonly shape: readonly number[]; readonly dtype: '<i4'; readonly data: Int32Array }
  | { readonly shape: readonly number[]; readonly dtype: 'top-1'; readonly data: Top1 };

/** Reads a whole file into memory: float32, int32, or the records that `--op top-1` writes. */
export async function readNpy(path: string): Promise<NpyArray> {
  const reader = await openNpy(path, { accept: ['<f4', '<i4', 'top-1'] });
  try {
    const { shape, dtype, rows, cols } = reader;
    const buffer = allocate(path, rows * cols * npyDtypes[dtype].bytes);
    await reader.readRows(0, rows, new Uint8Array(buffer));
    if (dtype === '<f4') return { shape, dtype, data: new Float32Array(buffer) };
    if (dtype === '<i4') return { shape, dtype, data: new Int32Array(buffer) };
    const indices = new Int32Array(buffer);
    const probabilities = new Float32Array(buffer);
    const index = Int32Array.from({ length: rows * cols }, (_, row) => indices[2 * row]!);
    const probability = Float32Array.from(index, (_, row) => probabilities[2 * row + 1]!);
    return { shape, dtype, data: { index, probability } };
  } finally {
    await reader.close();
  }
}

/** Writes a whole float32 or int32 array, complete or not at all. */
export async function writeNpy(
  path: string,
  array: { readonly shape: readonly number[]; readonly data: Float32Array | Int32Array },
  options: AtomicFileOptions = {},
): Promise<void> {
  const { shape, data } = array;
  const elements = shape.reduce((product, length) => product * length, 1);
  if (elements !== data.length) {
    throw new RangeError(
      `writeNpy: expected shape to hold the ${data.length} elements of data, received ${elements}`,
    );
  }
  // By tag, since instanceof fails on arrays of another realm.
  const dtype: NpyDtype = data[Symbol.toStringTag] === 'Int32Array' ? '<i4' : '<f4';
  const writer = await createNpy(path, { ...options, shape, dtype });
  try {
    await writer.write(bytesOf(data));
    await writer.commit();
  } finally {
    await writer.discard();
  }
}

function allocate(path: string, bytes: number): ArrayBuffer {
  try {
    return new ArrayBuffer(bytes);
  } catch (cause) {
    throw new SoftlaneFileError(
      'ERR_SOFTLANE_INPUT_UNREADABLE',
      path,
      `its ${bytes} bytes of data do not fit into memory at once`,
      cause,
    );
  }
}
