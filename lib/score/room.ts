/** Whether results can have a place at all, before a job begins. */
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SoftlaneFileError } from './errors';
import type { Feed } from './feed';
import type { JobOptions } from './job-types';
import type { Product } from './product';
import { rowWords } from './table';

/** What a number takes at least, in any format. */
const leastBytes = 2;

/**
 * Refuses rows without columns whose results would fill the disk: a head of some hundred bytes can claim 2^53 of them. Rows
 * with columns are as many as their file has bytes for, and a disk that they fill says so when it is full.
 */
export async function requireRoom(
  { outputs }: JobOptions,
  { cols, rows = 0 }: Feed,
  products: readonly Product[],
): Promise<void> {
  if (cols > 0) return;
  for (const [i, { path }] of outputs.entries()) {
    if (path === '-') continue;
    const needed = rows * rowWords({ ...products[i]!, flat: false }) * leastBytes;
    const found = await statfs(dirname(path)).catch(() => undefined);
    if (found === undefined || needed <= found.bavail * found.bsize) continue;
    const reason = `has no room for the results of ${rows} rows without columns`;
    throw new SoftlaneFileError('ERR_SOFTLANE_OUTPUT_UNWRITABLE', path, reason);
  }
}
