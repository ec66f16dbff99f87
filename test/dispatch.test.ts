/** What the runtime finds out about the machine, and how many threads it makes of it. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { native } from '../lib/configure';
import { runFixture, runNode } from './helpers/child';

const binding = native();
const root = join(__dirname, '..');

function facts(): Record<string, string> {
  return Object.fromEntries(
    binding
      .cpu()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  ) as Record<string, string>;
}

function usable(): Record<string, boolean> {
  const flags = new Int32Array(binding.isas.length);
  binding.supported(flags);
  return Object.fromEntries(binding.isas.map((name, i) => [name, flags[i] === 1]));
}

describe('CPU', () => {
  test('every fact is there', () => {
    expect(Object.keys(facts())).toEqual([
      ...['architecture', 'vendor', 'brand'],
      ...['cpu-avx2', 'cpu-fma', 'cpu-f16c', 'cpu-avx512', 'os-ymm', 'os-zmm'],
      ...['l1d', 'l2', 'l3', 'affinity', 'quota', 'threads'],
    ]);
  });

  test('best first, scalar always', () => {
    const order = ['avx512', 'avx2', 'neon', 'scalar'];
    expect(binding.isas).toEqual(order.filter((name) => binding.isas.includes(name)));
    expect(usable().scalar).toBe(true);
    expect(process.arch !== 'x64' || binding.isas.length === 3).toBe(true);
  });

  test('an ISA needs the instructions and the saved registers', () => {
    const f = facts();
    const avx2 = ['cpu-avx2', 'cpu-fma', 'cpu-f16c', 'os-ymm'].every((name) => f[name] === '1');
    const avx512 = avx2 && f['cpu-avx512'] === '1' && f['os-zmm'] === '1';
    const vectors = { x64: { avx512, avx2 }, arm64: { neon: true } };
    const here = vectors[process.arch as keyof typeof vectors];
    expect(usable()).toEqual({ ...here, scalar: true });
  });

  // The kernel lists only what it lets programs use.
  const cpuinfo = '/proc/cpuinfo';
  (process.arch === 'x64' && existsSync(cpuinfo) ? test : test.skip)(
    'as the kernel sees it',
    () => {
      const flags = new Set(/^flags\s*:(.*)$/m.exec(readFileSync(cpuinfo, 'utf8'))![1].split(' '));
      const has = (...names: string[]) => names.every((name) => flags.has(name));
      expect(usable()).toMatchObject({
        avx2: has('avx', 'avx2', 'fma', 'f16c'),
        avx512: has('avx2', 'fma', 'f16c', 'avx512f', 'avx512bw', 'avx512dq', 'avx512vl'),
      });
    },
  );

  test('a fresh process uses the best', async () => {
    const script = `const b = require(${JSON.stringify(join(root, 'dist/configure.js'))}).native();
      const flags = new Int32Array(b.isas.length);
      b.supported(flags);
      console.log(b.getIsa() === flags.indexOf(1));`;
    const env = { SOFTLANE_ISA: undefined };
    expect((await runNode(['-e', script], { env })).stdout).toBe('true\n');
  });
});

describe('share of the machine', () => {
  const directory = mkdtempSync(join(tmpdir(), 'softlane-dispatch-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  let count = 0;
  function quota(files: Record<string, string>): number {
    const place = join(directory, String(count++));
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(place, name)), { recursive: true });
      writeFileSync(join(place, name), text);
    }
    return binding._cpuQuota(place);
  }
  const GROUPS = 'proc/self/cgroup';
  const MOUNTS = 'proc/self/mountinfo';
  const v2 = (mounted = '/') =>
    `24 30 0:22 / /proc rw - proc proc rw\n31 23 0:26 ${mounted} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n`;
  const v1 = (mounted = '/') =>
    `33 31 0:29 ${mounted} /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n` +
    `34 31 0:30 ${mounted} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n`;

  test.each<[string, number, Record<string, string>]>([
    ['no files', 0, {}],
    [
      'no limit',
      0,
      { [GROUPS]: '0::/a\n', [MOUNTS]: v2(), 'sys/fs/cgroup/a/cpu.max': 'max 100000\n' },
    ],
    [
      'v2',
      1.5,
      { [GROUPS]: '0::/a\n', [MOUNTS]: v2(), 'sys/fs/cgroup/a/cpu.max': '150000 100000\n' },
    ],
    [
      'v2, an ancestor is narrower',
      0.5,
      {
        [GROUPS]: '0::/a/b/c\n',
        [MOUNTS]: v2(),
        'sys/fs/cgroup/a/cpu.max': '50000 100000\n',
        'sys/fs/cgroup/a/b/cpu.max': 'max 100000\n',
        'sys/fs/cgroup/a/b/c/cpu.max': '400000 100000\n',
      },
    ],
    [
      'v2 in a container with a namespace of its own',
      2,
      { [GROUPS]: '0::/\n', [MOUNTS]: v2(), 'sys/fs/cgroup/cpu.max': '200000 100000\n' },
    ],
    [
      'v2, mounted from a group whose name begins like the own',
      2,
      {
        [GROUPS]: '0::/docker\n',
        [MOUNTS]: v2('/doc'),
        'sys/fs/cgroup/docker/cpu.max': '200000 100000\n',
        'sys/fs/cgroupker/cpu.max': '100000 100000\n',
      },
    ],
    [
      'v2 in a container without one',
      3,
      {
        [GROUPS]: '0::/docker/f00\n',
        [MOUNTS]: v2('/docker/f00'),
        'sys/fs/cgroup/cpu.max': '300000 100000\n',
      },
    ],
    [
      'v2, moved out of its namespace',
      2,
      { [GROUPS]: '0::/../../b\n', [MOUNTS]: v2(), 'sys/fs/cgroup/cpu.max': '200000 100000\n' },
    ],
    [
      'v1',
      2.5,
      {
        [GROUPS]: '5:cpuset:/x\n4:cpu,cpuacct:/a\n1:name=systemd:/y\n',
        [MOUNTS]: v1(),
        'sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us': '250000\n',
        'sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us': '100000\n',
      },
    ],
    [
      'v1 without a limit',
      0,
      {
        [GROUPS]: '4:cpu,cpuacct:/a\n',
        [MOUNTS]: v1(),
        'sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us': '-1\n',
        'sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us': '100000\n',
      },
    ],
    [
      'both, as systemd mounts them',
      4,
      {
        [GROUPS]: '4:cpu,cpuacct:/docker/f00\n0::/docker/f00\n',
        [MOUNTS]: v1('/docker/f00') + v2('/docker/f00'),
        'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '400000\n',
        'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
      },
    ],
    ['nonsense', 0, { [GROUPS]: '0\n::\n0::\n', [MOUNTS]: ' - \n - cgroup2\nx y z' }],
    [
      'a quota of nonsense',
      0,
      { [GROUPS]: '0::/a', [MOUNTS]: v2(), 'sys/fs/cgroup/a/cpu.max': 'x' },
    ],
  ])('control groups: %s', (_, expected, files) => {
    expect(quota(files)).toBe(expected);
  });

  test('threads: the affinity, or the quota rounded up where that is less', () => {
    const f = facts();
    const affinity = Number(f.affinity);
    const granted = f.quota === 'none' ? Infinity : Math.ceil(Number(f.quota));
    expect(Number(f.threads)).toBe(Math.max(1, Math.min(affinity, granted, 1024)));
  });

  const taskset = spawnSync('taskset', ['-c', '0', 'true']).status === 0;
  (taskset ? test : test.skip)('an affinity of one CPU is one thread', () => {
    const script = `console.log(require(${JSON.stringify(join(root, 'dist/configure.js'))}).native().getThreads())`;
    const env = { ...process.env, SOFTLANE_THREADS: '' };
    const ended = spawnSync('taskset', ['-c', '0', process.execPath, '-e', script], { env });
    expect(ended.stdout.toString()).toBe('1\n');
  });
});

test('the pool: no thread before its first use, none busy without work', async () => {
  const ended = await runFixture('pool.cjs', [], { env: { SOFTLANE_THREADS: '' } });
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  const { idleShare, ...threads } = JSON.parse(ended.stdout) as Record<string, number>;
  expect(threads).toEqual({ loaded: 0, small: 0, single: 0, four: 3, six: 6 });
  // A thread that kept spinning would take a whole CPU.
  expect(idleShare).toBeLessThan(0.5);
});
