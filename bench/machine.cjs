// @ts-check
'use strict';

const { execFileSync } = require('node:child_process');
const { readFileSync } = require('node:fs');
const os = require('node:os');

/** More than this of one CPU taken by other programs, or by the host, and the figures are not to be trusted. */
const BUSY = 0.05;

/** @param {string} path @returns {string} '' where there is no such file */
function text(path) {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

/**
 * Time since the machine's start that its CPUs were at work, from the first line of /proc/stat.
 * @param {string} stat
 * @returns {{ busy: number, stolen: number } | null} seconds of all CPUs together; stolen by the host of a virtual one
 */
function parseStat(stat) {
  const [label, ...fields] = stat.split('\n')[0].split(/\s+/);
  if (label !== 'cpu' || fields.length < 7) return null;
  const [user, nice, system, , , interrupt, soft, stolen = 0] = fields.map((field) => +field / 100);
  return { busy: user + nice + system + interrupt + soft, stolen };
}

/** @typedef {{ at: number, own: number, machine: ReturnType<typeof parseStat> }} CpuTime */

/** @returns {CpuTime} seconds */
function cpuTime() {
  const { user, system } = process.cpuUsage();
  return {
    at: Number(process.hrtime.bigint()) / 1e9,
    own: (user + system) / 1e6,
    machine: parseStat(text('/proc/stat')),
  };
}

/**
 * What others did between two readings, as a share of one CPU.
 * @param {CpuTime} before @param {CpuTime} after
 * @returns {number | null} null where that cannot be known
 */
function othersShare(before, after) {
  const wall = after.at - before.at;
  if (!before.machine || !after.machine || !(wall > 0)) return null;
  const own = after.own - before.own;
  const busy = after.machine.busy - before.machine.busy;
  const stolen = after.machine.stolen - before.machine.stolen;
  // The kernel counts in hundredths of a second.
  return Math.max(0, (busy - own - 0.02) / wall) + Math.max(0, (stolen - 0.01) / wall);
}

/** The word in brackets of a file such as /sys/kernel/mm/transparent_hugepage/enabled. @param {string} choices */
function chosen(choices) {
  return /\[(\w+)\]/.exec(choices)?.[1] ?? '';
}

/** @param {string} module */
function versionOf(module) {
  try {
    return require(`${module}/package.json`).version;
  } catch {
    return '';
  }
}

/** @param {number} bytes */
function size(bytes) {
  const [unit, name] =
    bytes >= 2 ** 30 ? [2 ** 30, 'GiB'] : bytes >= 2 ** 20 ? [2 ** 20, 'MiB'] : [1024, 'KiB'];
  return `${Number((bytes / unit).toPrecision(3))} ${name}`;
}

/** The commit of this checkout, with a plus where something was changed; '' outside of one. */
function commit() {
  const git = (/** @type {string[]} */ ...args) =>
    execFileSync('git', args, {
      cwd: __dirname,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no', '..') !== '';
    return `${git('rev-parse', '--short', 'HEAD').trim()}${changed ? '+' : ''}`;
  } catch {
    return '';
  }
}

/**
 * The machine as the results name it; unknown facts are left out.
 * @param {import('../lib/capabilities').Capabilities} capabilities
 * @param {string} build "key=value" lines of the addon
 * @returns {Record<string, string>}
 */
function facts({ cpu, isa, isas, version }, build) {
  const { l1d, l2, l3 } = cpu.caches;
  const caches = [l1d && `L1d ${size(l1d)}`, l2 && `L2 ${size(l2)}`, l3 && `L3 ${size(l3)}`];
  const cpufreq = '/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor';
  const usable = isas.filter(({ supported }) => supported).map(({ name }) => name);
  const known = {
    cpu: cpu.brand || os.cpus()[0]?.model || '',
    caches: caches.filter(Boolean).join(', '),
    isa: `${isa} (usable: ${usable.join(', ')})`,
    cpus: `${cpu.allowed} allowed of ${os.cpus().length}`,
    quota: cpu.quota === null ? 'none' : `${cpu.quota} CPUs`,
    governor: text(cpufreq),
    memory: size(os.totalmem()),
    hugePages: chosen(text('/sys/kernel/mm/transparent_hugepage/enabled')),
    kernel: `${os.type()} ${os.release()} ${os.arch()}`,
    node: `${process.version} (V8 ${process.versions.v8})`,
    softlane: [version, commit()].filter(Boolean).join(' at '),
    compiler: /^compiler=(.*)$/m.exec(build)?.[1] ?? '',
    onnxruntime: versionOf('onnxruntime-node'),
  };
  return Object.fromEntries(Object.entries(known).filter(([, value]) => value !== ''));
}

/** Bytes that a new process may take. */
function freeMemory() {
  const available = /^MemAvailable:\s+(\d+) kB/m.exec(text('/proc/meminfo'));
  const free = available ? Number(available[1]) * 1024 : os.freemem();
  const limit = process.constrainedMemory?.() ?? 0;
  return limit > 0 ? Math.min(free, limit) : free;
}

module.exports = { BUSY, cpuTime, facts, freeMemory, othersShare, parseStat };
