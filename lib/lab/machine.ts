import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import type { Capabilities } from '../capabilities';

/** More than this of one CPU taken by other programs, or by the host, and the figures are not to be trusted. */
export const BUSY = 0.05;

/** '' where there is no such file. */
function text(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

/** Seconds of all CPUs together; `stolen` by the host of a virtual one. */
interface MachineTime {
  readonly busy: number;
  readonly stolen: number;
}

/** Time since the machine's start that its CPUs were at work, from the first line of /proc/stat. */
export function parseStat(stat: string): MachineTime | null {
  const [label, ...fields] = stat.split('\n')[0].split(/\s+/);
  if (label !== 'cpu' || fields.length < 7) return null;
  const [user, nice, system, , , interrupt, soft, stolen = 0] = fields.map((field) => +field / 100);
  return { busy: user + nice + system + interrupt + soft, stolen };
}

/** Seconds. */
export interface CpuTime {
  readonly at: number;
  readonly own: number;
  readonly machine: MachineTime | null;
}

export function cpuTime(): CpuTime {
  const { user, system } = process.cpuUsage();
  return {
    at: Number(process.hrtime.bigint()) / 1e9,
    own: (user + system) / 1e6,
    machine: parseStat(text('/proc/stat')),
  };
}

/** What others did between two readings, as a share of one CPU; null where that cannot be known. */
export function othersShare(before: CpuTime, after: CpuTime): number | null {
  const wall = after.at - before.at;
  if (!before.machine || !after.machine || !(wall > 0)) return null;
  const own = after.own - before.own;
  const busy = after.machine.busy - before.machine.busy;
  const stolen = after.machine.stolen - before.machine.stolen;
  // The kernel counts in hundredths of a second.
  return Math.max(0, (busy - own - 0.02) / wall) + Math.max(0, (stolen - 0.01) / wall);
}

/** The word in brackets of a file such as /sys/kernel/mm/transparent_hugepage/enabled. */
function chosen(choices: string): string {
  return /\[(\w+)\]/.exec(choices)?.[1] ?? '';
}

function versionOf(module: string): string {
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- optional, and a fact of this machine
    return (require(`${module}/package.json`) as { version: string }).version;
  } catch {
    return '';
  }
}

export function sizeText(bytes: number): string {
  const [unit, name] =
    bytes >= 2 ** 30 ? [2 ** 30, 'GiB'] : bytes >= 2 ** 20 ? [2 ** 20, 'MiB'] : [1024, 'KiB'];
  return `${Number((bytes / unit).toPrecision(3))} ${name}`;
}

/** The commit of this checkout, with a plus where something was changed; '' outside of one. */
function commit(): string {
  const git = (...args: string[]): string =>
    execFileSync('git', args, {
      cwd: __dirname,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  try {
    // An installed package may lie in somebody else's checkout.
    if (
      !/(^|\n)package\.json\n/.test(git('ls-files', '--full-name', '../../package.json') + '\n')
    ) {
      return '';
    }
    const changed = git('status', '--porcelain', '--untracked-files=no', '../..') !== '';
    return `${git('rev-parse', '--short', 'HEAD').trim()}${changed ? '+' : ''}`;
  } catch {
    return '';
  }
}

/** One field of the first CPU in /proc/cpuinfo. */
const cpuField = (name: string): string =>
  new RegExp(`^${name}\\s*:\\s*(.*)$`, 'm').exec(text('/proc/cpuinfo'))?.[1] ?? '';

/** The memory that the container may take, where there is a limit. */
function memoryLimit(): string {
  const limit = process.constrainedMemory?.() ?? 0;
  return limit > 0 && limit < os.totalmem() ? sizeText(limit) : '';
}

/** The machine as the results name it; unknown facts are left out. `build`: "key=value" lines of the addon. */
export function facts(has: Capabilities, build: string): Record<string, string> {
  const { cpu, isa, isas, version } = has;
  const { l1d, l2, l3 } = cpu.caches;
  const caches = [
    l1d > 0 && `L1d ${sizeText(l1d)}`,
    l2 > 0 && `L2 ${sizeText(l2)}`,
    l3 > 0 && `L3 ${sizeText(l3)}`,
  ];
  const cpufreq = '/sys/devices/system/cpu/cpu0/cpufreq';
  const mhz = Number(text(`${cpufreq}/scaling_cur_freq`)) / 1000 || Number(cpuField('cpu MHz'));
  const usable = isas.filter(({ supported }) => supported).map(({ name }) => name);
  const boost = text('/sys/devices/system/cpu/cpufreq/boost');
  const known = {
    cpu: cpu.brand || os.cpus()[0]?.model || '',
    family: [cpuField('cpu family'), cpuField('model'), cpuField('stepping')]
      .filter(Boolean)
      .join('/'),
    microcode: cpuField('microcode'),
    caches: caches.filter(Boolean).join(', '),
    isa: `${isa} (usable: ${usable.join(', ')})`,
    cpus: `${cpu.allowed} allowed of ${os.cpus().length}`,
    quota: cpu.quota === null ? 'none' : `${cpu.quota} CPUs`,
    memoryLimit: memoryLimit(),
    smt: text('/sys/devices/system/cpu/smt/control'),
    mhz: mhz > 0 ? `${Math.round(mhz)} at the start` : '',
    governor: text(`${cpufreq}/scaling_governor`),
    boost: boost === '' ? '' : boost === '1' ? 'on' : 'off',
    hypervisor: / hypervisor /.test(` ${cpuField('flags')} `) ? 'yes' : '',
    memory: sizeText(os.totalmem()),
    hugePages: chosen(text('/sys/kernel/mm/transparent_hugepage/enabled')),
    aslr: text('/proc/sys/kernel/randomize_va_space'),
    kernel: `${os.type()} ${os.release()} ${os.arch()}`,
    node: `${process.version} (V8 ${process.versions.v8})`,
    softlane: [version, commit()].filter(Boolean).join(' at '),
    compiler: /^compiler=(.*)$/m.exec(build)?.[1] ?? '',
    onnxruntime: versionOf('onnxruntime-node'),
    tfjs: versionOf('@tensorflow/tfjs-core'),
  };
  return Object.fromEntries(Object.entries(known).filter(([, value]) => value !== ''));
}

/** Bytes that a new process may take. */
export function freeMemory(): number {
  const available = /^MemAvailable:\s+(\d+) kB/m.exec(text('/proc/meminfo'));
  const free = available ? Number(available[1]) * 1024 : os.freemem();
  const limit = process.constrainedMemory?.() ?? 0;
  return limit > 0 ? Math.min(free, limit) : free;
}

/** Bytes of this process in pages of 2 MiB; null where the system does not say. */
export function hugePageBytes(): number | null {
  const found = /^AnonHugePages:\s+(\d+) kB/m.exec(text('/proc/self/smaps_rollup'));
  return found ? Number(found[1]) * 1024 : null;
}

/** The CPUs that this process may run on, as numbers; empty where the system does not say. */
export function allowedCpus(): number[] {
  return parseCpuList(cpuList());
}

/** The same as the system writes it: "0-3,8". */
export function cpuList(): string {
  return /^Cpus_allowed_list:\s+(\S+)$/m.exec(text('/proc/self/status'))?.[1] ?? '';
}

export function parseCpuList(list: string): number[] {
  return list
    .split(',')
    .filter((part) => /^\d+(-\d+)?$/.test(part))
    .flatMap((part) => {
      const [first, last = first] = part.split('-').map(Number);
      return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
    });
}
