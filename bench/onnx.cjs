// @ts-check
'use strict';

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

/** @param {number} value @returns {number[]} */
function varint(value) {
  const bytes = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  bytes.push(value);
  return bytes;
}

/** @param {number} number @param {number} value */
const int = (number, value) => Buffer.from([...varint(number * 8 + VARINT), ...varint(value)]);

/** @param {number} number @param {...(string | Uint8Array)} parts of a message or a string */
function bytes(number, ...parts) {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return Buffer.concat([
    Buffer.from([...varint(number * 8 + BYTES), ...varint(body.length)]),
    body,
  ]);
}

/** AttributeProto: 1 name, 3 i, 20 type. @param {string} name @param {number} value */
const attribute = (name, value) => bytes(5, bytes(1, name), int(3, value), int(20, ATTRIBUTE_INT));

/** ValueInfoProto, with TypeProto.Tensor inside. @param {string} name @param {number} type @param {number[]} dims */
function valueInfo(name, type, dims) {
  const shape = dims.map((dim) => bytes(1, int(1, dim)));
  return [bytes(1, name), bytes(2, bytes(1, int(1, type), bytes(2, ...shape)))];
}

/**
 * The node of each operator: its ONNX name, its integer attributes, and the element type of its result.
 * @type {Record<string, { type: string, attributes: Record<string, number>, output: number }>}
 */
const NODES = {
  softmax: { type: 'Softmax', attributes: { axis: 1 }, output: FLOAT },
  logSoftmax: { type: 'LogSoftmax', attributes: { axis: 1 }, output: FLOAT },
  logSumExp: { type: 'ReduceLogSumExp', attributes: { keepdims: 0 }, output: FLOAT },
  argMax: { type: 'ArgMax', attributes: { axis: 1, keepdims: 0 }, output: INT64 },
};

/** The axes of a reduction are a list, AttributeProto 8 ints of type 7. */
const AXES = bytes(5, bytes(1, 'axes'), int(8, 1), int(20, 7));

/**
 * @param {string} op the operator's name in softlane
 * @param {number} rows @param {number} cols
 * @returns {{ model: Buffer, perRow: boolean, int64: boolean } | undefined} undefined where ONNX has no such node
 */
function oneNode(op, rows, cols) {
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

module.exports = { oneNode };
