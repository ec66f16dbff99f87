// @ts-check
/** Graphs of onnxruntime-node as rivals: one thread, tensors made beforehand, outputs into arrays that are there. */
import { createRequire } from 'node:module';
import ort from 'onnxruntime-node';

const require = createRequire(import.meta.url);
const { FLOAT, INT64, attribute, modelOf } = require('../../dist/lab/rivals/onnx-model.js');

/** @typedef {{ type: string, inputs: string[], outputs: string[], attributes?: Record<string, number | number[]> }} Node */
/** @typedef {Record<string, { data: Float32Array | BigInt64Array, dims: number[] }>} Arrays */

const typeOf = (/** @type {Float32Array | BigInt64Array} */ data) =>
  data instanceof Float32Array ? /** @type {const} */ ('float32') : /** @type {const} */ ('int64');

/** A call of the graph, whose results are in `outputs` when its promise settles. */
export async function graph(
  /** @type {Node[]} */ nodes,
  /** @type {Arrays} */ inputs,
  /** @type {Arrays} */ outputs,
) {
  const values = (/** @type {Arrays} */ arrays) =>
    Object.entries(arrays).map(([name, { data, dims }]) => ({
      name,
      type: data instanceof Float32Array ? FLOAT : INT64,
      dims,
    }));
  const tensors = (/** @type {Arrays} */ arrays) =>
    Object.fromEntries(
      Object.entries(arrays).map(([name, { data, dims }]) => [
        name,
        new ort.Tensor(typeOf(data), data, dims),
      ]),
    );
  const model = modelOf(
    nodes.map(({ type, inputs, outputs, attributes = {} }) => ({
      type,
      inputs,
      outputs,
      attributes: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    })),
    values(inputs),
    values(outputs),
  );
  const session = await ort.InferenceSession.create(model, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  });
  const feeds = tensors(inputs);
  const fetches = tensors(outputs);
  return () => session.run(feeds, fetches);
}
