/** What `--op` can name: every line of the catalogue, and what is composed of several. */
import { catalogue, findOperator } from '../catalogue';
import type {
  Bound,
  InputOperand,
  Inputs,
  Operator,
  OptionRule,
  OutputOperand,
  Parameters,
  TrueRow,
} from '../operator';
import { operandsOf } from '../operator';
import { wrongValue } from '../errors';
import type { ElementArray, ElementName } from './element';
import { sharedMemory } from './pipeline';
import type { Column, Table } from './table';

/** An asynchronous operator, called as those of softlane/promises are. */
export type AsyncOperator = (
  x: { readonly data: Float32Array; readonly dims: readonly number[] },
  options: Readonly<Record<string, unknown>>,
) => Promise<unknown>;

/** What is asked of an operation beside its own options: optional outputs. */
export interface Request {
  /** The operation's own options, checked. */
  readonly parameters: Parameters;
  /** Optional outputs to make. */
  readonly parts: readonly string[];
}

/** What holds for every block of a job. */
export interface JobSetting extends Request {
  /** The operator of a catalogue line by its name. */
  readonly operator: (name: string) => AsyncOperator;
  readonly cols: number;
  /** The most rows that one block has. */
  readonly blockRows: number;
  /** threads, isa and signal of every call. */
  readonly common: Readonly<Record<string, unknown>>;
}

/** A block of rows and what goes with each. */
export interface Block {
  readonly x: Float32Array;
  readonly rows: number;
  /** What the operation reads beside x, by the names of its operands. */
  readonly inputs: Readonly<Record<string, ElementArray>>;
}

/**
 * Computes a block into arrays that have exactly its results, a column each. Called for one block at a time. Operators
 * are called before anything is awaited, as x may be in a file that is read once for all of them (lib/sweep.ts).
 */
export type ComputeBlock = (block: Block, out: readonly ElementArray[]) => Promise<void>;

/** What the results of a row are checked against, by the names of their columns. */
export interface ColumnTruth {
  readonly oracle: (
    row: ArrayLike<number>,
    parameters: Parameters,
    inputs: Inputs,
  ) => Readonly<Record<string, TrueRow | number>>;
  readonly bounds: Readonly<Record<string, Bound>>;
}

/** Something that `--op` can name. */
export interface Operation {
  readonly name: string;
  readonly summary: string;
  readonly options: Readonly<Record<string, OptionRule>>;
  /** Names of the operators in the API that do the work. */
  readonly uses: readonly string[];
  /** The catalogue line, where it is one. */
  readonly line: Operator | undefined;
  readonly truth: ColumnTruth;
  /** What is read beside x. */
  readonly inputs: readonly InputOperand[];
  /** Outputs that are made only where they are asked for. */
  readonly parts: readonly OutputOperand[];
  /** The option that lists these; without it each is an option of its own. */
  readonly lists: string | undefined;
  readonly columns: (cols: number, request: Request) => Column[];
  readonly start: (setting: JobSetting) => ComputeBlock;
}

/** The name for `--op`: that of the line, or its API name with dashes. */
export function commandName({ cli, name }: Operator): string {
  return cli ?? name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function outputsOf(line: Operator): readonly OutputOperand[] {
  return operandsOf(line).filter(({ role }) => role === 'output') as OutputOperand[];
}

/** The outputs of a record that a request makes. */
function askedOutputs(line: Operator, { parts }: Request): readonly OutputOperand[] {
  return outputsOf(line).filter(({ optional, name }) => !optional || parts.includes(name));
}

function columnsOf(line: Operator, cols: number, request: Request): Column[] {
  if (line.output !== 'record') {
    const scalar = line.output === 'perRow';
    return [{ name: line.name, element: line.element, width: scalar ? 1 : cols, scalar }];
  }
  return askedOutputs(line, request).map(({ name, element, extent }) => {
    const scalar = extent === 'perRow';
    const width = scalar
      ? 1
      : typeof extent === 'string'
        ? cols
        : widthOf(line, extent.option, request);
    return { name, element: element as ElementName, width, scalar };
  });
}

function widthOf(line: Operator, option: string, { parameters }: Request): number {
  return (parameters[option] ?? line.options[option]!.default) as number;
}

function truthOf(line: Operator): ColumnTruth {
  if (line.output === 'record') {
    const bounds = Object.fromEntries(outputsOf(line).map(({ name, bound }) => [name, bound]));
    return { oracle: line.oracle as ColumnTruth['oracle'], bounds };
  }
  return {
    oracle: (...row) => ({ [line.name]: line.oracle(...row) as TrueRow | number }),
    bounds: { [line.name]: line.bound },
  };
}

function fromCatalogue(line: Operator): Operation {
  // What files have is row by row.
  const inputs = operandsOf(line).filter(
    ({ role, extent }) => role === 'input' && extent !== 'perColumn',
  ) as InputOperand[];
  return {
    name: commandName(line),
    summary: line.summary,
    options: line.options,
    uses: [line.name],
    line,
    truth: truthOf(line),
    inputs,
    parts: outputsOf(line).filter(({ optional }) => optional),
    lists: line.lists,
    columns: (cols, request) => columnsOf(line, cols, request),
    start: ({ operator, cols, parameters, parts, common }) => {
      const call = operator(line.name);
      const names = askedOutputs(line, { parameters, parts }).map(({ name }) => name);
      return async ({ x, rows, inputs: given }, out) => {
        const target =
          line.output === 'record'
            ? Object.fromEntries(names.map((name, i) => [name, out[i]]))
            : out[0];
        const own = inputs.flatMap(({ name }) =>
          given[name] ? [[name, given[name]] as const] : [],
        );
        const size =
          line.group === undefined ? 1 : widthOf(line, line.group, { parameters, parts });
        const dims = line.group === undefined ? [rows, cols] : [rows, size, cols / size];
        await call(
          { data: x, dims },
          { ...parameters, ...common, ...Object.fromEntries(own), out: target },
        );
      };
    },
  };
}

const softmaxLine = findOperator('softmax')!;
const argMaxLine = findOperator('argMax')!;

/**
 * The index of the largest element and its softmax probability: bit for bit the number that softmax writes there. It
 * is not exp(x / T - logsumexp), whose error grows with |x|: two equal logits of 1e8 would get 1 each.
 */
const top1: Operation = {
  name: 'top-1',
  summary: 'index of the largest element of the row and its softmax probability',
  options: softmaxLine.options,
  uses: ['argMax', 'softmax'],
  line: undefined,
  truth: {
    bounds: { index: argMaxLine.bound, probability: softmaxLine.bound },
    oracle: (row, parameters) => {
      const index = argMaxLine.oracle(row, {}, {}) as number;
      const probabilities = softmaxLine.oracle(row, parameters, {}) as TrueRow;
      return { index, probability: index < 0 ? NaN : probabilities[index]! };
    },
  },
  inputs: [],
  parts: [],
  lists: undefined,
  columns: () => [
    { name: 'index', element: 'int32', width: 1, scalar: true },
    { name: 'probability', element: 'float32', width: 1, scalar: true },
  ],
  start: ({ operator, cols, blockRows, parameters, common }) => {
    const argMax = operator('argMax');
    const softmax = operator('softmax');
    const probabilities = new Float32Array(sharedMemory(4 * blockRows * cols));
    return async ({ x, rows }, [indices, results]) => {
      const tensor = { data: x, dims: [rows, cols] };
      const out = probabilities.subarray(0, rows * cols);
      await Promise.all([
        argMax(tensor, { ...common, out: indices }),
        softmax(tensor, { ...parameters, ...common, out }),
      ]);
      for (let row = 0; row < rows; row++) {
        const index = indices![row]!;
        results![row] = index < 0 ? NaN : probabilities[row * cols + index]!;
      }
    };
  },
};

/** Every operation: the lines of the catalogue, then what is composed of them. */
export const operations: readonly Operation[] = [...catalogue.map(fromCatalogue), top1];

export function findOperation(name: string): Operation | undefined {
  return operations.find((operation) => operation.name === name);
}

/** The table of an output. */
export function tableOf(
  operation: Operation,
  cols: number,
  flat: boolean,
  request: Request,
): Table {
  return { columns: operation.columns(cols, request), flat };
}

/** Bytes of working memory that a row of a block needs beside its input and its result. */
export function scratchRowBytes(operation: Operation, cols: number): number {
  return operation === top1 ? 4 * cols : 0;
}

/** Refuses what cannot be asked of rows of so many columns. A group of rows is a row of the input, one after the other. */
export function requireColumns(operation: Operation, cols: number, request: Request): void {
  const { parameters } = request;
  const wide = Object.entries(operation.options).find(
    ([name, rule]) =>
      rule.kind === 'number' &&
      rule.upTo === 'cols' &&
      Number(parameters[name]) > Math.max(cols, 1),
  )?.[0];
  if (wide !== undefined) {
    const expected = `at most the number of columns (${cols})`;
    throw wrongValue(operation.name, wide, expected, parameters[wide]);
  }
  const { line } = operation;
  if (line?.group === undefined) return;
  const size = widthOf(line, line.group, request);
  if (cols % size === 0) return;
  const expected = `a divisor of the number of columns (${cols}), as a row of the input is a group, its rows one after the other`;
  throw wrongValue(operation.name, line.group, expected, size);
}
