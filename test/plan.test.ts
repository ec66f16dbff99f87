import { afterEach, describe, expect, test } from '@jest/globals';
import * as api from '../lib';
import { catalogue } from '../lib/catalogue';
import { listOf } from '../lib/errors';
import { expectError } from './helpers/errors';
import { call, operators, planRun } from './support/kernels/operators';

const { plan } = api;
type Any = (...args: unknown[]) => unknown;
const anyPlan = plan as unknown as (name: unknown, options?: unknown) => api.Plan & { run: Any };

const plainNames = catalogue.flatMap(({ name, operands }) => (operands === undefined ? name : []));
const input = Float32Array.of(1, 2, 99, 4, 3, 99, -1, -1, 99);

afterEach(() => api.configure({ isa: 'auto', threads: 'auto', verify: 'off' }));

test.each(operators)('%s gives what the call gives', (_, view) => {
  const want = call(view, input, { cols: 2, stride: 3 });
  const shape = { rows: 3, cols: 2, stride: 3 };
  expect(planRun(view, input, shape)).toEqual(want);
  const out = want.slice().fill(0);
  expect(planRun(view, input, shape, out)).toBe(out);
  expect(out).toEqual(want);
});

test.each(plainNames)('%s keeps nothing from one run to the next', (name) => {
  const step = anyPlan(name, { rows: 3, cols: 2, stride: 3 });
  const want = step.run(input);
  step.run(input.map((value) => -value));
  expect(step.run(input)).toEqual(want);
});

test('fields say what was planned, and are fixed', () => {
  const step = plan('softmax', { rows: 3, cols: 2, stride: 3, outStride: 4, temperature: 2 });
  expect({ ...step }).toEqual({
    operator: 'softmax',
    rows: 3,
    cols: 2,
    stride: 3,
    outStride: 4,
    inputLength: 8,
    outputLength: 10,
    parameters: { algorithm: 'auto', temperature: 2, maskedRow: 'nan' },
  });
  expect(Object.isFrozen(step)).toBe(true);
  expect(Object.isFrozen(step.parameters)).toBe(true);
  const perRow = plan('logSumExp', { cols: 5, algorithm: 'online' });
  expect([perRow.rows, perRow.outputLength, perRow.outStride]).toEqual([1, 1, 1]);
  expect(perRow.parameters).toEqual({ algorithm: 'online', temperature: 1 });
});

test('is made by plan() alone', () => {
  expect(api).not.toHaveProperty('Plan');
});

test('shapes without elements', () => {
  expect(plan('softmax', { rows: 0, cols: 5 }).run(new Float32Array(0))).toEqual(
    new Float32Array(0),
  );
  const empty = plan('logSumExp', { rows: 2, cols: 0 });
  expect(empty.run(new Float32Array(0))).toEqual(Float32Array.of(-Infinity, -Infinity));
});

test('arrays may be longer, and the output the input', () => {
  const step = plan('softmax', { rows: 2, cols: 2 });
  const x = Float32Array.of(1, 2, 3, 3, 50, 60);
  const want = step.run(x);
  expect(want).toHaveLength(4);
  expect(step.run(x, x)).toBe(x);
  expect(x.subarray(0, 4)).toEqual(want);
  expect(Array.from(x.subarray(4))).toEqual([50, 60]);
});

test('the options of every call hold: temperature, masked rows, isa, threads', () => {
  const x = Float32Array.of(1, 3, -Infinity, -Infinity);
  const options = { temperature: 0.25, maskedRow: 'zero', isa: 'scalar', threads: 2 } as const;
  expect(plan('softmax', { rows: 2, cols: 2, ...options }).run(x)).toEqual(
    api.softmax(x, { cols: 2, ...options }),
  );
});

describe('plan refuses', () => {
  test.each([undefined, null, 3, {}, Symbol('softmax')])('the name %p', (name) => {
    const words = `the operator to be ${listOf(catalogue.map((line) => line.name))}`;
    expectError(() => anyPlan(name, { cols: 2 }), TypeError, 'ERR_SOFTLANE_TYPE', words);
  });
  test.each(['', 'Softmax', 'log-softmax', 'toString', '__proto__'])('the name %p', (name) => {
    const words = 'expected the operator to be "softmax"';
    expectError(() => anyPlan(name, { cols: 2 }), RangeError, 'ERR_SOFTLANE_VALUE', words);
  });
  test('missing or wrong options', () => {
    const type = 'ERR_SOFTLANE_TYPE';
    expectError(() => anyPlan('softmax'), TypeError, type, 'options to be a plain object');
    expectError(
      () => anyPlan('softmax', {}),
      TypeError,
      type,
      'options.cols',
      'received undefined',
    );
    expectError(() => anyPlan('softmax', { cols: '2' }), TypeError, type, 'options.cols');
    expectError(() => anyPlan('softmax', { cols: 2, rows: null }), TypeError, type, 'options.rows');
    const value = 'ERR_SOFTLANE_VALUE';
    expectError(() => anyPlan('softmax', { cols: 2, rows: -1 }), RangeError, value, 'options.rows');
    expectError(() => anyPlan('softmax', { cols: 2, temperature: 0 }), RangeError, value);
    expectError(() => anyPlan('softmax', { cols: 2, isa: 'mmx' }), RangeError, 'ERR_SOFTLANE_ISA');
    const unknown = 'ERR_SOFTLANE_UNKNOWN_OPTION';
    const out = new Float32Array(2);
    expectError(
      () => anyPlan('softmax', { cols: 2, out }),
      TypeError,
      unknown,
      '"out"',
      'rows, cols',
    );
    expectError(() => anyPlan('logSumExp', { cols: 2, outStride: 2 }), TypeError, unknown);
    expectError(() => anyPlan('argMax', { cols: 2, temperature: 2 }), TypeError, unknown);
  });
  test('shapes that do not fit', () => {
    const code = 'ERR_SOFTLANE_SHAPE';
    expectError(
      () => plan('softmax', { cols: 4, stride: 3 }),
      RangeError,
      code,
      'at least options.cols',
    );
    expectError(
      () => plan('softmax', { cols: 4, outStride: 3 }),
      RangeError,
      code,
      'options.outStride',
    );
    expectError(() => plan('softmax', { rows: 2 ** 40, cols: 2 ** 40 }), RangeError, code, '2^53');
    expectError(() => plan('argMax', { cols: 2 ** 31 }), RangeError, code, '2147483647');
  });
});

describe('run refuses', () => {
  const step = plan('softmax', { rows: 2, cols: 3 });
  const run = step.run.bind(step) as Any;
  const x = () => new Float32Array(6);
  const type = 'ERR_SOFTLANE_TYPE';

  test.each([undefined, null, 6, [1, 2, 3, 4, 5, 6], new Float64Array(6), {}])('x: %p', (value) => {
    expectError(() => run(value), TypeError, type, 'expected x to be a Float32Array');
    expectError(() => run(value, x()), TypeError, type, 'expected x to be a Float32Array');
  });
  test.each([null, 6, [], new Float64Array(6), new Int32Array(6), {}])('y: %p', (value) => {
    const words = 'expected out to be a Float32Array, itself the second argument of run() here';
    expectError(() => run(x(), value), TypeError, type, words);
  });
  test('an array by name, where run() takes the output itself', () => {
    const words = 'itself the second argument of run()';
    expectError(() => run(x(), { out: x() }), TypeError, type, words);
    const loss = plan('crossEntropy', { rows: 2, cols: 3 });
    const targets = Int32Array.of(0, 2);
    const out = new Float32Array(2);
    expect(loss.run(x(), { targets, out })).toBe(out);
  });
  test('further arrays, by the names that run() has for them', () => {
    const anyRun = (name: string, options: object) => {
      const step = anyPlan(name, { rows: 2, cols: 3, ...options });
      return step.run.bind(step) as Any;
    };
    const loss = anyRun('crossEntropy', {});
    expectError(() => loss(x()), TypeError, type, 'arrays.targets to be an Int32Array');
    expectError(() => loss(x(), { targets: [0, 1] }), TypeError, type, 'expected arrays.targets');
    const unknown = 'ERR_SOFTLANE_UNKNOWN_OPTION';
    expectError(() => loss(x(), { target: 1 }), TypeError, unknown, 'the arrays of run()');
    const [shape, value] = ['ERR_SOFTLANE_SHAPE', 'ERR_SOFTLANE_VALUE'] as const;
    const one = Int32Array.of(0);
    expectError(() => loss(x(), { targets: one }), RangeError, shape, 'expected arrays.targets');
    const beyond = Int32Array.of(0, 3);
    const words = ['arrays.targets to have only indices of columns', '3 for row 1'];
    expectError(() => loss(x(), { targets: beyond }), RangeError, value, ...words);
    const top = anyRun('topK', { k: 2 });
    expectError(() => top(x(), { out: { values: one } }), TypeError, type, 'arrays.out.values');
    expectError(() => top(x(), { out: 5 }), TypeError, type, 'expected arrays.out');
    expectError(() => top(x(), { out: { x: 1 } }), TypeError, unknown, 'expected arrays.out');
    const norm = anyRun('layerNorm', {});
    expectError(() => norm(x(), { weight: 5 }), TypeError, type, 'expected arrays.weight');
  });
  test('arrays that are too short', () => {
    const code = 'ERR_SOFTLANE_SHAPE';
    expectError(
      () => run(new Float32Array(5)),
      RangeError,
      code,
      'x to have at least 6',
      'received 5',
    );
    expectError(() => run(x(), new Float32Array(5)), RangeError, code, 'out to have at least 6');
    expectError(() => run(new Float32Array(0)), RangeError, code);
  });
  test('detached and overlapping memory', () => {
    const gone = x();
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    expectError(() => run(gone), TypeError, 'ERR_SOFTLANE_DETACHED');
    const memory = new Float32Array(9);
    const y = memory.subarray(3);
    expectError(() => run(memory.subarray(0, 6), y), RangeError, 'ERR_SOFTLANE_OVERLAP');
  });
  test('wrong arguments in verify mode as well', () => {
    api.configure({ verify: 'always' });
    expectError(() => run(undefined), TypeError, type);
    expectError(() => run(new Float64Array(6), x()), TypeError, type);
    expectError(() => run(x(), {}), TypeError, type);
    expectError(() => run(new Float32Array(5)), RangeError, 'ERR_SOFTLANE_SHAPE');
  });
});
