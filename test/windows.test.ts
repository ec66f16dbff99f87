/**
 * Rows that are windows of a tensor: the bits of the same windows cut out by hand, with padding, in every format, on every
 * instruction set, for any number of threads; and pools over them.
 */
import { afterEach, describe, expect, test } from '@jest/globals';
import * as softlane from '../lib';
import { native } from '../lib/configure';
import type { InputArray, OutputArray } from '../lib/operator';
import { softPool as softPoolLater } from '../lib/promises';
import { FORMATS } from '../lib/spec';
import { expectCode } from './helpers/errors';
import { expectSameBits } from './support/kernels/compare';
import { Watched } from './support/kernels/memory';
import { isas } from './support/kernels/operators';
import { Random } from './support/kernels/random';

const { argMax, logSumExp, maxLogit, plan, rowStats, softPool, topK } = softlane;

afterEach(() => softlane.configure({ verify: 'off' }));

type Pair = readonly [number, number];
interface Case {
  readonly height: number;
  readonly width: number;
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
}

const CASES: readonly Case[] = [
  { height: 7, width: 9, kernel: [3, 3], stride: [2, 2], padding: [1, 1] },
  { height: 4, width: 40, kernel: [2, 2], stride: [2, 2], padding: [0, 0] },
  { height: 12, width: 11, kernel: [4, 3], stride: [3, 1], padding: [2, 0] },
  { height: 5, width: 5, kernel: [5, 5], stride: [1, 1], padding: [2, 2] },
  { height: 3, width: 8, kernel: [1, 2], stride: [2, 5], padding: [0, 1] },
];
const PLANES = 3;

function windowsOf({ height, width, kernel, stride, padding }: Case): readonly [number, number] {
  const along = (size: number, i: 0 | 1) =>
    Math.floor((size + 2 * padding[i] - kernel[i]) / stride[i]) + 1;
  return [along(height, 0), along(width, 1)];
}

/** The windows of some planes, one after the other. */
function cut<A extends InputArray>(x: A, { height, width, ...of }: Case, outside: number): A {
  const { kernel, stride, padding } = of;
  const [down, across] = windowsOf({ height, width, ...of });
  const rows = new (x.constructor as new (n: number) => A)(
    PLANES * down * across * kernel[0] * kernel[1],
  );
  let at = 0;
  for (let plane = 0; plane < PLANES; plane++) {
    for (let i = 0; i < down; i++) {
      for (let j = 0; j < across; j++) {
        for (let a = 0; a < kernel[0]; a++) {
          for (let b = 0; b < kernel[1]; b++) {
            const y = i * stride[0] - padding[0] + a;
            const z = j * stride[1] - padding[1] + b;
            const inside = y >= 0 && y < height && z >= 0 && z < width;
            rows[at++] = inside ? x[(plane * height + y) * width + z] : outside;
          }
        }
      }
    }
  }
  return rows;
}

function image({ height, width }: Case): Float32Array {
  const random = new Random(height * width);
  return Float32Array.from({ length: PLANES * height * width }, () => 3 * random.bell());
}

const OUTSIDE = { f32: -Infinity, f16: 0xfc00, bf16: 0xff80 } as const;

test.each(CASES)('$height x $width, kernel $kernel, stride $stride, padding $padding', (one) => {
  const { height, width, kernel, stride, padding } = one;
  const floats = image(one);
  const cols = kernel[0] * kernel[1];
  const shape = { dims: [PLANES, height, width], window: { kernel, stride, padding } };
  for (const dtype of FORMATS) {
    const x = dtype === 'f32' ? floats : new Uint16Array(floats.length);
    if (x instanceof Uint16Array) {
      expect(native()._narrow(-1, FORMATS.indexOf(dtype), 0, floats, x)).toBe(0);
    }
    const rows = cut(x, one, OUTSIDE[dtype]);
    const ways = [softPool, logSumExp, maxLogit, argMax] as unknown as ((
      x: InputArray,
      options: object,
    ) => OutputArray)[];
    for (const operator of ways) {
      const want = operator(rows, { cols, dtype });
      for (const isa of isas) {
        for (const threads of [1, 3]) {
          const got = operator(x, { ...shape, dtype, isa, threads });
          expectSameBits(got, want, `${operator.name}, ${dtype}, ${isa}, ${threads} threads`);
        }
      }
    }
  }
  const top = topK(floats, { ...shape, k: 2 });
  const want = topK(cut(floats, one, -Infinity), { cols, k: 2, nan: 'masked' });
  expect(top.indices).toEqual(want.indices);
  expect(top.values).toEqual(want.values);
});

test('a promise, a plan, an out between other memory, and verified', async () => {
  const [one] = CASES;
  const { height, width, kernel, stride, padding } = one;
  const shape = { dims: [PLANES, height, width], window: { kernel, stride, padding } };
  const x = Watched.of(image(one), 7);
  const want = softPool(cut(x.array, one, -Infinity), { cols: 9 });
  softlane.configure({ verify: 'always' });
  const out = new Watched('float32', want.length, 5);
  softPool(x.array, { ...shape, out: out.array });
  expectSameBits(out.array, want, 'out');
  out.expectUntouched('out');
  const planned = plan('softPool', shape);
  expect([planned.inputLength, planned.outputLength]).toEqual([x.array.length, want.length]);
  expectSameBits(planned.run(x.array), want, 'a plan');
  const later = softPoolLater(x.array, shape);
  const shared = new Float32Array(new SharedArrayBuffer(4 * x.array.length));
  shared.set(x.array);
  const alsoLater = softPoolLater(shared, shape);
  x.array.fill(NaN);
  expectSameBits(await later, want, 'a promise');
  expectSameBits(await alsoLater, want, 'a promise of shared memory');
  x.expectUntouched('x');
});

test('the dims of a result are those of x with windows in place of what they go over', () => {
  const x = { data: new Float32Array(2 * 3 * 8 * 6), dims: [2, 3, 8, 6] };
  expect(softPool(x, { window: { kernel: [2, 2] } }).dims).toEqual([2, 3, 4, 3]);
  expect(softPool(x, { window: { kernel: 3 } }).dims).toEqual([2, 3, 8, 2]);
  const window = { kernel: [3, 3], stride: 2, padding: 1 };
  expect(argMax(x, { window }).dims).toEqual([2, 3, 4, 3]);
  expect(rowStats(x, { window, stats: ['mean'] }).mean.dims).toEqual([2, 3, 4, 3]);
  expect(topK(x, { window, k: 4 }).values.dims).toEqual([2, 3, 4, 3, 4]);
  const none = { data: new Float32Array(0), dims: [2, 0, 6] };
  expect(softPool(none, { window: { kernel: [2, 2] } }).dims).toEqual([2, 0, 3]);
});

describe('softPool', () => {
  test('is the published formula where that does not overflow, and goes on where it does', () => {
    const row = Float32Array.of(0.5, -1, 2, 1.25);
    const weights = Array.from(row, Math.exp);
    const sum = weights.reduce((a, b) => a + b);
    const mean = weights.reduce((all, w, i) => all + w * row[i], 0) / sum;
    expect(softPool(row)[0]).toBeCloseTo(mean, 6);
    const far = row.map((v) => v + 1000);
    expect(softPool(far)[0]).toBeCloseTo(mean + 1000, 3);
    expect(softPool(Float32Array.of(3e38, -3e38))[0]).toBe(Math.fround(3e38));
  });

  test('special values', () => {
    const of = (...row: number[]) => softPool(Float32Array.from(row))[0];
    expect(of(-Infinity, 2, -Infinity)).toBe(2);
    expect(of(-Infinity, -Infinity)).toBe(-Infinity);
    expect(of(1, Infinity)).toBe(Infinity);
    expect(of(Infinity, NaN)).toBeNaN();
    expect(Object.is(of(-0), 0)).toBe(true);
    expect(softPool({ data: new Float32Array(0), dims: [1, 0] }).data).toEqual(
      Float32Array.of(-Infinity),
    );
  });

  test('rows whose terms cancel keep their digits', () => {
    // x e^x = -y e^y for y < 0 < x: a pool of nearly zero.
    const row = Float32Array.of(0.2784645427610738, -1);
    const [x, y] = row;
    const truth = (x * Math.exp(x) + y * Math.exp(y)) / (Math.exp(x) + Math.exp(y));
    expect(Math.abs(truth)).toBeLessThan(1e-7);
    expect(Math.abs(softPool(row)[0] - truth)).toBeLessThan(1e-15);
  });
});

test('splade: masked positions count for nothing, others as they are', () => {
  const { spladeMax, spladeSum } = softlane;
  const row = Float32Array.of(1e-9, NaN, -3, 2, Infinity);
  const mask = Int32Array.of(1, 0, 1, -1, 0);
  expect(spladeMax(row, { mask })[0]).toBe(Math.fround(Math.log1p(2)));
  expect(spladeSum(row.subarray(0, 1))[0]).toBe(Math.fround(1e-9));
  expect(spladeSum(row, { mask })[0]).toBeCloseTo(Math.log1p(2), 6);
  for (const splade of [spladeMax, spladeSum]) {
    expect(splade(row)[0]).toBeNaN();
    expect(splade(row.subarray(2))[0]).toBe(Infinity);
    expect(splade(row, { mask: new Int32Array(5) })[0]).toBe(0);
    expect(splade({ data: new Float32Array(0), dims: [1, 0] }).data).toEqual(Float32Array.of(0));
  }
});

describe('errors', () => {
  const x = new Float32Array(24);
  const dims = [2, 3, 4];
  const wrong: [what: string, window: unknown, code: string, message: RegExp][] = [
    ['no object', 2, 'TYPE', /options\.window/],
    ['no kernel', {}, 'TYPE', /options\.window\.kernel/],
    ['another key', { kernel: 2, dilation: 2 }, 'UNKNOWN_OPTION', /kernel, stride, padding/],
    ['three sizes', { kernel: [2, 2, 2] }, 'SHAPE', /have 1 or 2 sizes, received 3/],
    ['a size of 0', { kernel: [0, 2] }, 'VALUE', /a positive integer/],
    ['strides for another kernel', { kernel: 2, stride: [1, 1] }, 'SHAPE', /have 1 sizes/],
    ['a large kernel', { kernel: [5, 2] }, 'VALUE', /at most the size with its padding \(3\)/],
    ['much padding', { kernel: 3, padding: 2 }, 'VALUE', /at most half of the kernel \(3\)/],
    ['half an element', { kernel: 2, stride: 0.5 }, 'VALUE', /a positive integer/],
  ];
  test.each(wrong)('%s', (_, window, code, message) => {
    expectCode(() => softPool(x, { dims, window: window as never }), code, message);
  });

  test('windows without dims, with cols, and where rows are the result', () => {
    const window = { kernel: 2 };
    expectCode(() => softPool(x, { window }), 'SHAPE', /options\.window to come with/);
    expectCode(() => softPool(x, { dims, window, cols: 2 }), 'SHAPE', /options\.cols to be absent/);
    expectCode(() => softPool(x, { dims: [24], window: { kernel: [2, 2] } }), 'SHAPE', /2 dim/);
    const options = { dims, window } as never;
    expectCode(() => softlane.softmax(x, options), 'UNKNOWN_OPTION', /"window"/);
    expectCode(() => softlane.spladeMax(x, options), 'UNKNOWN_OPTION', /"window"/);
  });

  test('both an axis and windows', () => {
    const options = { dims, axis: 1, window: { kernel: 2 } };
    expectCode(() => softPool(x, options), 'SHAPE', /options\.axis/);
  });
});
