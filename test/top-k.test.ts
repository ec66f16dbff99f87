/** What topK alone has: ties, every k, the order, masked elements, NaN, several outputs at once, and arrays in `out`. */
import { afterEach, describe, expect, test } from '@jest/globals';
import * as api from '../lib';
import { topK as oracle } from '../lib/oracle/select';
import * as promises from '../lib/promises';
import { expectError } from './helpers/errors';
import { bitsOf, expectSameBits } from './support/kernels/compare';
import { isas } from './support/kernels/operators';
import { Random } from './support/kernels/random';

const { topK } = api;
const I = Infinity;

afterEach(() => api.configure({ verify: 'off' }));

interface All {
  values: Float32Array;
  indices: Int32Array;
  probabilities: Float32Array;
  logProbabilities: Float32Array;
}
const PARTS = ['values', 'indices', 'probabilities', 'logProbabilities'] as const;

function all(x: Float32Array, options: api.TopKOptions): All {
  const asked = { probabilities: true, logProbabilities: true } as const;
  return topK(x, { ...options, ...asked });
}

/** By every instruction set; they have the same bits. */
function everywhere(x: Float32Array, options: api.TopKOptions): All {
  const [first, ...others] = isas.map((isa) => all(x, { ...options, isa }));
  for (const other of others) {
    for (const part of PARTS) expectSameBits(other[part], first[part], part);
  }
  return first;
}

/** The indices of each row by its values: one sort serves every k. */
const orders = new WeakMap<Float32Array, Int32Array>();

/** Values and indices of a full sort. */
function expectSorted(x: Float32Array, options: api.TopKOptions): All {
  const got = everywhere(x, options);
  const { k = 1, sorted = true } = options;
  let order = orders.get(x);
  if (order === undefined) {
    order = Int32Array.from(oracle(x, { k: x.length })['indices']);
    orders.set(x, order);
  }
  const indices = order.slice(0, k);
  if (!sorted) indices.sort();
  expectSameBits(got.indices, indices, `indices, k ${k}`);
  expectSameBits(
    got.values,
    Float32Array.from(indices, (index) => x[index]),
    `values, k ${k}`,
  );
  return got;
}

const fill = (n: number, f: (i: number) => number) =>
  Float32Array.from({ length: n }, (_, i) => f(i));

/** Rows that are hard for a threshold that rises, or for one that is guessed. */
const kinds: Record<string, (n: number, random: Random) => Float32Array> = {
  ordinary: (n, random) => fill(n, () => 3 * random.bell()),
  'few values': (n, random) => fill(n, () => random.below(5)),
  ascending: (n) => fill(n, (i) => i / 8),
  descending: (n) => fill(n, (i) => -i / 8),
  'all equal': (n) => fill(n, () => 2.5),
  'zeros of both signs': (n, random) => fill(n, () => (random.chance(0.5) ? -0 : 0)),
  subnormals: (n, random) => fill(n, () => 1e-45 * (random.below(9) - 4)),
  'nearly all masked': (n, random) => fill(n, () => (random.chance(0.001) ? random.unit() : -I)),
  'all masked': (n) => fill(n, () => -I),
  'infinities of both signs': (n, random) => fill(n, () => [I, -I, 1][random.below(3)]),
  'the largest at the ends': (n) => fill(n, (i) => Math.abs(i - n / 2)),
  'large in one lane': (n, random) => fill(n, (i) => random.unit() + (i % 256 === 7 ? 50 : 0)),
  'all of the float range': (n, random) =>
    fill(n, () => random.uniform(-1, 1) * 2 ** random.below(127)),
};

describe.each(Object.entries(kinds))('%s', (_, make) => {
  test.each([1, 2, 15, 16, 17, 63, 64, 65, 257, 1000, 1024, 4095, 4096, 4097, 9000])(
    'a row of %d is that of a full sort, for every k',
    (n) => {
      const x = make(n, new Random(n));
      const some = [1, 2, 3, 5, 10, 16, 17, 50, 64, 65, 100, 190, 300, 1000, 1024, 1025, 2500];
      for (const k of new Set([...some.filter((value) => value < n), n])) {
        for (const sorted of [true, false]) expectSorted(x, { k, sorted });
      }
    },
  );

  let long: Float32Array | undefined;
  test.each([5, 64, 1024, 3000])('a row that threads share, k %d', (k) => {
    const x = (long ??= make(150_001, new Random(k)));
    const alone = expectSorted(x, { k, threads: 1 });
    for (const threads of [2, 3, 8]) {
      const shared = all(x, { k, threads });
      for (const part of PARTS) expectSameBits(shared[part], alone[part], `${threads} threads`);
    }
  });
});

test('k of every size up to all', () => {
  const x = kinds['few values'](67, new Random(1));
  for (let k = 1; k <= 67; k++) expectSorted(x, { k });
});

test('probabilities are those of softmax, bit for bit; logarithms within the bound', () => {
  const random = new Random(5);
  for (const n of [3, 40, 4096, 5000, 70_000]) {
    for (const temperature of [1, 0.7, 10]) {
      const x = fill(n, () => 5 * random.bell());
      const whole = api.softmax(x, { temperature });
      const got = everywhere(x, { k: Math.min(n, 64), temperature });
      const want = Float32Array.from(got.indices, (index) => whole[index]);
      expectSameBits(got.probabilities, want, `n ${n}, temperature ${temperature}`);
      got.logProbabilities.forEach((value, i) =>
        expect(value).toBeCloseTo(Math.log(got.probabilities[i]), 4),
      );
    }
  }
});

describe('a row with a dominant element', () => {
  test.each([0.4, 1, 5, 20, 60, 80])('%d above the others', (gap) => {
    for (const n of [2, 100, 5000]) {
      const x = fill(n, (i) => (i === n >> 1 ? gap : 0));
      const { logProbabilities } = everywhere(x, { k: 2 });
      const others = (n - 1) * Math.exp(-gap);
      expect(logProbabilities[0] / -Math.log1p(others)).toBeCloseTo(1, 6);
    }
  });
});

describe('masked elements', () => {
  test('keep their index and have no probability', () => {
    const { values, indices, probabilities, logProbabilities } = everywhere(
      Float32Array.of(-I, 1, -I, 1, -I),
      { k: 4 },
    );
    expect(Array.from(values)).toEqual([1, 1, -I, -I]);
    expect(Array.from(indices)).toEqual([1, 3, 0, 2]);
    expect(Array.from(probabilities)).toEqual([0.5, 0.5, 0, 0]);
    expect(Array.from(logProbabilities).slice(2)).toEqual([-I, -I]);
  });

  test('a row of nothing else has no distribution', () => {
    const { indices, probabilities, logProbabilities } = everywhere(new Float32Array(5).fill(-I), {
      k: 2,
    });
    expect(Array.from(indices)).toEqual([0, 1]);
    expect(Array.from(probabilities)).toEqual([NaN, NaN]);
    expect(Array.from(logProbabilities)).toEqual([NaN, NaN]);
  });
});

describe('NaN', () => {
  const at = (n: number, ...places: number[]): Float32Array => {
    const x = fill(n, (i) => (i * 7919) % 101);
    for (const i of places) x[i] = NaN;
    return x;
  };

  test.each([7, 100, 4096, 5000, 20_000])(
    'throws with the first such row named, %d columns',
    (cols) => {
      const x = at(4 * cols, 3 * cols + 2, 2 * cols + 5, 3 * cols - 1);
      for (const isa of isas) {
        for (const k of [1, 5, Math.min(cols, 2000)]) {
          const options = { cols, k, isa, threads: 2 };
          const words = 'expected x to have no NaN .*received one in row 2$';
          expectError(() => topK(x, options), RangeError, 'ERR_SOFTLANE_VALUE', new RegExp(words));
          expectError(() => all(x, options), RangeError, 'ERR_SOFTLANE_VALUE', new RegExp(words));
        }
      }
    },
  );

  test('a long row that threads share, and a promise', async () => {
    const x = at(200_000, 199_999);
    expectError(() => all(x, { k: 3, threads: 4 }), RangeError, 'ERR_SOFTLANE_VALUE', /in row 0$/);
    await expect(promises.topK(x, { k: 3 })).rejects.toMatchObject({ code: 'ERR_SOFTLANE_VALUE' });
    const step = api.plan('topK', { cols: 200_000, k: 3 });
    expectError(() => step.run(x), RangeError, 'ERR_SOFTLANE_VALUE', /in row 0$/);
  });

  test('no row with one has a token', () => {
    const out = { indices: new Int32Array(4), values: new Float32Array(4) };
    expect(() => topK(at(14, 8), { cols: 7, k: 2, out })).toThrow('row 1');
    expect(Array.from(out.indices).slice(2)).toEqual([-1, -1]);
    expect(Array.from(out.values).slice(2)).toEqual([NaN, NaN]);
  });

  test.each([3, 16, 100, 4096, 9000, 70_000])(
    'counts as -Infinity where that is asked, n %d',
    (n) => {
      for (const k of [1, 2, 60, 1500].filter((value) => value <= n)) {
        for (const places of [[0], [n - 1], [0, 1, n >> 1]]) {
          const x = at(n, ...places);
          const masked = x.map((value) => (Number.isNaN(value) ? -I : value));
          const got = everywhere(x, { k, nan: 'masked' });
          const want = everywhere(masked, { k });
          for (const part of PARTS) expectSameBits(got[part], want[part], `${part}, k ${k}`);
        }
      }
    },
  );

  test('a row of nothing else is a masked row', () => {
    const got = everywhere(new Float32Array(70).fill(NaN), { k: 3, nan: 'masked' });
    expect(Array.from(got.values)).toEqual([-I, -I, -I]);
    expect(Array.from(got.indices)).toEqual([0, 1, 2]);
    expect(Array.from(got.probabilities)).toEqual([NaN, NaN, NaN]);
  });
});

describe('the result', () => {
  const x = Float32Array.of(1, 5, 3, 5, 0, 7);

  test('has what was asked for, and arrays that were given', () => {
    expect(Object.keys(topK(x, { k: 2 }))).toEqual(['values', 'indices']);
    expect(Object.keys(topK(x, { k: 2, logProbabilities: true }))).toEqual([
      'values',
      'indices',
      'logProbabilities',
    ]);
    const indices = new Int32Array(9).fill(99);
    const probabilities = new Float32Array(4);
    const got = topK(x, { cols: 3, k: 2, out: { indices, probabilities } });
    expect(got.indices).toBe(indices);
    expect(got.probabilities).toBe(probabilities);
    expect(Array.from(indices)).toEqual([1, 2, 2, 0, 99, 99, 99, 99, 99]);
    expect(Array.from(got.values)).toEqual([5, 3, 7, 5]);
  });

  test('is of tensors for a tensor', () => {
    const tensor = { type: 'float32', data: x, dims: [1, 2, 3] };
    const got = topK(tensor, { k: 2, probabilities: true });
    expect(got.indices).toEqual({
      type: 'int32',
      data: Int32Array.of(1, 2, 2, 0),
      dims: [1, 2, 2],
    });
    expect(got.values.dims).toEqual([1, 2, 2]);
    expect(got.probabilities.type).toBe('float32');
    const out = { indices: { data: new Int32Array(4), dims: [1, 2, 2] } };
    expect(topK(tensor, { k: 2, out }).indices).toBe(out.indices);
    const wrong = { indices: { data: new Int32Array(4), dims: [4] } };
    expectError(
      () => topK(tensor, { k: 2, out: wrong }),
      RangeError,
      'ERR_SOFTLANE_SHAPE',
      'options.out.indices.dims to be those of the result, [1, 2, 2], received [4]',
    );
  });

  test('of rows without columns, and of no rows', () => {
    const empty = { data: new Float32Array(0), dims: [2, 0] };
    expect(topK(empty, {}).indices.data).toEqual(Int32Array.of(-1, -1));
    expect(topK(new Float32Array(0), { cols: 5, k: 3 }).values).toHaveLength(0);
  });

  test('comes through plans and promises', async () => {
    const want = all(x, { cols: 3, k: 2 });
    const step = api.plan('topK', {
      rows: 2,
      cols: 3,
      k: 2,
      probabilities: true,
      logProbabilities: true,
    });
    expect(step.run(x)).toEqual(want);
    const out = { values: new Float32Array(4), indices: new Int32Array(4) };
    const planned = step.run(x, { out });
    expect(planned).toEqual(want);
    expect(planned.values).toBe(out.values);
    const later = promises.topK(x, { cols: 3, k: 2, probabilities: true, out });
    x.fill(0); // it has been copied
    const got = await later;
    x.set([1, 5, 3, 5, 0, 7]);
    expect(got.indices).toBe(out.indices);
    expect(got.indices).toEqual(want.indices);
    expect(got.probabilities).toEqual(want.probabilities);
  });

  test('is verified', () => {
    api.configure({ verify: 'always' });
    expect(all(x, { cols: 3, k: 3 }).indices).toHaveLength(6);
    const line = topK.operator;
    expect(line.operands!.map(({ name }) => name)).toEqual([...PARTS]);
  });
});

describe('is refused', () => {
  const x = Float32Array.of(1, 2, 3, 4, 5, 6);
  const call = topK as unknown as (x: unknown, options?: unknown) => unknown;

  test.each([0, -1, 1.5, NaN, Infinity, 2 ** 31])('k %p', (k) => {
    expectError(
      () => call(x, { k }),
      RangeError,
      'ERR_SOFTLANE_VALUE',
      'options.k to be an integer',
    );
  });
  test('k beyond the row, also in a plan', () => {
    const words = 'options.k to be at most the number of columns (3), received 4';
    expectError(() => call(x, { cols: 3, k: 4 }), RangeError, 'ERR_SOFTLANE_VALUE', words);
    expectError(() => api.plan('topK', { cols: 3, k: 4 }), RangeError, 'ERR_SOFTLANE_VALUE', words);
  });
  test('options of a wrong type', () => {
    const type = 'ERR_SOFTLANE_TYPE';
    expectError(
      () => call(x, { sorted: 1 }),
      TypeError,
      type,
      'options.sorted to be false or true',
    );
    expectError(() => call(x, { probabilities: 1 }), TypeError, type, 'options.probabilities');
    expectError(() => call(x, { out: x }), TypeError, type, 'options.out to be a plain object');
    expectError(() => call(x, { out: { values: 3 } }), TypeError, type, 'options.out.values');
    expectError(
      () => call(x, { out: { indices: new Float32Array(1) } }),
      TypeError,
      type,
      'options.out.indices to be an Int32Array',
    );
    const unknown = 'ERR_SOFTLANE_UNKNOWN_OPTION';
    expectError(() => call(x, { out: { value: x } }), TypeError, unknown, 'only values, indices');
    expectError(() => call(x, { values: true }), TypeError, unknown, '"values"');
    const step = api.plan('topK', { cols: 6 }) as unknown as { run: typeof call };
    expectError(
      () => step.run(x, { values: x }),
      TypeError,
      unknown,
      'only out, received "values"',
    );
    expectError(() => step.run(x, { out: { values: 3 } }), TypeError, type, 'arrays.out.values');
  });
  test('outputs that are too short, overlap or are gone', () => {
    const values = new Float32Array(1);
    expectError(
      () => topK(x, { k: 2, out: { values } }),
      RangeError,
      'ERR_SOFTLANE_SHAPE',
      'options.out.values to have at least 2 elements, received 1',
    );
    const code = 'ERR_SOFTLANE_OVERLAP';
    expectError(() => topK(x, { out: { values: x } }), RangeError, code);
    const memory = new ArrayBuffer(16);
    const out = { values: new Float32Array(memory, 0, 2), indices: new Int32Array(memory, 4, 2) };
    expectError(() => topK(x, { k: 2, out }), RangeError, code, 'overlaps');
    const gone = new Int32Array(4);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    expectError(() => topK(x, { out: { indices: gone } }), TypeError, 'ERR_SOFTLANE_DETACHED');
    expect(Array.from(bitsOf(x))).toEqual(Array.from(bitsOf(Float32Array.of(1, 2, 3, 4, 5, 6))));
  });
  test('outputs that go while a promise is pending', async () => {
    const indices = new Int32Array(4);
    const pending = promises.topK(x, { k: 2, out: { indices } });
    structuredClone(indices.buffer, { transfer: [indices.buffer] });
    await expect(pending).rejects.toMatchObject({ code: 'ERR_SOFTLANE_DETACHED' });
  });
});
