/**
 * float64 references of what two rows of shares have in common, for one row. Written from the definitions alone: no
 * import, and no code or constant shared with the kernels. Elements that are -Infinity in either row are left out.
 */

/** Parameters as the catalogue names them; all optional. */
export interface OverlapParameters {
  readonly alpha?: number | string | boolean;
  readonly beta?: number | string | boolean;
  readonly smooth?: number | string | boolean;
}
type Inputs = Readonly<Record<string, ArrayLike<number> | number | undefined>>;

/** Neumaier's sum: the lost low part of every addition is kept, whichever operand is larger. */
function sumOf(terms: readonly number[]): number {
  let high = 0;
  let low = 0;
  for (const term of terms) {
    const next = high + term;
    if (Number.isFinite(next)) {
      low += Math.abs(high) >= Math.abs(term) ? high - next + term : term - next + high;
    }
    high = next;
  }
  return high + low;
}

/**
 * (alpha fp + beta fn) / (tp + alpha fp + beta fn + s), where tp = (|x| + |y| - |x - y|)/2 is the lesser of two elements of
 * one sign, and nothing of others; fp = |x| - tp and fn = |y| - tp.
 */
export function tverskyLoss(
  row: ArrayLike<number>,
  parameters: OverlapParameters,
  inputs: Inputs,
): number {
  const other = inputs['other'] as ArrayLike<number>;
  const pairs = Array.from(row, (x, i) => [x, other[i]] as const).filter(
    ([x, y]) => x !== -Infinity && y !== -Infinity,
  );
  if (!pairs.flat().every(Number.isFinite)) return NaN;
  const common = pairs.map(([x, y]) => (x < 0 === y < 0 ? Math.min(Math.abs(x), Math.abs(y)) : 0));
  const tp = sumOf(common);
  const fp = sumOf(pairs.map(([x], i) => Math.abs(x) - common[i]));
  const fn = sumOf(pairs.map(([, y], i) => Math.abs(y) - common[i]));
  const wrong = Number(parameters.alpha ?? 0.5) * fp + Number(parameters.beta ?? 0.5) * fn;
  return wrong === 0 ? 0 : wrong / (tp + wrong + Number(parameters.smooth ?? 1e-3));
}
