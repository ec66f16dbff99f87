/** What is measured: families of contenders, each in fresh processes. Plain data, so that a process can be sent it. */
import type { Parameters } from '../operator';
import type { MemoryWork, Pages } from './memory';
import type { Shape } from './shapes';
import type { Switches } from './switches';
import type { Form } from './top-k';

/** What a contender is; each word has its maker in contenders.ts. */
export const KINDS = [
  'softlane',
  'exp',
  'naive',
  'top-k',
  'plain-js',
  'onnxruntime',
  'tfjs',
  'plugin',
  'sampler',
  'transformers',
  'memcpy',
  'read',
  'memory',
] as const;
export type Kind = (typeof KINDS)[number];

/** One thing that is measured. */
export interface Contender extends Switches {
  /** Unique in its family, without blanks. */
  readonly name: string;
  readonly kind: Kind;
  readonly threads: number;
  /** Of softlane where it is not the family's. */
  readonly op?: string | undefined;
  /** Of softlane, where the operator has more than one. */
  readonly algorithm?: string | undefined;
  readonly isa?: string | undefined;
  /** A plain call, which reads its options, and not a plan. */
  readonly call?: boolean | undefined;
  /** Of softmax followed by a selection. */
  readonly form?: Form | undefined;
  readonly k?: number | undefined;
  /** Pages of the arrays that it works on. */
  readonly pages?: Pages | undefined;
  /** Of memory. */
  readonly work?: MemoryWork | undefined;
  readonly streams?: number | undefined;
  readonly ahead?: number | undefined;
  /** The file of a plug-in. */
  readonly file?: string | undefined;
  /** Elements that are read and written for each element, by the algorithm's own count. */
  readonly reads?: number | undefined;
  readonly writes?: number | undefined;
}

/** Contenders that take turns on the same input. */
export interface Family {
  /** Unique in its suite: operator and shape, and what else tells it apart. */
  readonly name: string;
  /** Which figure of the report it belongs to. */
  readonly part: string;
  readonly op: string;
  /** The operator's own options. */
  readonly options: Parameters;
  readonly shape: Shape;
  /** Outputs are in no cache. */
  readonly cold: boolean;
  /** Logits are uniform in [-range, range), or in (0, 1] where it is 'unit'. */
  readonly range: number | 'unit';
  readonly contenders: readonly Contender[];
  /** The contender that the others are compared with. */
  readonly base: string;
  /** CPUs that the process is bound to; empty: none in particular. */
  readonly pin: readonly number[];
}

/** How long and how often. */
export interface Pace {
  /** Fresh processes a family. */
  readonly trials: number;
  /** Rounds in each process. */
  readonly repeats: number;
  /** Nanoseconds of a sample, and of warming up. */
  readonly least: number;
  readonly warmUp: number;
  readonly seed: number;
}

/** One trial: a family in a process of its own. */
export interface Task {
  readonly family: Family;
  readonly pace: Pace;
  /** Seed of the order of contenders. */
  readonly order: number;
  /** Bytes of the largest cache. */
  readonly cache: number;
}

export interface Note {
  readonly name: string;
  readonly why: string;
}

export interface Measured {
  readonly name: string;
  /** Calls in a sample. */
  readonly calls: number;
  /** Nanoseconds of a call, by round. */
  readonly times: readonly number[];
  /** Null for work that is no operator. */
  readonly maxUlp: number | null;
  /** Cycles, instructions and last-level misses of a call, medians; absent where nothing can be counted. */
  readonly counted?: readonly (number | null)[] | undefined;
}

export interface Outcome {
  readonly measured: readonly Measured[];
  readonly absent: readonly Note[];
  readonly wrong: readonly Note[];
  /** Nanoseconds that were subtracted from each sample. */
  readonly timer: number;
  /** Share of one CPU that other programs took meanwhile. */
  readonly others: number | null;
  /** Bytes of the process in pages of 2 MiB while it measured; null where unknown. */
  readonly hugePages: number | null;
  /** CPUs that the process could run on. */
  readonly cpus: string;
}
