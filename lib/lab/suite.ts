import type { Capabilities } from '../capabilities';
import type { Operator } from '../operator';
import { UsageError } from '../cli/failure';
import { integer, known, list, orList } from './options';
import type { Shape } from './shapes';
import type { Contender, Family, Pace } from './task';

/** The options of `softlane lab SUITE` as they were typed. */
export interface LabFlags {
  readonly json?: string;
  readonly csv?: string;
  readonly markdown?: string;
  readonly force?: boolean;
  readonly restart?: boolean;
  readonly quiet?: boolean;
  readonly quick?: boolean;
  readonly trials?: string;
  readonly repeats?: string;
  readonly seed?: string;
  readonly isa?: string;
  readonly threads?: string;
  readonly pin?: string;
  readonly largest?: string;
  readonly asPublished?: boolean;
  readonly op?: string;
  readonly set?: readonly string[];
  readonly shapes?: string;
  readonly algorithms?: string;
  readonly contenders?: string;
  readonly rival?: readonly string[];
  readonly base?: string;
  readonly cold?: string;
  readonly range?: string;
  readonly large?: boolean;
}

/** What the build and the machine have, and what is asked of them. */
export interface Setting {
  readonly flags: LabFlags;
  readonly has: Capabilities;
  readonly operators: readonly Operator[];
  /** Instruction sets that run here, best first. */
  readonly isas: readonly string[];
  /** Bytes of the largest cache. */
  readonly cache: number;
  /** Elements that four times the largest cache holds: an array that no cache keeps. */
  readonly beyond: number;
  /** CPUs that a process may be bound to, if any was asked for. */
  readonly pin: readonly number[];
  readonly threads: readonly number[];
}

export interface Suite {
  readonly families: readonly Family[];
  readonly pace: Pace;
  /** What the reader must be told. */
  readonly remarks: readonly string[];
}

/** Nanoseconds of a sample and of warming up. */
const FULL = { least: 1e6, warmUp: 1e8 };
const QUICK = { least: 3e5, warmUp: 2e7 };

export function paceOf({ quick = false, ...flags }: LabFlags): Pace {
  return {
    trials: integer('trials', flags.trials ?? (quick ? '1' : '3'), 1, 1000),
    repeats: integer('repeats', flags.repeats ?? '11', 1, 10_000),
    seed: integer('seed', flags.seed ?? '1', 0, 2 ** 32 - 1),
    ...(quick ? QUICK : FULL),
  };
}

/** The operator of that name in the API or on the command line. */
export function operatorOf<T extends Pick<Operator, 'name' | 'cli'>>(
  operators: readonly T[],
  name: string,
): T {
  const found = operators.find((line) => line.name === name || line.cli === name);
  if (found !== undefined) return found;
  throw new UsageError(
    `lab: expected ${orList(operators.map((line) => line.name))} for --op, received "${name}"`,
  );
}

/** The instruction sets to measure: those asked for, or so many of the best. */
export function isasOf(
  { flags, isas }: Pick<Setting, 'flags' | 'isas'>,
  most = Infinity,
): string[] {
  if (flags.isa !== undefined) return known('isa', list('isa', flags.isa), isas);
  return isas.slice(0, most);
}

/** Nanoseconds that an element takes about; the bar's remaining time comes from it, and no result. */
function rateOf({ kind, isa }: Contender): number {
  if (isa === 'scalar' && kind !== 'memory') return 25;
  if (kind === 'plain-js') return 11;
  if (kind === 'transformers') return 5;
  if (kind === 'onnxruntime' || kind === 'tfjs' || kind === 'plugin') return 3;
  return kind === 'memory' || kind === 'memcpy' || kind === 'read' ? 0.25 : 0.5;
}

/** Seconds that a trial takes, about. */
export function estimate({ shape, contenders, cold }: Family, pace: Pace): number {
  const elements = shape.rows * shape.cols;
  let ns = 2e8 + elements * 30;
  for (const contender of contenders) {
    const call = elements * rateOf(contender) + 500;
    const sample = Math.max(pace.least, call) + (cold ? elements * 0.1 : 0);
    ns += Math.max(pace.warmUp, 2 * call) + pace.repeats * sample + elements * 2;
  }
  return ns / 1e9;
}

/** 1, 3, 10, 30 ... times 1000, as both papers' figures have it. */
export function decades(first: number, last: number): number[] {
  const sizes: number[] = [];
  for (let power = first; power <= last; power *= 10) {
    sizes.push(power);
    if (3 * power <= last) sizes.push(3 * power);
  }
  return sizes;
}

export const row = (cols: number): Shape => ({ rows: 1, cols });
