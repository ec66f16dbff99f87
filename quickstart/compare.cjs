// @ts-check
'use strict';

const { softmax } = require('../dist/oracle/softmax.js');
const { ulpDistance } = require('../dist/ulp.js');

/** Half an ULP of a number near 1: the largest relative error of one float32 rounding. */
const ROUNDING = 2 ** -24;
const SMALLEST_NORMAL = 2 ** -126;

/**
 * What rounding to float32 allows two softmaxes of the same row to differ by, for one element. The usual three passes
 * round x - max before exp, which costs half an ULP of that difference, and add as many terms as the row has, in an
 * order of their own; exp, the division and the few ULP of the other softmax fit into the 16.
 * @param {number} probability the exact softmax
 * @param {number} depth max - x
 * @param {number} cols
 */
function allowance(probability, depth, cols) {
  return probability * (cols + depth + 16) * ROUNDING + SMALLEST_NORMAL;
}

/**
 * Two softmaxes of the same logits beside each other, and each beside float64.
 * @param {Float32Array} logits
 * @param {number} cols
 * @param {Float32Array} ours softlane's
 * @param {Float32Array} theirs onnxruntime's
 */
function compare(logits, cols, ours, theirs) {
  if (ours.length !== logits.length || theirs.length !== logits.length) {
    throw new Error(
      `expected ${logits.length} probabilities from each side, ` +
        `received ${ours.length} from softlane and ${theirs.length} from onnxruntime`,
    );
  }
  const result = { difference: 0, ours: 0, theirs: 0, allowed: true };
  for (let start = 0; start < logits.length; start += cols) {
    const row = logits.subarray(start, start + cols);
    const exact = softmax(row);
    const max = row.reduce((a, b) => Math.max(a, b), -Infinity);
    for (let i = 0; i < cols; i++) {
      const difference = Math.abs(ours[start + i] - theirs[start + i]);
      result.difference = Math.max(result.difference, difference);
      result.ours = Math.max(result.ours, ulpDistance(ours[start + i], exact[i]));
      result.theirs = Math.max(result.theirs, ulpDistance(theirs[start + i], exact[i]));
      // Written so that a NaN on either side is refused.
      if (!(difference <= allowance(exact[i], max - row[i], cols))) result.allowed = false;
    }
  }
  return result;
}

module.exports = { compare };
