/** What a worker leaves of a range: a file for each output, and a record that says that they are whole. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AtomicFile } from '../atomic-file';
import { inputError, SoftlaneFileError, systemCode } from '../errors';
import type { JobOptions, Verified } from '../job-types';
import { jsonText, jsonValue } from '../json';
import { partFolders } from './plan';

/** Written last: where it stands, the range is done. */
export interface RangeRecord {
  readonly rows: number;
  readonly rejected: number;
  readonly verified: Verified | null;
  /** In the order of the outputs: bytes of the part, and the state that metrics leave. */
  readonly outputs: readonly { readonly length: number; readonly state?: unknown }[];
}

const nameOf = (number: number): string => String(number).padStart(6, '0');

/** The places of a job's parts on the storage that its machines share. */
export class PartPlaces {
  readonly folders: readonly string[];

  constructor(options: JobOptions, job: string) {
    this.folders = partFolders(options, job);
  }

  part(output: number, number: number): string {
    return join(this.folders[output]!, nameOf(number));
  }

  record(number: number): string {
    return join(this.folders[0]!, `${nameOf(number)}.json`);
  }

  /** Where it stands how many ranges the outputs have taken. */
  get taken(): string {
    return join(this.folders[0]!, 'taken.json');
  }

  /** Where the summary of a job stands when its outputs have their names. */
  get done(): string {
    return join(this.folders[0]!, 'done.json');
  }
}

export async function writeJson(path: string, value: unknown): Promise<void> {
  const file = await AtomicFile.create(path, { force: true });
  try {
    await file.write(Buffer.from(`${jsonText(value)}\n`));
    await file.commit();
  } finally {
    await file.discard();
  }
}

/** What a file of ours says; undefined if it is not there. */
export async function readJson<T>(path: string): Promise<T | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw inputError(path, error);
  }
  try {
    return jsonValue(text) as T;
  } catch (error) {
    throw new SoftlaneFileError('ERR_SOFTLANE_OUTPUT_UNFINISHED', path, 'is damaged', error);
  }
}

/** The record of a range, if it is done. */
export const readRecord = (places: PartPlaces, number: number): Promise<RangeRecord | undefined> =>
  readJson(places.record(number));

/** Ranges before this one are in the outputs, and their parts are gone. */
export async function rangesTaken(places: PartPlaces): Promise<number> {
  return (await readJson<{ readonly ranges: number }>(places.taken))?.ranges ?? 0;
}

/** Whether nothing is left to do for a range: its record is there, and its parts as it says. */
export async function isDone(places: PartPlaces, number: number): Promise<boolean> {
  const record = await readRecord(places, number);
  if (record === undefined) return false;
  if (number < (await rangesTaken(places))) return true;
  for (const [i, { length }] of record.outputs.entries()) {
    const found = await stat(places.part(i, number)).catch(() => undefined);
    if (found?.size !== length) return false;
  }
  return true;
}
