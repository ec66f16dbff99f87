/** Asynchronous calls from TypeScript: results, memory, abort, errors. Crashes are in crashes.test.ts. */
import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import * as sync from '../lib';
import { catalogue } from '../lib/catalogue';
import { native } from '../lib/configure';
import * as promises from '../lib/promises';
import { detach, growable, resizable, wasmMemory } from './helpers/memory';
import { call as callView, callLater, operators } from './support/kernels/operators';
import type { Options, OutputArray } from './support/kernels/operators';

type Any = (x: unknown, options?: unknown) => unknown;
type Input = Float32Array | { data: Float32Array; dims: number[]; type?: string };
const bytes = (array: ArrayBufferView) =>
  Buffer.from(array.buffer, array.byteOffset, array.byteLength);
const equal = (a: ArrayBufferView, b: ArrayBufferView) => bytes(a).equals(bytes(b));

/** A tenth of a second or so on one thread. */
const SLOW = { cols: 1024, isa: 'scalar', threads: 1 } as const;
const SLOW_LENGTH = 1 << 24;

function logits(length: number, buffer: ArrayBufferLike = new ArrayBuffer(length * 4)) {
  const x = new Float32Array(buffer, 0, length);
  for (let i = 0; i < length; i++) x[i] = ((i * 7919) % 101) / 7 - 7;
  return x;
}

const shared = (length: number) => new Float32Array(new SharedArrayBuffer(length * 4));

async function rejection(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  return promise.then(
    () => expect('resolved').toBe('rejected') as never,
    (reason: unknown) => reason as Error & { code?: string },
  );
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => expect(native().pending()).toBe(0));
afterEach(() => {
  sync.configure({ isa: 'auto', threads: 'auto', verify: 'off' });
  expect(native().pending()).toBe(0);
});

test('the same functions as softlane, one per operator, the sampler and the speculator', () => {
  const names = [...catalogue.map((line) => line.name), 'createSampler', 'createSpeculator'];
  expect(Object.keys(promises).sort()).toEqual(names.sort());
});

describe.each(operators)('%s', (_, view) => {
  const immediate = (x: Input, options: Options = {}): OutputArray =>
    callView(view, x as Float32Array, options);
  const later = (x: Input, options: Options = {}): Promise<OutputArray> =>
    callLater(view, x as Float32Array, options);

  test.each([
    [1, 1],
    [1, 1000],
    [5, 33],
    [300, 1000],
    [2, 200_000],
    [1, 2_000_003],
  ])('%d x %d: the bits of the synchronous call', async (rows, cols) => {
    const x = logits(rows * cols);
    const want = immediate(x, { cols });
    for (const threads of [1, 2, 5]) {
      expect(equal(await later(x, { cols, threads }), want)).toBe(true);
    }
    expect(equal(await later(x, { cols }), want)).toBe(true);
  });

  test('shapes without elements', async () => {
    expect(await later(new Float32Array(0))).toEqual(immediate(new Float32Array(0)));
    expect(await later(new Float32Array(0), { cols: 4 })).toEqual(
      immediate(new Float32Array(0), { cols: 4 }),
    );
  });

  test('a tensor gives a tensor', async () => {
    const tensor = { data: logits(24), dims: [2, 3, 4], type: 'float32' };
    expect(await later(tensor)).toEqual(immediate(tensor));
  });

  test('strides: gaps are not touched', async () => {
    const x = logits(5 * 7);
    const want = immediate(x, { cols: 3, stride: 7 });
    expect(await later(x, { cols: 3, stride: 7 })).toEqual(want);
    if (view.output !== 'rows') return;
    const out = new Float32Array(25).fill(42);
    expect(await later(x, { cols: 3, stride: 7, out, outStride: 5 })).toBe(out);
    for (let row = 0; row < 5; row++) {
      expect(out.slice(row * 5, row * 5 + 3)).toEqual(want.slice(row * 3, row * 3 + 3));
      expect(Array.from(out.slice(row * 5 + 3, row * 5 + 5))).toEqual([42, 42]);
    }
  });

  test('every mixture of shared and unshared memory', async () => {
    const plain = logits(4096);
    const want = immediate(plain, { cols: 64 });
    const make = (buffer: ArrayBufferLike) =>
      want instanceof Int32Array ? new Int32Array(buffer) : new Float32Array(buffer);
    const outputs = [
      () => make(new ArrayBuffer(want.byteLength)),
      () => make(new SharedArrayBuffer(want.byteLength)),
      () => make(resizable(want.byteLength, 1 << 20)),
      () => make(growable(want.byteLength, 1 << 20)),
    ];
    for (const x of [plain, logits(4096, new SharedArrayBuffer(1 << 15))]) {
      for (const output of outputs) {
        const out = output();
        expect(await later(x, { cols: 64, out })).toBe(out);
        expect(equal(out, want)).toBe(true);
      }
    }
  });
});

describe('memory', () => {
  test('in place', async () => {
    for (const x of [logits(3000), logits(3000, new SharedArrayBuffer(12_000))]) {
      const want = sync.softmax(x, { cols: 100 });
      expect(await promises.softmax(x, { cols: 100, out: x })).toBe(x);
      expect(equal(x, want)).toBe(true);
    }
  });

  test('unshared: nothing is written before the promise settles', async () => {
    const x = logits(SLOW_LENGTH);
    const out = new Float32Array(SLOW_LENGTH).fill(42);
    const promise = promises.softmax(x, { ...SLOW, out });
    while (native().pending() > 0) {
      expect(out[0]).toBe(42);
      expect(out[SLOW_LENGTH - 1]).toBe(42);
      await turn();
    }
    await promise;
    expect(out[0]).not.toBe(42);
  });

  test('shared: the work itself writes to it', async () => {
    const x = shared(SLOW_LENGTH).fill(1);
    const out = shared(SLOW_LENGTH).fill(42);
    const flags = new Int32Array(out.buffer);
    const before = flags[0];
    const promise = promises.softmax(x, { ...SLOW, out });
    // No turn of the event loop in between: only another thread can have written.
    const end = Date.now() + 20_000;
    while (Atomics.load(flags, 0) === before && Date.now() < end);
    expect(flags[0]).not.toBe(before);
    await promise;
    expect(out[0]).toBeCloseTo(1 / 1024);
  });

  test('an output that has become too short is a rejection', async () => {
    const buffer = resizable(4096, 8192);
    const promise = promises.softmax(logits(1024), { out: new Float32Array(buffer) });
    buffer.resize(4092);
    expect(await rejection(promise)).toMatchObject({
      name: 'SoftlaneRangeError',
      code: 'ERR_SOFTLANE_SHAPE',
    });
    const gone = new Float32Array(1024);
    const lost = promises.softmax(logits(1024), { out: gone });
    detach(gone);
    expect(await rejection(lost)).toMatchObject({ code: 'ERR_SOFTLANE_DETACHED' });
  });

  test('views into WebAssembly memory', async () => {
    for (const shared of [false, true]) {
      const memory = wasmMemory(shared);
      const x = logits(1000, memory.buffer);
      const want = sync.softmax(logits(1000));
      const promise = promises.softmax(x);
      memory.grow(1); // detaches the buffer, or makes another one for the same memory
      expect(equal(await promise, want)).toBe(true);
    }
  });
});

describe('order', () => {
  test('with one thread, that of the calls', async () => {
    sync.configure({ threads: 1 });
    const order: number[] = [];
    const x = logits(2000);
    await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        promises.softmax(x, { cols: 100 }).then(() => order.push(i)),
      ),
    );
    expect(order).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  test('thousands of pending calls', async () => {
    const x = logits(320);
    const want = sync.logSoftmax(x, { cols: 32 });
    const calls = Array.from({ length: 5000 }, () => promises.logSoftmax(x, { cols: 32 }));
    expect(native().pending()).toBe(5000);
    let right = 0;
    for (const result of await Promise.all(calls)) if (equal(result, want)) right++;
    expect(right).toBe(5000);
  });

  test('calls made while others settle', async () => {
    const x = logits(64);
    const chain = async (n: number): Promise<void> => {
      for (let i = 0; i < n; i++) await promises.softmax(x);
    };
    await Promise.all(Array.from({ length: 20 }, () => chain(25)));
  });
});

describe('abort', () => {
  const slow = (signal: AbortSignal, length = SLOW_LENGTH) =>
    promises.softmax(shared(length), { ...SLOW, signal });

  test('before the call: nothing is queued', async () => {
    const reason = { any: 'thing' };
    const promise = slow(AbortSignal.abort(reason));
    expect(native().pending()).toBe(0);
    expect(await rejection(promise)).toBe(reason);
  });

  test.each([1, 3])('while it runs, or waits for its turn (%d calls)', async (count) => {
    sync.configure({ threads: 1 });
    const abort = new AbortController();
    const calls = Array.from({ length: count }, () => slow(abort.signal).catch((e: unknown) => e));
    for (let i = 0; i < 5; i++) await turn();
    abort.abort();
    const reasons = await Promise.all(calls);
    expect(reasons).toEqual(Array(count).fill(abort.signal.reason));
    expect((reasons[0] as Error).name).toBe('AbortError');
    expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
  });

  test('does not wait for the rest of the work, also inside one long row', async () => {
    // Both calls are of one thread and start together; the one that is aborted must end first.
    sync.configure({ threads: 2 });
    const abort = new AbortController();
    const x = shared(1 << 23);
    const ended: string[] = [];
    const whole = promises
      .softmax(x, { isa: 'scalar', threads: 1 })
      .then(() => ended.push('whole'));
    const cut = promises
      .softmax(x, { isa: 'scalar', threads: 1, signal: abort.signal })
      .catch(() => ended.push('cut'));
    await turn();
    abort.abort();
    await Promise.all([whole, cut]);
    expect(ended).toEqual(['cut', 'whole']);
  });

  test('a waiting call leaves at once', async () => {
    sync.configure({ threads: 1 });
    const abort = new AbortController();
    const first = slow(new AbortController().signal, 2 * SLOW_LENGTH).then(() => 'first');
    const second = slow(abort.signal).catch(() => 'second');
    abort.abort();
    expect(await Promise.race([first, second])).toBe('second');
    await first;
  });

  test('after the work, before the promise settles: still a rejection', async () => {
    const abort = new AbortController();
    const promise = promises.softmax(logits(64), { signal: abort.signal });
    // The event loop does not turn here, so the result can be ready but not delivered.
    const end = Date.now() + 50;
    while (Date.now() < end);
    abort.abort();
    expect(await rejection(promise)).toBe(abort.signal.reason);
  });

  test('after the promise has settled: nothing', async () => {
    const abort = new AbortController();
    const y = await promises.softmax(logits(64), { signal: abort.signal });
    expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
    abort.abort();
    await turn();
    expect(y).toEqual(sync.softmax(logits(64)));
  });

  test('AbortSignal.timeout and one signal for many calls', async () => {
    sync.configure({ threads: 1 });
    const signal = AbortSignal.timeout(15);
    const calls = Array.from({ length: 40 }, () =>
      slow(signal)
        .then(() => 'done')
        .catch(String),
    );
    expect(getEventListeners(signal, 'abort').length).toBeLessThan(2);
    expect((await Promise.all(calls))[39]).toMatch('TimeoutError');
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('a refused call leaves no listener', async () => {
    const { signal } = new AbortController();
    const x = logits(64);
    const error = await rejection(
      promises.softmax(x.subarray(0, 32), { signal, out: x.subarray(16, 48) }),
    );
    expect(error.code).toBe('ERR_SOFTLANE_OVERLAP');
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('a signal that calls its listeners while they are added', async () => {
    const signal = {
      aborted: false,
      reason: 'eager',
      addEventListener: (_: string, listener: () => void) => listener(),
      removeEventListener: () => {},
    };
    const promise = promises.softmax(shared(SLOW_LENGTH), { ...SLOW, signal } as never);
    expect(await rejection(promise)).toBe('eager');
  });
});

describe('errors', () => {
  test.each<[string, unknown, unknown]>([
    ['ERR_SOFTLANE_TYPE', 'text', undefined],
    ['ERR_SOFTLANE_TYPE', new Float64Array(4), undefined],
    ['ERR_SOFTLANE_SHAPE', new Float32Array(5), { cols: 2 }],
    ['ERR_SOFTLANE_UNKNOWN_OPTION', new Float32Array(4), { column: 2 }],
    ['ERR_SOFTLANE_VALUE', new Float32Array(4), { temperature: 0 }],
    ['ERR_SOFTLANE_ISA', new Float32Array(4), { isa: 'neon' }],
    ['ERR_SOFTLANE_TYPE', new Float32Array(4), { signal: {} }],
  ])('%s is a rejection, not an exception', async (code, x, options) => {
    const promise = (promises.softmax as Any)(x, options) as Promise<unknown>;
    expect(promise).toBeInstanceOf(Promise);
    expect(await rejection(promise)).toMatchObject({ code });
  });

  test('signal is an option of promises only', () => {
    const { signal } = new AbortController();
    expect(() => (sync.softmax as Any)(new Float32Array(4), { signal })).toThrow(/signal/);
  });

  test('verify mode checks asynchronous calls, on the input as it was', async () => {
    sync.configure({ verify: 'always' });
    const x = logits(2000);
    const promise = promises.softmax(x, { cols: 100, out: x });
    x.fill(NaN);
    await promise;
  });
});
