// @ts-check
'use strict';

/**
 * The classes of a PaddleOCR recogniser: 0 is the blank of CTC, then one class per line of the label list, then the
 * space, which the list leaves out.
 * @param {string} list the text of the label list
 * @returns {string[]} the text of each class
 */
function labelsFrom(list) {
  return ['', ...list.replace(/\r?\n$/, '').split(/\r?\n/), ' '];
}

/**
 * Greedy CTC decoding: of the best class of every step, repeats are collapsed and blanks dropped. The confidence is
 * the mean probability of the steps that are kept, as PaddleOCR defines it; a line with no text has confidence 0.
 * @param {ArrayLike<number>} indices the best class of each step
 * @param {ArrayLike<number>} probabilities its probability
 * @param {readonly string[]} labels
 * @returns {{ text: string, confidence: number, kept: number }}
 */
function decode(indices, probabilities, labels) {
  let text = '';
  let sum = 0;
  let kept = 0;
  let previous = 0;
  for (let step = 0; step < indices.length; step++) {
    const index = indices[step];
    if (!(index in labels)) {
      throw new Error(
        `expected a class from 0 to ${labels.length - 1} at step ${step}, received ${index}`,
      );
    }
    if (index !== 0 && index !== previous) {
      text += labels[index];
      sum += probabilities[step];
      kept++;
    }
    previous = index;
  }
  return { text, confidence: kept === 0 ? 0 : sum / kept, kept };
}

module.exports = { decode, labelsFrom };
