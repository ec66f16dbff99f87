/** JSON Lines in and out, and CSV out. */
import { constants } from 'node:buffer';
import type { ByteSource } from './bytes';
import { FileBytes } from './bytes';
import type { ElementArray, ElementName } from './element';
import { SoftlaneFileError } from './errors';
import type { AppendFormat, Format, Input, OpenOptions } from './format';
import { malformed } from './format';
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
  readonly values: readonly unknown[];
  readonly label: unknown;
}

/** `name`: the field; without one, the first field that is a list of numbers (or a number, for indices). */
function rowOf(line: string, { name, labelColumn, element }: OpenOptions): Row | string {
  let root: unknown;
  try {
    root = JSON.parse(line);
  } catch {
    return 'is not JSON';
  }
  if (Array.isArray(root)) return { values: root, label: undefined };
  if (typeof root === 'number' && element === 'int32') return { values: [root], label: undefined };
  if (typeof root !== 'object' || root === null) return 'is neither a list nor an object';
  const fields = root as Readonly<Record<string, unknown>>;
  const fits = (value: unknown): boolean =>
    Array.isArray(value) || (element === 'int32' && typeof value === 'number');
  const value =
    name === undefined
      ? Object.values(fields).find(fits)
      : Object.hasOwn(fields, name) && fields[name];
  if (!fits(value))
    return name === undefined ? 'has no list of numbers' : `has no list ${JSON.stringify(name)}`;
  const label = labelColumn === undefined ? undefined : fields[labelColumn];
  return { values: Array.isArray(value) ? value : [value], label };
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
    const row = rowOf(line, options);
    const wrong = (reason: string): SoftlaneFileError =>
      malformed(bytes.path, `line ${number} ${reason}`);
    if (typeof row === 'string') throw wrong(row);
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

function open(input: Input, options: OpenOptions): Promise<Source> {
  const bytes = input.stream ?? new FileBytes(input.file!);
  return BatchSource.open(batchesOf(bytes, options), {
    path: input.path,
    format: 'JSON Lines',
    holds: options.element === 'float32' ? 'numbers' : 'whole numbers',
    close: () => bytes.close(),
  });
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
  sniff: (head) => head[0] === 0x7b || head[0] === 0x5b,
  open,
  labels: true,
  list: async (input) => {
    const source = await open(input, { element: 'float32' });
    await source.close();
    return [{ name: '', holds: source.holds, shape: [null, source.cols] }];
  },
  sink: () => jsonl,
};

export const csvFormat: Format = {
  name: 'csv',
  words: 'CSV',
  extensions: ['.csv'],
  sink: () => csv,
};
