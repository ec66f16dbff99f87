// @ts-check
'use strict';

/**
 * No wrong kernel gets a number: every result is compared with the float64 oracle in the process that measures it.
 *
 * The elements that are compared one by one are all of them, or an even selection of a large result; the sum of the
 * whole result is compared besides, so that nothing that is left out can be missing or NaN.
 */

/** Elements of a result that are compared one by one. */
const MOST_COMPARED = 2 ** 18;

/** What a rival may be off by, relatively; its distance in ULP is in the table. */
const RIVAL = 0.01;
/** Below that a rival may flush or not. */
const TINY = 2 ** -120;

/**
 * @typedef {object} Truth
 * @property {Float64Array} places of the elements that are compared
 * @property {Float64Array} values there
 * @property {number} length of the whole result
 * @property {number} sum of the whole result
 * @property {number} scale the sum of the magnitudes
 */

/**
 * @param {(row: Float32Array, parameters: {}) => Float64Array | number} oracle
 * @param {Float32Array} x @param {import('./shapes.cjs').Shape} shape
 * @param {boolean} perRow the result has one element a row
 * @param {number} [most] elements to compare
 * @returns {Truth}
 */
function truthOf(oracle, x, { rows, cols }, perRow, most = MOST_COMPARED) {
  const length = perRow ? rows : rows * cols;
  // An odd step, so that it meets every lane and every place in a block.
  const step = length <= most ? 1 : Math.ceil(length / most) | 1;
  const places = [];
  const values = [];
  let sum = 0;
  let scale = 0;
  for (let row = 0; row < rows; row++) {
    const answer = oracle(x.subarray(row * cols, (row + 1) * cols), {});
    const exact = typeof answer === 'number' ? [answer] : answer;
    const start = row * exact.length;
    for (let i = 0; i < exact.length; i++) {
      sum += exact[i];
      scale += Math.abs(exact[i]);
    }
    const first = Math.ceil(start / step) * step;
    for (let place = first; place < start + exact.length; place += step) {
      places.push(place);
      values.push(exact[place - start]);
    }
    if ((start + exact.length - 1) % step !== 0 && row === rows - 1) {
      places.push(length - 1);
      values.push(exact[exact.length - 1]);
    }
  }
  return {
    places: Float64Array.from(places),
    values: Float64Array.from(values),
    length,
    sum,
    scale,
  };
}

/**
 * @typedef {object} Rules
 * @property {(result: number, truth: number) => number} distance in the units of the promise
 * @property {number} promised what softlane's own contenders may reach of it; Infinity for rivals
 * @property {(truth: number) => number} ulpOf
 * @property {boolean} logarithmic results near 0 are differences of large numbers
 */

/** @param {number} got @param {number} want @param {boolean} logarithmic */
function farOff(got, want, logarithmic) {
  const size = logarithmic ? Math.max(1, Math.abs(want)) : Math.abs(want);
  return !(Math.abs(got - want) <= RIVAL * size + TINY);
}

/**
 * @param {ArrayLike<number>} y
 * @param {Truth} truth
 * @param {Rules} rules
 * @returns {{ maxUlp: number, wrong?: string }} the largest distance in ULP, and what is wrong in words
 */
function compare(y, truth, { distance, promised, ulpOf, logarithmic }) {
  if (y.length !== truth.length) {
    return { maxUlp: NaN, wrong: `${y.length} results instead of ${truth.length}` };
  }
  let maxUlp = 0;
  for (let i = 0; i < truth.places.length; i++) {
    const place = truth.places[i];
    const got = y[place];
    const want = truth.values[i];
    const ours = promised !== Infinity;
    const ulp = ours ? distance(got, want) : Math.abs(got - want) / ulpOf(want);
    // Written so that a NaN is refused.
    if (!(ulp <= promised) || farOff(got, want, logarithmic)) {
      return { maxUlp: ulp, wrong: `element ${place} is ${got}, the oracle has ${want}` };
    }
    if (ulp > maxUlp) maxUlp = ulp;
  }
  let sum = 0;
  for (let i = 0; i < y.length; i++) sum += y[i];
  if (!(Math.abs(sum - truth.sum) <= RIVAL * truth.scale + TINY)) {
    return { maxUlp, wrong: `all results add up to ${sum}, the oracle's to ${truth.sum}` };
  }
  return { maxUlp };
}

module.exports = { compare, truthOf };
