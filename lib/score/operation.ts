import { catalogue } from '../catalogue';
import type { Operator, OptionRule, Parameters } from '../operator';
import { npyDtypes, type NpyDtype } from './npy-dtype';
import { sharedMemory } from './pipeline';

/** An asynchronous operator, called as those of softlane/promises are. */
export type AsyncOperator = (
  x: { readonly data: Float32Array; readonly dims: readonly number[] },
  options: Readonly<Record<string, unknown>>,
) => Promise<unknown>;

/** What holds for every block of a job. */
export interface JobSetting {
  /** The operator of a catalogue line by its name. */
  readonly operator: (name: string) => AsyncOperator;
  readonly cols: number;
  /** The most rows that one block has. */
  readonly blockRows: number;
  /** The operation's own options, checked. */
  readonly parameters: Parameters;
  /** threads, isa and signal of every call. */
  readonly common: Readonly<Record<string, unknown>>;
}

/** Computes a block: `x` holds its rows, `out` takes exactly their results. Called for one block at a time. */
export type ComputeBlock = (x: Float32Array, rows: number, out: Uint8Array) => Promise<void>;

/** Something that `--op` can name. */
export interface Operation {
  readonly name: string;
  readonly summary: string;
  readonly options: Readonly<Record<string, OptionRule>>;
  /** Names of the operators in the API that do the work. */
  readonly uses: readonly string[];
  readonly dtype: NpyDtype;
  /** One result per row, or one per element. */
  readonly output: 'rows' | 'perRow';
  readonly start: (setting: JobSetting) => ComputeBlock;
}

// A line with a name on the command line has one output, and reads nothing but x.
function fromCatalogue(line: Operator, name: string): Operation {
  return {
    name,
    summary: line.summary,
    options: line.options,
    uses: [line.name],
    dtype: line.element === 'float32' ? '<f4' : '<i4',
    output: line.output === 'rows' ? 'rows' : 'perRow',
    start: ({ operator, cols, parameters, common }) => {
      const call = operator(line.name);
      return async (x, rows, out) => {
        const { buffer, byteOffset, byteLength } = out;
        const target =
          line.element === 'float32'
            ? new Float32Array(buffer, byteOffset, byteLength / 4)
            : new Int32Array(buffer, byteOffset, byteLength / 4);
        await call({ data: x, dims: [rows, cols] }, { ...parameters, ...common, out: target });
      };
    },
  };
}

const softmaxLine = catalogue.find((line) => line.name === 'softmax')!;

/**
 * The index of the largest element and its softmax probability: bit for bit the number that softmax writes there. It
 * is not exp(x / T - logsumexp), whose error grows with |x|: two equal logits of 1e8 would get 1 each.
 */
const top1: Operation = {
  name: 'top-1',
  summary: 'index of the largest element of the row and its softmax probability',
  options: softmaxLine.options,
  uses: ['argMax', 'softmax'],
  dtype: 'top-1',
  output: 'perRow',
  start: ({ operator, cols, blockRows, parameters, common }) => {
    const argMax = operator('argMax');
    const softmax = operator('softmax');
    const probabilities = new Float32Array(sharedMemory(4 * blockRows * cols));
    const indices = new Int32Array(sharedMemory(4 * blockRows));
    return async (x, rows, out) => {
      const tensor = { data: x, dims: [rows, cols] };
      await argMax(tensor, { ...common, out: indices.subarray(0, rows) });
      await softmax(tensor, {
        ...parameters,
        ...common,
        out: probabilities.subarray(0, rows * cols),
      });
      const words = new Int32Array(out.buffer, out.byteOffset, 2 * rows);
      const floats = new Float32Array(out.buffer, out.byteOffset, 2 * rows);
      for (let row = 0; row < rows; row++) {
        const index = indices[row]!;
        words[2 * row] = index;
        floats[2 * row + 1] = index < 0 ? NaN : probabilities[row * cols + index]!;
      }
    };
  },
};

/** Every operation: the lines of the catalogue that have a name on the command line, then what is composed of them. */
export const operations: readonly Operation[] = [
  ...catalogue.flatMap((line) => (line.cli === null ? [] : [fromCatalogue(line, line.cli)])),
  top1,
];

export function findOperation(name: string): Operation | undefined {
  return operations.find((operation) => operation.name === name);
}

/** Bytes of the result of one row. */
export function outputRowBytes(operation: Operation, cols: number): number {
  const { bytes } = npyDtypes[operation.dtype];
  return operation.output === 'perRow' ? bytes : cols * bytes;
}

/** Bytes of working memory that a row of a block needs beside its input and its result. */
export function scratchRowBytes(operation: Operation, cols: number): number {
  return operation === top1 ? 4 * cols + 4 : 0;
}
