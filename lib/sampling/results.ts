/** What a sampler and a speculator have in common: how a call runs, and the arrays of its results. */
import { readKnown, threadCount } from '../check';
import { isaIndex } from '../configure';
import { kinds, requireAttached } from '../elements';
import { orOutOfMemory, wrongShape, wrongType } from '../errors';
import type { OperandArray } from '../operator';
import { CURRENT_ISA, DEFAULT_THREADS, Spec } from '../spec';

/** Writes `isa` and `threads`. */
export function writeRun(
  name: string,
  { isa, threads }: { readonly isa?: unknown; readonly threads?: unknown },
  spec: Float64Array,
): void {
  spec[Spec.isa] = isa === undefined ? CURRENT_ISA : isaIndex(name, 'options.isa', isa);
  spec[Spec.threads] =
    threads === undefined ? DEFAULT_THREADS : threadCount(name, 'options.threads', threads);
}

const NONE: Readonly<Record<string, unknown>> = Object.freeze(
  Object.create(null) as Record<string, unknown>,
);

/** The members of `out`, each read once. */
export function readOut<P extends string>(
  name: string,
  given: unknown,
  parts: readonly P[],
): Readonly<Partial<Record<P, unknown>>> {
  if (given === undefined) return NONE as Partial<Record<P, unknown>>;
  return readKnown(name, 'options.out', given, parts) as Partial<Record<P, unknown>>;
}

/** What was given for a result, checked, or a new array. */
export function resultArray(
  name: string,
  part: string,
  element: 'int32' | 'float32',
  given: unknown,
  needed: number,
): OperandArray {
  const kind = kinds[element];
  if (given === undefined) {
    return orOutOfMemory(
      name,
      () => `${needed} results`,
      () => new kind.make(needed),
    );
  }
  const argument = `options.out.${part}`;
  if (!kind.is(given)) throw wrongType(name, argument, kind.name, given);
  if (given.length === 0) requireAttached(name, argument, given);
  if (given.length >= needed) return given;
  const expected = `have at least ${needed} elements`;
  throw wrongShape(name, argument, expected, `${given.length} elements`);
}

/**
 * A new array of the first few elements. The engine keeps so short a one among its objects until native code asks where it
 * is, and then gives it memory and a buffer, which costs as much as sampling a short row: hence native code has a longer
 * one, and the caller this copy.
 */
export function copyOfFirst<A extends Int32Array | Float32Array>(
  array: A,
  length: number,
  maker: new (length: number) => A,
): A {
  const copy = new maker(length);
  for (let i = 0; i < length; i++) copy[i] = array[i];
  return copy;
}
