import { afterAll, beforeAll, expect } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SoftlaneError } from '../../lib/errors';

/** A folder for the tests of one file, removed after them, and names in it that nothing has yet. */
export class Scratch {
  folder = '';
  private counter = 0;

  constructor(name: string) {
    beforeAll(() => {
      this.folder = mkdtempSync(join(tmpdir(), `softlane-${name}-`));
    });
    afterAll(() => {
      rmSync(this.folder, { recursive: true, force: true });
    });
  }

  fresh(): string {
    return join(this.folder, `${this.counter++}.npy`);
  }

  saved(bytes: Uint8Array): string {
    const path = this.fresh();
    writeFileSync(path, bytes);
    return path;
  }
}

/** A .npy file from its parts, without the code under test. */
export function npy(
  dictionary: string | Buffer,
  data: Uint8Array = new Uint8Array(0),
  { version = [1, 0], length }: { version?: [number, number]; length?: number } = {},
): Buffer {
  const text = typeof dictionary === 'string' ? Buffer.from(dictionary, 'latin1') : dictionary;
  const size = Buffer.alloc(version[0] === 1 ? 2 : 4);
  if (version[0] === 1) size.writeUInt16LE(length ?? text.length);
  else size.writeUInt32LE(length ?? text.length);
  const magic = Buffer.from('\x93NUMPY', 'latin1');
  return Buffer.concat([magic, Buffer.from(version), size, text, data]);
}

/** The dictionary of a header; the arguments are Python text. */
export function dict(shape: string, descr = "'<f4'", order = 'False'): string {
  return `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }`;
}

/** The same as NumPy writes it: elements begin at a multiple of 64. */
export function padded(dictionary: string): string {
  return `${dictionary}${' '.repeat(63 - ((10 + dictionary.length) % 64))}\n`;
}

export function floats(...values: number[]): Buffer {
  return Buffer.from(Float32Array.from(values).buffer);
}

/** The error of ours that a promise rejects with. */
export async function failure(promise: Promise<unknown>): Promise<SoftlaneError> {
  try {
    await promise;
  } catch (error) {
    expect(error).toBeInstanceOf(SoftlaneError);
    return error as SoftlaneError;
  }
  throw new Error('expected a refusal');
}
