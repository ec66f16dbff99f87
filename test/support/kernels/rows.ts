/** Families of rows, from ordinary logits to the ends of the float range. */
import type { Random } from './random';

export interface Family {
  readonly name: string;
  row(random: Random, n: number): Float32Array;
}

export const LARGEST = 3.4028234663852886e38;

function fill(n: number, element: (i: number) => number): Float32Array {
  const row = new Float32Array(n);
  for (let i = 0; i < n; i++) row[i] = element(i);
  return row;
}

function uniform(size: number): Family {
  return {
    name: `uniform in ±${size}`,
    row: (random, n) => fill(n, () => random.uniform(-size, size)),
  };
}

/** `spread` around an offset: the same for the row. */
function offset(size: number, spread: number): Family {
  return {
    name: `offset ${size}, spread ${spread}`,
    row: (random, n) => fill(n, () => size + random.uniform(-spread, spread)),
  };
}

function around(size: number): Family {
  return {
    name: `around ${size}`,
    row: (random, n) => fill(n, () => size * (1 + random.uniform(-1e-6, 0))),
  };
}

/** Rows for hashes too: none of these asks the engine for a logarithm or an exponential. */
export const exactFamilies: readonly Family[] = [
  uniform(1),
  uniform(20),
  uniform(100),
  uniform(1000),
  uniform(1e4),
  { name: 'like logits', row: (random, n) => fill(n, () => 3 * random.bell()) },
  offset(1e4, 60),
  offset(-1e4, 60),
  offset(1e6, 60),
  offset(-1e6, 60),
  {
    name: 'any offset in ±1e4',
    row(random, n) {
      const middle = random.uniform(-1e4, 1e4);
      return fill(n, () => middle + random.uniform(-90, 0));
    },
  },
  {
    name: 'one dominant element',
    row(random, n) {
      const row = fill(n, () => random.uniform(-5, 5));
      if (n > 0) row[random.below(n)] = random.uniform(5, 110);
      return row;
    },
  },
  {
    name: 'an element with half of the mass',
    row(random, n) {
      const row = fill(n, () => random.uniform(-1e-3, 1e-3));
      // ln n, to within a few percent of the mass
      let top = 0;
      for (let rest = n; rest > 1; rest /= 2) top += rest < 2 ? rest - 1 : 0.6931471805599453;
      if (n > 0) row[random.below(n)] = top + random.uniform(-0.1, 0.1);
      return row;
    },
  },
  {
    name: 'a long tail',
    row(random, n) {
      const step = random.uniform(0, 200 / Math.max(1, n));
      return fill(n, (i) => -i * step);
    },
  },
  {
    name: 'a long rise',
    row(random, n) {
      const step = random.uniform(0, 200 / Math.max(1, n));
      return fill(n, (i) => i * step - 100);
    },
  },
  {
    name: 'all equal',
    row: (random, n) => new Float32Array(n).fill(random.uniform(-100, 100)),
  },
  {
    name: 'two values',
    row(random, n) {
      const a = random.uniform(-10, 10);
      const b = random.uniform(-10, 10);
      return fill(n, () => (random.chance(0.5) ? a : b));
    },
  },
  {
    name: 'few values',
    row: (random, n) => fill(n, () => 0.3 * (random.below(17) - 8)),
  },
  {
    name: 'subnormals',
    row: (random, n) => fill(n, () => random.uniform(-1e-39, 1e-39)),
  },
  {
    name: 'small numbers',
    row: (random, n) => fill(n, () => random.uniform(-1, 1) * 2 ** -random.below(140)),
  },
  {
    name: 'half masked',
    row: (random, n) => fill(n, () => (random.chance(0.5) ? -Infinity : random.uniform(-5, 5))),
  },
  {
    name: 'nearly all masked',
    row(random, n) {
      const row = new Float32Array(n).fill(-Infinity);
      if (n > 0) row[random.below(n)] = random.uniform(-5, 5);
      if (n > 0) row[random.below(n)] = random.uniform(-5, 5);
      return row;
    },
  },
  ...[-1e4, -65504, -1e9, -1e30, -LARGEST].map((sentinel) => ({
    name: `half ${sentinel}`,
    row: (random: Random, n: number) =>
      fill(n, () => (random.chance(0.5) ? sentinel : random.uniform(-5, 5))),
  })),
  ...[6.9e5, 7.3e5, 1e7, 1e8, 1e12, 1e30, LARGEST].flatMap((size) => [around(size), around(-size)]),
  {
    name: 'any exponent, both signs',
    row: (random, n) =>
      fill(
        n,
        () => (random.chance(0.5) ? -1 : 1) * (1 + random.unit()) * 2 ** (random.below(253) - 126),
      ),
  },
  {
    name: 'mixed ±3.4e38',
    row: (random, n) => fill(n, () => (random.chance(0.5) ? 3.4e38 : -3.4e38)),
  },
];

/** Where exponentials end to be carried as they are, at 22,713 times the temperature (native/simd/math.h). */
export const limits: readonly Family[] = [
  {
    name: 'at the largest exponent',
    row(random, n) {
      const row = fill(n, () => 22713 + random.uniform(-30, 0));
      if (n > 0) row[random.below(n)] = 22713 + random.uniform(-0.5, 0.5);
      return row;
    },
  },
  {
    name: 'at the smallest exponent, some masked',
    row(random, n) {
      const top = -22713 + random.uniform(-1, 100);
      return fill(n, () => (random.chance(0.5) ? -Infinity : top - random.uniform(0, 120)));
    },
  },
];

/** What the accuracy is measured on. */
export const families: readonly Family[] = [
  ...exactFamilies,
  ...limits,
  {
    name: 'log-probabilities',
    row: (random, n) => normalised(fill(n, () => random.uniform(-5, 5))),
  },
  {
    name: 'log-probabilities, one near 0',
    row(random, n) {
      const row = fill(n, () => random.uniform(-5, 5));
      if (n > 0) row[random.below(n)] = random.uniform(10, 60);
      return normalised(row);
    },
  },
  {
    name: 'sum near 1',
    row(random, n) {
      const row = normalised(fill(n, () => random.uniform(-5, 5)));
      const shift = random.uniform(-0.7, 0.7);
      return row.map((x) => x + shift);
    },
  },
];

/** The row less its own log-sum-exp. */
function normalised(row: Float32Array): Float32Array {
  let sum = 0;
  for (const x of row) sum += Math.exp(x - 60);
  const log = Math.log(sum) + 60;
  return row.map((x) => x - log);
}

/** The floats themselves, by their bits. */
export function floatOfBits(bits: number): number {
  word[0] = bits;
  return float[0];
}

/** The float that is `steps` floats above x (below for negative ones); x is not zero and does not change its sign. */
export function step(x: number, steps: number): number {
  float[0] = x;
  word[0] += x < 0 ? -steps : steps;
  return float[0];
}

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);
