/** Rows made to bring out a difference between two ways to the same bits: order, rounding, special cases. */
import type { Random } from './random';
import { floatOfBits, limits } from './rows';
import type { Family } from './rows';

function fill(n: number, element: (i: number) => number): Float32Array {
  const row = new Float32Array(n);
  for (let i = 0; i < n; i++) row[i] = element(i);
  return row;
}

/** Words as floats, NaN payloads and all. */
function words(n: number, word: (i: number) => number): Float32Array {
  const bits = new Uint32Array(n);
  for (let i = 0; i < n; i++) bits[i] = word(i);
  return new Float32Array(bits.buffer);
}

/** A row with `others` over a stretch that begins and ends anywhere. */
function stretch(random: Random, row: Float32Array, other: number): Float32Array {
  const begin = random.below(row.length + 1);
  return row.fill(other, begin, begin + random.below(row.length - begin + 1));
}

const ordinary = (random: Random, n: number): Float32Array =>
  fill(n, () => random.uniform(-20, 20));

export const adversarial: readonly Family[] = [
  ...limits,
  { name: 'random', row: ordinary },
  {
    name: 'ties for the maximum',
    row(random, n) {
      const top = random.uniform(-10, 10);
      return fill(n, () => (random.chance(0.1) ? top : top - random.uniform(0, 5)));
    },
  },
  {
    name: 'cancellation: pairs of opposite sign, sizes far apart',
    row(random, n) {
      let last = 0;
      return fill(n, (i) => (last = i % 2 ? -last : random.uniform(-1, 1) * 2 ** random.below(60)));
    },
  },
  { name: 'all equal', row: (random, n) => new Float32Array(n).fill(random.uniform(-90, 90)) },
  { name: 'alternating ±3e38', row: (_, n) => fill(n, (i) => (i % 2 ? 3e38 : -3e38)) },
  {
    name: 'denormals of both signs',
    row: (random, n) => words(n, () => (random.bits() & 0x807fffff) >>> 0),
  },
  {
    name: 'denormals among ordinary numbers',
    row: (random, n) =>
      fill(n, () => (random.chance(0.5) ? floatOfBits(random.bits() & 0x7fffff) : random.bell())),
  },
  {
    name: 'a long masked stretch',
    row: (random, n) => stretch(random, ordinary(random, n), -Infinity),
  },
  {
    name: 'masked but for a stretch',
    row(random, n) {
      const begin = random.below(n + 1);
      const row = new Float32Array(n).fill(-Infinity);
      return row.fill(random.uniform(-5, 5), begin, begin + 1 + random.below(40));
    },
  },
  { name: 'all masked', row: (_, n) => new Float32Array(n).fill(-Infinity) },
  {
    name: 'a NaN with a payload',
    row(random, n) {
      const row = words(n, () => 0x3f800000 + random.below(1 << 22));
      const bits = new Uint32Array(row.buffer);
      if (n > 0)
        bits[random.below(n)] = (0x7f800001 + random.below(0x7ffffe)) | (random.bits() & (2 ** 31));
      return row;
    },
  },
  {
    name: 'NaN of all payloads, signalling ones too',
    row: (random, n) => words(n, () => (random.bits() | 0x7f800001) >>> 0),
  },
  {
    name: 'an infinity, and a NaN elsewhere',
    row(random, n) {
      const row = ordinary(random, n);
      if (n > 0) row[random.below(n)] = Infinity;
      if (n > 1 && random.chance(0.5)) row[random.below(n)] = NaN;
      return row;
    },
  },
  { name: 'any bits', row: (random, n) => words(n, () => random.bits()) },
  {
    name: 'any bits, finite',
    row: (random, n) => words(n, () => (random.bits() & 0xff7fffff) >>> 0),
  },
  {
    name: 'a rising maximum, which is replaced all the time',
    row: (random, n) => fill(n, (i) => i * 0.37 + random.unit()),
  },
  {
    name: 'zeros of both signs',
    row: (random, n) => words(n, () => (random.bits() & (2 ** 31)) >>> 0),
  },
];
