/** Arrow IPC, files and streams, through the optional peer apache-arrow. */
import type * as Arrow from 'apache-arrow';
import { isFileForm, loadArrow, openReader, type OpenedArrow } from './arrow-reader';
import {
  convert,
  dtypes,
  elementRefusal,
  missingValue,
  narrowing,
  type Dtype,
  type ElementArray,
  type ElementName,
} from './element';
import { inputError, SoftlaneFileError } from './errors';
import type { EncodeFormat, Encoder, Entry, Format, Input, OpenOptions } from './format';
import { choose, malformed } from './format';
import { BatchSource, type Batch, type Source } from './source';
import { rowWords, type Column, type Table } from './table';

const precisions: readonly Dtype[] = ['f16', 'f32', 'f64'];

function dtypeOf(arrow: typeof Arrow, type: Arrow.DataType): Dtype | undefined {
  if (arrow.DataType.isFloat(type)) return precisions[type.precision];
  if (!arrow.DataType.isInt(type)) return undefined;
  return `${type.isSigned ? 'i' : 'u'}${type.bitWidth}` as Dtype;
}

/** The type of the elements of a column: of its lists, or of the column itself. */
function elementType(arrow: typeof Arrow, type: Arrow.DataType): Dtype | undefined {
  const list = arrow.DataType.isFixedSizeList(type) || arrow.DataType.isList(type);
  return dtypeOf(arrow, list ? (type.children[0]!.type as Arrow.DataType) : type);
}

async function open(input: Input, options: OpenOptions): Promise<Source> {
  const { path } = input;
  const opened = await openReader(input);
  const { arrow, reader, close } = opened;
  try {
    const { element, labelColumn } = options;
    const columns = new Map<string, Dtype>();
    for (const { name, type } of reader.schema.fields) {
      const dtype = elementType(arrow, type as Arrow.DataType);
      if (dtype === undefined || name === labelColumn) continue;
      const listed = arrow.DataType.isFixedSizeList(type) || arrow.DataType.isList(type);
      const fits = elementRefusal(dtype, element) === undefined && (listed || element === 'int32');
      if (fits || name === options.name) columns.set(name, dtype);
    }
    const [name, dtype] = choose(path, 'column of numbers', columns, options.name);
    const refusal = elementRefusal(dtype, element);
    if (refusal !== undefined) throw malformed(`${path}:${name}`, refusal);
    const labels = labelColumn === undefined ? undefined : labelsOf(opened, path, labelColumn);
    const wanted = { name, dtype, element };
    return await BatchSource.open(batches(opened, path, wanted, labels), {
      path,
      format: 'Arrow',
      holds: dtypes[dtype].words,
      warning: narrowing(dtype),
      close,
    });
  } catch (error) {
    await close();
    throw error;
  }
}

/** A column that is read. */
interface Wanted {
  readonly name: string;
  readonly dtype: Dtype;
  readonly element: ElementName;
}

function labelsOf({ arrow, reader }: OpenedArrow, path: string, name: string): Wanted {
  const field = reader.schema.fields.find((each) => each.name === name);
  if (field === undefined) {
    const reason = `has no column ${JSON.stringify(name)}`;
    throw new SoftlaneFileError('ERR_SOFTLANE_INPUT_NAME', path, reason);
  }
  const type = field.type as Arrow.DataType;
  const dtype = arrow.DataType.isInt(type) ? dtypeOf(arrow, type) : undefined;
  if (dtype !== undefined) return { name, dtype, element: 'int32' };
  throw malformed(`${path}:${name}`, `holds ${String(type)}, expected integers`);
}

async function* batches(
  { reader, requireEnd }: OpenedArrow,
  path: string,
  wanted: Wanted,
  labelled: Wanted | undefined,
): AsyncGenerator<Batch> {
  const all = reader[Symbol.asyncIterator]() as AsyncIterator<Arrow.RecordBatch>;
  for (;;) {
    let next: IteratorResult<Arrow.RecordBatch>;
    try {
      next = await all.next();
    } catch (error) {
      throw systemOrMalformed(path, error);
    }
    if (next.done === true) return requireEnd();
    const batch = next.value;
    const elements = (column: Wanted): ElementArray =>
      elementsOf(`${path}:${column.name}`, batch.getChild(column.name)!, column);
    const x = elements(wanted);
    const labels = labelled && (elements(labelled) as Int32Array);
    yield { rows: batch.numRows, x, labels };
  }
}

function systemOrMalformed(path: string, error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  return typeof code === 'string'
    ? inputError(path, error)
    : malformed(path, `is damaged: ${message}`, error);
}

/** All elements of a column in a batch, row after row; a missing number or row is NaN. */
function elementsOf(where: string, column: Arrow.Vector, { dtype, element }: Wanted): ElementArray {
  const parts = column.data.map((data) => flat(where, data as Arrow.Data, element));
  const length = parts.reduce((sum, { values }) => sum + values.length, 0);
  const x = element === 'float32' ? new Float32Array(length) : new Int32Array(length);
  let place = 0;
  for (const { values, missing } of parts) {
    const into = x.subarray(place, place + values.length);
    convert(dtype, values, into, where);
    for (const [start, end] of missing) into.fill(NaN, start, end);
    place += values.length;
  }
  return x;
}

type Values = ArrayLike<number> & { subarray(start: number, end: number): ArrayLike<number> };

/** Whether a column has as much as it says: of a damaged file it may say anything. */
function isWhole(data: Arrow.Data): boolean {
  const { length, offset, nullBitmap, valueOffsets, children } = data;
  const bits = 8 * ((nullBitmap as Uint8Array | undefined)?.length ?? 0);
  if (bits === 0 ? data.nullCount > 0 : bits < offset + length) return false;
  const child = children[0] as Arrow.Data | undefined;
  if (child === undefined) return length <= (data.values as Values).length;
  const offsets = valueOffsets as Int32Array | undefined;
  if (!isWhole(child)) return false;
  if (offsets === undefined) return Number.isInteger(child.length / Math.max(length, 1));
  return offsets.length > length && offsets[0]! >= 0 && offsets[length]! <= child.length;
}

function flat(
  where: string,
  data: Arrow.Data,
  element: ElementName,
): { values: ArrayLike<number>; missing: [number, number][] } {
  const child = data.children[0] as Arrow.Data | undefined;
  const offsets = data.valueOffsets as Int32Array | undefined;
  const missing: [number, number][] = [];
  if (!isWhole(data)) throw malformed(where, 'is damaged: it has less than it says');
  if (child === undefined) {
    if (data.nullCount > 0) throw missingValue(where, element);
    return { values: (data.values as Values).subarray(0, data.length), missing };
  }
  // A list that is missing has no length of its own, unless all have the same.
  const width = offsets === undefined ? child.length / Math.max(data.length, 1) : undefined;
  const [first, last] =
    offsets === undefined ? [0, child.length] : [offsets[0]!, offsets[data.length]!];
  const length = width ?? (data.length === 0 ? 0 : (last - first) / data.length);
  const isPlain = offsets === undefined && data.nullCount === 0;
  for (let row = 0; row < data.length && !isPlain; row++) {
    const size = offsets === undefined ? length : offsets[row + 1]! - offsets[row]!;
    if (size !== length) {
      const reason = `has a row of ${size} elements`;
      throw new SoftlaneFileError('ERR_SOFTLANE_INPUT_SHAPE', where, `${reason} among others`);
    }
    if (data.nullCount > 0 && !data.getValid(row)) missing.push([row * length, (row + 1) * length]);
  }
  if (child.nullCount > 0) {
    for (let i = first; i < last; i++)
      if (!child.getValid(i)) missing.push([i - first, i - first + 1]);
  }
  if (missing.length > 0 && element === 'int32') throw missingValue(where, element);
  return { values: (child.values as Values).subarray(first, last), missing };
}

async function list(input: Input): Promise<Entry[]> {
  const { reader, close } = await openReader(input);
  const entries = reader.schema.fields.map(({ name, type }) => ({
    name,
    holds: String(type),
    shape: [null],
  }));
  await close();
  return entries;
}

function arrowSchema(arrow: typeof Arrow, { columns }: Table): Arrow.Schema {
  return new arrow.Schema(
    columns.map(({ name, element, width, scalar }) => {
      const type = element === 'float32' ? new arrow.Float32() : new arrow.Int32();
      const item = new arrow.Field('item', type, false);
      return new arrow.Field(name, scalar ? type : new arrow.FixedSizeList(width, item), false);
    }),
  );
}

function columnData(
  arrow: typeof Arrow,
  { element, width, scalar }: Column,
  type: Arrow.DataType,
  array: ElementArray,
  rows: number,
): Arrow.Data {
  // A copy: the writer may still hold it when the array is filled again.
  const data = array.slice(0, rows * width);
  const values =
    element === 'float32'
      ? arrow.makeData({ type: new arrow.Float32(), data: data as Float32Array, nullCount: 0 })
      : arrow.makeData({ type: new arrow.Int32(), data: data as Int32Array, nullCount: 0 });
  if (scalar) return values as unknown as Arrow.Data;
  const list = type as Arrow.FixedSizeList;
  return arrow.makeData({
    type: list,
    length: rows,
    nullCount: 0,
    child: values,
  }) as unknown as Arrow.Data;
}

function encodeAs(kind: 'file' | 'stream'): EncodeFormat {
  return {
    kind: 'encode',
    counts: false,
    groupRows: (table) => Math.max(1, Math.floor(2 ** 20 / rowWords(table))),
    open: async (path, table, _rows, emit): Promise<Encoder> => {
      const arrow = await loadArrow(path);
      const schema = arrowSchema(arrow, table);
      const writer =
        kind === 'file' ? new arrow.RecordBatchFileWriter() : new arrow.RecordBatchStreamWriter();
      const chunks = writer[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
      writer.reset(undefined, schema);
      let next = chunks.next();
      /** Hands on what the writer has made; `all` waits for its end. */
      const drain = async (all: boolean): Promise<void> => {
        for (;;) {
          const waiting = all
            ? [next]
            : [next, new Promise<undefined>((done) => setImmediate(done, undefined))];
          const result = await Promise.race(waiting);
          if (result === undefined || result.done === true) return;
          await emit(result.value);
          next = chunks.next();
        }
      };
      return {
        write: async (columns, rows) => {
          const children = table.columns.map((column, i) =>
            columnData(arrow, column, schema.fields[i]!.type as Arrow.DataType, columns[i]!, rows),
          );
          const type = new arrow.Struct(schema.fields);
          const data = arrow.makeData({ type, length: rows, nullCount: 0, children });
          writer.write(new arrow.RecordBatch(schema, data));
          await drain(false);
        },
        end: async () => {
          writer.close();
          await drain(true);
        },
      };
    },
  };
}

const asFile = encodeAs('file');
const asStream = encodeAs('stream');

export const arrowFormat: Format = {
  name: 'arrow',
  words: 'Arrow IPC file',
  extensions: ['.arrow', '.feather'],
  sniff: isFileForm,
  open,
  labels: true,
  list,
  sink: () => asFile,
};

export const arrowStreamFormat: Format = {
  name: 'arrows',
  words: 'Arrow IPC stream',
  extensions: ['.arrows'],
  sniff: (head) => head[0] === 0xff && head[1] === 0xff && head[2] === 0xff && head[3] === 0xff,
  open,
  labels: true,
  list,
  sink: () => asStream,
};
