// @ts-check

/**
 * node bench/axes.mjs [THREADS]: softmax and entropy down an axis, in ns an element, beside the same rows as neighbours and
 * beside onnxruntime's Softmax of that axis, in turns; medians. docs/axes.md has what it printed.
 */
import { createRequire } from 'node:module';
import ort from 'onnxruntime-node';

const require = createRequire(import.meta.url);
const { capabilities, entropy, plan } = require('../dist/index.js');
const { FLOAT, attribute, modelOf } = require('../dist/lab/rivals/onnx-model.js');

const SHAPES = [
  [8, 1000, 256],
  [1, 19, 512, 512],
];
const AXIS = 1;
const ROUNDS = 15;
const threads = Number(process.argv[2] ?? 1);

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
  const cols = dims[AXIS];
  const x = Float32Array.from({ length: size }, (_, i) => 5 * Math.sin(12.9898 * i));
  const y = new Float32Array(size);
  const scores = new Float32Array(size / cols);
  const axis = plan('softmax', { dims, axis: AXIS, threads });
  const rows = plan('softmax', { rows: size / cols, cols, threads });
  const session = await rival(dims, x, new Float32Array(size));
  /** @type {[string, () => unknown][]} */
  const ways = [
    ['softmax, axis 1', () => axis.run(x, y)],
    ['softmax, rows', () => rows.run(x, y)],
    ['entropy, axis 1', () => entropy(x, { dims, axis: AXIS, threads, out: scores })],
    ['entropy, rows', () => entropy(x, { cols, threads, out: scores })],
    ['a copy', () => y.set(x)],
    ['onnxruntime Softmax, axis 1', session],
  ];
  /** @type {number[][]} */
  const times = ways.map(() => []);
  for (let round = -2; round < ROUNDS; round++) {
    for (const [i, [, run]] of ways.entries()) {
      const start = process.hrtime.bigint();
      await run();
      if (round >= 0) times[i].push(Number(process.hrtime.bigint() - start) / size);
    }
  }
  console.log(`[${dims.join(', ')}], ${threads} threads, ${capabilities().isa}`);
  ways.forEach(([name], i) => {
    const median = times[i].sort((a, b) => a - b)[ROUNDS >> 1];
    console.log(`  ${name.padEnd(28)} ${median.toFixed(3)}`);
  });
}
