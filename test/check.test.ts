import { describe, expect, test } from '@jest/globals';
import * as api from '../lib';
import { catalogue, findOperator } from '../lib/catalogue';
import { kinds } from '../lib/elements';
import { describe as inWords } from '../lib/errors';
import { viewOptions, viewWidth, viewsOf } from '../lib/views';
import { expectError } from './helpers/errors';

type Any = (x: unknown, options?: unknown) => unknown;

const call = (name: string): Any => (api as unknown as Record<string, Any>)[name];
const names = catalogue.map((line) => line.name);
const rowNames = catalogue.filter((line) => line.output === 'rows').map((line) => line.name);
const x = () => Float32Array.of(1, 2, 3, 4, 5, 6);
const outFor = (name: string, length: number) =>
  findOperator(name)!.element === 'float32' ? new Float32Array(length) : new Int32Array(length);

describe.each(names)('%s refuses', (name) => {
  const op = call(name);
  // Of several outputs each has its own place in `out` (top-k.test.ts).
  const [view] = viewsOf(findOperator(name)!);
  const one = (x: unknown, options: Record<string, unknown>): unknown =>
    op(x, viewOptions(view, x, options));
  const place = view.part === undefined ? 'options.out' : `options.out.${view.part.name}`;

  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a number', 3, '3 \\(number\\)'],
    ['a string', 'abc', '"abc" \\(string\\)'],
    ['a function', () => 1, 'a function'],
    ['an Array', [1, 2], 'Array\\(2\\)'],
    ['a Float64Array', new Float64Array(4), 'Float64Array\\(4\\)'],
    ['an Int32Array', new Int32Array(4), 'Int32Array\\(4\\)'],
    ['a Uint16Array', new Uint16Array(2), 'Uint16Array\\(2\\)'],
    ['a Buffer', Buffer.alloc(8), 'Uint8Array\\(8\\)'],
    ['a DataView', new DataView(new ArrayBuffer(8)), 'a DataView'],
    ['an ArrayBuffer', new ArrayBuffer(8), 'an ArrayBuffer'],
    ['a plain object', {}, 'an object'],
    ['a Promise', Promise.resolve(), 'a Promise'],
    ['a pretender', { [Symbol.toStringTag]: 'Float32Array', length: 4 }, ''],
    ['a Proxy', new Proxy(new Float32Array(4), {}), ''],
  ])('x: %s', (_, value, received) => {
    expectError(
      () => op(value),
      TypeError,
      'ERR_SOFTLANE_TYPE',
      new RegExp(`^${name}: expected x to be a Float32Array.* or an object with data and dims`),
      new RegExp(`received .*${received}`),
    );
  });

  class Getters {
    get cols(): number {
      return 2;
    }
  }
  class Fields {
    cols = 2;
  }
  test.each<[string, unknown]>([
    ['null', null],
    ['a number', 6],
    ['a string', 'cols'],
    ['an Array', [6]],
    ['a typed array', new Float32Array(6)],
    ['a Map', new Map([['cols', 6]])],
    ['a function', () => 6],
    ['a Set', new Set(['cols'])],
    ['a Date', new Date(0)],
    ['a Promise', Promise.resolve({ cols: 2 })],
    ['an object that inherits', Object.create({ cols: 2 })],
    ['an object whose prototype has none', Object.create(Object.create(null))],
    ['an instance with getters', new Getters()],
    ['an instance with fields', new Fields()],
  ])('options: %s', (_, value) => {
    expectError(
      () => op(x(), value),
      TypeError,
      'ERR_SOFTLANE_TYPE',
      'expected options to be a plain object',
    );
  });

  test('an unknown option, with the list of the known ones', () => {
    expectError(
      () => op(x(), { colums: 3 }),
      TypeError,
      'ERR_SOFTLANE_UNKNOWN_OPTION',
      /only cols, stride, .*out, .*threads, isa, received "colums" \(string\)/,
    );
  });

  test('an unknown option even if it is undefined, and options of other kinds of call', () => {
    for (const key of ['kk', 'signal', 'rows', 'toString', '__proto__x', 'constructor']) {
      const code = 'ERR_SOFTLANE_UNKNOWN_OPTION';
      expectError(() => op(x(), { [key]: undefined }), TypeError, code, `received "${key}"`);
    }
  });

  describe.each(['cols', 'stride', ...(rowNames.includes(name) ? ['outStride'] : [])])(
    '%s',
    (key) => {
      test.each<[unknown]>([['3'], [null], [true], [3n], [{}], [[3]], [new Number(3)]])(
        'of a wrong type: %p',
        (value) => {
          expectError(
            () => op(x(), { cols: 3, [key]: value }),
            TypeError,
            'ERR_SOFTLANE_TYPE',
            `expected options.${key} to be a non-negative integer`,
          );
        },
      );
      test.each([NaN, 1.5, -1, Infinity, -Infinity, 2 ** 53, 1e300])(
        'out of range: %p',
        (value) => {
          expectError(
            () => op(x(), { cols: 3, [key]: value }),
            RangeError,
            'ERR_SOFTLANE_VALUE',
            `expected options.${key} to be a non-negative integer`,
            `received ${value} (number)`,
          );
        },
      );
    },
  );

  test.each([0, -1, 1.5, NaN, Infinity, 1025, 2 ** 31])('threads: %p', (value) => {
    expectError(
      () => op(x(), { threads: value }),
      RangeError,
      'ERR_SOFTLANE_VALUE',
      'expected options.threads to be an integer from 1 to 1024',
    );
  });

  test('threads and isa of a wrong type', () => {
    expectError(() => op(x(), { threads: '2' }), TypeError, 'ERR_SOFTLANE_TYPE', /"2" \(string\)/);
    expectError(() => op(x(), { isa: 2 }), TypeError, 'ERR_SOFTLANE_TYPE', '"scalar"');
    expectError(() => op(x(), { isa: null }), TypeError, 'ERR_SOFTLANE_TYPE', 'received null');
  });

  test('an unknown or unsupported isa, with the list of those that work', () => {
    const { isas } = api.capabilities();
    for (const isa of [
      'sse2',
      'AVX2',
      '',
      'auto',
      ...isas.flatMap((i) => (i.supported ? [] : i.name)),
    ]) {
      const error = expectError(
        () => op(x(), { isa }),
        RangeError,
        'ERR_SOFTLANE_ISA',
        'options.isa',
      );
      for (const { name: known, supported } of isas) {
        expect(error.message.split('received')[0].includes(`"${known}"`)).toBe(supported);
      }
    }
  });

  test.each([4, 5, 7, 12, 2 ** 52])('a length that is no multiple of cols %p', (cols) => {
    expectError(
      () => op(x(), { cols }),
      RangeError,
      'ERR_SOFTLANE_SHAPE',
      `(${cols})`,
      'length of 6',
    );
  });

  test('no columns for elements that are there', () => {
    expectError(() => op(x(), { cols: 0 }), RangeError, 'ERR_SOFTLANE_SHAPE', 'length of 6');
    expectError(
      () => op(x(), { cols: 0, stride: 2 }),
      RangeError,
      'ERR_SOFTLANE_SHAPE',
      'length of 6',
    );
  });

  test('strides that do not fit', () => {
    const code = 'ERR_SOFTLANE_SHAPE';
    expectError(
      () => op(x(), { cols: 3, stride: 2 }),
      RangeError,
      code,
      /stride to be at least .*3.*, received 2/,
    );
    expectError(() => op(x(), { stride: 3 }), RangeError, code, 'come with options.cols');
    // Rows of 3 every 4: one whole, and 2 elements of the next.
    expectError(
      () => op(x(), { cols: 3, stride: 4 }),
      RangeError,
      code,
      'whole rows of 3 columns every 4',
    );
    expectError(() => op(x(), { cols: 7, stride: 8 }), RangeError, code, 'whole rows');
  });

  test('an out of a wrong type', () => {
    const others = [Float32Array, Float64Array, Int32Array, Uint32Array]
      .filter((other) => other !== kinds[view.element].make)
      .map((other) => new other(6));
    for (const out of [null, 6, [0, 0], ...others, new ArrayBuffer(24), 'out', {}]) {
      expectError(() => one(x(), { out }), TypeError, 'ERR_SOFTLANE_TYPE', `expected ${place}`);
    }
  });

  test('an out that is too short, naming both lengths', () => {
    const needed = 2 * viewWidth(view, 3);
    const out = outFor(name, needed - 1);
    expectError(
      () => one(x(), { cols: 3, out }),
      RangeError,
      'ERR_SOFTLANE_SHAPE',
      `${place} to have at least ${needed} elements, received ${needed - 1} elements`,
    );
    expect(Array.from(out)).toEqual(Array.from({ length: needed - 1 }, () => 0));
  });

  test('an out that overlaps x', () => {
    const memory = new ArrayBuffer(64);
    const input = new Float32Array(memory, 0, 6);
    const Kind = view.element === 'float32' ? Float32Array : Int32Array;
    for (const offset of rowNames.includes(name) ? [4, 20] : [0, 4, 20]) {
      const out = new Kind(memory, offset, 6);
      expectError(() => one(input, { out }), RangeError, 'ERR_SOFTLANE_OVERLAP', 'overlaps x');
    }
    expect(Array.from(new Float32Array(memory))).toEqual(new Array(16).fill(0));
  });

  test('a detached buffer', () => {
    const gone = x();
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    expectError(
      () => op(gone),
      TypeError,
      'ERR_SOFTLANE_DETACHED',
      'expected x to have its memory',
    );
    expectError(() => op(gone, { cols: 3 }), TypeError, 'ERR_SOFTLANE_DETACHED');
    const out = outFor(name, 6);
    structuredClone(out.buffer, { transfer: [out.buffer] });
    expectError(() => one(x(), { out }), TypeError, 'ERR_SOFTLANE_DETACHED', place);
  });

  test('a view that its resized buffer no longer holds', () => {
    const memory = Reflect.construct(ArrayBuffer, [32, { maxByteLength: 64 }]);
    const view = new Float32Array(memory, 8, 4);
    memory.resize(8);
    expectError(() => op(view), TypeError, 'ERR_SOFTLANE_DETACHED');
  });

  test('a buffer that a getter among the options transfers away', () => {
    const input = x();
    const options = {
      get cols() {
        structuredClone(input.buffer, { transfer: [input.buffer] });
        return 3;
      },
    };
    expectError(() => op(input, options), TypeError, 'ERR_SOFTLANE_DETACHED');
  });

  test('a length that lies', () => {
    const input = x();
    Object.defineProperty(input, 'length', { value: 6000 });
    expectError(
      () => one(input, { cols: 6 }),
      RangeError,
      'ERR_SOFTLANE_SHAPE',
      /to have (at least )?6000 elements/,
    );
  });
});

describe.each(rowNames)('%s', (name) => {
  test('refuses an outStride below cols', () => {
    expectError(
      () => call(name)(x(), { cols: 3, outStride: 2 }),
      RangeError,
      'ERR_SOFTLANE_SHAPE',
      /outStride to be at least .*3.*, received 2/,
    );
  });

  test('refuses an output that no memory holds', () => {
    expectError(
      () => call(name)(x(), { cols: 3, outStride: 2 ** 50 }),
      Error,
      'ERR_SOFTLANE_OUT_OF_MEMORY',
    );
  });

  test('refuses in place with another stride', () => {
    const input = x();
    const [view] = viewsOf(findOperator(name)!);
    expectError(
      () =>
        call(name)(
          input,
          viewOptions(view, input, { cols: 2, stride: 3, outStride: 2, out: input }),
        ),
      RangeError,
      'ERR_SOFTLANE_OVERLAP',
    );
    expect(input).toEqual(x());
  });
});

test.each([2 ** -100, 2 ** 100])('temperature %p is taken', (temperature) => {
  expect(api.softmax(Float32Array.of(2, 2), { temperature })).toEqual(Float32Array.of(0.5, 0.5));
  const sum = api.logSumExpState({ temperature }).push(Float32Array.of(2, 2)).finish();
  expect(Math.fround(sum)).toBe(api.logSumExp(Float32Array.of(2, 2), { temperature })[0]);
});

describe("an operator's own options", () => {
  const rules = catalogue.flatMap((line) =>
    Object.entries(line.options).map(([key, rule]) => ({ name: line.name, key, rule })),
  );
  test.each(rules)('$name $key', ({ name, key, rule }) => {
    const op = call(name);
    const [view] = viewsOf(findOperator(name)!);
    const one = (options: Record<string, unknown>): unknown =>
      op(x(), viewOptions(view, x(), options));
    const isFlag = rule.kind === 'choice' && rule.values.includes(true);
    const bad =
      rule.kind === 'number' ? ['1', null, true, 1n] : [0, null, !isFlag || 'true', ['nan']];
    for (const value of bad) {
      expectError(
        () => op(x(), { [key]: value }),
        TypeError,
        'ERR_SOFTLANE_TYPE',
        `options.${key}`,
      );
    }
    if (rule.kind === 'choice') {
      for (const value of isFlag ? [] : ['', 'AUTO', 'toString']) {
        const error = expectError(
          () => op(x(), { [key]: value }),
          RangeError,
          'ERR_SOFTLANE_VALUE',
        );
        for (const valid of rule.values) expect(error.message).toContain(JSON.stringify(valid));
      }
      for (const value of rule.values) one({ [key]: value });
    } else {
      expectError(() => op(x(), { [key]: NaN }), RangeError, 'ERR_SOFTLANE_VALUE', rule.expected);
    }
    one({ [key]: undefined });
    one({ [key]: rule.default });
  });

  test.each([0, -1, NaN, Infinity, -Infinity, -0, 2 ** -101, 2 ** 101])(
    'temperature %p is refused',
    (temperature) => {
      expectError(
        () => api.softmax(x(), { temperature }),
        RangeError,
        'ERR_SOFTLANE_VALUE',
        'expected options.temperature to be a number greater than 0, from 2^-100 to 2^100',
      );
    },
  );
});

test('values are described without running their code', () => {
  const trap = new Proxy(
    {},
    {
      get() {
        throw new Error('ran');
      },
      getPrototypeOf() {
        throw new Error('ran');
      },
    },
  );
  expect(inWords(trap)).toBe('an object');
  expect(inWords(-0)).toBe('-0 (number)');
  expect(inWords('a'.repeat(100))).toMatch(/^"a{57}\.\.\." \(string\)$/);
  expect(inWords(new (class Thing {})())).toBe('an object of class Thing');
  expect(inWords(Object.create(null))).toBe('an object');
  expect(inWords(Symbol('s'))).toBe('a symbol');
});
