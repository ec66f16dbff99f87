import { describe, expect, test } from '@jest/globals';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import fc from 'fast-check';
import { SoftlaneError } from '../lib/errors';
import { createNpy, openNpy, readNpy, writeNpy } from '../lib/score/npy';
import { dict, failure, floats, npy, Scratch } from './helpers/npy';

const scratch = new Scratch('npy-fuzz');
const fresh = (): string => scratch.fresh();
const saved = (bytes: Uint8Array): string => scratch.saved(bytes);

describe('round trip', () => {
  test('every float, in any shape of one or two dimensions, bit for bit', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(9),
        fc.nat(9),
        fc.boolean(),
        fc.infiniteStream(fc.integer()),
        async (rows, cols, flat, bits) => {
          const length = flat ? cols : rows * cols;
          const words = Int32Array.from({ length }, () => bits.next().value as number);
          const data = new Float32Array(words.buffer);
          const shape = flat ? [cols] : [rows, cols];
          const path = fresh();
          await writeNpy(path, { shape, data });
          const back = await readNpy(path);
          expect([back.shape, back.dtype]).toEqual([shape, '<f4']);
          expect(new Int32Array((back.data as Float32Array).buffer)).toEqual(words);
          rmSync(path);
        },
      ),
    );
  });

  test('top-1 records', async () => {
    const path = fresh();
    const writer = await createNpy(path, { shape: [2], dtype: 'top-1' });
    const records = new Int32Array(4);
    records.set([5, 0, -1, 0]);
    new Float32Array(records.buffer).set([0.75], 1);
    new Float32Array(records.buffer).set([NaN], 3);
    await writer.write(new Uint8Array(records.buffer));
    await writer.commit();
    expect(await readNpy(path)).toEqual({
      shape: [2],
      dtype: 'top-1',
      data: { index: Int32Array.of(5, -1), probability: Float32Array.of(0.75, NaN) },
    });
    expect((await failure(openNpy(path))).code).toBe('ERR_SOFTLANE_NPY_DTYPE');
  });
});

describe('fuzz: a result or one of our errors, nothing else', () => {
  const valid = [...npy(dict('(2, 3)') + '   \n', floats(1, 2, 3, 4, 5, 6))];

  async function judge(bytes: Uint8Array): Promise<void> {
    const path = saved(bytes);
    try {
      const before = process.memoryUsage().arrayBuffers;
      const outcome = await readNpy(path).catch((error: unknown) => error);
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 1024 * 1024);
      if (outcome instanceof SoftlaneError) {
        expect(outcome.code).toMatch(/^ERR_SOFTLANE_NPY_/);
      } else {
        const { shape, data } = outcome as { shape: number[]; data: { length?: number } };
        expect(Array.isArray(shape)).toBe(true);
        expect(data).toBeDefined();
      }
    } finally {
      rmSync(path);
    }
  }

  test('bytes replaced, inserted and removed', async () => {
    const edit = fc.record({
      at: fc.nat(valid.length),
      remove: fc.nat(4),
      insert: fc.uint8Array({ maxLength: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), async (edits) => {
        const bytes = [...valid];
        for (const { at, remove, insert } of edits) bytes.splice(at, remove, ...insert);
        await judge(Uint8Array.from(bytes));
      }),
      { numRuns: 600 },
    );
  });

  test('every truncation, every single byte flipped', async () => {
    for (let length = 0; length < valid.length; length++) {
      const error = await failure(openNpy(saved(Uint8Array.from(valid.slice(0, length)))));
      expect(error.code).toMatch(/^ERR_SOFTLANE_NPY_(MAGIC|TRUNCATED)$/);
    }
    for (let at = 0; at < valid.length; at++) {
      await judge(Uint8Array.from(valid, (byte, i) => (i === at ? byte ^ 0xff : byte)));
    }
  });

  test('random bytes, bare and after a magic', async () => {
    const head = [...Buffer.from('\x93NUMPY', 'latin1')];
    await fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        fc.constantFrom(1, 2, 3),
        fc.uint8Array({ maxLength: 80 }),
        (bare, major, bytes) =>
          judge(Uint8Array.from(bare ? bytes : [...head, major, 0, ...bytes])),
      ),
      { numRuns: 500 },
    );
  });

  test('headers made of the right words in any order', async () => {
    const word = fc.constantFrom(
      '{',
      '}',
      '(',
      ')',
      '[',
      ']',
      ',',
      ':',
      "'descr'",
      "'shape'",
      "'fortran_order'",
      "'<f4'",
      "'<i4'",
      'True',
      'False',
      'None',
      '2',
      '3',
      '-1',
      '1e9',
      '99999999999',
      ' ',
      "'",
      '"',
      '\\',
      '\n',
      'u',
      'L',
    );
    const value = fc.array(word, { maxLength: 8 }).map((words) => words.join(''));
    const whole = fc
      .tuple(value, value, value)
      .map(
        ([a, b, c]) =>
          `{'descr': ${a || "'<f4'"}, 'fortran_order': ${b || 'False'}, 'shape': ${c || '(2, 3)'}}`,
      );
    const loose = fc.array(word, { maxLength: 30 }).map((words) => words.join(''));
    await fc.assert(
      fc.asyncProperty(fc.oneof(whole, loose), (text) =>
        judge(npy(text, floats(1, 2, 3, 4, 5, 6))),
      ),
      { numRuns: 600 },
    );
  });
});

const numpy = spawnSync('python3', ['-c', 'import numpy'], { stdio: 'ignore' }).status === 0;
const withNumpy = numpy ? describe : describe.skip;

withNumpy('against NumPy (skipped where python3 has no numpy)', () => {
  const python = (code: string, ...args: string[]): string =>
    execFileSync('python3', ['-c', `import sys, numpy as np\n${code}`, ...args], {
      encoding: 'utf8',
    });

  test('what NumPy writes is read, in every format version', async () => {
    for (const version of ['(1, 0)', '(2, 0)', '(3, 0)']) {
      const path = fresh();
      python(
        `x = np.array([[1.5, -np.inf, np.nan], [3e38, 1e-45, -0.0]], '<f4')\n` +
          `with open(sys.argv[1], 'wb') as f: np.lib.format.write_array(f, x, version=${version})`,
        path,
      );
      const { shape, data } = await readNpy(path);
      expect(shape).toEqual([2, 3]);
      expect(data).toEqual(Float32Array.of(1.5, -Infinity, NaN, 3e38, 1e-45, -0));
    }
  });

  test('what is written here is what NumPy writes, byte for byte', async () => {
    for (const shape of [[0], [1], [5], [0, 4], [3, 0], [3, 4], [1000, 7]]) {
      const [ours, theirs] = [fresh(), fresh()];
      const length = shape.reduce((a, b) => a * b, 1);
      await writeNpy(ours, { shape, data: Float32Array.from({ length }, (_, i) => i / 8) });
      python(
        `np.save(sys.argv[1], (np.arange(${length}, dtype='<f4') / 8).astype('<f4').reshape(${JSON.stringify(shape)}))`,
        theirs,
      );
      expect(readFileSync(ours).equals(readFileSync(theirs))).toBe(true);
    }
  });

  test('top-1 records are a NumPy structured array', async () => {
    const path = fresh();
    const writer = await createNpy(path, { shape: [1], dtype: 'top-1' });
    const record = new DataView(new ArrayBuffer(8));
    record.setInt32(0, 42, true);
    record.setFloat32(4, 0.5, true);
    await writer.write(new Uint8Array(record.buffer));
    await writer.commit();
    const seen = python(
      `x = np.load(sys.argv[1]); print(x['index'][0], x['probability'][0], x.dtype.itemsize, x.shape)`,
      path,
    );
    expect(seen.trim()).toBe('42 0.5 8 (1,)');
  });

  test('what NumPy writes in another type or order is refused by name', async () => {
    const cases: [string, string][] = [
      [`np.zeros(2, '>f4')`, 'DTYPE'],
      [`np.zeros(2, '<f8')`, 'DTYPE'],
      [`np.zeros(2, '<f2')`, 'DTYPE'],
      [`np.array([None, 1], dtype=object)`, 'DTYPE'],
      [`np.zeros(2, [('a', '<f4'), ('b', '<f4', (2,))])`, 'DTYPE'],
      [`np.asfortranarray(np.zeros((2, 3), '<f4'))`, 'ORDER'],
      [`np.zeros((1, 2, 3), '<f4')`, 'SHAPE'],
      [`np.array(1, '<f4')`, 'SHAPE'],
    ];
    for (const [expression, code] of cases) {
      const path = fresh();
      python(`np.save(sys.argv[1], ${expression})`, path);
      expect([expression, (await failure(openNpy(path))).code]).toEqual([
        expression,
        `ERR_SOFTLANE_NPY_${code}`,
      ]);
    }
  });
});
