/**
 * Finished trials, a line of JSON each, beside the result that is to come: a run that was interrupted goes on where it
 * stopped. The first line says which run they belong to.
 */
import { closeSync, fsyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { outputError, systemCode } from '../score/errors';
import { LabError } from './failure';
import type { Outcome, Task } from './task';

interface Head {
  readonly format: 'softlane-lab-journal-1';
  /** A digest of everything that must not differ between the parts of a run. */
  readonly run: string;
}
interface Entry {
  readonly key: string;
  readonly outcome: Outcome;
}

export const keyOf = ({ family, order }: Task): string => `${family.name} ${order}`;

export const digest = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('hex');

export class Journal {
  readonly #finished: Map<string, Outcome>;
  #file: number | undefined;

  private constructor(
    readonly path: string,
    file: number,
    finished: Map<string, Outcome>,
  ) {
    this.#file = file;
    this.#finished = finished;
  }

  /** Opens or begins one. `restart`: forget what is there. */
  static open(path: string, run: string, restart: boolean): Journal {
    const known = restart ? undefined : readJournal(path);
    if (known !== undefined && known.run !== run) {
      throw new LabError(
        `${path}: holds finished trials of another run (other options, version or machine); --restart forgets them`,
        'ERR_SOFTLANE_INPUT_JOURNAL',
      );
    }
    try {
      const file = openSync(path, known === undefined ? 'w' : 'a');
      const journal = new Journal(path, file, known?.finished ?? new Map<string, Outcome>());
      if (known === undefined) journal.#append({ format: 'softlane-lab-journal-1', run });
      // The last line of a killed process may have no end.
      else if (known.torn) writeSync(file, '\n');
      return journal;
    } catch (error) {
      throw outputError(path, error);
    }
  }

  get size(): number {
    return this.#finished.size;
  }

  find(task: Task): Outcome | undefined {
    return this.#finished.get(keyOf(task));
  }

  add(task: Task, outcome: Outcome): void {
    this.#finished.set(keyOf(task), outcome);
    try {
      this.#append({ key: keyOf(task), outcome });
    } catch (error) {
      throw outputError(this.path, error);
    }
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  /** The result is written: nothing is left to go on with. */
  remove(): void {
    this.close();
    rmSync(this.path, { force: true });
  }

  #append(entry: Head | Entry): void {
    if (this.#file === undefined) return;
    writeSync(this.#file, `${JSON.stringify(entry)}\n`);
    fsyncSync(this.#file);
  }
}

interface Known {
  readonly run: string;
  readonly finished: Map<string, Outcome>;
  readonly torn: boolean;
}

/** Undefined where there is none. A line that was cut off is passed over: its trial is run again. */
function readJournal(path: string): Known | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw outputError(path, error);
  }
  const [first, ...rest] = text.split('\n');
  const head = parsed(first) as Partial<Head> | undefined;
  if (head?.format !== 'softlane-lab-journal-1' || typeof head.run !== 'string') {
    throw new LabError(
      `${path}: is no journal of softlane lab, and is not overwritten unless you say so (--restart)`,
      'ERR_SOFTLANE_INPUT_JOURNAL',
    );
  }
  const finished = new Map<string, Outcome>();
  for (const line of rest) {
    const entry = parsed(line) as Partial<Entry> | undefined;
    if (typeof entry?.key === 'string' && typeof entry.outcome === 'object') {
      finished.set(entry.key, entry.outcome);
    }
  }
  return { run: head.run, finished, torn: !text.endsWith('\n') };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}
