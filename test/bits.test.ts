/**
 * A result is the same to the last bit on every instruction set, for every number of threads, wherever its row is in a
 * batch, synchronous, planned or asynchronous, at every address, in place or not; and the same as in the version that
 * test/hashes.json was made by.
 *
 * After a change that is meant to change bits (a major version):  SOFTLANE_UPDATE_HASHES=1 npm test -- bits
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { logSumExpState } from '../lib/index';
import { slow } from './helpers/effort';
import { BitHash, bitsOf, expectSameBits } from './support/kernels/compare';
import { Watched } from './support/kernels/memory';
import {
  algorithmsOf,
  bestIsa,
  call,
  callLater,
  describeOptions,
  isas,
  operators,
  outputCols,
  parameterSets,
  planRun,
  unitOf,
} from './support/kernels/operators';
import type { Operator, Options, OutputArray } from './support/kernels/operators';
import { Random } from './support/kernels/random';
import { exactFamilies } from './support/kernels/rows';

const FILE = join(__dirname, 'hashes.json');
const UPDATE = process.env['SOFTLANE_UPDATE_HASHES'] === '1';

/** Of each operator: hash by options. */
type Hashes = Record<string, Record<string, string>>;
const stored = (existsSync(FILE) ? JSON.parse(readFileSync(FILE, 'utf8')) : {}) as Hashes;
const computed: Hashes = {};

interface Batch {
  readonly name: string;
  readonly cols: number;
  readonly x: Float32Array;
}

function batch(name: string, cols: number, rows: Float32Array[]): Batch {
  const x = new Float32Array(cols * rows.length);
  rows.forEach((row, r) => bitsOf(x).set(bitsOf(row), r * cols));
  return { name, cols, x };
}

function specialRows(cols: number): Float32Array[] {
  const random = new Random(99);
  const words = [0x7fc00000, 0xffffffff, 0x7f800001, 0x7f800000, 0xff800000, 0x80000000, 1];
  return words.flatMap((bits) => {
    const one = Float32Array.from({ length: cols }, () => random.uniform(-5, 5));
    bitsOf(one)[random.below(cols)] = bits;
    const all = new Float32Array(cols);
    bitsOf(all).fill(bits);
    return [one, all];
  });
}

/** Fixed for ever: other rows have other hashes. */
function makeBatches(): Batch[] {
  const like = (cols: number, rows: number): Float32Array[] => {
    const random = new Random(cols);
    return Array.from({ length: rows }, (_, r) =>
      exactFamilies[(5 * r) % exactFamilies.length].row(random, cols),
    );
  };
  return [
    ...exactFamilies.map((family, i) => {
      const random = new Random(i);
      const rows = Array.from({ length: 3 }, () => family.row(random, 37));
      return batch(family.name, 37, rows);
    }),
    ...[1, 2, 3, 7, 15, 16, 17, 31, 32, 33, 127, 128, 129].map((cols) =>
      batch(`${cols} columns`, cols, like(cols, exactFamilies.length)),
    ),
    batch('special values', 45, specialRows(45)),
    batch('a block and its neighbours', 4097, [...like(4097, 9), ...specialRows(4097)]),
    batch('three blocks', 12_289, like(12_289, 3)),
    // Shared by rows, and by ranges of a row.
    batch('many rows', 130, like(130, 700)),
    batch('two long rows', 140_003, like(140_003, 2)),
    batch('a long row', 300_001, like(300_001, 1)),
  ];
}
const batches = makeBatches();

/** Results on the best instruction set by one thread, which are hashed; everything else is compared with them. */
const references = new Map<string, OutputArray[]>();

function keyOf(options: Options): string {
  return describeOptions(options);
}

function reference(line: Operator, options: Options): OutputArray[] {
  const key = `${line.name}: ${keyOf(options)}`;
  let results = references.get(key);
  if (results === undefined) {
    results = batches.map(({ x, cols }) =>
      call(line, x, { ...options, cols, isa: bestIsa, threads: 1 }),
    );
    references.set(key, results);
  }
  return results;
}

function variants(line: Operator): Options[] {
  const sets = parameterSets(line, { choices: 'all', numbers: [0.7, 10] });
  return sets.flatMap((set) =>
    algorithmsOf(line).map((algorithm) => ({ ...set, ...algorithm }) as Options),
  );
}

/** Calls `compare` with every batch, its reference and a name, for the operator's options by default. */
function eachBatch(
  line: Operator,
  options: Options,
  compare: (batch: Batch, expected: OutputArray, what: string) => void,
): void {
  const results = reference(line, options);
  batches.forEach((item, i) => compare(item, results[i], `${keyOf(options)}, ${item.name}`));
}

describe.each(operators)('%s', (name, line) => {
  const plain = algorithmsOf(line);

  test('the stored hashes', () => {
    const hashes: Record<string, string> = {};
    for (const options of variants(line)) {
      const hash = new BitHash();
      for (const y of reference(line, options)) hash.add(y);
      hashes[keyOf(options)] = hash.hex();
    }
    computed[name] = hashes;
    if (UPDATE) return;
    if (stored[name] === undefined) {
      throw new Error(
        `test/hashes.json has nothing of ${name}: SOFTLANE_UPDATE_HASHES=1 npm test -- bits`,
      );
    }
    expect(hashes).toEqual(stored[name]);
  });

  test('every instruction set, 1 to 4 threads', () => {
    for (const [i, options] of variants(line).entries()) {
      for (const isa of isas) {
        for (const threads of i === 0 || slow ? [1, 2, 3, 4] : [1 + (i % 4)]) {
          eachBatch(line, options, ({ x, cols }, expected, what) => {
            const y = call(line, x, { ...options, cols, isa, threads });
            expectSameBits(y, expected, `${what}, ${isa}, ${threads} threads`);
          });
        }
      }
    }
  });

  test('planned', () => {
    for (const options of variants(line)) {
      eachBatch(line, options, ({ x, cols }, expected, what) => {
        const shape = { ...options, cols, rows: x.length / cols };
        expectSameBits(planRun(line, x, shape), expected, what);
      });
    }
  });

  test('by promises, from ordinary and from shared memory', async () => {
    for (const options of variants(line)) {
      for (const isa of isas.slice(0, 2)) {
        const results = reference(line, options);
        // All at once: they run beside each other.
        const pending = batches.flatMap(({ x, cols }) => {
          const shared = new Float32Array(new SharedArrayBuffer(x.byteLength));
          bitsOf(shared).set(bitsOf(x));
          const all = { ...options, cols, isa };
          return [callLater(line, x, all), callLater(line, shared, all)];
        });
        (await Promise.all(pending)).forEach((y, i) => {
          const what = `${keyOf(options)}, ${isa}, ${batches[i >> 1].name}`;
          expectSameBits(y, results[i >> 1], i % 2 ? `${what}, shared` : what);
        });
      }
    }
  });

  test('each row alone, and the rows in another order', () => {
    for (const options of plain) {
      eachBatch(line, options, ({ x, cols }, expected, what) => {
        const width = outputCols(line, cols);
        const rows = x.length / cols;
        const turned = new Float32Array(x.length);
        for (let r = 0; r < rows; r++) {
          const row = x.subarray(r * cols, (r + 1) * cols);
          const part = expected.subarray(r * width, (r + 1) * width);
          expectSameBits(call(line, row, options), part, `${what}, row ${r} alone`);
          bitsOf(turned).set(bitsOf(row), (rows - 1 - r) * cols);
        }
        const y = call(line, turned, { ...options, cols, threads: 3 });
        for (let r = 0; r < rows; r++) {
          const from = rows - 1 - r;
          const part = expected.subarray(r * width, (r + 1) * width);
          expectSameBits(y.subarray(from * width, (from + 1) * width), part, `${what}, turned`);
        }
      });
    }
  });

  test('every alignment, in place or not, and with gaps between the rows', () => {
    plain.forEach((options, turn) => {
      eachBatch(line, options, ({ x, cols }, expected, what) => {
        for (let i = 0; i < (cols > 10_000 ? 2 : 16); i++) {
          const offset = cols > 10_000 ? (7 * turn + 5 * i + 1) % 16 : i;
          const from = Watched.of(x, offset);
          const to = new Watched<OutputArray>(line.element, expected.length, (3 * offset + 1) % 16);
          call(line, from.array, { ...options, cols, out: to.array });
          expectSameBits(to.array, expected, `${what}, offset ${offset}`);
          if (line.output !== 'rows') continue;
          call(line, from.array, { ...options, cols, out: from.array });
          expectSameBits(from.array, expected, `${what}, offset ${offset}, in place`);
        }
        const width = outputCols(line, cols);
        const stride = cols + 3;
        const wide = new Float32Array((x.length / cols) * stride).fill(NaN);
        for (let r = 0; r * cols < x.length; r++) {
          bitsOf(wide).set(bitsOf(x.subarray(r * cols, (r + 1) * cols)), r * stride);
        }
        const y = call(line, wide, { ...options, cols, stride });
        expectSameBits(y.subarray(0, (x.length / cols) * width), expected, `${what}, with gaps`);
      });
    });
  });

  // More than is promised (the bound), and true: scaling by a power of two is exact.
  (plain.length > 1 ? test : test.skip)('all algorithms, for ordinary logits', () => {
    let compared = 0;
    for (const set of parameterSets(line, { choices: 'all', numbers: [0.7, 10] })) {
      const all = plain.map((algorithm) => reference(line, { ...set, ...algorithm }));
      const limit = 7e5 * unitOf(set);
      batches.forEach(({ x, cols, name: kind }, i) => {
        if (x.some((value) => Number.isFinite(value) && Math.abs(value) >= limit)) return;
        all.forEach((results, a) => {
          const what = `${describeOptions(set)}, ${kind}, ${cols} columns`;
          expectSameBits(results[i], all[0][i], `${what}, ${describeOptions(plain[a])}`);
        });
        compared++;
      });
    }
    expect(compared).toBeGreaterThan(20);
  });
});

// Its numbers are doubles: they show the order of addition where a float has rounded it away.
describe('logSumExpState', () => {
  const name = 'logSumExpState';
  const hashOf = (options: { temperature: number; isa?: string }): string => {
    const hash = new BitHash();
    for (const { x, cols } of batches) {
      for (let begin = 0; begin < x.length; begin += cols) {
        const state = logSumExpState(options).push(x.subarray(begin, begin + cols));
        hash.addNumbers([state.finish(), state.mantissa, state.exponent, state.offset]);
      }
    }
    return hash.hex();
  };

  test('the stored hashes, on every instruction set', () => {
    computed[name] = {};
    for (const temperature of [1, 0.7]) {
      const hash = hashOf({ temperature });
      for (const isa of isas) expect(hashOf({ temperature, isa })).toBe(hash);
      computed[name][`temperature ${temperature}`] = hash;
    }
    if (!UPDATE) expect(computed[name]).toEqual(stored[name]);
  });
});

afterAll(() => {
  if (UPDATE) writeFileSync(FILE, `${JSON.stringify({ ...stored, ...computed }, null, 2)}\n`);
});
