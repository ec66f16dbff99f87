import { expect } from '@jest/globals';

/**
 * Pearson's statistic as a standard normal number (Wilson and Hilferty): above 4 once in 30,000 times if the counts are
 * of that distribution. Cells with fewer than 8 expected are put together.
 */
export function deviation(counts: readonly number[], probabilities: ArrayLike<number>): number {
  const total = counts.reduce((sum, n) => sum + n, 0);
  let statistic = 0;
  let cells = 0;
  const rest = { seen: 0, expected: 0 };
  const add = (seen: number, expected: number): void => {
    if (expected === 0) return;
    statistic += (seen - expected) ** 2 / expected;
    cells++;
  };
  counts.forEach((seen, i) => {
    const expected = total * probabilities[i];
    if (expected === 0) expect(seen).toBe(0);
    if (expected >= 8) add(seen, expected);
    else {
      rest.seen += seen;
      rest.expected += expected;
    }
  });
  add(rest.seen, rest.expected);
  const free = cells - 1;
  const spread = 2 / (9 * free);
  return (Math.cbrt(statistic / free) - (1 - spread)) / Math.sqrt(spread);
}
