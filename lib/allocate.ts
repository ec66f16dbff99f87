import { size } from './check';
import { native } from './configure';
import { orOutOfMemory, wrongValue } from './errors';
import type { Float32Result } from './types';

const CACHE_LINE = 64;
const HUGE_PAGE = 2 ** 21;
/** From this many bytes on an array begins at a page of 2 MiB, and such pages are asked for. */
const HUGE_FROM = 2 * HUGE_PAGE;
/** Elements; what an engine gives at most lies below, or not far above. */
const MOST = 2 ** 32;

/**
 * A Float32Array of zeros for inputs and outputs that are used again and again: it begins at a cache line (64 bytes), so
 * that every store past the cache is aligned, and from 4 MiB on at a page of 2 MiB, with the system asked for pages of
 * that size (Linux: madvise; elsewhere, or where the system has none to give, ordinary pages). It changes no bits: every
 * function takes any Float32Array, and gives the same result on it.
 *
 * Its buffer is somewhat longer than the array, which is a view into it.
 *
 * @param length elements, a whole number from 0 to 2^32
 * @throws SoftlaneTypeError (ERR_SOFTLANE_TYPE) where length is no number
 * @throws SoftlaneRangeError (ERR_SOFTLANE_VALUE) where it is out of range
 * @throws SoftlaneError (ERR_SOFTLANE_OUT_OF_MEMORY) where there is no such memory
 */
export function allocate(length: number): Float32Result {
  const elements = size('allocate', 'length', length, 0);
  if (elements > MOST) throw wrongValue('allocate', 'length', `at most ${MOST}`, length);
  const boundary = 4 * elements >= HUGE_FROM ? HUGE_PAGE : CACHE_LINE;
  const whole = orOutOfMemory(
    'allocate',
    () => `${elements} elements`,
    () => new Float32Array(elements + boundary / 4),
  );
  // Before anything is written: pages that exist are not exchanged. A refusal leaves ordinary ones.
  if (boundary === HUGE_PAGE) native()._hugePages(whole, 1);
  return beginningAt(whole, boundary, elements);
}

/** The first `length` elements of an array that begin at a multiple of so many bytes, 2 MiB at most. */
export function beginningAt(whole: Float32Result, boundary: number, length: number): Float32Result {
  const skip = (boundary - (native()._place(whole) % boundary)) % boundary;
  return whole.subarray(skip / 4, skip / 4 + length);
}
