/** Distances to classes of features. */
import { describe, expect, test } from '@jest/globals';
import { capabilities, fitMahalanobis, mahalanobis } from '../lib/index';
import { expectCode } from './helpers/errors';
import { Random } from './support/kernels/random';

test('with the identity it is the squared distance to the nearest mean', () => {
  const means = Float64Array.of(0, 0, 0, 3, 0, 4);
  const covariance = Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1);
  const model = mahalanobis({ cols: 3, means, covariance });
  const got = model.score(Float32Array.of(1, 2, 2, 3, 1, 4, 1.5, 0, 2));
  expect(got.distance).toEqual(Float32Array.of(9, 1, 6.25));
  expect(got.nearest).toEqual(Int32Array.of(0, 1, 0)); // the lowest among equals
});

test('is (f - m) C^-1 (f - m), by an inverse that is known', () => {
  // C = [[2, 1], [1, 3]], C^-1 = [[3, -1], [-1, 2]] / 5; above the diagonal nothing is read.
  const covariance = Float32Array.of(2, 99, 1, 3);
  const model = mahalanobis({ cols: 2, means: Float32Array.of(1, -1), covariance });
  const { distance } = model.score(Float32Array.of(3, 0, 1, 1));
  expect(distance[0]).toBeCloseTo((3 * 4 - 2 * 2 + 2) / 5, 6);
  expect(distance[1]).toBeCloseTo((2 * 4) / 5, 6);
});

describe('of many features', () => {
  const random = new Random(30);

  /** A model, and its distances by substitution with the factor of the covariance, in float64. */
  function made(cols: number, classes: number) {
    const factor = Array.from({ length: cols }, (_, i) =>
      Array.from({ length: cols }, (_, j) =>
        j > i ? 0 : i === j ? random.uniform(0.5, 2) : random.uniform(-1, 1) / Math.sqrt(cols),
      ),
    );
    const covariance = new Float64Array(cols * cols);
    for (let i = 0; i < cols; i++) {
      for (let j = 0; j <= i; j++) {
        covariance[i * cols + j] = factor[i].reduce((sum, v, k) => sum + v * factor[j][k], 0);
      }
    }
    const means = Float64Array.from({ length: classes * cols }, () => 1000 + random.bell());
    const truth = (row: Float32Array): [distance: number, nearest: number] => {
      const all = Array.from({ length: classes }, (_, c) => {
        const u: number[] = [];
        for (let i = 0; i < cols; i++) {
          let rest = row[i] - means[c * cols + i];
          for (let j = 0; j < i; j++) rest -= factor[i][j] * u[j];
          u.push(rest / factor[i][i]);
        }
        return u.reduce((sum, v) => sum + v * v, 0);
      });
      const least = Math.min(...all);
      return [least, all.indexOf(least)];
    };
    return { model: mahalanobis({ cols, means, covariance }), truth };
  }

  test.each([1, 2, 3, 4, 5, 15, 16, 17, 20, 31, 33, 48, 65, 129])(
    'each row by itself, by sixteen and by threads has the same bits, and they are right: %d',
    (cols) => {
      const { model, truth } = made(cols, 1 + (cols % 5));
      for (const rows of [0, 1, 2, 3, 4, 5, 15, 16, 17, 19, 20, 21, 33, 70]) {
        const x = Float32Array.from({ length: rows * cols }, () => 1000 + random.bell());
        if (rows > 2) x[2 * cols - 1] = [NaN, Infinity, -Infinity][rows % 3];
        const got = model.score(x);
        for (let row = 0; row < rows; row++) {
          const alone = model.score(x.subarray(row * cols, (row + 1) * cols));
          expect(got.distance[row]).toBe(alone.distance[0]);
          expect(got.nearest[row]).toBe(alone.nearest[0]);
          if (rows > 2 && row === 1) {
            expect([got.distance[row], got.nearest[row]]).toEqual([NaN, -1]);
            continue;
          }
          const [distance, nearest] = truth(x.subarray(row * cols, (row + 1) * cols));
          expect(Math.abs(got.distance[row] / distance - 1)).toBeLessThan(1e-7);
          expect(got.nearest[row]).toBe(nearest);
        }
        for (const { name, supported } of capabilities().isas) {
          if (!supported) continue;
          for (const threads of [1, 3]) expect(model.score(x, { isa: name, threads })).toEqual(got);
        }
      }
    },
  );

  test('what runs it is checked', () => {
    const { model } = made(3, 2);
    const x = new Float32Array(3);
    expectCode(() => model.score(x, { threads: 0 }), 'VALUE');
    expectCode(() => model.score(x, { isa: 'none' }), 'ISA');
    expectCode(() => model.score(x, { out: x } as object), 'UNKNOWN_OPTION');
  });

  test('16-bit features are those that their bits are', () => {
    const { model } = made(4, 2);
    const bits = Uint16Array.of(0x3c00, 0x4000, 0xc000, 0x0001);
    const floats = Float32Array.of(1, 2, -2, 2 ** -24);
    const tensor = { data: bits, dims: [1, 4], type: 'float16' };
    expect(model.score(tensor as never)).toEqual(model.score(floats));
  });
});

describe('fitted', () => {
  const random = new Random(12);
  const labels = Int32Array.from({ length: 400 }, (_, i) => i % 3);
  const features = Float32Array.from(
    { length: 4 * labels.length },
    (_, i) => 1e4 + 5 * labels[i >> 2] + (1 + (i % 4)) * random.bell(),
  );

  test('the mean of the squared distances to the own class is the number of features', () => {
    const model = fitMahalanobis(features, { cols: 4, labels });
    let sum = 0;
    for (const c of [0, 1, 2]) {
      const own = labels.reduce<number[]>((all, l, row) => (l === c ? [...all, row] : all), []);
      const alone = fitMahalanobis(features, { cols: 4, labels });
      const rows = Float32Array.from(
        own.flatMap((row) => [...features.subarray(4 * row, 4 * row + 4)]),
      );
      sum += alone.score(rows).distance.reduce((a, b) => a + b, 0);
    }
    // The nearest class is at most as far as the own one, and seldom another.
    expect(sum / labels.length).toBeLessThan(4.0001);
    expect(sum / labels.length).toBeGreaterThan(2);
    expect({ cols: model.cols, classes: model.classes }).toEqual({ cols: 4, classes: 3 });
  });

  test('does not change by a linear map of the features', () => {
    const mapped = features.map((_, i) => {
      const row = i - (i % 4);
      return 0.5 * features[i] + (i % 4 === 0 ? 0 : 2 * (features[row] - 1e4));
    });
    const one = fitMahalanobis(features, { cols: 4, labels }).score(features);
    const two = fitMahalanobis(mapped, { cols: 4, labels }).score(mapped);
    expect(two.nearest).toEqual(one.nearest);
    one.distance.forEach((d, i) => expect(two.distance[i] / d).toBeCloseTo(1, 2));
  });

  test('tensors, and 16-bit floats that say what they are', () => {
    const model = fitMahalanobis(features, { cols: 4, labels });
    const halves = features.map((v) => Math.round(4 * (v - 1e4)) / 4);
    const want = fitMahalanobis(halves, { cols: 4, labels, ridge: 0.1 }).score(halves);
    const bits = Uint16Array.from(new Uint32Array(halves.buffer), (b) => b >>> 16);
    const given = { cols: 4, labels, ridge: 0.1, dtype: 'bf16' } as const;
    expect(fitMahalanobis(bits, given).score(bits, { dtype: 'bf16' })).toEqual(want);
    expect(() => model.score(bits)).toThrow(/a Float32Array/);
    expect(() => model.score(bits, { dtype: 'f8' as never })).toThrow(/options.dtype/);
    expect(() => fitMahalanobis(bits, { cols: 4, labels })).toThrow(/beside options\.dtype "f16"/);
    const tensor = { data: features, dims: [features.length / 4, 4] };
    for (const options of [{ labels }, { cols: 4, labels }]) {
      expect(fitMahalanobis(tensor, options).score(tensor)).toEqual(model.score(features));
    }
    expect(() => fitMahalanobis(features, { labels })).toThrow(/options\.cols.*received undefined/);
  });

  test('a singular covariance is an error, and none with a ridge', () => {
    const flat = features.map((x, i) => (i % 4 === 3 ? 7 : x));
    expect(() => fitMahalanobis(flat, { cols: 4, labels })).toThrow(/covariance.*definite/);
    const model = fitMahalanobis(flat, { cols: 4, labels, ridge: 1e-3 });
    expect(model.score(flat.subarray(0, 4)).distance[0]).toBeGreaterThan(0);
  });

  test('errors name what is wrong', () => {
    expect(() => fitMahalanobis(features, { cols: 4, labels, classes: 2 })).toThrow(/labels\[2\]/);
    expect(() => fitMahalanobis(features, { cols: 4, labels, classes: 4 })).toThrow(/class 3/);
    expect(() => fitMahalanobis(features, { cols: 3, labels })).toThrow(/multiple of options.cols/);
    const model = fitMahalanobis(features, { cols: 4, labels });
    expect(() => model.score(new Float32Array(3))).toThrow(/multiple of options.cols \(4\)/);
    expect(model.score(Float32Array.of(0, NaN, 0, 0, 0, Infinity, 0, 0))).toEqual({
      distance: Float32Array.of(NaN, NaN),
      nearest: Int32Array.of(-1, -1),
    });
  });
});
