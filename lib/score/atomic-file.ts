import { randomBytes } from 'node:crypto';
import { unlinkSync, type BigIntStats } from 'node:fs';
import {
  link,
  lstat,
  open,
  realpath,
  rename,
  stat,
  unlink,
  type FileHandle,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { outputError, SoftlaneFileError, systemCode } from './errors';
import { kindOf, type FileIdentity } from './input-file';

export interface AtomicFileOptions {
  /** Replace an existing file. */
  readonly force?: boolean | undefined;
  /** A file that may never be replaced, whatever name leads to it. */
  readonly input?: FileIdentity | undefined;
}

const chunkBytes = 64 * 1024 * 1024;

/** What link answers on a file system that has none. */
const noHardLinks = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** Temporary files that exist now, for a process that has to leave at once. */
const unfinished = new Set<string>();

/** Removes every unfinished output of this process, synchronously: for exit handlers. */
export function removeUnfinished(): void {
  for (const path of unfinished) {
    unfinished.delete(path);
    try {
      unlinkSync(path);
    } catch {
      // The process is leaving: nobody is left to hear of it.
    }
  }
}

/**
 * A file that appears under its name complete or not at all: written under a temporary name beside it, synced to the
 * disk, then renamed.
 */
export class AtomicFile {
  private position = 0;
  private open = true;

  private constructor(
    /** The name as the caller wrote it. */
    readonly path: string,
    private readonly target: string,
    private readonly temporary: string,
    private readonly force: boolean,
    private readonly handle: FileHandle,
  ) {}

  static async create(path: string, options: AtomicFileOptions = {}): Promise<AtomicFile> {
    const force = options.force === true;
    let handle: FileHandle | undefined;
    let temporary = '';
    try {
      const existing = await inspect(path, force, options.input);
      // With --force a symbolic link stays one, and the file that it points to is replaced.
      const target = existing === undefined ? path : await realpath(path);
      temporary = join(dirname(target), temporaryName(basename(target)));
      unfinished.add(temporary);
      handle = await open(temporary, 'wx');
      if (existing !== undefined) await handle.chmod(Number(existing.mode & 0o7777n));
      return new AtomicFile(path, target, temporary, force, handle);
    } catch (error) {
      unfinished.delete(temporary);
      if (handle !== undefined) {
        await handle.close();
        await remove(temporary);
      }
      throw outputError(path, error);
    }
  }

  /** Bytes written so far. */
  get length(): number {
    return this.position;
  }

  /** Appends; one call at a time. */
  async write(bytes: Uint8Array): Promise<void> {
    let done = 0;
    try {
      while (done < bytes.byteLength) {
        const length = Math.min(chunkBytes, bytes.byteLength - done);
        const piece = bytes.subarray(done, done + length);
        const { bytesWritten } = await this.handle.write(piece, 0, length, this.position);
        done += bytesWritten;
        this.position += bytesWritten;
      }
    } catch (error) {
      throw outputError(this.path, error);
    }
  }

  /** Syncs and gives the file its name. On failure, or if aborted before the name is given, nothing is left. */
  async commit(signal?: AbortSignal): Promise<void> {
    try {
      await this.handle.sync();
      await this.close();
      signal?.throwIfAborted();
      await this.publish();
      unfinished.delete(this.temporary);
      await syncDirectory(dirname(this.target));
    } catch (error) {
      await this.discard();
      if (signal?.aborted === true && error === signal.reason) throw error;
      throw outputError(this.path, error);
    }
  }

  /** Leaves nothing behind. Safe to call at any time, also after commit or twice. */
  async discard(): Promise<void> {
    try {
      await this.close();
    } catch {
      // A failing disk can refuse the close; the file goes all the same.
    }
    if (unfinished.has(this.temporary)) await remove(this.temporary);
  }

  private async close(): Promise<void> {
    if (!this.open) return;
    this.open = false;
    await this.handle.close();
  }

  private async publish(): Promise<void> {
    if (this.force) return rename(this.temporary, this.target);
    try {
      // Unlike rename, link never replaces a file that somebody else made in the meantime.
      await link(this.temporary, this.target);
    } catch (error) {
      const code = systemCode(error);
      if (code === 'EEXIST') throw exists(this.path);
      if (code === undefined || !noHardLinks.has(code)) throw error;
      if ((await look(this.target)) !== undefined) throw exists(this.path);
      return rename(this.temporary, this.target);
    }
    await remove(this.temporary);
  }
}

function exists(path: string): SoftlaneFileError {
  return new SoftlaneFileError(
    'ERR_SOFTLANE_OUTPUT_EXISTS',
    path,
    'exists and is not overwritten unless you say so (--force)',
  );
}

async function look(path: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(path, { bigint: true });
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** What stands at `path` now: undefined if nothing that has to be kept; throws if it may not be replaced. */
async function inspect(
  path: string,
  force: boolean,
  input: FileIdentity | undefined,
): Promise<BigIntStats | undefined> {
  const own = await look(path);
  if (own === undefined) return undefined;
  let stats: BigIntStats;
  try {
    stats = own.isSymbolicLink() ? await stat(path, { bigint: true }) : own;
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    if (!force) throw exists(path);
    return undefined;
  }
  if (input !== undefined && stats.dev === input.dev && stats.ino === input.ino) {
    throw new SoftlaneFileError('ERR_SOFTLANE_OUTPUT_SAME', path, 'is the input itself');
  }
  if (!stats.isFile()) {
    throw new SoftlaneFileError(
      'ERR_SOFTLANE_OUTPUT_UNWRITABLE',
      path,
      `is ${kindOf(stats)}, not a regular file`,
    );
  }
  if (!force) throw exists(path);
  return stats;
}

function temporaryName(name: string): string {
  // A file name has at most 255 bytes on most file systems.
  const stem = Buffer.byteLength(name) > 200 ? 'softlane' : name;
  return `${stem}.tmp-${process.pid}-${randomBytes(4).toString('hex')}`;
}

async function remove(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch {
    // Gone already, or the directory went away: nothing of ours stands under the final name in either case.
  }
  unfinished.delete(path);
}

/** Makes the new name survive a power cut. Systems that cannot sync a directory do not need it or do not offer it. */
async function syncDirectory(path: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    await handle.sync();
  } catch {
    // The file itself is synced; the name is there for every reader of this system.
  } finally {
    await handle?.close().catch(() => undefined);
  }
}
