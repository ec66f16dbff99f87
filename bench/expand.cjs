// @ts-check
'use strict';

const { UsageError, listOf, refuse } = require('./options.cjs');

/**
 * One thing that is measured.
 * @typedef {object} Contender
 * @property {string} name unique in its trial, without blanks
 * @property {string} kind one of KINDS
 * @property {string} [algorithm] of softlane, where the operator has more than one
 * @property {string} [isa] of softlane and exp
 * @property {boolean} [call] a plain call, which reads its options, and not a plan
 * @property {number} threads
 */

/**
 * What the build and the machine have.
 * @typedef {object} Available
 * @property {readonly { name: string, cli: string | null, options: object }[]} operators
 * @property {readonly string[]} algorithms
 * @property {readonly string[]} isas those that run here, best first
 */

/** Up to here the cost of reading options is a part of a call that can be seen. */
const MOST_FOR_CALLS = 1024;

/**
 * The operator that `--op` names.
 * @template {{ name: string, cli: string | null }} T
 * @param {readonly T[]} operators @param {string} name in the API or on the command line
 * @returns {T}
 */
function operatorOf(operators, name) {
  const found = operators.find((line) => line.name === name || line.cli === name);
  return found ?? refuse('op', listOf(operators.map((line) => line.name)), name);
}

/** @param {string} option @param {string[]} names @param {readonly string[]} valid */
function known(option, names, valid) {
  const wrong = names.find((name) => !valid.includes(name));
  return wrong === undefined ? names : refuse(option, listOf(valid), wrong);
}

/** @param {import('./options.cjs').Options} options @param {Available} available */
function softlanes(options, available) {
  const { algorithms, isas } = available;
  const line = operatorOf(available.operators, options.op);
  const hasAlgorithms = Object.hasOwn(line.options, 'algorithm');
  if (options.algorithms !== undefined && !hasAlgorithms) {
    throw new UsageError(`${line.name} has one algorithm, so --algorithms has nothing to choose`);
  }
  return {
    isas: known('isa', options.isas ?? (options.quick ? isas.slice(0, 1) : [...isas]), isas),
    algorithms: hasAlgorithms
      ? known('algorithms', options.algorithms ?? [...algorithms], algorithms)
      : [undefined],
  };
}

/**
 * The contenders of one shape, in the order of the table.
 * @param {import('./options.cjs').Options} options
 * @param {Available} available
 * @param {import('./shapes.cjs').Shape} shape
 * @returns {Contender[]}
 */
function expand(options, available, { rows, cols }) {
  const { algorithms, isas } = softlanes(options, available);
  /** @type {Contender[]} */
  const contenders = [];
  /** @param {Omit<Contender, 'name'>} contender @param {(string | undefined)[]} parts */
  const add = (contender, parts) => {
    const suffix = [contender.threads > 1 && `${contender.threads}t`, contender.call && 'call'];
    const name = [contender.kind, ...parts, ...suffix].filter(Boolean).join('/');
    contenders.push({ ...contender, name });
  };
  for (const kind of options.kinds) {
    for (const threads of kind === 'softlane' || kind === 'onnxruntime' ? options.threads : [1]) {
      if (kind === 'softlane') {
        for (const isa of isas) {
          for (const algorithm of algorithms) {
            add({ kind, algorithm, isa, threads }, [algorithm, isa]);
          }
        }
        if (rows * cols <= MOST_FOR_CALLS) {
          const [algorithm] = algorithms;
          add({ kind, algorithm, isa: isas[0], threads, call: true }, [algorithm, isas[0]]);
        }
      } else if (kind === 'exp') {
        for (const isa of isas) add({ kind, isa, threads }, [isa]);
      } else {
        add({ kind, threads }, []);
      }
    }
  }
  return contenders;
}

/**
 * The name of the contender that the others are compared with.
 * @param {string | undefined} wanted
 * @param {readonly string[]} names
 */
function baseOf(wanted, names) {
  if (wanted !== undefined) return known('base', [wanted], names)[0];
  return names.find((name) => name.startsWith('onnxruntime')) ?? names[0];
}

module.exports = { baseOf, expand, operatorOf };
