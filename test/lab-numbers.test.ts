import { describe, expect, test } from '@jest/globals';
import { Rotation, countOf, needed } from '../lib/lab/outputs';
import { generator, logits, shuffle } from '../lib/lab/random';
import { coldByDefault, parseShape, shapeName } from '../lib/lab/shapes';
import {
  disagreement,
  drift,
  quantile,
  ratioInterval,
  speedup,
  speedupInterval,
  summarise,
} from '../lib/lab/statistics';

describe('statistics', () => {
  test('quantiles are interpolated as NumPy does', () => {
    expect(quantile([1, 2, 3, 4], 0.25)).toBe(1.75);
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5);
    expect(quantile([7], 0.75)).toBe(7);
    expect(quantile([1, 2], 1)).toBe(2);
  });

  test('a summary leaves its sample as it is and sorts by value', () => {
    const sample = [10, 9, 1, 100, 2];
    expect(summarise(sample)).toEqual({ n: 5, min: 1, q1: 2, median: 9, q3: 10, max: 100 });
    expect(sample).toEqual([10, 9, 1, 100, 2]);
    expect(() => summarise([])).toThrow(RangeError);
  });

  test('a speed-up is the median of the ratios of each round, not the ratio of the medians', () => {
    const ratios = speedup([10, 20, 60], [5, 20, 20]);
    expect(ratios).toMatchObject({ n: 3, min: 1, median: 2, max: 3 });
    expect(() => speedup([1], [1, 2])).toThrow('expected 1 rounds');
  });

  const noisy = (middle: number, seed: number, trials = 3) => {
    const next = generator(seed);
    return Array.from({ length: trials }, () =>
      Array.from({ length: 11 }, () => middle * (0.95 + 0.1 * next())),
    );
  };

  test('a bootstrap interval holds the ratio, is the same every time, and is wider where more is asked', () => {
    const [base, times] = [noisy(200, 1), noisy(100, 2)];
    const { low, high } = speedupInterval(base, times);
    expect(low).toBeLessThan(2);
    expect(high).toBeGreaterThan(2);
    expect(high - low).toBeLessThan(0.2);
    expect(speedupInterval(base, times)).toEqual({ low, high });
    const wide = speedupInterval(base, times, 0.999);
    expect(wide.high - wide.low).toBeGreaterThan(high - low);
    const apart = ratioInterval(base, times);
    expect(apart.low).toBeLessThan(2);
    expect(apart.high).toBeGreaterThan(2);
  });

  test('an interval covers what differs between processes, not between rounds alone', () => {
    const rounds = Array.from({ length: 11 }, (_, i) => 100 + i / 1000);
    const base = [rounds, rounds, rounds];
    const moved = [rounds, rounds.map((ns) => 1.3 * ns), rounds.map((ns) => 0.8 * ns)];
    const { low, high } = speedupInterval(base, moved);
    expect(low).toBeLessThan(0.8);
    expect(high).toBeGreaterThan(1.2);
  });

  test('intervals of 95 % miss about one time in twenty', () => {
    let missed = 0;
    for (let seed = 0; seed < 100; seed++) {
      const { low, high } = ratioInterval(noisy(100, 2 * seed, 1), noisy(100, 2 * seed + 1, 1));
      if (low > 1 || high < 1) missed++;
    }
    // 100 seeded pairs; the bootstrap of a median of eleven is known to be a little too narrow.
    expect(missed).toBeGreaterThan(0);
    expect(missed).toBeLessThan(15);
  });

  test('drift is what the last third of a process has on the first', () => {
    const rising = Array.from({ length: 12 }, (_, i) => 100 + 2 * i);
    expect(drift([rising])).toBeCloseTo(119 / 103 - 1, 12);
    expect(drift([Array<number>(12).fill(5), [...rising].reverse()])).toBeCloseTo(
      103 / 119 - 1,
      12,
    );
    expect(drift([[1, 2, 3, 4, 5]])).toBe(0);
    expect(
      disagreement([
        [1, 2, 3],
        [2.2, 2.2, 2.2],
      ]),
    ).toBeCloseTo(0.1, 12);
  });
});

describe('seeded inputs', () => {
  test('are the same for a seed, different for another, and within the range', () => {
    const x = logits(1000, 10, 7);
    expect(logits(1000, 10, 7)).toEqual(x);
    expect(logits(1000, 10, 8)).not.toEqual(x);
    expect(Math.max(...x)).toBeGreaterThan(9);
    expect(Math.min(...x)).toBeLessThan(-9);
    expect(x.every((value) => Math.abs(value) <= 10)).toBe(true);
    expect(logits(1000, 0.5, 7)[3]).toBeCloseTo(x[3] / 20, 6);
  });

  test('a shuffle keeps every item and depends on the generator alone', () => {
    const items = Array.from({ length: 20 }, (_, i) => i);
    const mixed = shuffle([...items], generator(1));
    expect(mixed).not.toEqual(items);
    expect([...mixed].sort((a, b) => a - b)).toEqual(items);
    expect(shuffle([...items], generator(1))).toEqual(mixed);
  });
});

describe('shapes', () => {
  test('are read with powers of two and named with them', () => {
    expect(parseShape('1024x1000')).toEqual({ rows: 1024, cols: 1000 });
    expect(parseShape('1x2^22')).toEqual({ rows: 1, cols: 4194304 });
    expect(shapeName({ rows: 1, cols: 4194304 })).toBe('1x2^22');
    expect(shapeName({ rows: 1024, cols: 1000 })).toBe('1024x1000');
  });

  test.each(['', '3', '0x4', '4x0', '1x2x3', '-1x4', '1x1.5', '1x2^31', '2x2^30', '1xNaN', '1x2^'])(
    '%j is none',
    (text) => expect(parseShape(text)).toBeUndefined(),
  );

  test('outputs are cold for single rows that the second-level cache cannot hold', () => {
    expect(coldByDefault({ rows: 1, cols: 2 ** 22 }, 2 ** 20)).toBe(true);
    expect(coldByDefault({ rows: 1, cols: 2 ** 22 }, 2 ** 30)).toBe(false);
    expect(coldByDefault({ rows: 1, cols: 128256 }, 2 ** 20)).toBe(false);
    expect(coldByDefault({ rows: 256, cols: 32000 }, 2 ** 20)).toBe(false);
  });
});

describe('outputs', () => {
  test('are as many as do not fit into the cache together when they are cold', () => {
    expect(countOf(2 ** 24, true, 2 ** 25)).toBe(3);
    expect(countOf(2 ** 28, true, 2 ** 25)).toBe(2);
    expect(countOf(4, true, 2 ** 25)).toBe(8193);
    expect(countOf(4, false, 2 ** 25)).toBe(1);
    expect(needed({ rows: 1, cols: 2 ** 22 }, true, 2 ** 25)).toBe(2 ** 24 * 4 + 2 ** 25);
    expect(needed({ rows: 1, cols: 2 ** 22 }, true, 2 ** 25, 2)).toBe(2 ** 24 * 8 + 2 ** 25);
  });

  test('take turns and do not overlap', () => {
    const rotation = Rotation.of(Float32Array, 5, 3);
    const seen = Array.from({ length: 6 }, () => rotation.next());
    expect(new Set(seen).size).toBe(3);
    expect(seen.slice(0, 3)).toEqual(seen.slice(3));
    expect(rotation.last).toBe(seen[5]);
    expect(rotation.buffers[rotation.place]).toBe(seen[5]);
    seen.slice(0, 3).forEach((buffer, i) => buffer.fill(i));
    expect(rotation.buffers.map((buffer) => [...new Set(buffer)].length)).toEqual([1, 1, 1]);
  });
});
