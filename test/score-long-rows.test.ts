/** Rows that do not fit into the memory that a job may use. */
import { describe, expect, test } from '@jest/globals';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { catalogue } from '../lib/catalogue';
import { RowInPieces } from '../lib/pieces';
import { JobStopped, runJob } from '../lib/score/job';
import type { JobOptions } from '../lib/score/job-types';
import { operations } from '../lib/score/operation';
import { bytesOf } from './helpers/job-inputs';
import { dict, failure, npy, Scratch } from './helpers/npy';

const scratch = new Scratch('long-rows');
const at = (name: string): string => join(scratch.folder, name);

const [rows, cols] = [3, 70_001];
const x = Float32Array.from({ length: rows * cols }, (_, i) => Math.fround(Math.sin(i * i) * 9));
/** Two rows take 560 KB: with this much memory, each comes in pieces of 8 blocks. */
const limitMemory = 2 ** 19;

const input = (name: string, values = x): string => {
  fs.writeFileSync(at(name), npy(dict(`(${rows}, ${cols})`), bytesOf(values)));
  return at(name);
};

const inPieces = operations.filter(({ line }) => {
  if (line === undefined) return false;
  const row = RowInPieces.open(line, cols, {});
  row?.close();
  return row !== undefined;
});

describe('rows in pieces', () => {
  test('are known to the operators that this is about', () => {
    const names = inPieces.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['softmax', 'log-softmax', 'logsumexp', 'silu']));
    expect(names).toEqual(expect.arrayContaining(['entropy', 'margin', 'max-logit', 'gelu']));
    expect(names).not.toContain('sparsemax');
    expect(names).not.toContain('max-logit-p-norm');
    expect(names).not.toContain('soft-pool');
  });

  test('have the bits of rows in memory', async () => {
    const path = input('x.npy');
    const job = (name: string): JobOptions => ({
      inputs: [path],
      outputs: inPieces.map(({ name: op }) => ({ path: at(`${name}-${op}.npy`), op })),
    });
    await runJob({ ...job('whole'), blockBytes: 2 ** 18 });
    await runJob({ ...job('pieces'), limitMemory, threads: 2 });
    for (const { name } of inPieces) {
      const [whole, pieces] = ['whole', 'pieces'].map((how) =>
        fs.readFileSync(at(`${how}-${name}.npy`)),
      );
      expect([name, whole!.equals(pieces!)]).toEqual([name, true]);
    }
  });

  test('stop, go on, and are rejected', async () => {
    const spoilt = x.slice();
    spoilt[2 * cols + 50_000] = NaN;
    const path = input('spoilt.npy', spoilt);
    const job: JobOptions = {
      inputs: [path],
      outputs: [
        { path: at('s.npy'), op: 'softmax' },
        { path: at('l.csv'), op: 'logsumexp' },
      ],
      reject: at('bad.jsonl'),
      limitMemory,
    };
    let asked = 0;
    const stopped = runJob({ ...job, stopped: () => ++asked > 3 });
    await expect(stopped).rejects.toThrow(JobStopped);
    const summary = await runJob({ ...job, resume: true });
    expect([summary.resumedFrom, summary.rejected]).toEqual([1, 1]);
    expect(JSON.parse(fs.readFileSync(at('bad.jsonl'), 'utf8'))).toEqual({
      path,
      row: 2,
      reason: 'NaN in column 50000',
    });
    const lines = fs.readFileSync(at('l.csv'), 'utf8').trimEnd().split(/\r?\n/);
    expect([lines.length, lines[3]]).toEqual([4, expect.stringMatching(/^(nan|NaN)?$/)]);
    const resumed = fs.readFileSync(at('s.npy'));
    expect(Number.isNaN(resumed.readFloatLE(resumed.length - 4))).toBe(true);
    const large = { ...job, limitMemory: undefined, blockBytes: 2 ** 18 };
    await runJob({ ...large, force: true });
    expect(fs.readFileSync(at('s.npy')).equals(resumed)).toBe(true);
    const { reject: _, ...stops } = job;
    const error = await failure(runJob({ ...stops, badRows: 'stop', force: true }));
    expect(error.message).toBe(`${path}: row 2: NaN in column 50000`);
  });

  test('where a call looks twice, agree within 2^-22', async () => {
    const values = Float32Array.from({ length: rows * cols }, () => Math.fround(-Math.log(cols)));
    const path = input('normalised.npy', values);
    const result = async (name: string, more: Partial<JobOptions>): Promise<number> => {
      await runJob({ inputs: [path], outputs: [{ path: at(name), op: 'logsumexp' }], ...more });
      const bytes = fs.readFileSync(at(name));
      return bytes.readFloatLE(bytes.length - 4);
    };
    const once = await result('once.npy', { limitMemory });
    const twice = await result('twice.npy', { blockBytes: 2 ** 18 });
    expect(once).not.toBe(twice);
    expect(Math.abs(once - twice)).toBeLessThan(2 ** -22);
  });

  test.each<[string, Partial<JobOptions>]>([
    ['sparsemax needs a row as a whole', { outputs: [{ op: 'sparsemax', path: 'y.npy' }] }],
    ['soft-pool needs a row as a whole', { outputs: [{ op: 'soft-pool', path: 'y.npy' }] }],
    ['arg-max needs a row as a whole', { outputs: [{ op: 'arg-max', path: 'y.npy' }] }],
    ['metrics needs a row as a whole', { outputs: [], metrics: { path: 'm.json' } }],
    ['rows are checked', { verify: 0.5 }],
    ['y.csv is no file of plain numbers', { outputs: [{ op: 'softmax', path: 'y.csv' }] }],
    ['that is too little', { limitMemory: 60_000 }],
  ])('%s: an error before anything is written', async (reason, more) => {
    const path = input('refused.npy');
    const folder = at(reason.replace(/\W+/g, '-'));
    fs.mkdirSync(folder);
    const outputs = (more.outputs ?? [{ op: 'softmax', path: 'y.npy' }]).map((output) => ({
      ...output,
      path: join(folder, output.path),
    }));
    const error = await failure(runJob({ inputs: [path], limitMemory, ...more, outputs }));
    expect(error.code).toBe('ERR_SOFTLANE_OUT_OF_MEMORY');
    expect(error.message).toContain('rows cannot be taken in pieces');
    expect(error.message).toContain(reason);
    expect(fs.readdirSync(folder)).toEqual([]);
  });
});

test('pieces out of order are refused', () => {
  const line = catalogue.find(({ name }) => name === 'logSumExp')!;
  const row = RowInPieces.open(line, 10_000, {})!;
  const piece = new Float32Array(4096);
  expect(() => row.finish()).toThrow('the pieces of a row in order');
  expect(() => row.reduce(piece.subarray(0, 100))).toThrow('the pieces of a row in order');
  row.reduce(piece);
  expect(() => row.reduce(new Float32Array(8192))).toThrow('the pieces of a row in order');
  row.reduce(piece);
  row.reduce(piece.subarray(0, 10_000 - 8192));
  expect(() => row.reduce(piece.subarray(0, 1))).toThrow('the pieces of a row in order');
  expect(row.finish()).toBeCloseTo(Math.log(10_000), 5);
  expect(() => row.finish()).toThrow('the pieces of a row in order');
  row.close();
  expect(() => row.map(piece, piece)).toThrow('the pieces of a row in order');
});
