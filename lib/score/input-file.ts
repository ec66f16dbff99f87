import { type BigIntStats, type Stats } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { inputError, SoftlaneFileError } from './errors';

/** What tells one file from another, whatever its path. */
export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
}

/** Node takes lengths up to 2^31 - 1 in one read; smaller ones let an abort come through sooner. */
const chunkBytes = 64 * 1024 * 1024;

export function kindOf(stats: Stats | BigIntStats): string {
  if (stats.isDirectory()) return 'a directory';
  if (stats.isFIFO()) return 'a pipe';
  if (stats.isSocket()) return 'a socket';
  if (stats.isCharacterDevice() || stats.isBlockDevice()) return 'a device';
  return 'a file of unknown kind';
}

/** A regular file that is read at given positions. */
export class InputFile implements FileIdentity {
  private constructor(
    readonly path: string,
    readonly size: number,
    readonly dev: bigint,
    readonly ino: bigint,
    /** When it was last written, in nanoseconds. */
    readonly modified: bigint,
    private readonly handle: FileHandle,
  ) {}

  /** `name`: what errors call it, where the path alone does not say it. */
  static async open(path: string, name = path): Promise<InputFile> {
    let handle: FileHandle | undefined;
    try {
      // Opening a pipe would wait for its writer, so look before.
      const before = await stat(path, { bigint: true });
      if (!before.isFile()) {
        throw new SoftlaneFileError(
          'ERR_SOFTLANE_INPUT_UNREADABLE',
          name,
          `is ${kindOf(before)}, not a regular file`,
        );
      }
      handle = await open(path, 'r');
      const { size, dev, ino, mtimeNs } = await handle.stat({ bigint: true });
      return new InputFile(name, Number(size), dev, ino, mtimeNs, handle);
    } catch (error) {
      await handle?.close();
      throw inputError(name, error);
    }
  }

  /** Its descriptor, good until `close`. */
  get fd(): number {
    return this.handle.fd;
  }

  /** Fills `into` from `position`; a file that ends before is refused. */
  async read(into: Uint8Array, position: number, signal?: AbortSignal): Promise<void> {
    let done = 0;
    while (done < into.byteLength) {
      signal?.throwIfAborted();
      const piece = into.subarray(done, Math.min(done + chunkBytes, into.byteLength));
      let got: number;
      try {
        got = (await this.handle.read(piece, 0, piece.byteLength, position + done)).bytesRead;
      } catch (error) {
        throw inputError(this.path, error, `at byte ${position + done}`);
      }
      if (got === 0) {
        throw new SoftlaneFileError(
          'ERR_SOFTLANE_INPUT_TRUNCATED',
          this.path,
          `ended at byte ${position + done} while it was read`,
        );
      }
      done += got;
    }
  }

  /** Throws if the file is not what it was when it was opened. */
  async verifyUnchanged(): Promise<void> {
    let now: BigIntStats;
    try {
      now = await this.handle.stat({ bigint: true });
    } catch (error) {
      throw inputError(this.path, error);
    }
    if (Number(now.size) !== this.size || now.mtimeNs !== this.modified) {
      throw new SoftlaneFileError(
        'ERR_SOFTLANE_INPUT_CHANGED',
        this.path,
        'changed while it was read',
      );
    }
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}
