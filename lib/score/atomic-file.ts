import { randomBytes } from 'node:crypto';
import { realpathSync, unlinkSync, type BigIntStats } from 'node:fs';
import {
  access,
  constants,
  link,
  lstat,
  open,
  readdir,
  realpath,
  rename,
  stat,
  unlink,
  type FileHandle,
} from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { outputError, SoftlaneFileError, systemCode } from './errors';
import { kindOf, type FileIdentity } from './input-file';

export interface AtomicFileOptions {
  /** Replace an existing file. */
  readonly force?: boolean | undefined;
  /** Files that may never be replaced, whatever name leads to them. */
  readonly inputs?: readonly FileIdentity[] | undefined;
  /** Go on with this temporary file, of which so many bytes count. */
  readonly resume?: Kept | undefined;
}

/** An unfinished file that was left to be gone on with. */
export interface Kept {
  readonly temporary: string;
  readonly length: number;
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
  private open = true;
  private kept = false;

  private constructor(
    /** The name as the caller wrote it. */
    readonly path: string,
    private readonly target: string,
    private readonly temporary: string,
    private readonly force: boolean,
    private readonly handle: FileHandle,
    private position: number,
  ) {}

  static async create(path: string, options: AtomicFileOptions = {}): Promise<AtomicFile> {
    const force = options.force === true;
    let handle: FileHandle | undefined;
    let temporary = '';
    try {
      const existing = await inspect(path, force, options.inputs ?? []);
      // With --force a symbolic link stays one, and the file that it points to is replaced.
      const target = existing === undefined ? path : await realpath(path);
      if (options.resume !== undefined)
        return await AtomicFile.reopen(path, target, force, options.resume);
      temporary = join(dirname(target), temporaryName(basename(target)));
      unfinished.add(temporary);
      handle = await open(temporary, 'wx+');
      if (existing !== undefined) await handle.chmod(Number(existing.mode & 0o7777n));
      return new AtomicFile(path, target, temporary, force, handle, 0);
    } catch (error) {
      unfinished.delete(temporary);
      if (handle !== undefined) {
        await handle.close();
        await remove(temporary);
      }
      throw outputError(path, error);
    }
  }

  /** Throws what `create` would, and writes nothing. */
  static async check(path: string, options: AtomicFileOptions = {}): Promise<void> {
    try {
      const existing = await inspect(path, options.force === true, options.inputs ?? []);
      const target = existing === undefined ? path : await realpath(path);
      await access(dirname(target), constants.W_OK | constants.X_OK);
    } catch (error) {
      throw outputError(path, error);
    }
  }

  private static async reopen(
    path: string,
    target: string,
    force: boolean,
    { temporary: name, length }: Kept,
  ): Promise<AtomicFile> {
    const temporary = join(dirname(target), name);
    const handle = await open(temporary, 'r+');
    const { size } = await handle.stat();
    if (size < length) {
      await handle.close();
      throw new SoftlaneFileError(
        'ERR_SOFTLANE_OUTPUT_UNFINISHED',
        temporary,
        `is shorter than the job that left it says (${size} bytes, not ${length}): start anew with --force`,
      );
    }
    await handle.truncate(length);
    const file = new AtomicFile(path, target, temporary, force, handle, length);
    file.kept = true;
    return file;
  }

  /** Makes what was written so far safe on the disk. */
  async sync(): Promise<void> {
    try {
      await this.handle.sync();
    } catch (error) {
      throw outputError(this.path, error);
    }
  }

  /** The same, and keeps it if the process ends here. */
  async keep(): Promise<Kept> {
    await this.sync();
    this.kept = true;
    unfinished.delete(this.temporary);
    return { temporary: basename(this.temporary), length: this.position };
  }

  /** No longer keeps what was written: it goes with `discard`. */
  abandon(): void {
    this.kept = false;
    unfinished.add(this.temporary);
  }

  /** Fills `into` with what was written at `position`. */
  async readBack(into: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < into.byteLength;) {
      const length = Math.min(chunkBytes, into.byteLength - done);
      const { bytesRead } = await this.handle.read(into, done, length, position + done);
      if (bytesRead === 0) throw new RangeError(`${this.path}: nothing was written at ${position}`);
      done += bytesRead;
    }
  }

  /** Bytes written so far. */
  get length(): number {
    return this.position;
  }

  /** Appends, or writes at a place; one call at a time. */
  async write(bytes: Uint8Array, at = this.position): Promise<void> {
    let done = 0;
    try {
      while (done < bytes.byteLength) {
        const length = Math.min(chunkBytes, bytes.byteLength - done);
        const piece = bytes.subarray(done, done + length);
        const { bytesWritten } = await this.handle.write(piece, 0, length, at + done);
        done += bytesWritten;
        this.position = Math.max(this.position, at + done);
      }
    } catch (error) {
      throw outputError(this.path, error);
    }
  }

  /** Commits the file that `fill` makes of this one, which goes while the new one has both its names (isNamed). */
  async commitMade(
    { force, inputs }: AtomicFileOptions,
    fill: (made: AtomicFile) => Promise<void>,
    signal?: AbortSignal,
  ): Promise<void> {
    const made = await AtomicFile.create(this.path, { force, inputs });
    try {
      await fill(made);
      await made.commit(signal, () => {
        this.abandon();
        return this.discard();
      });
    } finally {
      await made.discard();
    }
  }

  /**
   * Syncs and gives the file its name. On failure, or if aborted before the name is given, nothing is left. `named` is
   * called while the file has both names.
   */
  async commit(signal?: AbortSignal, named?: () => Promise<void>): Promise<void> {
    try {
      await this.handle.sync();
      await this.close();
      signal?.throwIfAborted();
      await this.publish(named);
      this.kept = true;
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
    if (!this.kept && unfinished.has(this.temporary)) await remove(this.temporary);
  }

  private async close(): Promise<void> {
    if (!this.open) return;
    this.open = false;
    await this.handle.close();
  }

  private async publish(named: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    if (this.force) {
      await rename(this.temporary, this.target);
      return named();
    }
    try {
      // Unlike rename, link never replaces a file that somebody else made in the meantime.
      await link(this.temporary, this.target);
    } catch (error) {
      const code = systemCode(error);
      if (code === 'EEXIST') throw exists(this.path);
      if (code === undefined || !noHardLinks.has(code)) throw error;
      if ((await look(this.target)) !== undefined) throw exists(this.path);
      await rename(this.temporary, this.target);
      return named();
    }
    await named();
    await remove(this.temporary);
  }
}

/**
 * Whether what stands at `path` is an output of ours that a process named just before it died: it has a temporary name
 * still. False if nothing is there; throws if it is somebody else's.
 */
export async function isNamed(path: string): Promise<boolean> {
  const found = await look(path);
  if (found === undefined) return false;
  const folder = dirname(path);
  for (const name of await readdir(folder)) {
    if (temporaryOf(path, name) === undefined) continue;
    const other = await look(join(folder, name));
    if (other?.dev === found.dev && other.ino === found.ino) return true;
  }
  throw exists(path);
}

/** Where a path leads, whether or not something is there: however it is written, a file has one place. */
export function placeOf(path: string): string {
  for (const [folder, name] of [[path], [dirname(path), basename(path)]] as const) {
    try {
      return join(realpathSync(folder), name ?? '');
    } catch {
      // Not there, or not to be seen.
    }
  }
  return resolve(path);
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
  inputs: readonly FileIdentity[],
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
  if (inputs.some(({ dev, ino }) => stats.dev === dev && stats.ino === ino)) {
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

/** A file name has at most 255 bytes on most file systems. */
function stemOf(name: string): string {
  return Buffer.byteLength(name) > 200 ? 'softlane' : name;
}

function temporaryName(name: string): string {
  return `${stemOf(name)}.tmp-${process.pid}-${randomBytes(4).toString('hex')}`;
}

/** Whether it is the name of a temporary file. */
export function isTemporary(name: unknown): boolean {
  return typeof name === 'string' && /^[^/\\]+\.tmp-\d+-[0-9a-f]{8}$/.test(name);
}

/** The process that made a temporary file of this path; undefined for other names. */
function temporaryOf(path: string, name: string): string | undefined {
  const start = `${stemOf(basename(path))}.tmp-`;
  if (!name.startsWith(start)) return undefined;
  return /^(\d+)-[0-9a-f]{8}$/.exec(name.slice(start.length))?.[1];
}

/** Removes temporary files of this path whose process is gone, but for those of these names. */
export async function removeLeftovers(path: string, known: ReadonlySet<string>): Promise<void> {
  const folder = dirname(path);
  const names = await readdir(folder).catch((): string[] => []);
  for (const name of names) {
    const pid = temporaryOf(path, name);
    if (pid === undefined || known.has(name) || isRunning(Number(pid))) continue;
    await remove(join(folder, name));
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
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
