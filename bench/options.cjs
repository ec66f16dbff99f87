// @ts-check
'use strict';

const { parseArgs } = require('node:util');
const { LARGE, MOST_ELEMENTS, QUICK, USUAL, parseShape } = require('./shapes.cjs');

/** A wrong argument: its message is one sentence, and the exit code is 2. */
class UsageError extends Error {}

const HELP = `Measures an operator beside plain JavaScript, onnxruntime-node and memory itself.

  npm run bench -- [options]

  --op NAME            softmax (default) or another operator of the catalogue, by its name in the API
                       or on the command line
  --shapes LIST        ROWSxCOLS, comma separated; 2^N is understood (default ${USUAL.join(',')})
  --algorithms LIST    of softlane (default: all that the operator has)
  --isa LIST           of softlane (default: all that this machine has)
  --contenders LIST    softlane, exp, plain-js, onnxruntime, memcpy, read (default: all)
  --threads LIST       of softlane and onnxruntime (default 1)
  --base NAME          the contender whose ratios get quartiles (default onnxruntime, or the first)
  --trials N           fresh processes for each shape (default 3)
  --repeats N          rounds in each process (default 11)
  --cold auto|on|off   outputs that are in no cache (default auto: for single rows from 2^20)
  --range R            logits uniform in [-R, R) (default 10; the Two-Pass paper has 1000)
  --seed N             of the logits and of the order of the contenders (default 1)
  --json FILE          the results in the schema of google/benchmark, too
  --quick              fewer shapes, the best ISA, one process each: under a minute
  --large              1x2^28 as well
  --help
`;

const KINDS = ['softlane', 'exp', 'plain-js', 'onnxruntime', 'memcpy', 'read'];

/**
 * @typedef {object} Options
 * @property {boolean} help
 * @property {string} op
 * @property {import('./shapes.cjs').Shape[]} shapes
 * @property {string[] | undefined} algorithms undefined: all
 * @property {string[] | undefined} isas undefined: all, or the best with --quick
 * @property {string[]} kinds
 * @property {number[]} threads
 * @property {string | undefined} base
 * @property {number} trials
 * @property {number} repeats
 * @property {'auto' | 'on' | 'off'} cold
 * @property {number} range
 * @property {number} seed
 * @property {string | undefined} json
 * @property {boolean} quick
 */

/** @param {readonly string[]} names @param {string} [word] */
function listOf(names, word = 'or') {
  if (names.length < 2) return names.join('');
  return `${names.slice(0, -1).join(', ')} ${word} ${names[names.length - 1]}`;
}

/** @param {string} option @param {string} expected @param {unknown} received @returns {never} */
function refuse(option, expected, received) {
  throw new UsageError(`expected ${expected} for --${option} but received "${received}"`);
}

/** @param {string} option @param {string} text @returns {string[]} */
function list(option, text) {
  const items = text.split(',').map((item) => item.trim());
  if (items.includes('')) refuse(option, 'a list with commas and no empty place', text);
  return [...new Set(items)];
}

/** @param {string} option @param {string} text @param {readonly string[]} names @returns {string[]} */
function choices(option, text, names) {
  return list(option, text).map((item) =>
    names.includes(item) ? item : refuse(option, listOf(names), item),
  );
}

/** @param {string} option @param {string} text @param {number} least @param {number} most */
function integer(option, text, least, most) {
  const value = /^\d{1,12}$/.test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  return refuse(option, `an integer from ${least} to ${most}`, text);
}

/** @param {string} text */
function range(text) {
  const value = text.trim() === '' ? NaN : Number(text);
  if (value > 0 && value <= 1e30) return value;
  return refuse('range', 'a number greater than 0 and at most 1e30', text);
}

const string = /** @type {const} */ ({ type: 'string' });
const boolean = /** @type {const} */ ({ type: 'boolean', default: false });

/** @param {readonly string[]} args */
function read(args) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        op: { ...string, default: 'softmax' },
        shapes: string,
        algorithms: string,
        isa: string,
        contenders: string,
        threads: { ...string, default: '1' },
        base: string,
        trials: string,
        repeats: { ...string, default: '11' },
        cold: { ...string, default: 'auto' },
        range: { ...string, default: '10' },
        seed: { ...string, default: '1' },
        json: string,
        quick: boolean,
        large: boolean,
        help: boolean,
      },
    }).values;
  } catch (error) {
    // parseArgs explains how a positional argument could be meant, in more sentences.
    const [first] = String(/** @type {Error} */ (error).message).split(/\.\s|\n/);
    throw new UsageError(`${first.charAt(0).toLowerCase()}${first.slice(1).replace(/\.$/, '')}`);
  }
}

/**
 * Reads the command line. Names that depend on the build (operators, algorithms, ISAs) are checked later, by `expand`.
 * @param {readonly string[]} args
 * @returns {Options}
 */
function parse(args) {
  const values = read(args);
  const { quick, large } = values;
  const named =
    values.shapes === undefined ? (quick ? QUICK : USUAL) : list('shapes', values.shapes);
  const shapes = [...new Set([...named, ...(large ? LARGE : [])])].map((text) => {
    const expected = `ROWSxCOLS with 1 to ${MOST_ELEMENTS} elements in all`;
    return parseShape(text) ?? refuse('shapes', expected, text);
  });
  const { cold } = values;
  if (cold !== 'auto' && cold !== 'on' && cold !== 'off') refuse('cold', 'auto, on or off', cold);
  return {
    help: values.help,
    op: values.op,
    shapes,
    algorithms: values.algorithms === undefined ? undefined : list('algorithms', values.algorithms),
    isas: values.isa === undefined ? undefined : list('isa', values.isa),
    kinds:
      values.contenders === undefined ? KINDS : choices('contenders', values.contenders, KINDS),
    threads: list('threads', values.threads).map((text) => integer('threads', text, 1, 1024)),
    base: values.base,
    trials: integer('trials', values.trials ?? (quick ? '1' : '3'), 1, 1000),
    repeats: integer('repeats', values.repeats, 1, 10_000),
    cold,
    range: range(values.range),
    seed: integer('seed', values.seed, 0, 2 ** 32 - 1),
    json: values.json,
    quick,
  };
}

module.exports = { HELP, KINDS, UsageError, listOf, parse, refuse };
