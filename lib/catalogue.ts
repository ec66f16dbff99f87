/**
 * Every operator, a line each. The lines stand in the module of their family, each with the function that it describes;
 * tests, bench, the command line and the table of docs/operators.md are driven by this list. Loads no native code.
 */
import * as activation from './activation';
import * as decoding from './decoding';
import * as divergence from './divergence';
import * as ensemble from './ensemble';
import * as loss from './loss';
import * as masks from './masks';
import * as norm from './norm';
import type { Operator } from './operator';
import * as overlap from './overlap';
import * as pooling from './pooling';
import * as scores from './scores';
import * as select from './select';
import * as sets from './sets';
import * as softmax from './softmax';
import * as stats from './stats';
import * as variants from './variants';

export type { Bound, ChoiceRule, NumberRule, Operator, OptionRule, Parameters } from './operator';
export { optionNames } from './operator';

/** One word per family. */
const families = {
  softmax,
  select,
  activation,
  scores,
  stats,
  loss,
  divergence,
  ensemble,
  sets,
  norm,
  overlap,
  variants,
  masks,
  decoding,
  pooling,
};

type Union = (typeof families)[keyof typeof families];
type Merged<U> = (U extends unknown ? (member: U) => void : never) extends (all: infer All) => void
  ? All
  : never;
type Exports = Merged<Union>;

export type OperatorName = {
  [N in keyof Exports]: Exports[N] extends { readonly operator: Operator } ? N : never;
}[keyof Exports] &
  string;

/** The function of each operator by its name. */
export type OperatorFunctions = Pick<Exports, OperatorName>;

/** Options, `out` and result of each operator by its name. */
export type OperatorTypes = {
  [N in OperatorName]: NonNullable<OperatorFunctions[N]['types']>;
};

/** A line, by whose name there is a function. */
type Line = Operator & { readonly name: OperatorName };

/** Every line, family by family, in the order in which a family exports its functions. */
export const catalogue: readonly Line[] = Object.freeze(Object.values(families).flatMap(linesOf));

function linesOf(family: object): Line[] {
  return Object.values(family).flatMap((member: { operator?: Line }) => member.operator ?? []);
}

const functions = new Map(
  Object.values(families).flatMap((family) => Object.entries(family as Record<string, unknown>)),
);

/** The function of an operator. */
export function functionOf<N extends OperatorName>(name: N): OperatorFunctions[N] {
  return functions.get(name) as OperatorFunctions[N];
}

const byName = new Map<string, Line>(catalogue.map((line) => [line.name, line]));

/** The line of an operator by its name in the API, if there is one. */
export function findOperator(name: string): Operator | undefined {
  return byName.get(name);
}
