/** Batch scoring from a program: jobs over files, and the same operations over batches that a program has. */
import { wrongType } from './errors';
import type { JobSummary, ScoreOptions } from './score/job-types';
import type { ParameterValue } from './operator';
import type { AsyncOperator } from './score/operation';
import type { TensorLike } from './tensor';
import type { AbortSignalLike } from './types';

export type {
  JobEvent,
  JobOptions,
  JobProgress,
  JobSummary,
  MetricsOptions,
  OutputOptions,
  ScoreOptions,
  Verified,
} from './score/job-types';
export type { Histogram, MetricsResult } from './score/metrics';

/**
 * Scores files into files: what `softlane score` does, with the same options (docs/scoring.md).
 *
 * @param options - `inputs`, and `outputs` or `metrics`; the others are optional
 * @returns what was done; `metrics` too, where they were asked for
 * @throws SoftlaneError with the code of what is wrong with a file; nothing is overwritten without `force`
 */
export async function score(options: ScoreOptions): Promise<JobSummary> {
  const { askedJob } = await import('./score/asked.js');
  const job = askedJob(options);
  const { runJob } = await import('./score/job.js');
  return runJob(job);
}

/** Some rows of a file. */
export interface RowBatch {
  /** rows x cols elements; the memory is used again for the next batch. */
  readonly data: Float32Array;
  readonly dims: readonly number[];
  /** The row of the file that comes first here. */
  readonly first: number;
  /** The label of each row, where `labelColumn` was given. */
  readonly labels: Int32Array | undefined;
}

export interface ReadOptions {
  /** Rows of a batch (default 1024). */
  readonly batchRows?: number | undefined;
  /** The column or field with the label of each row. */
  readonly labelColumn?: string | undefined;
}

/**
 * The rows of files in any format that `softlane score` reads, batch by batch, as float32 tensors.
 *
 * @param inputs - a file, FILE:NAME for one of several arrays, a pattern, or several of these
 * @param options - `batchRows`, `labelColumn`
 */
export async function* readRows(
  inputs: string | readonly string[],
  options: ReadOptions = {},
): AsyncGenerator<RowBatch, void, undefined> {
  const { askedInputs, askedRows } = await import('./score/asked.js');
  const { batchRows = 1024, labelColumn } = askedRows(options) as ReadOptions;
  const texts = askedInputs('readRows', inputs);
  const { Chain } = await import('./score/chain.js');
  const { expand } = await import('./score/inputs.js');
  const located = await expand(texts);
  const source = await Chain.open(located, { element: 'float32', labelColumn });
  try {
    const { cols } = source;
    const x = new Float32Array(batchRows * cols);
    const labels = labelColumn === undefined ? undefined : new Int32Array(batchRows);
    for (let first = 0; ;) {
      const rows = await source.read({ x, labels }, batchRows);
      if (rows === 0) return;
      const dims = [rows, cols];
      yield { data: x.subarray(0, rows * cols), dims, first, labels: labels?.subarray(0, rows) };
      first += rows;
      if (rows < batchRows) return;
    }
  } finally {
    await source.close();
  }
}

export interface BatchOptions {
  /** The name of an operation, as `softlane ops` lists them. */
  readonly op: string;
  /** Its own options. */
  readonly parameters?: Readonly<Record<string, ParameterValue>> | undefined;
  /** Optional results to make too, by their names. */
  readonly parts?: readonly string[] | undefined;
  readonly threads?: number | undefined;
  readonly signal?: AbortSignalLike | undefined;
}

/** The results of a batch: an array a result, by its name. */
export interface ScoredBatch {
  /** The row, of all batches, that comes first here. */
  readonly first: number;
  readonly rows: number;
  readonly columns: Readonly<Record<string, Float32Array | Int32Array>>;
}

/**
 * Scores batches as they come, off the event loop: from a model's session, a queue, or `readRows`.
 *
 * @param batches - objects with `data` and `dims`, rows along the last dimension; with `labels` where the operation
 *   needs them
 * @param options - `op`, `parameters`, `parts`, `threads`, `signal`
 */
export async function* scoreBatches(
  batches: AsyncIterable<LabelledTensor> | Iterable<LabelledTensor>,
  options: BatchOptions,
): AsyncGenerator<ScoredBatch, void, undefined> {
  const name = 'scoreBatches';
  const { askedBatches } = await import('./score/asked.js');
  const { checkOutput } = await import('./score/job-options.js');
  const { readTensor } = await import('./tensor.js');
  const library = (await import('./promises.js')) as unknown as Record<string, AsyncOperator>;
  const asked = askedBatches(options) as unknown as BatchOptions;
  const { operation, ...request } = checkOutput({ ...asked, path: '-' }, name);
  const { threads, signal } = asked;
  if (!isIterable(batches)) throw wrongType(name, 'batches', 'an iterable of tensors', batches);
  const operator = (name: string): AsyncOperator => library[name];
  let first = 0;
  for await (const batch of batches) {
    if (typeof batch !== 'object' || (batch as unknown) === null || !('dims' in batch)) {
      throw wrongType(name, 'a batch', 'an object with data and dims', batch);
    }
    const { data: x, dims } = readTensor(name, 'a batch', batch, 'float32');
    const data = x as Float32Array;
    if (dims.length === 0) throw wrongType(name, 'dims of a batch', 'one size at least', dims);
    const cols = dims[dims.length - 1]!;
    const rows = dims.slice(0, -1).reduce((product, length) => product * length, 1);
    const common = { threads, signal };
    const compute = operation.start({ ...request, operator, cols, blockRows: rows, common });
    const table = operation.columns(cols, request);
    const out = table.map(({ element, width }) =>
      element === 'float32' ? new Float32Array(rows * width) : new Int32Array(rows * width),
    );
    const { labels } = batch;
    await compute({ x: data, rows, inputs: labels === undefined ? {} : { targets: labels } }, out);
    yield { first, rows, columns: Object.fromEntries(table.map(({ name }, i) => [name, out[i]])) };
    first += rows;
  }
}

const isIterable = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (Symbol.asyncIterator in value || Symbol.iterator in value);

/** A tensor, and the label of each of its rows. */
export type LabelledTensor = TensorLike & { readonly labels?: Int32Array | undefined };
