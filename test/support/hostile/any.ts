/** Arguments of any kind for functions that are no operators. */
import fc from 'fast-check';
import { expectDocumented } from './judge';
import { oddSizes, strangerNames, strangers } from './values';

export const any: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(...strangerNames).map((name) => ({ stranger: name })),
  fc.constantFrom(...oddSizes),
  fc.constantFrom(1, 0, 0.5, 2, 'auto', 'always', 'off', 'scalar', 'avx2', 'softmax', 'logSumExp'),
);

/** Seldom one of these. */
export function seldom<T>(value: fc.Arbitrary<T>, weight = 12): fc.Arbitrary<T | null> {
  return fc.oneof({ weight, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: value });
}

export function made(recipe: unknown): unknown {
  const { stranger } = Object(recipe) as { stranger?: string };
  return stranger === undefined ? recipe : strangers[stranger]();
}

/** An object with some of these keys, which may be of any kind. */
export function objectOf(keys: readonly string[]): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.dictionary(fc.constantFrom(...keys), any, { maxKeys: 3 }) },
    any,
  );
}

export function madeObject(recipe: unknown): unknown {
  if (typeof recipe !== 'object' || recipe === null || 'stranger' in recipe) return made(recipe);
  return Object.fromEntries(Object.entries(recipe).map(([key, value]) => [key, made(value)]));
}

/** Counts what it runs. */
export class Cases {
  total = 0;

  /** Runs `work`; true if it returned, false if it threw one of these. */
  returned(documented: ReadonlyMap<string, string>, work: () => unknown): boolean {
    this.total++;
    try {
      work();
      return true;
    } catch (error) {
      expectDocumented(error, documented);
      return false;
    }
  }
}
