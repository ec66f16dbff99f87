import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import * as api from '../lib';
import { findOperator } from '../lib/catalogue';
import { Call } from '../lib/prepare';
import { Spec } from '../lib/spec';

const x = () => Float32Array.of(1, 2, 3, 4, 5, 6);

describe('options are read', () => {
  test('once each', () => {
    let reads = 0;
    const input = x();
    const p = api.softmax(input, {
      get cols() {
        return ++reads === 1 ? 3 : 1e9;
      },
    });
    expect(reads).toBe(1);
    expect(p).toEqual(api.softmax(input, { cols: 3 }));
  });

  test('from own properties only, so that a polluted prototype changes nothing', () => {
    const prototype = Object.prototype as unknown as Record<string, unknown>;
    const want = api.softmax(x());
    prototype['cols'] = 2;
    prototype['nonsense'] = 1;
    prototype['out'] = new Float32Array(6);
    try {
      expect(api.softmax(x(), {})).toEqual(want);
      expect(api.softmax(x())).toEqual(want);
      expect(api.plan('softmax', { cols: 6 }).run(x())).toEqual(want);
    } finally {
      delete prototype['cols'];
      delete prototype['nonsense'];
      delete prototype['out'];
    }
  });

  test('from plain objects: of another realm, frozen, or without a prototype', () => {
    const want = api.softmax(x(), { cols: 3 });
    const other = runInNewContext('({ cols: 3 })') as { cols: number };
    expect(Object.getPrototypeOf(other)).not.toBe(Object.prototype);
    expect(api.softmax(x(), other)).toEqual(want);
    expect(api.softmax(x(), Object.assign(Object.create(null), { cols: 3 }))).toEqual(want);
    expect(api.softmax(x(), Object.freeze({ cols: 3 }))).toEqual(want);
  });

  test('undefined is the same as absent', () => {
    const options = {
      cols: undefined,
      out: undefined,
      threads: undefined,
      isa: undefined,
      stride: undefined,
      window: undefined,
    };
    expect(api.softmax(x(), options)).toEqual(api.softmax(x()));
    expect(api.logSumExp(x(), options)).toEqual(api.logSumExp(x()));
  });

  test('a getter may call the same operator', () => {
    const inner = Float32Array.of(5, 5);
    const p = api.softmax(x(), {
      get cols() {
        expect(Array.from(api.softmax(inner, { cols: 2, temperature: 3 }))).toEqual([0.5, 0.5]);
        return 3;
      },
    });
    expect(p).toEqual(api.softmax(x(), { cols: 3 }));
  });

  test('and forgotten: a failed call leaves nothing for the next', () => {
    const out = new Float32Array(6);
    expect(() => api.softmax(x(), { cols: 3, temperature: 9, out, isa: 'none' })).toThrow();
    expect(api.softmax(x())).toEqual(api.plan('softmax', { cols: 6 }).run(x()));
    expect(Array.from(out)).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

describe('shapes', () => {
  const spec = (input: unknown, options?: unknown) => {
    const record = new Call(findOperator('softmax')!);
    record.prepare(input, options, 'sync');
    const { rows, cols, xStride, yStride } = Spec;
    return [rows, cols, xStride, yStride].map((field) => record.spec[field]);
  };
  test.each<[string, number, object | undefined, number[]]>([
    ['no options: one row', 6, undefined, [1, 6, 6, 6]],
    ['cols', 6, { cols: 2 }, [3, 2, 2, 2]],
    ['stride with a gap after the last row', 8, { cols: 3, stride: 4 }, [2, 3, 4, 3]],
    ['stride without', 7, { cols: 3, stride: 4 }, [2, 3, 4, 3]],
    ['a stride longer than the array', 3, { cols: 3, stride: 2 ** 40 }, [1, 3, 2 ** 40, 3]],
    ['outStride', 6, { cols: 2, outStride: 5 }, [3, 2, 2, 5]],
    ['nothing, one empty row', 0, undefined, [1, 0, 0, 0]],
    ['nothing with cols', 0, { cols: 5 }, [0, 5, 5, 5]],
    ['nothing with cols 0', 0, { cols: 0 }, [0, 0, 0, 0]],
    ['nothing with cols -0', 0, { cols: -0 }, [0, 0, 0, 0]],
    ['nothing with a stride', 0, { cols: 0, stride: 4 }, [0, 0, 4, 0]],
  ])('%s', (_, length, options, want) => {
    expect(spec(new Float32Array(length), options)).toEqual(want);
  });

  test('in place, rows stay where they are', () => {
    const input = new Float32Array(8);
    expect(spec(input, { cols: 3, stride: 4, out: input })).toEqual([2, 3, 4, 4]);
  });

  test('empty results', () => {
    const none = new Float32Array(0);
    expect(api.softmax(none)).toEqual(none);
    expect(api.logSoftmax(none)).toEqual(none);
    expect(api.logSumExp(none)).toEqual(Float32Array.of(-Infinity));
    expect(api.argMax(none)).toEqual(Int32Array.of(-1));
    expect(api.logSumExp(none, { cols: 4 })).toEqual(none);
    expect(api.argMax(none, { cols: 0 })).toEqual(new Int32Array(0));
  });

  test('rows and strides reach the right elements', () => {
    const input = Float32Array.of(1, 2, 99, 3, 5, 99, 0, 0, 99);
    const out = new Float32Array(12).fill(-1);
    api.softmax(input, { cols: 2, stride: 3, outStride: 4, out });
    const [a, b, c] = [
      [1, 2],
      [3, 5],
      [0, 0],
    ].map((row) => api.softmax(Float32Array.from(row)));
    expect(Array.from(out)).toEqual([...a, -1, -1, ...b, -1, -1, ...c, -1, -1]);
    expect(api.argMax(input, { cols: 2, stride: 3 })).toEqual(Int32Array.of(1, 1, 0));
  });

  test('out may be longer, may be x, and is what comes back', () => {
    const input = x();
    const want = api.softmax(input, { cols: 3 });
    const out = new Float32Array(8).fill(7);
    expect(api.softmax(input, { cols: 3, out })).toBe(out);
    expect(Array.from(out)).toEqual([...want, 7, 7]);
    expect(api.softmax(input, { cols: 3, out: input })).toBe(input);
    expect(input).toEqual(want);
  });

  test('shared memory and views at any offset', () => {
    const shared = new Float32Array(new SharedArrayBuffer(64), 20, 6);
    shared.set(x());
    expect(api.softmax(shared, { cols: 3 })).toEqual(api.softmax(x(), { cols: 3 }));
  });
});

test('arrays of another realm are recognised', () => {
  const other = runInNewContext('Float32Array.of(1, 2, 3)') as Float32Array;
  expect(other).not.toBeInstanceOf(Float32Array);
  const p = api.softmax(other);
  expect(p).toBeInstanceOf(Float32Array);
  expect(p).toEqual(api.softmax(Float32Array.of(1, 2, 3)));
});
