import { effort } from '../../helpers/effort';
import type { Random } from './random';

export interface Found {
  row: Float32Array;
  score: number;
}

const STARTS = effort(12, 250);
const STEPS = 160;

/**
 * Hill climbing for a row with a high score: from many short rows of several kinds, changes of a few elements at a time
 * are kept where the score does not fall. `unit` is the size of a logit: the temperature, say.
 */
export function search(random: Random, unit: number, score: (row: Float32Array) => number): Found {
  let best: Found = { row: new Float32Array(0), score: 0 };
  for (let start = 0; start < STARTS; start++) {
    const length = 2 + random.below(start % 4 === 0 ? 260 : 40);
    let row: Float32Array = begin(random, start % 5, length).map((x) => x * unit);
    let reached = score(row);
    for (let i = 0; i < STEPS; i++) {
      const next = mutate(random, row, unit);
      const value = score(next);
      if (value < reached) continue;
      row = next;
      reached = value;
    }
    if (reached > best.score) best = { row, score: reached };
  }
  return best;
}

function begin(random: Random, kind: number, length: number): Float32Array {
  const size = [10, 1, 5, 0.5, 2][kind];
  const row = Float32Array.from({ length }, () => random.uniform(-size, size));
  // Equal terms add up to sums that are nearly powers of two.
  if (kind === 3) row.fill(random.uniform(-1, 1));
  if (kind === 4) row[random.below(length)] = random.uniform(0, 12);
  return row;
}

function mutate(random: Random, row: Float32Array, unit: number): Float32Array {
  const next = row.slice();
  for (let changes = 1 + random.below(3); changes > 0; changes--) {
    const i = random.below(next.length);
    const way = random.below(4);
    if (way === 0) next[i] = unit * random.uniform(-12, 12);
    else if (way === 1) next[i] = next[random.below(next.length)];
    else next[i] += unit * random.uniform(-1, 1) * 10 ** -random.below(6);
  }
  return next;
}
