import { describe, expect, test } from '@jest/globals';
import * as fs from 'node:fs';
import * as softlane from '../lib/index';
import * as promises from '../lib/promises';
import { findOperator, type NumberRule } from '../lib/catalogue';
import type { ElementArray } from '../lib/score/element';
import { listOf } from '../lib/errors';
import { runJob } from '../lib/score/job';
import type { JobSummary } from '../lib/score/job-types';
import type { JobOptions, JobProgress } from '../lib/score/job-types';
import { readNpy, writeNpy, type NpyArray, type Top1 } from '../lib/score/npy';
import { commandName, findOperation, operations, type Operation } from '../lib/score/operation';
import type { Column } from '../lib/score/table';
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

type ScoreOptions = Omit<JobOptions, 'inputs' | 'outputs'> & {
  readonly input: string;
  readonly output: string;
  readonly op: string;
  readonly parameters?: Readonly<Record<string, number | string>>;
};

/** One file into one, by one operation. */
const scoreFile = ({ input, output, op, parameters, ...rest }: ScoreOptions): Promise<JobSummary> =>
  runJob({ inputs: [input], outputs: [{ path: output, op, parameters }], ...rest });

async function scored(
  x: Float32Array,
  shape: readonly number[],
  options: Omit<ScoreOptions, 'input' | 'output'>,
): Promise<NpyArray> {
  const [input, output] = [saved(x, shape), scratch.fresh()];
  await scoreFile({ ...options, input, output });
  const result = await readNpy(output);
  fs.rmSync(input);
  fs.rmSync(output);
  return result;
}

function saved(x: Float32Array | Int32Array, shape: readonly number[]): string {
  const python = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const type = x instanceof Float32Array ? "'<f4'" : "'<i4'";
  return scratch.saved(npy(dict(python, type), new Uint8Array(x.buffer)));
}

/** What an operation is asked for here: all of its optional results. */
const partsOf = ({ parts }: Operation): string[] => parts.map(({ name }) => name);

/** The columns of a file of records, by hand. */
function recordsOf(path: string, columns: readonly Column[]): ElementArray[] {
  const bytes = fs.readFileSync(path);
  const data = bytes.subarray(10 + bytes.readUInt16LE(8));
  const rowBytes = columns.reduce((sum, { width }) => sum + 4 * width, 0);
  let place = 0;
  return columns.map(({ width, element }) => {
    const numbers: number[] = [];
    for (let at = place; at < data.length; at += rowBytes) {
      for (let i = 0; i < width; i++) {
        const byte = at + 4 * i;
        numbers.push(element === 'float32' ? data.readFloatLE(byte) : data.readInt32LE(byte));
      }
    }
    place += 4 * width;
    return element === 'float32' ? Float32Array.from(numbers) : Int32Array.from(numbers);
  });
}

/** What the synchronous API gives for the whole file in one call, a column each. */
function expected(
  operation: Operation,
  x: Float32Array,
  [rows, cols]: [number, number],
  inputs: Record<string, ElementArray>,
): unknown[] {
  type Result = { data: Float32Array } & Record<string, { data: ElementArray }>;
  const api = softlane as unknown as Record<string, (x: object, options: object) => Result>;
  const call = (name: string, options: object = {}): Result =>
    api[name]!({ data: x, dims: [rows, cols] }, options);
  if (operation.name !== 'top-1') {
    const parts = partsOf(operation);
    const asked =
      operation.lists === undefined
        ? Object.fromEntries(parts.map((name) => [name, true]))
        : { [operation.lists]: parts };
    const result = call(operation.uses[0]!, { ...asked, ...inputs });
    const columns = operation.columns(cols, { parameters: {}, parts });
    if (operation.line!.output !== 'record') return [result.data];
    return columns.map(({ name }) => result[name]!.data);
  }
  const index = call('argMax').data;
  const p = call('softmax').data;
  const probability = Float32Array.from(index, (at: number, row: number) =>
    at < 0 ? NaN : p[row * cols + at]!,
  );
  return [Int32Array.from(index), probability];
}

describe('every operation of the catalogue', () => {
  const shapes = [[0, 5], [3, 0], [5, 1], [7], [0], [37, 33], [3, 5000]];
  const names = operations.map(({ name }) => name);

  test('has the name that its catalogue line says, and no other', () => {
    const lines = names.filter((name) => name !== 'top-1');
    expect(lines).toEqual(softlane.catalogue.map(commandName));
    for (const { cli, name } of softlane.catalogue) {
      if (cli !== null) expect(names).toContain(cli);
      else expect(names).toContain(name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`));
    }
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) {
      for (const use of findOperation(name)!.uses) {
        expect(findOperator(use)).toBeDefined();
        expect(promises).toHaveProperty(use);
      }
    }
  });

  /** Files of what an operation reads beside x: a label that is a column, and another row. */
  function besideOf({ inputs }: Operation, x: Float32Array, rows: number, cols: number) {
    const arrays: Record<string, ElementArray> = {};
    const files: Record<string, string> = {};
    for (const { name, extent, element } of inputs) {
      const perRow = extent === 'perRow';
      // One number a row: a column, or one of several columns that are named.
      const single = perRow || (typeof extent === 'object' && extent.of === undefined);
      const isIndex = single && element === 'int32';
      const array = isIndex
        ? Int32Array.from({ length: rows }, (_, row) => (row * 3) % cols)
        : element === 'int32'
          ? Int32Array.from(x, (value) => Number(value > 0))
          : x.map((value) => (value === -inf ? value : value / 2));
      arrays[name] = array;
      files[name] = saved(array, perRow ? [rows] : [rows, single ? 1 : cols]);
    }
    const { targets, ...beside } = files;
    return { arrays, options: { labels: targets, beside } };
  }

  test.each(names)('%s: the bits of the API, whatever the shape and the blocks', async (op) => {
    const operation = findOperation(op)!;
    const parts = partsOf(operation);
    for (const shape of shapes) {
      const cols = shape[shape.length - 1]!;
      const rows = shape.length === 1 ? 1 : shape[0]!;
      // A row without columns has no label, and one dimension of another row is one row too.
      if (operation.inputs.length > 0 && (cols === 0 || shape.length === 1)) continue;
      const x = logits(rows * cols, cols + 1);
      // A row of nothing but masks is an error where a label has to have a probability.
      const { arrays, options } = besideOf(operation, x, rows, cols);
      const data = expected(operation, x, [rows, cols], arrays);
      const input = saved(x, shape);
      for (const blockBytes of [1, 4096, undefined]) {
        const path = scratch.fresh();
        await runJob({ inputs: [input], outputs: [{ path, op, parts }], ...options, blockBytes });
        const columns = operation.columns(cols, { parameters: {}, parts });
        if (columns.length > 1) {
          expect(recordsOf(path, columns)).toEqual(data);
        } else {
          const result = await readNpy(path);
          const [{ scalar, width }] = columns as [Column];
          const tail = scalar ? [] : [width];
          expect(result.shape).toEqual(shape.length === 1 && !scalar ? tail : [rows, ...tail]);
          expect(result.data).toEqual(data[0]);
        }
        fs.rmSync(path);
      }
    }
  });

  test.each(names)('%s: the same bytes for every ISA and number of threads', async (op) => {
    const operation = findOperation(op)!;
    const x = logits(20 * 777);
    const { options } = besideOf(operation, x, 20, 777);
    const input = saved(x, [20, 777]);
    const run = async (setting: Partial<JobOptions>): Promise<Buffer> => {
      const path = scratch.fresh();
      const outputs = [{ path, op, parts: partsOf(operation) }];
      await runJob({ inputs: [input], outputs, ...options, ...setting });
      return fs.readFileSync(path);
    };
    const plain = await run({});
    for (const { name: isa, supported } of softlane.capabilities().isas) {
      for (const threads of supported ? [1, 5] : []) {
        const other = await run({ isa, threads, blockBytes: 40_000 });
        expect(other.equals(plain)).toBe(true);
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
    const seen: JobProgress[] = [];
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
      inputs: [from],
      outputs: [{ op: 'softmax', path: output, algorithm: 'auto' }],
      rows: 50,
      cols: 40,
      elements: 2000,
      isa: 'scalar',
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
      const code = change === 'cut' ? 'INPUT_TRUNCATED' : 'INPUT_CHANGED';
      expect((await failure(job)).code).toBe(`ERR_SOFTLANE_${code}`);
      nothingAt(output);
    }
  });

  test('a row that no memory could hold is one clear error', async () => {
    const [from, output] = [scratch.fresh(), scratch.fresh()];
    // 4 TiB that take no room on the disk, for an operator that needs its row as a whole.
    const cols = 2 ** 40;
    const head = npy(dict(`(1, ${cols})`));
    fs.writeFileSync(from, head);
    fs.truncateSync(from, head.length + 4 * cols);
    const error = await failure(scoreFile({ input: from, output, op: 'sparsemax' }));
    expect(error.code).toBe('ERR_SOFTLANE_OUT_OF_MEMORY');
    nothingAt(output);
  });
});
