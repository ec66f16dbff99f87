// @ts-check

/**
 * The contenders, ready to be timed. Each loops over its own calls, so that none pays for a loop that the compiler saw
 * call something else.
 */

import { createRequire } from 'node:module';
import onnx from './onnx.cjs';
import outputs from './outputs.cjs';
import { plain } from './plain.cjs';

const require = createRequire(import.meta.url);

/** @typedef {import('./expand.cjs').Contender} Contender */

/**
 * @typedef {object} Ready
 * @property {(count: number) => void | Promise<void>} batch
 * @property {() => ArrayLike<number>} [result] of the last call; absent where the work is no operator
 */

/** Said of a contender that cannot run here; the others do. */
export class Absent extends Error {}

/**
 * What the contenders of one trial share.
 * @typedef {object} Ground
 * @property {import('../lib/operator.js').Operator} line
 * @property {import('./shapes.cjs').Shape} shape
 * @property {Float32Array} x
 * @property {boolean} cold
 * @property {number} cache bytes of the largest cache
 * @property {(type: any, length: number) => outputs.Rotation<any>} rotation shared by all that write such outputs
 */

/** @param {Omit<Ground, 'rotation'>} facts @returns {Ground} */
export function groundOf(facts) {
  /** @type {Map<string, outputs.Rotation<any>>} */
  const rotations = new Map();
  return {
    ...facts,
    rotation(type, length) {
      const key = `${type.name} ${length}`;
      const count = outputs.countOf(length * type.BYTES_PER_ELEMENT, facts.cold, facts.cache);
      const rotation = rotations.get(key) ?? new outputs.Rotation(type, length, count);
      rotations.set(key, rotation);
      return rotation;
    },
  };
}

/** @param {Ground} ground */
function outputOf({ line, shape, rotation }) {
  const type = line.element === 'int32' ? Int32Array : Float32Array;
  return rotation(type, line.output === 'perRow' ? shape.rows : shape.rows * shape.cols);
}

/** @param {Contender} contender @param {Ground} ground @returns {Ready} */
function softlane({ algorithm, isa, threads, call }, ground) {
  /** @type {any} the operators by name */
  const api = require('../dist/index.js');
  const { line, shape, x } = ground;
  const out = outputOf(ground);
  const own = algorithm === undefined ? { isa, threads } : { algorithm, isa, threads };
  const result = () => out.last;
  if (call) {
    const operator = api[line.name];
    // One object for each output, made beforehand: that is what a loop in a program would hold on to.
    const options = out.buffers.map((y) => ({ ...own, cols: shape.cols, out: y }));
    const batch = (/** @type {number} */ count) => {
      for (let i = 0; i < count; i++) {
        out.next();
        operator(x, options[out.place]);
      }
    };
    return { batch, result };
  }
  const plan = api.plan(line.name, { ...own, ...shape });
  const batch = (/** @type {number} */ count) => {
    for (let i = 0; i < count; i++) plan.run(x, out.next());
  };
  return { batch, result };
}

/** The exponential alone, by the same backend. @param {Contender} contender @param {Ground} ground @returns {Ready} */
function exp({ isa }, { x, rotation }) {
  const binding = require('../dist/configure.js').native();
  const index = binding.isas.indexOf(isa);
  const out = rotation(Float32Array, x.length);
  const batch = (/** @type {number} */ count) => {
    for (let i = 0; i < count; i++) binding._exp(index, x, out.next());
  };
  return { batch };
}

/** @param {Contender} _ @param {Ground} ground @returns {Ready} */
function plainJs(_, ground) {
  const { line, shape, x } = ground;
  if (!Object.hasOwn(plain, line.name)) throw new Absent(`nobody has written ${line.name} yet`);
  const operator = plain[line.name];
  const out = outputOf(ground);
  const batch = (/** @type {number} */ count) => {
    for (let i = 0; i < count; i++) operator(x, out.next(), shape.cols);
  };
  return { batch, result: () => out.last };
}

/** @returns {typeof import('onnxruntime-node')} */
function loadOnnxruntime() {
  try {
    return require('onnxruntime-node');
  } catch (error) {
    const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
    throw new Absent(
      code === 'MODULE_NOT_FOUND' ? 'it is not installed' : String(message).split('\n')[0],
    );
  }
}

/**
 * A session of one node, its input and outputs made beforehand.
 * @param {Contender} contender @param {Ground} ground @returns {Promise<Ready>}
 */
async function onnxruntime({ threads }, { line, shape, x, rotation }) {
  const { rows, cols } = shape;
  const node = onnx.oneNode(line.name, rows, cols);
  if (node === undefined) throw new Absent(`ONNX has no node for ${line.name}`);
  const { InferenceSession, Tensor } = loadOnnxruntime();
  const session = await InferenceSession.create(node.model, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  });
  const type = node.int64 ? BigInt64Array : Float32Array;
  const out = rotation(type, node.perRow ? rows : rows * cols);
  const dims = node.perRow ? [rows] : [rows, cols];
  const feeds = { x: new Tensor('float32', x, [rows, cols]) };
  const fetches = out.buffers.map((y) => ({
    y: node.int64 ? new Tensor('int64', y, dims) : new Tensor('float32', y, dims),
  }));
  const batch = async (/** @type {number} */ count) => {
    for (let i = 0; i < count; i++) {
      out.next();
      await session.run(feeds, fetches[out.place]);
    }
  };
  return { batch, result: () => (node.int64 ? Array.from(out.last, Number) : out.last) };
}

/** @param {Contender} _ @param {Ground} ground @returns {Ready} */
function memcpy(_, { x, rotation }) {
  const out = rotation(Float32Array, x.length);
  const batch = (/** @type {number} */ count) => {
    for (let i = 0; i < count; i++) out.next().set(x);
  };
  return { batch };
}

/**
 * The input and nothing else, read by the C library's memcmp of the array with itself: of what JavaScript can call
 * that is the fastest. The second load of each line is from the first-level cache.
 * @param {Contender} _ @param {Ground} ground @returns {Ready}
 */
function read(_, { x }) {
  const one = Buffer.from(x.buffer);
  const other = Buffer.from(x.buffer);
  const batch = (/** @type {number} */ count) => {
    for (let i = 0; i < count; i++) Buffer.compare(one, other);
  };
  return { batch };
}

/** @type {Record<string, (contender: Contender, ground: Ground) => Ready | Promise<Ready>>} */
const makers = { softlane, exp, 'plain-js': plainJs, onnxruntime, memcpy, read };

/** @param {Contender} contender @param {Ground} ground */
export async function prepare(contender, ground) {
  return makers[contender.kind](contender, ground);
}
