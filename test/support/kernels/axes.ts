/** The same numbers as rows and down an axis, with what an operator reads beside them. */
import { kinds } from '../../../lib/elements';
import type { OperandArray } from '../../../lib/operator';
import { operandsOf } from '../../../lib/operator';
import { viewOptions } from '../../../lib/views';
import type { Operator, Options } from './operators';

/** [outer, elements, inner]: the rows run along the middle. */
export type Dims = readonly [outer: number, n: number, inner: number];

type Numbers = OperandArray;

/** Rows of n elements to columns, as dims have them, or back. */
export function moved<A extends Numbers>(
  from: A,
  [outer, , inner]: Dims,
  n: number,
  to: 'columns' | 'rows',
): A {
  const result = from.slice() as A;
  for (let o = 0; o < outer; o++) {
    for (let c = 0; c < inner; c++) {
      for (let i = 0; i < n; i++) {
        const row = (o * inner + c) * n + i;
        const column = (o * n + i) * inner + c;
        if (to === 'columns') result[column] = from[row];
        else result[row] = from[column];
      }
    }
  }
  return result;
}

/** What a call on rows takes beside x, and what one along the axis takes for the same. */
export function bothOptions(
  view: Operator,
  rows: Float32Array,
  dims: Dims,
): { forRows: Options; forAxis: Options } {
  const [outer, n, inner] = dims;
  const forRows: Options = { ...viewOptions(view, rows, { cols: n }) };
  const forAxis: Options = { ...forRows, cols: undefined, dims: [...dims], axis: 1 };
  for (const { name, role, extent, element } of operandsOf(view.line)) {
    if (role !== 'input') continue;
    if (extent === 'rows' || typeof extent === 'object') {
      const given = forRows[name] as Numbers;
      forAxis[name] = moved(given, dims, given.length / (outer * inner), 'columns');
    }
    if (extent !== 'perSlab') continue;
    // Another for each slab, the same for its rows.
    const slab = (o: number) => Array.from({ length: n }, (_, i) => (i + o) % 3);
    const all = Array.from({ length: outer }, (_, o) => slab(o));
    const array = (values: number[]) => {
      const made = new kinds[element].make(values.length);
      values.forEach((value, i) => (made[i] = value));
      return made;
    };
    forAxis[name] = array(all.flat());
    forRows[name] = array(all.flatMap((one) => Array<number[]>(inner).fill(one)).flat());
  }
  return { forRows, forAxis };
}

/** A result along the axis as the rows have it. */
export function asRows<A extends Numbers>(result: A, dims: Dims): A {
  const [outer, , inner] = dims;
  return moved(result, dims, result.length / (outer * inner), 'rows');
}
