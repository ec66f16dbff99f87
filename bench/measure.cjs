// @ts-check
'use strict';

const { generator, shuffle } = require('./random.cjs');
const { summarise } = require('./statistics.cjs');

/**
 * Something that can be timed. `batch` does the work so many times; only a contender that has no synchronous form
 * returns a promise, and pays for it, as its users do.
 * @typedef {{ batch(count: number): void | Promise<void> }} Timed
 */

/**
 * @typedef {object} Settings
 * @property {number} repeats rounds
 * @property {number} least nanoseconds of a sample
 * @property {number} warmUp nanoseconds of work before the first one
 * @property {number} seed of the order in each round
 * @property {(() => void) | undefined} touch for cold outputs: brings the input into the caches before each call
 */

/** Calls longer than this are not repeated to settle caches before a sample. */
const LONG = 5e6;

const now = () => process.hrtime.bigint();

/** What two readings of the clock cost, in nanoseconds. */
function timerCost() {
  const costs = [];
  for (let i = 0; i < 2001; i++) {
    const start = now();
    costs.push(Number(now() - start));
  }
  return summarise(costs.slice(1000)).median;
}

/**
 * Nanoseconds of one call: of `count` in a row, or each alone with the input touched before it.
 * @param {Timed} timed @param {number} count @param {number} timer
 * @param {(() => void) | undefined} touch
 */
async function sample(timed, count, timer, touch) {
  if (touch === undefined) {
    const start = now();
    const pending = timed.batch(count);
    if (pending !== undefined) await pending;
    return Math.max(0, Number(now() - start) - timer) / count;
  }
  let total = 0;
  for (let i = 0; i < count; i++) {
    touch();
    const start = now();
    const pending = timed.batch(1);
    if (pending !== undefined) await pending;
    total += Math.max(0, Number(now() - start) - timer);
  }
  return total / count;
}

/**
 * Warms up and finds how many calls make a sample of at least `least` nanoseconds.
 * @param {Timed} timed @param {number} timer @param {Settings} settings
 */
async function calibrate(timed, timer, { least, warmUp, touch }) {
  let count = 1;
  let spent = 0;
  for (;;) {
    const each = await sample(timed, count, timer, touch);
    spent += each * count;
    // A sample is never longer by much than it must be: the last one measured tells the rate.
    if (each * count >= least && spent >= warmUp) {
      return Math.max(1, Math.ceil(least / each));
    }
    if (each * count < least) count *= 2;
  }
}

/**
 * Measures contenders alternately: every round has each of them once, in a fresh random order, so that neither a
 * change of the machine's speed nor what the one before left in the caches favours any.
 * @param {Timed[]} contenders
 * @param {Settings} settings
 * @returns {Promise<{ timer: number, counts: number[], times: number[][] }>} calls of a sample, and nanoseconds of a
 *   call by round, for each contender
 */
async function measure(contenders, settings) {
  const timer = timerCost();
  const counts = [];
  for (const timed of contenders) counts.push(await calibrate(timed, timer, settings));
  const random = generator(settings.seed);
  const order = contenders.map((_, i) => i);
  /** @type {number[][]} */
  const times = contenders.map(() => []);
  for (let round = 0; round < settings.repeats; round++) {
    globalThis.gc?.();
    for (const i of shuffle(order, random)) {
      const last = times[i][round - 1] ?? Infinity;
      if (settings.touch === undefined && last < LONG) await contenders[i].batch(1);
      times[i].push(await sample(contenders[i], counts[i], timer, settings.touch));
    }
  }
  return { timer, counts, times };
}

module.exports = { measure, sample, timerCost };
