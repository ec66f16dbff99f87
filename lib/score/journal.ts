/** What an unfinished job has done so far: a line for what it is, and a line for each part, each on the disk before the next. */
import { readFileSync } from 'node:fs';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { hostname } from 'node:os';
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

function isAlive(writer: string): boolean {
  const [host, pid] = writer.split(' ');
  if (host !== hostname() || Number(pid) === process.pid) return false;
  return writerName(Number(pid)) === writer;
}

export class Journal {
  private constructor(
    readonly path: string,
    private readonly handle: FileHandle,
  ) {}

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
    const [first, ...rest] = records as [{ softlane?: unknown }, ...(PartRecord | WriterRecord)[]];
    if (first?.softlane !== 'job' || rest.includes(undefined as never)) {
      throw new SoftlaneFileError(
        'ERR_SOFTLANE_OUTPUT_UNFINISHED',
        path,
        'is not the journal of a job',
      );
    }
    const writers = rest.filter((record) => 'writer' in record);
    const { writer } = writers.at(-1) ?? { writer: '' };
    if (isAlive(writer)) {
      const reason = `is being written by process ${writer.split(' ')[1]}`;
      throw new SoftlaneFileError('ERR_SOFTLANE_OUTPUT_UNFINISHED', path, reason);
    }
    const parts = rest.filter((record) => 'rows' in record);
    return { head: first as Head, last: parts.at(-1), parts: parts.length };
  }

  /** A new one; another of that name is another job. */
  static async create(path: string, head: object): Promise<Journal> {
    try {
      const journal = new Journal(path, await open(path, 'wx'));
      await journal.append({ softlane: 'job', ...head });
      await journal.append({ writer: writerName() ?? '' });
      return journal;
    } catch (error) {
      if (systemCode(error) === 'EEXIST') throw unfinishedJob(path);
      throw outputError(path, error);
    }
  }

  /** Goes on with one, less a line that was not finished. */
  static async reopen(path: string): Promise<Journal> {
    const bytes = readFileSync(path);
    const handle = await open(path, 'r+');
    await handle.truncate(bytes.lastIndexOf(10) + 1);
    await handle.close();
    const journal = new Journal(path, await open(path, 'a'));
    await journal.append({ writer: writerName() ?? '' });
    return journal;
  }

  async append(record: object): Promise<void> {
    try {
      await this.handle.appendFile(`${JSON.stringify(record)}\n`);
      await this.handle.sync();
    } catch (error) {
      throw outputError(this.path, error);
    }
  }

  async close(): Promise<void> {
    await this.handle.close();
  }

  async remove(): Promise<void> {
    await this.handle.close();
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
