/** What is refused on the way to several machines: addresses, a Redis, workers, and jobs before they are in the queue. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { cli, command, plainEnvironment, softlane, type Outcome } from './helpers/cli';
import { labels, rows, writeInputs } from './helpers/job-inputs';
import { Scratch } from './helpers/npy';
import { freePort } from './helpers/port';
import { hasRedis, RedisServer } from './helpers/redis';

const scratch = new Scratch('scale-refusals');
const at = (...names: string[]): string => join(scratch.folder, ...names);
const ask = (redis: string, ...args: string[]): Outcome =>
  softlane(args, { env: { SOFTLANE_REDIS: redis } });

/** The exit code, one sentence on standard error, nothing on standard output. */
function expectFailure(outcome: Outcome, status: number, sentence: string): void {
  expect(outcome).toEqual({ status, stdout: '', stderr: expect.stringContaining(sentence) });
  expect(outcome.stderr).toMatch(/^softlane: [^\n]*\n$/);
}

function writeJob(folder: string, job: object): string {
  const path = join(folder, 'job.json');
  fs.writeFileSync(path, JSON.stringify(job));
  return path;
}

test('an address that cannot be read is wrong usage, and its password is not shown', () => {
  for (const address of ['redis://:p%ZZ@host', 'redis://p%ZZ:q@host', 'unix:///%ZZ']) {
    const outcome = ask(address, 'status');
    expectFailure(outcome, 2, 'expected --redis to be an address');
    expect(outcome.stderr.includes('p%ZZ')).toBe(false);
  }
});

test('a worker that could compute nothing does not begin', () => {
  const nowhere = `unix://${at('nowhere.sock')}`;
  expectFailure(ask(nowhere, 'worker', '--isa', 'foo'), 2, 'worker: expected --isa to be "');
  const env = { SOFTLANE_REDIS: nowhere, SOFTLANE_ISA: 'foo' };
  expectFailure(softlane(['worker'], { env }), 2, 'expected SOFTLANE_ISA to be "');
});

describe('a Redis that takes a connection and says nothing', () => {
  let silent: Server;
  let address: string;

  beforeAll(async () => {
    silent = createServer((socket) => socket.on('error', () => undefined).resume());
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    address = `redis://:geheim@127.0.0.1:${(silent.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((resolve) => silent.close(resolve)));

  test('is given up, by its address without the password', async () => {
    const script = `
      const { Broker } = require(process.argv[1]);
      Broker.open({ redis: process.argv[2], queue: 'q', version: '0.1.0', patience: 20 }).catch(
        ({ code, message }) => console.log(code, message),
      );`;
    const broker = join(dirname(cli), 'score', 'scale', 'broker.js');
    const label = address.replace(':geheim@', '');
    const outcome = command(process.execPath, ['-e', script, broker, address]);
    // It is seen now that this process goes on.
    await once(silent, 'connection');
    expect(outcome).toEqual({
      status: 0,
      stdout: `ERR_SOFTLANE_QUEUE ${label}: cannot be used: it is not ready after 0.02 seconds\n`,
      stderr: '',
    });
  });

  test.each(['submit', 'worker', 'status', 'watch', 'cancel'])(
    '%s leaves at the first signal',
    async (name) => {
      const folder = writeInputs(at(`silent-${name}`));
      const outputs = [{ op: 'entropy', path: 'y.npy' }];
      const job = writeJob(folder, { inputs: ['good.npy'], outputs });
      const words = { submit: [job], watch: ['j1'], cancel: ['j1'] }[name] ?? [];
      const child = spawn(process.execPath, [cli, name, ...words], {
        env: plainEnvironment({ SOFTLANE_REDIS: address }),
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let stderr = '';
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      await once(silent, 'connection');
      child.kill('SIGINT');
      expect(await once(child, 'close')).toEqual([130, null]);
      expect(stderr).toBe('softlane: stopped by SIGINT\n');
    },
  );
});

describe('submit refuses, with --dry-run too and before it asks a Redis', () => {
  const nowhere = 'redis://127.0.0.1:1';
  const outputs = [{ op: 'entropy', path: 'y.npy' }];
  const good = { inputs: ['good.npy'], outputs };

  test.each<[string, number, object, string, string[]?]>([
    [
      'an output in a folder that is not there',
      4,
      { ...good, outputs: [{ op: 'entropy', path: 'none/y.npy' }] },
      'none/y.npy: cannot be written: no such file or directory',
    ],
    [
      'an output that is the input',
      4,
      { ...good, outputs: [{ op: 'entropy', path: 'good.npy' }] },
      'good.npy: is the input itself',
      ['--force'],
    ],
    [
      'an output that exists',
      4,
      { ...good, metrics: { path: 'labels.npy' } },
      'labels.npy: exists and is not overwritten',
    ],
    ['a manifest that exists', 4, { ...good, manifest: 'x.npy' }, 'x.npy: exists'],
    [
      'a temperature that is none',
      2,
      { ...good, metrics: { path: 'm.json', temperature: -1 } },
      'expected metrics.temperature to be a number greater than 0',
    ],
  ])('%s', (name, status, job, sentence, flags = []) => {
    const folder = writeInputs(at(name));
    const path = writeJob(folder, job);
    const before = fs.readdirSync(folder);
    expectFailure(ask(nowhere, 'submit', path, '--dry-run', ...flags), status, sentence);
    expect(fs.readdirSync(folder)).toEqual(before);
  });

  test('parts of another job', () => {
    const folder = writeInputs(at('parts'));
    const path = writeJob(folder, good);
    const parts = join(folder, 'y.npy.parts-0123456789ab');
    fs.mkdirSync(parts);
    const dry = (...flags: string[]): Outcome =>
      ask(nowhere, 'submit', path, '--dry-run', ...flags);
    expectFailure(dry(), 4, `${parts}: is of another job, j0123456789ab: cancel that one`);
    expect(dry('--force')).toMatchObject({ status: 0, stderr: '' });
    expect(fs.existsSync(parts)).toBe(true);
  });
});

(hasRedis ? describe : describe.skip)(
  'with a Redis (skipped where redis-server is not installed)',
  () => {
    let server: RedisServer;
    let port: number;
    beforeAll(async () => {
      port = await freePort();
      server = await new RedisServer(at('redis'), ['--port', String(port)]).start();
    });
    afterAll(() => server.kill());

    test('a database that it does not have is refused, not taken for the first', () => {
      const address = (db: string): string => `redis://127.0.0.1:${port}${db}`;
      expect(ask(address('/1'), 'status')).toMatchObject({ status: 0, stderr: '' });
      const none = `${address('/99')}: cannot be used: ERR DB index is out of range`;
      expectFailure(ask(address('/99'), 'status'), 1, none);
    });

    test('labels that go on where the input has ended fail the job, as on one machine', () => {
      const folder = writeInputs(at('longer'));
      const lines = (count: number): string =>
        Array.from({ length: count }, (_, row) => `[${labels[row % rows]}]\n`).join('');
      const job = {
        inputs: ['good.npy'],
        labels: 'labels.jsonl',
        outputs: [{ op: 'cross-entropy', path: 'y.npy' }],
        partBytes: 250_000,
      };
      const watched = (count: number): Outcome => {
        fs.writeFileSync(join(folder, 'labels.jsonl'), lines(count));
        const [submitted] = ask(server.address, 'submit', writeJob(folder, job)).stdout.split('\n');
        const drained = ask(server.address, 'worker', '--drain', '--quiet', '--threads', '1');
        expect(drained.status).toBe(0);
        return ask(server.address, 'watch', submitted!, '--quiet');
      };
      const sentence = `${join(folder, 'labels.jsonl')}: goes on where the input has ended`;
      const failed = watched(rows + 1);
      expectFailure(failed, 3, sentence);
      const files = [join(folder, 'good.npy'), '--op', 'cross-entropy'];
      const one = ['--out', join(folder, 'one.npy'), '--labels', join(folder, 'labels.jsonl')];
      expectFailure(softlane(['score', ...files, ...one]), 3, sentence);
      for (const name of fs.readdirSync(folder)) {
        if (name.includes('.parts-')) fs.rmSync(join(folder, name), { recursive: true });
      }
      expect(watched(rows)).toEqual({ status: 0, stdout: '', stderr: '' });
      expect(fs.existsSync(join(folder, 'y.npy'))).toBe(true);
    });
  },
);
