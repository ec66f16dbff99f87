import type { Operator } from './operator';
import { Call, runCall } from './prepare';

/**
 * Makes an operator of its line in the catalogue: the synchronous function, typed as the family says. One record serves
 * call after call, so that nothing but the output is allocated.
 */
export function define<F extends { readonly operator: Operator }>(line: Operator): F {
  let idle: Call | null = null;
  const call = (x: unknown, options?: unknown): unknown => {
    // A getter among the options may call the operator again: that call makes a record of its own.
    const record = idle ?? new Call(line);
    idle = null;
    try {
      record.prepare(x, options, 'sync');
      return runCall(record);
    } finally {
      record.release();
      idle = record;
    }
  };
  Object.defineProperties(call, {
    name: { value: line.name },
    operator: { value: deepFreeze(line), enumerable: true },
  });
  return call as unknown as F;
}

/** The catalogue is shared by everything that reads it: nobody changes a line, or anything in it. */
function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  Object.values(value).forEach(deepFreeze);
  return value;
}
