// @ts-check
'use strict';

const { speedup, summarise } = require('./statistics.cjs');

/** What every other contender is compared with where it takes part. */
const REFERENCES = ['plain-js', 'onnxruntime', 'memcpy'];

/**
 * @typedef {object} Measured
 * @property {string} name
 * @property {number} calls in a sample
 * @property {number[]} times nanoseconds of a call, by round
 * @property {number | null} maxUlp null for work that is no operator
 */

/**
 * @typedef {object} Outcome
 * @property {Measured[]} measured
 * @property {{ name: string, why: string }[]} absent
 * @property {{ name: string, why: string }[]} wrong
 * @property {number} timer nanoseconds that were subtracted from each sample
 * @property {number | null} others share of one CPU that other programs took meanwhile
 * @property {string} [failure] why there is nothing else
 */
/** @typedef {import('./statistics.cjs').Summary} Summary */

/**
 * One contender on one shape.
 * @typedef {object} Line
 * @property {string} name
 * @property {number[]} times nanoseconds of a call by round, of one trial after the other
 * @property {number[]} calls in a sample, by trial
 * @property {Summary} call nanoseconds
 * @property {number | null} maxUlp
 * @property {Record<string, Summary>} faster how many times as fast as another contender, by its name
 */

/**
 * One shape with all of its trials.
 * @typedef {object} Result
 * @property {string} op
 * @property {import('./shapes.cjs').Shape} shape
 * @property {boolean} cold
 * @property {string} base
 * @property {number} repeats rounds of a trial
 * @property {Line[]} lines
 * @property {{ name: string, why: string }[]} absent
 * @property {{ name: string, why: string }[]} wrong
 * @property {number | null} others the largest share of a CPU that other programs had during a trial
 */

/** @param {{ name: string, why: string }[]} notes */
function unique(notes) {
  return [...new Map(notes.map((note) => [note.name, note])).values()];
}

/**
 * Puts the trials of a shape together. A contender that was wrong once has no number.
 * @param {Pick<Result, 'op' | 'shape' | 'cold' | 'base' | 'repeats'>} task
 * @param {readonly Outcome[]} outcomes not empty
 * @returns {Result}
 */
function combine(task, outcomes) {
  const names = outcomes[0].measured
    .map(({ name }) => name)
    .filter((name) => outcomes.every(({ measured }) => measured.some((one) => one.name === name)));
  /** @type {Line[]} */
  const lines = names.map((name) => {
    const each = outcomes.map(({ measured }) => measured.find((one) => one.name === name));
    const found = each.filter((one) => one !== undefined);
    const times = found.flatMap((one) => one.times);
    const ulps = found.map(({ maxUlp }) => maxUlp).filter((ulp) => ulp !== null);
    return {
      name,
      times,
      calls: found.map(({ calls }) => calls),
      call: summarise(times),
      maxUlp: ulps.length === 0 ? null : Math.max(...ulps),
      faster: {},
    };
  });
  for (const reference of new Set([task.base, ...REFERENCES])) {
    const base = lines.find(({ name }) => name === reference);
    if (!base) continue;
    for (const line of lines) line.faster[reference] = speedup(base.times, line.times);
  }
  const others = outcomes.map((outcome) => outcome.others).filter((share) => share !== null);
  return {
    ...task,
    lines,
    absent: unique(outcomes.flatMap(({ absent }) => absent)),
    wrong: unique(outcomes.flatMap(({ wrong }) => wrong)),
    others: others.length === 0 ? null : Math.max(...others),
  };
}

module.exports = { REFERENCES, combine };
