/**
 * Every error that softlane throws is one of these three classes, made here in TypeScript: an error made by the
 * addon would fail `instanceof` in another realm (jest). Each has a stable `code` and one sentence that says what was
 * expected, for which argument, and what was received. What a getter or a proxy of the caller's throws while it is read
 * comes out as it is.
 */

/** The stable codes. New ones may be added; none is renamed or removed within a major version. */
export type ErrorCode =
  /** A value of the wrong JavaScript type. */
  | 'ERR_SOFTLANE_TYPE'
  /** A number outside its range, or not one of the allowed names. */
  | 'ERR_SOFTLANE_VALUE'
  /** An option that the operator does not have. */
  | 'ERR_SOFTLANE_UNKNOWN_OPTION'
  /** Lengths that do not fit together: rows, columns, strides, dims, or an output that is too short. */
  | 'ERR_SOFTLANE_SHAPE'
  /** An output that overlaps the input without being identical to it. */
  | 'ERR_SOFTLANE_OVERLAP'
  /** A buffer that was transferred away, or a view that no longer fits its resized buffer. */
  | 'ERR_SOFTLANE_DETACHED'
  /** An instruction set that is unknown, not compiled in, or not supported by this CPU and operating system. */
  | 'ERR_SOFTLANE_ISA'
  /** An environment variable (SOFTLANE_...) with an unknown value. */
  | 'ERR_SOFTLANE_ENV'
  /** The addon could not get the memory it needs. */
  | 'ERR_SOFTLANE_OUT_OF_MEMORY'
  /** The work was stopped before it was done. */
  | 'ERR_SOFTLANE_ABORTED'
  /** A logSumExp state that is damaged or does not fit the other one. */
  | 'ERR_SOFTLANE_STATE'
  /** Verify mode found a result that differs from the oracle by more than the stated bound. */
  | 'ERR_SOFTLANE_VERIFY'
  /** No compiled addon for this machine, or one that it cannot load. */
  | 'ERR_SOFTLANE_NO_BINARY'
  /** The compiled addon is of another version than the JavaScript that loaded it. */
  | 'ERR_SOFTLANE_BINARY'
  /** A mistake in softlane itself. */
  | 'ERR_SOFTLANE_INTERNAL';

/** A failure that is no argument's fault. */
export class SoftlaneError extends Error {
  override readonly name: string = 'SoftlaneError';
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A value of the wrong type, or an unknown option. */
export class SoftlaneTypeError extends TypeError {
  override readonly name: string = 'SoftlaneTypeError';
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A value of the right type outside its range, or lengths that do not fit together. */
export class SoftlaneRangeError extends RangeError {
  override readonly name: string = 'SoftlaneRangeError';
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Value and type in a few words, for the end of a sentence. Never throws, never runs a getter of the value. */
export function describe(value: unknown): string {
  switch (typeof value) {
    case 'undefined':
      return 'undefined';
    case 'string':
      return `${JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value)} (string)`;
    case 'number':
      return `${Object.is(value, -0) ? '-0' : String(value)} (number)`;
    case 'bigint':
      return `${String(value)}n (bigint)`;
    case 'boolean':
      return `${String(value)} (boolean)`;
    case 'symbol':
      return 'a symbol';
    case 'function':
      return 'a function';
    default:
      return value === null ? 'null' : describeObject(value as object);
  }
}

const tagOf = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype) as object,
  Symbol.toStringTag,
)!.get!;

function describeObject(value: object): string {
  if (ArrayBuffer.isView(value)) {
    const tag = Reflect.apply(tagOf, value, []) as string | undefined;
    return tag === undefined ? 'a DataView' : `${tag}(${(value as Uint8Array).length})`;
  }
  try {
    if (Array.isArray(value)) return `Array(${value.length})`;
    // "[object Promise]" -> "Promise"; plain and class instances give "Object".
    const tag = Object.prototype.toString.call(value).slice(8, -1);
    if (tag !== 'Object') return `${/^[AEIOU]/.test(tag) ? 'an' : 'a'} ${tag}`;
    const prototype = Object.getPrototypeOf(value) as object | null;
    const maker: unknown =
      prototype === null
        ? undefined
        : Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
    const name: unknown =
      typeof maker === 'function'
        ? Object.getOwnPropertyDescriptor(maker, 'name')?.value
        : undefined;
    return typeof name === 'string' && name !== 'Object' && name !== ''
      ? `an object of class ${name}`
      : 'an object';
  } catch {
    return 'an object';
  }
}

/** "a, b or c" */
export function listOf(names: readonly (string | boolean)[]): string {
  const quoted = names.map((name) => JSON.stringify(name));
  return quoted.length < 2
    ? quoted.join('')
    : `${quoted.slice(0, -1).join(', ')} or ${quoted[quoted.length - 1]}`;
}

/** `operator: expected argument to be ..., received ...` as a TypeError. */
export function wrongType(
  operator: string,
  argument: string,
  expected: string,
  received: unknown,
): SoftlaneTypeError {
  return new SoftlaneTypeError(
    'ERR_SOFTLANE_TYPE',
    `${operator}: expected ${argument} to be ${expected}, received ${describe(received)}`,
  );
}

/** The same for a value of the right type that is out of range. */
export function wrongValue(
  operator: string,
  argument: string,
  expected: string,
  received: unknown,
): SoftlaneRangeError {
  return new SoftlaneRangeError(
    'ERR_SOFTLANE_VALUE',
    `${operator}: expected ${argument} to be ${expected}, received ${describe(received)}`,
  );
}

/** Lengths that do not fit together; `received` is already in words. */
export function wrongShape(
  operator: string,
  argument: string,
  expected: string,
  received: string,
): SoftlaneRangeError {
  return new SoftlaneRangeError(
    'ERR_SOFTLANE_SHAPE',
    `${operator}: expected ${argument} to ${expected}, received ${received}`,
  );
}

export function unknownOption(
  operator: string,
  key: string,
  valid: readonly string[],
  argument = 'options',
): SoftlaneTypeError {
  return new SoftlaneTypeError(
    'ERR_SOFTLANE_UNKNOWN_OPTION',
    `${operator}: expected ${argument} to have only ${valid.join(', ')}, received ${describe(key)}`,
  );
}

/** What `make` gives, or an error of ours where the engine has no memory for it. */
export function orOutOfMemory<T>(operator: string, purpose: () => string, make: () => T): T {
  try {
    return make();
  } catch {
    throw new SoftlaneError(
      'ERR_SOFTLANE_OUT_OF_MEMORY',
      `${operator}: expected enough memory for ${purpose()}, received none`,
    );
  }
}

/** What a function does by calling an operator: the errors of that call begin with the function's own name. */
export function inTheNameOf<T>(name: string, operator: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof Error && error.message.startsWith(`${operator}: `)) {
      const { message, stack } = error;
      error.message = name + message.slice(operator.length);
      if (stack !== undefined) error.stack = stack.replace(message, () => error.message);
    }
    throw error;
  }
}
