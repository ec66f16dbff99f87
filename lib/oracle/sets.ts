/**
 * float64 references of what is about a set of columns, for one row. Written from the definitions alone: no import, and
 * no code or constant shared with the kernels. Elements that are -Infinity are masked: they are no class.
 */

/** Parameters as the catalogue names them; all optional. */
export interface SetParameters {
  readonly temperature?: number | string | boolean;
  readonly count?: number | string | boolean;
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

function largest(row: Float64Array): number {
  return row.reduce((a, b) => (b > a || Number.isNaN(b) ? b : a), -Infinity);
}

/** log sum exp(x / T) less max / T: log1p of the sum over all but one largest. */
function logMass(row: Float64Array, max: number, temperature: number): number {
  const top = row.indexOf(max);
  return Math.log1p(sumOf(row, (x, i) => (i === top ? 0 : Math.exp((x - max) / temperature))));
}

/** The mean over the positives of -ln p = ln(1 + odds), p that of softmax over the one and the negatives. */
export function decoupledCrossEntropy(
  row: ArrayLike<number>,
  parameters: SetParameters,
  inputs: Inputs,
): number {
  const temperature = Number(parameters.temperature ?? 1);
  const labels = inputs['positives'] as ArrayLike<number>;
  const all = new Float64Array(row);
  const negatives = all.map((x, i) => (labels[i] > 0 ? -Infinity : x));
  const most = largest(negatives);
  const log = most === -Infinity ? 0 : logMass(negatives, most, temperature);
  const surprise = (x: number): number => {
    if (!Number.isFinite(Math.max(most, x))) return NaN;
    if (most === -Infinity) return 0;
    const odds = (most - x) / temperature + log;
    return odds > 0 ? odds + Math.log1p(Math.exp(-odds)) : Math.log1p(Math.exp(odds));
  };
  const count = sumOf(all, (_, i) => (labels[i] > 0 ? 1 : 0));
  return sumOf(all, (x, i) => (labels[i] > 0 ? surprise(x) : 0)) / count;
}

/** The sum of p over the tokens, each once */
export function setProbability(
  row: ArrayLike<number>,
  parameters: SetParameters,
  inputs: Inputs,
): number {
  const temperature = Number(parameters.temperature ?? 1);
  const tokens = inputs['tokens'] as ArrayLike<number>;
  const all = new Float64Array(row);
  const max = largest(all);
  if (!Number.isFinite(max)) return NaN;
  const weigh = (x: number): number => Math.exp((x - max) / temperature);
  const chosen = new Uint8Array(all.length);
  const own = sumOf(tokens, (token) => {
    if (chosen[token] === 1) return 0;
    chosen[token] = 1;
    return weigh(all[token]);
  });
  return own / (own + sumOf(all, (x, i) => (chosen[i] === 1 ? 0 : weigh(x))));
}
