import { createRequire } from 'node:module';
import { at } from './setup/paths.mjs';
import { Stop, node, run, which } from './setup/run.mjs';
import { filesIn } from './setup/stamp.mjs';

const nativeFiles = () => [...filesIn('native'), ...filesIn('test/native')];
const isNative = (/** @type {string} */ file) => /\.(h|cpp)$/.test(file);

/** The binary that the npm package ships, so that everybody formats with one version. */
function clangFormat() {
  try {
    return createRequire(import.meta.url)('clang-format').getNativeBinary();
  } catch {
    const installed = which('clang-format');
    if (installed) return installed;
    throw new Stop(
      'the clang-format package has no binary for this platform; install clang-format.',
    );
  }
}

function prettier(/** @type {string[]} */ args) {
  return node(at('node_modules', 'prettier', 'bin', 'prettier.cjs'), ['--log-level=warn', ...args]);
}

/** Formats the given files, or everything. */
export async function format(/** @type {string[]} */ files) {
  const native = (files.length > 0 ? files : nativeFiles()).filter(isNative);
  const others = files.length > 0 ? files.filter((file) => !isNative(file)) : ['.'];
  const codes = [];
  if (native.length > 0) codes.push((await run(clangFormat(), ['-i', ...native])).code);
  if (others.length > 0) {
    codes.push((await prettier(['--write', '--ignore-unknown', ...others])).code);
  }
  return Math.max(0, ...codes);
}

async function checkFormat() {
  const native = nativeFiles().filter(isNative);
  const codes = [(await prettier(['--check', '.'])).code];
  if (native.length > 0) {
    codes.push((await run(clangFormat(), ['--dry-run', '--Werror', ...native])).code);
  }
  const failed = Math.max(...codes);
  if (failed) process.stderr.write('softlane: npm run format mends the formatting.\n');
  return failed;
}

async function lint() {
  const eslint = await node(at('node_modules', 'eslint', 'bin', 'eslint.js'), [
    '--max-warnings=0',
    '.',
  ]);
  const types = await node(at('node_modules', 'typescript', 'bin', 'tsc'), ['-p', 'tsconfig.json']);
  return Math.max(eslint.code, types.code);
}

/** Formatting, lint and types; all three are reported before the first failure counts. */
export async function check() {
  const formatting = await checkFormat();
  return Math.max(formatting, await lint());
}
