/** Exact references of the selecting operators, for one row. No import, nothing shared with the kernels. */

/** Index of the largest element, the lowest among equals; -1 for an empty row and for a row with a NaN. */
export function argMax(row: ArrayLike<number>): number {
  let best = row.length === 0 ? -1 : 0;
  for (let i = 0; i < row.length; i++) {
    if (Number.isNaN(row[i])) return -1;
    if (row[i] > row[best]) best = i;
  }
  return best;
}

/**
 * The k largest elements, by value and among equals by index, with their indices and their softmax probabilities over
 * the whole row. A NaN counts as -Infinity here: where it is an error there is no result.
 */
export function topK(
  row: ArrayLike<number>,
  { k = 1, sorted = true, temperature = 1 }: Readonly<Record<string, unknown>> = {},
): Record<string, Float64Array> {
  const at = (i: number): number => (Number.isNaN(row[i]) ? -Infinity : row[i]);
  const n = row.length;
  // No list of indices: one of 2^26 ends the process.
  const rising = new Float64Array(n);
  for (let i = 0; i < n; i++) rising[i] = at(i);
  rising.sort();
  const max = n === 0 ? -Infinity : rising[n - 1];
  // Small terms first; the largest is 1.
  let others = 0;
  for (let i = 0; i < n - 1; i++) others += Math.exp((rising[i] - max) / (temperature as number));
  const count = Math.min(k as number, n);
  const least = rising[n - count];
  let equals = 0;
  while (equals < count && rising[n - count + equals] === least) equals++;
  const found = new Uint32Array(count);
  for (let i = 0, to = 0; i < n; i++) {
    if (at(i) > least || (at(i) === least && equals-- > 0)) found[to++] = i;
  }
  const order = falling(new Float64Array(found).map(at));
  const chosen = sorted === false ? found : order.map((place) => found[place]);
  const part = (value: (index: number) => number, missing: number): Float64Array =>
    Float64Array.from({ length: k as number }, (_, i) =>
      i < chosen.length ? value(chosen[i]) : missing,
    );
  const gap = (index: number): number =>
    Number.isFinite(max) ? (at(index) - max) / (temperature as number) : NaN;
  return {
    values: part(at, NaN),
    indices: part((index) => index, -1),
    probabilities: part((index) => Math.exp(gap(index)) / (1 + others), NaN),
    logProbabilities: part((index) => gap(index) - Math.log1p(others), NaN),
  };
}

/**
 * Indices by falling value, equals in their order: merged, runs of twice the size each time. A sort with a comparator works
 * in lists, for which 2^27 are too many.
 */
function falling(values: Float64Array): Uint32Array {
  const n = values.length;
  const order = new Uint32Array(n).map((_, i) => i);
  const left = new Uint32Array(n);
  for (let size = 1; size < n; size *= 2) {
    for (let start = 0, middle = size; middle < n; start += 2 * size, middle += 2 * size) {
      if (values[order[middle - 1]] >= values[order[middle]]) continue;
      const end = Math.min(middle + size, n);
      for (let i = 0; i < size; i++) left[i] = order[start + i];
      for (let i = 0, j = middle, to = start; i < size; to++) {
        const isLeft = j === end || values[left[i]] >= values[order[j]];
        order[to] = isLeft ? left[i++] : order[j++];
      }
    }
  }
  return order;
}
