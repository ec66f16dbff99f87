/**
 * Every operator of the catalogue, on every instruction set of this machine, by every algorithm: all small lengths, block
 * boundaries, alignments, strides, and what lies around the arrays.
 */
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { native } from '../lib/configure';
import { slow } from './helpers/effort';
import { runNode } from './helpers/child';
import { expectAccurate, expectSameBits } from './support/kernels/compare';
import { Watched } from './support/kernels/memory';
import {
  algorithmsOf,
  bestIsa,
  call,
  describeOptions,
  functionOf,
  isShare,
  isas,
  operators,
  outputCols,
  parameterSets,
  share,
  truthOf,
} from './support/kernels/operators';
import type { Operator, Options, OutputArray } from './support/kernels/operators';
import { Random } from './support/kernels/random';

const SMALL = Array.from({ length: 34 }, (_, n) => n);
const EDGES = [
  47, 48, 49, 63, 64, 65, 111, 112, 113, 127, 128, 129, 130, 255, 256, 257, 1023, 1024, 1025, 4079,
  4080, 4081, 4095, 4096, 4097, 4098, 4112, 4113, 8191, 8192, 8193, 12289,
];
const OFFSETS = Array.from({ length: 16 }, (_, offset) => offset);

function logits(n: number, seed = n + 1): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: n }, () => 3 * random.bell());
}

/** Every algorithm on every instruction set. */
function ways(line: Operator): Options[] {
  return isas.flatMap((isa) => algorithmsOf(line).map((algorithm) => ({ ...algorithm, isa })));
}

/** A row by itself, on the best instruction set. */
function alone(line: Operator, row: Float32Array, options: Options): OutputArray {
  return call(line, row, { ...options, isa: bestIsa });
}

test('the addon, the catalogue and the API have the same operators', () => {
  const lines = new Set(operators.map(([, { line }]) => line.name));
  expect([...lines].sort()).toEqual([...native().operators].sort());
  for (const [, line] of operators) expect(functionOf(line)).toBeInstanceOf(Function);
});

test('this machine runs the scalar backend at least', () => {
  expect(isas).toContain('scalar');
});

const LONG = [20, 17, 16, 18].flatMap((log2) => [2 ** log2 - 1, 2 ** log2 + 4097]);

describe.each(operators)('%s', (name, line) => {
  const inPlace = line.output === 'rows';

  test.each(share(line, [...SMALL, ...EDGES]))('%d elements', (n) => {
    const x = logits(n);
    for (const parameters of parameterSets(line, { choices: 'all', numbers: [0.7] })) {
      const truth = truthOf(line, x, parameters);
      for (const algorithm of algorithmsOf(line)) {
        const options = { ...parameters, ...algorithm };
        const expected = alone(line, x, options);
        expectAccurate(line, expected, truth, `${describeOptions(options)}, n ${n}`, x);
        for (const isa of isas) {
          const y = call(line, x, { ...options, isa });
          expectSameBits(y, expected, `${describeOptions(options)}, ${isa}, n ${n}`);
        }
      }
    }
  });

  test.each(share(line, [...SMALL, ...EDGES]))(
    '%d elements at every alignment, nothing else written',
    (n) => {
      const row = logits(n);
      const cols = outputCols(line, n);
      for (const options of ways(line)) {
        const expected = alone(line, row, options);
        for (const offset of OFFSETS) {
          const what = `${describeOptions(options)}, n ${n}, offset ${offset}`;
          const x = Watched.of(row, offset);
          const out = new Watched<OutputArray>(line.element, cols, (5 * offset + 3) % 16);
          expect(call(line, x.array, { ...options, out: out.array })).toBe(out.array);
          expectSameBits(out.array, expected, what);
          out.expectUntouched(what);
          x.expectUntouched(what);
          expectSameBits(x.array, row, `${what}: x`);
          if (!inPlace) continue;
          call(line, x.array, { ...options, out: x.array });
          expectSameBits(x.array, expected, `${what}, in place`);
          x.expectUntouched(`${what}, in place`);
        }
      }
    },
  );

  test('x and out at every pair of alignments', () => {
    const row = logits(145);
    for (const isa of isas) {
      const expected = alone(line, row, {});
      for (const from of OFFSETS) {
        const x = Watched.of(row, from);
        for (const to of OFFSETS) {
          const out = new Watched<OutputArray>(line.element, outputCols(line, row.length), to);
          call(line, x.array, { isa, out: out.array });
          expectSameBits(out.array, expected, `${isa}, offsets ${from} and ${to}`);
          out.expectUntouched(`${isa}, offsets ${from} and ${to}`);
        }
      }
    }
  });

  test('nothing behind the end is read or written', async () => {
    const script = join(__dirname, 'support', 'kernels', 'guard.cjs');
    const { code, signal, stdout, stderr } = await runNode([script, name]);
    const last = stdout.slice(stdout.lastIndexOf('\n') + 1);
    expect({ last, code, signal, stderr }).toEqual({
      last: 'done',
      code: 0,
      signal: null,
      stderr: '',
    });
  });

  const shapes: [rows: number, cols: number, gap: number, outGap: number][] = [
    [1, 5, 3, 2],
    [2, 1, 0, 0],
    [2, 1, 4, 1],
    [3, 16, 0, 0],
    [3, 17, 1, 3],
    [7, 33, 0, 5],
    [17, 15, 17, 0],
    [64, 31, 1, 1],
    [5, 130, 16, 16],
    [3, 4097, 7, 9],
    [2, 12289, 0, 3],
  ];
  test.each(share(line, shapes))(
    '%d rows of %d columns, gaps of %d and %d',
    (rows, cols, gap, outGap) => {
      const stride = cols + gap;
      const each = Array.from({ length: rows }, (_, r) => logits(cols, 1000 * rows + r));
      const width = outputCols(line, cols);
      const outStride = line.output === 'rows' ? cols + outGap : width;
      // The gap after the last row is there for half of the shapes.
      const length = (rows - 1) * stride + cols + (rows % 2) * gap;
      const outLength = (rows - 1) * outStride + width;
      for (const options of ways(line)) {
        const what = `${describeOptions(options)}, ${rows} x ${cols}`;
        const expected = each.map((row) => alone(line, row, options));
        const x = new Watched('float32', length, rows % 16);
        each.forEach((row, r) => x.array.set(row, r * stride));
        const out = new Watched<OutputArray>(line.element, outLength, cols % 16);
        const strides = line.output === 'rows' ? { stride, outStride } : { stride };
        call(line, x.array, { ...options, ...strides, cols, out: out.array });
        expected.forEach((row, r) => {
          const got = out.array.subarray(r * outStride, r * outStride + width);
          expectSameBits(got, row, `${what}, row ${r}`);
          expectSameBits(x.array.subarray(r * stride, r * stride + cols), each[r], `${what}: x`);
        });
        out.expectUntouched(what, { cols: width, stride: outStride });
        x.expectUntouched(what, { cols, stride });

        const fresh = call(line, x.array, { ...options, stride, cols });
        expect(fresh.length).toBe(rows * width);
        expected.forEach((row, r) => {
          expectSameBits(
            fresh.subarray(r * width, (r + 1) * width),
            row,
            `${what}, fresh, row ${r}`,
          );
        });
        if (!inPlace) continue;
        call(line, x.array, { ...options, stride, cols, out: x.array });
        expected.forEach((row, r) => {
          const got = x.array.subarray(r * stride, r * stride + cols);
          expectSameBits(got, row, `${what}, in place, row ${r}`);
        });
        x.expectUntouched(`${what}, in place`, { cols, stride });
      }
    },
  );

  // Softmax keeps its terms up to 2^20 elements; half of that shows as much of the others, whose oracles are slower.
  const long = LONG.filter((_, i) => isShare(line, i)).map((n) =>
    slow || name === 'softmax' || n < 2 ** 19 ? n : Math.floor(n / 2),
  );
  (long.length > 0 ? test : test.skip).each(long.length > 0 ? long : [0])(
    'a long row of %d elements',
    (n) => {
      const x = logits(n);
      const truth = truthOf(line, x, parameterSets(line)[0]);
      for (const algorithm of algorithmsOf(line)) {
        const expected = alone(line, x, { ...algorithm, threads: 1 });
        expectAccurate(line, expected, truth, `${describeOptions(algorithm)}, n ${n}`);
        for (const isa of isas) {
          const y = call(line, x, { ...algorithm, isa });
          expectSameBits(y, expected, `${describeOptions(algorithm)}, ${isa}, n ${n}`);
        }
      }
    },
  );

  // How long a row may be is the business of the driver: the first operator of each answers for the others. Beyond 2^24
  // a float no longer counts, and results go past the cache.
  const first = operators.find(([, other]) => other.driver === line.driver)?.[1] === line;
  const n = first ? (slow ? 2 ** 26 : 2 ** 24 + 17) : 2 ** 22;

  (first || slow ? test : test.skip)(`a row of ${n} elements`, () => {
    const tile = logits(2 ** 20 + 3);
    const x = new Float32Array(n);
    for (let i = 0; i < n; i += tile.length) x.set(tile.subarray(0, n - i), i);
    const truth = truthOf(line, x, parameterSets(line)[0]);
    // In place where that is possible: the truth alone is half a gigabyte.
    const y = call(line, x, inPlace ? { out: x } : {});
    expectAccurate(line, y, truth, `n ${n}`);
  });
});
