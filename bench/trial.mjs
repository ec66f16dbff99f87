// @ts-check

/**
 * One trial: one operator and one shape in a process of its own, with all of its contenders. Started by main.mjs, which
 * sends a `Task` and receives an `Outcome`.
 */

import { createRequire } from 'node:module';
import check from './check.cjs';
import { Absent, groundOf, prepare } from './contenders.mjs';
import { operatorOf } from './expand.cjs';
import machine from './machine.cjs';
import { measure } from './measure.cjs';
import { logits } from './random.cjs';

const require = createRequire(import.meta.url);

/** @typedef {import('../lib/operator.js').Operator} Line */
/** @typedef {import('./expand.cjs').Contender} Contender */

/**
 * @typedef {object} Task
 * @property {string} op
 * @property {import('./shapes.cjs').Shape} shape
 * @property {Contender[]} contenders
 * @property {boolean} cold
 * @property {number} cache bytes of the largest cache
 * @property {number} repeats
 * @property {number} least nanoseconds of a sample
 * @property {number} warmUp nanoseconds
 * @property {number} range
 * @property {number} seed
 * @property {number} order seed of the order of contenders
 */

/** @typedef {import('./results.cjs').Outcome} Outcome */

/** Elements between two that are touched. */
const CACHE_LINE = 16;

/**
 * The paper's protocol: the input is in the caches as far as it fits, the output is not.
 * @param {Float32Array} x
 */
function toucher(x) {
  const sink = { sum: 0 };
  return () => {
    let sum = 0;
    for (let i = 0; i < x.length; i += CACHE_LINE) sum += x[i];
    sink.sum = sum;
  };
}

/** @param {Task} task @returns {Promise<Outcome>} */
async function run(task) {
  const { boundDistance, ulpOf } = require('../dist/ulp.js');
  const line = operatorOf(
    /** @type {Line[]} */ (require('../dist/catalogue.js').catalogue),
    task.op,
  );
  const { shape, cold, cache } = task;
  const x = logits(shape.rows * shape.cols, task.range, task.seed);
  const truth = check.truthOf(line.oracle, x, shape, line.output === 'perRow');
  const ground = groundOf({ line, shape, x, cold, cache });

  /** @type {Outcome} */
  const outcome = { measured: [], absent: [], wrong: [], timer: 0, others: null };
  /** @type {{ contender: Contender, ready: import('./contenders.mjs').Ready, maxUlp: number | null }[]} */
  const entered = [];
  for (const contender of task.contenders) {
    const { name, kind } = contender;
    try {
      const ready = await prepare(contender, ground);
      await ready.batch(1);
      const found =
        ready.result &&
        check.compare(ready.result(), truth, {
          distance: (got, want) => boundDistance(got, want, line.bound),
          promised: kind === 'softlane' ? line.bound.maxUlp : Infinity,
          ulpOf,
          logarithmic: line.name.startsWith('log'),
        });
      if (found?.wrong) outcome.wrong.push({ name, why: found.wrong });
      else entered.push({ contender, ready, maxUlp: found ? found.maxUlp : null });
    } catch (error) {
      if (!(error instanceof Absent)) throw error;
      outcome.absent.push({ name, why: error.message });
    }
  }

  const before = machine.cpuTime();
  const { timer, counts, times } = await measure(
    entered.map(({ ready }) => ready),
    {
      repeats: task.repeats,
      least: task.least,
      warmUp: task.warmUp,
      seed: task.order,
      touch: cold ? toucher(x) : undefined,
    },
  );
  outcome.others = machine.othersShare(before, machine.cpuTime());
  outcome.timer = timer;
  outcome.measured = entered.map(({ contender, maxUlp }, i) => ({
    name: contender.name,
    calls: counts[i],
    times: times[i],
    maxUlp,
  }));
  return outcome;
}

process.once('message', (/** @type {Task} */ task) => {
  run(task)
    .catch((error) => ({ failure: String(error?.message ?? error) }))
    .then((outcome) => process.send?.(outcome, () => process.disconnect?.()));
});
