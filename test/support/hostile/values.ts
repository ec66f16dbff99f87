/** Everything that an argument may be instead of what it should be, by name so that a failed case can be read. */

/** What our own getters and traps throw: the only thing besides softlane's errors that may come out of a call. */
export class OnPurpose extends Error {}

function onPurpose(): never {
  throw new OnPurpose('on purpose');
}

const traps: ProxyHandler<object> = {
  get: onPurpose,
  has: onPurpose,
  ownKeys: onPurpose,
  getPrototypeOf: onPurpose,
  getOwnPropertyDescriptor: onPurpose,
};

function revoked(target: object): unknown {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

/** A class whose instances say of themselves that they are something else. */
class Pretender {
  get [Symbol.toStringTag](): string {
    return 'Float32Array';
  }
  readonly length = 4;
  readonly data = [1, 2, 3, 4];
  readonly dims = '4';
}

export const strangers: Readonly<Record<string, () => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  true: () => true,
  NaN: () => NaN,
  '-1': () => -1,
  '2^32': () => 2 ** 32,
  '2^53': () => 2 ** 53,
  '3n': () => 3n,
  'a string': () => 'text',
  'an empty string': () => '',
  'a symbol': () => Symbol('s'),
  'an object': () => ({}),
  'an object without prototype': () => Object.create(null) as unknown,
  'an array': () => [1, 2, 3],
  'an array with dims': () => Object.assign([1], { data: new Float32Array(1), dims: [1] }),
  'a function': () => () => 1,
  'a class': () => class Thing {},
  'a number object': () => new Number(3),
  'an object that is 3': () => ({ valueOf: () => 3 }),
  'a date': () => new Date(0),
  'a regular expression': () => /x/,
  'a map': () => new Map([['cols', 2]]),
  'a promise': () => Promise.resolve(3),
  'a pretender': () => new Pretender(),
  'a Float64Array': () => new Float64Array(8),
  'a Uint8Array': () => new Uint8Array(32),
  'a Uint16Array': () => new Uint16Array(8),
  'a BigInt64Array': () => new BigInt64Array(8),
  'a Float32Array of nothing': () => new Float32Array(0),
  'a Float32Array of eight': () => new Float32Array(8).fill(1),
  'an Int32Array of eight': () => new Int32Array(8),
  'a DataView': () => new DataView(new ArrayBuffer(32)),
  'an ArrayBuffer': () => new ArrayBuffer(32),
  'a SharedArrayBuffer': () => new SharedArrayBuffer(32),
  'the prototype of Float32Array': () => Float32Array.prototype,
  'an heir of Float32Array.prototype': () => Object.create(Float32Array.prototype) as unknown,
  'a heir of a Float32Array': () => Object.create(new Float32Array(8)) as unknown,
  'a proxy of a Float32Array': () => new Proxy(new Float32Array(8), {}),
  'a proxy that throws': () => new Proxy({}, traps),
  'a proxy that was revoked': () => revoked({}),
  'a proxy of an array that was revoked': () => revoked([]),
  'a proxy of a function that throws': () => new Proxy(() => 1, traps),
  'an object whose getters throw': () =>
    Object.defineProperties(
      {},
      Object.fromEntries(
        ['data', 'dims', 'type', 'location', 'cols', 'aborted', 'temperature'].map((key) => [
          key,
          { get: onPurpose, enumerable: true },
        ]),
      ),
    ),
};
export const strangerNames = Object.keys(strangers);
/** Those that are no arrays, and no options, that a call could take. */
export const strangersToData = strangerNames.filter(
  (name) => !/^an? \w+ of (eight|nothing)$/.test(name),
);
/** Those that are as good as no options at all. */
export const emptyOptions: readonly string[] = [
  'undefined',
  'an object',
  'an object without prototype',
];

/** Numbers and others that are no size, or a strange one. */
export const oddSizes: readonly unknown[] = [
  -1,
  -0,
  0.5,
  NaN,
  Infinity,
  -Infinity,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 32 + 1,
  2 ** 52,
  2 ** 53 - 1,
  2 ** 53,
  1e308,
  -(2 ** 31),
  -(2 ** 32),
  '3',
  3n,
  null,
  true,
  [3],
];

/** Every property that softlane reads of somebody's object. */
export const readProperties: readonly string[] = [
  ...['cols', 'rows', 'stride', 'outStride', 'out', 'threads', 'isa', 'signal', 'algorithm'],
  ...['temperature', 'maskedRow', 'data', 'dims', 'type', 'location', 'verify', 'numbers'],
  ...['targets', 'other', 'weight', 'k', 'nan', 'stats', 'values', 'indices', 'counts', 'bins'],
  ...['mantissa', 'exponent', 'offset', 'max', 'count'],
];

/** Runs `work` while every object seems to have these properties. */
export function polluted<T>(value: unknown, work: () => T): T {
  const prototype = Object.prototype as Record<string, unknown>;
  for (const key of readProperties) prototype[key] = value;
  try {
    return work();
  } finally {
    for (const key of readProperties) delete prototype[key];
  }
}

/** The error of the engine (V8, JavaScriptCore) for a proxy that was revoked: ours to pass on, like what a getter throws. */
export function isOwnFault(error: unknown): boolean {
  return (
    error instanceof OnPurpose ||
    (error instanceof TypeError && /proxy (that has|has already) been revoked/i.test(error.message))
  );
}
