// @ts-check
'use strict';

/**
 * Takes the last Softmax off an ONNX graph, so that the graph returns its logits.
 *
 * An ONNX file is protocol buffers on the wire: a message is a list of fields, a field is a tag (number and wire type)
 * and a payload. Only the few messages on the way to the Softmax are opened; every other byte, the weights first of
 * all, is copied as it stands, so the edit cannot change what it does not understand.
 *
 *   ModelProto      7 graph
 *   GraphProto      1 node, 12 output
 *   NodeProto       1 input, 2 output, 4 op_type
 *   ValueInfoProto  1 name
 */

const MODEL_GRAPH = 7;
const GRAPH_NODE = 1;
const GRAPH_OUTPUT = 12;
const NODE_INPUT = 1;
const NODE_OUTPUT = 2;
const NODE_OP_TYPE = 4;
const VALUE_NAME = 1;

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/**
 * One field of a message: `bytes` is the whole field with its tag, `body` the payload of a length-delimited one.
 * @typedef {{ number: number, wire: number, bytes: Uint8Array, body: Uint8Array }} Field
 */

/** @param {string} what @returns {never} */
function damaged(what) {
  throw new Error(`the ONNX file is damaged: ${what}`);
}

/**
 * @param {Uint8Array} message
 * @param {number} at
 * @returns {{ value: number, next: number }} the number, and where the next byte after it is
 */
function readVarint(message, at) {
  let value = 0;
  let scale = 1;
  for (let i = 0; i < 10; i++) {
    if (at + i >= message.length) damaged('a number is cut off at the end of a message');
    const byte = message[at + i];
    value += (byte & 0x7f) * scale;
    scale *= 128;
    if (byte < 0x80) return { value, next: at + i + 1 };
  }
  return damaged('a number is longer than ten bytes');
}

/** @param {number} value @returns {number[]} */
function varint(value) {
  const bytes = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  bytes.push(value);
  return bytes;
}

/**
 * The fields of a message, in the order of the file.
 * @param {Uint8Array} message
 * @returns {Field[]}
 */
function fieldsOf(message) {
  /** @type {Field[]} */
  const fields = [];
  for (let start = 0; start < message.length;) {
    const tag = readVarint(message, start);
    const number = Math.floor(tag.value / 8);
    const wire = tag.value % 8;
    if (number < 1 || number > 0x1fffffff) damaged(`there is no field number ${number}`);

    let body = tag.next;
    let end;
    if (wire === BYTES) {
      const length = readVarint(message, tag.next);
      body = length.next;
      end = body + length.value;
    } else if (wire === VARINT) {
      end = readVarint(message, tag.next).next;
    } else if (wire === FIXED64) {
      end = body + 8;
    } else if (wire === FIXED32) {
      end = body + 4;
    } else {
      damaged(`field ${number} has the unknown wire type ${wire}`);
    }
    if (end > message.length) damaged(`field ${number} runs past the end of its message`);
    fields.push({
      number,
      wire,
      bytes: message.subarray(start, end),
      body: message.subarray(body, end),
    });
    start = end;
  }
  return fields;
}

/** @param {number} number @param {Uint8Array} body @returns {Uint8Array} the field with this payload */
function bytesField(number, body) {
  return Buffer.concat([
    Buffer.from([...varint(number * 8 + BYTES), ...varint(body.length)]),
    body,
  ]);
}

/** @param {Field[]} fields @param {number} number @returns {string[]} every value of a string field */
function strings(fields, number) {
  return fields
    .filter((field) => field.number === number && field.wire === BYTES)
    .map((field) => Buffer.from(field.body).toString('utf8'));
}

/** @param {Field[]} fields @param {number} number @param {string} what @returns {Field} the only field of a number */
function only(fields, number, what) {
  const found = fields.filter((field) => field.number === number && field.wire === BYTES);
  if (found.length !== 1) {
    throw new Error(`expected an ONNX model with one ${what}, received one with ${found.length}`);
  }
  return found[0];
}

/**
 * The model without the Softmax that makes its one output: what went into that Softmax becomes the output, with the
 * type and shape that the output had (a Softmax changes neither).
 * @param {Uint8Array} model the bytes of an .onnx file
 * @returns {{ model: Buffer, logits: string, probabilities: string }} the edited bytes, the name of its output and
 *   the name that the output had before
 */
function withoutLastSoftmax(model) {
  const modelFields = fieldsOf(model);
  const graph = only(modelFields, MODEL_GRAPH, 'graph');
  const graphFields = fieldsOf(graph.body);
  const output = only(graphFields, GRAPH_OUTPUT, 'output');
  const outputFields = fieldsOf(output.body);
  const [probabilities] = strings(outputFields, VALUE_NAME);
  if (probabilities === undefined) damaged('the output of the graph has no name');

  const nodes = graphFields
    .filter((field) => field.number === GRAPH_NODE && field.wire === BYTES)
    .map((field) => ({ field, parts: fieldsOf(field.body) }));
  const last = nodes.find((node) => strings(node.parts, NODE_OUTPUT).includes(probabilities));
  const opType = last && strings(last.parts, NODE_OP_TYPE)[0];
  if (!last || opType !== 'Softmax') {
    throw new Error(
      `expected the output "${probabilities}" to come from a Softmax, received ${opType ?? 'no node'}`,
    );
  }
  const [logits] = strings(last.parts, NODE_INPUT);
  if (logits === undefined) damaged('the last Softmax has no input');
  if (nodes.some((node) => strings(node.parts, NODE_INPUT).includes(probabilities))) {
    throw new Error(`expected nothing to read "${probabilities}", but a node of the graph does`);
  }

  const renamed = outputFields.map((field) =>
    field.number === VALUE_NAME ? bytesField(VALUE_NAME, Buffer.from(logits)) : field.bytes,
  );
  const edited = graphFields
    .filter((field) => field !== last.field)
    .map((field) =>
      field === output ? bytesField(GRAPH_OUTPUT, Buffer.concat(renamed)) : field.bytes,
    );
  const whole = modelFields.map((field) =>
    field === graph ? bytesField(MODEL_GRAPH, Buffer.concat(edited)) : field.bytes,
  );
  return { model: Buffer.concat(whole), logits, probabilities };
}

module.exports = { withoutLastSoftmax };
