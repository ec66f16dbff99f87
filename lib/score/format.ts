/** What a file format can do here; each has a file of its own, and `formats.ts` lists them. */
import type { StreamBytes } from './bytes';
import type { ElementArray, ElementName } from './element';
import { SoftlaneFileError } from './errors';
import type { InputFile } from './input-file';
import type { Source } from './source';
import type { Table } from './table';

/** A file, or a stream that has no places to go back to. */
export interface Input {
  readonly path: string;
  readonly file: InputFile | undefined;
  readonly stream: StreamBytes | undefined;
}

export interface OpenOptions {
  readonly element: ElementName;
  /** Which of the things in the file: a tensor, a member, a column, a field. */
  readonly name?: string | undefined;
  /** The column or field with the label of each row. */
  readonly labelColumn?: string | undefined;
}

/** One of the things that a file holds. */
export interface Entry {
  readonly name: string;
  readonly holds: string;
  readonly shape: readonly (number | null)[];
}

/** An output whose bytes grow by rows, so that it can be gone on with after any row. */
export interface AppendFormat {
  readonly kind: 'append';
  /** The head is as long with one number of rows as with any other. */
  head(table: Table, rows: number): Uint8Array;
  rows(table: Table, columns: readonly ElementArray[], rows: number): Uint8Array;
  /** Why it cannot hold such a table; undefined if it can. */
  refusal?(table: Table): string | undefined;
  /** Whether the head says how many rows there are. */
  readonly counts: boolean;
  /** Whether the bytes of a row of one column are its elements, so that a row can be written in pieces. */
  readonly plain?: boolean;
}

/** An output that is encoded from beginning to end, in groups of rows that depend on the table alone. */
export interface EncodeFormat {
  readonly kind: 'encode';
  groupRows(table: Table): number;
  /** `rows` is undefined on a stream whose end is not known. */
  open(path: string, table: Table, rows: number | undefined, emit: Emit): Promise<Encoder>;
  /** Whether it needs to know the rows in the beginning. */
  readonly counts: boolean;
  /** Whether it writes at places of a file, so that a stream cannot take it. */
  readonly places?: boolean;
}

/** Takes bytes, after the others or at a place. */
export type Emit = (bytes: Uint8Array, at?: number) => Promise<void>;

export interface Encoder {
  /** One group: all but the last are of `groupRows`. */
  write(columns: readonly ElementArray[], rows: number): Promise<void>;
  end(): Promise<void>;
}

export type SinkFormat = AppendFormat | EncodeFormat;

export interface Format {
  readonly name: string;
  readonly words: string;
  readonly extensions: readonly string[];
  /** Whether a file starts so. */
  readonly sniff?: (head: Uint8Array) => boolean;
  readonly open?: (input: Input, options: OpenOptions) => Promise<Source>;
  /** Whether rows have columns or fields beside their numbers, so that one can be the label. */
  readonly labels?: boolean;
  readonly list?: (input: Input) => Promise<readonly Entry[]>;
  /** An output can be refused where there are several columns, so it depends on the table. */
  readonly sink?: (table: Table) => SinkFormat;
}

/** The file of an input for a format that goes back and forth in it. */
export function fileOf({ path, file }: Input, format: string): InputFile {
  if (file !== undefined) return file;
  throw new SoftlaneFileError(
    'ERR_SOFTLANE_INPUT_FORMAT',
    path,
    `${format} is not read from a stream: give a file`,
  );
}

/** The thing of that name, or the only one. */
export function choose<T>(
  path: string,
  kind: string,
  things: ReadonlyMap<string, T>,
  name: string | undefined,
): [string, T] {
  const names = [...things.keys()];
  const only = name ?? (names.length === 1 ? names[0] : undefined);
  const found = only === undefined ? undefined : things.get(only);
  if (only !== undefined && found !== undefined) return [only, found];
  const some = names.slice(0, 12).join(', ') + (names.length > 12 ? ', ...' : '');
  throw new SoftlaneFileError(
    'ERR_SOFTLANE_INPUT_NAME',
    path,
    names.length === 0
      ? `has no ${kind} to read`
      : name === undefined
        ? `has ${names.length} of them (${some}): name one, FILE:NAME`
        : `has no ${kind} ${JSON.stringify(name)}; it has ${some}`,
  );
}

export function malformed(path: string, reason: string, cause?: unknown): SoftlaneFileError {
  return new SoftlaneFileError('ERR_SOFTLANE_INPUT_FORMAT', path, reason, cause);
}
