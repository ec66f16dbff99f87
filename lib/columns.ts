/** A weight and a bias a column, which follow a normalisation: y = t weight + bias, either of which may be absent. */
import type { InputOperand, Inputs, Oracle, Parameters, TrueRow } from './operator';
import type { FloatInput } from './types';

export interface ColumnInputs {
  /** What each column is multiplied by, one number a column (default: 1). */
  readonly weight?: FloatInput | undefined;
  /** What is added to each column then, one number a column (default: 0). */
  readonly bias?: FloatInput | undefined;
}

function perColumn(name: string, summary: string, of: readonly number[]): InputOperand {
  return {
    role: 'input',
    name,
    element: 'float32',
    extent: 'perColumn',
    optional: true,
    summary,
    example: (row) => row.map((_, i) => of[i % of.length]),
  };
}

/** In the order of native/rows/columns.h. */
export const columnOperands: readonly InputOperand[] = [
  perColumn('weight', 'what each column is multiplied by', [1, -0.75, 1.5, 0.1, -3, 0.99, 40]),
  perColumn('bias', 'what is added to each column', [0, 0.5, -1.25, 1e-3, 2]),
];

/** Of an operator that gives a row for a row. */
export type RowOracle = (row: ArrayLike<number>, parameters: Parameters, inputs: Inputs) => TrueRow;

/**
 * The oracle with weight and bias, of the same name. `least`: a part of the weight that an error is counted in ULP of,
 * where that is more than the result and the terms that it is the sum of.
 */
export function withColumns(
  oracle: (row: ArrayLike<number>, parameters: Parameters) => Float64Array,
  least: number,
): Oracle {
  const scaled: RowOracle = (row, parameters, inputs) =>
    scaledRow(oracle(row, parameters), inputs, least);
  return Object.defineProperty(scaled, 'name', { value: oracle.name });
}

function scaledRow(t: Float64Array, inputs: Inputs, least: number): TrueRow {
  const weight = inputs['weight'] as ArrayLike<number> | undefined;
  const bias = inputs['bias'] as ArrayLike<number> | undefined;
  const sizes = new Float64Array(t.length);
  const y = t.map((value, i) => {
    const factor = weight?.[i] ?? 1;
    const product = weight === undefined ? value : value * factor;
    sizes[i] = Math.max(Math.abs(product), Math.abs(bias?.[i] ?? 0), least * Math.abs(factor));
    return bias === undefined ? product : product + bias[i];
  });
  return Object.assign(y, { sizes });
}
