import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cache } from './paths.mjs';
import { say } from './run.mjs';

const file = join(cache, 'setup.lock');

function alive(/** @type {number} */ pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

function tryTake() {
  mkdirSync(cache, { recursive: true });
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
  }
  const owner = Number(readOwner());
  if (owner > 0 && !alive(owner)) rmSync(file, { force: true });
  return false;
}

function readOwner() {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/**
 * Two terminals may start at once; the second waits for the first one's set-up, then finds
 * nothing left to do. A lock whose owner died is taken over.
 *
 * @template T
 * @param {() => Promise<T>} action
 */
export async function locked(action) {
  for (let waited = 0; !tryTake(); waited++) {
    if (waited === 1) say('another set-up is at work in this folder; waiting for it');
    await sleep(waited === 0 ? 20 : 500);
  }
  try {
    return await action();
  } finally {
    rmSync(file, { force: true });
  }
}
