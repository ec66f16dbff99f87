/**
 * float64 references of the losses between two rows, for one row. Written from the definitions alone: no import, and no
 * code or constant shared with the kernels. Elements that are -Infinity are masked: they are no class.
 */

/** Parameters as the catalogue names them; all optional. */
export interface DivergenceParameters {
  readonly temperature?: number | string | boolean;
  readonly direction?: number | string | boolean;
  readonly gamma?: number | string | boolean;
  readonly members?: number | string | boolean;
  readonly targetWeight?: number | string | boolean;
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

/** The others alone: the target is masked. */
function without(row: Float64Array, target: number): Float64Array {
  const others = row.slice();
  others[target] = -Infinity;
  return others;
}

/** -ln p of the target, from the others: log1p(u), u = sum over the others of exp((x - x_y) / T). */
function surpriseOf(row: Float64Array, target: number, temperature: number): number {
  const others = without(row, target);
  const max = largest(others);
  if (max === -Infinity) return row[target] === -Infinity ? NaN : 0;
  const gap = (max - row[target]) / temperature;
  if (gap > 0) {
    const log = logMass(others, max, temperature);
    return gap + log + Math.log1p(Math.exp(-gap - log));
  }
  return Math.log1p(sumOf(others, (x) => Math.exp((x - row[target]) / temperature)));
}

/** sum p (ln p - ln q), as the sum of q - p + p ln(p / q), of which no term is negative. */
export function klDivergence(
  row: ArrayLike<number>,
  parameters: DivergenceParameters,
  inputs: Inputs,
): number {
  const temperature = Number(parameters.temperature ?? 1);
  const given = [new Float64Array(row), new Float64Array(inputs['other'] as ArrayLike<number>)];
  const [x, y] = parameters.direction === 'reverse' ? given.reverse() : given;
  const [xMax, yMax] = [largest(x), largest(y)];
  if (!Number.isFinite(xMax) || !Number.isFinite(yMax)) return NaN;
  const [xLog, yLog] = [logMass(x, xMax, temperature), logMass(y, yMax, temperature)];
  return sumOf(x, (_, i) => {
    const a = (x[i] - xMax) / temperature - xLog;
    const b = (y[i] - yMax) / temperature - yLog;
    const p = Math.exp(a);
    const q = Math.exp(b);
    const d = (y[i] - yMax - (x[i] - xMax)) / temperature - (yLog - xLog);
    if ((x[i] - xMax) / temperature < LEAST) return q;
    // Odds whose logarithm is no float count as infinite.
    if (Math.abs(d) >= 2 ** 128) return d < 0 ? Infinity : q;
    return Math.abs(d) <= 0.5 ? p * excessOf(d) : q - p - p * d;
  });
}

/** e^d - 1 - d for small d. */
function excessOf(d: number): number {
  let sum = 0;
  for (let k = 20, term = 1; k >= 2; k--, term = 1) {
    for (let i = 2; i <= k; i++) term /= i;
    sum = sum * d + term;
  }
  return sum * d * d;
}

/** Logarithm of 2^-190: what is less likely than the most likely class by more counts as impossible. */
const LEAST = -190 * Math.LN2;

/** Whether a row has a distribution at all. */
function isUsual(row: Float64Array): boolean {
  return Number.isFinite(largest(row));
}

/** -T_y ln S_y + gamma T^2 sum t_i (-ln s_i), t and s softmax over the columns but y */
export function nkdLoss(
  row: ArrayLike<number>,
  parameters: DivergenceParameters,
  inputs: Inputs,
): number {
  const gamma = Number(parameters.gamma ?? 1.5);
  const temperature = Number(parameters.temperature ?? 1);
  const target = Number(inputs['targets']);
  const student = new Float64Array(row);
  const teacher = new Float64Array(inputs['teacher'] as ArrayLike<number>);
  if (!(target < row.length) || !isUsual(student) || !isUsual(teacher)) return NaN;
  const p = Math.exp(-surpriseOf(teacher, target, 1));
  const surprise = surpriseOf(student, target, 1);
  const first = p < 2 ** -190 && surprise === Infinity ? 0 : p * surprise;
  const [y, x] = [without(student, target), without(teacher, target)];
  const [yMax, xMax] = [largest(y), largest(x)];
  if (gamma === 0 || xMax === -Infinity) return first;
  if (yMax === -Infinity) return Infinity;
  const weights = x.map((v) => Math.exp((v - xMax) / temperature));
  const moment = sumOf(weights, (w, i) => {
    if ((x[i] - xMax) / temperature < LEAST) return 0;
    const gap = (yMax - y[i]) / temperature;
    // A gap that is no float counts as infinite.
    return gap >= 2 ** 128 ? Infinity : w * gap;
  });
  const cross = logMass(y, yMax, temperature) + moment / sumOf(weights);
  return first + gamma * temperature ** 2 * cross;
}

/** a (-ln S_y) + (1 - a) T^2 KL(softmax(t / T) || softmax(s / T)), t the mean of the teachers' logits as a float */
export function ensembleKdLoss(
  row: ArrayLike<number>,
  parameters: DivergenceParameters,
  inputs: Inputs,
): number {
  const temperature = Number(parameters.temperature ?? 2);
  const members = Number(parameters.members ?? 1);
  const a = Number(parameters.targetWeight ?? 0.5);
  const target = Number(inputs['targets']);
  const teachers = inputs['teachers'] as ArrayLike<number>;
  const n = row.length;
  if (!(target < n)) return NaN;
  const mean = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let sum = 0;
    for (let k = 0; k < members; k++) sum += teachers[k * n + i];
    mean[i] = Math.fround(sum / members);
  }
  const student = new Float64Array(row);
  if (!isUsual(student) || !isUsual(mean)) return NaN;
  const apart = klDivergence(mean, { temperature }, { other: student });
  const first = a === 0 ? 0 : a * surpriseOf(student, target, 1);
  return a === 1 ? first : first + (1 - a) * temperature ** 2 * apart;
}

/** sum |2 p (1 - p) - r| over the columns that are not masked */
export function selfConsistency(
  row: ArrayLike<number>,
  parameters: DivergenceParameters,
  inputs: Inputs,
): number {
  const temperature = Number(parameters.temperature ?? 1);
  const residuals = inputs['residuals'] as ArrayLike<number>;
  const x = new Float64Array(row);
  const max = largest(x);
  if (!Number.isFinite(max)) return NaN;
  const weights = x.map((v) => Math.exp((v - max) / temperature));
  const all = sumOf(weights);
  return sumOf(x, (v, i) => {
    if (v === -Infinity) return 0;
    // 1 - p as the share of the others: near 1 there would be nothing left of it.
    const rest =
      weights[i] > 0.5 * all ? sumOf(weights, (w, j) => (j === i ? 0 : w)) : all - weights[i];
    return Math.abs((2 * weights[i] * rest) / all / all - residuals[i]);
  });
}
