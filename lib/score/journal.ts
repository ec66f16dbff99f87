/** What an unfinished job has done so far: a line for what it is, and a line for each part, each on the disk before the next. */
import { readFileSync } from 'node:fs';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { AtomicFile, isTemporary } from './atomic-file';
import { outputError, SoftlaneFileError, systemCode } from './errors';
import type { KeptOutput } from './output-file';

/** A part that is done: everything before this row is on the disk. */
export interface PartRecord {
  readonly rows: number;
  readonly outputs: readonly KeptOutput[];
  readonly rejected: number;
  /** Set when the last row is there and outputs get their names. */
  readonly publish?: boolean;
}

interface WriterRecord {
  readonly writer: string;
}

export interface JournalContent<Head> {
  readonly head: Head;
  readonly last: PartRecord | undefined;
  readonly parts: number;
}

/** This process, so that two never write the same job. */
function writerName(pid = process.pid): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The start time is the 22nd field; the second, a name in brackets, may hold anything.
    const started = text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
    return `${hostname()} ${pid} ${started}`;
  } catch {
    return undefined;
  }
}

const writer = (): WriterRecord => ({ writer: writerName() ?? '' });
const lineOf = (record: object): string => `${JSON.stringify(record)}\n`;

/** Journals that this process is writing. */
const own = new Set<string>();

function isAlive(writer: string, path: string): boolean {
  if (own.has(resolve(path))) return true;
  const [host, pid] = writer.split(' ');
  if (host !== hostname() || Number(pid) === process.pid) return false;
  return writerName(Number(pid)) === writer;
}

type Fields = Readonly<Record<string, unknown>>;

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isHead(record: unknown): boolean {
  if (!isObject(record) || record['softlane'] !== 'job') return false;
  const { outputs } = record;
  return (
    Array.isArray(outputs) &&
    outputs.length > 0 &&
    outputs.every((path) => typeof path === 'string')
  );
}

/** What it names is truncated, renamed and removed: nothing but what is a temporary file by its name. */
function isPart(record: unknown, outputs: number): boolean {
  if (!isObject(record) || !isCount(record['rows']) || !isCount(record['rejected'])) return false;
  const kept = record['outputs'];
  return (
    Array.isArray(kept) &&
    kept.length === outputs &&
    kept.every((one) => isObject(one) && isTemporary(one['temporary']) && isCount(one['length']))
  );
}

function isWriter(record: unknown): boolean {
  return isObject(record) && typeof record['writer'] === 'string';
}

export class Journal {
  private constructor(
    readonly path: string,
    private readonly handle: FileHandle,
  ) {
    own.add(resolve(path));
  }

  /** What is there; undefined for no job. */
  static read<Head>(path: string): JournalContent<Head> | undefined {
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw outputError(path, error);
    }
    // A line that was being written when the process died has no end.
    const lines = text.split('\n').slice(0, -1);
    const records = lines.map((line): unknown => {
      try {
        return JSON.parse(line);
      } catch {
        return undefined;
      }
    });
    const [first, ...rest] = records as [Fields, ...(PartRecord | WriterRecord)[]];
    const count = (): number => (first['outputs'] as unknown[]).length;
    if (!isHead(first) || !rest.every((record) => isWriter(record) || isPart(record, count()))) {
      throw new SoftlaneFileError(
        'ERR_SOFTLANE_OUTPUT_UNFINISHED',
        path,
        'is not the journal of a job, or damaged: remove it by hand if nobody needs it',
      );
    }
    const writers = rest.filter((record) => 'writer' in record);
    const { writer: last } = writers.at(-1) ?? { writer: '' };
    if (isAlive(last, path)) {
      const reason = `is being written by process ${last.split(' ')[1] ?? process.pid}`;
      throw new SoftlaneFileError('ERR_SOFTLANE_OUTPUT_UNFINISHED', path, reason);
    }
    const parts = rest.filter((record) => 'rows' in record);
    return { head: first as Head, last: parts.at(-1), parts: parts.length };
  }

  /** A new one, there with its head or not at all; another of that name is another job. */
  static async create(path: string, head: object): Promise<Journal> {
    let file: AtomicFile | undefined;
    try {
      file = await AtomicFile.create(path);
      await file.write(Buffer.from(lineOf({ softlane: 'job', ...head }) + lineOf(writer())));
      await file.commit();
      return new Journal(path, await open(path, 'a'));
    } catch (error) {
      if (systemCode(error) === 'ERR_SOFTLANE_OUTPUT_EXISTS') throw unfinishedJob(path);
      throw outputError(path, error);
    } finally {
      await file?.discard();
    }
  }

  /** Goes on with one, less a line that was not finished. */
  static async reopen(path: string): Promise<Journal> {
    const bytes = readFileSync(path);
    const handle = await open(path, 'r+');
    await handle.truncate(bytes.lastIndexOf(10) + 1);
    await handle.close();
    const journal = new Journal(path, await open(path, 'a'));
    try {
      await journal.append(writer());
    } catch (error) {
      await journal.close();
      throw error;
    }
    return journal;
  }

  async append(record: object): Promise<void> {
    try {
      await this.handle.appendFile(lineOf(record));
      await this.handle.sync();
    } catch (error) {
      throw outputError(this.path, error);
    }
  }

  async close(): Promise<void> {
    own.delete(resolve(this.path));
    await this.handle.close();
  }

  async remove(): Promise<void> {
    await this.close();
    await unlink(this.path);
  }
}

export function unfinishedJob(path: string): SoftlaneFileError {
  return new SoftlaneFileError(
    'ERR_SOFTLANE_OUTPUT_UNFINISHED',
    path,
    'an unfinished job is there: --resume goes on with it, --force starts anew',
  );
}
