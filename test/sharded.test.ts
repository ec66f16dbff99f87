/** The cross-entropy of a row in shards. */
import { describe, expect, jest, test } from '@jest/globals';
import { CrossEntropyState, crossEntropy, crossEntropyState } from '../lib/index';
import { ulpDistance } from '../lib/ulp';
import { expectError } from './helpers/errors';
import { Random } from './support/kernels/random';

const I = Infinity;

function near(got: number, want: number): void {
  const off = ulpDistance(Math.fround(got), want, 'subnormal');
  expect({ got, want, near: off <= 4 }).toEqual({ got, want, near: true });
}

/** The loss of a row that is cut at these places. */
function sharded(x: Float32Array, target: number, cuts: number[], options: object): number {
  const places = [0, ...cuts, x.length];
  const states = places.slice(1).map((end, i) => {
    const begin = places[i];
    const here = target >= begin && target < end;
    const state = crossEntropyState(options);
    return state.push(x.subarray(begin, end), here ? target - begin : undefined);
  });
  return states.reduce((all, state) => all.merge(state)).finish();
}

describe.each([{}, { labelSmoothing: 0.1 }, { labelSmoothing: 1 }, { temperature: 0.25 }])(
  '%o',
  (options) => {
    test('however the row is cut, wherever the target is', () => {
      const random = new Random(9);
      for (const n of [1, 2, 17, 4096, 4097, 20_000]) {
        for (const size of [1, 30]) {
          const x = Float32Array.from({ length: n }, () => size * random.bell());
          for (const target of [0, n >> 1, n - 1]) {
            const inputs = { targets: target };
            const truth = crossEntropy.operator.oracle(
              x,
              options as Record<string, number>,
              inputs,
            ) as number;
            for (const cuts of [[], [random.below(n + 1)], [4096, 8192].filter((at) => at < n)]) {
              near(sharded(x, target, cuts, options), truth);
            }
          }
        }
      }
    });
  },
);

test.each([16, 40, 80])('does not collapse to 0, %d above the others', (gap) => {
  const x = Float32Array.of(0, gap, 0);
  near(sharded(x, 1, [1, 2], {}), Math.log1p(2 * Math.exp(-gap)));
});

test('special values are those of crossEntropy', () => {
  for (const labelSmoothing of [0, 0.1, 1]) {
    for (const x of [
      [1, -I, 2],
      [-I, -I, 1],
      [1, NaN, 2],
      [1, I, 2],
      [-I, -I, -I],
      [1, 2, -I],
    ]) {
      for (const target of [0, 1, 2]) {
        const row = Float32Array.from(x);
        const want = crossEntropy(row, { targets: Int32Array.of(target), labelSmoothing })[0];
        const got = sharded(row, target, [1], { labelSmoothing });
        if (Number.isFinite(want)) near(got, want);
        else expect({ x, target, got }).toEqual({ x, target, got: want });
      }
    }
  }
});

test('goes through JSON, bit for bit', () => {
  const options = { labelSmoothing: 0.2, temperature: 2 };
  const left = crossEntropyState(options).push(Float32Array.of(1, 2, -I));
  const right = crossEntropyState(options).push(Float32Array.of(3, 4), 1);
  const sent = [left, right].map((state) =>
    CrossEntropyState.from(JSON.parse(JSON.stringify(state)) as never),
  );
  expect(sent[0].hasTarget).toBe(false);
  expect(sent[0].merge(sent[1]).finish()).toBe(left.merge(right).finish());
  const json = left.toJSON();
  expect(() => CrossEntropyState.from({ ...json, numbers: 'AAAA' })).toThrow(/intact state/);
  expect(() => CrossEntropyState.from({ ...json, type: 'no' } as never)).toThrow(/type/);
});

test('errors', () => {
  const state = crossEntropyState().push(Float32Array.of(1, 2));
  expect(() => state.finish()).toThrow(/^crossEntropyState: expected one of the pushes/);
  expect(() => state.push(Float32Array.of(1), 1)).toThrow(/index of x, from 0 to 0/);
  state.push(Float32Array.of(1), 0);
  expect(() => state.push(Float32Array.of(1), 0)).toThrow(/one target/);
  expect(() => state.merge(crossEntropyState().push(Float32Array.of(1), 0))).toThrow(/one target/);
  expect(() => state.merge(crossEntropyState({ temperature: 2 }))).toThrow(/temperature 1 and/);
  expect(() => crossEntropyState({ temperature: 0 })).toThrow(/^crossEntropyState: .*temperature/);
  expect(() => crossEntropyState({ smoothing: 1 } as never)).toThrow(/only temperature/);
  const gone = new Float32Array(3);
  structuredClone(gone.buffer, { transfer: [gone.buffer] });
  Object.defineProperty(gone, 'length', { value: 3 });
  expect(() => crossEntropyState().push(gone, 1)).toThrow(/its memory/);
});

test('a state of another copy of softlane goes through JSON', () => {
  let copy = CrossEntropyState;
  jest.isolateModules(() => {
    ({ CrossEntropyState: copy } = require('../lib') as typeof import('../lib'));
  });
  expect(copy).not.toBe(CrossEntropyState);
  const x = Float32Array.of(1, 2);
  const right = crossEntropyState().push(x);
  const foreign = copy.from(right.toJSON()) as unknown as CrossEntropyState;
  const left = crossEntropyState().push(x, 0);
  const words = 'of this copy of softlane (CrossEntropyState.from reads the toJSON() of another)';
  expect(() => left.merge(foreign)).toThrow(words);
  const want = crossEntropyState().push(x, 0).merge(right).finish();
  expect(left.merge(CrossEntropyState.from(foreign.toJSON())).finish()).toBe(want);
});

test('data says its own temperature', () => {
  const from = CrossEntropyState.from as (...all: unknown[]) => unknown;
  const json = crossEntropyState().toJSON();
  for (const option of ['temperature', 'labelSmoothing']) {
    const code = 'ERR_SOFTLANE_UNKNOWN_OPTION';
    const words = `only dtype, isa, received "${option}"`;
    expectError(() => from(json, { [option]: 1 }), TypeError, code, /^crossEntropyState/, words);
  }
});

test('bits that nothing is said of are refused with the option that says it', () => {
  const bits = Uint16Array.of(1) as unknown as Float32Array;
  expect(() => crossEntropyState().push(bits)).toThrow(/beside options\.dtype "f16" or "bf16"/);
});

test('arrays of a class whose methods and fields are others', () => {
  class Strange extends Float32Array {
    override slice(): never {
      throw new Error('of the class');
    }
    override subarray(): never {
      throw new Error('of the class');
    }
    override get length(): number {
      return 2;
    }
  }
  const x = new Strange([1, 2, 3]);
  const options = { labelSmoothing: 0.5 };
  const want = crossEntropyState(options)
    .push(Float32Array.of(1, 2, 3), 2)
    .finish();
  expect(crossEntropyState(options).push(x, 2).finish()).toBe(want);
});
