/**
 * Every operator, a line each. The lines stand in the module of their family, beside the functions that they describe;
 * tests, bench, the command line and the table of the README are driven by this list. Loads no native code.
 */
import type { Operator } from './operator';
import type { SelectFamily } from './select';
import { selectFamily } from './select';
import type { SoftmaxFamily } from './softmax';
import { softmaxFamily } from './softmax';

export type { Bound, ChoiceRule, NumberRule, Operator, OptionRule, Parameters } from './operator';
export { optionNames } from './operator';

/** Options, `out` and result of each operator by its name. */
export interface OperatorTypes extends SoftmaxFamily, SelectFamily {}
export type OperatorName = keyof OperatorTypes;

export const catalogue: readonly Operator[] = [...softmaxFamily, ...selectFamily];

const byName = new Map(catalogue.map((line) => [line.name, line]));
const byCli = new Map(catalogue.flatMap((line) => (line.cli === null ? [] : [[line.cli, line]])));

/** The line of an operator by its name in the API, if there is one. */
export function findOperator(name: string): Operator | undefined {
  return byName.get(name);
}

/** The line of an operator by its name on the command line. */
export function findCliOperator(name: string): Operator | undefined {
  return byCli.get(name);
}
