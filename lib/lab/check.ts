/**
 * No wrong kernel gets a number: every result is compared with the float64 oracle in the process that measures it.
 *
 * The elements that are compared one by one are all of them, or an even selection of a large result; the sum of the
 * whole result is compared besides, so that nothing that is left out can be missing or NaN.
 */
import type { Parameters } from '../operator';
import { viewWidth, type View } from '../views';
import type { Shape } from './shapes';

/** Elements of a result that are compared one by one. */
const MOST_COMPARED = 2 ** 18;

/** What a rival may be off by, relatively; its distance in ULP is in the table. */
const RIVAL = 0.01;
/** Below that a rival may flush or not. */
const TINY = 2 ** -120;

export interface Truth {
  /** Of the elements that are compared, and the values there. */
  readonly places: Float64Array;
  readonly values: Float64Array;
  /** Of the values (TrueRow); 0 where they have none. */
  readonly sizes: Float64Array;
  /** Of the whole result; `scale` is the sum of the magnitudes. */
  readonly length: number;
  readonly sum: number;
  readonly scale: number;
}

export function truthOf(
  line: View,
  x: Float32Array,
  { rows, cols }: Shape,
  parameters: Parameters = {},
  most = MOST_COMPARED,
): Truth {
  const length = rows * viewWidth(line, cols, parameters);
  // An odd step, so that it meets every lane and every place in a block.
  const step = length <= most ? 1 : Math.ceil(length / most) | 1;
  const places: number[] = [];
  const values: number[] = [];
  const sizes: number[] = [];
  let sum = 0;
  let scale = 0;
  for (let row = 0; row < rows; row++) {
    const answer = line.oracle(x.subarray(row * cols, (row + 1) * cols), parameters);
    const exact: ArrayLike<number> = typeof answer === 'number' ? [answer] : answer;
    const given = typeof answer === 'number' ? undefined : answer.sizes;
    const start = row * exact.length;
    for (let i = 0; i < exact.length; i++) {
      if (exact[i] === -Infinity) continue;
      sum += exact[i];
      scale += Math.abs(exact[i]);
    }
    const keep = (place: number): void => {
      places.push(place);
      values.push(exact[place - start]);
      sizes.push(given?.[place - start] ?? 0);
    };
    const first = Math.ceil(start / step) * step;
    for (let place = first; place < start + exact.length; place += step) keep(place);
    if ((start + exact.length - 1) % step !== 0 && row === rows - 1) keep(length - 1);
  }
  return {
    places: Float64Array.from(places),
    values: Float64Array.from(values),
    sizes: Float64Array.from(sizes),
    length,
    sum,
    scale,
  };
}

export interface Rules {
  /** In the units of the promise. */
  distance(result: number, truth: number, size: number): number;
  /** What softlane's own contenders may reach of it; Infinity for rivals. */
  readonly promised: number;
  ulpOf(truth: number): number;
  /** Results near 0 are differences of large numbers. */
  readonly logarithmic: boolean;
}

export interface Found {
  /** The largest distance in ULP. */
  readonly maxUlp: number;
  /** What is wrong, in words. */
  readonly wrong?: string;
}

function farOff(got: number, want: number, logarithmic: boolean): boolean {
  if (got === want) return false;
  const size = logarithmic ? Math.max(1, Math.abs(want)) : Math.abs(want);
  return !(Math.abs(got - want) <= RIVAL * size + TINY);
}

export function compare(y: ArrayLike<number>, truth: Truth, rules: Rules): Found {
  const { distance, promised, ulpOf, logarithmic } = rules;
  if (y.length !== truth.length) {
    return { maxUlp: NaN, wrong: `${y.length} results instead of ${truth.length}` };
  }
  let maxUlp = 0;
  for (let i = 0; i < truth.places.length; i++) {
    const place = truth.places[i];
    const got = y[place];
    const want = truth.values[i];
    const ours = promised !== Infinity;
    const apart = got === want ? 0 : Math.abs(got - want) / ulpOf(want);
    const ulp = ours ? distance(got, want, truth.sizes[i]) : apart;
    // Of ours a mask is right or wrong, and never nearly so. Written so that a NaN is refused.
    const far = (!ours || got !== -Infinity) && farOff(got, want, logarithmic);
    if (!(ulp <= promised) || far) {
      return { maxUlp: ulp, wrong: `element ${place} is ${got}, the oracle has ${want}` };
    }
    if (ulp > maxUlp) maxUlp = ulp;
  }
  let sum = 0;
  for (let i = 0; i < y.length; i++) if (y[i] !== -Infinity) sum += y[i];
  if (!(Math.abs(sum - truth.sum) <= RIVAL * truth.scale + TINY)) {
    return { maxUlp, wrong: `all results add up to ${sum}, the oracle's to ${truth.sum}` };
  }
  return { maxUlp };
}
