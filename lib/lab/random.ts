/**
 * Seeded numbers, the same on every machine: mulberry32, one 32-bit word of state. Uniform in [0, 1), multiples of
 * 2^-32.
 */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Logits uniform in [-range, range). */
export function logits(length: number, range: number, seed: number): Float32Array {
  const next = generator(seed);
  const x = new Float32Array(length);
  for (let i = 0; i < length; i++) x[i] = (2 * next() - 1) * range;
  return x;
}

/** Puts an array into a random order, in place. */
export function shuffle<T>(items: T[], next: () => number): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [items[i], items[j]] = [items[j], items[i]];
  }
  return items;
}
