// @ts-check
/** What is measured: for each case ours first, then its rivals, which must give the same. */
import { graph } from './onnx.mjs';
import * as plain from './plain.mjs';

/** @typedef {typeof import('../../lib/index.js')} Softlane */
/** @typedef {{ shapes: number[][] | undefined, k: number[] }} Options */
/** @typedef {[name: string, run: () => unknown]} Way */
/** @typedef {{ title: string, elements: number, ways: Way[] }} Case */
/** @typedef {(softlane: Softlane, options: Options) => AsyncGenerator<Case>} Cases */

/** Numbers like logits, of mean 0 and deviation 3, the same in every run. */
export function numbers(/** @type {number} */ length, scale = 3) {
  const x = new Float32Array(length);
  let state = 12345;
  for (let i = 0; i < length; i++) {
    let sum = -2;
    for (let k = 0; k < 4; k++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      sum += state / 2 ** 32;
    }
    x[i] = sum * Math.sqrt(3) * scale;
  }
  return x;
}

/** @throws where two ways do not agree: what is not the same is no rival */
function agree(
  /** @type {string} */ title,
  /** @type {ArrayLike<number | bigint>} */ ours,
  /** @type {ArrayLike<number | bigint>} */ theirs,
  tolerance = 1e-3,
) {
  for (let i = 0; i < ours.length; i += 1 + (ours.length >> 14)) {
    const [a, b] = [Number(ours[i]), Number(theirs[i])];
    if (a !== b && !(Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a)))) {
      throw new Error(`${title}: element ${i} is ${a} and ${b}`);
    }
  }
}

/** @type {Cases} */
async function* norms(
  softlane,
  {
    shapes = [
      [1, 768],
      [512, 768],
      [64, 4096],
      [8192, 4096],
    ],
  },
) {
  for (const [rows, cols] of shapes) {
    const [x, residual, y, z, other] = [
      numbers(rows * cols),
      numbers(rows * cols, 1),
      ...Array.from({ length: 3 }, () => new Float32Array(rows * cols)),
    ];
    const [weight, bias] = [numbers(cols, 1), numbers(cols, 1)];
    const dims = [rows, cols];
    const shape = { cols, threads: 1 };
    const out = { ...shape, out: y };
    const per = { weight: { data: weight, dims: [cols] }, bias: { data: bias, dims: [cols] } };
    const theirs = { y: { data: other, dims } };
    const layer = { type: 'LayerNormalization', inputs: ['x', 'weight', 'bias'], outputs: ['y'] };
    const rms = { type: 'SimplifiedLayerNormalization', inputs: ['x', 'weight'], outputs: ['y'] };
    const add = { type: 'Add', inputs: ['a', 'b'], outputs: ['x'] };
    const both = { a: { data: x, dims }, b: { data: residual, dims } };

    const one = { x: { data: x, dims } };
    /** @type {[string, () => unknown, () => unknown, () => Promise<unknown>, number][]} */
    const all = [
      [
        'layerNorm',
        () => softlane.layerNorm(x, { ...out, weight, bias }),
        () => plain.layerNorm(x, z, cols, weight, bias),
        await graph([layer], { ...one, ...per }, theirs),
        1,
      ],
      [
        'rmsNorm',
        () => softlane.rmsNorm(x, { ...out, weight }),
        () => plain.rmsNorm(x, z, cols, weight),
        await graph([rms], { ...one, weight: per.weight }, theirs),
        1,
      ],
      [
        'addLayerNorm',
        () =>
          softlane.addLayerNorm(x, { ...shape, out: { normalised: y }, residual, weight, bias }),
        () => plain.addLayerNorm(x, residual, z, cols, weight, bias),
        await graph([add, layer], { ...both, ...per }, theirs),
        2,
      ],
    ];
    for (const [name, ours, js, onnx] of all) {
      ours();
      js();
      await onnx();
      agree(name, y, z);
      agree(name, y, other);
      yield {
        title: `${name}, ${rows} x ${cols}`,
        elements: rows * cols,
        ways: [
          ['softlane', ours],
          ['plain JS', js],
          ['onnxruntime', onnx],
        ],
      };
    }
  }
}

/** @type {Cases} */
async function* pools(softlane) {
  {
    const dims = [1, 64, 112, 112];
    const x = numbers(64 * 112 * 112, 1);
    const half = [1, 64, 56, 56];
    const [y, z, other] = Array.from({ length: 3 }, () => new Float32Array(x.length / 4));
    const ours = () =>
      softlane.softPool(
        { data: x, dims },
        { window: { kernel: [2, 2] }, out: { data: y, dims: half }, threads: 1 },
      );
    const js = () => plain.softPool(x, z, 64, 112, 112);
    const average = { kernel_shape: [2, 2], strides: [2, 2] };
    const onnx = await graph(
      [
        { type: 'Exp', inputs: ['x'], outputs: ['e'] },
        { type: 'Mul', inputs: ['x', 'e'], outputs: ['xe'] },
        { type: 'AveragePool', inputs: ['e'], outputs: ['d'], attributes: average },
        { type: 'AveragePool', inputs: ['xe'], outputs: ['n'], attributes: average },
        { type: 'Div', inputs: ['n', 'd'], outputs: ['y'] },
      ],
      { x: { data: x, dims } },
      { y: { data: other, dims: half } },
    );
    ours();
    js();
    await onnx();
    agree('softPool', y, z);
    agree('softPool', y, other);
    yield {
      title: 'softPool, [1, 64, 112, 112], kernel 2 x 2',
      elements: x.length,
      ways: [
        ['softlane', ours],
        ['plain JS', js],
        ['onnxruntime, five nodes', onnx],
      ],
    };
  }
  const [tokens, words] = [128, 30522];
  const dims = [1, tokens, words];
  const x = numbers(tokens * words);
  const [y, z, other] = Array.from({ length: 3 }, () => new Float32Array(words));
  const tail = /** @type {const} */ ([
    { type: 'Relu', inputs: ['m'], outputs: ['r'] },
    { type: 'Add', inputs: ['r', 'one'], outputs: ['u'] },
    { type: 'Log', inputs: ['u'], outputs: ['y'] },
  ]);
  const onnx = await graph(
    [
      {
        type: 'ReduceMax',
        inputs: ['x'],
        outputs: ['m'],
        attributes: { axes: [1], keepdims: 0 },
      },
      ...tail.map((node) => ({ ...node, inputs: [...node.inputs], outputs: [...node.outputs] })),
    ],
    { x: { data: x, dims }, one: { data: Float32Array.of(1), dims: [1] } },
    { y: { data: other, dims: [1, words] } },
  );
  const out = { data: y, dims: [1, words] };
  const ours = () => softlane.spladeMax({ data: x, dims }, { axis: 1, out, threads: 1 });
  const js = () => plain.spladeMax(x, z, words);
  ours();
  js();
  await onnx();
  agree('spladeMax', y, z);
  agree('spladeMax', y, other);
  yield {
    title: `spladeMax, [1, ${tokens}, ${words}], axis 1`,
    elements: x.length,
    ways: [
      ['softlane', ours],
      ['plain JS, the maximum first', js],
      ['onnxruntime, the maximum first', onnx],
    ],
  };
  const sum = () => softlane.spladeSum({ data: x, dims }, { axis: 1, out, threads: 1 });
  const jsSum = () => plain.spladeSum(x, z, words);
  sum();
  jsSum();
  agree('spladeSum', y, z);
  yield {
    title: `spladeSum, [1, ${tokens}, ${words}], axis 1`,
    elements: x.length,
    ways: [
      ['softlane', sum],
      ['plain JS', jsSum],
    ],
  };
}

/** @type {Cases} */
async function* masks(
  softlane,
  {
    shapes = [
      [1, 128256],
      [64, 32000],
    ],
  },
) {
  for (const [rows, cols] of shapes) {
    const x = numbers(rows * cols);
    const [y, z] = [new Float32Array(x.length), new Float32Array(x.length)];
    const shape = { cols, out: y, threads: 1 };
    /** @type {[string, () => unknown, () => unknown][]} */
    const all = [
      ['topP 0.9', () => softlane.topP(x, { ...shape, p: 0.9 }), () => plain.topP(x, z, cols, 0.9)],
      [
        'minP 0.05',
        () => softlane.minP(x, { ...shape, p: 0.05 }),
        () => plain.minP(x, z, cols, 0.05),
      ],
      [
        'topNSigma 1',
        () => softlane.topNSigma(x, { ...shape, n: 1 }),
        () => plain.topNSigma(x, z, cols, 1),
      ],
      [
        'typicalP 0.9',
        () => softlane.typicalP(x, { ...shape, p: 0.9 }),
        () => plain.typicalP(x, z, cols, 0.9),
      ],
    ];
    for (const [name, ours, js] of all) {
      ours();
      js();
      agree(name, y, z);
      yield {
        title: `${name}, ${rows} x ${cols}`,
        elements: x.length,
        ways: [
          ['softlane', ours],
          ['plain JS', js],
        ],
      };
    }
  }
}

/** @type {Cases} */
async function* drafts(
  softlane,
  {
    shapes = [
      [4, 32000],
      [4, 128256],
    ],
  },
) {
  for (const [count, cols] of shapes) {
    const target = numbers((count + 1) * cols);
    const draft = target.slice(0, count * cols).map((v, i) => v + 0.1 * Math.sin(i));
    const tokens = Int32Array.from(softlane.argMax(draft, { cols }));
    const speculator = softlane.createSpeculator({ seed: 1 });
    const ours = () => speculator.verify(target, draft, tokens, { cols, threads: 1 });
    const js = () => plain.verify(target, draft, tokens, cols);
    yield {
      title: `verify, ${count} drafted tokens of ${cols}`,
      elements: target.length + draft.length,
      ways: [
        ['softlane', ours],
        ['plain JS', js],
      ],
    };
  }
}

/** @type {Cases} */
async function* topK(
  softlane,
  {
    shapes = [
      [1, 128256],
      [64, 128256],
      [1, 2 ** 24],
    ],
    k: counts,
  },
) {
  for (const [rows, cols] of shapes) {
    const x = numbers(rows * cols);
    const y = new Float32Array(x.length);
    for (const k of counts) {
      const made = () => ({
        values: new Float32Array(rows * k),
        indices: new Int32Array(rows * k),
        probabilities: new Float32Array(rows * k),
      });
      const [fused, then] = [made(), made()];
      const shape = { rows, cols, threads: 1 };
      const select = softlane.plan('topK', { ...shape, k, probabilities: true });
      const softmax = softlane.plan('softmax', shape);
      const selectThen = softlane.plan('topK', { ...shape, k });
      const arrays = { out: { values: then.probabilities, indices: then.indices } };
      const ours = () => select.run(x, { out: fused });
      const apart = () => {
        softmax.run(x, y);
        selectThen.run(y, arrays);
      };
      const theirs = {
        p: { data: new Float32Array(rows * k), dims: [rows, k] },
        i: { data: new BigInt64Array(rows * k), dims: [rows, k] },
      };
      const onnx = await graph(
        [
          { type: 'Softmax', inputs: ['x'], outputs: ['s'], attributes: { axis: 1 } },
          { type: 'TopK', inputs: ['s', 'k'], outputs: ['p', 'i'], attributes: { axis: 1 } },
        ],
        { x: { data: x, dims: [rows, cols] }, k: { data: BigInt64Array.of(BigInt(k)), dims: [1] } },
        theirs,
      );
      ours();
      apart();
      await onnx();
      agree('topK', fused.probabilities, then.probabilities, 1e-6);
      agree('topK', fused.probabilities, theirs.p.data, 1e-3);
      agree('topK', fused.indices, theirs.i.data, 0);
      yield {
        title: `topK ${k} with probabilities, ${rows} x ${cols}`,
        elements: x.length,
        ways: [
          ['softlane, fused', ours],
          ['softlane, softmax then topK', apart],
          ['onnxruntime, Softmax then TopK', onnx],
        ],
      };
    }
  }
}

/** @type {Cases} */
async function* distances(softlane, { shapes = [[1000, 768]] }) {
  for (const [rows, cols] of shapes) {
    const classes = 10;
    const x = numbers(rows * cols, 1);
    const means = numbers(classes * cols, 1);
    const covariance = new Float64Array(cols * cols);
    for (let i = 0; i < cols; i++) {
      for (let j = 0; j < cols; j++) {
        covariance[i * cols + j] = (i === j ? 1 : 0) + 0.3 / (1 + Math.abs(i - j));
      }
    }
    const model = softlane.mahalanobis({ cols, means, covariance });
    yield {
      title: `mahalanobis, ${rows} x ${cols}, ${classes} classes`,
      elements: x.length,
      ways: [['softlane', () => model.score(x)]],
    };
  }
}

export const all = { norms, pools, masks, drafts, 'top-k': topK, distances };
