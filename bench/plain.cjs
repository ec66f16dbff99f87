// @ts-check
'use strict';

/**
 * Plain JavaScript, written as well as it can be without WebAssembly: typed arrays, one loop a pass that the compiler
 * keeps free of bounds checks and calls, sums in double, one division a row.
 */

/** @param {Float32Array} x @param {number} start @param {number} end */
function maximum(x, start, end) {
  let max = -Infinity;
  for (let i = start; i < end; i++) if (x[i] > max) max = x[i];
  return max;
}

/** @param {Float32Array} x @param {number} start @param {number} end @param {number} max */
function sumOfExp(x, start, end, max) {
  let sum = 0;
  for (let i = start; i < end; i++) sum += Math.exp(x[i] - max);
  return sum;
}

/** @param {Float32Array} x @param {Float32Array} y @param {number} cols */
function softmax(x, y, cols) {
  for (let start = 0; start < x.length; start += cols) {
    const end = start + cols;
    const max = maximum(x, start, end);
    let sum = 0;
    for (let i = start; i < end; i++) {
      const e = Math.exp(x[i] - max);
      y[i] = e;
      sum += e;
    }
    const scale = 1 / sum;
    for (let i = start; i < end; i++) y[i] *= scale;
  }
}

/** @param {Float32Array} x @param {Float32Array} y @param {number} cols */
function logSoftmax(x, y, cols) {
  for (let start = 0; start < x.length; start += cols) {
    const end = start + cols;
    const max = maximum(x, start, end);
    const log = Math.log(sumOfExp(x, start, end, max));
    for (let i = start; i < end; i++) y[i] = x[i] - max - log;
  }
}

/** @param {Float32Array} x @param {Float32Array} y one element a row @param {number} cols */
function logSumExp(x, y, cols) {
  for (let row = 0, start = 0; start < x.length; row++, start += cols) {
    const max = maximum(x, start, start + cols);
    y[row] = max + Math.log(sumOfExp(x, start, start + cols, max));
  }
}

/** @param {Float32Array} x @param {Int32Array} y one element a row @param {number} cols */
function argMax(x, y, cols) {
  for (let row = 0, start = 0; start < x.length; row++, start += cols) {
    let best = start;
    for (let i = start + 1; i < start + cols; i++) if (x[i] > x[best]) best = i;
    y[row] = best - start;
  }
}

/** By the operator's name. @type {Record<string, (x: Float32Array, y: any, cols: number) => void>} */
const plain = { softmax, logSoftmax, logSumExp, argMax };

module.exports = { plain };
