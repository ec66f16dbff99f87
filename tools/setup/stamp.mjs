import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { at, cache, root } from './paths.mjs';

/** All files below a folder (or the file itself), sorted, so that a digest is stable. */
export function filesIn(/** @type {string} */ path) {
  const full = at(path);
  try {
    return readdirSync(full, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
      .sort();
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    if (code === 'ENOTDIR') return [full];
    if (code === 'ENOENT') return [];
    throw error;
  }
}

/**
 * A digest over file contents and a few values: what a build step was made from.
 * Contents, not times, so that a checkout or a touch rebuilds nothing.
 *
 * @param {string[]} files absolute paths
 * @param {unknown} values
 */
export function digest(files, values) {
  const hash = createHash('sha256').update(JSON.stringify(values));
  for (const file of files) {
    hash.update(`\0${relative(root, file).split(sep).join('/')}\0`).update(readFileSync(file));
  }
  return hash.digest('hex');
}

const stampFile = (/** @type {string} */ name) => join(cache, `${name}.stamp`);

export function readStamp(/** @type {string} */ name) {
  try {
    return readFileSync(stampFile(name), 'utf8');
  } catch {
    return '';
  }
}

export function writeStamp(/** @type {string} */ name, /** @type {string} */ value) {
  mkdirSync(dirname(stampFile(name)), { recursive: true });
  writeFileSync(stampFile(name), value);
}

export function clearStamp(/** @type {string} */ name) {
  rmSync(stampFile(name), { force: true });
}
