/** This machine and this command line, as the suites see them. */
import os from 'node:os';
import { capabilities } from '../capabilities';
import { catalogue } from '../catalogue';
import { MAX_THREADS } from '../spec';
import { allowedCpus, parseCpuList } from './machine';
import { integer, list, refuse } from './options';
import type { LabFlags, Setting } from './suite';

/** Where the caches are unknown: more than any that is common. */
const SOME_CACHE = 64 * 2 ** 20;

/** Four times the largest cache, but no array of gigabytes: a virtual machine often reports its host's cache. */
const MOST_BEYOND = 2 ** 27;

export function settingOf(flags: LabFlags, suite: string): Setting {
  const has = capabilities();
  const { l1d, l2, l3 } = has.cpu.caches;
  const cache = Math.max(l1d, l2, l3) || SOME_CACHE;
  return {
    flags,
    has,
    operators: catalogue,
    isas: has.isas.filter(({ supported }) => supported).map(({ name }) => name),
    cache,
    beyond: Math.min(cache, MOST_BEYOND),
    pin: pinOf(flags.pin),
    threads: threadsOf(flags.threads, suite === 'ops' || suite === 'online' ? 1 : has.cpu.allowed),
  };
}

/** 1, 2, 4 ... up to what is allowed, and that; or what was asked for. */
function threadsOf(text: string | undefined, allowed: number): number[] {
  if (text !== undefined) {
    return list('threads', text).map((count) => integer('threads', count, 1, MAX_THREADS));
  }
  const counts: number[] = [];
  for (let count = 1; count < allowed; count *= 2) counts.push(count);
  return [...counts, Math.max(allowed, 1)];
}

function pinOf(text: string | undefined): number[] {
  if (text === undefined) return [];
  const cpus = /^[\d,-]+$/.test(text) ? parseCpuList(text) : [];
  const allowed = allowedCpus();
  const all = allowed.length > 0 ? allowed : os.cpus().map((_, i) => i);
  if (cpus.length > 0 && cpus.every((cpu) => all.includes(cpu))) return cpus;
  return refuse('pin', `CPUs of ${all.join(',')}`, text);
}
