/**
 * Every operator on 16-bit floats: the bits of its float32 results, rounded where they are rows (formats.test.ts has the
 * rounding), however the call is made.
 */
import { afterEach, describe, expect, test } from '@jest/globals';
import * as softlane from '../lib';
import { native } from '../lib/configure';
import { formatDistance, widen } from '../lib/formats';
import type { ErrorCode } from '../lib/errors';
import type { OutputArray } from '../lib/operator';
import * as promises from '../lib/promises';
import { FORMATS } from '../lib/spec';
import { viewOptions, viewPlan, viewResult } from '../lib/views';
import { expectError } from './helpers/errors';
import { expectSameBits } from './support/kernels/compare';
import { call, functionOf, isas, operators, share } from './support/kernels/operators';
import type { Operator, Options } from './support/kernels/operators';
import { Random } from './support/kernels/random';

const binding = native();
type Half = 'f16' | 'bf16';
const HALVES: readonly Half[] = ['f16', 'bf16'];

afterEach(() => softlane.configure({ verify: 'off' }));

function widened(format: Half, bits: Uint16Array): Float32Array {
  const floats = new Float32Array(bits.length);
  expect(binding._widen(-1, FORMATS.indexOf(format), bits, floats)).toBe(0);
  return floats;
}

function narrowed(format: Half, floats: Float32Array): Uint16Array {
  const bits = new Uint16Array(floats.length);
  expect(binding._narrow(-1, FORMATS.indexOf(format), 0, floats, bits)).toBe(0);
  return bits;
}

function logits(format: Half, n: number): Uint16Array {
  const random = new Random(n);
  const floats = Float32Array.from({ length: n }, () =>
    random.chance(0.05) ? -Infinity : 4 * random.bell(),
  );
  return narrowed(format, floats);
}

/** What a result in float32 is in the format of the output. */
function rounded(view: Operator, format: Half, floats: OutputArray): OutputArray {
  return view.output === 'rows' ? narrowed(format, floats as Float32Array) : floats;
}

/** A call on bits, with what else the operator reads as it would be for the same numbers as floats. */
function callBits(view: Operator, format: Half, x: Uint16Array, options: Options): OutputArray {
  const all = viewOptions(view, widened(format, x), options);
  const f = functionOf(view) as unknown as (x: Uint16Array, options: Options) => OutputArray;
  return viewResult(view, f(x, { dtype: format, ...all }));
}

const SHAPES = [
  { cols: 1 },
  { cols: 7, rows: 40 },
  { cols: 33, rows: 5, stride: 41 },
  { cols: 4099, rows: 11 },
  { cols: 70_001 },
  { cols: 16, rows: 3 },
  { cols: 150_000, rows: 2 },
  { cols: 1000, rows: 9 },
];

describe.each(operators)('%s', (_, view) => {
  describe.each(HALVES)('%s', (format) => {
    test.each(share(view, SHAPES))('$cols columns', ({ cols, rows = 1, stride = cols }) => {
      const x = logits(format, (rows - 1) * stride + cols);
      const options = { cols, stride };
      const want = call(view, widened(format, x), options);
      for (const isa of isas) {
        for (const threads of [1, 3]) {
          const what = `${isa}, ${threads} threads`;
          const got = callBits(view, format, x, { ...options, isa, threads });
          expectSameBits(got, rounded(view, format, want), what);
          if (view.output !== 'rows') continue;
          const other = format === 'f16' ? 'bf16' : 'f16';
          const floats = callBits(view, format, x, { ...options, isa, threads, outDtype: 'f32' });
          expectSameBits(floats, want, `${what}, to f32`);
          const crossed = callBits(view, format, x, { ...options, isa, threads, outDtype: other });
          expectSameBits(crossed, rounded(view, other, want), `${what}, to ${other}`);
          const into = call(view, widened(format, x), { ...options, isa, outDtype: other });
          expectSameBits(into, rounded(view, other, want), `${what}, f32 to ${other}`);
          const place = x.slice();
          callBits(view, format, place, { ...options, isa, threads, out: place });
          for (let r = 0; r < rows; r++) {
            expectSameBits(
              place.subarray(r * stride, r * stride + cols),
              rounded(view, format, want).subarray(r * cols, (r + 1) * cols),
              `${what}, in place`,
            );
          }
        }
      }
    });

    test('planned and awaited, from ordinary and from shared memory', async () => {
      const [rows, cols] = [3, 130];
      const x = logits(format, rows * cols);
      const floats = widened(format, x);
      const want = rounded(view, format, call(view, floats, { cols }));
      const plan = softlane.plan as unknown as (
        name: string,
        options: Options,
      ) => { run(x: Uint16Array, arrays?: unknown): unknown };
      const { planned, given } = viewPlan(view, floats, { rows, cols, dtype: format });
      const ran = plan(view.line.name, planned).run(x, given);
      expectSameBits(viewResult(view, ran), want, 'planned');
      const later = (
        promises as unknown as Record<string, (...all: unknown[]) => Promise<unknown>>
      )[view.line.name];
      const shared = new Uint16Array(new SharedArrayBuffer(2 * x.length));
      shared.set(x);
      for (const from of [x, shared]) {
        const all = viewOptions(view, floats, { cols, threads: 2 });
        const result = viewResult(view, await later(from, { ...all, dtype: format }));
        expectSameBits(result, want, 'awaited');
      }
    });

    test('verify mode accepts the results', () => {
      softlane.configure({ verify: 'always' });
      callBits(view, format, logits(format, 3 * 70), { cols: 70 });
    });
  });
});

describe('arguments', () => {
  const { softmax } = softlane;
  const bits = Uint16Array.of(0x3c00, 0x4000, 0xbc00);

  test('a tensor says its format, and gets one of the same', () => {
    const y = softmax({ type: 'float16', data: bits, dims: [1, 3] });
    expect(y).toMatchObject({ type: 'float16', dims: [1, 3] });
    expectSameBits(y.data as Uint16Array, softmax(bits, { dtype: 'f16' }), 'tensor');
    const b = softmax({ type: 'bfloat16', data: bits, dims: [3] });
    expectSameBits(b.data as Uint16Array, softmax(bits, { dtype: 'bf16' }), 'bfloat16');
    const untyped = softmax({ data: bits, dims: [3] }, { dtype: 'f16' });
    expectSameBits(untyped.data as Uint16Array, softmax(bits, { dtype: 'f16' }), 'untyped');
    const floats = softmax({ type: 'float16', data: bits, dims: [3] }, { outDtype: 'f32' });
    expect(floats).toMatchObject({ type: 'float32' });
  });

  test.each<[string, () => unknown, typeof Error, string, string]>([
    ['bits without a format', () => softmax(bits as never), TypeError, 'TYPE', 'a Float32Array'],
    [
      'floats with a 16-bit format',
      () => softmax(new Float32Array(3), { dtype: 'f16' } as never),
      TypeError,
      'TYPE',
      'a Uint16Array of f16',
    ],
    [
      'an unknown format',
      () => softmax(bits, { dtype: 'f8' as never }),
      RangeError,
      'VALUE',
      '"f8"',
    ],
    [
      'a format that is no name',
      () => softmax(bits, { dtype: 16 as never }),
      TypeError,
      'TYPE',
      'options.dtype',
    ],
    [
      'an out of another format',
      () => softmax(bits, { dtype: 'f16', out: new Float32Array(3) as never }),
      TypeError,
      'TYPE',
      'options.out to be a Uint16Array',
    ],
    [
      'bits of a tensor without a type',
      () => softmax({ data: bits, dims: [3] }),
      TypeError,
      'TYPE',
      'x.data',
    ],
    [
      'a tensor of another type',
      () => softmax({ type: 'float16', data: bits, dims: [3] }, { dtype: 'bf16' }),
      TypeError,
      'TYPE',
      '"bfloat16"',
    ],
    [
      'an output format of a number a row',
      () => softlane.logSumExp(new Float32Array(3), { outDtype: 'f16' } as never),
      TypeError,
      'UNKNOWN_OPTION',
      'outDtype',
    ],
    [
      'in place in another format',
      () => softmax(bits, { dtype: 'f16', outDtype: 'bf16', out: bits }),
      RangeError,
      'OVERLAP',
      'apart from x',
    ],
    [
      'too short an out',
      () => softmax(bits, { dtype: 'f16', out: new Uint16Array(2) }),
      RangeError,
      'SHAPE',
      'at least 3',
    ],
  ])('%s', (_, f, kind, code, words) => {
    expectError(f, kind, `ERR_SOFTLANE_${code}` as ErrorCode, words);
  });

  test('native code looks at the types again', () => {
    const plan = softlane.plan('softmax', { cols: 3, dtype: 'f16' });
    expectError(
      () => plan.run(new Float32Array(3) as never),
      TypeError,
      'ERR_SOFTLANE_TYPE',
      'Uint16Array',
    );
    const y = new Float32Array(3);
    expectError(() => plan.run(bits, y as never), TypeError, 'ERR_SOFTLANE_TYPE', 'Uint16Array');
    const floats = softlane.plan('softmax', { cols: 3 });
    expectError(() => floats.run(bits as never), TypeError, 'ERR_SOFTLANE_TYPE', 'Float32Array');
  });
});

describe('the sampler', () => {
  test.each(HALVES)('%s logits: the tokens of the same numbers', async (format) => {
    const bits = logits(format, 4 * 5000);
    const sampler = softlane.createSampler({ temperature: 0.8, topK: 50, topP: 0.95, seed: 4 });
    const options = { cols: 5000, step: 3, rawLogProbs: true } as const;
    const want = sampler.sample(widened(format, bits), options);
    const got = sampler.sample(bits, { ...options, dtype: format });
    expect(got).toEqual(want);
    const later = promises.createSampler({ temperature: 0.8, topK: 50, topP: 0.95, seed: 4 });
    expect(await later.sample(bits, { ...options, dtype: format })).toEqual(want);
    const type = format === 'f16' ? 'float16' : 'bfloat16';
    expect(sampler.sample({ type, data: bits, dims: [4, 5000] }, { step: 3 }).tokens).toEqual(
      want.tokens,
    );
  });

  test('bits without a format', () => {
    expectError(
      () => softlane.createSampler().sample(new Uint16Array(5)),
      TypeError,
      'ERR_SOFTLANE_TYPE',
      'logits to be a Float32Array',
    );
  });
});

describe('verify mode sees what is wrong', () => {
  const bound = softlane.catalogue.find(({ name }) => name === 'softmax')!.bound;
  test.each(HALVES)(
    '%s: the nearest number is at 0, others at as many as lie between',
    (format) => {
      const random = new Random(3);
      for (let i = 0; i < 20_000; i++) {
        const bits = random.below(2 ** 16);
        const value = widen(format, bits);
        if (!Number.isFinite(value) || (value === 0 && bits !== 0)) continue;
        expect(formatDistance(format, bits, value, bound)).toBe(0);
        const further = bits + (bits % 0x8000 > 100 ? -3 : 3);
        expect(formatDistance(format, further, value, { ...bound, tiny: 'subnormal' })).toBe(3);
      }
    },
  );

  test('a kernel that is off', () => {
    const line = softlane.catalogue.find(({ name }) => name === 'softmax')!;
    expect(formatDistance('f16', 0x3801, 0.5, line.bound)).toBe(1);
    expect(formatDistance('f16', 0x3c00, NaN, line.bound)).toBe(Infinity);
  });
});
