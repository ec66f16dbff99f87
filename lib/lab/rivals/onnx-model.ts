/**
 * An ONNX model of one node over float32 [rows, cols], written as the protocol buffers that it is on the wire: a field
 * is a tag (number * 8 + wire type) and a payload.
 */

const VARINT = 0;
const BYTES = 2;
const FLOAT = 1;
const INT64 = 7;
const ATTRIBUTE_INT = 2;
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

/** AttributeProto: 1 name, 3 i, 20 type. */
const attribute = (name: string, value: number): Buffer =>
  bytes(5, bytes(1, name), int(3, value), int(20, ATTRIBUTE_INT));

/** ValueInfoProto, with TypeProto.Tensor inside. */
function valueInfo(name: string, type: number, dims: readonly number[]): Buffer[] {
  const shape = dims.map((dim) => bytes(1, int(1, dim)));
  return [bytes(1, name), bytes(2, bytes(1, int(1, type), bytes(2, ...shape)))];
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

/** The axes of a reduction are a list, AttributeProto 8 ints of type 7. */
const AXES = bytes(5, bytes(1, 'axes'), int(8, 1), int(20, 7));

export interface OneNode {
  readonly model: Buffer;
  readonly perRow: boolean;
  readonly int64: boolean;
}

/** The model of an operator of softlane's; undefined where ONNX has no such node. */
export function oneNode(op: string, rows: number, cols: number): OneNode | undefined {
  if (!Object.hasOwn(NODES, op)) return undefined;
  const { type, attributes, output } = NODES[op];
  const perRow = 'keepdims' in attributes;
  const node = [
    bytes(1, 'x'),
    bytes(2, 'y'),
    bytes(4, type),
    ...Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    ...(type.startsWith('Reduce') ? [AXES] : []),
  ];
  const graph = [
    bytes(1, ...node),
    bytes(2, op),
    bytes(11, ...valueInfo('x', FLOAT, [rows, cols])),
    bytes(12, ...valueInfo('y', output, perRow ? [rows] : [rows, cols])),
  ];
  const model = Buffer.concat([
    int(1, IR_VERSION),
    bytes(7, ...graph),
    bytes(8, bytes(1, ''), int(2, OPSET)),
  ]);
  return { model, perRow, int64: output === INT64 };
}
