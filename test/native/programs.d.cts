/** A program's own JSON. */
export type Result = any;

interface How {
  /** A command to put before the program's. */
  readonly under?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program to its end; throws what it had to complain of. `options` are its flags. */
export function runProgram(
  folder: string,
  name: 'bits' | 'mapped' | 'math' | 'memory' | 'pool',
  options?: Readonly<Record<string, string | number>>,
  how?: How,
): Promise<Result>;

/** `memory` in as many parts at once as there are CPUs; the sum of what they say. */
export function runMemory(
  folder: string,
  options?: Readonly<Record<string, string | number>>,
  how?: How,
): Promise<Result>;

/** What `memory` may be asked to look at alone: an operator, or the functions of the table that are none. */
export const subjects: readonly string[];
