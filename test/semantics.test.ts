/**
 * Special values: masks, sentinels, infinities, NaN, zeros, subnormals, empty rows; in every lane, in the tail, at block
 * boundaries and among other rows. First what every operator of the catalogue must do (its oracle says it), then the
 * promised table in so many words, which trusts no oracle.
 */
import { describe, expect, test } from '@jest/globals';
import { slow } from './helpers/effort';
import { checkRow } from './support/kernels/check';
import { bitsOf, expectAccurate, expectSameBits } from './support/kernels/compare';
import {
  algorithmsOf,
  bestIsa,
  call,
  describeOptions,
  findOperator,
  isShare,
  isas,
  operators,
  outputCols,
  parameterSets,
  share,
  planRun,
  truthOf,
} from './support/kernels/operators';
import type { Operator } from './support/kernels/operators';
import { Random } from './support/kernels/random';
import { LARGEST, step } from './support/kernels/rows';

const BLOCK = 4096;

/** By their bits, because a NaN has many. */
const specials: readonly [name: string, bits: number][] = [
  ['-Infinity', 0xff800000],
  ['+Infinity', 0x7f800000],
  ['a NaN', 0x7fc00000],
  ['a negative NaN', 0xffc00000],
  ['a NaN with a payload', 0x7fc12345],
  ['a NaN of all ones', 0xffffffff],
  ['a signalling NaN', 0x7f800001],
  ['a negative signalling NaN', 0xff923456],
  ['-0', 0x80000000],
  ['the smallest subnormal', 0x00000001],
  ['the largest subnormal', 0x007fffff],
  ['the largest negative subnormal', 0x80000001],
  ['the smallest normal', 0x00800000],
  ['the largest float', 0x7f7fffff],
  ['the most negative float', 0xff7fffff],
  ['3.4e38', bitsOfFloat(3.4e38)],
  ['-3.4e38', bitsOfFloat(-3.4e38)],
  ['-1e30', bitsOfFloat(-1e30)],
  ['-1e9', bitsOfFloat(-1e9)],
  ['-65504', bitsOfFloat(-65504)],
  ['-1e4', bitsOfFloat(-1e4)],
];

function bitsOfFloat(x: number): number {
  return bitsOf(Float32Array.of(x))[0];
}

function logits(n: number, seed = n): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: n }, () => 3 * random.bell());
}

function put(row: Float32Array, places: Iterable<number>, bits: number): Float32Array {
  const words = bitsOf(row);
  for (const place of places) words[place] = bits;
  return row;
}

/**
 * Every place of short rows; lanes and tails around the boundary of a block in a long one. At every `npm test` long rows
 * get every seventh of these: the slow job gives all to all.
 */
function somePlaces(n: number, first: boolean): number[] {
  if (slow) return places(n);
  const every = first && n < 100 ? 1 : 7;
  return places(n).filter((_, i) => i % every === (n % every) % places(n).length);
}

function places(n: number): number[] {
  const all = Array.from({ length: n }, (_, i) => i);
  return n < 100
    ? all
    : all.filter((i) => i < 2 || (i >= BLOCK - 17 && i < BLOCK + 2) || i > n - 7);
}

const LENGTHS = [1, 2, 16, 37, BLOCK + 21];

function everyChoice(line: Operator): ReturnType<typeof parameterSets> {
  return parameterSets(line, { choices: 'all', numbers: [0.7, 10, 1e-3] });
}

describe.each(operators)('%s', (_name, line) => {
  describe.each(share(line, specials))('%s', (special, bits) => {
    test('at every place', () => {
      for (const [set, parameters] of everyChoice(line).entries()) {
        for (const n of LENGTHS) {
          for (const i of somePlaces(n, set === 0)) {
            checkRow(line, put(logits(n), [i], bits), parameters, `${special} at ${i}`);
          }
        }
      }
    });

    test('in half of the row, in all but one place, in all of it', () => {
      const random = new Random(bits);
      for (const [set, parameters] of everyChoice(line).entries()) {
        for (const n of LENGTHS) {
          // What an option does at the boundary of a block is seen by other operators.
          if (n > BLOCK && set > 0 && !slow && !isShare(line, set)) continue;
          const all = Array.from({ length: n }, (_, i) => i);
          const sets: [string, number[]][] = [
            ['even places', all.filter((i) => i % 2 === 0)],
            ['the first half', all.filter((i) => i < n / 2)],
            ['the last half', all.filter((i) => i >= n / 2)],
            ['whole vectors', all.filter((i) => (i >> 4) % 2 === 0)],
            ['any half', all.filter(() => random.chance(0.5))],
            ['the first block', all.filter((i) => i < BLOCK)],
            ['every place', all],
          ];
          const rest = random.below(n);
          sets.push([`all but ${rest}`, all.filter((i) => i !== rest)]);
          for (const [where, set] of sets) {
            checkRow(line, put(logits(n), set, bits), parameters, `${special} in ${where}`);
          }
        }
      }
    });
  });

  const pairs = [
    ['NaN', '+Infinity', 0x7fc00000, 0x7f800000],
    ['NaN', '-Infinity', 0xffc00001, 0xff800000],
    ['+Infinity', '-Infinity', 0x7f800000, 0xff800000],
    ['the largest', 'the most negative float', 0x7f7fffff, 0xff7fffff],
    ['+Infinity', 'the largest float', 0x7f800000, 0x7f7fffff],
    ['-Infinity', 'the most negative float', 0xff800000, 0xff7fffff],
  ] as const;
  test.each(share(line, pairs))('%s and %s in any two places', (a, b, p, q) => {
    const place = pairs.findIndex(([one, other]) => one === a && other === b);
    const [parameters] = parameterSets(line);
    const check = (base: Float32Array, i: number, j: number): void => {
      const x = put(put(base, [i], p), [j], q);
      checkRow(line, x, parameters, `${a} at ${i}, ${b} at ${j}`);
    };
    const short = 35;
    for (let i = 0; i < short; i += slow ? 1 : 5) {
      for (let j = 0; j < short; j++) if (i !== j) check(logits(short), i, j);
    }
    // In different blocks, whose sums meet only at the end; among ordinary and among masked elements.
    if (!isShare(line, place)) return;
    const long = 3 * BLOCK + 21;
    const far = [0, BLOCK - 1, BLOCK, 2 * BLOCK + 100, long - 1];
    for (const [k, i] of far.entries()) {
      for (const [l, j] of far.entries()) {
        if (i === j || (!slow && (k + l) % 2 === 0)) continue;
        check(logits(long), i, j);
        check(new Float32Array(long).fill(-Infinity), i, j);
      }
    }
  });

  test.each(share(line, [37, BLOCK + 21]))(
    'a row with special values leaves the others alone, %d columns',
    (n) => {
      const random = new Random(5);
      const rows = specials.flatMap(([, bits], i) => [
        logits(n, i),
        put(logits(n, i), [random.below(n), random.below(n)], bits),
        put(new Float32Array(n), Array(n).keys(), bits),
      ]);
      const x = new Float32Array(n * rows.length);
      // Bits, not values: a copy of a signalling NaN as a number may be another NaN.
      rows.forEach((row, r) => bitsOf(x).set(bitsOf(row), r * n));
      const width = outputCols(line, n);
      for (const algorithm of algorithmsOf(line)) {
        const alone = rows.map((row) => call(line, row, { ...algorithm, isa: bestIsa }));
        for (const isa of isas) {
          for (const threads of [1, 4]) {
            const y = call(line, x, { ...algorithm, isa, threads, cols: n });
            alone.forEach((row, r) => {
              const got = y.subarray(r * width, (r + 1) * width);
              expectSameBits(got, row, `${describeOptions(algorithm)}, ${isa}, row ${r}`);
            });
          }
        }
      }
    },
  );

  test('empty rows and no rows', () => {
    const none = new Float32Array(0);
    for (const isa of isas) {
      for (const algorithm of algorithmsOf(line)) {
        const options = { ...algorithm, isa };
        const [parameters] = parameterSets(line);
        const truth = truthOf(line, none, parameters);
        const width = outputCols(line, 0);
        expect(Array.from(call(line, none, options))).toEqual(Array.from(truth));
        expect(call(line, none, { ...options, cols: 5 })).toHaveLength(0);
        expect(call(line, none, { ...options, cols: 0 })).toHaveLength(0);
        const three = planRun(line, none, { ...options, rows: 3, cols: 0 });
        expect(three).toHaveLength(3 * width);
        for (const value of three) expect(value).toBe(truth[0]);
        expect(planRun(line, none, { ...options, rows: 0, cols: 5 })).toHaveLength(0);
      }
    }
  });
});

/** The promised table. A masked element in front or behind changes nothing, wherever it moves the others to. */
describe('in so many words', () => {
  const I = Infinity;
  const L = Math.LN2;
  const big = Math.fround(3.4e38);
  type Row = [
    name: string,
    x: number[],
    softmax: number[],
    logSoftmax: number[],
    logSumExp: number,
    argMax: number,
  ];
  const table: Row[] = [
    ['a mask', [0, -I, 0], [0.5, 0, 0.5], [-L, -I, -L], L, 0],
    ['nothing but a mask', [-I, -I], [NaN, NaN], [NaN, NaN], -I, 0],
    ['+Infinity', [1, I, 2], [NaN, NaN, NaN], [NaN, NaN, NaN], I, 1],
    ['+Infinity twice', [I, 1, I], [NaN, NaN, NaN], [NaN, NaN, NaN], I, 0],
    ['+Infinity and a mask', [I, -I], [NaN, NaN], [NaN, NaN], I, 0],
    ['NaN', [1, NaN, 2], [NaN, NaN, NaN], [NaN, NaN, NaN], NaN, -1],
    ['NaN and +Infinity', [NaN, I], [NaN, NaN], [NaN, NaN], NaN, -1],
    ['+Infinity and NaN', [I, 0, NaN], [NaN, NaN, NaN], [NaN, NaN, NaN], NaN, -1],
    ['NaN and a mask', [-I, NaN], [NaN, NaN], [NaN, NaN], NaN, -1],
    ['one element', [-7], [1], [0], -7, 0],
    ['-0', [-0], [1], [0], 0, 0],
    ['-0 and 0', [-0, 0], [0.5, 0.5], [-L, -L], L, 0],
    ['subnormals', [1e-45, -1e-40], [0.5, 0.5], [-L, -L], L, 0],
    ['-1e4', [-1e4, 0], [0, 1], [-1e4, 0], 0, 1],
    ['-65504', [3, -65504, 3], [0.5, 0, 0.5], [-L, -65507 - L, -L], 3 + L, 0],
    ['-1e9', [-1e9, 0, -1e9], [0, 1, 0], [-1e9, 0, -1e9], 0, 1],
    ['-1e30', [0, -1e30], [1, 0], [0, -1e30], 0, 0],
    ['-1e30 alone', [-1e30, -1e30], [0.5, 0.5], [-L, -L], -1e30, 0],
    ['the most negative float', [-LARGEST, 0], [0, 1], [-LARGEST, 0], 0, 1],
    ['the most negative float alone', [-LARGEST], [1], [0], -LARGEST, 0],
    ['the largest float', [LARGEST, LARGEST], [0.5, 0.5], [-L, -L], LARGEST, 0],
    ['both ends', [big, -big, big], [0.5, 0, 0.5], [-L, -I, -L], big, 0],
    ['half of the range', [0, big, 0], [0, 1, 0], [-big, 0, -big], big, 1],
    ['far apart', [1e6, 1e6 - 16], [1 - 1.12535e-7, 1.1253516e-7], [-1.12535175e-7, -16], 1e6, 0],
    // The logarithm of a number just below 1 is a negative zero.
    ['out of reach', [0, -200], [1, 0], [-1e-80, -200], 0, 0],
  ];
  const expected = (row: Row): Record<string, number[]> => ({
    softmax: row[2],
    logSoftmax: row[3],
    logSumExp: [row[4]],
    argMax: [row[5]],
  });

  test.each(table)('%s', (...row) => {
    const [, x] = row;
    const masked = x.every((value) => value === -I);
    for (const [name, y] of Object.entries(expected(row))) {
      const line = findOperator(name)!;
      for (let before = 0; before < 34; before += 1) {
        const after = (7 * before) % 20;
        const padded = Float32Array.from([
          ...Array(before).fill(-I),
          ...x,
          ...Array(after).fill(-I),
        ]);
        const nothing = Number.isNaN(y[0]) ? NaN : name === 'softmax' ? 0 : -I;
        let want = y;
        if (line.output === 'rows') {
          want = [...Array(before).fill(nothing), ...y, ...Array(after).fill(nothing)];
        } else if (name === 'argMax' && !masked && y[0] >= 0) {
          want = [y[0] + before];
        }
        for (const algorithm of algorithmsOf(line)) {
          for (const isa of isas) {
            const got = call(line, padded, { ...algorithm, isa });
            const what = `${name}, ${describeOptions(algorithm)}, ${isa}, ${before} before`;
            expectAccurate(line, got, want, what, padded);
          }
        }
      }
    }
  });

  test.each(['two-pass', 'three-pass-recompute', 'three-pass-reload', 'online', 'auto'])(
    'a masked row by %s is NaN, or zeros on request; other rows without a distribution stay NaN',
    (algorithm) => {
      const line = findOperator('softmax')!;
      for (const n of [1, 2, 15, 16, 33, 4096, 4099, 70_001]) {
        const rows = new Float32Array(4 * n).fill(-I);
        rows.fill(1, n, 2 * n);
        rows[2 * n + (n >> 1)] = I;
        rows[3 * n + (n >> 1)] = NaN;
        for (const isa of isas) {
          for (const threads of [1, 3]) {
            const options = { algorithm, isa, threads, cols: n };
            const byDefault = call(line, rows, options);
            const nan = call(line, rows, { ...options, maskedRow: 'nan' });
            const zero = call(line, rows, { ...options, maskedRow: 'zero' });
            expectSameBits(nan, byDefault, 'default');
            const nans = new Float32Array(n).fill(NaN);
            expectSameBits(nan.subarray(0, n), nans, 'nan');
            expectSameBits(zero.subarray(0, n), new Float32Array(n), 'zero');
            expectSameBits(zero.subarray(n), nan.subarray(n), 'other rows');
            expectSameBits(nan.subarray(2 * n, 3 * n), nans, '+Infinity');
            expectSameBits(nan.subarray(3 * n), nans, 'NaN');
          }
        }
      }
    },
  );

  // 2^-126 is e^-87.336...; a sweep over all floats around it, beside sums that are not 1.
  test.each([2, 3, 16, 40, BLOCK + 1, 70_001])('results below 2^-126 are +0, %d elements', (n) => {
    const line = findOperator('softmax')!;
    const others = new Float32Array(n).fill(-Infinity);
    others[n - 1] = 0;
    if (n > 3) others[n >> 1] = -1;
    const sum = n > 3 ? 1 + Math.exp(-1) : 1;
    const threshold = Math.fround(-126 * L + Math.log(sum));
    const steps = n < 100 ? 300 : 20;
    for (const algorithm of algorithmsOf(line)) {
      let zeros = 0;
      for (let k = -steps; k <= steps; k++) {
        const x = others.slice();
        x[0] = step(threshold, k);
        const results = isas.map((isa) => call(line, x, { ...algorithm, isa }));
        const p = results[0][0];
        const what = `${describeOptions(algorithm)}, x ${x[0]}`;
        for (const y of results.slice(1)) expectSameBits(y, results[0], what);
        for (const isa of isas) {
          const place = x.slice();
          call(line, place, { ...algorithm, isa, out: place });
          expectSameBits(place, results[0], `${what}, in place`);
        }
        const truth = Math.exp(x[0]) / sum;
        if (p === 0) expect(truth).toBeLessThan(2 ** -126 * (1 + 4 * 2 ** -23));
        else expect(truth).toBeGreaterThan(2 ** -126 * (1 - 4 * 2 ** -23));
        if (p !== 0) expect(p).toBeGreaterThanOrEqual(2 ** -126);
        expect(Object.is(p, -0)).toBe(false);
        zeros += p === 0 ? 1 : 0;
      }
      expect(zeros).toBeGreaterThan(steps / 2);
      expect(zeros).toBeLessThan(1.5 * steps + 1);
    }
  });
});
