import { Absent, type Maker } from '../ground';
import { load } from './load';

/** As much of @tensorflow/tfjs-core as is used here. */
interface Tfjs {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  tensor2d(data: Float32Array, shape: [number, number]): Tensor;
  softmax(x: Tensor, axis: number): Tensor;
  logSoftmax(x: Tensor, axis: number): Tensor;
  logSumExp(x: Tensor, axis: number): Tensor;
  argMax(x: Tensor, axis: number): Tensor;
}
interface Tensor {
  dataSync(): Float32Array | Int32Array;
  dispose(): void;
}

const OPERATORS = ['softmax', 'logSoftmax', 'logSumExp', 'argMax'] as const;

/**
 * TensorFlow.js on its WebAssembly backend. The input is a tensor already; the result is computed and left in the
 * backend's memory, from which a program would have to copy it (dataSync), as the check does.
 */
export const tfjs: Maker = async (contender, ground) => {
  const { name } = ground.lineOf(contender);
  const operator = OPERATORS.find((known) => known === name);
  if (operator === undefined) throw new Absent(`tfjs has no ${name}`);
  const tf = load('@tensorflow/tfjs-core') as Tfjs;
  load('@tensorflow/tfjs-backend-wasm');
  if (!(await tf.setBackend('wasm'))) throw new Absent('its wasm backend does not start');
  await tf.ready();
  const { rows, cols } = ground.family.shape;
  const x = tf.tensor2d(ground.inputOf(contender), [rows, cols]);
  let last: Tensor | undefined;
  const batch = (count: number): void => {
    for (let i = 0; i < count; i++) {
      last?.dispose();
      last = tf[operator](x, 1);
    }
  };
  return { batch, result: () => last?.dataSync() ?? [] };
};
