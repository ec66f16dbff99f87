/** How a call is split over threads changes no bit: long rows by ranges of blocks, many rows by blocks of rows. */
import { describe, expect, test } from '@jest/globals';
import * as api from '../lib';
import { native } from '../lib/configure';
import { expectError } from './helpers/errors';
import {
  algorithmsOf,
  call as callView,
  callLater,
  describeOptions,
  operators,
  parameterSets,
  share,
} from './support/kernels/operators';
import type { Options } from './support/kernels/operators';

const { blockLength } = native();
const isas = api
  .capabilities()
  .isas.filter(({ supported }) => supported)
  .map(({ name }) => name);

/** The same sequence on every machine. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const made = new Map<string, Float32Array>();

/** A row of one's own; each content is drawn once. */
function row(length: number, seed: number, scale = 20): Float32Array {
  const key = [length, seed, scale].join();
  let drawn = made.get(key);
  if (drawn === undefined) {
    const next = random(seed);
    drawn = new Float32Array(length);
    for (let i = 0; i < length; i++) drawn[i] = (next() - 0.5) * scale;
    made.set(key, drawn);
  }
  return drawn.slice();
}

// Long enough to be split in two from 32 blocks on; ends on a boundary of a range, of a block, or neither.
const LENGTHS = [32, 40.5].map((blocks) => blocks * blockLength).concat(32 * blockLength + 7);

const ROWS: Record<string, (length: number) => Float32Array> = {
  random: (n) => row(n, n),
  'wide range': (n) => row(n, n, 1e4),
  'alternating extremes': (n) => row(n, n).map((_, i) => (i % 2 ? 3e38 : -3e38)),
  'all equal': (n) => new Float32Array(n).fill(5),
  'one dominant element, at the end': (n) => row(n, n).fill(400, n - 1),
  'masked but for the middle': (n) =>
    row(n, n)
      .fill(-Infinity, 0, n / 2 - 5)
      .fill(-Infinity, n / 2 + 5),
  'masked stretch over a boundary': (n) =>
    row(n, n).fill(-Infinity, blockLength * 15, blockLength * 17),
  'all masked': (n) => new Float32Array(n).fill(-Infinity),
  'infinity in the second range': (n) => row(n, n).fill(Infinity, n - 9, n - 8),
  'infinity first, NaN last': (n) =>
    row(n, n)
      .fill(Infinity, 0, 1)
      .fill(NaN, n - 1),
  'NaN first': (n) => row(n, n).fill(NaN, 0, 1),
  'NaN at the start of a range': (n) => row(n, n).fill(NaN, blockLength * 16, blockLength * 16 + 1),
  'NaN and the maximum in other ranges': (n) =>
    row(n, n)
      .fill(NaN, 3, 4)
      .fill(99, n - 3, n - 2),
};

function bytes(array: unknown): Buffer {
  const { buffer, byteOffset, byteLength } = array as Float32Array;
  return Buffer.from(buffer, byteOffset, byteLength);
}

describe.each(operators)('%s', (_name, line) => {
  const call = (x: Float32Array, options: Options): unknown => callView(line, x, options);

  test('one long row, with every option', () => {
    const x = ROWS['random'](LENGTHS[1]);
    for (const options of parameterSets(line, { choices: 'all', numbers: [0.1, 0.5, 3] })) {
      const want = bytes(call(x, { ...options, threads: 1 }));
      const got = bytes(call(x, { ...options, threads: 3 }));
      if (!got.equals(want)) throw new Error(describeOptions(options));
    }
  });

  (Object.hasOwn(line.line.options, 'nan') ? test : test.skip)(
    'a NaN throws wherever it is',
    () => {
      const [length] = LENGTHS;
      for (const place of [0, length / 2 + 1, length - 1]) {
        const x = row(length, 1).fill(NaN, place, place + 1);
        for (const threads of [1, 3]) {
          const refused = (): unknown => call(x, { nan: 'throw', threads });
          expectError(refused, RangeError, 'ERR_SOFTLANE_VALUE', /one in row 0$/);
        }
      }
    },
  );

  test.each(share(line, Object.keys(ROWS)))('one long row: %s', (kind) => {
    for (const length of LENGTHS) {
      const x = ROWS[kind](length);
      for (const options of algorithmsOf(line)) {
        const want = bytes(call(x, { ...options, threads: 1 }));
        for (const threads of [2, 3, 8]) {
          const got = bytes(call(x, { ...options, threads, isa: isas[threads % isas.length] }));
          if (!got.equals(want))
            throw new Error(`${length} elements, ${describeOptions(options)}, ${threads} threads`);
        }
      }
    }
  });

  test('rows, fewer and more than threads, with gaps', () => {
    for (const [rows, cols] of [
      [1, 200_000],
      [3, 140_000],
      [4, 140_000],
      [9, 20_000],
      [1000, 129],
      [70_000, 3],
    ]) {
      const stride = cols + 5;
      const x = row(rows * stride, rows);
      const want = bytes(call(x, { cols, stride, threads: 1 }));
      for (const threads of [2, 4, 16]) {
        expect(bytes(call(x, { cols, stride, threads })).equals(want)).toBe(true);
      }
    }
  });

  test('a row that is split so that it can be aborted', async () => {
    const x = row(300 * blockLength + 5, 3);
    for (const algorithm of algorithmsOf(line)) {
      const options = { threads: 1, ...algorithm };
      expect(bytes(await callLater(line, x, options)).equals(bytes(call(x, options)))).toBe(true);
    }
  });
});
