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
function sumOf(
  elements: ArrayLike<number>,
  termOf: (x: number, i: number) => number = (x) => x,
): number {
  let high = 0;
  let low = 0;
  for (let i = 0; i < elements.length; i++) {
    const term = termOf(elements[i], i);
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
  const [x, y] = [new Float64Array(row), new Float64Array(other)];
  // 0 adds nothing to any of the sums.
  for (let i = 0; i < x.length; i++) if (x[i] === -Infinity || y[i] === -Infinity) x[i] = y[i] = 0;
  if (!x.every(Number.isFinite) || !y.every(Number.isFinite)) return NaN;
  const common = x.map((v, i) => (v < 0 === y[i] < 0 ? Math.min(Math.abs(v), Math.abs(y[i])) : 0));
  const tp = sumOf(common);
  const fp = sumOf(x, (v, i) => Math.abs(v) - common[i]);
  const fn = sumOf(y, (v, i) => Math.abs(v) - common[i]);
  const wrong = Number(parameters.alpha ?? 0.5) * fp + Number(parameters.beta ?? 0.5) * fn;
  return wrong === 0 ? 0 : wrong / (tp + wrong + Number(parameters.smooth ?? 1e-3));
}
