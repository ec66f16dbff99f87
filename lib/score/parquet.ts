/** Parquet, through the optional peers hyparquet, hyparquet-compressors and hyparquet-writer. */
import type * as Hyparquet from 'hyparquet' with { 'resolution-mode': 'import' };
import type { Compressors } from 'hyparquet' with { 'resolution-mode': 'import' };
import { missingValue } from './element';
import { SoftlaneFileError } from './errors';
import type { EncodeFormat, Encoder, Entry, Format, Input, OpenOptions } from './format';
import { choose, fileOf, malformed } from './format';
import type { InputFile } from './input-file';
import { optional } from './optional';
import { BatchSource, type Batch, type Source } from './source';
import { rowWords, type Table } from './table';

interface Opened {
  readonly library: typeof Hyparquet;
  readonly compressors: Compressors;
  readonly file: { byteLength: number; slice(start: number, end?: number): Promise<ArrayBuffer> };
  readonly metadata: Hyparquet.FileMetaData;
}

async function openFile(input: InputFile): Promise<Opened> {
  const packages = 'hyparquet hyparquet-compressors';
  const library = await optional(() => import('hyparquet'), { path: input.path, packages });
  const { compressors } = await optional(() => import('hyparquet-compressors'), {
    path: input.path,
    packages,
  });
  const file = {
    byteLength: input.size,
    slice: async (start: number, end = input.size): Promise<ArrayBuffer> => {
      const buffer = new ArrayBuffer(end - start);
      await input.read(new Uint8Array(buffer), start);
      return buffer;
    },
  };
  try {
    const metadata = await library.parquetMetadataAsync(file);
    return { library, compressors: compressors as unknown as Compressors, file, metadata };
  } catch (error) {
    throw damaged(input.path, error);
  }
}

function damaged(path: string, error: unknown): Error {
  if (error instanceof SoftlaneFileError) return error;
  return malformed(path, `is damaged or no Parquet file: ${(error as Error).message}`, error);
}

type Tree = ReturnType<typeof Hyparquet.parquetSchema>;

/** The elements of a column: its own, or those of its lists. */
function leafOf(column: Tree): Tree['element'] {
  const [child] = column.children;
  return child === undefined ? column.element : leafOf(child);
}

function holds(element: Tree['element']): string {
  if (element.logical_type?.type === 'FLOAT16') return 'float16';
  const words: Readonly<Record<string, string>> = {
    FLOAT: 'float32',
    DOUBLE: 'float64',
    INT32: 'int32',
    INT64: 'int64',
  };
  return words[element.type ?? ''] ?? String(element.type ?? 'a structure').toLowerCase();
}

function columnHolds(column: Tree): string {
  return `${column.children.length > 0 ? 'lists of ' : ''}${holds(leafOf(column))}`;
}

const floats = ['float16', 'float32', 'float64'];
const integers = ['int32', 'int64'];

async function open(input: Input, options: OpenOptions): Promise<Source> {
  const { path } = input;
  const opened = await openFile(fileOf(input, 'Parquet'));
  const { library, metadata } = opened;
  const { element, labelColumn } = options;
  const columns = new Map<string, string>();
  const tree = library.parquetSchema(metadata);
  for (const column of tree.children) {
    const { name } = column.element;
    const held = holds(leafOf(column));
    const list = column.children.length > 0;
    const fits = element === 'float32' ? list && floats.includes(held) : integers.includes(held);
    if (name !== labelColumn && (fits || name === options.name)) columns.set(name, held);
  }
  const [name, held] = choose(path, 'column of numbers', columns, options.name);
  if (!(element === 'float32' ? floats : integers).includes(held)) {
    const wanted = element === 'float32' ? 'floating-point numbers' : 'integers';
    throw malformed(`${path}:${name}`, `holds ${held}, expected ${wanted}`);
  }
  if (labelColumn !== undefined) requireLabels(path, tree, labelColumn);
  return BatchSource.open(batches(opened, path, name, options), {
    path,
    format: 'Parquet',
    holds: held,
    rows: Number(metadata.num_rows),
    warning: held === 'float64' ? 'float64 is rounded to float32' : undefined,
  });
}

function requireLabels(path: string, tree: Tree, name: string): void {
  const column = tree.children.find(({ element }) => element.name === name);
  if (column === undefined) {
    const reason = `has no column ${JSON.stringify(name)}`;
    throw new SoftlaneFileError('ERR_SOFTLANE_INPUT_NAME', path, reason);
  }
  const held = columnHolds(column);
  if (integers.includes(held)) return;
  throw malformed(`${path}:${name}`, `holds ${held}, expected integers`);
}

/** A row group at a time: the library decodes all of one whatever rows of it are asked for. */
async function* batches(
  { library, file, metadata, compressors }: Opened,
  path: string,
  name: string,
  { element, labelColumn }: OpenOptions,
): AsyncGenerator<Batch> {
  const columns = labelColumn === undefined ? [name] : [name, labelColumn];
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    let found: Record<string, unknown>[];
    try {
      const asked = { file, metadata, columns, rowStart, rowEnd, compressors };
      found = (await library.parquetReadObjects(asked)) as Record<string, unknown>[];
    } catch (error) {
      throw damaged(path, error);
    }
    yield batchOf(path, found, name, element, labelColumn);
    rowStart = rowEnd;
  }
}

function batchOf(
  path: string,
  found: readonly Record<string, unknown>[],
  name: string,
  element: OpenOptions['element'],
  labelColumn: string | undefined,
): Batch {
  const rows = found.length;
  const lists = found.map((row) => {
    const value = row[name];
    return (typeof value === 'object' && value !== null ? value : [value]) as ArrayLike<unknown>;
  });
  const cols = lists[0]?.length ?? 0;
  const x = element === 'float32' ? new Float32Array(rows * cols) : new Int32Array(rows * cols);
  lists.forEach((list, row) => {
    if (list.length !== cols) {
      const reason = `has rows of ${list.length} and of ${cols} elements`;
      throw new SoftlaneFileError('ERR_SOFTLANE_INPUT_SHAPE', `${path}:${name}`, reason);
    }
    for (let i = 0; i < cols; i++) {
      x[row * cols + i] =
        element === 'int32' ? whole(path, name, list[i]) : list[i] === null ? NaN : Number(list[i]);
    }
  });
  if (labelColumn === undefined) return { rows, x };
  return {
    rows,
    x,
    labels: Int32Array.from(found, (row) => whole(path, labelColumn, row[labelColumn])),
  };
}

function whole(path: string, name: string, value: unknown): number {
  const where = `${path}:${name}`;
  if (value === null || value === undefined) throw missingValue(where, 'int32');
  // A column of integers may stand for dates or fractions, which the library makes of them.
  const number = typeof value === 'bigint' ? Number(value) : value;
  if (typeof number === 'number' && number === (number | 0)) return number;
  const reason = `expected whole numbers, received ${String(value as unknown)}`;
  throw new SoftlaneFileError('ERR_SOFTLANE_INPUT_VALUE', where, reason);
}

async function list(input: Input): Promise<Entry[]> {
  const { library, metadata } = await openFile(fileOf(input, 'Parquet'));
  return library.parquetSchema(metadata).children.map((column) => ({
    name: column.element.name,
    holds: columnHolds(column),
    shape: [Number(metadata.num_rows)],
  }));
}

function schemaOf({ columns }: Table): Hyparquet.SchemaElement[] {
  const fields = columns.flatMap(({ name, element, scalar }): Hyparquet.SchemaElement[] => {
    const type = element === 'float32' ? 'FLOAT' : 'INT32';
    if (scalar) return [{ name, type, repetition_type: 'REQUIRED' }];
    return [
      { name, repetition_type: 'REQUIRED', converted_type: 'LIST', num_children: 1 },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      { name: 'element', type, repetition_type: 'REQUIRED' },
    ];
  });
  return [{ name: 'root', num_children: columns.length }, ...fields];
}

const sink: EncodeFormat = {
  kind: 'encode',
  counts: false,
  // The writer holds a row group as arrays of JavaScript.
  groupRows: (table) => Math.max(1, Math.floor(2 ** 19 / rowWords(table))),
  open: async (path, table, _rows, emit): Promise<Encoder> => {
    const { ByteWriter, ParquetWriter } = await optional(() => import('hyparquet-writer'), {
      path,
      packages: 'hyparquet-writer',
    });
    const bytes = new ByteWriter();
    const hand = async (): Promise<void> => {
      const made = bytes.getBytes().slice();
      (bytes as unknown as { index: number }).index = 0;
      await emit(made);
    };
    const writer = new ParquetWriter({
      writer: bytes,
      schema: schemaOf(table),
      createdBy: 'softlane',
    });
    return {
      write: async (columns, rows) => {
        const columnData = table.columns.map(({ name, width, scalar }, i) => {
          const values = columns[i]!;
          const data = Array.from({ length: rows }, (_, row) =>
            scalar ? values[row]! : Array.from(values.subarray(row * width, (row + 1) * width)),
          );
          return { name, data };
        });
        await writer.write({ columnData, rowGroupSize: rows });
        await hand();
      },
      end: async () => {
        await writer.finish();
        await hand();
      },
    };
  },
};

export const parquetFormat: Format = {
  name: 'parquet',
  words: 'Parquet',
  extensions: ['.parquet'],
  sniff: (head) => Buffer.from(head.subarray(0, 4)).toString() === 'PAR1',
  open,
  labels: true,
  list,
  sink: () => sink,
};
