import { capabilities } from '../capabilities';
import { ruleValue, threadCount } from '../check';
import { isaIndex } from '../configure';
import { listOf, unknownOption, wrongValue } from '../errors';
import * as promises from '../promises';
import { createNpy } from './npy-writer';
import { openNpy } from './npy-reader';
import {
  findOperation,
  operations,
  outputRowBytes,
  scratchRowBytes,
  type AsyncOperator,
  type Operation,
} from './operation';
import { pump } from './pipeline';

export interface ScoreOptions {
  readonly input: string;
  readonly output: string;
  /** One of the names that `operations` has. */
  readonly op: string;
  /** The operation's own options (temperature, algorithm, maskedRow). */
  readonly parameters?: Readonly<Record<string, number | string>> | undefined;
  readonly threads?: number | undefined;
  readonly isa?: string | undefined;
  /** Replace an existing output. */
  readonly force?: boolean | undefined;
  /** Bytes that a block of rows may take in memory, input and results together; a single row may take more. */
  readonly blockBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ScoreProgress) => void) | undefined;
}

export interface ScoreProgress {
  readonly rows: number;
  readonly rowsDone: number;
  readonly inputBytes: number;
  readonly inputBytesDone: number;
}

export interface ScoreSummary {
  readonly op: string;
  readonly input: string;
  readonly output: string;
  readonly rows: number;
  readonly cols: number;
  readonly elements: number;
  /** From the opening of the input until the output stands synced under its name. */
  readonly seconds: number;
  readonly elementsPerSecond: number;
  /** Of the input's data. */
  readonly bytesPerSecond: number;
  readonly isa: string;
  /** Null for an operation that has no choice of algorithms. */
  readonly algorithm: string | null;
  readonly threads: number;
  readonly version: string;
}

/** softlane/promises by name: every operator of the catalogue is there. */
const library = promises as unknown as Readonly<Record<string, AsyncOperator>>;

const defaultBlockBytes = 8 * 1024 * 1024;

/**
 * Scores one .npy file into another in blocks of rows, so that files may be larger than memory. Two blocks with their
 * results are held at a time, so two rows with theirs have to fit (one, where the file has no more). The output appears
 * under its name complete or not at all.
 */
export async function scoreFile(options: ScoreOptions): Promise<ScoreSummary> {
  const start = process.hrtime.bigint();
  const { input, output, signal } = options;
  const operation = checkOptions(options);
  const facts = capabilities();
  const reader = await openNpy(input);
  try {
    const { rows, cols } = reader;
    const shape = operation.output === 'perRow' ? [rows] : reader.shape;
    const { dtype } = operation;
    const force = options.force === true;
    const writer = await createNpy(output, { shape, dtype, force, input: reader });
    try {
      await run(options, operation, reader, writer);
      await reader.verifyUnchanged();
      await writer.commit(signal);
    } finally {
      await writer.discard();
    }
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    const elements = rows * cols;
    const algorithm = operation.options['algorithm'];
    return {
      op: operation.name,
      input,
      output,
      rows,
      cols,
      elements,
      seconds,
      elementsPerSecond: elements / seconds,
      bytesPerSecond: (4 * elements) / seconds,
      isa: options.isa ?? facts.isa,
      algorithm:
        algorithm === undefined
          ? null
          : String(options.parameters?.['algorithm'] ?? algorithm.default),
      threads: options.threads ?? facts.threads,
      version: facts.version,
    };
  } finally {
    await reader.close();
  }
}

/** Refuses what no file could make right, before any is opened. */
function checkOptions({ op, parameters = {}, threads, isa, blockBytes }: ScoreOptions): Operation {
  const operation = findOperation(op);
  if (operation === undefined) {
    throw wrongValue('score', 'op', listOf(operations.map(({ name }) => name)), op);
  }
  for (const [name, value] of Object.entries(parameters)) {
    const rule = Object.hasOwn(operation.options, name) ? operation.options[name] : undefined;
    if (rule === undefined) throw unknownOption(op, name, Object.keys(operation.options));
    ruleValue(op, name, rule, value);
  }
  if (threads !== undefined) threadCount('score', 'threads', threads);
  if (isa !== undefined) isaIndex('score', 'isa', isa);
  if (blockBytes !== undefined && !(blockBytes >= 1)) {
    throw wrongValue('score', 'blockBytes', 'a positive number', blockBytes);
  }
  return operation;
}

interface Source {
  readonly path: string;
  readonly rows: number;
  readonly cols: number;
  readRows(first: number, count: number, into: Uint8Array, signal?: AbortSignal): Promise<void>;
}

interface Sink {
  write(bytes: Uint8Array): Promise<void>;
}

async function run(
  options: ScoreOptions,
  operation: Operation,
  source: Source,
  sink: Sink,
): Promise<void> {
  const { threads, isa, signal, parameters = {}, onProgress } = options;
  const { rows, cols } = source;
  const inRowBytes = 4 * cols;
  const outRowBytes = outputRowBytes(operation, cols);
  // Two sets of buffers, and one of scratch.
  const rowBytes = 2 * (inRowBytes + outRowBytes) + scratchRowBytes(operation, cols);
  const budget = options.blockBytes ?? defaultBlockBytes;
  const blockRows = Math.max(1, Math.min(rows, Math.floor(budget / Math.max(rowBytes, 1))));
  const compute = operation.start({
    operator: (name) => library[name]!,
    cols,
    blockRows,
    parameters,
    common: { threads, isa, signal },
  });
  await pump(
    {
      rows,
      blockRows,
      inRowBytes,
      outRowBytes,
      signal,
      onRows: (rowsDone) =>
        onProgress?.({
          rows,
          rowsDone,
          inputBytes: rows * inRowBytes,
          inputBytesDone: rowsDone * inRowBytes,
        }),
    },
    {
      read: (first, count, into) => source.readRows(first, count, into, signal),
      compute,
      write: (bytes) => sink.write(bytes),
    },
  );
}
