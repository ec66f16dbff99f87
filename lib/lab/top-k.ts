/**
 * Softmax and then its k largest, by the forms of the online normalizer paper: what a program asks for is the same, the
 * probabilities of the k largest and where they are. They differ in how often the row is read and written.
 */
import { findOperator } from '../catalogue';
import * as api from '../index';
import * as oracle from '../oracle/softmax';
import { boundDistance } from '../ulp';
import type { Found } from './check';
import { Absent, type Ground, type Maker, type Ready } from './ground';
import type { Contender } from './task';

/** The forms with the memory accesses of an element: reads, and writes of a whole row. */
export const FORMS = {
  'safe-then-top-k': { reads: 4, writes: 1 },
  'online-then-top-k': { reads: 3, writes: 1 },
  'safe-fused': { reads: 2, writes: 0 },
  'online-fused': { reads: 1, writes: 0 },
} as const;
export type Form = keyof typeof FORMS;

/** Elements of rows that are looked at one by one. */
const MOST_COMPARED = 2 ** 23;

interface Chosen {
  /** What the k largest were chosen from. */
  readonly from: Float32Array;
  readonly indices: Int32Array;
  readonly probabilities: Float32Array;
}

/** Runs the form once. */
function stepsOf(contender: Contender, ground: Ground): { step: () => void; chosen: Chosen } {
  const { form, isa, threads, k = 1 } = contender;
  const { x } = ground;
  const { rows, cols } = ground.family.shape;
  const shape = { rows, cols, isa, threads };
  const chosen = {
    values: new Float32Array(rows * k),
    indices: new Int32Array(rows * k),
    probabilities: new Float32Array(rows * k),
  };
  const { indices, probabilities } = chosen;
  if (form === 'safe-then-top-k' || form === 'online-then-top-k') {
    const algorithm = form === 'safe-then-top-k' ? 'three-pass-recompute' : 'online';
    const softmax = api.plan('softmax', { ...shape, algorithm });
    const select = api.plan('topK', { ...shape, k });
    const y = ground.rotation(Float32Array, rows * cols).next();
    const arrays = { out: { values: probabilities, indices } };
    const step = (): void => {
      softmax.run(x, y);
      select.run(y, arrays);
    };
    return { step, chosen: { from: y, indices, probabilities } };
  }
  const fused = api.plan('topK', { ...shape, k, probabilities: true });
  const arrays = { out: chosen };
  const select = (): void => void fused.run(x, arrays);
  if (form === 'online-fused') return { step: select, chosen: { from: x, indices, probabilities } };
  const largest = api.plan('maxLogit', shape);
  const maxima = new Float32Array(rows);
  const step = (): void => {
    largest.run(x, maxima);
    select();
  };
  return { step, chosen: { from: x, indices, probabilities } };
}

/** What is wrong with the chosen of a row, in words. */
function wrongChoice(from: Float32Array, indices: Int32Array): string | undefined {
  const last = indices[indices.length - 1];
  const inOrder = indices.every((index, j) => {
    if (!(index >= 0 && index < from.length)) return false;
    if (j === 0) return true;
    const before = indices[j - 1];
    return from[before] > from[index] || (from[before] === from[index] && before < index);
  });
  if (!inOrder) return `its ${indices.length} largest are not in order`;
  let count = 0;
  for (let i = 0; i < from.length; i++) {
    if (from[i] > from[last] || (from[i] === from[last] && i <= last)) count++;
  }
  return count === indices.length
    ? undefined
    : `element ${last} is not the last of its ${indices.length} largest`;
}

/** ln of the sum of a row's exponentials, which all contenders of a family share. */
const logs = new WeakMap<Float32Array, Map<number, number>>();

function logOf(x: Float32Array, start: number, end: number): number {
  const known = logs.get(x) ?? new Map<number, number>();
  logs.set(x, known);
  const log = known.get(start) ?? oracle.logSumExp(x.subarray(start, end));
  known.set(start, log);
  return log;
}

/**
 * Rows spread evenly, as many as take a moment: the choice is proved by counting, the probabilities are compared with
 * the float64 oracle. Of all others the probabilities must lie between 0 and 1, and fall.
 */
export function verify(x: Float32Array, cols: number, k: number, chosen: Chosen): Found {
  const { from, indices, probabilities } = chosen;
  const rows = x.length / cols;
  const every = Math.max(1, Math.ceil(x.length / MOST_COMPARED));
  const bound = findOperator('softmax')!.bound;
  let maxUlp = 0;
  for (let row = 0; row < rows; row++) {
    const start = row * k;
    for (let j = start; j < start + k; j++) {
      const most = j === start ? 1 : probabilities[j - 1];
      if (!(probabilities[j] > 0 && probabilities[j] <= most)) {
        return { maxUlp: NaN, wrong: `row ${row} has a probability of ${probabilities[j]}` };
      }
    }
    if (row % every !== 0) continue;
    const own = indices.subarray(start, start + k);
    const [begin, end] = [row * cols, (row + 1) * cols];
    const wrong = wrongChoice(from.subarray(begin, end), own);
    if (wrong !== undefined) return { maxUlp: NaN, wrong: `row ${row}: ${wrong}` };
    const log = logOf(x, begin, end);
    for (let j = 0; j < k; j++) {
      const truth = Math.exp(x[begin + own[j]] - log);
      const ulp = boundDistance(probabilities[start + j], truth, bound);
      if (!(ulp <= bound.maxUlp)) {
        const got = probabilities[start + j];
        return { maxUlp: ulp, wrong: `row ${row}: ${got}, the oracle has ${truth}` };
      }
      maxUlp = Math.max(maxUlp, ulp);
    }
  }
  return { maxUlp };
}

export const topK: Maker = (contender, ground): Ready => {
  const { k = 1 } = contender;
  const { cols } = ground.family.shape;
  if (k > cols) throw new Absent(`rows have ${cols} elements`);
  const { step, chosen } = stepsOf(contender, ground);
  return {
    batch: (count) => {
      for (let i = 0; i < count; i++) step();
    },
    verify: () => verify(ground.x, cols, k, chosen),
  };
};
