/** The addon, called past TypeScript: whatever the arguments, a status and no harm. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { catalogue } from '../lib/catalogue';
import { defaultSpec } from '../lib/prepare';
import { ALGORITHMS, SPEC_LENGTH, Spec, Status } from '../lib/spec';
import { ARG_MAX, LOG_SUM_EXP, binding, spec, strangers, x, y } from './helpers/binding';
import type { SpecFields } from './helpers/binding';
import { detach, growable, resizable, wasmMemory } from './helpers/memory';

type Loose = Record<string, (...args: unknown[]) => unknown>;
const loose = binding as unknown as Loose;
const functions = Object.keys(binding).filter((key) => typeof loose[key] === 'function');

const usable = new Int32Array(binding.isas.length);
binding.supported(usable);
const best = usable.indexOf(1);

afterEach(() => {
  binding.setIsa(best);
  binding.setThreads(0);
});

test('binding.d.ts names every member', () => {
  const source = readFileSync(join(__dirname, '..', 'binding.d.ts'), 'utf8');
  const declared = [...source.matchAll(/^ {2}(?:readonly )?(\w+)[(:]/gm)].map((match) => match[1]);
  expect(Object.keys(binding).sort()).toEqual(declared.sort());
});

test('constants agree with TypeScript', () => {
  const { version } = JSON.parse(readFileSync(join(__dirname, '..', 'package.json'), 'utf8')) as {
    version: string;
  };
  expect(binding.version).toBe(version);
  expect(binding.specLength).toBe(SPEC_LENGTH);
  expect(binding.algorithms).toEqual(ALGORITHMS);
  expect(binding.isas[binding.isas.length - 1]).toBe('scalar');
  const header = readFileSync(join(__dirname, '..', 'native/binding/status.h'), 'utf8');
  const numbers = [...header.matchAll(/^ {2}k(\w+) = (\d+),/gm)].map(([, name, number]) => [
    name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase(),
    Number(number),
  ]);
  expect(Status).toMatchObject(Object.fromEntries(numbers) as object);
});

describe('wrong arguments', () => {
  test.each(functions)('%s: none, and any stranger in any place', (name) => {
    const call = loose[name];
    const good: Record<string, unknown[]> = {
      run: [spec(), x, y],
      submit: [2 ** 32 + 1, spec(), x, y],
      gather: [2 ** 32 + 1, spec(), y],
      sweep: [Float64Array.of(2 ** 32 + 1), 0, 0],
      openRow: [spec()],
      statePush: [new Float64Array(binding.stateLength), x, -1],
      stateInit: [new Float64Array(binding.stateLength), 1],
      stateMerge: [new Float64Array(binding.stateLength), new Float64Array(binding.stateLength)],
    };
    const base = good[name] ?? [0, x, y, y];
    expect(() => call()).not.toThrow();
    for (let place = 0; place < base.length; place++) {
      for (const stranger of strangers) {
        // A callback is no stranger there.
        if (name === 'onSettled' && typeof stranger === 'function') continue;
        const args = base.map((value, i) => (i === place ? stranger : value));
        const got = call(...args);
        if (!['cpu', 'getIsa', 'getThreads', 'pending'].includes(name)) {
          expect(typeof got).toBe('number');
        }
        if (name === 'run' || name === 'submit') expect(got).not.toBe(Status.OK);
      }
    }
    expect(() => call(...strangers)).not.toThrow();
  });

  test('a receiver or new make no difference', () => {
    expect(Reflect.apply(binding.run, undefined, [spec(), x, y])).toBe(Status.OK);
    expect(() => Reflect.construct(binding.run, [spec(), x, y]) as unknown).not.toThrow();
  });
});

describe('run', () => {
  const each = (fields: SpecFields) => binding.run(spec(fields), x, y);

  test.each<[number, SpecFields[]]>([
    [
      Status.BAD_SPEC,
      [
        ...[-1, 0.5, NaN, Infinity, binding.operators.length].map((op) => ({ op })),
        ...[-1, 0.5, NaN, ALGORITHMS.length].map((algorithm) => ({ algorithm })),
        ...[-2, 0.5, NaN, binding.isas.length].map((isa) => ({ isa })),
        ...[-1, 0.5, NaN, 1025, Infinity].map((threads) => ({ threads })),
        ...[-1, 0.5, NaN, 2 ** 53, Infinity].map((rows) => ({ rows })),
        ...[-1, 0.5, NaN, 2 ** 53, Infinity].map((cols) => ({ cols })),
        ...[-1, 0, 2, 3.5, NaN, 2 ** 53].map((xStride) => ({ xStride })),
        ...[-1, 0, 2, 3.5, NaN, 2 ** 53].map((yStride) => ({ yStride })),
        ...[0, -1, NaN, Infinity].map((temperature) => ({ temperature })),
        ...[-1, 0.5, 2, NaN].map((maskedRow) => ({ maskedRow })),
      ],
    ],
    [
      Status.BAD_INPUT,
      [
        { rows: 3 },
        { cols: 7, rows: 1 },
        { xStride: 4 },
        { rows: 2 ** 53 - 1 },
        { rows: 2 ** 32, cols: 2 ** 32 },
        { rows: 2 ** 31, cols: 2 ** 31, xStride: 2 ** 53 - 1, yStride: 2 ** 53 - 1 },
        { rows: 2 ** 53 - 1, cols: 2 ** 53 - 1 },
        { rows: 2 ** 52 + 1, cols: 4096 },
        { rows: 2, xStride: 2 ** 53 - 1 },
      ],
    ],
    [Status.BAD_OUTPUT, [{ yStride: 4 }, { yStride: 2 ** 53 - 1 }]],
  ])('status %d', (status, cases) => {
    for (const fields of cases) {
      y.fill(42);
      expect([fields, each(fields)]).toEqual([fields, status]);
      expect(Array.from(y)).toEqual(Array(6).fill(42));
    }
  });

  test('output types', () => {
    const argMax = spec({ op: ARG_MAX });
    expect(binding.run(argMax, x, new Float32Array(2))).toBe(Status.BAD_OUTPUT);
    expect(binding.run(argMax, x, new Int32Array(1))).toBe(Status.BAD_OUTPUT);
    expect(binding.run(argMax, x, new Int32Array(2))).toBe(Status.OK);
    expect(binding.run(spec(), x, new Int32Array(6))).toBe(Status.BAD_OUTPUT);
    expect(binding.run(spec({ op: LOG_SUM_EXP }), x, new Float32Array(1))).toBe(Status.BAD_OUTPUT);
  });

  test('empty shapes', () => {
    const none = new Float32Array(0);
    expect(binding.run(spec({ rows: 0 }), none, none)).toBe(Status.OK);
    expect(binding.run(spec({ rows: 5, cols: 0 }), none, none)).toBe(Status.OK);
    const out = new Float32Array(3);
    expect(binding.run(spec({ op: LOG_SUM_EXP, rows: 3, cols: 0 }), none, out)).toBe(Status.OK);
    expect(Array.from(out)).toEqual(Array(3).fill(-Infinity));
    const huge = { op: LOG_SUM_EXP, rows: 2 ** 53 - 1, cols: 0 };
    expect(binding.run(spec(huge), none, out)).toBe(Status.BAD_OUTPUT);
    // Results that nobody asks for are not walked either: that would take minutes.
    const statuses = catalogue.map((line) => {
      const call = defaultSpec(line);
      call[Spec.rows] = 2 ** 32;
      return binding.run(call, none, none);
    });
    const known = [Status.OK, Status.BAD_SPEC, Status.BAD_OUTPUT, Status.BAD_OPERAND];
    expect(known).toEqual(expect.arrayContaining(statuses));
  });

  test('overlap', () => {
    const all = new Float32Array(32).fill(1);
    const at = (from: number, to: number) => all.subarray(from, to);
    const two = spec();
    expect(binding.run(two, at(0, 6), at(0, 6))).toBe(Status.OK);
    expect(binding.run(two, at(0, 6), at(6, 12))).toBe(Status.OK);
    expect(binding.run(two, at(6, 12), at(0, 6))).toBe(Status.OK);
    for (const [a, b] of [
      [0, 1],
      [1, 0],
      [0, 5],
      [5, 0],
    ]) {
      expect(binding.run(two, at(a, a + 6), at(b, b + 6))).toBe(Status.OVERLAP);
    }
    // Longer arrays than the call uses overlap harmlessly.
    expect(binding.run(two, at(0, 12), at(6, 12))).toBe(Status.OK);
    // In place with other strides.
    expect(binding.run(spec({ yStride: 4 }), at(0, 6), at(0, 7))).toBe(Status.OVERLAP);
    expect(binding.run(spec({ rows: 1, yStride: 4 }), at(0, 6), at(0, 7))).toBe(Status.OK);
    // One number a row, within the input.
    expect(binding.run(spec({ op: LOG_SUM_EXP }), all, at(0, 2))).toBe(Status.OVERLAP);
    const indices = new Int32Array(all.buffer, 4, 2);
    expect(binding.run(spec({ op: ARG_MAX }), all, indices)).toBe(Status.OVERLAP);
  });

  test('memory that is gone, or grows, or is shared', () => {
    const want = new Float32Array(6);
    binding.run(spec(), x, want);
    const gone = Float32Array.from(x);
    detach(gone);
    expect(binding.run(spec(), gone, y)).toBe(Status.BAD_INPUT);
    expect(binding.run(spec(), x, gone)).toBe(Status.BAD_OUTPUT);
    const numbers = spec();
    detach(numbers);
    expect(binding.run(numbers, x, y)).toBe(Status.BAD_SPEC);

    const buffer = resizable(24, 48);
    for (const view of [new Float32Array(buffer), new Float32Array(buffer, 0, 6)]) {
      buffer.resize(24);
      view.set(x);
      expect(binding.run(spec(), view, y)).toBe(Status.OK);
      expect(y).toEqual(want);
      buffer.resize(20);
      expect(binding.run(spec(), view, y)).toBe(Status.BAD_INPUT);
      expect(binding.run(spec(), x, view)).toBe(Status.BAD_OUTPUT);
      buffer.resize(0);
      expect(binding.run(spec(), view, y)).toBe(Status.BAD_INPUT);
    }
    for (const memory of [new SharedArrayBuffer(24), growable(24, 48), wasmMemory(true).buffer]) {
      const view = new Float32Array(memory, 0, 6);
      view.set(x);
      expect(binding.run(spec(), view, view)).toBe(Status.OK);
      expect(view).toEqual(want);
    }
    const shared = new Float64Array(new SharedArrayBuffer(8 * SPEC_LENGTH));
    shared.set(spec());
    expect(binding.run(shared, x, y)).toBe(Status.OK);
  });

  test('fields at random: never a write outside what a good call may write', () => {
    let seed = 1;
    const random = (n: number) => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return Math.floor((seed / 2 ** 32) * n);
    };
    const odd = [-1, 0, 1, 2, 3, 7, 16, 0.5, NaN, Infinity, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 62];
    const watched = new Float32Array(64);
    let ran = 0;
    for (let i = 0; i < 20_000; i++) {
      const numbers = spec({ rows: random(5), cols: random(9), threads: random(4) });
      numbers[Spec.xStride] = numbers[Spec.cols] + random(3);
      numbers[Spec.yStride] = numbers[Spec.cols] + random(3);
      if (random(2) === 0) numbers[random(10)] = odd[random(odd.length)];
      const [rows, cols] = [numbers[Spec.rows], numbers[Spec.cols]];
      const stride = numbers[Spec.yStride];
      const from = random(16);
      const length = random(48);
      watched.fill(42);
      const out = new (numbers[Spec.op] === ARG_MAX ? Int32Array : Float32Array)(
        watched.buffer,
        4 * from,
        length,
      );
      const status = binding.run(numbers, new Float32Array(random(64)), out);
      if (status === Status.OK) ran++;
      const perRow = numbers[Spec.op] >= LOG_SUM_EXP;
      for (let at = 0; at < watched.length; at++) {
        if (watched[at] === 42) continue;
        const place = at - from;
        const allowed = perRow ? place < rows : place % stride < cols && place / stride < rows;
        if (status === Status.OK && allowed && place >= 0 && place < length) continue;
        throw new Error(`status ${status}, element ${place} written by ${numbers.join()}`);
      }
    }
    expect(ran).toBeGreaterThan(1000);
  });
});

describe('settings', () => {
  test('isa', () => {
    expect(usable[usable.length - 1]).toBe(1);
    expect(binding.getIsa()).toBe(best);
    usable.forEach((flag, index) => {
      expect(binding.setIsa(index)).toBe(flag ? Status.OK : Status.UNSUPPORTED_ISA);
      if (flag) expect(binding.getIsa()).toBe(index);
    });
    const before = binding.getIsa();
    for (const index of [-1, 0.5, NaN, 99]) expect(binding.setIsa(index)).toBe(Status.BAD_SPEC);
    expect(binding.getIsa()).toBe(before);
  });

  test('threads', () => {
    const usual = binding.getThreads();
    expect(usual).toBeGreaterThanOrEqual(1);
    for (const count of [1, 7, 1024]) {
      expect(binding.setThreads(count)).toBe(Status.OK);
      expect(binding.getThreads()).toBe(count);
    }
    for (const count of [-1, 1.5, NaN, 1025]) expect(binding.setThreads(count)).not.toBe(Status.OK);
    expect(binding.getThreads()).toBe(1024);
    binding.setThreads(0);
    expect(binding.getThreads()).toBe(usual);
  });
});
