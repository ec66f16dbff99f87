import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { SoftlaneError } from '../lib/errors';
import { loadBinding } from '../lib/loader';
import { command } from './helpers/cli';

const root = join(__dirname, '..');
const addon = join(root, 'build', 'Release', 'softlane.node');
const { platform, arch, versions } = process;
const { version } = JSON.parse(
  execFileSync(process.execPath, ['-p', `JSON.stringify(require('./package.json'))`], {
    cwd: root,
    encoding: 'utf8',
  }),
) as { version: string };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'softlane-loader-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function failure(directory: string): SoftlaneError {
  try {
    loadBinding(directory);
  } catch (error) {
    if (error instanceof SoftlaneError) return error;
    throw error;
  }
  throw new Error('expected loadBinding to throw');
}

function put(file: string, ...parts: string[]): string {
  const target = join(folder, ...parts);
  mkdirSync(join(target, '..'), { recursive: true });
  cpSync(file, target);
  return target;
}

describe('a binary that fits', () => {
  test('is loaded, and is of this version', () => {
    expect(loadBinding().version).toBe(version);
  });

  test('is found among the prebuilt ones', () => {
    put(addon, 'prebuilds', `${platform}-${arch}`, 'softlane.glibc.node');
    expect(loadBinding(folder).version).toBe(version);
  });

  test('is the compiled one where both exist', () => {
    put(addon, 'build', 'Release', 'softlane.node');
    put(__filename, 'prebuilds', `${platform}-${arch}`, 'softlane.glibc.node');
    expect(loadBinding(folder).version).toBe(version);
  });

  test('loads in several worker threads at once, and again after they ended', async () => {
    const code = `require('worker_threads').parentPort.postMessage(require(${JSON.stringify(addon)}).version)`;
    const inWorker = () =>
      new Promise((resolve, reject) => {
        const worker = new Worker(code, { eval: true });
        let received: unknown;
        worker.on('message', (message) => (received = message));
        worker.on('error', reject);
        worker.on('exit', () => resolve(received));
      });
    for (let round = 0; round < 3; round++) {
      const versionsSeen = await Promise.all(Array.from({ length: 4 }, inWorker));
      expect(versionsSeen).toEqual(Array(4).fill(version));
    }
  });
});

describe('no binary', () => {
  test('is one error that names the machine and the one command', () => {
    const error = failure(folder);
    expect(error.code).toBe('ERR_SOFTLANE_NO_BINARY');
    expect(error.message).toContain(`no compiled addon for ${platform}-${arch} (libc `);
    expect(error.message).toContain(`Node ABI ${versions.modules}`);
    expect(error.message).toContain(
      `compile it with \`npx --yes cmake-js@8 compile --directory ${folder}\``,
    );
    expect(error.message).not.toContain('\n');
    expect(error.cause).toBeUndefined();
    if (platform === 'linux') expect(error.message).toMatch(/libc (glibc \d+\.\d+|musl)/);
  });

  test('names the path from here, quoted where it must be', () => {
    const spaced = join(folder, 'a b');
    mkdirSync(spaced);
    expect(failure(spaced).message).toContain(`--directory "${spaced}"`);
    const home = process.cwd();
    try {
      process.chdir(folder);
      mkdirSync('inner');
      expect(failure(join(process.cwd(), 'inner')).message).toContain('--directory inner`');
    } finally {
      process.chdir(home);
    }
  });

  test('in a clone, the command is the clone’s own', () => {
    mkdirSync(join(folder, 'tools'));
    writeFileSync(join(folder, 'tools', 'dev.mjs'), '');
    expect(failure(folder).message).toContain('compile it with `npm run build`');
  });

  test('a binary for another platform does not count', () => {
    put(addon, 'prebuilds', 'aix-ppc64', 'softlane.node');
    expect(failure(folder).message).toContain('no compiled addon for');
  });

  test('nor does one for another libc', () => {
    put(addon, 'prebuilds', `${platform}-${arch}`, 'softlane.musl.node');
    expect(failure(folder).message).toContain('no compiled addon for');
  });
});

test('a binary that is there but does not load is another error, with its cause', () => {
  const file = put(__filename, 'prebuilds', `${platform}-${arch}`, 'softlane.glibc.node');
  const error = failure(folder);
  expect(error.code).toBe('ERR_SOFTLANE_NO_BINARY');
  expect(error.message).toContain(`found its compiled addon at ${file} but could not load it`);
  expect(error.message).toContain('npx --yes cmake-js@8 compile');
  const cause = error.cause as Error;
  expect(cause.message.length).toBeGreaterThan(0);
  expect(error.message).toContain(cause.message.trim());
});

const permission =
  Number(versions.node.split('.')[0]) < 24 ? '--experimental-permission' : '--permission';

test.each([[['--no-addons']], [[permission, '--allow-fs-read=*']]])(
  'a process that loads no addons (node %j) is told so, not to compile one',
  (flags) => {
    const code = `try { require('./dist/loader').loadBinding() } catch (error) {
      console.log(JSON.stringify([error.code, error.message, error.cause.code])) }`;
    const { stdout } = command(process.execPath, [...flags, '-e', code], { cwd: root });
    const [name, message, cause] = JSON.parse(stdout) as [string, string, string];
    expect([name, cause]).toEqual(['ERR_SOFTLANE_NO_BINARY', 'ERR_DLOPEN_DISABLED']);
    expect(message).toContain(`its compiled addon at ${addon}, but this process loads no addons`);
    expect(message).toContain('without --no-addons, or with --allow-addons beside --permission');
    expect(message).not.toContain('compile it');
  },
);
