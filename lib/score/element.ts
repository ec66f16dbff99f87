/** Element types of files, and how they become the float32 and int32 that operators read. */
import { SoftlaneFileError } from './errors';

export type Dtype =
  | 'f16'
  | 'bf16'
  | 'f32'
  | 'f64'
  | 'bool'
  | 'i8'
  | 'u8'
  | 'i16'
  | 'u16'
  | 'i32'
  | 'u32'
  | 'i64'
  | 'u64';

/** What operators read: logits and the like, or indices. */
export type ElementArray = Float32Array | Int32Array;
export type ElementName = 'float32' | 'int32';

interface DtypeLine {
  readonly bytes: number;
  readonly words: string;
  readonly float: boolean;
  readonly view: (buffer: ArrayBuffer) => ArrayLike<number> | ArrayLike<bigint>;
}

export const dtypes: Readonly<Record<Dtype, DtypeLine>> = {
  f16: { bytes: 2, words: 'float16', float: true, view: (b) => new Uint16Array(b) },
  bf16: { bytes: 2, words: 'bfloat16', float: true, view: (b) => new Uint16Array(b) },
  f32: { bytes: 4, words: 'float32', float: true, view: (b) => new Float32Array(b) },
  f64: { bytes: 8, words: 'float64', float: true, view: (b) => new Float64Array(b) },
  bool: { bytes: 1, words: 'bool', float: false, view: (b) => new Uint8Array(b) },
  i8: { bytes: 1, words: 'int8', float: false, view: (b) => new Int8Array(b) },
  u8: { bytes: 1, words: 'uint8', float: false, view: (b) => new Uint8Array(b) },
  i16: { bytes: 2, words: 'int16', float: false, view: (b) => new Int16Array(b) },
  u16: { bytes: 2, words: 'uint16', float: false, view: (b) => new Uint16Array(b) },
  i32: { bytes: 4, words: 'int32', float: false, view: (b) => new Int32Array(b) },
  u32: { bytes: 4, words: 'uint32', float: false, view: (b) => new Uint32Array(b) },
  i64: { bytes: 8, words: 'int64', float: false, view: (b) => new BigInt64Array(b) },
  u64: { bytes: 8, words: 'uint64', float: false, view: (b) => new BigUint64Array(b) },
};

/** Why values of this type cannot be read as those elements; undefined if they can. */
export function elementRefusal(dtype: Dtype, element: ElementName): string | undefined {
  if (dtypes[dtype].float === (element === 'float32')) return undefined;
  const wanted = element === 'float32' ? 'floating-point numbers' : 'integers';
  return `holds ${dtypes[dtype].words}, expected ${wanted}`;
}

/** The error of an element that is not there. */
export function missingValue(where: string, element: ElementName): SoftlaneFileError {
  const needed = element === 'int32' ? 'a whole number' : 'a number';
  const reason = `has a missing value where ${needed} is needed`;
  return new SoftlaneFileError('ERR_SOFTLANE_INPUT_VALUE', where, reason);
}

/** What a person should know of values of this type; undefined where they are taken as they are. */
export function narrowing(dtype: Dtype): string | undefined {
  return dtype === 'f64' ? 'float64 is rounded to float32' : undefined;
}

let halves: Float32Array | undefined;

/** Every float16, by its bits. */
function halfTable(): Float32Array {
  if (halves !== undefined) return halves;
  halves = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    const size =
      exponent === 31
        ? fraction === 0
          ? Infinity
          : NaN
        : exponent === 0
          ? fraction * 2 ** -24
          : (1024 + fraction) * 2 ** (exponent - 25);
    halves[bits] = bits >= 32768 ? -size : size;
  }
  return halves;
}

/** Values of a file as elements: float16 and bfloat16 exactly, float64 rounded to nearest. `where` is for the error. */
export function convert(
  dtype: Dtype,
  values: ArrayLike<number> | ArrayLike<bigint>,
  out: ElementArray,
  where: string,
): void {
  if (dtype === 'f16') {
    const table = halfTable();
    const bits = values as ArrayLike<number>;
    for (let i = 0; i < bits.length; i++) out[i] = table[bits[i]!]!;
  } else if (dtype === 'bf16') {
    const bits = values as ArrayLike<number>;
    const words = new Uint32Array(out.buffer, out.byteOffset, bits.length);
    for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16;
  } else if (dtype === 'i64' || dtype === 'u64' || dtype === 'u32') {
    for (let i = 0; i < values.length; i++) {
      const value = Number(values[i]);
      if (value !== (value | 0)) {
        throw new SoftlaneFileError('ERR_SOFTLANE_INPUT_VALUE', where, `${value} is beyond int32`);
      }
      out[i] = value;
    }
  } else {
    out.set(values as ArrayLike<number>);
  }
}

/** Bytes of the file as elements. */
export function convertBytes(
  dtype: Dtype,
  bytes: ArrayBuffer,
  out: ElementArray,
  where: string,
): void {
  convert(dtype, dtypes[dtype].view(bytes), out, where);
}
