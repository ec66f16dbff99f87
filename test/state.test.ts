import { afterEach, describe, expect, jest, test } from '@jest/globals';
import * as api from '../lib';
import { native } from '../lib/configure';
import { logSumExp as oracle } from '../lib/oracle/softmax';
import { expectError } from './helpers/errors';

const { LogSumExpState, logSumExp, logSumExpState } = api;
const BLOCK = native().blockLength;
const isas = api.capabilities().isas.flatMap(({ name, supported }) => (supported ? name : []));

afterEach(() => api.configure({ isa: 'auto' }));

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function row(length: number, seed = 1, scale = 20): Float32Array {
  const next = random(seed);
  return Float32Array.from({ length }, () => (next() - 0.5) * scale);
}

function pushed(x: Float32Array, cuts: number[], options?: api.LogSumExpStateOptions) {
  const state = logSumExpState(options);
  [0, ...cuts].forEach((from, i) => state.push(x.subarray(from, cuts[i] ?? x.length)));
  return state;
}

const parts = (state: api.LogSumExpState) => [
  state.finish(),
  state.mantissa,
  state.exponent,
  state.offset,
];

describe('pieces of whole blocks, in order, give the bits of the whole row', () => {
  const x = row(11 * BLOCK + 123);
  const whole = parts(pushed(x, []));

  test.each([
    [[BLOCK]],
    [[3 * BLOCK]],
    [[BLOCK, 2 * BLOCK, 5 * BLOCK, 10 * BLOCK, 11 * BLOCK]],
    [Array.from({ length: 11 }, (_, i) => (i + 1) * BLOCK)],
  ])('cut at %p', (cuts) => {
    expect(parts(pushed(x, cuts))).toEqual(whole);
  });

  test('they are the bits of logSumExp, on every ISA', () => {
    for (const isa of isas) {
      expect(parts(pushed(x, [4 * BLOCK], { isa }))).toEqual(whole);
      expect(logSumExp(x, { isa })[0]).toBe(Math.fround(whole[0]));
    }
  });

  test('at every number of blocks up to 40', () => {
    const long = row(40 * BLOCK, 7);
    const growing = logSumExpState();
    for (let n = 1; n <= 40; n++) {
      growing.push(long.subarray((n - 1) * BLOCK, n * BLOCK));
      const upTo = long.subarray(0, n * BLOCK);
      expect(growing.finish()).toBe(logSumExpState().push(upTo).finish());
      expect(logSumExp(upTo)[0]).toBe(Math.fround(growing.finish()));
    }
  });

  test('an empty piece adds nothing', () => {
    const state = pushed(x, [2 * BLOCK]).push(new Float32Array(0));
    expect(parts(state)).toEqual(whole);
  });
});

describe('merged ranges', () => {
  const x = row(13 * BLOCK + 77, 3);
  const whole = parts(pushed(x, []));
  const range = (from: number, to: number) =>
    logSumExpState().push(x.subarray(from * BLOCK, to * BLOCK));

  test.each([
    [[8]],
    [[4, 8]],
    [[4, 8, 12]],
    [[2, 4, 6, 8, 10, 12]],
    [[8, 12]],
    [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]],
  ])('split at multiples of a power of two of blocks (%p) have the same bits', (cuts) => {
    const states = [0, ...cuts].map((from, i) => range(from, cuts[i] ?? 14));
    const merged = states.reduce((a, b) => a.merge(b));
    expect(parts(merged)).toEqual(whole);
    const fromEmpty = states
      .slice(1)
      .reduce((a, b) => a.merge(b), logSumExpState().merge(range(0, cuts[0])));
    expect(parts(fromEmpty)).toEqual(whole);
  });

  test('any other grouping or order agrees within the bound', () => {
    const truth = oracle(x);
    const ulp = 2 ** (Math.floor(Math.log2(truth)) - 23);
    const near = (state: api.LogSumExpState) =>
      expect(Math.abs(state.finish() - truth) / ulp).toBeLessThan(4);
    near(pushed(x, [1, 17, 1000, BLOCK + 3, 9 * BLOCK - 1]));
    near(range(5, 14).merge(range(0, 5)));
    near(range(3, 14).merge(range(1, 3)).merge(range(0, 1)));
    const single = logSumExpState();
    for (let i = 0; i < x.length; i += 97) single.push(x.subarray(i, i + 97));
    near(single);
  });

  test('a normalised row, at which logSumExp looks twice, agrees within 2^-22', () => {
    const normalised = api.logSoftmax(x);
    const [want] = api.logSumExp(normalised);
    expect(Math.abs(want)).toBeLessThan(1e-6);
    for (const cuts of [[], [BLOCK], [1, 17, 1000]]) {
      const got = pushed(normalised, cuts).finish();
      expect(Math.abs(got - want)).toBeLessThan(2 ** -22);
      expect(Math.fround(got)).not.toBe(want);
    }
  });

  test('a state merged with itself is counted twice', () => {
    const state = range(0, 3);
    const once = state.finish();
    expect(state.merge(state).finish()).toBeCloseTo(once + Math.LN2, 6);
  });

  test('the other state stays as it is', () => {
    const [a, b] = [range(0, 3), range(3, 5)];
    const before = parts(b);
    a.merge(b);
    expect(parts(b)).toEqual(before);
  });
});

describe('special values', () => {
  const I = Infinity;
  const finish = (...pieces: number[][]) =>
    pieces
      .reduce((state, piece) => state.push(Float32Array.from(piece)), logSumExpState())
      .finish();

  test('as the whole row has them', () => {
    expect(finish()).toBe(-I);
    expect(finish([])).toBe(-I);
    expect(finish([-I, -I], [-I])).toBe(-I);
    expect(finish([-I], [3], [-I])).toBeCloseTo(3, 6);
    expect(finish([1], [I], [2])).toBe(I);
    expect(finish([I], [-I])).toBe(I);
    expect(finish([1], [NaN], [2])).toBeNaN();
    expect(finish([I], [NaN])).toBeNaN();
    expect(finish([NaN], [I])).toBeNaN();
    expect(finish([3.4028234663852886e38], [-3.4028234663852886e38])).toBe(3.4028234663852886e38);
    expect(finish([-3.4028234663852886e38], [-3.4028234663852886e38])).toBe(-3.4028234663852886e38);
  });

  test('in merged states too', () => {
    const of = (...x: number[]) => logSumExpState().push(Float32Array.from(x));
    expect(logSumExpState().merge(logSumExpState()).finish()).toBe(-I);
    expect(of(1).merge(of(I)).finish()).toBe(I);
    expect(of(NaN).merge(of(I)).finish()).toBeNaN();
    expect(of(-I).merge(of(5)).finish()).toBeCloseTo(5, 6);
    expect(of(1e38).merge(of(-1e38)).finish()).toBe(Math.fround(1e38));
    expect(of(1e8).merge(of(1e8)).finish()).toBeCloseTo(1e8 + Math.LN2, 6);
  });
});

test('mantissa, exponent and offset are the sum', () => {
  for (const temperature of [1, 0.5, 30]) {
    const state = logSumExpState({ temperature }).push(row(1000, 5));
    const { mantissa, exponent, offset } = state;
    expect(mantissa).toBeGreaterThanOrEqual(1);
    expect(mantissa).toBeLessThan(2);
    expect(Number.isInteger(exponent)).toBe(true);
    const log = Math.log(mantissa) + exponent * Math.LN2 + offset / temperature;
    expect(log).toBeCloseTo(state.finish(), 10);
    expect(state.temperature).toBe(temperature);
    expect(state.blockLength).toBe(BLOCK);
  }
  const large = logSumExpState().push(Float32Array.of(1e30, 1e30));
  expect(large.offset).toBe(Math.fround(1e30));
});

test.each([0.1, 1, 3.7, 1e10])('temperature %p', (temperature) => {
  const x = row(3 * BLOCK + 5, 11);
  const state = pushed(x, [BLOCK], { temperature });
  expect(Math.fround(state.finish())).toBe(logSumExp(x, { temperature })[0]);
  expect(Math.abs(state.finish() / oracle(x, { temperature }) - 1)).toBeLessThan(2 ** -21);
});

describe('as data', () => {
  test('through JSON and back it is the same state', () => {
    const x = row(5 * BLOCK + 9, 13);
    for (const special of [0, -Infinity, Infinity, NaN, 3e38]) {
      x[7] = special;
      const [a, b] = [x.subarray(0, 4 * BLOCK), x.subarray(4 * BLOCK)];
      const sent = JSON.stringify(logSumExpState({ temperature: 0.7 }).push(a));
      const back = LogSumExpState.from(JSON.parse(sent) as api.LogSumExpStateJson);
      expect(JSON.stringify(back)).toBe(sent);
      const whole = logSumExpState({ temperature: 0.7 }).push(x);
      expect(parts(back.push(b))).toEqual(parts(whole));
    }
  });

  test('an empty state', () => {
    const back = LogSumExpState.from(logSumExpState().toJSON(), { isa: 'scalar' });
    expect(back.finish()).toBe(-Infinity);
    expect(back.push(Float32Array.of(2)).finish()).toBeCloseTo(2, 6);
  });

  const json = (): Record<string, unknown> => ({ ...logSumExpState().push(row(100)).toJSON() });
  const from = (value: unknown) => () => LogSumExpState.from(value as api.LogSumExpStateJson);

  test('of another form is refused', () => {
    const code = 'ERR_SOFTLANE_TYPE';
    for (const value of [null, undefined, 1, 'x', [], {}, { ...json(), type: 'other' }]) {
      expectError(from(value), TypeError, code, 'json to be an object of type');
    }
    expectError(from({ ...json(), numbers: [1] }), TypeError, code, 'json.numbers');
    expectError(from({ ...json(), temperature: '1' }), TypeError, code, 'temperature');
    expectError(from({ ...json(), temperature: 0 }), RangeError, 'ERR_SOFTLANE_VALUE');
  });

  test('that is damaged is refused', () => {
    const code = 'ERR_SOFTLANE_STATE';
    const { numbers } = json() as { numbers: string };
    for (const damaged of ['', 'AAAA', numbers.slice(0, -8), `${numbers}AAAA`]) {
      expectError(from({ ...json(), numbers: damaged }), Error, code);
    }
    expectError(from({ ...json(), temperature: 2 }), Error, code);
    const bytes = Buffer.from(numbers, 'base64');
    for (const value of [NaN, -1, 0.5, 2 ** 50, Infinity]) {
      // The number of blocks.
      bytes.writeDoubleLE(value, 8);
      expectError(from({ ...json(), numbers: bytes.toString('base64') }), Error, code);
    }
  });
});

describe('refuses', () => {
  const type = 'ERR_SOFTLANE_TYPE';
  test('options', () => {
    const make = logSumExpState as (options?: unknown) => unknown;
    for (const value of [null, 2, 'x', []])
      expectError(() => make(value), TypeError, type, 'options');
    expectError(() => make({ cols: 3 }), TypeError, 'ERR_SOFTLANE_UNKNOWN_OPTION', '"cols"');
    expectError(() => make({ temperature: '1' }), TypeError, type, 'options.temperature');
    for (const temperature of [0, -1, NaN, Infinity]) {
      expectError(() => make({ temperature }), RangeError, 'ERR_SOFTLANE_VALUE');
    }
    expectError(() => make({ isa: 'sse' }), RangeError, 'ERR_SOFTLANE_ISA', '"scalar"');
    expect(() => make({ temperature: undefined, isa: undefined })).not.toThrow();
  });

  test('pieces that are no Float32Array, and changes nothing', () => {
    const state = logSumExpState().push(Float32Array.of(1));
    for (const value of [undefined, null, 1, [1], new Float64Array(1), { data: [1], dims: [1] }]) {
      expectError(
        () => state.push(value as never),
        TypeError,
        type,
        /expected x(\.data)? to be a Float32Array/,
      );
    }
    const gone = new Float32Array(3);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    expectError(() => state.push(gone), TypeError, 'ERR_SOFTLANE_DETACHED');
    expect(state.finish()).toBe(logSumExpState().push(Float32Array.of(1)).finish());
  });

  test('to merge what is no state, or one of another temperature', () => {
    const state = logSumExpState();
    for (const value of [undefined, null, 1, {}, state.toJSON(), Object.create(state)]) {
      expectError(() => state.merge(value as never), TypeError, type, 'other');
    }
    const other = logSumExpState({ temperature: 2 });
    const words = ['temperature 1', 'received 2'];
    expectError(() => state.merge(other), Error, 'ERR_SOFTLANE_STATE', ...words);
  });

  test('a state of another copy of softlane where its temperature is another', () => {
    let copy = api;
    jest.isolateModules(() => (copy = require('../lib') as typeof api));
    expect(copy.LogSumExpState).not.toBe(LogSumExpState);
    const x = Float32Array.of(1, 2);
    const foreign = copy.logSumExpState({ temperature: 4 }).push(x);
    const state = logSumExpState().push(x);
    const words = ['temperature 1', 'received 4'];
    expectError(() => state.merge(foreign), Error, 'ERR_SOFTLANE_STATE', ...words);
    const own = logSumExpState({ temperature: 4 }).push(x);
    const want = logSumExpState({ temperature: 4 }).push(x).merge(own).finish();
    expect(own.merge(foreign).finish()).toBe(want);
    const pair = { mantissa: 1, exponent: 0, offset: 0, temperature: '1' };
    expectError(() => state.merge(pair as never), Error, 'ERR_SOFTLANE_STATE', '"1" (string)');
  });

  test('a temperature beside data that says its own', () => {
    const json = logSumExpState().push(Float32Array.of(1)).toJSON();
    const from = LogSumExpState.from as (...all: unknown[]) => unknown;
    const code = 'ERR_SOFTLANE_UNKNOWN_OPTION';
    for (const temperature of [5, 1]) {
      expectError(() => from(json, { temperature }), TypeError, code, 'only dtype, isa');
    }
    for (const value of [null, 2, 'x', []]) {
      expectError(() => from(json, value), TypeError, type, 'options to be a plain object');
    }
  });

  test('bits that nothing is said of, with the option that says it', () => {
    const bits = Uint16Array.of(1) as unknown as Float32Array;
    const words = /a Uint16Array beside options\.dtype "f16" or "bf16"/;
    expectError(() => logSumExpState().push(bits), TypeError, type, words);
    expect(logSumExpState({ dtype: 'bf16' }).push(bits).finish()).toBeCloseTo(0, 6);
  });

  test('pairs with numbers that none has', () => {
    const good = { mantissa: 1, exponent: 3, offset: 0 };
    const state = logSumExpState().merge(good);
    const want = state.finish();
    expect(want).toBeCloseTo(Math.log(8), 12);
    const range = 'ERR_SOFTLANE_VALUE';
    for (const [key, ...values] of [
      ['mantissa', -1, -Infinity],
      ['exponent', 0.5, NaN, Infinity, 2 ** 40, -(2 ** 40)],
      ['offset', NaN, Infinity],
    ] as const) {
      for (const value of values) {
        const bad = { ...good, [key]: value };
        expectError(() => state.merge(bad), RangeError, range, `other.${key}`);
      }
      expectError(() => state.merge({ ...good, [key]: '1' } as never), TypeError, type, 'other');
    }
    expect(state.finish()).toBe(want);
    expect(state.merge({ ...good, mantissa: NaN }).finish()).toBeNaN();
  });
});
