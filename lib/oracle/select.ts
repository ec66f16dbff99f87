/** Exact references of the selecting operators, for one row. No import, nothing shared with the kernels. */

/** Index of the largest element, the lowest among equals; -1 for an empty row and for a row with a NaN. */
export function argMax(row: ArrayLike<number>): number {
  let best = row.length === 0 ? -1 : 0;
  for (let i = 0; i < row.length; i++) {
    if (Number.isNaN(row[i])) return -1;
    if (row[i] > row[best]) best = i;
  }
  return best;
}
