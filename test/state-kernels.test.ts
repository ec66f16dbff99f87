/**
 * The state behind logSumExpState against logSumExp and its oracle, over rows of all kinds. What the class does with its
 * arguments is tested in state.test.ts.
 */
import { describe, expect, test } from '@jest/globals';
import { LogSumExpState, logSumExp, logSumExpState } from '../lib/index';
import { boundDistance } from '../lib/ulp';
import { findOperator, isas } from './support/kernels/operators';
import { Random } from './support/kernels/random';
import { families } from './support/kernels/rows';

type State = LogSumExpState;

const line = findOperator('logSumExp');
const MAX_ULP = line.bound.maxUlp;
const BLOCK = logSumExpState().blockLength;

/** What a state comes to, all of it. */
function parts(state: State): number[] {
  return [state.finish(), state.mantissa, state.exponent, state.offset];
}

interface Options {
  temperature?: number;
  isa?: string;
}

function stateOf(x: Float32Array, options: Options = {}): State {
  return logSumExpState(options).push(x);
}

/** The row in pieces that end at the given places. */
function pieces(x: Float32Array, ends: readonly number[]): Float32Array[] {
  const sorted = [...ends].sort((a, b) => a - b);
  return [0, ...sorted].map((begin, i) => x.subarray(begin, sorted[i] ?? x.length));
}

function blocksOf(x: Float32Array): number {
  return Math.ceil(x.length / BLOCK);
}

/** Each range split at the largest power of two of blocks below its length, down to single blocks. */
function balanced(x: Float32Array, options: Options): State {
  const blocks = blocksOf(x);
  if (blocks <= 1) return stateOf(x, options);
  const left = 2 ** (Math.ceil(Math.log2(blocks)) - 1) * BLOCK;
  return balanced(x.subarray(0, left), options).merge(balanced(x.subarray(left), options));
}

/** Ranges of `blocks` blocks each, as for the threads of a long row, merged in order. */
function ranges(x: Float32Array, blocks: number, options: Options): State {
  const whole = logSumExpState(options);
  for (let begin = 0; begin < x.length; begin += blocks * BLOCK) {
    whole.merge(stateOf(x.subarray(begin, begin + blocks * BLOCK), options));
  }
  return whole;
}

const LENGTHS = [1, 100, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 5 * BLOCK + 77, 8 * BLOCK];
const TEMPERATURES = [1, 0.7, 10, 1e-6, 1e20];

/** Where a result cancels, logSumExp looks at the row a second time, which a state cannot. */
function cancels(value: number): boolean {
  return Math.abs(value) < 0.5;
}

describe.each(families.map((family) => [family.name, family] as const))('%s', (_, family) => {
  test.each(TEMPERATURES)('whole blocks in order give the bits of the row, temperature %d', (t) => {
    const options = { temperature: t };
    LENGTHS.forEach((n, i) => {
      const random = new Random(100 * i + 7);
      const x = family.row(random, n).map((value) => value * (t < 1 ? t : 1));
      const whole = parts(stateOf(x, options));
      const [row] = logSumExp(x, { ...options, algorithm: 'online' });
      if (!cancels(row)) expect(Math.fround(whole[0])).toBe(row);
      for (const isa of isas) {
        expect(parts(stateOf(x, { ...options, isa }))).toEqual(whole);
        const ends = Array.from({ length: blocksOf(x) }, (_b, b) => b * BLOCK);
        const some = ends.filter(() => random.chance(0.6));
        for (const cut of [ends, some]) {
          const state = logSumExpState({ ...options, isa });
          for (const piece of pieces(x, cut)) state.push(piece);
          expect(parts(state)).toEqual(whole);
        }
      }
    });
  });

  test('merged ranges of powers of two of blocks give the bits of the row', () => {
    for (const [i, blocks] of [1, 2, 3, 5, 8, 13, 21].entries()) {
      const random = new Random(1000 + i);
      const x = family.row(random, blocks * BLOCK - (i % 2) * 33);
      const whole = parts(stateOf(x));
      const isa = random.pick(isas);
      expect(parts(balanced(x, { isa }))).toEqual(whole);
      for (const size of [1, 2, 4, 8, 16]) expect(parts(ranges(x, size, { isa }))).toEqual(whole);
      // A shard may have been summed by another instruction set.
      const half = 2 ** Math.floor(Math.log2(Math.max(1, blocks - 1))) * BLOCK;
      const left = stateOf(x.subarray(0, half), { isa: isas[0] });
      const right = stateOf(x.subarray(half), { isa: isas[isas.length - 1] });
      expect(parts(left.merge(right))).toEqual(whole);
    }
  });

  test('any other grouping agrees within the bound', () => {
    for (let repeat = 0; repeat < 12; repeat++) {
      const random = new Random(5000 + repeat);
      const n = 1 + random.below(repeat % 3 === 0 ? 5 * BLOCK : 300);
      const x = family.row(random, n);
      const truth = line.oracle(x, { temperature: 1 }) as number;
      const ends = Array.from({ length: random.below(9) }, () => random.below(n + 1));
      const pushed = logSumExpState();
      for (const piece of pieces(x, ends)) pushed.push(piece);
      // Merged in any order, as shards may come in.
      const shards = pieces(x, ends).map((piece) => stateOf(piece));
      while (shards.length > 1) {
        const [other] = shards.splice(random.below(shards.length), 1);
        shards[random.below(shards.length)].merge(other);
      }
      for (const value of [pushed.finish(), shards[0].finish()]) {
        if (cancels(truth)) expect(Math.abs(value - truth)).toBeLessThan(2 ** -22);
        else
          expect(boundDistance(Math.fround(value), truth, line.bound)).toBeLessThanOrEqual(MAX_ULP);
      }
    }
  });

  test('sent away and read back between the pieces, it has the same bits', () => {
    const x = family.row(new Random(77), 6 * BLOCK + 50);
    const whole = parts(stateOf(x));
    let state = logSumExpState();
    for (const piece of pieces(x, [BLOCK, 3 * BLOCK, 4 * BLOCK])) {
      state = LogSumExpState.from(JSON.parse(JSON.stringify(state.push(piece))));
    }
    expect(parts(state)).toEqual(whole);
  });
});

describe('special values', () => {
  const I = Infinity;
  const table: [name: string, pieces: number[][], result: number][] = [
    ['nothing', [], -I],
    ['an empty piece', [[]], -I],
    ['a mask', [[-I], [-I, -I]], -I],
    ['a mask and a number', [[-I], [2], [-I]], 2],
    ['+Infinity', [[1], [I], [2]], I],
    ['+Infinity twice', [[I], [I]], I],
    ['+Infinity and a mask', [[-I], [I]], I],
    ['NaN', [[1], [NaN]], NaN],
    ['NaN, then +Infinity', [[NaN], [I]], NaN],
    ['+Infinity, then NaN', [[I], [NaN]], NaN],
    ['NaN and a mask', [[-I], [NaN]], NaN],
    [
      'the largest float',
      [[3.4028234663852886e38], [-3.4028234663852886e38]],
      3.4028234663852886e38,
    ],
    ['far apart', [[1e6], [-1e6], [1e6]], 1e6 + Math.LN2],
    ['both far below zero', [[-1e30], [-2e30]], Math.fround(-1e30)],
    ['zeros', [[-0], [0]], Math.LN2],
  ];

  test.each(table)('%s', (_, list, result) => {
    for (const isa of isas) {
      const pushed = logSumExpState({ isa });
      const merged = logSumExpState({ isa });
      const backwards = logSumExpState({ isa });
      for (const piece of list) {
        pushed.push(Float32Array.from(piece));
        merged.merge(stateOf(Float32Array.from(piece), { isa }));
      }
      for (const piece of [...list].reverse()) backwards.push(Float32Array.from(piece));
      for (const state of [pushed, merged, backwards]) {
        const value = state.finish();
        if (Number.isFinite(result)) {
          expect(Math.abs(value - result)).toBeLessThanOrEqual(2 ** -22 * Math.abs(result));
        } else expect(value).toBe(result);
      }
    }
  });

  test('an empty state changes nothing it is merged into, and takes over what it is given', () => {
    for (const family of families) {
      const x = family.row(new Random(3), 2 * BLOCK + 9);
      const whole = parts(stateOf(x));
      expect(parts(stateOf(x).merge(logSumExpState()))).toEqual(whole);
      expect(parts(logSumExpState().merge(stateOf(x)))).toEqual(whole);
    }
  });
});

describe('the parts', () => {
  test.each(families.map((family) => [family.name, family] as const))(
    'mantissa 2^exponent e^(offset / T) is the sum, %s',
    (_, family) => {
      for (const temperature of [1, 0.7, 10]) {
        const x = family.row(new Random(11), 1000);
        const state = stateOf(x, { temperature });
        const sum = state.finish();
        if (!Number.isFinite(sum)) continue;
        const { mantissa, exponent, offset } = state;
        expect(mantissa).toBeGreaterThanOrEqual(1);
        expect(mantissa).toBeLessThan(2);
        expect(Number.isInteger(exponent)).toBe(true);
        const log = Math.log(mantissa) + exponent * Math.LN2 + offset / temperature;
        expect(Math.abs(log - sum)).toBeLessThanOrEqual(1e-14 * Math.max(1, Math.abs(sum)));
      }
    },
  );
});

test('sums of 2^30 times a row: the exponent grows, nothing is lost', () => {
  const x = families[1].row(new Random(8), BLOCK);
  const once = stateOf(x).finish();
  const state = stateOf(x);
  for (let doubled = 1; doubled <= 30; doubled++) {
    state.merge(state);
    expect(state.finish()).toBeCloseTo(once + doubled * Math.LN2, 12);
  }
});
