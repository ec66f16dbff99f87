/** What the normalisations have of their own: weight and bias absent or not, sums that cancel, x + residual. */
import { describe, expect, test } from '@jest/globals';
import { addLayerNorm, addRmsNorm, configure, dyt, layerNorm, rmsNorm } from '../lib/index';
import type { ColumnInputs, RowCall, RowOptions } from '../lib/index';
import type { Inputs, TrueRow } from '../lib/operator';
import { boundDistance, ulpOf } from '../lib/ulp';
import { expectSameBits } from './support/kernels/compare';
import { isas } from './support/kernels/operators';
import { Random } from './support/kernels/random';

const random = new Random(74);
const uniform = (n: number, size = 3): Float32Array =>
  Float32Array.from({ length: n }, () => random.uniform(-size, size));

/** As far as they are alike. */
type Scaled = RowCall<RowOptions & ColumnInputs, ColumnInputs>;
const scaled: readonly Scaled[] = [layerNorm, rmsNorm, dyt];
const fused = [
  [addLayerNorm, layerNorm],
  [addRmsNorm, rmsNorm],
] as const;

describe.each(scaled.map((call) => [call.operator.name, call] as const))('%s', (_, call) => {
  const { oracle, bound } = call.operator;
  const distances = (x: Float32Array, inputs: Inputs, y: Float32Array): number[] => {
    const truth = oracle(x, {}, inputs) as TrueRow;
    return Array.from(y, (value, i) => boundDistance(value, truth[i], bound, truth.sizes?.[i]));
  };

  test('an absent weight is 1, and an absent bias is nothing', () => {
    for (const n of [1, 15, 16, 17, 100, 4097]) {
      const [x, weight, bias] = [uniform(n), uniform(n), uniform(n)];
      const one = new Float32Array(n).fill(1);
      const nothing = new Float32Array(n).fill(-0);
      for (const isa of isas) {
        const y = (inputs: object): Float32Array => call(x, { isa, ...inputs });
        expectSameBits(y({ weight }), y({ weight, bias: nothing }), 'weight');
        expectSameBits(y({ bias }), y({ weight: one, bias }), 'bias');
        expectSameBits(y({}), y({ weight: one, bias: nothing }), 'neither');
      }
    }
  });

  test('what a bias cancels is right in ULP of the bias, and not of what is left', () => {
    let cancelled = 0;
    for (let i = 0; i < 200; i++) {
      const [x, weight] = [uniform(7), uniform(7)];
      const bias = call(x, { weight }).map((value) => -value);
      const y = call(x, { weight, bias });
      expect(Math.max(...distances(x, { weight, bias }, y))).toBeLessThanOrEqual(bound.maxUlp);
      const truth = oracle(x, {}, { weight, bias }) as TrueRow;
      cancelled += y.filter((value, j) => boundDistance(value, truth[j], bound) > 1000).length;
      // No more than the bound is let pass.
      const far = y.map((value, j) => value + (2 * bound.maxUlp + 1) * ulpOf(truth.sizes![j]));
      expect(Math.min(...distances(x, { weight, bias }, far))).toBeGreaterThan(bound.maxUlp);
    }
    expect(cancelled).toBeGreaterThan(100);
  });

  test('weights of all mantissas and sizes', () => {
    for (let i = 0; i < 300; i++) {
      const n = 1 + random.below(60);
      const weight = uniform(n, 1).map((value) => value * 2 ** (random.below(60) - 30));
      const bias = uniform(n, 1).map((value) => value * 2 ** (random.below(60) - 30));
      for (const inputs of [{ weight }, { bias }, { weight, bias }]) {
        const x = uniform(n);
        expect(Math.max(...distances(x, inputs, call(x, inputs)))).toBeLessThanOrEqual(
          bound.maxUlp,
        );
      }
    }
  });

  test('infinities and NaN among weights and biases are those of their column', () => {
    const x = Float32Array.of(1, 2, 3, 4, 5, -6);
    const weight = Float32Array.of(1, NaN, Infinity, 1, 1, 1);
    const bias = Float32Array.of(0, 0, 0, -Infinity, NaN, 0);
    const y = call(x, { weight, bias });
    const plain = call(x);
    expect(Array.from(y)).toEqual([plain[0], NaN, Infinity, -Infinity, NaN, plain[5]]);
  });
});

describe.each(fused.map(([add, norm]) => [add.operator.name, add, norm] as const))(
  '%s',
  (_, add, norm) => {
    test('is the norm of the sum as a float, bit for bit, whether it is asked for or not', () => {
      for (const [rows, cols] of [
        [5, 37],
        [1, 4099],
        [2, 300_001],
      ]) {
        const [x, residual] = [uniform(rows * cols), uniform(rows * cols, 40)];
        const columns = { weight: uniform(cols), bias: uniform(cols) };
        const want = x.map((value, i) => value + residual[i]);
        for (const inputs of [{}, columns, { bias: columns.bias }]) {
          for (const threads of [1, 4]) {
            const all = { cols, threads, ...inputs };
            const { normalised, sum } = add(x, { ...all, residual, sum: true });
            expectSameBits(sum, want, 'sum');
            expectSameBits(normalised, norm(want, all), 'normalised');
            const alone = add(x, { ...all, residual });
            expect(Object.keys(alone)).toEqual(['normalised']);
            expectSameBits(alone.normalised, normalised, 'without the sum');
          }
        }
      }
    });

    test('x may be of 16 bits', () => {
      const x = Uint16Array.of(0x3c00, 0x4000, 0xbc00, 0x7bff); // 1, 2, -1, 65504
      const residual = Float32Array.of(0.1, 1, 1, 1e6);
      const { normalised, sum } = add(x, { cols: 2, dtype: 'f16', residual, sum: true });
      expectSameBits(sum, Float32Array.of(1.1, 3, 0, 1_065_504), 'sum');
      expectSameBits(normalised, norm(sum, { cols: 2 }), 'normalised');
    });

    test('a sum beyond the largest float makes its row NaN, and no other', () => {
      const x = Float32Array.of(3e38, 1, 1, 2);
      const residual = Float32Array.of(3e38, 1, 1, 2);
      const { normalised, sum } = add(x, { cols: 2, residual, sum: true });
      expect(Array.from(sum)).toEqual([Infinity, 2, 2, 4]);
      expect(Array.from(normalised, Number.isNaN)).toEqual([true, true, false, false]);
    });

    test('is refused without a residual, and with results that overlap', () => {
      const x = uniform(4);
      const overlap = { code: 'ERR_SOFTLANE_OVERLAP' };
      const call = add as (x: Float32Array, options?: object) => unknown;
      expect(() => call(x)).toThrow(/expected options.residual/);
      const residual = uniform(4);
      for (const out of [{ normalised: x }, { normalised: residual }, { sum: residual }]) {
        expect(() => call(x, { residual, out })).toThrow(expect.objectContaining(overlap));
      }
      const both = new Float32Array(4);
      const out = { normalised: both, sum: both };
      expect(() => call(x, { residual, out })).toThrow(expect.objectContaining(overlap));
    });
  },
);

test('verify mode knows the size of a result', () => {
  configure({ verify: 'always' });
  try {
    const [x, residual, weight] = [uniform(64), uniform(64), uniform(8)];
    const { normalised } = addRmsNorm(x, { cols: 8, residual, weight });
    const bias = normalised.slice(0, 8).map((value) => -value);
    addRmsNorm(x, { cols: 8, residual, weight, bias });
    layerNorm(x, { cols: 8, weight, bias: layerNorm(x.subarray(0, 8), { weight }).map((v) => -v) });
  } finally {
    configure({ verify: 'off' });
  }
});
