/**
 * One result, to the last bit, for every way to it: all lengths, every instruction set, 1 to 16 threads, every split of
 * a batch, every alignment, called, planned and awaited, into fresh memory and in place, with huge pages and without.
 * The rows are made to bring out differences; what the results should be is tested elsewhere.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { effort, say, seed, slowTest } from '../helpers/effort';
import { adversarial } from '../support/kernels/adversarial';
import { bitsOf, expectAccurate, expectSameBits } from '../support/kernels/compare';
import { Watched } from '../support/kernels/memory';
import {
  algorithmsOf,
  bestIsa,
  call,
  callLater,
  describeOptions,
  isShare,
  isas,
  operators,
  outputCols,
  parameterSets,
  planRun,
  truthOf,
} from '../support/kernels/operators';
import type { Operator, Options, OutputArray } from '../support/kernels/operators';
import { Random } from '../support/kernels/random';

const LONGEST = 4200;

let compared = 0;
afterAll(() => say(`bits: ${compared} results compared, seed ${seed}`));

function same(got: OutputArray, want: OutputArray, what: string): void {
  expectSameBits(got, want, what);
  compared++;
}

function variants(line: Operator): Options[] {
  const sets = parameterSets(line, { choices: 'all', numbers: [0.7] });
  return sets.flatMap((set) => algorithmsOf(line).map((one) => ({ ...set, ...one }) as Options));
}

function shared(x: Float32Array): Float32Array {
  const copy = new Float32Array(new SharedArrayBuffer(x.byteLength));
  bitsOf(copy).set(bitsOf(x));
  return copy;
}

/** One row by every way that a row has; `turn` varies what there are too many of. */
async function everyWay(
  line: Operator,
  options: Options,
  row: Float32Array,
  turn: number,
): Promise<void> {
  const n = row.length;
  const what = `${line.name}, n ${n}, ${describeOptions(options)}`;
  const want = call(line, row, { ...options, isa: bestIsa, threads: 1 });
  for (const isa of isas.slice(1))
    same(call(line, row, { ...options, isa }), want, `${what}, ${isa}`);
  const isa = isas[turn % isas.length];
  const from = Watched.of(row, turn % 16);
  const to = new Watched<OutputArray>(line.element, want.length, (turn >> 4) % 16);
  call(line, from.array, { ...options, isa, out: to.array });
  same(to.array, want, `${what}, ${isa}, offsets ${turn % 16} and ${(turn >> 4) % 16}`);
  to.expectUntouched(what);
  const threads = 1 + (turn % 16);
  same(planRun(line, row, { ...options, cols: n, threads }), want, `${what}, planned`);
  const x = turn % 2 ? shared(row) : row;
  same(await callLater(line, x, { ...options, threads }), want, `${what}, awaited`);
  if (line.output !== 'rows') return;
  const inPlace = Watched.of(row, (turn + 5) % 16);
  call(line, inPlace.array, { ...options, isa, out: inPlace.array });
  same(inPlace.array, want, `${what}, ${isa}, in place`);
  const own = turn % 3 ? Float32Array.from(row) : shared(row);
  bitsOf(own).set(bitsOf(row));
  same(await callLater(line, own, { ...options, out: own }), want, `${what}, awaited in place`);
}

describe.each(operators)('%s', (name, line) => {
  const ways = variants(line);

  test(`all lengths from 0 to ${LONGEST}`, async () => {
    say(`${name}, lengths: seed ${seed}`);
    for (let n = 0; n <= LONGEST; n++) {
      if (n > effort(130, 300) && !isShare(line, n)) continue;
      // All algorithms and kinds of rows meet all remainders of a vector, if not every length.
      for (let k = 0; k < effort(1, 4); k++) {
        const turn = n * 7 + k + seed;
        const family = adversarial[(n * 5 + k) % adversarial.length];
        const row = family.row(new Random(seed + 31 * n + k), n);
        await everyWay(line, ways[turn % ways.length], row, turn);
      }
    }
  });

  test(`random lengths to 2^${effort(19, 24)}`, async () => {
    const random = new Random(seed);
    for (let k = 0; k < effort(8, 20); k++) {
      // As many between 2^12 and 2^13 as between 2^23 and 2^24.
      const n = Math.floor(2 ** random.uniform(12, effort(19, 24)));
      const family = adversarial[(k + seed) % adversarial.length];
      const options = ways[random.below(ways.length)];
      say(`${name}, ${n} of ${family.name}, ${describeOptions(options)}`);
      const row = family.row(random, n);
      await everyWay(line, options, row, k);
      const want = call(line, row, { ...options, isa: bestIsa, threads: 1 });
      for (let threads = 2; threads <= 16; threads++) {
        same(call(line, row, { ...options, threads }), want, `${n}, ${threads} threads`);
      }
    }
  });

  test('1 to 16 threads, few rows and many', () => {
    const shapes = [
      [1, 150_001],
      [2, 140_003],
      [3, 33_000],
      [17, 4999],
      [1000, 131],
      [30_000, 7],
    ];
    shapes.forEach(([rows, cols], s) => {
      const x = batch(rows, cols, s);
      const options = ways[s % ways.length];
      const want = call(line, x, { ...options, cols, threads: 1 });
      for (let threads = 2; threads <= 16; threads += effort(1 + ((threads + s) % 4), 1)) {
        const isa = isas[threads % 3 === 0 ? isas.length - 1 : 0];
        const y = call(line, x, { ...options, cols, threads, isa });
        same(y, want, `${rows} x ${cols}, ${threads} threads, ${isa}`);
      }
    });
  });

  test('every split of a batch', async () => {
    for (const [rows, cols] of [
      [9, 37],
      [8, 4097],
    ]) {
      const x = batch(rows, cols, rows);
      const width = outputCols(line, cols);
      for (const options of cols > 4000 ? ways.slice(0, 1) : ways) {
        const whole = call(line, x, { ...options, cols });
        // Bit i of the mask: whether a call ends after row i.
        for (let mask = 0; mask < 2 ** (rows - 1); mask++) {
          let begin = 0;
          const waiting: [Promise<OutputArray>, OutputArray][] = [];
          for (let r = 0; r < rows; r++) {
            if (r < rows - 1 && (mask >> r) % 2 === 0) continue;
            const part = x.subarray(begin * cols, (r + 1) * cols);
            const want = whole.subarray(begin * width, (r + 1) * width);
            const threads = 1 + (mask % 16);
            if (mask % 8 === 3) waiting.push([callLater(line, part, { ...options, cols }), want]);
            else same(call(line, part, { ...options, cols, threads }), want, `split ${mask}`);
            begin = r + 1;
          }
          for (const [promise, want] of waiting) same(await promise, want, `split ${mask}`);
        }
      }
    }
  });

  const small = ['softmax', 'select'].includes(line.family);
  const first = operators.find(([, other]) => other.line === line.line)?.[1];
  // The other references keep up to ten float64 numbers for each element, all outputs at once.
  const needed = small ? 8 : 20;
  const roomy = freemem() > needed * 2 ** 30 && (small || line.part === first?.part);
  (roomy ? slowTest : test.skip)(`2^28 equal values (${needed} GiB of free memory)`, () => {
    const n = 2 ** 28;
    const x = new Float32Array(n).fill(1.25);
    const [parameters] = parameterSets(line);
    const truth = truthOf(line, x, parameters);
    for (const way of algorithmsOf(line)) {
      say(`${name}, 2^28 equal values, ${describeOptions(way)}`);
      const want = call(line, x, { ...way, threads: 1 });
      expectAccurate(line, want, truth, '2^28 equal values');
      for (const isa of isas) {
        const y = call(line, x, { ...way, isa, threads: 7 });
        expect(Buffer.compare(bytes(y), bytes(want))).toBe(0);
        compared++;
      }
    }
  });
});

/** What decides whether memory lies in huge pages. */
const huge = '/sys/kernel/mm/transparent_hugepage/enabled';
const settable = existsSync(huge) && !readFileSync(huge, 'utf8').includes('[never]');
const python = spawnSync('python3', ['-c', 'import ctypes']).status === 0;
/** prctl(PR_SET_THP_DISABLE, 1) outlives exec. */
const WITHOUT =
  'import ctypes, os, sys; ctypes.CDLL(None).prctl(41, 1, 0, 0, 0); os.execv(sys.argv[1], sys.argv[1:])';

(settable && python ? test : test.skip)('huge pages, on or off', () => {
  const fixture = join(__dirname, '..', 'fixtures', 'bits.cjs');
  const run = (tunable: string, command: string[]): { hash: string; huge: number } => {
    const [program, ...args] = [...command, process.execPath, fixture];
    const env = { ...process.env, GLIBC_TUNABLES: `glibc.malloc.hugetlb=${tunable}` };
    const { stdout, stderr } = spawnSync(program, args, { env, encoding: 'utf8' });
    expect(stderr).toBe('');
    return JSON.parse(stdout) as { hash: string; huge: number };
  };
  const on = run('1', []);
  const off = run('0', ['python3', '-c', WITHOUT]);
  say(`huge pages: ${on.huge} kB with, ${off.huge} kB without`);
  expect(off.huge).toBe(0);
  expect(on.hash).toBe(off.hash);
  expect(run('0', []).hash).toBe(on.hash);
});

function batch(rows: number, cols: number, salt: number): Float32Array {
  const random = new Random(seed + salt);
  const x = new Float32Array(rows * cols);
  for (let r = 0; r < rows; r++) {
    const row = adversarial[(r + salt) % adversarial.length].row(random, cols);
    bitsOf(x).set(bitsOf(row), r * cols);
  }
  return x;
}

function bytes(array: OutputArray): Buffer {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
}
