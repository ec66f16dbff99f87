/** What `generate()` calls, and what it takes a list of. */

/** The tokens so far, a list for each row. */
export type InputIds = readonly (readonly bigint[])[];

/** A Tensor of transformers.js, as far as it is used. */
export interface LogitsTensor {
  readonly type: string;
  readonly data: unknown;
  readonly dims: readonly number[];
}

/** One step: changes the logits, and returns them. */
export type Process = <T extends LogitsTensor>(inputIds: InputIds, logits: T) => T;

/**
 * A logits processor: it is called with the tokens so far and the logits, which it changes and returns. It is also a
 * list with itself in it, as `logits_processor` of `generate()` takes; `push` puts another one behind it.
 */
export interface LogitsProcessor {
  <T extends LogitsTensor>(inputIds: InputIds, logits: T): T;
  _call<T extends LogitsTensor>(inputIds: InputIds, logits: T): T;
  readonly processors: Process[];
  push(item: Process): void;
  extend(items: Iterable<Process>): void;
  [Symbol.iterator](): ReturnType<Process[]['values']>;
}

export function listOf(process: Process): LogitsProcessor {
  const processors = [process];
  const call = <T extends LogitsTensor>(inputIds: InputIds, logits: T): T =>
    processors.reduce((result, each) => each(inputIds, result), logits);
  return Object.assign(call, {
    _call: call,
    processors,
    push: (item: Process) => void processors.push(item),
    extend: (items: Iterable<Process>) => void processors.push(...items),
    [Symbol.iterator]: () => processors.values(),
  });
}
