/** Rows that the addon reads from a file itself: the bytes of results, what is refused, and a disk that fails. */
import { describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import * as catalogue from '../lib/catalogue';
import { runJob } from '../lib/score/job';
import type { JobOptions } from '../lib/score/job-types';
import { Sweep } from '../lib/sweep';
import { cli, command, runs, softlane } from './helpers/cli';
import { bytesOf, cols, labels, rows, writeInputs, x } from './helpers/job-inputs';
import { dict, failure, npy, padded, Scratch } from './helpers/npy';

const scratch = new Scratch('sweep');
const at = (name: string): string => join(scratch.folder, name);

/** The results of a job whose rows the addon reads, and of the same one over rows in memory, by output. */
async function both(job: JobOptions): Promise<[Buffer[], Buffer[]]> {
  const results = async (more: Partial<JobOptions>): Promise<Buffer[]> => {
    await runJob({ ...job, ...more, force: true });
    const paths = [...job.outputs.map(({ path }) => path), job.metrics?.path, job.reject];
    return paths.flatMap((path) => (path === undefined ? [] : [fs.readFileSync(path)]));
  };
  // What checks rows looks at them in memory.
  return [await results({}), await results({ verify: 0 })];
}

/** Which of them differ. */
const differing = (some: readonly Buffer[], others: readonly Buffer[]): number[] =>
  [...some.keys()].filter((i) => !some[i]!.equals(others[i]!));

describe('rows that the addon reads have the results of rows in memory', () => {
  const half = (value: number): number => {
    const bits = new Uint32Array(Float32Array.of(value).buffer)[0]!;
    const exponent = ((bits >>> 23) & 255) - 112;
    if (exponent <= 0) return (bits >>> 16) & 0x8000;
    return ((bits >>> 16) & 0x8000) | (exponent << 10) | ((bits >>> 13) & 1023);
  };
  const tensors = (dtype: string, data: Uint8Array): Buffer => {
    const head = { a: { dtype: 'U8', shape: [3], data_offsets: [0, 3] } } as Record<string, object>;
    head['x'] = { dtype, shape: [rows, cols], data_offsets: [3, 3 + data.length] };
    const text = Buffer.from(JSON.stringify(head));
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(text.length));
    return Buffer.concat([size, text, Buffer.alloc(3), data]);
  };
  const files: Record<string, () => Buffer> = {
    'f32.npy': () => npy(dict(`(${rows}, ${cols})`), bytesOf(x)),
    'f32-as-numpy-writes-it.npy': () => npy(padded(dict(`(${rows}, ${cols})`)), bytesOf(x)),
    'f16.npy': () => npy(dict(`(${rows}, ${cols})`, "'<f2'"), bytesOf(Uint16Array.from(x, half))),
    'f32.safetensors': () => tensors('F32', bytesOf(x)),
    'bf16.safetensors': () =>
      tensors('BF16', bytesOf(new Uint16Array(x.buffer).filter((_, i) => i % 2 === 1))),
  };

  test.each(Object.keys(files))('%s: several outputs, metrics and labels at once', async (name) => {
    const folder = writeInputs(at(name));
    const path = join(folder, name);
    fs.writeFileSync(path, files[name]!());
    const outputs = ['softmax', 'top-k', 'cross-entropy'].map((op) => ({
      path: join(folder, `${op}.npy`),
      op,
    }));
    const [swept, plain] = await both({
      inputs: [name.endsWith('s') ? `${path}:x` : path],
      outputs,
      metrics: { path: join(folder, 'metrics.json') },
      labels: join(folder, 'labels.npy'),
      blockBytes: 600_000,
    });
    expect(differing(swept, plain)).toEqual([]);
    expect(swept[0]!.length).toBeGreaterThan(4 * rows * cols);
  });

  test('over several files, with rejected rows and labels, from any row on', async () => {
    const folder = writeInputs(at('several'));
    const wrong = Int32Array.from([...labels, ...labels, ...labels]);
    wrong[77] = cols;
    const path = join(folder, 'l.npy');
    fs.writeFileSync(path, npy(dict(`(${wrong.length},)`, "'<i4'"), bytesOf(wrong)));
    const [good, spoilt] = [join(folder, 'good.npy'), join(folder, 'x.npy')];
    const [swept, plain] = await both({
      inputs: [good, spoilt, good],
      outputs: ['top-1', 'cross-entropy', 'top-k'].map((op) => ({
        path: join(folder, `${op}.npy`),
        op,
      })),
      labels: path,
      reject: join(folder, 'bad.jsonl'),
      blockBytes: 4_000_000,
      partBytes: 100_000,
    });
    expect(differing(swept, plain)).toEqual([]);
    expect(swept[3]!.toString().trimEnd().split('\n')).toHaveLength(2);
  });

  const line = catalogue.catalogue.find(({ name }) => name === 'maxLogit')!;
  const expected = Float32Array.from({ length: rows }, (_, row) =>
    Math.max(...x.subarray(row * cols, (row + 1) * cols)),
  );
  /** The largest of each row from a byte of a file on. */
  const mostOf = (fd: number, offset: number, count: number, options: object): Promise<unknown> => {
    const sweep = new Sweep({ fd, offset, format: 'f32' });
    const shape = { data: new Float32Array(count * cols), dims: [count, cols] };
    const result = sweep.call(line, shape, options);
    sweep.run();
    return result;
  };

  test('a call alone', async () => {
    const path = at('alone.npy');
    fs.writeFileSync(path, npy(dict(`(${rows}, ${cols})`), bytesOf(x)));
    const fd = fs.openSync(path, 'r');
    const offset = fs.fstatSync(fd).size - 4 * rows * cols;
    const most = (count: number, options: object): Promise<unknown> =>
      mostOf(fd, offset, count, options);
    const { data } = (await most(rows, { threads: 2 })) as { data: Float32Array };
    expect(data).toEqual(expected);
    await expect(most(rows + 1, {})).rejects.toThrow('status 11');
    await expect(most(rows, { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no');
    fs.closeSync(fd);
    await expect(most(1, {}).catch((error: Error) => error.message)).resolves.toMatch(/EBADF|11/);
  });

  test('a file that is cut off while threads are at it: what it held, or an error', async () => {
    const path = at('shrinking');
    const all = Buffer.from(x.buffer);
    for (let round = 0; round < 200; round++) {
      fs.writeFileSync(path, all);
      const fd = fs.openSync(path, 'r+');
      const most = mostOf(fd, 0, rows, { threads: 2 });
      // Before they begin, in the middle and after they are done.
      for (const end = performance.now() + (round % 50) / 100; performance.now() < end;) continue;
      fs.ftruncateSync(fd, (round * 7919) % all.length);
      const found = await most.then(
        (result) => (result as { data: Float32Array }).data,
        (error: Error) => error.message,
      );
      if (typeof found === 'string') expect(found).toContain('status 11');
      else expect(found).toEqual(expected);
      fs.closeSync(fd);
    }
  });
});

test('a file that loses its end while it is read is one error', async () => {
  const folder = writeInputs(at('cut'));
  const path = join(folder, 'good.npy');
  const { size } = fs.statSync(path);
  let isCut = false;
  const job = runJob({
    inputs: [path],
    outputs: [{ path: join(folder, 'y.npy'), op: 'logsumexp' }],
    blockBytes: 100_000,
    onProgress: () => {
      if (!isCut) fs.truncateSync(path, Math.floor(size / 2));
      isCut = true;
    },
  });
  expect((await failure(job)).message).toMatch(/ended at byte \d+ while it was read/);
  expect(fs.readdirSync(folder)).not.toContain('y.npy');
});

/** Fails reads of 4 KiB of one file, as a disk with a bad sector does; those before end there. */
const failing = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
typedef ssize_t (*Read)(int, void *, size_t, long);
static ssize_t reads(const char *name, int fd, void *to, size_t count, long at) {
  char link[64], path[4096];
  const char *bad = getenv("FAIL_PATH");
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = bad ? readlink(link, path, sizeof path - 1) : -1;
  if (length > 0 && (path[length] = 0, strcmp(path, bad) == 0)) {
    long from = atol(getenv("FAIL_FROM"));
    if (at >= from && at < from + 4096) return errno = EIO, -1;
    if (at < from && at + (long)count > from) count = from - at;
  }
  return ((Read)dlsym(RTLD_NEXT, name))(fd, to, count, at);
}
ssize_t pread(int fd, void *to, size_t count, long at) { return reads("pread", fd, to, count, at); }
ssize_t pread64(int fd, void *to, size_t count, long at) { return reads("pread64", fd, to, count, at); }
`;

const compiles = runs('cc', '--version') && process.env['SOFTLANE_SANITIZE'] === undefined;
(compiles ? describe : describe.skip)(
  'a disk that fails in the middle (skipped without cc, and under sanitizers)',
  () => {
    const library = (): string => {
      const path = at('failing.so');
      if (fs.existsSync(path)) return path;
      fs.writeFileSync(at('failing.c'), failing);
      execFileSync('cc', ['-shared', '-fPIC', '-o', path, at('failing.c'), '-ldl']);
      return path;
    };
    test.each([
      ['read by the addon', []],
      ['read into memory', ['--verify', '0.01']],
    ])('%s: one error with the place; what was kept goes on', (name, flags) => {
      const folder = at(`failing ${name}`);
      fs.mkdirSync(folder);
      const path = join(folder, 'good.npy');
      const many = new Float32Array(2 ** 20).map((_, i) => x[i % x.length]!);
      fs.writeFileSync(path, npy(dict(`(${many.length / cols}, ${cols})`), bytesOf(many)));
      // Between the pieces by which the file is known again.
      const bad = 2_730_530;
      const env = { LD_PRELOAD: library(), FAIL_PATH: fs.realpathSync(path), FAIL_FROM: `${bad}` };
      const job = [
        ...[cli, 'score', 'good.npy', '--op', 'softmax', '--out', 'y.npy', '--quiet'],
        ...['--limit-memory', '1m', '--part-size', '500k', ...flags],
      ];
      const failed = command(process.execPath, job, { cwd: folder, env });
      expect(failed.stderr).toBe(
        `softlane: good.npy: cannot be read at byte ${bad}: the device reported an input/output error\n`,
      );
      expect(failed.status).toBe(3);
      expect(fs.existsSync(join(folder, 'y.npy'))).toBe(false);
      const again = job.filter((word) => word !== '--quiet');
      const resumed = command(process.execPath, [...again, '--resume', '--json'], { cwd: folder });
      const from = /"resumedFrom":(\d+)/.exec(resumed.stdout)?.[1];
      expect(Number(from)).toBeGreaterThan(0);
      softlane(['score', 'good.npy', '--op', 'softmax', '--out', 'z.npy'], { cwd: folder });
      const [y, z] = ['y.npy', 'z.npy'].map((each) => fs.readFileSync(join(folder, each)));
      expect(y!.equals(z!)).toBe(true);
    });
  },
);
