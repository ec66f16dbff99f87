/**
 * The addon as this process is configured: loaded once, checked against this JavaScript, and with the environment
 * variables SOFTLANE_ISA, SOFTLANE_THREADS and SOFTLANE_VERIFY applied. `import 'softlane'` does all of it, so a wrong
 * value is one error at start-up; modules that need no native code (the catalogue, the oracle) load nothing.
 */
import type { Binding } from '../binding';
import { SoftlaneError, SoftlaneRangeError, describe, listOf, wrongType } from './errors';
import { readKnown, threadCount } from './check';
import { loadBinding } from './loader';
import { ALGORITHMS, CURRENT_ISA, DEFAULT_THREADS, MAX_THREADS, SPEC_LENGTH, Status } from './spec';
import { parseVerify, setVerify } from './verify';

/** Settings of the process; a field that is absent stays as it is. */
export interface Configuration {
  /** Instruction set for calls that name none: one of those in `capabilities().isas`, or 'auto' for the best. */
  readonly isa?: string;
  /** Threads for calls that name no number, or 'auto' for what the CPU affinity and the container allow. */
  readonly threads?: number | 'auto';
  /** Check results against the float64 oracle: always, for a share of the calls, or never. */
  readonly verify?: 'always' | 'off' | number;
}

/** Why a setting has its value. */
export type Reason = 'default' | 'environment' | 'configure';

interface Runtime {
  readonly binding: Binding;
  /** One entry per name in `binding.isas`. */
  readonly supported: Int32Array;
  readonly bestIsa: number;
  /** What this module set last, with its reason. */
  isa: { index: number; reason: Reason };
  threads: { count: number; reason: Reason };
}

let runtime: Runtime | undefined;

/** The addon, ready for use. */
export function native(): Binding {
  return (runtime ?? start()).binding;
}

/** The addon with what is known about this machine. */
export function current(): Runtime {
  return runtime ?? start();
}

function start(): Runtime {
  const binding = loadBinding();
  if (binding.specLength !== SPEC_LENGTH || binding.algorithms.join() !== ALGORITHMS.join()) {
    throw new SoftlaneError(
      'ERR_SOFTLANE_BINARY',
      `softlane: expected an addon built from the same version of softlane, received version ${binding.version}; reinstall the package or run npm run build`,
    );
  }
  const supported = new Int32Array(binding.isas.length);
  binding.supported(supported);
  const bestIsa = supported.indexOf(1);
  const started: Runtime = {
    binding,
    supported,
    bestIsa,
    isa: { index: bestIsa, reason: 'default' },
    threads: { count: defaultThreads(binding), reason: 'default' },
  };
  applyEnvironment(started, process.env);
  runtime = started;
  return started;
}

/** The number of threads that the process starts with: what the CPU affinity and the container allow. */
function defaultThreads(binding: Binding): number {
  return Number(/^threads=([0-9]+)$/m.exec(binding.cpu())?.[1] ?? 1);
}

/**
 * The native settings belong to the process. Another thread may have called configure() before this one loads softlane:
 * what is no longer at its default stays as it is.
 */
function applyEnvironment(started: Runtime, env: NodeJS.ProcessEnv): void {
  const { binding } = started;
  const isa = env['SOFTLANE_ISA'];
  if (isa !== undefined && isa !== '') {
    const index = findIsa(started, 'SOFTLANE_ISA', isa, 'ERR_SOFTLANE_ENV');
    if (binding.getIsa() === started.isa.index) binding.setIsa(index);
    started.isa = { index, reason: 'environment' };
  }
  const threads = env['SOFTLANE_THREADS'];
  if (threads !== undefined && threads !== '') {
    const count = /^[0-9]{1,5}$/.test(threads) ? Number(threads) : 0;
    if (count < 1 || count > MAX_THREADS) {
      throw new SoftlaneRangeError(
        'ERR_SOFTLANE_ENV',
        `softlane: expected SOFTLANE_THREADS to be an integer from 1 to ${MAX_THREADS}, received ${describe(threads)}`,
      );
    }
    if (binding.getThreads() === started.threads.count) binding.setThreads(count);
    started.threads = { count, reason: 'environment' };
  }
  const verify = env['SOFTLANE_VERIFY'];
  if (verify !== undefined && verify !== '') {
    const share = parseVerify(/^[0-9.]+(e-?[0-9]+)?$/i.test(verify) ? Number(verify) : verify);
    if (share === undefined) {
      throw new SoftlaneRangeError(
        'ERR_SOFTLANE_ENV',
        `softlane: expected SOFTLANE_VERIFY to be "always", "off" or a share from 0 to 1, received ${describe(verify)}`,
      );
    }
    setVerify(share);
  }
}

function findIsa(
  started: Runtime,
  argument: string,
  value: unknown,
  code: 'ERR_SOFTLANE_ISA' | 'ERR_SOFTLANE_ENV',
  operator = 'softlane',
  others: readonly string[] = [],
): number {
  const { isas } = started.binding;
  const usable = [...isas.filter((_, i) => started.supported[i] === 1), ...others];
  const index = isas.indexOf(value as string);
  if (index < 0) {
    throw new SoftlaneRangeError(
      code,
      `${operator}: expected ${argument} to be ${listOf(usable)}, received ${describe(value)}`,
    );
  }
  if (started.supported[index] !== 1) {
    throw new SoftlaneRangeError(
      code,
      `${operator}: expected ${argument} to be an instruction set that this CPU and operating system support (${listOf(usable)}), received ${describe(value)}`,
    );
  }
  return index;
}

/** Index of a named ISA in the addon's list. `others`: what the caller takes beside names, for the error. */
export function isaIndex(
  operator: string,
  argument: string,
  value: unknown,
  others: readonly string[] = [],
): number {
  if (typeof value !== 'string') {
    throw wrongType(operator, argument, listOf([...current().binding.isas, ...others]), value);
  }
  return findIsa(current(), argument, value, 'ERR_SOFTLANE_ISA', operator, others);
}

/** Name of the ISA that a spec asks for. */
export function isaName(index: number): string {
  const { binding } = current();
  return binding.isas[index === CURRENT_ISA ? binding.getIsa() : index] ?? 'unknown';
}

const KEYS: readonly string[] = ['isa', 'threads', 'verify'];

/**
 * Changes settings of the whole process (`isa`, `threads`) and of this thread's softlane (`verify`). All of them are
 * checked before any is changed. They change speed, never a result: the bits are the same on every ISA and for every
 * number of threads.
 *
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_ISA`
 *
 * @example
 * ```ts
 * import { configure } from 'softlane';
 * configure({ threads: 2, verify: 0.01 });
 * ```
 */
export function configure(settings: Configuration): void {
  const given = readKnown('configure', 'settings', settings, KEYS);
  const started = current();
  const { isa, threads, verify } = given;
  const isaTo =
    isa === undefined || isa === 'auto'
      ? started.bestIsa
      : isaIndex('configure', 'isa', isa, ['auto']);
  const threadsTo =
    threads === undefined || threads === 'auto'
      ? DEFAULT_THREADS
      : threadCount('configure', 'threads', threads, ' or "auto"');
  const verifyTo = verify === undefined ? 0 : checkVerify(verify);

  if (isa !== undefined) {
    mustBeOk(started.binding.setIsa(isaTo));
    started.isa = { index: isaTo, reason: isa === 'auto' ? 'default' : 'configure' };
  }
  if (threads !== undefined) {
    mustBeOk(started.binding.setThreads(threadsTo));
    started.threads = {
      count: started.binding.getThreads(),
      reason: threads === 'auto' ? 'default' : 'configure',
    };
  }
  if (verify !== undefined) setVerify(verifyTo);
}

function checkVerify(value: unknown): number {
  const share = parseVerify(value);
  if (share !== undefined) return share;
  const expected = '"always", "off" or a number from 0 to 1';
  if (typeof value !== 'number' && typeof value !== 'string') {
    throw wrongType('configure', 'verify', expected, value);
  }
  throw new SoftlaneRangeError(
    'ERR_SOFTLANE_VALUE',
    `configure: expected verify to be ${expected}, received ${describe(value)}`,
  );
}

function mustBeOk(status: number): void {
  if (status === Status.OK) return;
  throw new SoftlaneError(
    'ERR_SOFTLANE_INTERNAL',
    `configure: expected the addon to accept the setting, received status ${status}`,
  );
}
