import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { at } from './paths.mjs';
import { node, run, step } from './run.mjs';

function readPackages(/** @type {string} */ file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages ?? {};
  } catch {
    return undefined;
  }
}

/**
 * npm leaves a copy of what it installed in node_modules; compare that with the lockfile entry by
 * entry. Optional entries may be absent: they belong to other platforms.
 */
export function packagesInstalled() {
  const wanted = readPackages(at('package-lock.json'));
  const present = readPackages(at('node_modules', '.package-lock.json'));
  if (!wanted || !present) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    if (!present[path]) return Boolean(entry.optional);
    return present[path].version === entry.version && present[path].integrity === entry.integrity;
  });
}

/**
 * npm itself: the one that runs this script, where there is one.
 *
 * @param {string[]} args
 * @param {Parameters<typeof run>[2]} [options]
 */
export function npm(args, options) {
  const cli = process.env.npm_execpath ?? '';
  return basename(cli) === 'npm-cli.js'
    ? node(cli, args, options)
    : run(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, options);
}

/**
 * No dependency needs to run code when it is installed, and onnxruntime-node would fetch several
 * hundred MB of GPU libraries. A dry run of the npm above (`npm publish --dry-run`) is not ours.
 */
export async function ensurePackages() {
  if (packagesInstalled()) return;
  const quietly = ['--no-audit', '--no-fund', '--loglevel=error'];
  await step('installing packages (npm ci)', () =>
    npm(['ci', '--ignore-scripts', '--no-dry-run', ...quietly], { quiet: true }),
  );
}
