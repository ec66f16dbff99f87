import { AtomicFile, type AtomicFileOptions } from './atomic-file';
import { SoftlaneFileError } from './errors';
import { npyDtypes, requireLittleEndian, type NpyDtype } from './npy-dtype';
import { formatHeader, shapeText } from './npy-header';

/** A .npy file being written: its data in order, then commit. */
export interface NpyWriter {
  readonly path: string;
  write(bytes: Uint8Array): Promise<void>;
  /** Checks that all the data came, and makes it safe on the disk. */
  complete(): Promise<void>;
  /** Checks and syncs as well, and gives the file its name. */
  commit(signal?: AbortSignal): Promise<void>;
  /** Removes what was written. Does nothing after commit. */
  discard(): Promise<void>;
}

export interface CreateNpyOptions extends AtomicFileOptions {
  readonly shape: readonly number[];
  readonly dtype: NpyDtype;
}

/** Starts a .npy file, whose header is written at once. */
export async function createNpy(path: string, options: CreateNpyOptions): Promise<NpyWriter> {
  requireLittleEndian();
  const { shape, dtype } = options;
  const impossible = (): SoftlaneFileError =>
    new SoftlaneFileError(
      'ERR_SOFTLANE_OUTPUT_UNWRITABLE',
      path,
      `no file can hold the shape ${shapeText(shape)}`,
    );
  if (!shape.every((length) => Number.isSafeInteger(length) && length >= 0)) throw impossible();
  const header = formatHeader(npyDtypes[dtype].descr, shape);
  const elements = shape.reduce((product, length) => product * length, 1);
  const total = header.byteLength + elements * npyDtypes[dtype].bytes;
  if (!Number.isSafeInteger(total)) throw impossible();
  const file = await AtomicFile.create(path, options);
  try {
    await file.write(header);
  } catch (error) {
    await file.discard();
    throw error;
  }
  const requireWhole = async (): Promise<void> => {
    if (file.length === total) return;
    await file.discard();
    throw new RangeError(`${path}: ${file.length} bytes were written, the shape needs ${total}`);
  };
  return {
    path,
    write: (bytes) => file.write(bytes),
    complete: async () => {
      await requireWhole();
      await file.sync();
    },
    commit: async (signal) => {
      await requireWhole();
      await file.commit(signal);
    },
    discard: () => file.discard(),
  };
}
