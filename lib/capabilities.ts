import { current } from './configure';
import type { Reason } from './configure';
import { ALGORITHMS } from './spec';

/** What this machine has, what softlane uses of it, and why. */
export interface Capabilities {
  /** Version of softlane. */
  readonly version: string;
  /** `process.platform` and `process.arch`. */
  readonly platform: string;
  readonly arch: string;
  readonly cpu: {
    readonly vendor: string;
    readonly brand: string;
    /** Those of avx2, fma and avx512 (F, VL, BW, DQ together) that the CPU has. */
    readonly features: readonly string[];
    /** Those of the vector registers ymm and zmm that the operating system saves; without, the feature is of no use. */
    readonly osSaves: readonly string[];
    /** Sizes in bytes; 0 where unknown. */
    readonly caches: { readonly l1d: number; readonly l2: number; readonly l3: number };
    /** CPUs that this process may run on. */
    readonly allowed: number;
    /** CPUs that the container's quota is worth; null without a quota. */
    readonly quota: number | null;
  };
  /** The instruction set of calls that name none. */
  readonly isa: string;
  readonly isaReason: 'best supported' | 'SOFTLANE_ISA' | 'configure';
  /** Compiled in, best first. */
  readonly isas: readonly { readonly name: string; readonly supported: boolean }[];
  /** Threads of calls that name no number. */
  readonly threads: number;
  readonly threadsReason: 'CPUs allowed' | 'SOFTLANE_THREADS' | 'configure';
  readonly algorithms: readonly string[];
}

/**
 * Tells what this machine has, what softlane uses of it, and why.
 *
 * @example
 * ```ts
 * import { capabilities } from 'softlane';
 * const { isa, isaReason, threads } = capabilities();
 * console.log(`${isa} (${isaReason}), ${threads} threads`);
 * ```
 */
export function capabilities(): Capabilities {
  const { binding, supported, isa, threads } = current();
  const facts = parseFacts(binding.cpu());
  const isaNow = binding.getIsa();
  const threadsNow = binding.getThreads();
  const number = (key: string): number => Number(facts.get(key) ?? 0) || 0;
  const set = (prefix: string, names: readonly string[]): string[] =>
    names.filter((name) => facts.get(prefix + name) === '1');
  return {
    version: binding.version,
    platform: process.platform,
    arch: process.arch,
    cpu: {
      vendor: facts.get('vendor') ?? '',
      brand: facts.get('brand') ?? '',
      features: set('cpu-', ['avx2', 'fma', 'avx512']),
      osSaves: set('os-', ['ymm', 'zmm']),
      caches: { l1d: number('l1d'), l2: number('l2'), l3: number('l3') },
      allowed: number('affinity'),
      quota: number('quota') || null,
    },
    isa: binding.isas[isaNow] ?? 'unknown',
    // Another thread of the process may have set it after this one did.
    isaReason: ISA_REASONS[isaNow === isa.index ? isa.reason : 'configure'],
    isas: binding.isas.map((name, i) => ({ name, supported: supported[i] === 1 })),
    threads: threadsNow,
    threadsReason: THREAD_REASONS[threadsNow === threads.count ? threads.reason : 'configure'],
    algorithms: ALGORITHMS,
  };
}

const ISA_REASONS = {
  default: 'best supported',
  environment: 'SOFTLANE_ISA',
  configure: 'configure',
} as const satisfies Record<Reason, string>;

const THREAD_REASONS = {
  default: 'CPUs allowed',
  environment: 'SOFTLANE_THREADS',
  configure: 'configure',
} as const satisfies Record<Reason, string>;

/** Lines of key=value. */
function parseFacts(text: string): Map<string, string> {
  const facts = new Map<string, string>();
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=');
    if (equals > 0) facts.set(line.slice(0, equals).toLowerCase(), line.slice(equals + 1).trim());
  }
  return facts;
}
