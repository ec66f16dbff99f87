import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { root } from './paths.mjs';

/** An expected failure: its message is all that the user needs to see. */
export class Stop extends Error {
  /** @param {string} message @param {number} [code] */
  constructor(message, code = 1) {
    super(message);
    this.code = code;
  }
}

export function say(/** @type {string} */ line) {
  process.stderr.write(`softlane: ${line}\n`);
}

/** Full path of a program on the PATH, or undefined. */
export function which(/** @type {string} */ program) {
  const suffixes = process.platform === 'win32' ? ['.exe', '.cmd', ''] : [''];
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const suffix of suffixes) {
      const file = join(folder || '.', program + suffix);
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch {
        // not here
      }
    }
  }
  return undefined;
}

/**
 * Runs a program to its end and returns its exit code; a signal counts as 1.
 * `quiet` keeps the output and hands it back instead of showing it.
 *
 * @param {string} program
 * @param {string[]} args
 * @param {{cwd?: string, env?: Record<string, string>, quiet?: boolean}} [options]
 * @returns {Promise<{code: number, output: string}>}
 */
export function run(program, args, { cwd = root, env = {}, quiet = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit',
    });
    let output = '';
    child.stdout?.on('data', (chunk) => (output += chunk));
    child.stderr?.on('data', (chunk) => (output += chunk));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

/**
 * Runs a JavaScript file with this same node.
 *
 * @param {string} file
 * @param {string[]} args
 * @param {Parameters<typeof run>[2]} [options]
 */
export function node(file, args, options) {
  return run(process.execPath, [file, ...args], options);
}

/** A set-up step: one line when it starts; its output only when it fails. */
export async function step(
  /** @type {string} */ title,
  /** @type {() => Promise<{code: number, output: string}>} */ action,
) {
  say(title);
  const { code, output } = await action();
  if (code !== 0) {
    process.stderr.write(output);
    throw new Stop(`${title}: failed`, code);
  }
  return output;
}
