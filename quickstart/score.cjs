// @ts-check
'use strict';

const { spawnSync } = require('node:child_process');
const { existsSync } = require('node:fs');
const path = require('node:path');

const CLI = path.join(__dirname, '..', 'dist', 'cli.js');

/**
 * What `softlane score --json` says of a run, as far as it is used here.
 * @typedef {{ rows: number, cols: number, elements: number, seconds: number, elementsPerSecond: number,
 *   bytesPerSecond: number, isa: string, algorithm: string, threads: number, version: string }} Summary
 */

/**
 * Scores a file with the command line that users have, in a process of its own.
 * @param {string} input
 * @param {string} op
 * @param {string} output
 * @returns {Summary}
 */
function score(input, op, output) {
  if (!existsSync(CLI)) throw new Error(`${CLI} is missing: run npm run build first`);
  const args = [CLI, 'score', input, '--op', op, '--out', output, '--json', '--force'];
  const child = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (child.error) throw child.error;
  if (child.status !== 0) {
    const reason = child.stderr.trim() || `it ended with ${child.signal ?? child.status}`;
    throw new Error(`softlane score --op ${op} failed: ${reason}`);
  }
  const last = child.stdout.trim().split('\n').at(-1) ?? '';
  try {
    return JSON.parse(last);
  } catch {
    throw new Error(`softlane score --op ${op} printed no JSON summary, but: ${last}`);
  }
}

module.exports = { score };
