// @ts-check
'use strict';

/** @typedef {{ rows: number, cols: number }} Shape */

/** Longest row and largest array that a Float32Array of this Node can hold comfortably. */
const MOST_ELEMENTS = 2 ** 30;

/**
 * The shapes of `npm run bench`: a call and nothing else, a classifier's row and batch, vocabularies of 32,000 and
 * 128,256 tokens, a batch of the former, and rows beyond the second-level and the last-level cache.
 */
const USUAL = [
  '1x1',
  '1x16',
  '1x1000',
  '1024x1000',
  '1x32000',
  '1x128256',
  '256x32000',
  '1x2^22',
  '1x2^26',
];
const QUICK = ['1x1', '1x16', '1x1000', '1024x1000', '1x128256', '1x2^22'];
const LARGE = ['1x2^28'];

/** @param {string} text digits, or 2^digits @returns {number} NaN where it is neither */
function size(text) {
  const power = /^2\^(\d{1,2})$/.exec(text);
  if (power) return 2 ** Number(power[1]);
  return /^\d{1,10}$/.test(text) ? Number(text) : NaN;
}

/**
 * @param {string} text ROWSxCOLS
 * @returns {Shape | undefined} undefined where it is no shape that can be measured
 */
function parseShape(text) {
  const parts = text.trim().split('x');
  if (parts.length !== 2) return undefined;
  const [rows, cols] = parts.map(size);
  return rows >= 1 && cols >= 1 && rows * cols <= MOST_ELEMENTS ? { rows, cols } : undefined;
}

/** @param {number} value @returns {string} a power of two from 2^20 on as such */
function sizeName(value) {
  const power = Math.log2(value);
  return power >= 20 && Number.isInteger(power) ? `2^${power}` : String(value);
}

/** @param {Shape} shape */
const shapeName = ({ rows, cols }) => `${sizeName(rows)}x${sizeName(cols)}`;

/**
 * Whether outputs are cold unless asked otherwise: for one row that the second-level cache does not hold with its
 * result. Shorter rows meet warm buffers in the programs that we know, and so do batches, row by row.
 * @param {Shape} shape @param {number} l2 bytes
 */
function coldByDefault({ rows, cols }, l2) {
  return rows === 1 && cols >= 2 ** 20 && 8 * cols > l2;
}

module.exports = { LARGE, MOST_ELEMENTS, QUICK, USUAL, coldByDefault, parseShape, shapeName };
