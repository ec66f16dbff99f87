/** Asynchronous calls at the addon itself, past TypeScript. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Status } from '../lib/spec';
import { binding, spec, strangers, x, y } from './helpers/binding';
import { runFixture } from './helpers/child';
import { detach } from './helpers/memory';

const loose = binding as unknown as Record<string, (...args: unknown[]) => unknown>;
const settled: [number, number][] = [];
const callback = (ticket: number, status: number) => void settled.push([ticket, status]);
let base = 0;
const some = () => spec({ rows: 2, cols: 3 });
const idle = async () => {
  while (binding.pending() > 0) await new Promise((resolve) => setImmediate(resolve));
};

beforeEach(() => {
  settled.length = 0;
  const channel = binding.onSettled(callback);
  expect(channel).toBeGreaterThanOrEqual(1);
  base = channel * 2 ** 32;
});
afterEach(idle);

test('channels count up; no function, no channel', () => {
  const next = binding.onSettled(callback);
  expect(next * 2 ** 32).toBe(base + 2 ** 32);
  for (const stranger of strangers) {
    if (typeof stranger !== 'function') expect(loose.onSettled(stranger)).toBe(0);
  }
});

test('submit, settle, collect once', async () => {
  expect(binding.submit(base, some(), x, y)).toBe(Status.OK);
  expect(binding.pending()).toBe(1);
  expect(binding.submit(base, some(), x, y)).toBe(Status.UNKNOWN_TICKET);
  expect(binding.collect(base, y)).toBe(Status.UNKNOWN_TICKET);
  await idle();
  expect(settled).toEqual([[base, Status.OK]]);
  expect(binding.abort(base)).toBe(Status.UNKNOWN_TICKET);
  y.fill(0);
  expect(binding.collect(base, y)).toBe(Status.OK);
  expect(y[0]).toBeGreaterThan(0);
  expect(binding.collect(base, y)).toBe(Status.UNKNOWN_TICKET);
  // The number may serve again.
  expect(binding.submit(base, some(), x, y)).toBe(Status.OK);
  await idle();
  expect(binding.collect(base, y)).toBe(Status.OK);
});

test('collecting into the wrong array forgets the ticket', async () => {
  const wrong = [new Float32Array(5), new Int32Array(6), undefined, new Float32Array(0)];
  wrong.forEach((_, i) => expect(binding.submit(base + i, some(), x, y)).toBe(Status.OK));
  await idle();
  wrong.forEach((array, i) => {
    expect(loose.collect(base + i, array)).toBe(Status.BAD_OUTPUT);
    expect(binding.collect(base + i, y)).toBe(Status.UNKNOWN_TICKET);
  });
});

test('an aborted ticket settles once, with ABORTED, and is forgotten', async () => {
  for (let i = 0; i < 20; i++) binding.submit(base + i, some(), x, y);
  for (let i = 0; i < 20; i++) expect(binding.abort(base + i)).toBe(Status.OK);
  await idle();
  expect(settled.map(([, status]) => status)).toEqual(Array(20).fill(Status.ABORTED));
  expect(new Set(settled.map(([ticket]) => ticket)).size).toBe(20);
  expect(binding.collect(base, y)).toBe(Status.UNKNOWN_TICKET);
});

test('numbers that are no tickets', () => {
  for (const ticket of [0, -1, 0.5, NaN, 1, base - 2 ** 60, base + 2 ** 40, 2 ** 53]) {
    expect(binding.submit(ticket, some(), x, y)).toBe(Status.UNKNOWN_TICKET);
    expect(binding.collect(ticket, y)).toBe(Status.UNKNOWN_TICKET);
    expect(binding.abort(ticket)).toBe(Status.UNKNOWN_TICKET);
  }
});

test('a refused call leaves nothing behind', () => {
  expect(binding.submit(base, spec({ rows: 9 }), x, y)).toBe(Status.BAD_INPUT);
  expect(binding.submit(base, some(), x, x.subarray(1))).toBe(Status.BAD_OUTPUT);
  expect(binding.pending()).toBe(0);
  expect(settled).toEqual([]);
});

test('getters on a shared buffer: throwing, lying, calling back, detaching', async () => {
  const define = (get: () => unknown) => {
    const buffer = new SharedArrayBuffer(24);
    Object.defineProperty(buffer, 'growable', { get });
    const array = new Float32Array(buffer);
    array.set(x);
    return array;
  };
  const want = new Float32Array(6);
  binding.run(some(), x, want);
  let n = 0;
  const other = Float32Array.from(x);
  const arrays = [
    define(() => {
      throw new Error('on purpose');
    }),
    define(() => 'yes'),
    define(() => undefined),
    define(() => binding.submit(base + 100 + n++, some(), x, y) !== 0),
    define(() => detach(other)),
  ];
  const outputs = arrays.map(() => new Float32Array(6));
  arrays.forEach((array, i) => {
    expect(binding.submit(base + i, some(), array, outputs[i])).toBe(Status.OK);
  });
  // The output vanishes while the input is looked at.
  const late = Float32Array.from(x);
  const trap = define(() => (detach(late), false));
  expect(binding.submit(base + 50, some(), trap, late)).toBe(Status.BAD_OUTPUT);
  await idle();
  outputs.forEach((output, i) => {
    expect(binding.collect(base + i, output)).toBe(Status.OK);
    expect(output).toEqual(want);
  });
  expect(binding.collect(base + 100, y)).toBe(Status.OK);
});

test('a callback that throws does not hold up the others', async () => {
  // Node warns of the error, on standard error.
  const ended = await runFixture('crashes.cjs', ['throwing']);
  expect(ended).toMatchObject({ code: 0, signal: null, stdout: 'done\n' });
});
