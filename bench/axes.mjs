// @ts-check

/**
 * Operators down an axis, in ns an element, beside the same rows as neighbours and beside onnxruntime's Softmax of that
 * axis, in turns; medians. docs/axes.md has what it printed.
 *
 * node bench/axes.mjs [--op softmax,entropy] [--dims 8x1000x256,1x19x512x512] [--axis 1] [--threads 1]
 */
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import ort from 'onnxruntime-node';

const require = createRequire(import.meta.url);
const softlane = require('../dist/index.js');
const { viewOptions, viewsOf } = require('../dist/views.js');
const { FLOAT, attribute, modelOf } = require('../dist/lab/rivals/onnx-model.js');

const text = (/** @type {string} */ value) => ({
  type: /** @type {const} */ ('string'),
  default: value,
});
const { values } = parseArgs({
  options: {
    op: text('softmax,entropy'),
    dims: text('8x1000x256,1x19x512x512'),
    axis: text('1'),
    threads: text('1'),
  },
});
const SHAPES = values.dims.split(',').map((dims) => dims.split('x').map(Number));
const AXIS = Number(values.axis);
const ROUNDS = 15;
const threads = Number(values.threads);

/** The operator with what it reads beside x and memory for its result; of several results, the first. */
function calls(
  /** @type {string} */ name,
  /** @type {Float32Array} */ x,
  /** @type {number[]} */ dims,
) {
  const line = softlane.catalogue.find((/** @type {{name: string}} */ one) => one.name === name);
  if (line === undefined) throw new Error(`expected an operator, received ${name}`);
  const cols = dims[AXIS];
  const [view] = viewsOf(line);
  const given = viewOptions(view, x, { cols, threads });
  const element = view.element === 'int32' ? Int32Array : Float32Array;
  const size = line.output === 'rows' ? x.length : x.length / cols;
  const out = line.output === 'record' ? {} : { out: new element(size) };
  const down = { ...given, ...out, dims, axis: AXIS, cols: undefined };
  // Those are shared by the rows that lie side by side.
  for (const { name, extent } of view.inputs) {
    const slabs = dims.slice(0, AXIS + 1).reduce((product, dim) => product * dim, 1);
    if (extent === 'perSlab')
      Object.assign(down, { [name]: /** @type {Float32Array} */ (given[name]).subarray(0, slabs) });
  }
  const run = /** @type {Record<string, (x: Float32Array, options: object) => unknown>} */ (
    /** @type {unknown} */ (softlane)
  )[name];
  return [
    [`${view.name}, axis ${AXIS}`, () => run(x, down)],
    [`${view.name}, rows`, () => run(x, { ...given, ...out })],
  ];
}

/** Softmax of onnxruntime into an array that is there. */
async function rival(
  /** @type {number[]} */ dims,
  /** @type {Float32Array} */ x,
  /** @type {Float32Array} */ y,
) {
  const node = {
    type: 'Softmax',
    inputs: ['x'],
    outputs: ['y'],
    attributes: [attribute('axis', AXIS)],
  };
  const model = modelOf(
    [node],
    [{ name: 'x', type: FLOAT, dims }],
    [{ name: 'y', type: FLOAT, dims }],
  );
  const session = await ort.InferenceSession.create(model, { intraOpNumThreads: threads });
  const feeds = { x: new ort.Tensor('float32', x, dims) };
  const fetches = { y: new ort.Tensor('float32', y, dims) };
  return () => session.run(feeds, fetches);
}

for (const dims of SHAPES) {
  const size = dims.reduce((product, dim) => product * dim, 1);
  const x = Float32Array.from({ length: size }, (_, i) => 5 * Math.sin(12.9898 * i));
  const y = new Float32Array(size);
  const session = await rival(dims, x, new Float32Array(size));
  const ways = /** @type {[string, () => unknown][]} */ ([
    ...values.op.split(',').flatMap((name) => calls(name, x, dims)),
    ['a copy', () => y.set(x)],
    [`onnxruntime Softmax, axis ${AXIS}`, session],
  ]);
  /** @type {number[][]} */
  const times = ways.map(() => []);
  for (let round = -2; round < ROUNDS; round++) {
    for (const [i, [, run]] of ways.entries()) {
      const start = process.hrtime.bigint();
      await run();
      if (round >= 0) times[i].push(Number(process.hrtime.bigint() - start) / size);
    }
  }
  console.log(`[${dims.join(', ')}], ${threads} threads, ${softlane.capabilities().isa}`);
  ways.forEach(([name], i) => {
    const median = times[i].sort((a, b) => a - b)[ROUNDS >> 1];
    console.log(`  ${name.padEnd(28)} ${median.toFixed(3)}`);
  });
}
