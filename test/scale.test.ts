/**
 * Scoring on several machines, against a real Redis: what comes out is what `softlane score` makes of the same job,
 * whatever happens to workers and to Redis meanwhile.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { softlane, type Outcome } from './helpers/cli';
import { badRow, bytesOf, cols, rows, writeInputs } from './helpers/job-inputs';
import { dict, npy, Scratch } from './helpers/npy';
import { freePort } from './helpers/port';
import { hasRedis, RedisServer } from './helpers/redis';
import { WorkerProcess } from './helpers/scale';

const scratch = new Scratch('scale');
const at = (...names: string[]): string => join(scratch.folder, ...names);
const rowBytes = 4 * cols;

let server: RedisServer;
const open: { client: Redis | undefined; workers: WorkerProcess[] } = {
  client: undefined,
  workers: [],
};

const worker = async (queue: string, ...more: string[]): Promise<WorkerProcess> => {
  const started = new WorkerProcess(server.address, queue, ...more);
  open.workers.push(started);
  return started.ready();
};

/** Runs a command on a queue. */
const ask = (queue: string, command: string, ...args: string[]): Outcome =>
  softlane([command, ...args, '--queue', queue], { env: { SOFTLANE_REDIS: server.address } });

const answer = (outcome: Outcome): any => {
  expect({ status: outcome.status, stderr: outcome.stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(outcome.stdout.trimEnd().split('\n').at(-1)!);
};

/** Writes a job into its folder; `submit` gives its id. */
const writeJob = (folder: string, job: object): string => {
  const path = join(folder, 'job.json');
  fs.writeFileSync(path, JSON.stringify(job));
  return path;
};
const submit = (queue: string, path: string, ...more: string[]): any =>
  answer(ask(queue, 'submit', path, '--json', ...more));
const stateOf = (queue: string, job: string): any => answer(ask(queue, 'status', job, '--json'));
const key = (queue: string, ...words: string[]): string =>
  ['bull', `${queue}-0.1`, ...words].join(':');

const leftovers = (folder: string): string[] =>
  fs.readdirSync(folder).filter((name) => /\.tmp-|\.job$|\.parts-/.test(name));
const same = (a: string, b: string): boolean => fs.readFileSync(a).equals(fs.readFileSync(b));

/** An input that takes a worker a good while: `count` rows of 4 KiB. */
function largeInput(folder: string, count: number): string {
  const path = join(folder, 'large.npy');
  const block = Float32Array.from({ length: 1024 * 64 }, (_, i) => Math.fround(Math.sin(i) * 9));
  const file = fs.openSync(path, 'w');
  fs.writeSync(file, npy(dict(`(${count}, 1024)`)));
  for (let row = 0; row < count; row += 64)
    fs.writeSync(file, bytesOf(block), 0, 4 * 1024 * Math.min(64, count - row));
  fs.closeSync(file);
  return path;
}

beforeAll(async () => {
  if (!hasRedis) return;
  server = await new RedisServer(at('redis')).start();
  open.client = new Redis(server.socket, { maxRetriesPerRequest: null });
  open.client.on('error', () => undefined);
});
afterAll(async () => {
  for (const started of open.workers) if (!started.ended) await started.end('SIGKILL');
  open.client?.disconnect();
  if (hasRedis) await server.kill();
});

(hasRedis ? describe : describe.skip)(
  'with a Redis (skipped where redis-server is not installed)',
  () => {
    test('two workers make every output of one machine, byte for byte, and submitting twice adds nothing', async () => {
      const folder = writeInputs(at('formats'));
      const parts = (name: string) => ({
        outputs: [
          { op: 'softmax', path: `${name}.npy` },
          { op: 'top-k', path: `${name}.arrow`, parameters: { k: 3 } },
          { op: 'cross-entropy', path: `${name}.csv` },
          { op: 'entropy', path: `${name}.jsonl` },
          { op: 'top-1', path: `${name}.safetensors` },
        ],
        metrics: { path: `${name}.json` },
        reject: `${name}.bad.jsonl`,
        manifest: `${name}.manifest.json`,
      });
      const twice = Buffer.concat(
        [0, 1].map(() => fs.readFileSync(join(folder, 'labels.npy')).subarray(-4 * rows)),
      );
      fs.writeFileSync(join(folder, 'both.npy'), npy(dict(`(${2 * rows},)`, "'<i4'"), twice));
      const path = writeJob(folder, {
        inputs: ['[xg]*.npy'],
        labels: 'both.npy',
        verify: 0.01,
        partBytes: 700 * rowBytes,
        ...parts('many'),
      });
      const first = submit('a', path);
      expect(first).toMatchObject({ ranges: 10, rows: 2 * rows, before: 'new', added: true });
      expect(await open.client!.llen(key('a', 'wait'))).toBe(10);
      expect(submit('a', path)).toMatchObject({ job: first.job, before: 'running', added: false });
      expect(await open.client!.llen(key('a', 'wait'))).toBe(10);

      const workers = [await worker('a', '--drain'), await worker('a', '--drain')];
      expect(await Promise.all(workers.map((each) => each.end()))).toEqual([0, 0]);
      const watched = ask('a', 'watch', first.job.slice(0, 9), '--quiet');
      expect([watched.status, watched.stderr]).toEqual([6, '']);
      const ranges = workers.flatMap((each) => each.heard('range')).map(({ number }) => number);
      expect(ranges.sort((a, b) => a - b)).toEqual(Array.from({ length: 10 }, (_, i) => i));

      const { outputs } = parts('one');
      const words = outputs.flatMap(({ op, path, parameters }) => [
        ...['--op', op, '--out', join(folder, path)],
        ...(parameters ? ['--set', `k=${parameters.k}`] : []),
      ]);
      const one = softlane([
        ...['score', join(folder, '[xg]*.npy'), ...words, '--labels', join(folder, 'both.npy')],
        ...['--metrics', join(folder, 'one.json'), '--reject', join(folder, 'one.bad.jsonl')],
        ...['--manifest', join(folder, 'one.manifest.json'), '--verify', '0.01', '--quiet'],
      ]);
      expect(one).toMatchObject({ status: 6, stderr: '' });
      for (const end of ['npy', 'arrow', 'csv', 'jsonl', 'safetensors', 'json', 'bad.jsonl']) {
        expect({
          end,
          same: same(join(folder, `many.${end}`), join(folder, `one.${end}`)),
        }).toEqual({ end, same: true });
      }
      const manifest = (name: string): any =>
        JSON.parse(fs.readFileSync(join(folder, `${name}.manifest.json`), 'utf8'));
      const [many, alone] = [manifest('many'), manifest('one')];
      for (const name of ['rows', 'rejected', 'metrics', 'version'])
        expect(many[name]).toEqual(alone[name]);
      expect(many.job.inputs).toEqual(alone.job.inputs);
      expect(stateOf('a', first.job).summary.verified).toEqual(alone.verified);
      expect(leftovers(folder)).toEqual([]);
      expect(submit('a', path)).toMatchObject({ before: 'completed', added: false });
    });

    test('a worker that is killed in the middle of a range loses nothing: another takes it', async () => {
      const folder = at('killed');
      fs.mkdirSync(folder);
      largeInput(folder, 16_384);
      const path = writeJob(folder, {
        inputs: ['large.npy'],
        outputs: [{ op: 'softmax', path: 'many.npy' }],
        partBytes: 2 ** 25,
      });
      const { ranges } = submit('b', path);
      expect(ranges).toBe(2);
      const lost = await worker('b');
      const [parts] = leftovers(folder);
      const begun = (): number => leftovers(join(folder, parts)).length;
      const oneMore = async (before: number): Promise<void> => {
        while (begun() === before) await new Promise((resolve) => setImmediate(resolve));
      };
      await oneMore(0);
      expect(await lost.end('SIGKILL')).toBe('SIGKILL');
      expect(begun()).toBe(1);
      const hasty = await worker('b');
      await oneMore(1);
      hasty.signal('SIGTERM');
      await hasty.until((each) => each.stderr.includes('a second signal leaves at once'));
      expect(await hasty.end('SIGTERM')).toBe(143);
      expect([...lost.events, ...hasty.events].map(({ event }) => event)).toEqual([
        'ready',
        'ready',
      ]);
      const other = await worker('b', '--drain');
      expect(await other.end()).toBe(0);
      const taken = other.heard('range').map(({ number, before }) => [number, before]);
      expect(taken.sort()).toEqual([
        [0, false],
        [1, false],
      ]);
      softlane([
        'score',
        join(folder, 'large.npy'),
        '--op',
        'softmax',
        '--out',
        join(folder, 'one.npy'),
      ]);
      expect(same(join(folder, 'many.npy'), join(folder, 'one.npy'))).toBe(true);
      expect(leftovers(folder)).toEqual([]);
    });

    test('a bad row ends the job once, with file and row; what was done is not done again', async () => {
      const folder = writeInputs(at('poison'));
      const job = { inputs: ['good.npy', 'x.npy'], badRows: 'stop', partBytes: 500 * rowBytes };
      const path = writeJob(folder, { ...job, outputs: [{ op: 'softmax', path: 'y.npy' }] });
      const { job: id } = submit('c', path);
      const only = await worker('c');
      await only.until((each) => each.heard('failed').length > 0);
      const message = `${join(folder, 'x.npy')}: row ${badRow}: NaN in column 7`;
      const watched = ask('c', 'watch', id);
      expect([watched.status, watched.stdout]).toEqual([3, '']);
      expect(watched.stderr).toBe(`softlane: ${message}\n`);
      // Ranges come in order: nothing after the bad one was begun, and nothing waits.
      expect(only.heard('range').map(({ number }) => number)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
      expect(await open.client!.llen(key('c', 'wait'))).toBe(0);
      expect(fs.existsSync(join(folder, 'y.npy'))).toBe(false);

      expect(submit('c', path)).toMatchObject({ job: id, before: 'failed', added: true });
      await only.until((each) => each.heard('failed').length > 1);
      const again = only.heard('range').slice(8);
      expect(again.map(({ number, before }) => [number, before])).toEqual(
        [0, 1, 2, 3, 4, 5, 6, 7].map((number) => [number, true]),
      );
      // The message is the same, and the job failed once each time.
      expect(only.heard('failed').map((each) => each['message'])).toEqual(
        Array(2).fill(`${message} [ERR_SOFTLANE_INPUT_VALUE]`),
      );
      await only.end('SIGKILL');
    });

    test('a job that is cancelled leaves nothing; its worker goes on with others', async () => {
      const folder = at('cancelled');
      fs.mkdirSync(folder);
      largeInput(folder, 4096);
      const outputs = (name: string) => ({ outputs: [{ op: 'softmax', path: name }] });
      // The multiplication of a head takes seconds, and no disk.
      const head = Float32Array.from({ length: 2048 * 1024 }, (_, i) => (i % 7) - 3);
      fs.writeFileSync(join(folder, 'head.npy'), npy(dict('(2048, 1024)'), bytesOf(head)));
      const long = { inputs: ['large.npy'], head: 'head.npy', ...outputs('y.npy') };
      const { job } = submit('d', writeJob(folder, long));
      const cut = ask('d', 'submit', join(folder, 'job.json'), '--range-size', '8MiB');
      expect([cut.status, cut.stderr]).toEqual([
        4,
        expect.stringContaining(`is of another job, ${job.slice(0, 13)}: cancel that one`),
      ]);
      const anew = ask('d', 'submit', join(folder, 'job.json'), '--force');
      expect(anew.stderr).toContain(`is at work on ${job}: cancel it before it is done anew`);
      const only = await worker('d');
      const [parts] = leftovers(folder);
      while (leftovers(join(folder, parts)).length === 0) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(answer(ask('d', 'cancel', job, '--json'))).toEqual({ event: 'cancelled', job });
      expect(fs.readdirSync(folder).sort()).toEqual(['head.npy', 'job.json', 'large.npy']);
      await only.until((each) => each.heard('stopped').length > 0);
      expect(only.heard('range')).toEqual([]);
      expect(ask('d', 'watch', job).status).toBe(1);
      const keys = await open.client!.keys(key('d', '[jr]*'));
      expect(keys).toEqual([]);
      const short = writeJob(folder, {
        inputs: ['large.npy'],
        outputs: [{ op: 'max-logit', path: 'z.npy' }],
      });
      const next = submit('d', short).job;
      await only.until((each) => each.heard('job', next).length > 0);
      expect(fs.existsSync(join(folder, 'z.npy'))).toBe(true);
      // Told to leave, it does: with the code of the signal, and its range done.
      expect(await only.end('SIGTERM')).toBe(143);
      expect(only.stderr).toContain('leaving after the range at hand');
    });

    test('1,000 ranges, and a Redis that loses its power among them', async () => {
      const folder = writeInputs(at('thousand'));
      const path = writeJob(folder, {
        inputs: ['good.npy'],
        outputs: [{ op: 'logsumexp', path: 'many.npy' }],
        partBytes: 3 * rowBytes,
      });
      const { job, ranges } = submit('e', path);
      expect(ranges).toBe(1000);
      const workers = [await worker('e', '--drain'), await worker('e', '--drain')];
      await workers[0]!.until((each) => each.heard('range').length >= 100);
      await server.kill();
      await workers[0]!.until((each) => each.stderr.includes('the connection is lost'));
      await server.start();
      expect(await Promise.all(workers.map((each) => each.end()))).toEqual([0, 0]);
      expect(workers[0]!.stderr).toContain('the connection is back');
      const numbers = workers.flatMap((each) => each.heard('range')).map(({ number }) => number);
      expect(new Set(numbers).size).toBe(1000);
      expect(stateOf('e', job)).toMatchObject({
        state: 'completed',
        ranges: 1000,
        rangesDone: 1000,
      });
      softlane([
        'score',
        join(folder, 'good.npy'),
        '--op',
        'logsumexp',
        '--out',
        join(folder, 'one.npy'),
      ]);
      expect(same(join(folder, 'many.npy'), join(folder, 'one.npy'))).toBe(true);
    });

    test('an input that changed, another version, and a machine without the storage are refused', async () => {
      const folder = writeInputs(at('refused'));
      const job = { inputs: ['good.npy'], outputs: [{ op: 'softmax', path: 'y.npy' }] };
      const { job: id } = submit('f', writeJob(folder, job));
      const time = new Date();
      fs.utimesSync(join(folder, 'good.npy'), time, time);
      const only = await worker('f');
      await only.until((each) => each.heard('failed').length > 0);
      const changed = ask('f', 'watch', id);
      expect(changed.status).toBe(3);
      expect(changed.stderr).toContain('good.npy: changed since the job was submitted');
      expect(only.heard('range')).toEqual([]);

      const queue = new Queue('f-0.1', { connection: open.client! });
      const made = await queue.add('finish', { plan: { softlane: '9.1.0' } }, { attempts: 3 });
      await only.until((each) => each.heard('failed').length > 1);
      expect(only.heard('failed')[1]!['message']).toContain(
        'made by softlane 9.1.0, and this worker is 0.1.0',
      );
      expect((await queue.getJob(made.id!))!.attemptsMade).toBe(1);

      const lost = join(folder, 'mount');
      fs.mkdirSync(lost);
      const there = { ...job, outputs: [{ op: 'softmax', path: 'mount/y.npy' }] };
      await only.end('SIGKILL');
      submit('g', writeJob(folder, there));
      fs.renameSync(lost, `${lost}-elsewhere`);
      const blind = await worker('g');
      expect(await blind.end()).toBe(4);
      expect(blind.stderr).toContain(`${lost}: is not seen by this machine`);
      fs.renameSync(`${lost}-elsewhere`, lost);
      expect(await (await worker('g', '--drain')).end()).toBe(0);
      expect(fs.existsSync(join(lost, 'y.npy'))).toBe(true);
      await queue.close();
    });

    test('a Redis that evicts is warned of; a password is never shown', async () => {
      const port = await freePort();
      const settings = [
        '--port',
        String(port),
        '--requirepass',
        'geheim',
        '--maxmemory',
        '100mb',
        '--maxmemory-policy',
        'allkeys-lru',
      ];
      const other = await new RedisServer(at('strict'), settings).start();
      try {
        const folder = writeInputs(at('strict-job'));
        const path = writeJob(folder, {
          inputs: ['good.npy'],
          outputs: [{ op: 'entropy', path: 'y.npy' }],
        });
        const as = (password: string, ...args: string[]): Outcome =>
          softlane(args, { env: { SOFTLANE_REDIS: `redis://:${password}@127.0.0.1:${port}` } });
        const wrong = as('falsch', 'submit', path);
        expect([wrong.status, wrong.stderr.includes('falsch')]).toEqual([1, false]);
        expect(wrong.stderr).toContain('WRONGPASS');
        const right = as('geheim', 'submit', path);
        expect(right.status).toBe(0);
        expect(right.stderr).toContain('its maxmemory-policy is allkeys-lru');
        expect(right.stdout + right.stderr).not.toContain('geheim');
      } finally {
        await other.kill();
      }
    });
  },
);

describe('without a Redis', () => {
  test('what cannot be reached, and what is no address or no job, is a sentence', () => {
    const folder = writeInputs(at('alone'));
    const run = (job: unknown, redis: string): [number | null, string] => {
      const path = writeJob(folder, job as object);
      const { status, stderr } = softlane(['submit', path, '--redis', redis]);
      return [status, stderr.trimEnd()];
    };
    const good = { inputs: ['good.npy'], outputs: [{ op: 'entropy', path: 'y.npy' }] };
    const nowhere = `unix://${at('nowhere.sock')}`;
    expect(run(good, nowhere)).toEqual([
      1,
      `softlane: ${nowhere}: cannot be used: there is no such socket`,
    ]);
    expect(run(good, 'host:1')[1]).toContain('--redis');
    expect(run(good, 'http://me:secret@host')[1]).not.toContain('secret');
    const job = join(folder, 'job.json');
    expect(run({ ...good, threads: 2 }, nowhere)).toEqual([
      2,
      `softlane: ${job}: threads is the worker's to say: softlane worker --help`,
    ]);
    expect(run({ ...good, inputs: ['-'] }, nowhere)[1]).toContain(
      'expected inputs to be a list, each a file',
    );
    expect(run({ ...good, output: [] }, nowhere)[1]).toContain(
      'does not take output; it has inputs,',
    );
    expect(run({ ...good, outputs: [{ op: 'entropie', path: 'y.npy' }] }, nowhere)[0]).toBe(2);
  });
});
