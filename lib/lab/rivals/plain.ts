/**
 * Plain JavaScript, written as well as it can be without WebAssembly: typed arrays, one loop a pass that the compiler
 * keeps free of bounds checks and calls, sums in double, one division a row.
 */
import { Absent, type Maker } from '../ground';

function maximum(x: Float32Array, start: number, end: number): number {
  let max = -Infinity;
  for (let i = start; i < end; i++) if (x[i] > max) max = x[i];
  return max;
}

function sumOfExp(x: Float32Array, start: number, end: number, max: number): number {
  let sum = 0;
  for (let i = start; i < end; i++) sum += Math.exp(x[i] - max);
  return sum;
}

function softmax(x: Float32Array, y: Float32Array, cols: number): void {
  for (let start = 0; start < x.length; start += cols) {
    const end = start + cols;
    const max = maximum(x, start, end);
    let sum = 0;
    for (let i = start; i < end; i++) {
      const e = Math.exp(x[i] - max);
      y[i] = e;
      sum += e;
    }
    const scale = 1 / sum;
    for (let i = start; i < end; i++) y[i] *= scale;
  }
}

function logSoftmax(x: Float32Array, y: Float32Array, cols: number): void {
  for (let start = 0; start < x.length; start += cols) {
    const end = start + cols;
    const max = maximum(x, start, end);
    const log = Math.log(sumOfExp(x, start, end, max));
    for (let i = start; i < end; i++) y[i] = x[i] - max - log;
  }
}

/** `y` has one element a row. */
function logSumExp(x: Float32Array, y: Float32Array, cols: number): void {
  for (let row = 0, start = 0; start < x.length; row++, start += cols) {
    const max = maximum(x, start, start + cols);
    y[row] = max + Math.log(sumOfExp(x, start, start + cols, max));
  }
}

/** `y` has one element a row. */
function argMax(x: Float32Array, y: Int32Array, cols: number): void {
  for (let row = 0, start = 0; start < x.length; row++, start += cols) {
    let best = start;
    for (let i = start + 1; i < start + cols; i++) if (x[i] > x[best]) best = i;
    y[row] = best - start;
  }
}

type Plain = (x: Float32Array, y: never, cols: number) => void;

/** By the operator's name. */
export const plain: Readonly<Record<string, Plain>> = { softmax, logSoftmax, logSumExp, argMax };

export const plainJs: Maker = (contender, ground) => {
  const { name } = ground.lineOf(contender);
  if (!Object.hasOwn(plain, name)) throw new Absent(`nobody has written ${name} yet`);
  const operator = plain[name];
  const x = ground.inputOf(contender);
  const out = ground.outputOf(contender);
  const { cols } = ground.family.shape;
  const batch = (count: number): void => {
    for (let i = 0; i < count; i++) operator(x, out.next() as never, cols);
  };
  return { batch, result: () => out.last };
};
