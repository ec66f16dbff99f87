import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Binding } from '../binding';
import * as api from '../lib';
import { findOperator } from '../lib/catalogue';
import {
  SoftlaneVerifyError,
  beginVerify,
  parseVerify,
  setVerify,
  verification,
} from '../lib/verify';
import * as promises from '../lib/promises';
import { SPEC_LENGTH } from '../lib/spec';
import { expectError } from './helpers/errors';
import { call as callView, operators } from './support/kernels/operators';
import type { Options } from './support/kernels/operators';

type Output = Float32Array | Int32Array;

/** What the mocked addon does to a result that the real one has written. */
const fault: {
  apply: ((y: Output) => void) | null;
  part: ((operands: readonly (ArrayBufferView | undefined)[]) => void) | null;
} = { apply: null, part: null };

jest.mock('../lib/loader', () => {
  const { loadBinding } = jest.requireActual<{ loadBinding(): Binding }>('../lib/loader');
  const real = loadBinding();
  const run: Binding['run'] = (spec, x, y, ...operands) => {
    const status = real.run(spec, x, y, ...operands);
    if (status === 0) fault.apply?.(y as Output);
    if (status === 0 && operands.length > 0) fault.part?.(operands);
    return status;
  };
  const collect: Binding['collect'] = (ticket, y, ...operands) => {
    const status = real.collect(ticket, y, ...operands);
    if (status === 0) fault.apply?.(y as Output);
    if (status === 0 && operands.length > 0) fault.part?.(operands);
    return status;
  };
  const replaced = { run: { value: run }, collect: { value: collect } };
  return { loadBinding: () => Object.create(real, replaced) as Binding };
});

const rows = () => Float32Array.from({ length: 40 }, (_, i) => Math.sin(i) * 5);
const options = { cols: 20 };

beforeEach(() => {
  fault.apply = null;
  fault.part = null;
});
afterEach(() => api.configure({ verify: 'off' }));

function caught(call: () => unknown): SoftlaneVerifyError {
  return expectError(call, Error, 'ERR_SOFTLANE_VERIFY') as SoftlaneVerifyError;
}

describe('always', () => {
  beforeEach(() => api.configure({ verify: 'always' }));

  test.each(operators)('right results of %s pass', (_, view) => {
    const call = (x: Float32Array, given: Options): unknown => callView(view, x, given);
    call(rows(), options);
    call(rows(), { ...options, cols: 8, stride: 16 });
    for (const special of [-Infinity, Infinity, NaN, -0, 1e-45, 3.4e38]) {
      call(Float32Array.of(1, special, special, special, 2, special), { cols: 2 });
    }
    call(new Float32Array(0), {});
    expect(verification.calls).toBe(9);
  });

  test('rows without elements are not walked, however many they are', () => {
    const data = new Float32Array(0);
    const dims = [2 ** 32, 0];
    expect(api.softmax({ data, dims })).toEqual({ data, dims });
    const { normalised } = api.addRmsNorm({ data, dims }, { residual: { data, dims } });
    expect(normalised.dims).toEqual(dims);
  });

  test('one of several results that is off is found and named, and so it is behind a promise', async () => {
    fault.part = ([, indices]) => {
      (indices as Int32Array)[3]++;
    };
    const error = caught(() => api.topK(rows(), { ...options, k: 2 }));
    expect(error.message).toMatch(
      /^topK: expected indices of row 1, column 1 to be \d+ within 0 ULP/,
    );
    expect(error.mismatch).toMatchObject({ output: 'indices', row: 1, column: 1, bound: 0 });
    await expect(promises.topK(rows(), { ...options, k: 2 })).rejects.toMatchObject({
      mismatch: { output: 'indices' },
    });
  });

  test('a result that is off by more than the bound is found, with all that is needed to reproduce it', () => {
    fault.apply = (y) => {
      y[23] = y[23] * 1.001;
    };
    const x = rows();
    const error = caught(() => api.softmax(x, { ...options, temperature: 2, isa: 'scalar' }));
    expect(error).toBeInstanceOf(SoftlaneVerifyError);
    expect(error).toBeInstanceOf(api.SoftlaneError);
    const m = error.mismatch;
    expect(m).toMatchObject({
      operator: 'softmax',
      algorithm: 'auto',
      isa: 'scalar',
      parameters: { algorithm: 'auto', temperature: 2, maskedRow: 'nan' },
      rows: 2,
      cols: 20,
      row: 1,
      column: 3,
      bound: findOperator('softmax')!.bound.maxUlp,
      mismatches: 1,
      file: undefined,
    });
    expect(m.input).toEqual(x.slice(20, 40));
    expect(m.got / m.expected).toBeCloseTo(1.001, 6);
    expect(m.ulp).toBeGreaterThan(1000);
    expect(error.message).toMatch(
      /^softmax: expected row 1, column 3 to be .* within 4 ULP, received/,
    );
    expect(error.message).toContain(
      'isa scalar, algorithm auto, temperature 2, maskedRow nan, cols 20',
    );
    // The bits of the elements around the column.
    const bits = Buffer.alloc(4);
    bits.writeFloatBE(x[23]);
    expect(error.message).toContain(` ${bits.toString('hex')} `);
  });

  test('the worst of several is named, and all are counted', () => {
    fault.apply = (y) => {
      y[1] = y[1] * 1.0001;
      y[30] = NaN;
      y[31] = y[31] * 1.1;
    };
    const { row, column, ulp, mismatches, got } = caught(() =>
      api.softmax(rows(), options),
    ).mismatch;
    expect({ row, column, ulp, mismatches, got }).toEqual({
      row: 1,
      column: 10,
      ulp: Infinity,
      mismatches: 3,
      got: NaN,
    });
  });

  test('just inside the bound is right, just outside is not', () => {
    const x = Float32Array.of(0, 0, 0, 0);
    const { maxUlp } = findOperator('softmax')!.bound;
    fault.apply = (y) => {
      y[2] = 0.25 + maxUlp * 2 ** -25;
    };
    api.softmax(x);
    fault.apply = (y) => {
      y[2] = 0.25 + (maxUlp + 1) * 2 ** -25;
    };
    expect(caught(() => api.softmax(x)).mismatch).toMatchObject({ column: 2, ulp: maxUlp + 1 });
  });

  test('an index that is off by one, in any row', () => {
    fault.apply = (y) => {
      y[1]++;
    };
    expect(caught(() => api.argMax(rows(), options)).mismatch).toMatchObject({
      operator: 'argMax',
      algorithm: undefined,
      row: 1,
      column: 0,
      bound: 0,
    });
  });

  test('in place: the input is compared as it was', () => {
    const x = rows();
    api.softmax(x, { ...options, out: x });
    fault.apply = (y) => y.fill(0.05);
    const before = rows();
    const { row, input } = caught(() => api.softmax(before, { ...options, out: before })).mismatch;
    expect(input).toEqual(rows().slice(20 * row, 20 * row + 20));
  });

  test('gaps of a stride are not results', () => {
    fault.apply = (y) => {
      y[21] = 7;
    };
    const out = new Float32Array(50);
    api.softmax(rows(), { ...options, outStride: 30, out });
    expect(out[21]).toBe(7);
  });

  test('plans are checked too', () => {
    const step = api.plan('logSumExp', { rows: 2, cols: 20 });
    step.run(rows());
    fault.apply = (y) => {
      y[1] += 0.1;
    };
    expect(caught(() => step.run(rows())).mismatch).toMatchObject({
      operator: 'logSumExp',
      row: 1,
    });
  });

  test('promises are checked too, in place as well, and reject', async () => {
    const x = rows();
    expect(await promises.softmax(x, options)).toEqual(api.softmax(x, options));
    await promises.softmax(x, { ...options, out: x });
    fault.apply = (y) => {
      y[39] = 1;
    };
    const before = rows();
    const promise = promises.softmax(before, { ...options, temperature: 3, out: before });
    const error = (await promise.catch((reason: unknown) => reason)) as SoftlaneVerifyError;
    expect(error).toBeInstanceOf(SoftlaneVerifyError);
    expect(error.mismatch).toMatchObject({ row: 1, column: 19, parameters: { temperature: 3 } });
    expect(error.mismatch.input).toEqual(rows().slice(20));
  });

  test('-0 and subnormal results are wrong', () => {
    const x = Float32Array.of(0, -Infinity, -95);
    api.softmax(x);
    for (const wrong of [-0, 1e-45, 1e-37]) {
      fault.apply = (y) => {
        y[1] = wrong;
      };
      expect(caught(() => api.softmax(x)).mismatch.column).toBe(1);
    }
  });

  describe('with SOFTLANE_VERIFY_DIR', () => {
    const folder = mkdtempSync(join(tmpdir(), 'softlane-verify-'));
    afterEach(() => {
      delete process.env['SOFTLANE_VERIFY_DIR'];
      rmSync(folder, { recursive: true, force: true });
    });

    test('the row is saved as .npy', () => {
      process.env['SOFTLANE_VERIFY_DIR'] = folder;
      fault.apply = (y) => y.fill(0);
      const error = caught(() => api.logSoftmax(rows(), options));
      const { file, input } = error.mismatch;
      expect(readdirSync(folder)).toHaveLength(1);
      expect(error.message).toContain(`the row is in ${file}`);
      const bytes = readFileSync(file as string);
      expect(bytes.subarray(0, 8).toString('latin1')).toBe('\x93NUMPY\x01\x00');
      const start = 10 + bytes.readUInt16LE(8);
      expect(start % 64).toBe(0);
      expect(bytes.subarray(10, start).toString()).toMatch(
        /^\{'descr': '<f4', 'fortran_order': False, 'shape': \(20,\), \} *\n$/,
      );
      const values = Float32Array.from(input, (_, i) => bytes.readFloatLE(start + 4 * i));
      expect(values).toEqual(input);
      expect(bytes).toHaveLength(start + 80);
    });

    test('a folder that is not there does not hide the mismatch', () => {
      process.env['SOFTLANE_VERIFY_DIR'] = join(folder, 'nowhere');
      fault.apply = (y) => y.fill(0);
      expect(caught(() => api.softmax(rows())).mismatch.file).toBeUndefined();
    });
  });
});

describe('a share', () => {
  const checked = (share: number, calls: number): number[] => {
    setVerify(share);
    fault.apply = (y) => y.fill(0.5);
    const found: number[] = [];
    for (let n = 0; n < calls; n++) {
      try {
        api.softmax(Float32Array.of(0, 3));
      } catch {
        found.push(n);
      }
    }
    return found;
  };

  test('is spread evenly, starts with the first call, and is the same each time', () => {
    expect(checked(0.25, 20)).toEqual([0, 4, 8, 12, 16]);
    expect(checked(0.25, 20)).toEqual([0, 4, 8, 12, 16]);
    expect(checked(0.01, 1000)).toHaveLength(10);
    expect(checked(0.3, 1000)).toHaveLength(300);
    expect(checked(1, 5)).toEqual([0, 1, 2, 3, 4]);
  });

  test('off checks and counts nothing', () => {
    expect(checked(0, 50)).toEqual([]);
    expect(verification.calls).toBe(0);
  });
});

describe('configure', () => {
  test.each([
    ['always', 1],
    ['off', 0],
    [0.01, 0.01],
    [0, 0],
    [1, 1],
  ] as const)('verify %p', (value, share) => {
    api.configure({ verify: value });
    expect(verification.share).toBe(share);
  });

  test.each(['on', '', '0.5', -0.1, 1.1, NaN, null, true])('refuses verify %p', (value) => {
    api.configure({ verify: 0.5 });
    const wrongType = value === null || value === true;
    expectError(
      () => api.configure({ verify: value as never }),
      wrongType ? TypeError : RangeError,
      wrongType ? 'ERR_SOFTLANE_TYPE' : 'ERR_SOFTLANE_VALUE',
      '"always", "off" or a number from 0 to 1',
    );
    expect(verification.share).toBe(0.5);
    expect(parseVerify(value)).toBeUndefined();
  });
});

test('a check outlives the record of its call', () => {
  setVerify(1);
  const line = findOperator('logSumExp')!;
  const step = api.plan('logSumExp', { cols: 2 });
  const spec = new Float64Array(SPEC_LENGTH);
  spec.set([2, 0, 0, 0, 1, 2, 2, 1, 1]);
  const x = Float32Array.of(1, 2);
  const check = beginVerify(line, spec, x, 2, undefined, 'scalar')!;
  const y = step.run(x);
  spec.fill(0);
  x.fill(9);
  check(y);
  expect(() => check(Float32Array.of(9))).toThrow(SoftlaneVerifyError);
});

test('an array that has lost its memory is refused as without verification, whatever it says of itself', () => {
  api.configure({ verify: 'always' });
  const x = Float32Array.of(1, 2, 3);
  Object.defineProperty(x, 'length', { value: 3 });
  structuredClone(x.buffer, { transfer: [x.buffer] });
  const step = api.plan('softmax', { cols: 3 });
  expectError(() => step.run(x), TypeError, 'ERR_SOFTLANE_DETACHED');
});

test('the input is kept by no method of its class', () => {
  api.configure({ verify: 'always' });
  class Odd extends Float32Array {
    static get [Symbol.species](): never {
      throw new Error('ran');
    }
  }
  expect(api.softmax(Odd.of(1, 1) as never)).toEqual(Float32Array.of(0.5, 0.5));
});

test('operators and plans are counted; samplers, speculators, states and models are not', () => {
  const x = Float32Array.of(1, 2, 3, 4);
  const targets = Int32Array.of(0, 1);
  const counted = (call: () => unknown): number => {
    api.configure({ verify: 'always' });
    call();
    return verification.calls;
  };
  expect(counted(() => api.softmax(x))).toBe(1);
  expect(counted(() => api.plan('softmax', { cols: 4 }).run(x))).toBe(1);
  expect(counted(() => api.perplexity(x, { cols: 2, targets }))).toBe(1);
  expect(counted(() => api.fitTemperature(x, { cols: 2, targets }))).toBeGreaterThan(1);
  expect(counted(() => api.createEntropySwitch({ threshold: 1 }).next(x))).toBe(1);
  expect(counted(() => api.createSampler({ seed: 1 }).sample(x))).toBe(0);
  const draft = Float32Array.of(1, 2);
  const speculator = api.createSpeculator({ seed: 1 });
  expect(counted(() => speculator.verify(x, draft, [1], { cols: 2 }))).toBe(0);
  expect(counted(() => api.logSumExpState().push(x).finish())).toBe(0);
  expect(counted(() => api.crossEntropyState().push(x, 0).finish())).toBe(0);
  const model = api.mahalanobis({ cols: 1, means: x, covariance: Float32Array.of(1) });
  expect(counted(() => model.score(x))).toBe(0);
});
