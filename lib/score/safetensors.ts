/** .safetensors: a JSON header and the bytes of tensors, at any byte. */
import { FileBytes, readFully, type ByteSource } from './bytes';
import { dtypes, elementRefusal, type Dtype, type ElementName } from './element';
import type { AppendFormat, EncodeFormat, Format, Input } from './format';
import { choose, malformed } from './format';
import { SoftlaneFileError } from './errors';
import { RawSource } from './source';
import { packRows, rowWords, type Column, type Table } from './table';
import { bytesOf } from './npy-dtype';

interface Tensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** From the end of the header. */
  readonly start: number;
  readonly end: number;
}

/** What other readers accept too. */
const maxHeaderBytes = 100_000_000;

const codes: Readonly<Record<string, Dtype>> = {
  F16: 'f16',
  BF16: 'bf16',
  F32: 'f32',
  F64: 'f64',
  BOOL: 'bool',
  I8: 'i8',
  U8: 'u8',
  I16: 'i16',
  U16: 'u16',
  I32: 'i32',
  U32: 'u32',
  I64: 'i64',
  U64: 'u64',
};

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly dataOffset: number;
}

/** Reads the header and checks that its tensors lie inside the file, one after another. */
export async function readSafetensorsHeader(bytes: ByteSource): Promise<SafetensorsHeader> {
  const { path } = bytes;
  const size = new Uint8Array(8);
  if ((await bytes.readSome(size)) < 8) throw malformed(path, 'is too short for .safetensors');
  const length = Number(new DataView(size.buffer).getBigUint64(0, true));
  const left = bytes.left ?? Infinity;
  if (length > Math.min(maxHeaderBytes, left)) {
    throw malformed(path, `is not .safetensors: a header of ${length} bytes`);
  }
  const text = new Uint8Array(length);
  await readFully(bytes, text);
  let root: unknown;
  try {
    root = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
  } catch (cause) {
    throw malformed(path, 'damaged header: it is not JSON', cause);
  }
  const tensors = readTensors(path, root);
  const end = [...tensors.values()].reduce((most, tensor) => Math.max(most, tensor.end), 0);
  const data = bytes.left;
  if (data !== undefined && end !== data) {
    throw end > data
      ? new SoftlaneFileError(
          'ERR_SOFTLANE_INPUT_TRUNCATED',
          path,
          `is cut off: its tensors need ${end} bytes of data, it has ${data}`,
        )
      : malformed(path, `has ${data - end} bytes after its tensors`);
  }
  return { tensors, dataOffset: 8 + length };
}

function readTensors(path: string, root: unknown): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  if (typeof root !== 'object' || root === null || Array.isArray(root)) {
    throw malformed(path, 'damaged header: expected an object');
  }
  for (const [name, value] of Object.entries(root)) {
    if (name === '__metadata__') continue;
    const tensor = readTensor(value);
    if (tensor === undefined) {
      throw malformed(path, `damaged header: tensor ${JSON.stringify(name)}`);
    }
    tensors.set(name, tensor);
  }
  let place = 0;
  for (const { start, end } of [...tensors.values()].sort(
    (a, b) => a.start - b.start || a.end - b.end,
  )) {
    if (start !== place) throw malformed(path, 'damaged header: tensors with a gap or an overlap');
    place = end;
  }
  return tensors;
}

const isSize = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;

function readTensor(value: unknown): Tensor | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { dtype, shape, data_offsets: offsets } = value as Record<string, unknown>;
  if (typeof dtype !== 'string' || !Array.isArray(shape) || !shape.every(isSize)) return undefined;
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) return undefined;
  const [start, end] = offsets as [number, number];
  const elements = shape.reduce((product: number, length) => product * length, 1);
  const known = Object.hasOwn(codes, dtype) ? dtypes[codes[dtype]!].bytes : undefined;
  if (end < start || (known !== undefined && end - start !== elements * known)) return undefined;
  return { dtype, shape, start, end };
}

async function open(input: Input, element: ElementName, name?: string): Promise<RawSource> {
  const bytes = input.stream ?? new FileBytes(input.file!);
  const { path } = input;
  const { tensors } = await readSafetensorsHeader(bytes);
  const [found, tensor] = choose(path, 'tensor', tensors, name);
  const what = `${path}:${found}`;
  const dtype = Object.hasOwn(codes, tensor.dtype) ? codes[tensor.dtype] : undefined;
  const refusal =
    dtype === undefined
      ? `holds ${tensor.dtype}, which is not read`
      : elementRefusal(dtype, element);
  if (dtype === undefined || refusal !== undefined) throw malformed(what, refusal!);
  const { shape } = tensor;
  if (shape.length < 1 || shape.length > 2) {
    const reason = `has ${shape.length} dimensions, shape (${shape.join(', ')}), expected 1 or 2`;
    throw new SoftlaneFileError('ERR_SOFTLANE_INPUT_SHAPE', what, reason);
  }
  await bytes.skip(tensor.start);
  const [first, second] = shape as [number, number | undefined];
  const flat = second === undefined;
  const columns = element === 'int32' && flat;
  return new RawSource(bytes, {
    format: '.safetensors',
    dtype,
    rows: !flat || columns ? first : 1,
    cols: columns ? 1 : (second ?? first),
    flat: flat && !columns,
    // Of a stream no tensor can be named, so that this one is all that there is.
    trailing: () => malformed(path, 'has more bytes after its tensors'),
  });
}

const tensorOf = ({ element, scalar, width }: Column, table: Table, rows: number) => ({
  dtype: element === 'float32' ? 'F32' : 'I32',
  shape: scalar ? [rows] : table.flat ? [width] : [rows, width],
});

/** The header's text and where each tensor starts in the data. */
function describe(table: Table, rows: number): { text: string; starts: number[] } {
  let place = 0;
  const starts: number[] = [];
  const tensors = table.columns.map((column) => {
    const start = place;
    place += 4 * rows * column.width;
    starts.push(start);
    return [column.name, { ...tensorOf(column, table, rows), data_offsets: [start, place] }];
  });
  return { text: JSON.stringify(Object.fromEntries(tensors)), starts };
}

/** Padded with blanks, so that it is as long for any number of rows and data begins at a multiple of 64. */
function head(table: Table, rows: number): Uint8Array {
  const { text } = describe(table, rows);
  // Three numbers of each tensor grow, to 16 digits at most.
  const longest = describe(table, 0).text.length + 3 * 16 * table.columns.length;
  const bytes = Buffer.alloc(Math.ceil((8 + longest) / 64) * 64, ' ');
  bytes.writeBigUInt64LE(BigInt(bytes.length - 8));
  bytes.write(text, 8);
  return bytes;
}

/** One tensor: its rows one after another. */
const single: AppendFormat = { kind: 'append', counts: true, plain: true, head, rows: packRows };

/** Several, each in its own part of the file. */
const several: EncodeFormat = {
  kind: 'encode',
  counts: true,
  places: true,
  groupRows: (table) => Math.max(1, Math.floor(2 ** 20 / rowWords(table))),
  open: async (_path, table, rows, emit) => {
    const start = head(table, rows!);
    const places = describe(table, rows!).starts.map((at) => start.length + at);
    await emit(start, 0);
    return {
      write: async (columns, count) => {
        for (const [i, { width }] of table.columns.entries()) {
          const bytes = bytesOf(columns[i]!.subarray(0, count * width));
          await emit(bytes, places[i]!);
          places[i]! += bytes.byteLength;
        }
      },
      end: () => Promise.resolve(),
    };
  },
};

export const safetensorsFormat: Format = {
  name: 'safetensors',
  words: '.safetensors',
  extensions: ['.safetensors'],
  sniff: (bytes) =>
    bytes.length > 9 && bytes[8] === 0x7b && bytes[5] === 0 && bytes[6] === 0 && bytes[7] === 0,
  open: (input, { element, name }) => open(input, element, name),
  list: async (input) => {
    const bytes = input.stream ?? new FileBytes(input.file!);
    const { tensors } = await readSafetensorsHeader(bytes);
    return [...tensors].map(([name, { dtype, shape }]) => {
      const known = Object.hasOwn(codes, dtype) ? dtypes[codes[dtype]!].words : dtype;
      return { name, holds: known, shape };
    });
  },
  sink: (table) => (table.columns.length === 1 ? single : several),
};
