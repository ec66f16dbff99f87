// @ts-check
'use strict';

/**
 * Medians and quartiles: a few slow rounds of a busy machine move them little, and none is thrown away.
 */

/**
 * @typedef {object} Summary
 * @property {number} n
 * @property {number} min
 * @property {number} q1
 * @property {number} median
 * @property {number} q3
 * @property {number} max
 */

/**
 * The value below which a share of the sorted sample lies, interpolated between neighbours (type 7 of Hyndman and
 * Fan, the default of NumPy and R).
 * @param {ArrayLike<number>} sorted ascending, not empty
 * @param {number} share 0 to 1
 */
function quantile(sorted, share) {
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (at - below);
}

/** @param {readonly number[]} sample not empty @returns {Summary} */
function summarise(sample) {
  if (sample.length === 0) throw new RangeError('expected at least one value to summarise');
  const sorted = Float64Array.from(sample).sort();
  return {
    n: sorted.length,
    min: sorted[0],
    q1: quantile(sorted, 0.25),
    median: quantile(sorted, 0.5),
    q3: quantile(sorted, 0.75),
    max: sorted[sorted.length - 1],
  };
}

/**
 * How many times as fast as the base a contender is: one ratio a round, then their median and quartiles. What slows a
 * whole round down, slows both sides of its ratio.
 * @param {readonly number[]} base times, by round
 * @param {readonly number[]} times of the contender, of the same rounds
 */
function speedup(base, times) {
  if (base.length !== times.length) {
    throw new RangeError(
      `expected ${base.length} rounds as the base has, received ${times.length}`,
    );
  }
  return summarise(base.map((time, round) => time / times[round]));
}

module.exports = { quantile, speedup, summarise };
