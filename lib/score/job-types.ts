/** What a job takes and gives, in types that ask for neither Node's nor the DOM's. */
import type { ParameterValue } from '../operator';
import type { AbortSignalLike } from '../types';
import type { MetricsResult } from './metrics';

export interface OutputOptions {
  /** A file, or `-` for standard output. */
  readonly path: string;
  /** One of the names that `operations` has. */
  readonly op: string;
  /** The operation's own options. */
  readonly parameters?: Readonly<Record<string, ParameterValue>> | undefined;
  /** Optional results to make too, by their names. */
  readonly parts?: readonly string[] | undefined;
}

export interface MetricsOptions {
  readonly path: string;
  /** Of confidence (default 15). */
  readonly bins?: number | undefined;
  readonly temperature?: number | undefined;
}

export interface JobProgress {
  /** Undefined for a stream, whose end is not known. */
  readonly rows: number | undefined;
  readonly rowsDone: number;
  /** As float32. */
  readonly inputBytes: number | undefined;
  readonly inputBytesDone: number;
}

export type JobEvent =
  | {
      readonly event: 'start';
      readonly rows: number | null;
      readonly cols: number;
      readonly from: number;
    }
  | { readonly event: 'warning'; readonly message: string }
  | { readonly event: 'part'; readonly part: number; readonly rows: number };

export interface JobOptions {
  /** Files, FILE:NAME, patterns, or `-` for standard input: their rows one after another. */
  readonly inputs: readonly string[];
  /** By name, where the ends of names do not tell. */
  readonly inFormat?: string | undefined;
  readonly outFormat?: string | undefined;
  readonly outputs: readonly OutputOptions[];
  readonly metrics?: MetricsOptions | undefined;
  /** A file with the label of each row. */
  readonly labels?: string | undefined;
  /** Or the column of the input that has it. */
  readonly labelColumn?: string | undefined;
  /** Files of what operators read beside x, by the names of their operands. */
  readonly beside?: Readonly<Record<string, string>> | undefined;
  /** A head matrix that makes logits of the input's hidden states. */
  readonly head?: string | undefined;
  /** Where rows that cannot be scored are written; without it they stop the job, or have the operator's result. */
  readonly reject?: string | undefined;
  readonly badRows?: 'keep' | 'stop' | undefined;
  /** Share of the rows that is checked against the oracle. */
  readonly verify?: number | undefined;
  readonly resume?: boolean | undefined;
  /** Replace existing outputs and unfinished jobs. */
  readonly force?: boolean | undefined;
  /** Hash all of the inputs, rather than pieces, to know them again. */
  readonly checksum?: boolean | undefined;
  /** Where a record of the finished job goes. */
  readonly manifest?: string | undefined;
  readonly threads?: number | undefined;
  readonly isa?: string | undefined;
  /** Bytes that the job may use for rows (default 1 GiB). */
  readonly limitMemory?: number | undefined;
  /** Bytes that a block of rows may take, input and results together; a single row may take more. */
  readonly blockBytes?: number | undefined;
  /** Input bytes after which the job can be gone on with (default 256 MiB). */
  readonly partBytes?: number | undefined;
  readonly signal?: AbortSignalLike | undefined;
  /** Asked after each block: whether to stop here and keep what is done. */
  readonly stopped?: (() => boolean) | undefined;
  readonly onProgress?: ((progress: JobProgress) => void) | undefined;
  readonly onEvent?: ((event: JobEvent) => void) | undefined;
}

/** The same from a program: one input may be a string, and outputs may be left out where there are metrics. */
export interface ScoreOptions extends Omit<JobOptions, 'inputs' | 'outputs'> {
  readonly inputs: string | readonly string[];
  readonly outputs?: readonly OutputOptions[] | undefined;
}

/** What a check of a share of the rows found. */
export interface Verified {
  readonly rows: number;
  /** The largest distance from the oracle. */
  readonly worstUlp: number;
}

export interface JobSummary {
  readonly inputs: readonly string[];
  readonly outputs: readonly {
    readonly op: string;
    readonly path: string;
    readonly algorithm: string | null;
  }[];
  readonly rows: number;
  readonly cols: number;
  readonly elements: number;
  /** Rows that were there already, from a job that was gone on with. */
  readonly resumedFrom: number;
  readonly rejected: number;
  readonly metrics: MetricsResult | null;
  readonly verified: Verified | null;
  /** From the opening of the input until the outputs stand synced under their names. */
  readonly seconds: number;
  readonly elementsPerSecond: number;
  /** Of logits as float32. */
  readonly bytesPerSecond: number;
  readonly isa: string;
  readonly threads: number;
  readonly version: string;
}
