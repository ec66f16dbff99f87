import { ALGORITHMS, Spec } from './spec';

/** The shape of the work; each driver is written once in native/rows. */
export type Driver = 'map' | 'reduce' | 'reduce-map' | 'select' | 'window' | 'pairwise';
/** Element formats that an operator reads. */
export type Format = 'f32';
/** Element type of an output. */
export type Element = 'float32' | 'int32';
export type OutputArray = Float32Array | Int32Array;

/** An operator's own option: one field of the spec. */
export type OptionRule = NumberRule | ChoiceRule;

export interface NumberRule {
  readonly kind: 'number';
  /** Field of the spec that carries the value. */
  readonly index: number;
  readonly default: number;
  /** In words, for the error: "a finite number greater than 0". */
  readonly expected: string;
  readonly check: (value: number) => boolean;
  readonly summary: string;
}

export interface ChoiceRule {
  readonly kind: 'choice';
  readonly index: number;
  readonly default: string;
  /** Allowed names; the place of a name is its value in the spec. */
  readonly values: readonly string[];
  readonly summary: string;
}

/** The values of an operator's own options by name, as the oracle takes them. */
export type Parameters = Readonly<Record<string, number | string>>;

/**
 * float64 reference of one row: a Float64Array of the row's length (output 'rows') or one number (output 'perRow').
 */
export type Oracle = (row: ArrayLike<number>, parameters: Parameters) => Float64Array | number;

/** How far a result may be from the oracle's. */
export interface Bound {
  /** The promise, in ULP of float32 in the binade of the true value; 0: exactly equal. */
  readonly maxUlp: number;
  /** The largest error that has been measured, in a search for bad rows too. */
  readonly measuredUlp: number;
  /** An absolute error that is allowed where it is more than `maxUlp`, for results that cancel; 0: none. */
  readonly absolute: number;
  /** Results of magnitude below 2^-126: always +0, or rounded to subnormals. */
  readonly tiny: 'zero' | 'subnormal';
}

/** One line of the catalogue. */
export interface Operator {
  /** Name in the API and in the addon. */
  readonly name: string;
  /** Name for `--op` on the command line, or null where it has none of its own. */
  readonly cli: string | null;
  /** The word that names native/ops/FAMILY.h, lib/FAMILY.ts and lib/oracle/FAMILY.ts. */
  readonly family: string;
  readonly driver: Driver;
  readonly summary: string;
  readonly formats: readonly Format[];
  readonly options: Readonly<Record<string, OptionRule>>;
  /** 'rows': one output element per input element; 'perRow': one per row. */
  readonly output: 'rows' | 'perRow';
  readonly element: Element;
  readonly bound: Bound;
  readonly oracle: Oracle;
  /** Slugs of the catalogued papers whose operator or algorithm this is. */
  readonly papers: readonly string[];
  /** Paper or standard, with the year. */
  readonly source: string;
  /** Page of the documentation. */
  readonly docs: string;
}

/** `algorithm`: the same for every operator with a row normaliser. */
export const algorithmOption: ChoiceRule = {
  kind: 'choice',
  index: Spec.algorithm,
  default: 'auto',
  values: ALGORITHMS,
  summary: 'how the row is normalised; auto chooses by shape',
};

export const temperatureOption: NumberRule = {
  kind: 'number',
  index: Spec.temperature,
  default: 1,
  expected: 'a number greater than 0, from 2^-100 to 2^100',
  check: (value) => value >= 2 ** -100 && value <= 2 ** 100,
  summary: 'divides the logits',
};

export const maskedRowOption: ChoiceRule = {
  kind: 'choice',
  index: Spec.maskedRow,
  default: 'nan',
  values: ['nan', 'zero'],
  summary: 'result of a row that is all -Infinity',
};

/** Every option name that a call of the operator takes, in the order of the documentation. */
export function optionNames(operator: Operator): string[] {
  return [
    'cols',
    'stride',
    ...(operator.output === 'rows' ? ['outStride'] : []),
    'out',
    ...Object.keys(operator.options),
    'threads',
    'isa',
  ];
}

/** The operator's own option values that a spec carries. */
export function parametersOf(
  operator: Operator,
  spec: Float64Array,
): Record<string, number | string> {
  const parameters: Record<string, number | string> = {};
  for (const [name, rule] of Object.entries(operator.options)) {
    const value = spec[rule.index];
    parameters[name] = rule.kind === 'choice' ? rule.values[value] : value;
  }
  return parameters;
}
