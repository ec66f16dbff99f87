import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '');
export const at = (/** @type {string[]} */ ...parts) => join(root, ...parts);

/** Where the native build lands; node-gyp-build looks here first. */
export const addon = at('build', 'Release', 'softlane.node');
/** What the set-up remembers between runs. */
export const cache = at('.cache');
