/**
 * 16-bit floats wherever an API takes numbers, as bits in a Uint16Array and, where the runtime has it, as a Float16Array:
 * the results are those of the same numbers as float32 (formats-calls.test.ts has every operator's x and result).
 */
import { afterEach, describe, expect, test } from '@jest/globals';
import { runInNewContext } from 'node:vm';
import * as softlane from '../lib';
import { native } from '../lib/configure';
import * as promises from '../lib/promises';
import { operandsOf } from '../lib/operator';
import { viewOptions, viewPlan, viewResult } from '../lib/views';
import { expectCode } from './helpers/errors';
import { expectSameBits } from './support/kernels/compare';
import { operators } from './support/kernels/operators';

interface Halves extends softlane.Float16Like {
  readonly byteOffset: number;
  subarray(from: number, to?: number): Halves;
  slice(): Halves;
  fill(value: number): Halves;
}
interface Maker {
  new (x: number | ArrayLike<number>): Halves;
  new (buffer: ArrayBufferLike, at?: number, length?: number): Halves;
}
const { Float16Array: Float16 } = globalThis as { Float16Array?: Maker };
const where = Float16 === undefined ? describe.skip : describe;

const { softmax } = softlane;
const NUMBERS = [1, 2.5, -3, 0.125, 4, -0.5, 65504, -Infinity, 2 ** -24];
const floats = Float32Array.from(NUMBERS);
const bits = new Uint16Array(NUMBERS.length);
native()._narrow(-1, 1, 0, floats, bits);

/** The same bits as a Float16Array. */
function halves(from: Uint16Array = bits): Halves {
  return new Float16!(from.buffer, from.byteOffset, from.length);
}
function bitsIn(array: unknown): Uint16Array {
  expect(Object.prototype.toString.call(array)).toBe('[object Float16Array]');
  const { buffer, byteOffset, length } = array as Halves;
  return new Uint16Array(buffer, byteOffset, length);
}
function narrowed(x: Float32Array): Uint16Array {
  const y = new Uint16Array(x.length);
  expect(native()._narrow(-1, 1, 0, x, y)).toBe(0);
  return y;
}
function widened(x: Uint16Array): Float32Array {
  const y = new Float32Array(x.length);
  expect(native()._widen(-1, 1, x, y)).toBe(0);
  return y;
}

afterEach(() => softlane.configure({ verify: 'off' }));

/** Ways to hand over 16-bit floats: the array, and what says that it is f16. */
const carriers = [
  { name: 'bits', carry: (x: Uint16Array): unknown => x, dtype: { dtype: 'f16' } as const },
  ...(Float16 === undefined ? [] : [{ name: 'a Float16Array', carry: halves, dtype: {} }]),
];

describe.each(carriers)('$name', ({ carry, dtype }) => {
  const reading = operators.filter(([, { inputs }]) =>
    inputs.some((one) => one.element === 'float32'),
  );
  test.each(reading)('beside x, by %s', async (_, view) => {
    const x = widened(narrowed(Float32Array.from({ length: 12 }, (_, i) => Math.sin(7 * i))));
    const given = viewOptions(view, x, { cols: 12 }) as Record<string, unknown>;
    const small: Record<string, unknown> = { ...given };
    const exact: Record<string, unknown> = { ...given };
    const tensors: Record<string, unknown> = { ...given };
    for (const { name, element } of operandsOf(view.line)) {
      if (element !== 'float32' || !(given[name] instanceof Float32Array)) continue;
      const y = narrowed(given[name]);
      small[name] = carry(y);
      tensors[name] = { type: 'float16', data: carry(y), dims: [y.length] };
      exact[name] = widened(y);
    }
    const call = (softlane as unknown as Record<string, (x: unknown, o: unknown) => unknown>)[
      view.line.name
    ];
    const later = (
      promises as unknown as Record<string, (x: unknown, o: unknown) => Promise<unknown>>
    )[view.line.name];
    const back = view.output === 'rows' ? { outDtype: 'f32' } : {};
    const want = viewResult(view, call(x, exact));
    const half = carry(narrowed(x));
    softlane.configure({ verify: 'always' });
    expectSameBits(viewResult(view, call(half, { ...dtype, ...back, ...small })), want, 'called');
    expectSameBits(viewResult(view, call(x, tensors)), want, 'tensors beside floats');
    expectSameBits(
      viewResult(view, await later(half, { ...dtype, ...back, ...small })),
      want,
      'awaited',
    );
    const { planned, given: arrays } = viewPlan(view, x, { cols: 12, dtype: 'f16', ...back });
    const run = softlane.plan(view.line.name as 'klDivergence', planned as never);
    const beside = Object.fromEntries(
      Object.entries(arrays as object).map(([name]) => [name, small[name]]),
    );
    expectSameBits(viewResult(view, run.run(half as never, beside as never)), want, 'planned');
  });

  test('states, models and fits', () => {
    const some = bits.subarray(0, 6);
    const same = floats.subarray(0, 6);
    const x = carry(some) as Uint16Array;
    const options = { ...dtype, cols: 2, targets: Int32Array.of(1, 0, 0) };
    const sum = softlane.logSumExpState({ ...dtype }).push(x);
    expect(sum.finish()).toBe(softlane.logSumExpState().push(same).finish());
    expect(
      softlane.LogSumExpState.from(sum.toJSON(), { ...dtype })
        .push(x)
        .finish(),
    ).toBe(softlane.logSumExpState().push(same).push(same).finish());
    const smoothed = { labelSmoothing: 0.1 };
    const loss = softlane.crossEntropyState({ ...smoothed, ...dtype }).push(x, 1);
    expect(loss.finish()).toBe(softlane.crossEntropyState(smoothed).push(same, 1).finish());
    const fit = softlane.fitTemperature(x, options);
    expect(fit).toBe(softlane.fitTemperature(same, { cols: 2, targets: options.targets }));
    expect(softlane.perplexity(x as never, options)).toEqual(
      softlane.perplexity(same, { cols: 2, targets: options.targets }),
    );
  });

  test('what is verified, and what it was drafted from', async () => {
    const options = { cols: 3, step: 2 };
    const target = carry(bits.subarray(0, 6)) as Uint16Array;
    const draft = carry(bits.subarray(3, 6)) as Uint16Array;
    const make = { temperature: 0.7, seed: 5 };
    const plain = [floats.subarray(0, 6), floats.subarray(3, 6)] as const;
    const want = softlane.createSpeculator(make).verify(...plain, [1], options);
    const all = { ...options, ...dtype };
    expect(softlane.createSpeculator(make).verify(target, draft, [1], all)).toEqual(want);
    const later = promises.createSpeculator(make).verify(target, draft, [1], all);
    expect(await later).toEqual(want);
    const mixed = softlane.createSpeculator(make).verify(target, plain[1], [1], all);
    expect(mixed).toEqual(want);
  });

  test('what cannot be widened is refused', () => {
    const other = carry(bits.subarray(0, 3)) as Uint16Array;
    const x = carry(bits.subarray(0, 2)) as Uint16Array;
    const call = softlane.klDivergence as unknown as (x: unknown, options: unknown) => unknown;
    expectCode(() => call(x, { ...dtype, other }), 'SHAPE', 'options.other', '3 elements');
    expectCode(() => call(x, { ...dtype, other: new Int16Array(2) }), 'TYPE', 'options.other');
    expectCode(() => softlane.logSumExpState().push(new Int16Array(2) as never), 'TYPE', 'x');
    expectCode(
      () => softlane.logSumExpState().push(bits),
      'TYPE',
      'expected x to be',
      'Uint16Array(9)',
    );
    expectCode(() => softlane.logSumExpState({ dtype: 'f8' as never }), 'VALUE', 'options.dtype');
  });
});

test('bits beside float32 are of no format', () => {
  const call = softlane.klDivergence as unknown as (x: unknown, options: unknown) => unknown;
  expectCode(() => call(floats, { other: bits }), 'TYPE', 'options.other to be a Float32Array');
});

where('a Float16Array', () => {
  const want = softmax(bits, { dtype: 'f16', cols: 3 });
  const options = { cols: 3 };

  test('in, out, and in place', async () => {
    expectSameBits(bitsIn(softmax(halves(), options)), want, 'in');
    const calls = [softmax, promises.softmax] as unknown as ((x: unknown, o: unknown) => unknown)[];
    for (const call of calls) {
      const out = new Float16!(9);
      expect(await call(halves(), { ...options, out })).toBe(out);
      expectSameBits(bitsIn(out), want, 'out');
      const place = halves(bits.slice());
      expect(await call(place, { ...options, out: place })).toBe(place);
      expectSameBits(bitsIn(place), want, 'in place');
      expectSameBits(bitsIn(await call(halves(), options)), want, 'new');
      const floats = new Float32Array(9);
      await call(halves(), { ...options, out: floats, outDtype: 'f32' });
      expectSameBits(narrowed(floats), want, 'to floats');
      await call(widened(bits), { ...options, out, outDtype: 'f16' });
      expectSameBits(bitsIn(out), want, 'from floats');
    }
  });

  test('views, shared and resizable memory', () => {
    const memory = new ArrayBuffer(64, { maxByteLength: 128 } as never);
    const within = new Uint16Array(memory, 6, 9);
    within.set(bits);
    const out = new Float16!(memory, 26, 9);
    softmax(new Float16!(memory, 6, 9), { ...options, out });
    expectSameBits(bitsIn(out), want, 'views');
    expect(new Uint16Array(memory, 0, 3)).toEqual(new Uint16Array(3));
    expect(new Uint16Array(memory, 44)).toEqual(new Uint16Array(10));
    const shared = new Uint16Array(new SharedArrayBuffer(18));
    shared.set(bits);
    expectSameBits(bitsIn(softmax(halves(shared), options)), want, 'shared');
    const following = new Float16!(memory, 26);
    (memory as unknown as { resize(bytes: number): void }).resize(44);
    expectSameBits(
      bitsIn(softmax(following, options)),
      softmax(want, { dtype: 'f16', cols: 3 }),
      'shorter',
    );
    expectCode(
      () => softmax(halves(), { ...options, out: new Float16!(memory, 6, 9).subarray(1) }),
      'SHAPE',
      'options.out',
    );
    const gone = new Float16!(memory, 26, 9);
    (memory as unknown as { resize(bytes: number): void }).resize(30);
    expectCode(() => softmax(gone, options), 'DETACHED', 'x');
    expectCode(() => softmax(halves(), { ...options, out: gone }), 'DETACHED', 'options.out');
  });

  test('whatever its class, its realm or its fields say', () => {
    const strange = runInNewContext('(buffer) => new Float16Array(buffer)') as (
      buffer: ArrayBufferLike,
    ) => Halves;
    const memory = bits.slice().buffer;
    expectSameBits(bitsIn(softmax(strange(memory), options)), want, 'another realm');
    class Liar extends Float16! {
      override get length(): number {
        return 3000;
      }
      override get buffer(): ArrayBuffer {
        return new ArrayBuffer(6000);
      }
      override get byteOffset(): number {
        return 2;
      }
    }
    const { length } = bitsIn(softmax(new Liar(9), options));
    expect(length).toBe(9);
    expectCode(() => softmax(Object.create(Float16!.prototype) as Halves, options), 'TYPE', 'x');
  });

  test('that has lost its memory, before and while a promise is pending', async () => {
    const lose = (x: Halves): Halves => {
      structuredClone(null, { transfer: [x.buffer as ArrayBuffer] });
      return x;
    };
    const gone = lose(new Float16!(9));
    const calls: [string, () => unknown][] = [
      ['x', () => softmax(gone, options)],
      ['options.out', () => softmax(halves(), { ...options, out: gone })],
      ['x', () => softlane.plan('softmax', { rows: 3, cols: 3, dtype: 'f16' }).run(gone)],
      ['logits', () => softlane.createSampler().sample(gone, options)],
      ['options.other', () => softlane.klDivergence(halves(), { other: gone })],
      ['x', () => softlane.logSumExpState().push(gone)],
      ['draftLogits', () => softlane.createSpeculator().verify(halves(), gone, [1, 1], options)],
    ];
    for (const [argument, call] of calls) expectCode(call, 'DETACHED', argument);
    const out = new Float16!(9);
    const pending = promises.softmax(halves(), { ...options, out });
    lose(out);
    await expect(pending).rejects.toMatchObject({ code: 'ERR_SOFTLANE_DETACHED' });
    const x = halves(bits.slice());
    const early = promises.softmax(x, options);
    x.fill(0);
    expectSameBits(bitsIn(await early), want, 'written meanwhile');
  });

  test('is f16 and nothing else', () => {
    const wrong = softmax as unknown as (x: unknown, options?: unknown) => unknown;
    const out = new Float16!(9);
    const calls: [string, () => unknown][] = [
      ['x', () => wrong(halves(), { dtype: 'bf16' })],
      ['x', () => wrong(halves(), { dtype: 'f32' })],
      ['options.out', () => wrong(halves(), { outDtype: 'bf16', out })],
      ['options.out', () => wrong(floats, { out })],
      ['x.data', () => wrong({ type: 'bfloat16', data: halves(), dims: [9] })],
      ['x.data', () => wrong({ type: 'float32', data: halves(), dims: [9] })],
      ['x', () => softlane.plan('softmax', { cols: 9, dtype: 'bf16' }).run(halves() as never)],
      ['x', () => softlane.plan('softmax', { cols: 9 }).run(halves() as never)],
      [
        'out',
        () => softlane.plan('softmax', { cols: 9, outDtype: 'bf16' }).run(floats, out as never),
      ],
    ];
    for (const [argument, call] of calls) {
      expectCode(call, 'TYPE', `expected ${argument} to be`, 'received Float16Array(9)');
    }
    expect(bitsIn(out)).toEqual(new Uint16Array(9));
  });

  test('as a tensor gives one', () => {
    const dims = [3, 3];
    const y = softmax({ type: 'float16', data: halves(), dims });
    expect(y).toMatchObject({ type: 'float16', dims });
    expectSameBits(bitsIn(y.data), want, 'typed');
    expectSameBits(bitsIn(softmax({ data: halves(), dims }).data), want, 'untyped');
    const out = { type: 'float16', data: new Float16!(9), dims };
    expect(softmax(halves(), { ...options, out })).toBe(out);
    expectSameBits(bitsIn(out.data), want, 'out');
    expectSameBits(
      bitsIn(softmax({ data: halves(), dims }, { axis: 0 }).data),
      softmax({ type: 'float16', data: bits, dims }, { axis: 0 }).data as Uint16Array,
      'axis',
    );
  });

  test('through a plan', () => {
    softlane.configure({ verify: 'always' });
    const plan = softlane.plan('softmax', { rows: 3, cols: 3, dtype: 'f16' });
    expectSameBits(bitsIn(plan.run(halves())), want, 'new');
    expectSameBits(plan.run(bits) as unknown as Uint16Array, want, 'bits');
    const out = new Float16!(9);
    expect(plan.run(halves(), out)).toBe(out);
    expectSameBits(bitsIn(out), want, 'out');
    const topK = softlane.plan('topK', { cols: 9, k: 2, dtype: 'f16' });
    expect(topK.run(halves()).indices).toEqual(Int32Array.of(6, 4));
    const norm = softlane.plan('layerNorm', { cols: 9, dtype: 'f16' });
    expectSameBits(bitsIn(norm.run(halves())), norm.run(bits) as unknown as Uint16Array, 'norm');
  });

  test('is sampled, each row in its own way', async () => {
    const make = { seed: 3, topP: 0.9 };
    const each = {
      cols: 3,
      step: 1,
      perRow: [{ temperature: 0.5 }, undefined, { topK: 2 }],
      history: [[0], [], [1, 1]],
      rawLogProbs: true,
      filtered: true,
    };
    const want = softlane.createSampler(make).sample(floats, each);
    expect(softlane.createSampler(make).sample(halves(), each)).toEqual(want);
    expect(await promises.createSampler(make).sample(halves(), each)).toEqual(want);
    const data = { type: 'float16', data: halves(), dims: [3, 3] };
    expect(softlane.createSampler(make).sample(data, { ...each, cols: undefined })).toEqual(want);
  });
});
