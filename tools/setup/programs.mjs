import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { crossDefines, nativeBuilt } from './native.mjs';
import { at, cache } from './paths.mjs';
import { run, step, which } from './run.mjs';
import { clearStamp, digest, filesIn, readStamp, writeStamp } from './stamp.mjs';

/**
 * The programs of test/native, in a folder of their own for each way to build them.
 *
 * By default as the environment says. Optimised kernels take minutes to compile with sanitizers; another processor has a
 * compiler of its own; `kernels` is the build to take kernels from.
 *
 * @param {{sanitize?: string, compiler?: string, optimise?: boolean, processor?: string, kernels?: string}} [way]
 * @returns {Promise<string>} the folder they are in
 */
export async function ensurePrograms({
  sanitize = process.env.SOFTLANE_SANITIZE ?? '',
  compiler = process.env.CXX ?? '',
  optimise = true,
  processor = '',
  kernels = '',
} = {}) {
  const type = optimise ? 'Release' : 'Debug';
  const words = [sanitize || 'plain', compiler && basename(compiler), optimise ? '' : 'debug'];
  const name = words.filter(Boolean).join('-');
  // The addon's own kernels where those are the same, which also saves minutes of compiling them again.
  if (name === 'plain' && !process.env.CXX && nativeBuilt()) kernels = at('build');
  const folder = join(cache, 'native', name);
  const stamp = `programs-${name}`;
  const sources = [...filesIn('native'), ...filesIn('test/native'), ...filesIn('CMakeLists.txt')];
  const wanted = digest(sources, { sanitize, compiler, type, ci: Boolean(process.env.CI) });
  if (readStamp(stamp) === wanted) return folder;
  clearStamp(stamp);
  mkdirSync(folder, { recursive: true });
  const defines = {
    CMAKE_BUILD_TYPE: type,
    SOFTLANE_PROGRAMS: 'ON',
    SOFTLANE_SANITIZE: sanitize,
    SOFTLANE_WERROR: process.env.CI ? 'ON' : 'OFF',
    SOFTLANE_KERNELS: kernels,
    ...(compiler && { CMAKE_CXX_COMPILER: compiler }),
    ...(processor && crossDefines(processor)),
  };
  const options = Object.entries(defines).map(([key, value]) => `-D${key}=${value}`);
  const generator = which('ninja') ? ['-G', 'Ninja'] : [];
  const ways = name === 'plain' ? '' : `, ${name}`;
  await step(`compiling the native test programs (cmake${ways})`, async () => {
    const configured = await run('cmake', ['-B', folder, ...generator, ...options], {
      quiet: true,
    });
    if (configured.code !== 0) return configured;
    const parallel = String(availableParallelism());
    return run('cmake', ['--build', folder, '--parallel', parallel], { quiet: true });
  });
  writeStamp(stamp, wanted);
  return folder;
}
