// The proofs that take other builds or other tools than `npm test` has; docs/testing.md says what
// each shows. `--quick` is the share of them that continuous integration runs.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { setUp } from './setup/index.mjs';
import { at } from './setup/paths.mjs';
import { ensurePrograms } from './setup/programs.mjs';
import { Stop, node, say, which } from './setup/run.mjs';

/** @typedef {{quick: boolean}} Choice */

async function programs() {
  await setUp({ native: false }); // what they are to do comes from dist/
  const helper = at('test', 'native', 'programs.cjs');
  return /** @type {typeof import('../test/native/programs.cjs')} */ (
    createRequire(helper)(helper)
  );
}

/** Whether the tools are there; says which one is not. */
function have(/** @type {string} */ proof, /** @type {string[]} */ ...tools) {
  const missing = tools.filter((tool) => !which(tool));
  if (missing.length > 0) say(`${proof}: skipped, there is no ${missing.join(', no ')} here`);
  return missing.length === 0;
}

function report(/** @type {string} */ what, /** @type {unknown} */ result) {
  console.log(`${what}: ${JSON.stringify(result)}`);
}

/**
 * Jest's tests, as another process of this tool that sees another environment.
 *
 * @param {Record<string, string>} env
 * @param {string[]} args
 */
async function jest(env, ...args) {
  return (await node(at('tools', 'dev.mjs'), ['test', ...args], { env })).code;
}

/** Under address or undefined: the programs, then all of the tests. */
async function sanitized(/** @type {string} */ sanitize, /** @type {Choice} */ { quick }) {
  const { runMemory, runProgram } = await programs();
  const folder = await ensurePrograms({ sanitize });
  const lengths = quick ? 'few' : 'some';
  report(`memory, ${sanitize}`, await runMemory(folder, { lengths }));
  report(`pool, ${sanitize}`, await runProgram(folder, 'pool', { seconds: quick ? 0.5 : 5 }));
  return quick ? 0 : jest({ SOFTLANE_SANITIZE: sanitize }, '--testPathIgnorePatterns=quickstart');
}

/** The pool under ThreadSanitizer. */
async function tsan(/** @type {Choice} */ { quick }) {
  const { runProgram } = await programs();
  const folder = await ensurePrograms({ sanitize: 'thread' });
  const env = { TSAN_OPTIONS: 'die_after_fork=0 atexit_sleep_ms=0' };
  report('pool, thread', await runProgram(folder, 'pool', { seconds: quick ? 1 : 5 }, { env }));
  return 0;
}

/** Memcheck knows no AVX-512: the scalar kernels, and those of AVX2. */
async function valgrind(/** @type {Choice} */ { quick }) {
  if (!have('valgrind', 'valgrind')) return 0;
  const { runMemory } = await programs();
  const folder = await ensurePrograms({ sanitize: '' });
  const under = ['valgrind', '--quiet', '--error-exitcode=9', '--leak-check=full'];
  for (const isa of quick ? ['scalar'] : ['scalar', 'avx2']) {
    report(`memory, valgrind, ${isa}`, await runMemory(folder, { lengths: 'few', isa }, { under }));
  }
  return 0;
}

/** What each of qemu's CPUs must run. It hides AVX-512 from all, and an instruction that is hidden ends the process. */
const OLD_CPUS = {
  Nehalem: 'scalar',
  'Haswell,-fma': 'scalar',
  'Haswell,-avx2': 'scalar',
  Haswell: 'avx2',
};

async function oldCpus(/** @type {Choice} */ { quick }) {
  if (!have('old CPUs', 'qemu-x86_64')) return 0;
  const { runProgram } = await programs();
  const folder = await ensurePrograms({ sanitize: '' });
  const here = await runProgram(folder, 'bits');
  for (const [cpu, isa] of Object.entries(OLD_CPUS).slice(quick ? 2 : 0)) {
    const under = ['qemu-x86_64', '-cpu', cpu];
    const there = await runProgram(folder, 'bits', {}, { under });
    const same = JSON.stringify(there.hashes) === JSON.stringify(here.hashes);
    report(`bits, ${cpu}`, { isa: there.isa, same, calls: Object.keys(there.hashes).length });
    if (!same || there.isa !== isa) return 1;
    if (quick) continue;
    // The addon itself in a node on that CPU, against the stored hashes.
    await setUp();
    const tests = [at('node_modules', 'jest', 'bin', 'jest.js'), '--runInBand', 'bits'];
    const [file, ...flags] = [...under, process.execPath, ...tests, '-t', 'the stored hashes'];
    const { status } = spawnSync(file, flags, { stdio: 'inherit', cwd: at() });
    if (status !== 0) return 1;
  }
  return 0;
}

/** A build by clang: the same hashes as that by gcc, and the same as those that are stored. */
async function clang(/** @type {Choice} */ { quick }) {
  if (!have('clang', 'clang++', 'g++')) return 0;
  const { runProgram, runMemory } = await programs();
  const [ours, other] = [
    await ensurePrograms({ sanitize: '', compiler: 'g++' }),
    await ensurePrograms({ sanitize: '', compiler: 'clang++' }),
  ];
  const [gcc, llvm] = [await runProgram(ours, 'bits'), await runProgram(other, 'bits')];
  const same = JSON.stringify(gcc) === JSON.stringify(llvm);
  report('bits, g++ and clang++', { same, calls: Object.keys(llvm.hashes).length });
  if (!same) return 1;
  report('memory, clang++', await runMemory(other, { lengths: 'some' }));
  return quick ? 0 : jest({ CXX: 'clang++' }, 'bits', 'math', 'symbols', 'operators');
}

/** Every float, and every length up to 4,200. */
function exhaustive() {
  return jest({ SOFTLANE_EXHAUSTIVE: '1' }, 'math', 'memory');
}

/** @type {Record<string, (choice: Choice) => Promise<number>>} */
export const proofs = {
  exhaustive,
  asan: (choice) => sanitized('address', choice),
  ubsan: (choice) => sanitized('undefined', choice),
  tsan,
  valgrind,
  'old-cpus': oldCpus,
  clang,
};

/** @param {string} name @param {string[]} args */
export async function prove(name, args) {
  try {
    return await proofs[name]({ quick: args.includes('--quick') });
  } catch (error) {
    throw error instanceof Stop
      ? error
      : new Stop(`${name}: ${/** @type {Error} */ (error).message}`);
  }
}
