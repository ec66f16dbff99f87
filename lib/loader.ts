/**
 * Finds and loads the compiled addon. There is no install script: the package carries prebuilt binaries, and where
 * none fits, the error below names this machine and the one command that compiles one.
 *
 * Bundlers: node-gyp-build looks for files at run time, which a bundle has lost. Keep softlane external
 * (`serverExternalPackages: ['softlane']` in Next.js, `external: ['softlane']` in esbuild and Rollup), or give the
 * bundler a loader for .node files (`loader: {'.node': 'copy'}` in esbuild): it then follows the literal paths of
 * `shipped`, which are tried when the search finds nothing.
 */
import { existsSync } from 'node:fs';
import { isAbsolute, join, relative } from 'node:path';
import nodeGypBuild from 'node-gyp-build';
import type { Binding } from '../binding';
import { SoftlaneError } from './errors';

/* eslint-disable @typescript-eslint/no-require-imports -- a bundler must see each path as a literal */
const shipped: Readonly<Record<string, () => unknown>> = {
  'linux-x64-glibc': () => require('../prebuilds/linux-x64/softlane.glibc.node'),
};
/* eslint-enable @typescript-eslint/no-require-imports */

const packageRoot = join(__dirname, '..');

/** The addon below `root`: one compiled there (build/Release) before a prebuilt one (prebuilds/). */
export function loadBinding(root: string = packageRoot): Binding {
  const file = find(root);
  try {
    if (file !== undefined) return nodeGypBuild(root) as Binding;
    const bundled = shipped[`${process.platform}-${process.arch}-${libcFamily()}`];
    if (bundled && root === packageRoot) return bundled() as Binding;
  } catch (cause) {
    if (file !== undefined) throw unusable(root, file, cause);
    // The literal path leads nowhere either: there is no binary.
  }
  throw noBinary(`softlane has no compiled addon for ${machine()}; ${remedy(root)}.`);
}

function find(root: string): string | undefined {
  try {
    return nodeGypBuild.resolve(root);
  } catch {
    return undefined;
  }
}

function unusable(root: string, file: string, cause: unknown): SoftlaneError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  if ((cause as { code?: unknown } | null | undefined)?.code === 'ERR_DLOPEN_DISABLED') {
    return noBinary(
      `softlane found its compiled addon at ${file}, but this process loads no addons; ` +
        'start Node.js without --no-addons, or with --allow-addons beside --permission.',
      cause,
    );
  }
  return noBinary(
    `softlane found its compiled addon at ${file} but could not load it on ${machine()} (${reason.trim()}); ` +
      `${remedy(root)}.`,
    cause,
  );
}

function noBinary(message: string, cause?: unknown): SoftlaneError {
  const error = new SoftlaneError('ERR_SOFTLANE_NO_BINARY', message);
  if (cause !== undefined) error.cause = cause;
  return error;
}

function machine(): string {
  const { platform, arch, versions } = process;
  return `${platform}-${arch} (libc ${libc()}, Node ABI ${versions.modules}, Node-API ${versions.napi})`;
}

/** The one command that makes a binary here: a clone has its own, an installed package is compiled by cmake-js. */
function remedy(root: string): string {
  const command = existsSync(join(root, 'tools', 'dev.mjs'))
    ? 'npm run build'
    : `npx --yes cmake-js@8 compile --directory ${shellWord(fromHere(root))}`;
  return `compile it with \`${command}\` (needs CMake and a C++ compiler)`;
}

function fromHere(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith('..') || isAbsolute(short) ? path : short || '.';
}

function shellWord(path: string): string {
  return /^[\w./\\:@+-]+$/.test(path) ? path : JSON.stringify(path);
}

function libc(): string {
  const version = glibcVersion();
  if (process.platform !== 'linux') return 'of the system';
  return version === undefined ? 'musl' : `glibc ${version}`;
}

function libcFamily(): string {
  return process.platform !== 'linux' || glibcVersion() !== undefined ? 'glibc' : 'musl';
}

/** What node itself runs on; a report takes a few milliseconds, so only the failing path asks for one. */
function glibcVersion(): string | undefined {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime;
}
