import { Absent, type Maker } from '../ground';
import { load } from './load';
import { oneNode } from './onnx-model';

/** As much of onnxruntime-node as is used here; it is optional, so its own types may be missing. */
interface Runtime {
  readonly InferenceSession: {
    create(model: Uint8Array, options: object): Promise<Session>;
  };
  readonly Tensor: new (type: string, data: object, dims: readonly number[]) => object;
}
interface Session {
  run(feeds: object, fetches: object): Promise<object>;
}

/** A session of one node, its input and outputs made beforehand. */
export const onnxruntime: Maker = async (contender, ground) => {
  const { name } = ground.lineOf(contender);
  const { rows, cols } = ground.family.shape;
  const node = oneNode(name, rows, cols);
  if (node === undefined) throw new Absent(`ONNX has no node for ${name}`);
  const { InferenceSession, Tensor } = load('onnxruntime-node') as Runtime;
  const session = await InferenceSession.create(node.model, {
    intraOpNumThreads: contender.threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  });
  const length = node.perRow ? rows : rows * cols;
  const out = node.int64
    ? ground.rotation(BigInt64Array, length)
    : ground.rotation(Float32Array, length);
  const dims = node.perRow ? [rows] : [rows, cols];
  const feeds = { x: new Tensor('float32', ground.inputOf(contender), [rows, cols]) };
  const fetches = out.buffers.map((y) => ({
    y: new Tensor(node.int64 ? 'int64' : 'float32', y, dims),
  }));
  const batch = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      out.next();
      await session.run(feeds, fetches[out.place]);
    }
  };
  return { batch, result: () => Array.from(out.last as ArrayLike<unknown>, Number) };
};
