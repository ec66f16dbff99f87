// @ts-check
'use strict';

const { readFileSync } = require('node:fs');
const { PNG } = require('pngjs');

/**
 * Eight bits per channel, red, green, blue, alpha.
 * @typedef {{ width: number, height: number, data: Uint8Array }} Picture
 */

const INPUT_HEIGHT = 48;
/** PaddleOCR pads shorter lines to this width: the recogniser was trained on it. */
const INPUT_MIN_WIDTH = 320;

/** @param {string} file @returns {Picture} */
function readPicture(file) {
  const bytes = readFileSync(file);
  try {
    return PNG.sync.read(bytes);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`expected a PNG picture in ${file}: ${why}`, { cause: error });
  }
}

/**
 * For each of `to` places along an axis of `from` pixels: the two neighbours and the weight of the second. Pixel
 * centres are aligned and the borders repeated, as in OpenCV, with which the recogniser was trained.
 * @param {number} from
 * @param {number} to
 */
function bilinear(from, to) {
  return Array.from({ length: to }, (_, i) => {
    const at = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1);
    const first = Math.floor(at);
    return { first, second: Math.min(first + 1, from - 1), weight: at - first };
  });
}

/**
 * The picture as the recogniser wants it: 48 pixels high with its proportions kept, values from -1 to 1, one plane
 * each of blue, green and red, zeros to the right of a line that is shorter than 320. Transparent pixels are white.
 * @param {Picture} picture
 * @returns {{ data: Float32Array, dims: [number, number, number, number] }}
 */
function toInput({ width, height, data }) {
  const lineWidth = Math.max(1, Math.ceil((INPUT_HEIGHT * width) / height));
  const inputWidth = Math.max(INPUT_MIN_WIDTH, lineWidth);
  const plane = INPUT_HEIGHT * inputWidth;
  const out = new Float32Array(3 * plane);
  const columns = bilinear(width, lineWidth);
  const rows = bilinear(height, INPUT_HEIGHT);

  for (const [target, channel] of [2, 1, 0].entries()) {
    /** @param {number} y @param {number} x */
    const pixel = (y, x) => {
      const at = 4 * (y * width + x);
      const alpha = data[at + 3] / 255;
      return data[at + channel] * alpha + 255 * (1 - alpha);
    };
    rows.forEach((row, y) => {
      columns.forEach((column, x) => {
        const above = mix(pixel(row.first, column.first), pixel(row.first, column.second), column);
        const below = mix(
          pixel(row.second, column.first),
          pixel(row.second, column.second),
          column,
        );
        out[target * plane + y * inputWidth + x] = (mix(above, below, row) / 255 - 0.5) / 0.5;
      });
    });
  }
  return { data: out, dims: [1, 3, INPUT_HEIGHT, inputWidth] };
}

/** @param {number} a @param {number} b @param {{ weight: number }} at */
function mix(a, b, { weight }) {
  return a + (b - a) * weight;
}

module.exports = { readPicture, toInput };
