// @ts-check
'use strict';

const { InferenceSession, Tensor } = require('onnxruntime-node');

/**
 * Runs a model that has one input and one output.
 * @param {Uint8Array} model the bytes of an .onnx file
 * @param {{ data: Float32Array, dims: readonly number[] }} input
 * @returns {Promise<{ data: Float32Array, dims: readonly number[] }>}
 */
async function run(model, { data, dims }) {
  // Severity 3: errors only, so that a warning does not come between the lines of the report.
  const session = await InferenceSession.create(model, { logSeverityLevel: 3 });
  try {
    const [input] = session.inputNames;
    const [output] = session.outputNames;
    const results = await session.run({ [input]: new Tensor('float32', data, dims) });
    const tensor = results[output];
    if (!(tensor.data instanceof Float32Array)) {
      throw new Error(`expected float32 from the recogniser, received ${tensor.type}`);
    }
    return { data: tensor.data, dims: tensor.dims };
  } finally {
    await session.release();
  }
}

module.exports = { run };
