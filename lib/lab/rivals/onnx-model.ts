/**
 * Small ONNX models, one of a node over float32 [rows, cols] above all, written as the protocol buffers that they are on
 * the wire: a field is a tag (number * 8 + wire type) and a payload.
 */

const VARINT = 0;
const BYTES = 2;
export const FLOAT = 1;
export const INT64 = 7;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_INTS = 7;
const IR_VERSION = 8;
const OPSET = 13;

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  bytes.push(value);
  return bytes;
}

const int = (number: number, value: number): Buffer =>
  Buffer.from([...varint(number * 8 + VARINT), ...varint(value)]);

/** A message or a string of parts. */
function bytes(number: number, ...parts: (string | Uint8Array)[]): Buffer {
  const body = Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)),
  );
  return Buffer.concat([
    Buffer.from([...varint(number * 8 + BYTES), ...varint(body.length)]),
    body,
  ]);
}

/** AttributeProto: 1 name, 3 i or 8 ints, 20 type. */
export const attribute = (name: string, value: number | readonly number[]): Buffer =>
  typeof value === 'number'
    ? bytes(5, bytes(1, name), int(3, value), int(20, ATTRIBUTE_INT))
    : bytes(5, bytes(1, name), ...value.map((one) => int(8, one)), int(20, ATTRIBUTE_INTS));

/** A tensor that goes in or comes out; a dimension with a name may have any length. */
export interface ModelValue {
  readonly name: string;
  readonly type: number;
  readonly dims: readonly (number | string)[];
}

export interface ModelNode {
  readonly type: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly Buffer[];
}

/** ValueInfoProto, with TypeProto.Tensor inside. */
function valueInfo({ name, type, dims }: ModelValue): Buffer[] {
  const shape = dims.map((dim) => bytes(1, typeof dim === 'number' ? int(1, dim) : bytes(2, dim)));
  return [bytes(1, name), bytes(2, bytes(1, int(1, type), bytes(2, ...shape)))];
}

/** A whole ONNX file. */
export function modelOf(
  nodes: readonly ModelNode[],
  inputs: readonly ModelValue[],
  outputs: readonly ModelValue[],
): Buffer {
  const graph = [
    ...nodes.map((node) =>
      bytes(
        1,
        ...node.inputs.map((name) => bytes(1, name)),
        ...node.outputs.map((name) => bytes(2, name)),
        bytes(4, node.type),
        ...node.attributes,
      ),
    ),
    bytes(2, 'graph'),
    ...inputs.map((value) => bytes(11, ...valueInfo(value))),
    ...outputs.map((value) => bytes(12, ...valueInfo(value))),
  ];
  return Buffer.concat([
    int(1, IR_VERSION),
    bytes(7, ...graph),
    bytes(8, bytes(1, ''), int(2, OPSET)),
  ]);
}

interface Node {
  readonly type: string;
  readonly attributes: Readonly<Record<string, number>>;
  readonly output: number;
}

/** The node of each operator: its ONNX name, its integer attributes, and the element type of its result. */
const NODES: Readonly<Record<string, Node>> = {
  softmax: { type: 'Softmax', attributes: { axis: 1 }, output: FLOAT },
  logSoftmax: { type: 'LogSoftmax', attributes: { axis: 1 }, output: FLOAT },
  logSumExp: { type: 'ReduceLogSumExp', attributes: { keepdims: 0 }, output: FLOAT },
  argMax: { type: 'ArgMax', attributes: { axis: 1, keepdims: 0 }, output: INT64 },
};

/** The axes of a reduction are a list. */
const AXES = attribute('axes', [1]);

export interface OneNode {
  readonly model: Buffer;
  readonly perRow: boolean;
  readonly int64: boolean;
}

/** The model of an operator of softlane's, for so many rows, or any number under a name; undefined where ONNX has no such node. */
export function oneNode(op: string, rows: number | string, cols: number): OneNode | undefined {
  if (!Object.hasOwn(NODES, op)) return undefined;
  const { type, attributes, output } = NODES[op];
  const perRow = 'keepdims' in attributes;
  const node: ModelNode = {
    type,
    inputs: ['x'],
    outputs: ['y'],
    attributes: [
      ...Object.entries(attributes).map(([name, value]) => attribute(name, value)),
      ...(type.startsWith('Reduce') ? [AXES] : []),
    ],
  };
  const model = modelOf(
    [node],
    [{ name: 'x', type: FLOAT, dims: [rows, cols] }],
    [{ name: 'y', type: output, dims: perRow ? [rows] : [rows, cols] }],
  );
  return { model, perRow, int64: output === INT64 };
}
