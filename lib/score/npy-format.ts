/** .npy as an input and an output. */
import { FileBytes, type ByteSource } from './bytes';
import { dtypes, elementRefusal, type Dtype, type ElementName } from './element';
import type { AppendFormat, Format, Input } from './format';
import { describeDescr } from './npy-dtype';
import {
  formatHeader,
  parseHeader,
  parsePrelude,
  preludeBytes,
  type NpyField,
  type NpyHeader,
} from './npy-header';
import { headerRefusal, trailingData } from './npy-reader';
import { SoftlaneFileError } from './errors';
import { RawSource, type Source } from './source';
import { packRows, type Column, type Table } from './table';

const codes: Readonly<Record<string, Dtype>> = {
  f2: 'f16',
  f4: 'f32',
  f8: 'f64',
  b1: 'bool',
  i1: 'i8',
  u1: 'u8',
  i2: 'i16',
  u2: 'u16',
  i4: 'i32',
  u4: 'u32',
  i8: 'i64',
  u8: 'u64',
};

export async function readNpyHeader(bytes: ByteSource): Promise<NpyHeader> {
  const head = new Uint8Array(preludeBytes);
  const start = head.subarray(0, await bytes.readSome(head));
  const prelude = parsePrelude(bytes.path, start);
  const rest = new Uint8Array(Math.max(0, prelude.dataOffset - preludeBytes));
  if ((await bytes.readSome(rest)) < rest.length || start.length < prelude.headerOffset) {
    const reason = 'is cut off: it ends inside its header';
    throw new SoftlaneFileError('ERR_SOFTLANE_NPY_TRUNCATED', bytes.path, reason);
  }
  const text = Buffer.concat([start.subarray(prelude.headerOffset), rest]);
  return parseHeader(bytes.path, prelude, text);
}

function dtypeOf({ descr }: NpyHeader): Dtype | undefined {
  if (typeof descr !== 'string' || !/^[<|=]/.test(descr)) return undefined;
  return Object.hasOwn(codes, descr.slice(1)) ? codes[descr.slice(1)] : undefined;
}

/** Why a job cannot read it as those elements; undefined if it can. */
export function npyRefusal(
  path: string,
  header: NpyHeader,
  element: ElementName,
  left: number | undefined,
): SoftlaneFileError | undefined {
  const dtype = dtypeOf(header);
  const wanted = element === 'float32' ? 'little-endian floats of 2, 4 or 8 bytes' : 'integers';
  const type =
    dtype === undefined || elementRefusal(dtype, element) !== undefined
      ? `holds ${describeDescr(header.descr)}, expected ${wanted}`
      : undefined;
  return headerRefusal(path, header, type, dtype === undefined ? 0 : dtypes[dtype].bytes, left);
}

/** Rows of a .npy file; for indices one dimension is a row each. */
export async function npySource(
  bytes: ByteSource,
  element: ElementName,
  format = '.npy',
): Promise<Source> {
  const header = await readNpyHeader(bytes);
  const refusal = npyRefusal(bytes.path, header, element, bytes.left);
  if (refusal !== undefined) throw refusal;
  const [first, second] = header.shape as [number, number | undefined];
  const flat = second === undefined;
  const columns = element === 'int32' && flat;
  const dtype = dtypeOf(header)!;
  return new RawSource(bytes, {
    format,
    dtype,
    rows: !flat || columns ? first : 1,
    cols: columns ? 1 : (second ?? first),
    flat: flat && !columns,
    trailing: () => trailingData(bytes.path, header, 'more bytes'),
  });
}

const bytesOfInput = ({ file, stream }: Input): ByteSource => stream ?? new FileBytes(file!);

const descrOf = ({ element }: Column): string => (element === 'float32' ? '<f4' : '<i4');

/** A column is an array; several are records. */
const sink: AppendFormat = {
  kind: 'append',
  counts: true,
  plain: true,
  head: (table, rows) => {
    const [only] = table.columns;
    if (table.columns.length === 1) {
      const tail = only!.scalar ? [] : [only!.width];
      return formatHeader(descrOf(only!), table.flat && !only!.scalar ? tail : [rows, ...tail]);
    }
    const fields = table.columns.map((column): NpyField => {
      const field = { name: column.name, dtype: descrOf(column) };
      return column.scalar ? field : { ...field, width: column.width };
    });
    return formatHeader(fields, [rows]);
  },
  rows: packRows,
};

export const npyFormat: Format = {
  name: 'npy',
  words: 'NumPy array (.npy)',
  extensions: ['.npy'],
  sniff: (head) => head[0] === 0x93 && Buffer.from(head.subarray(1, 6)).toString() === 'NUMPY',
  open: async (input, { element, name }) => {
    if (name === undefined) return npySource(bytesOfInput(input), element);
    const reason = `has no array ${JSON.stringify(name)}: it is one, without a name`;
    throw new SoftlaneFileError('ERR_SOFTLANE_INPUT_NAME', input.path, reason);
  },
  list: async (input) => {
    const { descr, shape } = await readNpyHeader(bytesOfInput(input));
    return [{ name: '', holds: describeDescr(descr), shape }];
  },
  sink: (_table: Table) => sink,
};
