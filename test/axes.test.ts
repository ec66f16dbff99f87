/**
 * Every operator along an axis that is not the last: the bits of its rows, transposed by hand, on every instruction set, for
 * any number of threads, in every format, however the call is made; and not a byte around the arrays.
 */
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import * as softlane from '../lib';
import type { OutputArray } from '../lib/operator';
import * as promises from '../lib/promises';
import { FORMATS } from '../lib/spec';
import { viewPlan, viewResult } from '../lib/views';
import { native } from '../lib/configure';
import { runNode } from './helpers/child';
import { expectCode } from './helpers/errors';
import type { Dims } from './support/kernels/axes';
import { asRows, bothOptions, moved } from './support/kernels/axes';
import { expectSameBits } from './support/kernels/compare';
import { Watched } from './support/kernels/memory';
import { bestIsa, functionOf, isas, operators, share } from './support/kernels/operators';
import { Random } from './support/kernels/random';

const SHAPES: readonly Dims[] = [
  [2, 5, 3],
  [1, 19, 40],
  [3, 40, 17],
  [1, 33, 65],
  [2, 1, 7],
  [1, 17, 16],
  [2, 16, 15],
  [1, 2100, 33],
];

function logits(n: number): Float32Array {
  const random = new Random(n);
  return Float32Array.from({ length: n }, () => 3 * random.bell());
}

afterEach(() => softlane.configure({ verify: 'off' }));

describe.each(operators)('%s', (name, view) => {
  const call = functionOf(view) as (x: unknown, options: object) => unknown;
  const run = (x: unknown, options: object): OutputArray => viewResult(view, call(x, options));

  test.each(share(view, SHAPES))('%d, %d, %d', (...dims) => {
    const [outer, n, inner] = dims;
    const rows = logits(outer * n * inner);
    const x = Watched.of(moved(rows, dims, n, 'columns'), n % 16);
    const { forRows, forAxis } = bothOptions(view, rows, dims);
    const want = run(rows, { ...forRows, isa: bestIsa });
    for (const isa of isas) {
      for (const threads of [1, 3]) {
        const got = run(x.array, { ...forAxis, isa, threads });
        expectSameBits(asRows(got, dims), want, `${name}, ${isa}, ${threads} threads`);
      }
      if (view.part !== undefined) continue;
      const out = new Watched<OutputArray>(view.element, want.length, 3);
      expect(run(x.array, { ...forAxis, isa, out: out.array })).toBe(out.array);
      expectSameBits(asRows(out.array, dims), want, `${name}, ${isa}, out`);
      out.expectUntouched(name);
      x.expectUntouched(name);
      if (view.output !== 'rows') continue;
      const place = Watched.of(x.array, 5);
      run(place.array, { ...forAxis, isa, out: place.array });
      expectSameBits(moved(place.array, dims, n, 'rows'), want, `${name}, ${isa}, in place`);
      place.expectUntouched(name);
    }
  });

  test('of 16-bit floats, later, by a plan, and verified', async () => {
    const dims: Dims = [2, 21, 18];
    const [outer, n, inner] = dims;
    const floats = logits(outer * n * inner);
    const { forRows, forAxis } = bothOptions(view, floats, dims);
    for (const dtype of ['f16', 'bf16'] as const) {
      const rows = new Uint16Array(floats.length);
      expect(native()._narrow(-1, FORMATS.indexOf(dtype), 0, floats, rows)).toBe(0);
      const want = run(rows, { ...forRows, dtype });
      for (const isa of isas) {
        const got = run(moved(rows, dims, n, 'columns'), { ...forAxis, dtype, isa });
        expectSameBits(asRows(got, dims), want, `${name}, ${dtype}, ${isa}`);
      }
    }
    softlane.configure({ verify: 'always' });
    const x = moved(floats, dims, n, 'columns');
    const want = run(floats, forRows);
    const later = (promises as unknown as Record<string, (...all: unknown[]) => Promise<unknown>>)[
      view.line.name
    ](x, forAxis);
    x.fill(NaN);
    const settled = viewResult(view, await later);
    expectSameBits(asRows(settled, dims), want, 'a promise');
    const again = moved(floats, dims, n, 'columns');
    const { planned, given } = viewPlan(view, floats, forRows);
    const asked = { ...planned, rows: undefined, cols: undefined, dims, axis: -2 };
    const arrays = given === undefined ? undefined : { ...(given as object) };
    for (const key of Object.keys(arrays ?? {})) {
      if (forAxis[key] !== undefined) (arrays as Record<string, unknown>)[key] = forAxis[key];
    }
    const plan = softlane.plan(view.line.name as 'softmax', asked as never);
    const planned_ = viewResult(view, plan.run(again, arrays as never));
    expectSameBits(asRows(planned_, dims), want, 'a plan');
  });
});

test('long columns, which threads share', () => {
  const dims: Dims = [1, 140_001, 2];
  const rows = logits(2 * dims[1]);
  const x = moved(rows, dims, dims[1], 'columns');
  for (const [name, view] of operators) {
    if (!['softmax', 'logSumExp', 'crossEntropy', 'rowStats.entropy', 'gelu'].includes(name))
      continue;
    const call = functionOf(view) as (x: unknown, options: object) => unknown;
    const { forRows, forAxis } = bothOptions(view, rows, dims);
    const want = viewResult(view, call(rows, forRows));
    for (const threads of [1, 3, 4]) {
      const got = viewResult(view, call(x, { ...forAxis, threads }));
      expectSameBits(asRows(got, dims), want, `${name}, ${threads} threads`);
    }
  }
});

test('nothing behind the end is read or written', async () => {
  const script = join(__dirname, 'support', 'kernels', 'guard-axes.cjs');
  const { code, signal, stdout, stderr } = await runNode([script]);
  const last = stdout.slice(stdout.lastIndexOf('\n') + 1);
  expect({ last, code, signal, stderr }).toEqual({
    last: 'done',
    code: 0,
    signal: null,
    stderr: '',
  });
});

describe('shapes', () => {
  const { softmax, topK, argMax, logSumExp, klDivergence, crossEntropy, spladeMax } = softlane;
  const tensor = (...dims: number[]) => ({
    data: logits(dims.reduce((all, dim) => all * dim, 1)),
    dims,
  });

  test('of the results of a tensor', () => {
    const x = tensor(2, 3, 4, 5);
    expect(softmax(x, { axis: 1 }).dims).toEqual([2, 3, 4, 5]);
    expect(logSumExp(x, { axis: 0 }).dims).toEqual([3, 4, 5]);
    expect(argMax(x, { axis: -3 }).dims).toEqual([2, 4, 5]);
    expect(argMax(x, { axis: 3 }).dims).toEqual([2, 3, 4]);
    expect(topK(x, { axis: 1, k: 2 }).values.dims).toEqual([2, 2, 4, 5]);
    expect(softlane.rowStats(x, { axis: 2, stats: ['mean'] }).mean.dims).toEqual([2, 3, 5]);
  });

  test('an axis of length 0, of length 1, and of a tensor without elements', () => {
    expect(logSumExp(tensor(2, 0, 3), { axis: 1 })).toEqual({
      data: new Float32Array(6).fill(-Infinity),
      dims: [2, 3],
    });
    expect(softmax(tensor(2, 0, 3), { axis: 1 }).dims).toEqual([2, 0, 3]);
    expect(Array.from(softmax(tensor(2, 1, 3), { axis: 1 }).data)).toEqual([1, 1, 1, 1, 1, 1]);
    expect(argMax(tensor(2, 3, 0), { axis: 1 })).toEqual({ data: new Int32Array(0), dims: [2, 0] });
  });

  test('an out with dims has those of the result', () => {
    const x = tensor(2, 3, 4);
    const out = { data: new Float32Array(8), dims: [2, 4] };
    expect(logSumExp(x, { axis: 1, out })).toBe(out);
    expect(out.data).toEqual(logSumExp(x, { axis: 1 }).data);
    const wrong = { data: new Float32Array(8), dims: [4, 2] };
    expectCode(
      () => logSumExp(x.data, { dims: x.dims, axis: 1, out: wrong }),
      'SHAPE',
      /options\.out\.dims/,
    );
  });

  test('a target that is none names its row as the result counts rows', () => {
    const targets = Int32Array.of(0, 1, 2, 0, 3, 0);
    expectCode(() => crossEntropy(tensor(2, 3, 3), { axis: 1, targets }), 'VALUE', /row 4/);
  });

  test('a mask is one for all columns of a text', () => {
    const x = tensor(2, 3, 4);
    const mask = { data: Int32Array.of(1, 1, 0, 0, 0, 0), dims: [2, 3] };
    const got = spladeMax(x, { axis: 1, mask });
    expect(got.dims).toEqual([2, 4]);
    expect(Array.from(got.data).slice(4)).toEqual([0, 0, 0, 0]);
    expectCode(
      () => spladeMax(x, { axis: 1, mask: new Int32Array(24) }),
      'SHAPE',
      /have 6 elements/,
    );
  });

  const x = new Float32Array(12);
  const SHAPE = 'SHAPE';
  const VALUE = 'VALUE';
  const wrong: [what: string, options: object, code: string, message: RegExp][] = [
    ['an axis alone', { axis: 0 }, SHAPE, /options\.axis to come with options\.dims/],
    ['an axis too far', { dims: [3, 4], axis: 2 }, VALUE, /from -2 to 1, received 2/],
    ['an axis before the first', { dims: [3, 4], axis: -3 }, VALUE, /from -2 to 1/],
    ['half an axis', { dims: [3, 4], axis: 0.5 }, VALUE, /options\.axis to be an integer/],
    ['a name', { dims: [3, 4], axis: '1' }, 'TYPE', /options\.axis/],
    ['other dims', { dims: [3, 5] }, SHAPE, /as many elements as options\.dims \[3, 5\]/],
    ['dims that are none', { dims: 12 }, 'TYPE', /options\.dims/],
    ['a negative dim', { dims: [-3, -4] }, 'TYPE', /options\.dims\[0\]/],
    ['cols', { dims: [3, 4], axis: 0, cols: 3 }, SHAPE, /options\.cols to be absent/],
    ['a stride', { dims: [3, 4], stride: 4 }, SHAPE, /options\.stride to be absent/],
    ['a stride out', { dims: [3, 4], outStride: 4 }, SHAPE, /options\.outStride to be absent/],
  ];
  test.each(wrong)('%s is an error', (_, options, code, message) => {
    expectCode(() => softmax(x, options as never), code, message);
  });

  test('dims beside a tensor, cols of one with an axis, and a plan of both', () => {
    const t = tensor(3, 4);
    const message = /given with a typed array only/;
    expectCode(() => softmax(t, { dims: [3, 4] }), SHAPE, message);
    expectCode(() => softmax(t, { axis: 0, cols: 3 }), SHAPE, /options\.cols/);
    const both = { dims: [3, 4], axis: 0, rows: 4 };
    expectCode(() => softlane.plan('softmax', both as never), SHAPE, /options\.rows/);
    expectCode(() => softlane.plan('softmax', { axis: 0 } as never), 'TYPE', /options\.dims/);
    expectCode(
      () => klDivergence(t, { axis: 0, other: new Float32Array(11) }),
      SHAPE,
      /options\.other/,
    );
  });
});
