/**
 * float64 references of the pools, for one row. Written from the definitions alone: no import, and no code or constant
 * shared with the kernels.
 */

/** sum x e^x / sum e^x over what is not -Infinity; -Infinity where there is nothing else. */
export function softPool(row: ArrayLike<number>): number {
  let peak = -Infinity;
  for (let i = 0; i < row.length; i++) {
    if (Number.isNaN(row[i])) return NaN;
    if (row[i] > peak) peak = row[i];
  }
  if (!Number.isFinite(peak)) return peak;
  let mass = 0;
  let moment = 0;
  let lost = 0;
  for (let i = 0; i < row.length; i++) {
    if (row[i] === -Infinity) continue;
    const weight = Math.exp(row[i] - peak);
    mass += weight;
    // Kahan's sum: terms of both signs may cancel.
    const term = weight * row[i] - lost;
    const next = moment + term;
    lost = next - moment - term;
    moment = next;
  }
  return moment / mass;
}

interface SpladeInputs {
  readonly mask?: ArrayLike<number> | number | undefined;
}

/** ln(1 + x) of each position, 0 for those below 0 and those that the mask takes away. */
function saturated(row: ArrayLike<number>, { mask }: SpladeInputs): Float64Array {
  return new Float64Array(row).map((x, i) => {
    if (typeof mask === 'object' && mask[i] === 0) return 0;
    return x > 0 || Number.isNaN(x) ? Math.log1p(x) : 0;
  });
}

export function spladeMax(
  row: ArrayLike<number>,
  _parameters: object,
  inputs: SpladeInputs,
): number {
  let most = 0;
  for (const w of saturated(row, inputs)) {
    if (Number.isNaN(w)) return NaN;
    if (w > most) most = w;
  }
  return most;
}

export function spladeSum(
  row: ArrayLike<number>,
  _parameters: object,
  inputs: SpladeInputs,
): number {
  return saturated(row, inputs).reduce((sum, w) => sum + w, 0);
}
