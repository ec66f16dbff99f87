// @ts-check
'use strict';

/**
 * Sweeps that are made to break a bound, for the table of docs/numerics.md (tools/accuracy-table.mjs) and for
 * test/proof/accuracy.test.ts. Every sweep serves every operator.
 */
const onnx = require('../../dist/lab/rivals/onnx-model.js');
const { generator } = require('../../dist/lab/random.js');

/** @typedef {import('../../lib/views.js').View} View */
/** @typedef {() => number} Next uniform in [0, 1) */
/** @typedef {{ name: string, fill: (row: Float32Array, next: Next) => void }} Sweep */

/** @param {Float32Array} row @param {(i: number) => number} value */
function each(row, value) {
  for (let i = 0; i < row.length; i++) row[i] = value(i);
}

/** @param {Next} next @param {number} low @param {number} high */
const uniform = (next, low, high) => low + (high - low) * next();

/** @type {readonly Sweep[]} */
const sweeps = [
  {
    name: 'ordinary',
    fill: (row, next) => each(row, () => uniform(next, -10, 10)),
  },
  {
    name: 'wide range',
    fill: (row, next) => each(row, () => uniform(next, -90, 90)),
  },
  {
    name: 'any exponent',
    fill(row, next) {
      each(
        row,
        () => (next() < 0.5 ? -1 : 1) * uniform(next, 1, 2) * 2 ** uniform(next, -140, 127),
      );
    },
  },
  {
    name: 'huge offset',
    fill(row, next) {
      const offset = uniform(next, -1, 1) * 10 ** uniform(next, 3, 7);
      each(row, () => offset + uniform(next, -30, 0));
    },
  },
  {
    name: 'tiny differences',
    fill(row, next) {
      const middle = uniform(next, -20, 20);
      const size = 10 ** uniform(next, -7, -1);
      each(row, () => middle + uniform(next, -size, size));
    },
  },
  {
    name: 'one dominant element',
    fill(row, next) {
      each(row, () => uniform(next, -5, 5));
      row[Math.floor(next() * row.length)] = uniform(next, 5, 100);
    },
  },
  {
    name: 'an element with half of the mass',
    fill(row, next) {
      each(row, () => uniform(next, -1e-3, 1e-3));
      const top = Math.log(Math.max(1, row.length - 1)) + uniform(next, -0.1, 0.1);
      row[Math.floor(next() * row.length)] = top;
    },
  },
  {
    name: 'long tail',
    fill(row, next) {
      const step = uniform(next, 0, 160 / row.length);
      each(row, (i) => -i * step);
    },
  },
  {
    name: 'half masked',
    fill: (row, next) => each(row, () => (next() < 0.5 ? -Infinity : uniform(next, -10, 10))),
  },
  {
    name: 'masked by -1e30',
    fill: (row, next) => each(row, () => (next() < 0.5 ? -1e30 : uniform(next, -10, 10))),
  },
  {
    name: 'log-probabilities',
    fill(row, next) {
      each(row, () => uniform(next, -8, 8));
      const sum = row.reduce((total, x) => total + Math.exp(x), 0);
      each(row, (i) => row[i] - Math.log(sum));
    },
  },
  {
    name: 'denormals',
    fill: (row, next) => each(row, () => uniform(next, -1e-38, 1e-38)),
  },
];

/** Rows by columns; as many elements in short rows as in long ones. */
const shapes = [
  { rows: 3000, cols: 3 },
  { rows: 1000, cols: 10 },
  { rows: 300, cols: 100 },
  { rows: 40, cols: 1000 },
  { rows: 10, cols: 4097 },
  { rows: 2, cols: 32_000 },
  { rows: 1, cols: 151_936 },
];

/** @param {Sweep} sweep @param {{ rows: number, cols: number }} shape @param {number} seed */
function inputOf(sweep, { rows, cols }, seed) {
  const next = generator(seed);
  const x = new Float32Array(rows * cols);
  for (let r = 0; r < rows; r++) sweep.fill(x.subarray(r * cols, (r + 1) * cols), next);
  return x;
}

/**
 * What a call says beside its columns: where rows are looked at in groups, how many are one, two to eight. A row of a
 * sweep is a group then, or, where it cannot be divided so, of fewer.
 * @param {View} line @param {number} seed
 * @returns {Record<string, number>}
 */
function optionsOf({ line: { group } }, seed) {
  return group === undefined ? {} : { [group]: [8, 2, 5][seed % 3] };
}

/**
 * The float64 truth of all rows, one after the other, and its sizes (TrueRow), 0 where it has none.
 * @param {View} line @param {Float32Array} x @param {number} cols @param {Record<string, number>} [given]
 */
function truthOf(line, x, cols, given = {}) {
  const defaults = Object.entries(line.options).map(([name, rule]) => [name, rule.default]);
  const parameters = { ...Object.fromEntries(defaults), ...given };
  /** @type {number[]} */
  const values = [];
  /** @type {number[]} */
  const sizes = [];
  for (let begin = 0; begin < x.length; begin += cols) {
    const truth = line.oracle(x.subarray(begin, begin + cols), parameters);
    const row = typeof truth === 'number' ? [truth] : truth;
    for (let i = 0; i < row.length; i++) {
      values.push(row[i]);
      sizes.push((typeof truth !== 'number' && truth.sizes?.[i]) || 0);
    }
  }
  return Object.assign(values, { sizes });
}

/**
 * The largest distance, by that measure.
 * @param {ArrayLike<number>} y @param {ReturnType<typeof truthOf>} truth
 * @param {(got: number, want: number, size: number) => number} distance
 */
function worst(y, truth, distance) {
  let most = 0;
  for (let i = 0; i < truth.length; i++) {
    const size = Math.abs(truth[i]);
    // Most elements cannot be worse than the worst so far, and need no exact distance.
    if (size >= 2 ** -126 && Math.abs(y[i] - truth[i]) <= most * size * 2 ** -24) continue;
    most = Math.max(most, distance(y[i], truth[i], truth.sizes[i]));
  }
  return most;
}

/**
 * The same by onnxruntime; undefined where ONNX has no such node.
 * @param {typeof import('onnxruntime-node')} runtime
 * @param {View} line @param {Float32Array} x @param {{ rows: number, cols: number }} shape
 */
async function rival({ InferenceSession, Tensor }, line, x, { rows, cols }) {
  const node = onnx.oneNode(line.name, rows, cols);
  if (node === undefined) return undefined;
  const session = await InferenceSession.create(node.model, {
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  const { y } = await session.run({ x: new Tensor('float32', x, [rows, cols]) });
  return Array.from(/** @type {ArrayLike<number | bigint>} */ (y.data), Number);
}

module.exports = { inputOf, optionsOf, rival, shapes, sweeps, truthOf, worst };
