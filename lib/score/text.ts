/** JSON Lines in and out, and CSV out. */
import { constants } from 'node:buffer';
import type { ByteSource } from './bytes';
import { FileBytes } from './bytes';
import type { ElementArray, ElementName } from './element';
import { SoftlaneFileError } from './errors';
import type { AppendFormat, Entry, Format, Input, OpenOptions } from './format';
import { choose, malformed } from './format';
import { BatchSource, type Batch, type Source } from './source';
import type { Table } from './table';

const pieceBytes = 1 << 18;
/** Elements of the batches that are made of lines. */
const batchElements = 1 << 18;
const maxLine = constants.MAX_STRING_LENGTH;

async function* linesOf(bytes: ByteSource): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const piece = new Uint8Array(pieceBytes);
  let rest = '';
  for (;;) {
    const got = await bytes.readSome(piece);
    let text: string;
    try {
      text = decoder.decode(piece.subarray(0, got), { stream: got > 0 });
    } catch (cause) {
      throw malformed(bytes.path, 'is not UTF-8 text', cause);
    }
    // What was looked through before has no end of a line.
    const lines = text.split('\n');
    if (rest.length + lines[0]!.length > maxLine)
      throw malformed(bytes.path, `a line of more than ${maxLine} characters`);
    lines[0] = rest + lines[0]!;
    rest = got === 0 ? '' : lines.pop()!;
    yield* lines;
    if (got === 0) return;
  }
}

/** What a line may write for a number that JSON does not have. */
const words: Readonly<Record<string, number>> = {
  NaN: NaN,
  Infinity: Infinity,
  '-Infinity': -Infinity,
};

interface Row {
  /** Its field, of an object. */
  readonly name?: string;
  readonly values: readonly unknown[];
  readonly label?: unknown;
}

type Fields = Readonly<Record<string, unknown>>;

/** What a line holds, or what is wrong with it. */
function rootOf(line: string): readonly unknown[] | Fields | number | string {
  let root: unknown;
  try {
    root = JSON.parse(line);
  } catch {
    return 'is not JSON';
  }
  if (typeof root === 'number') return root;
  if (typeof root !== 'object' || root === null) return 'is neither a list nor an object';
  return root as readonly unknown[] | Fields;
}

const isList = (root: readonly unknown[] | Fields): root is readonly unknown[] =>
  Array.isArray(root);

/** The fields that can be what is read: lists of numbers, or a number, for indices. */
function candidates(fields: Fields, { element, labelColumn }: OpenOptions): Map<string, unknown> {
  const found = Object.entries(fields).filter(
    ([name, value]) => name !== labelColumn && isRow(value, element),
  );
  const areNumbers = (value: unknown): boolean =>
    [value].flat().every((each) => numberOf(each, element) !== undefined);
  // What is wrong with the only one is said of its element.
  return new Map(found.length === 1 ? found : found.filter(([, value]) => areNumbers(value)));
}

const isRow = (value: unknown, element: ElementName): boolean =>
  Array.isArray(value) || (element === 'int32' && typeof value === 'number');

/** `options.name`: the field; without one, the only one that it can be. */
function rowOf(path: string, line: string, options: OpenOptions): Row | string {
  const { labelColumn, element } = options;
  const root = rootOf(line);
  if (typeof root === 'string') return root;
  if (typeof root === 'number')
    return element === 'int32' ? { values: [root] } : 'is neither a list nor an object';
  if (isList(root)) return { values: root };
  let { name } = options;
  if (name === undefined) {
    const all = candidates(root, options);
    if (all.size === 0) return 'has no list of numbers';
    [name] = choose(path, 'list of numbers', all, undefined);
  }
  const value = Object.hasOwn(root, name) && root[name];
  if (!isRow(value, element)) return `has no list ${JSON.stringify(name)}`;
  const label = labelColumn === undefined ? undefined : root[labelColumn];
  return { name, values: Array.isArray(value) ? value : [value], label };
}

function numberOf(value: unknown, element: ElementName): number | undefined {
  if (typeof value === 'number')
    return element === 'int32' && value !== (value | 0) ? undefined : value;
  if (element === 'int32') return undefined;
  if (value === null) return NaN;
  return typeof value === 'string' && Object.hasOwn(words, value) ? words[value] : undefined;
}

async function* batchesOf(bytes: ByteSource, options: OpenOptions): AsyncGenerator<Batch> {
  const { element, labelColumn } = options;
  // The first object says which field is meant in all of them.
  let asked = options;
  let number = 0;
  let cols = -1;
  let rows = 0;
  let x: number[] = [];
  let labels: number[] = [];
  const batch = (): Batch => ({
    rows,
    x: element === 'float32' ? Float32Array.from(x) : Int32Array.from(x),
    labels: labelColumn === undefined ? undefined : Int32Array.from(labels),
  });
  for await (const line of linesOf(bytes)) {
    number++;
    if (line.trim() === '') continue;
    const row = rowOf(bytes.path, line, asked);
    const wrong = (reason: string): SoftlaneFileError =>
      malformed(bytes.path, `line ${number} ${reason}`);
    if (typeof row === 'string') throw wrong(row);
    if (options.name !== undefined && row.name === undefined)
      throw wrong(`is no object with ${JSON.stringify(options.name)}`);
    if (asked.name === undefined && row.name !== undefined) asked = { ...options, name: row.name };
    if (cols >= 0 && row.values.length !== cols) {
      const reason = `line ${number} has ${row.values.length} numbers, those before it ${cols}`;
      throw new SoftlaneFileError('ERR_SOFTLANE_INPUT_SHAPE', bytes.path, reason);
    }
    cols = row.values.length;
    for (const value of row.values) {
      const element = numberOf(value, options.element);
      if (element === undefined) throw wrong(`has ${JSON.stringify(value)} for a number`);
      x.push(element);
    }
    if (labelColumn !== undefined) {
      const label = numberOf(row.label, 'int32');
      if (label === undefined) throw wrong(`has no whole number ${JSON.stringify(labelColumn)}`);
      labels.push(label);
    }
    rows++;
    if (x.length < batchElements) continue;
    yield batch();
    [rows, x, labels] = [0, [], []];
  }
  if (rows > 0) yield batch();
}

const bytesOfInput = ({ file, stream }: Input): ByteSource => stream ?? new FileBytes(file!);

function open(input: Input, options: OpenOptions): Promise<Source> {
  const bytes = bytesOfInput(input);
  return BatchSource.open(batchesOf(bytes, options), {
    path: input.path,
    format: 'JSON Lines',
    holds: options.element === 'float32' ? 'numbers' : 'whole numbers',
    close: () => bytes.close(),
  });
}

async function list(input: Input): Promise<Entry[]> {
  for await (const line of linesOf(bytesOfInput(input))) {
    if (line.trim() === '') continue;
    const root = rootOf(line);
    const found =
      typeof root !== 'object'
        ? []
        : isList(root)
          ? [['', root] as const]
          : [...candidates(root, { element: 'float32' })];
    if (found.length === 0) {
      const reason = typeof root === 'string' ? root : 'has no list of numbers';
      throw malformed(input.path, `its first line ${reason}`);
    }
    return found.map(([name, values]) => ({
      name,
      holds: 'numbers',
      shape: [null, (values as unknown[]).length],
    }));
  }
  return [{ name: '', holds: 'numbers', shape: [null, 0] }];
}

/** The shortest decimal that reads back as the same float32. */
export function floatText(value: number): string {
  if (Object.is(value, -0)) return '-0';
  if (!Number.isFinite(value) || Number.isInteger(value)) return String(value);
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return String(short);
  }
  return String(Number(value.toPrecision(9)));
}

type CellText = (value: number, isFloat: boolean) => string;

function cells(
  table: Table,
  columns: readonly ElementArray[],
  row: number,
  text: CellText,
): string[][] {
  return table.columns.map(({ width, element }, i) => {
    const from = row * width;
    return Array.from(columns[i]!.subarray(from, from + width), (value) =>
      text(value, element === 'float32'),
    );
  });
}

/** JSON has neither. An infinity is a string, as in that of protocol buffers, so that a mask is one when it is read again. */
const jsonCell: CellText = (value, isFloat) => {
  if (Number.isNaN(value)) return 'null';
  if (!Number.isFinite(value)) return `"${value}"`;
  return isFloat ? floatText(value) : String(value);
};

const jsonl: AppendFormat = {
  kind: 'append',
  counts: false,
  head: () => new Uint8Array(0),
  rows: (table, columns, rows) => {
    const lines: string[] = [];
    for (let row = 0; row < rows; row++) {
      const fields = cells(table, columns, row, jsonCell).map((values, i) => {
        const { name, scalar } = table.columns[i]!;
        return `${JSON.stringify(name)}:${scalar ? values[0]! : `[${values.join(',')}]`}`;
      });
      lines.push(`{${fields.join(',')}}\n`);
    }
    return Buffer.from(lines.join(''));
  },
};

/** Columns of a CSV; a person cannot use more, and no spreadsheet has them. */
const maxCsvColumns = 16_384;

const csv: AppendFormat = {
  kind: 'append',
  counts: false,
  refusal: ({ columns }) => {
    const count = columns.reduce((sum, { width }) => sum + width, 0);
    return count > maxCsvColumns ? `${count} columns are too many for CSV` : undefined;
  },
  head: ({ columns }) => {
    const names = columns.flatMap(({ name, width, scalar }) =>
      scalar ? [name] : Array.from({ length: width }, (_, i) => `${name}_${i}`),
    );
    return Buffer.from(`${names.join(',')}\n`);
  },
  rows: (table, columns, rows) => {
    const lines: string[] = [];
    const text: CellText = (value, isFloat) => (isFloat ? floatText(value) : String(value));
    for (let row = 0; row < rows; row++) {
      lines.push(`${cells(table, columns, row, text).flat().join(',')}\n`);
    }
    return Buffer.from(lines.join(''));
  },
};

export const jsonlFormat: Format = {
  name: 'jsonl',
  words: 'JSON Lines (.jsonl)',
  extensions: ['.jsonl', '.ndjson'],
  sniff: (head) => /^(\xef\xbb\xbf)?[[{]/.test(Buffer.from(head).toString('latin1')),
  open,
  labels: true,
  list,
  sink: () => jsonl,
};

export const csvFormat: Format = {
  name: 'csv',
  words: 'CSV',
  extensions: ['.csv'],
  sink: () => csv,
};
