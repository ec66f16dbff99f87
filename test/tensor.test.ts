import { describe, expect, test } from '@jest/globals';
import { Tensor } from 'onnxruntime-common';
import { argMax, logSoftmax, logSumExp, softmax } from '../lib';
import { expectError } from './helpers/errors';

const data = () => Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
const tensor = () => new Tensor('float32', data(), [2, 2, 3]);

describe('an onnxruntime Tensor', () => {
  test('gives a Tensor of the same dims', () => {
    const y = softmax(tensor());
    expect(y).toBeInstanceOf(Tensor);
    expect(y.type).toBe('float32');
    expect(y.dims).toEqual([2, 2, 3]);
    expect(y.data).toEqual(softmax(data(), { cols: 3 }));
    expect(logSoftmax(tensor()).data).toEqual(logSoftmax(data(), { cols: 3 }));
  });

  test('loses its last dimension where there is one number per row', () => {
    const y = logSumExp(tensor());
    expect(y).toBeInstanceOf(Tensor);
    expect(y.dims).toEqual([2, 2]);
    expect(y.data).toEqual(logSumExp(data(), { cols: 3 }));
  });

  test('becomes int32 where the result is an index', () => {
    const y = argMax(tensor());
    expect(y).toBeInstanceOf(Tensor);
    expect(y.type).toBe('int32');
    expect(y.dims).toEqual([2, 2]);
    expect(y.data).toEqual(Int32Array.of(2, 2, 2, 2));
  });

  test('with cols of its own keeps its dims, or has one per row', () => {
    expect(softmax(tensor(), { cols: 6 }).dims).toEqual([2, 2, 3]);
    expect(softmax(tensor(), { cols: 6 }).data).toEqual(softmax(data(), { cols: 6 }));
    expect(logSumExp(tensor(), { cols: 6 }).dims).toEqual([2]);
  });

  test('may be its own output', () => {
    const x = tensor();
    expect(softmax(x, { out: x })).toBe(x);
    expect(x.data).toEqual(softmax(data(), { cols: 3 }));
  });

  test('may give to an array, and an array to a Tensor', () => {
    const out = new Float32Array(12);
    expect(softmax(tensor(), { out })).toBe(out);
    const into = tensor();
    expect(softmax(data(), { cols: 3, out: into })).toBe(into);
    expect(into.data).toEqual(out);
  });

  test('as an output has the dims of the result', () => {
    const code = 'ERR_SOFTLANE_SHAPE';
    const into = (...dims: number[]) => ({
      out: new Tensor('float32', new Float32Array(dims.reduce((n, dim) => n * dim, 1)), dims),
    });
    const words = 'options.out.dims to be those of the result, [2, 2, 3], received';
    for (const dims of [[2, 3, 2], [4, 3], [12], [2, 2, 4], [2, 2, 3, 1], []]) {
      const full = `${words} [${dims.join(', ')}]`;
      expectError(() => softmax(tensor(), into(...dims)), RangeError, code, full);
    }
    expectError(
      () => softmax({ data: data().subarray(0, 2), dims: [1, 2] }, into(2, 1)),
      RangeError,
      code,
    );
    expect(softmax(tensor(), { ...into(2, 2, 3), cols: 6 }).dims).toEqual([2, 2, 3]);
    expect(logSumExp(tensor(), into(2, 2)).dims).toEqual([2, 2]);
    expectError(() => logSumExp(tensor(), into(4)), RangeError, code, '[2, 2], received [4]');
    expect(logSumExp(tensor(), { ...into(2), cols: 6 }).dims).toEqual([2]);
  });

  test('as the output of an array has its rows and columns', () => {
    const code = 'ERR_SOFTLANE_SHAPE';
    const zeros = (...dims: number[]) =>
      new Tensor('float32', new Float32Array(dims.reduce((n, dim) => n * dim, 1)), dims);
    expect(logSumExp(data(), { cols: 3, out: zeros(2, 2) }).dims).toEqual([2, 2]);
    expect(logSumExp(data(), { out: zeros() }).dims).toEqual([]);
    expect(softmax(new Float32Array(0), { cols: 5, out: zeros(0, 5) }).dims).toEqual([0, 5]);
    const wrong: [() => unknown, string][] = [
      [() => softmax(data(), { out: zeros(4, 3) }), 'say 1 rows of 12 columns, received [4, 3]'],
      [() => softmax(data(), { cols: 3, out: zeros(3, 4) }), 'say 4 rows of 3 columns'],
      [() => softmax(data(), { cols: 3, out: zeros(5, 3) }), 'received [5, 3]'],
      [() => softmax(new Float32Array(0), { cols: 5, out: zeros(0) }), 'received [0]'],
      [() => logSumExp(data(), { cols: 3, out: zeros(5) }), 'say 4 elements, received [5]'],
      [
        () => softmax(data(), { cols: 3, outStride: 4, out: zeros(4, 3) }),
        'options.outStride to be given with a typed array as options.out only',
      ],
    ];
    for (const [call, words] of wrong) expectError(call, RangeError, code, words);
  });

  test('of one row or a single number', () => {
    const row = new Tensor('float32', data(), [12]);
    expect(logSumExp(row).dims).toEqual([]);
    const scalar = new Tensor('float32', Float32Array.of(3), []);
    expect(softmax(scalar).dims).toEqual([]);
    expect(Array.from(softmax(scalar).data as Float32Array)).toEqual([1]);
    expect(logSumExp(scalar).dims).toEqual([]);
  });

  test('that is empty', () => {
    const none = new Tensor('float32', new Float32Array(0), [3, 0]);
    expect(softmax(none).dims).toEqual([3, 0]);
    expect(logSumExp(none).data).toEqual(Float32Array.of(-Infinity, -Infinity, -Infinity));
    expect(argMax(none).data).toEqual(Int32Array.of(-1, -1, -1));
    const noRows = new Tensor('float32', new Float32Array(0), [0, 5]);
    expect(logSumExp(noRows).dims).toEqual([0]);
  });

  test('of another type is refused by its name', () => {
    const code = 'ERR_SOFTLANE_TYPE';
    const f64 = new Tensor('float64', new Float64Array(4), [4]);
    expectError(
      () => softmax(f64),
      TypeError,
      code,
      'x.type to be "float32" or "float16" or "bfloat16", received "float64"',
    );
    const i32 = new Tensor('int32', new Int32Array(4), [4]);
    expectError(() => softmax(i32), TypeError, code, 'received "int32"');
    const out = new Tensor('int32', new Int32Array(12), [12]);
    expectError(() => softmax(tensor(), { out }), TypeError, code, 'options.out.type');
  });

  test('that was disposed', () => {
    const gone = tensor();
    gone.dispose();
    expectError(() => softmax(gone), TypeError, 'ERR_SOFTLANE_TYPE', 'CPU memory', '"none"');
  });

  test('on a GPU is named, before its data is touched', () => {
    const gpu = {
      type: 'float32',
      dims: [4],
      location: 'gpu-buffer',
      get data(): Float32Array {
        throw new Error('The data is not on CPU.');
      },
    };
    const words = ['await x.getData() first', 'received location "gpu-buffer"'];
    expectError(() => softmax(gpu), TypeError, 'ERR_SOFTLANE_TYPE', ...words);
  });
});

describe('an object with data and dims', () => {
  test('gives a plain object with as many fields', () => {
    const y = softmax({ data: data(), dims: [4, 3] });
    expect(y).toEqual({ data: softmax(data(), { cols: 3 }), dims: [4, 3] });
    expect(Object.getPrototypeOf(y)).toBe(Object.prototype);
    expect(softmax({ type: 'float32', data: data(), dims: [12] })).toHaveProperty(
      'type',
      'float32',
    );
  });

  test('has its dims copied', () => {
    const dims = [4, 3];
    const y = softmax({ data: data(), dims });
    dims[0] = 99;
    expect(y.dims).toEqual([4, 3]);
  });

  test('may have dims in an Int32Array, or no prototype', () => {
    const bare = Object.assign(Object.create(null), { data: data(), dims: Int32Array.of(4, 3) });
    expect(softmax(bare as { data: Float32Array; dims: number[] }).dims).toEqual([4, 3]);
  });

  test('is read once, field by field', () => {
    const reads: string[] = [];
    const x = new Proxy({ data: data(), dims: [4, 3] } as Record<string | symbol, unknown>, {
      get(target, key) {
        reads.push(String(key));
        return target[key];
      },
    });
    softmax(x as unknown as { data: Float32Array; dims: number[] });
    expect(reads.sort()).toEqual(['data', 'dims', 'location', 'type']);
  });

  class Swapped {
    readonly type = 'float32';
    constructor(
      readonly data: Float32Array,
      readonly dims: number[],
    ) {}
  }
  class Throwing extends Swapped {
    constructor(first: Float32Array, dims: number[]) {
      if (typeof first === 'string') throw new Error('unexpected');
      super(first, dims);
    }
  }
  class Copying {
    readonly type: string;
    readonly data: Float32Array;
    readonly dims: number[];
    constructor(type: string, values: Float32Array, dims: number[]) {
      this.type = type;
      this.data = values.slice();
      this.dims = dims;
    }
  }
  test.each([
    ['takes other arguments', new Swapped(data(), [4, 3])],
    ['throws', new Throwing(data(), [4, 3])],
    ['copies its data', new Copying('float32', data(), [4, 3])],
  ])('of a class whose constructor %s becomes plain', (_, x) => {
    const y = softmax(x);
    expect(Object.getPrototypeOf(y)).toBe(Object.prototype);
    expect(y).toEqual({ type: 'float32', data: softmax(data(), { cols: 3 }), dims: [4, 3] });
  });

  const bad: [string, object, string, RegExp | string][] = [
    [
      'data of f64',
      { data: new Float64Array(4), dims: [4] },
      'TYPE',
      'x.data to be a Float32Array, received Float64Array',
    ],
    ['data of bits', { data: new Uint16Array(4), dims: [4] }, 'TYPE', 'received Uint16Array'],
    ['an array as data', { data: [1, 2], dims: [2] }, 'TYPE', 'received Array'],
    ['no data', { dims: [2] }, 'TYPE', 'x.data to be a Float32Array, received undefined'],
    ['no dims', { data: data() }, 'TYPE', 'x.dims to be an array of sizes, received undefined'],
    ['dims of a number', { data: data(), dims: 12 }, 'TYPE', 'x.dims'],
    ['a negative dim', { data: data(), dims: [-3, -4] }, 'TYPE', 'x.dims[0]'],
    ['a fractional dim', { data: data(), dims: [4, 2.5] }, 'TYPE', 'x.dims[1]'],
    ['dims of strings', { data: data(), dims: ['4', '3'] }, 'TYPE', 'x.dims[0]'],
    ['too large dims', { data: data(), dims: [4, 4] }, 'SHAPE', '[4, 4] say (16), received 12'],
    ['too small dims', { data: data(), dims: [4, 2] }, 'SHAPE', 'say (8)'],
    ['an odd location', { data: data(), dims: [12], location: 7 }, 'TYPE', 'location 7'],
  ];
  test.each(bad)('with %s is refused', (_, x, code, words) => {
    const kind = code === 'SHAPE' ? RangeError : TypeError;
    const full = `ERR_SOFTLANE_${code}` as 'ERR_SOFTLANE_SHAPE' | 'ERR_SOFTLANE_TYPE';
    expectError(() => softmax(x as never), kind, full, words);
  });

  test('with more rows than a number counts exactly is refused', () => {
    const empty = (...dims: number[]) => ({ data: new Float32Array(0), dims });
    const code = 'ERR_SOFTLANE_SHAPE';
    for (const op of [softmax, logSumExp, argMax] as ((x: object) => unknown)[]) {
      for (const dims of [
        [2 ** 52, 2 ** 52, 0],
        [2 ** 52, 8, 0],
      ]) {
        expectError(
          () => op(empty(...dims)),
          RangeError,
          code,
          'x.dims to say fewer than 2^53 rows',
        );
      }
    }
    expect(softmax(empty(2 ** 52, 0)).dims).toEqual([2 ** 52, 0]);
  });

  test('takes no strides', () => {
    const x = { data: data(), dims: [4, 3] };
    const words = 'be given with a typed array only';
    for (const options of [{ cols: 3, stride: 3 }, { outStride: 4 }]) {
      expectError(() => softmax(x, options), RangeError, 'ERR_SOFTLANE_SHAPE', words);
    }
  });

  test('that lost its memory', () => {
    const x = { data: data(), dims: [0] };
    structuredClone(x.data.buffer, { transfer: [x.data.buffer] });
    expectError(() => softmax(x), TypeError, 'ERR_SOFTLANE_DETACHED');
  });
});
