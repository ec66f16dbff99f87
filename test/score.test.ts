import { describe, expect, test } from '@jest/globals';
import * as fs from 'node:fs';
import * as softlane from '../lib/index';
import * as promises from '../lib/promises';
import { findOperator, type NumberRule } from '../lib/catalogue';
import { listOf } from '../lib/errors';
import { scoreFile, type ScoreOptions, type ScoreProgress } from '../lib/score/job';
import { readNpy, writeNpy, type NpyArray, type Top1 } from '../lib/score/npy';
import { findOperation, operations } from '../lib/score/operation';
import { pump, type Flow, type Stages } from '../lib/score/pipeline';
import { dict, failure, npy, Scratch } from './helpers/npy';

const scratch = new Scratch('score');
const { Infinity: inf } = globalThis;

/** Logits with everything that a row may hold, the same in every run. */
function logits(length: number, seed = 1): Float32Array {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const kind = state >>> 24;
    if (kind === 0) return -inf;
    return (state / 2 ** 32 - 0.5) * (kind < 8 ? 2000 : 20);
  });
}

async function scored(
  x: Float32Array,
  shape: readonly number[],
  options: Omit<ScoreOptions, 'input' | 'output'>,
): Promise<NpyArray> {
  const [input, output] = [scratch.fresh(), scratch.fresh()];
  const python = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  fs.writeFileSync(input, npy(dict(python), new Uint8Array(x.buffer)));
  await scoreFile({ ...options, input, output });
  const result = await readNpy(output);
  fs.rmSync(input);
  fs.rmSync(output);
  return result;
}

/** What the synchronous API gives for the whole file in one call. */
function expected(op: string, x: Float32Array, rows: number, cols: number): unknown {
  const api = softlane as unknown as Record<string, (tensor: object) => { data: Float32Array }>;
  const call = (name: string): Float32Array => api[name]!({ data: x, dims: [rows, cols] }).data;
  if (op !== 'top-1') return call(findOperation(op)!.uses[0]!);
  const index = call('argMax');
  const p = call('softmax');
  const probability = Float32Array.from(index, (at: number, row: number) =>
    at < 0 ? NaN : p[row * cols + at]!,
  );
  return { index, probability };
}

describe('every operation of the catalogue', () => {
  const shapes = [
    [0, 5],
    [3, 0],
    [0, 0],
    [5, 1],
    [7],
    [0],
    [1],
    [1, 1],
    [37, 33],
    [16, 1000],
    [3, 5000],
  ];
  const names = operations.map(({ name }) => name);

  test('has the name that its catalogue line says, and no other', () => {
    const lines = names.filter((name) => name !== 'top-1');
    expect(lines).toEqual(softlane.catalogue.flatMap(({ cli }) => cli ?? []));
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) {
      for (const use of findOperation(name)!.uses) {
        expect(findOperator(use)).toBeDefined();
        expect(promises).toHaveProperty(use);
      }
    }
  });

  test.each(names)('%s: the bits of the API, whatever the shape and the blocks', async (op) => {
    for (const shape of shapes) {
      const cols = shape[shape.length - 1]!;
      const rows = shape.length === 1 ? 1 : shape[0]!;
      const x = logits(rows * cols, cols + 1);
      const data = expected(op, x, rows, cols);
      for (const blockBytes of [1, 4096, 100_000, undefined]) {
        const result = await scored(x, shape, { op, blockBytes });
        expect(result.shape).toEqual(findOperation(op)!.output === 'perRow' ? [rows] : shape);
        expect(result.data).toEqual(data);
      }
    }
  });

  test.each(names)('%s: the same bytes for every ISA and number of threads', async (op) => {
    const x = logits(20 * 777);
    const plain = await scored(x, [20, 777], { op });
    for (const { name: isa, supported } of softlane.capabilities().isas) {
      for (const threads of supported ? [1, 2, 5] : []) {
        expect(await scored(x, [20, 777], { op, isa, threads, blockBytes: 40_000 })).toEqual(plain);
      }
    }
  });

  test('the options reach the operator', async () => {
    const x = logits(4 * 100);
    x.fill(-inf, 100, 200);
    const all = { temperature: 2.5, algorithm: 'online', maskedRow: 'zero' } as const;
    const ours = await scored(x, [4, 100], { op: 'softmax', parameters: all });
    expect(ours.data).toEqual(softlane.softmax(x, { cols: 100, ...all }));
    expect((ours.data as Float32Array)[150]).toBe(0);
    const lse = await scored(x, [4, 100], { op: 'logsumexp', parameters: { temperature: 0.5 } });
    expect(lse.data).toEqual(softlane.logSumExp(x, { cols: 100, temperature: 0.5 }));
    const top = await scored(x, [4, 100], { op: 'top-1', parameters: all });
    expect((top.data as Top1).probability[1]).toBe(0);
  });
});

test('top-1 of rows that are not ordinary', async () => {
  const rows: [number[], number, number][] = [
    [[1, 3, 3, 2], 1, softlane.softmax(Float32Array.of(1, 3, 3, 2))[1]!],
    [[1, NaN, 3, 2], -1, NaN],
    [[-inf, -inf, -inf, -inf], 0, NaN],
    [[0, inf, 0, 0], 1, NaN],
    [[-inf, -inf, 5, -inf], 2, 1],
    [[-0, 0, -inf, -inf], 0, 0.5],
    // exp(x - logsumexp) would give 1 for these: the logarithm of 2 is lost beside such numbers.
    [[1e8, 1e8, -inf, 0], 0, 0.5],
    [[3e38, -3e38, 3e38, 3e38], 0, Math.fround(1 / 3)],
  ];
  const x = Float32Array.from(rows.flatMap(([row]) => row));
  const { data } = await scored(x, [rows.length, 4], { op: 'top-1' });
  expect([...(data as Top1).index]).toEqual(rows.map(([, index]) => index));
  expect([...(data as Top1).probability]).toEqual(rows.map(([, , probability]) => probability));
});

describe('a job', () => {
  const input = async (rows = 50, cols = 40): Promise<string> => {
    const path = scratch.fresh();
    await writeNpy(path, { shape: [rows, cols], data: logits(rows * cols) });
    return path;
  };
  const nothingAt = (path: string): void => {
    expect(fs.existsSync(path)).toBe(false);
    expect(fs.readdirSync(scratch.folder).filter((name) => name.includes('.tmp-'))).toEqual([]);
  };

  test('tells what it did', async () => {
    const [from, output] = [await input(), scratch.fresh()];
    const seen: ScoreProgress[] = [];
    const summary = await scoreFile({
      input: from,
      output,
      op: 'softmax',
      threads: 1,
      isa: 'scalar',
      blockBytes: 10_000,
      onProgress: (progress) => seen.push(progress),
    });
    expect(summary).toMatchObject({
      op: 'softmax',
      input: from,
      output,
      rows: 50,
      cols: 40,
      elements: 2000,
      isa: 'scalar',
      algorithm: 'auto',
      threads: 1,
      version: softlane.capabilities().version,
    });
    expect(summary.elementsPerSecond * summary.seconds).toBeCloseTo(2000);
    expect(summary.bytesPerSecond).toBeCloseTo(4 * summary.elementsPerSecond);
    const done = seen.map(({ rowsDone }) => rowsDone);
    expect(done.length).toBeGreaterThan(3);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    expect(seen.at(-1)).toEqual({ rows: 50, rowsDone: 50, inputBytes: 8000, inputBytesDone: 8000 });
  });

  test('refuses options before it opens a file', async () => {
    const output = scratch.fresh();
    const names = listOf(operations.map(({ name }) => name));
    const options = (op: string): string =>
      `only ${Object.keys(findOperation(op)!.options).join(', ')}`;
    const { temperature } = findOperation('softmax')!.options;
    const wrong: [Partial<ScoreOptions>, string][] = [
      [{ op: 'softmin' }, `expected op to be ${names}`],
      [{ op: 'logsumexp', parameters: { maskedRow: 'zero' } }, options('logsumexp')],
      [{ op: 'softmax', parameters: { constructor: 1 } }, options('softmax')],
      [{ parameters: { temperature: 0 } }, (temperature as NumberRule).expected],
      [{ parameters: { algorithm: 'fastest' } }, '"two-pass"'],
      [{ threads: 0 }, 'from 1 to 1024'],
      [{ isa: 'mmx' }, '"scalar"'],
      [{ blockBytes: NaN }, 'positive'],
    ];
    for (const [part, message] of wrong) {
      const job = scoreFile({ input: '/nowhere', output, op: 'softmax', ...part });
      await expect(job).rejects.toThrow(message);
    }
    nothingAt(output);
  });

  test('aborted at any moment leaves nothing', async () => {
    const from = await input();
    for (const after of [-1, 0, 1, 3, 10]) {
      const output = scratch.fresh();
      const controller = new AbortController();
      const reason = new Error('enough');
      let blocks = 0;
      if (after < 0) controller.abort(reason);
      const job = scoreFile({
        input: from,
        output,
        op: 'log-softmax',
        blockBytes: 3000,
        signal: controller.signal,
        onProgress: () => {
          if (blocks++ === after) controller.abort(reason);
        },
      });
      await expect(job).rejects.toBe(reason);
      nothingAt(output);
    }
  });

  test('whose input ends or changes in the middle leaves nothing', async () => {
    for (const change of ['cut', 'touch'] as const) {
      const [from, output] = [await input(), scratch.fresh()];
      let done = false;
      const job = scoreFile({
        input: from,
        output,
        op: 'softmax',
        blockBytes: 3000,
        onProgress: () => {
          if (done) return;
          done = true;
          if (change === 'cut') fs.truncateSync(from, 4000);
          else fs.utimesSync(from, 1, 1);
        },
      });
      const code = change === 'cut' ? 'NPY_TRUNCATED' : 'INPUT_CHANGED';
      expect((await failure(job)).code).toBe(`ERR_SOFTLANE_${code}`);
      nothingAt(output);
    }
  });

  test('a row that no memory could hold is one clear error', async () => {
    const [from, output] = [scratch.fresh(), scratch.fresh()];
    // 4 TiB that take no room on the disk.
    const cols = 2 ** 40;
    const head = npy(dict(`(1, ${cols})`));
    fs.writeFileSync(from, head);
    fs.truncateSync(from, head.length + 4 * cols);
    const error = await failure(scoreFile({ input: from, output, op: 'logsumexp' }));
    expect(error.code).toBe('ERR_SOFTLANE_OUT_OF_MEMORY');
    nothingAt(output);
  });
});

describe('the pipeline', () => {
  const flow: Flow = { rows: 10, blockRows: 3, inRowBytes: 8, outRowBytes: 4 };
  const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

  /** Stages that write down when they start and end, and check that what they are given stays as it is. */
  function recorded(fail?: string): { stages: Stages; log: string[]; written: number[] } {
    const log: string[] = [];
    const written: number[] = [];
    const counts = { read: 0, compute: 0, write: 0 };
    const step = async (stage: keyof typeof counts, work: () => void): Promise<void> => {
      const name = `${stage} ${counts[stage]++}`;
      log.push(`${name} starts`);
      await tick();
      if (name === fail) throw new Error(name);
      work();
      log.push(`${name} ends`);
    };
    const stages: Stages = {
      read: (first, count, into) =>
        step('read', () => {
          const words = new Float32Array(into.buffer, into.byteOffset, 2 * count);
          for (let row = 0; row < count; row++) words.fill(first + row, 2 * row, 2 * row + 2);
        }),
      compute: (x, rows, out) =>
        step('compute', () => {
          const words = new Float32Array(out.buffer, out.byteOffset, rows);
          for (let row = 0; row < rows; row++) words[row] = x[2 * row]! + x[2 * row + 1]!;
        }),
      write: (bytes) =>
        step('write', () => {
          written.push(...new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4));
        }),
    };
    return { stages, log, written };
  }

  test('each row goes through once and in order, while the stages overlap', async () => {
    const { stages, log, written } = recorded();
    const done: number[] = [];
    await pump({ ...flow, onRows: (rows) => done.push(rows) }, stages);
    expect(written).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18]);
    expect(done).toEqual([3, 6, 9, 10]);
    const at = (entry: string): number => log.indexOf(entry);
    expect(at('read 2 starts')).toBeLessThan(at('compute 1 ends'));
    expect(at('write 0 starts')).toBeLessThan(at('compute 1 ends'));
    for (const stage of ['read', 'compute', 'write']) {
      const own = log.filter((entry) => entry.startsWith(stage));
      expect(own).toEqual(
        [0, 1, 2, 3].flatMap((i) => [`${stage} ${i} starts`, `${stage} ${i} ends`]),
      );
    }
  });

  test.each(['read 0', 'read 2', 'compute 0', 'compute 3', 'write 0', 'write 3'])(
    'a failure in %s comes out, and then nothing is at work',
    async (fail) => {
      const { stages, log } = recorded(fail);
      await expect(pump(flow, stages)).rejects.toThrow(fail);
      const length = log.length;
      const starts = log.filter((entry) => entry.endsWith('starts')).length;
      expect(log.filter((entry) => entry.endsWith('ends')).length).toBe(starts - 1);
      await tick();
      await tick();
      expect(log.length).toBe(length);
    },
  );

  test('an abort stops it between blocks, though the stages do not look at the signal', async () => {
    const { stages, written } = recorded();
    const controller = new AbortController();
    const reason = new Error('enough');
    const onRows = (): void => controller.abort(reason);
    const job = pump({ ...flow, rows: 1000, signal: controller.signal, onRows }, stages);
    await expect(job).rejects.toBe(reason);
    expect(written.length).toBeLessThan(12);
  });

  test('nothing to do', async () => {
    const { stages, log } = recorded();
    await pump({ ...flow, rows: 0 }, stages);
    await pump({ rows: 2 ** 50, blockRows: 1, inRowBytes: 0, outRowBytes: 0 }, stages);
    expect(log).toEqual([]);
  });
});
