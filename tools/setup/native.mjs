import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { addon, at, cache } from './paths.mjs';
import { Stop, node, run, step } from './run.mjs';
import { clearStamp, digest, filesIn, readStamp, writeStamp } from './stamp.mjs';

/** Choices that reach CMake, from the environment. */
function options() {
  const sanitize = process.env.SOFTLANE_SANITIZE ?? '';
  const known = ['address', 'undefined', 'address,undefined', 'thread'];
  if (!['', ...known].includes(sanitize)) {
    throw new Stop(`expected ${known.join(', ')} for SOFTLANE_SANITIZE but received ${sanitize}.`);
  }
  return { SOFTLANE_SANITIZE: sanitize, SOFTLANE_WERROR: process.env.CI ? 'ON' : 'OFF' };
}

// A change of any of these needs a fresh CMake cache; a change of a source only needs make. The root is among them, as the
// cache of a folder that was copied builds the sources that it was copied from.
function configuration() {
  const { platform, arch, env } = process;
  return {
    root: at(),
    platform,
    arch,
    ...options(),
    CXX: env.CXX ?? '',
    CXXFLAGS: env.CXXFLAGS ?? '',
  };
}

function digests() {
  const { version, binary } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
  const sources = [...filesIn('native'), ...filesIn('CMakeLists.txt')];
  const configured = digest([], configuration());
  return { configured, built: digest(sources, [configured, version, binary]) };
}

export function nativeBuilt() {
  return existsSync(addon) && readStamp('native') === digests().built;
}

/** What CMake must know to build for Linux on another processor. */
export function crossDefines(/** @type {string} */ processor) {
  return { CMAKE_SYSTEM_NAME: 'Linux', CMAKE_SYSTEM_PROCESSOR: processor };
}

/**
 * @param {string} command a cmake-js command
 * @param {Parameters<typeof run>[2]} [settings]
 * @param {Record<string, string>} [choices] for CMake
 * @param {string[]} [flags] for cmake-js
 */
export function cmakeJs(command, settings, choices = options(), flags = []) {
  const defines = Object.entries(choices).map(([name, value]) => `--CD${name}=${value}`);
  const parallel = String(availableParallelism());
  const args = [command, '--directory', at(), '--parallel', parallel, '--log-level', 'warn'];
  const file = at('node_modules', 'cmake-js', 'bin', 'cmake-js');
  return node(file, [...args, ...flags, ...defines], settings);
}

/**
 * The addon for another processor, in a folder where SOFTLANE_PREBUILD finds it.
 *
 * @param {string} name @param {string} processor @param {string} compiler
 */
export async function crossNative(name, processor, compiler) {
  const folder = join(cache, 'native', name);
  const flags = ['--out', join(folder, 'build')];
  await step(`compiling the native addon (cmake, ${processor})`, () =>
    cmakeJs(
      'compile',
      { quiet: true, env: { CXX: compiler } },
      { SOFTLANE_WERROR: options().SOFTLANE_WERROR, ...crossDefines(processor) },
      flags,
    ),
  );
  return folder;
}

export async function ensureNative() {
  if (nativeBuilt()) return;
  const { configured, built } = digests();
  const command = readStamp('cmake') === configured ? 'build' : 'rebuild';
  clearStamp('native');
  const output = await step('compiling the native addon (cmake)', () =>
    cmakeJs(command, { quiet: true }),
  );
  if (/warning:/.test(output)) process.stderr.write(output);
  writeStamp('cmake', configured);
  writeStamp('native', built);
}

/**
 * The runtimes of sanitizers must be in the process before node: what to put in its environment.
 *
 * @returns {Promise<Record<string, string>>}
 */
export async function sanitizerEnvironment() {
  const { SOFTLANE_SANITIZE: kind } = options();
  if (!kind) return {};
  const names = { address: 'libasan.so', undefined: 'libubsan.so', thread: 'libtsan.so' };
  const libraries = [];
  for (const one of kind.split(',')) {
    const name = names[/** @type {keyof typeof names} */ (one)];
    const flag = `-print-file-name=${name}`;
    libraries.push((await run(process.env.CXX ?? 'c++', [flag], { quiet: true })).output.trim());
  }
  return {
    LD_PRELOAD: libraries.join(' '),
    // Node itself is not instrumented: its leaks and races are not ours to report. Too large an ArrayBuffer is to be
    // refused as ever, not to end the process.
    ASAN_OPTIONS: process.env.ASAN_OPTIONS ?? 'detect_leaks=0:allocator_may_return_null=1',
    TSAN_OPTIONS: process.env.TSAN_OPTIONS ?? 'ignore_noninstrumented_modules=1',
  };
}
