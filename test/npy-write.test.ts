import { afterEach, describe, expect, test } from '@jest/globals';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { createNpy, openNpy, readNpy, writeNpy } from '../lib/score/npy';
import { formatHeader } from '../lib/score/npy-header';
import { dict, failure, floats, npy, Scratch } from './helpers/npy';

const scratch = new Scratch('npy-write');
const fresh = (): string => scratch.fresh();
const saved = (bytes: Uint8Array): string => scratch.saved(bytes);

describe('writing', () => {
  const leftovers = (): string[] =>
    fs.readdirSync(scratch.folder).filter((name) => name.includes('.tmp-'));
  afterEach(() => {
    expect(leftovers()).toEqual([]);
  });

  test('the head is what NumPy writes', () => {
    const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
    const rest = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }";
    expect(text(formatHeader('<f4', [3, 4]))).toBe(
      `\x93NUMPY\x01\x00v\x00${rest}${' '.repeat(117 - rest.length)}\n`,
    );
    for (const shape of [[], [0], [12345], [1, 9007199254740991], Array<number>(20).fill(7)]) {
      const head = formatHeader('<f4', shape);
      expect(head.length % 64).toBe(0);
      expect(head[head.length - 1]).toBe(10);
    }
  });

  test('nothing stands under the name before commit; discard removes all', async () => {
    const path = fresh();
    const writer = await createNpy(path, { shape: [2], dtype: '<f4' });
    await writer.write(floats(1));
    expect(fs.existsSync(path)).toBe(false);
    expect(leftovers()).toHaveLength(1);
    await writer.discard();
    await writer.discard();
    expect(fs.existsSync(path)).toBe(false);
  });

  test('a writer that was given too little or too much data does not publish it', async () => {
    for (const values of [[1], [1, 2, 3]]) {
      const path = fresh();
      const writer = await createNpy(path, { shape: [2], dtype: '<f4' });
      await writer.write(floats(...values));
      await expect(writer.commit()).rejects.toThrow('the shape needs');
      expect(fs.existsSync(path)).toBe(false);
    }
  });

  test('an abort before the name is given leaves nothing and keeps its reason', async () => {
    const path = fresh();
    const writer = await createNpy(path, { shape: [1], dtype: '<f4' });
    await writer.write(floats(1));
    const reason = new Error('stop');
    await expect(writer.commit(AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(fs.existsSync(path)).toBe(false);
  });

  test('an existing file stays without force, and is replaced with it, keeping its mode', async () => {
    const path = saved(Buffer.from('precious'));
    fs.chmodSync(path, 0o640);
    const array = { shape: [1], data: Float32Array.of(7) };
    const error = await failure(writeNpy(path, array));
    expect([error.code, fs.readFileSync(path, 'utf8')]).toEqual([
      'ERR_SOFTLANE_OUTPUT_EXISTS',
      'precious',
    ]);
    await writeNpy(path, array, { force: true });
    expect((await readNpy(path)).data).toEqual(Float32Array.of(7));
    expect(fs.statSync(path).mode & 0o777).toBe(0o640);
  });

  test('a file that appears while we write is not replaced', async () => {
    const path = fresh();
    const writer = await createNpy(path, { shape: [1], dtype: '<f4' });
    await writer.write(floats(1));
    fs.writeFileSync(path, 'precious');
    expect((await failure(writer.commit())).code).toBe('ERR_SOFTLANE_OUTPUT_EXISTS');
    expect(fs.readFileSync(path, 'utf8')).toBe('precious');
  });

  test('with force a symbolic link stays one; a dangling one is replaced', async () => {
    const [target, name, dangling] = [saved(Buffer.from('old')), fresh(), fresh()];
    fs.symlinkSync(target, name);
    fs.symlinkSync(join(scratch.folder, 'nowhere'), dangling);
    const array = { shape: [1], data: Int32Array.of(-1) };
    for (const path of [name, dangling]) {
      expect((await failure(writeNpy(path, array))).code).toBe('ERR_SOFTLANE_OUTPUT_EXISTS');
      await writeNpy(path, array, { force: true });
      expect(await readNpy(path)).toEqual({ shape: [1], dtype: '<i4', data: Int32Array.of(-1) });
    }
    expect(fs.lstatSync(name).isSymbolicLink()).toBe(true);
    expect((await readNpy(target)).dtype).toBe('<i4');
  });

  test('the input is never replaced, whatever name leads to it', async () => {
    const input = saved(npy(dict('(1,)'), floats(1)));
    const [hard, soft] = [fresh(), fresh()];
    fs.linkSync(input, hard);
    fs.symlinkSync(input, soft);
    const reader = await openNpy(input);
    for (const path of [input, hard, soft]) {
      const made = createNpy(path, { shape: [1], dtype: '<f4', force: true, inputs: [reader] });
      expect((await failure(made)).code).toBe('ERR_SOFTLANE_OUTPUT_SAME');
    }
    await reader.close();
  });

  test('places where no file can be written', async () => {
    const array = { shape: [1], data: Float32Array.of(1) };
    const places: [string, string][] = [
      [join(scratch.folder, 'missing', 'x.npy'), 'no such file or directory'],
      [join(saved(Buffer.alloc(1)), 'x.npy'), 'not a directory'],
      [scratch.folder, 'is a directory'],
      ['/dev/null', 'is a device'],
      ['a\0b', 'cannot be written'],
      [join(scratch.folder, 'x'.repeat(300)), 'the name is too long'],
    ];
    for (const [path, message] of places) {
      const error = await failure(writeNpy(path, array, { force: true }));
      expect([error.code, error.message]).toEqual([
        'ERR_SOFTLANE_OUTPUT_UNWRITABLE',
        expect.stringContaining(message),
      ]);
    }
    expect(fs.statSync('/dev/null').isCharacterDevice()).toBe(true);
    await writeNpy(join(scratch.folder, 'x'.repeat(251) + '.npy'), array);
  });

  test('shapes that no file can hold, and data that does not fit the shape', async () => {
    for (const shape of [[-1], [1.5], [2 ** 53], [2 ** 51, 2], [NaN]]) {
      const error = await failure(createNpy(fresh(), { shape, dtype: '<f4' }));
      expect(error.message).toContain('no file can hold');
    }
    await expect(writeNpy(fresh(), { shape: [3], data: Float32Array.of(1) })).rejects.toThrow(
      RangeError,
    );
  });
});
