import type { FORMATS } from './spec';
import { ALGORITHMS, Spec } from './spec';

/** The shape of the work; each driver is written once in native/rows. */
export type Driver = 'map' | 'reduce' | 'reduce-map' | 'select' | 'window' | 'pairwise';
/** Number formats that an operator reads, and writes where its results are rows. */
export type Format = (typeof FORMATS)[number];
/** Element type of an output. */
export type Element = 'float32' | 'int32';
export type OutputArray = Float32Array | Int32Array | Uint16Array;
/** What x may be: floats, or the bits of a 16-bit format. */
export type InputArray = Float32Array | Uint16Array;

/** Element type of an array beside x and the output. */
export type OperandElement = Element | 'uint32' | 'float64';
export type OperandArray = OutputArray | Uint32Array | Float64Array;
/** Of any array of a call. */
export type AnyElement = OperandElement | 'float16' | 'bfloat16';
/** The arrays of a call beside x and the output, in the order of the operator's list; undefined: not given. */
export type OperandArrays = readonly (OperandArray | undefined)[];

/**
 * Elements of an operand: one a row, one a column (the same for all rows), a row for a row, a row for all rows that lie
 * side by side (docs/axes.md), or as many a row as one of the operator's options says.
 */
export type Extent = 'perRow' | 'perColumn' | 'rows' | 'perSlab' | Span;

/** As many elements a row, or rows of as many columns as x has, as the option says. */
export interface Span {
  readonly option: string;
  readonly of?: 'rows';
}

export type Operand = InputOperand | OutputOperand;

interface AnyOperand {
  /** Of the option that gives it, or of the part of the result that it is. */
  readonly name: string;
  readonly element: OperandElement;
  readonly extent: Extent;
  /** An input that may be left out, or an output that is made only where it is asked for. */
  readonly optional: boolean;
  readonly summary: string;
}

/** What a call reads beside x. */
export interface InputOperand extends AnyOperand {
  readonly role: 'input';
  /**
   * Values for tests and measurements: those of a row with these elements (one number for 'perRow'), or, for
   * 'perColumn', those of all rows, by the number of elements alone. `width`: how many.
   */
  readonly example: (row: Float32Array, width: number) => ArrayLike<number> | number;
}

/** One of the results of an operator that has several. */
export interface OutputOperand extends AnyOperand {
  readonly role: 'output';
  readonly bound: Bound;
  /** Those of the operator's options that it depends on (default: all). */
  readonly options?: readonly string[];
  /** The input without which there is no such output. */
  readonly needs?: string;
}

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
  /** The value may not be more than the number of columns (1 where there are none). */
  readonly upTo?: 'cols';
  readonly summary: string;
}

export interface ChoiceRule {
  readonly kind: 'choice';
  readonly index: number;
  readonly default: string | boolean;
  /** Allowed names, or true and false; the place of one is its value in the spec. */
  readonly values: readonly (string | boolean)[];
  readonly summary: string;
}

/** The values of an operator's own options by name, as the oracle takes them. */
export type Parameters = Readonly<Record<string, ParameterValue>>;
export type ParameterValue = number | string | boolean;

/** What the input operands of a call have for one row: a number for 'perRow'; undefined where one is not given. */
export type Inputs = Readonly<Record<string, ArrayLike<number> | number | undefined>>;

/**
 * The true values of a row. `sizes`: of values that are sums, whose terms may cancel, the largest term of each; an error
 * is counted in ULP of that where it is larger than the value.
 */
export type TrueRow = Float64Array & { readonly sizes?: ArrayLike<number> };

/** What an oracle says of one row: a row, one number, or, for an operator of several outputs, each of them by name. */
export type Truth = TrueRow | number | Readonly<Record<string, TrueRow | number>>;

/**
 * float64 reference of one row: one of the row's length (output 'rows'), one number (output 'perRow'), or all outputs by
 * name, asked for or not (output 'record').
 */
export type Oracle = (row: ArrayLike<number>, parameters: Parameters, inputs: Inputs) => Truth;

/** How far a result may be from the oracle's. */
export interface Bound {
  /** The promise, in ULP of float32 in the binade of the true value (or of its size, TrueRow); 0: exactly equal. */
  readonly maxUlp: number;
  /**
   * The largest error that has been found, rounded up: over the rows of tests and of the table of docs/numerics.md, in a
   * search for bad rows, and over floats of all exponents for maps. What `absolute` excuses does not count.
   */
  readonly measuredUlp: number;
  /** An absolute error that is allowed where it is more than `maxUlp`, for results that cancel; 0: none. */
  readonly absolute: number;
  /** Results of magnitude below 2^-126: always +0, or rounded to subnormals. */
  readonly tiny: 'zero' | 'subnormal';
  /**
   * Results are elements of x or -Infinity. A truth that no float32 equals says that its element is within rounding of
   * the cut: the nearest float32 and -Infinity are both right.
   */
  readonly cut?: true;
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
  /** 'rows': one output element per input element; 'perRow': one per row; 'record': the outputs among the operands. */
  readonly output: 'rows' | 'perRow' | 'record';
  /** Of the output; 'float32' for a record. */
  readonly element: Element;
  /** Arrays beside x and the output, in the order of the addon's list. Outputs for a record alone. */
  readonly operands?: readonly Operand[];
  /** For a record: the option that lists the optional outputs to make. Without it each is an option of its own. */
  readonly lists?: string;
  /**
   * The option that says how many rows of x, one after another, are a group. A group has what a row of other operators
   * has: one result, one truth of the oracle. `cols` and the last dimension are those of one of its rows; in the spec, to
   * native code and to the oracle, a group is a row of all its elements.
   */
  readonly group?: string;
  /** Whether its kernel counts the columns by int32; so it is where there is one among its results or operands. */
  readonly counts?: 'int32';
  /** For a record: the largest of its outputs'. */
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

/** A number of a range, in the place-th parameter of the operator. */
export function numberOption(
  place: number,
  initial: number,
  [least, most]: readonly [number, number],
  summary: string,
): NumberRule {
  return {
    kind: 'number',
    index: Spec.temperature + place,
    default: initial,
    expected: `a number from ${least} to ${most}`,
    check: (value) => value >= least && value <= most,
    summary,
  };
}

/** How many of something: whole numbers. */
export function countOption(place: number, initial: number, summary: string): NumberRule {
  const rule = numberOption(place, initial, [1, 256], summary);
  return {
    ...rule,
    expected: 'a whole number from 1 to 256',
    check: (value) => Number.isInteger(value) && rule.check(value),
  };
}

/** How many of a row's largest elements. */
export function largestOption(place: number): NumberRule {
  return {
    kind: 'number',
    index: Spec.temperature + place,
    default: 1,
    expected: 'an integer from 1 to the number of columns',
    check: (value) => Number.isInteger(value) && value >= 1 && value <= 0x7fffffff,
    upTo: 'cols',
    summary: 'elements to select of each row',
  };
}

export const maskedRowOption: ChoiceRule = {
  kind: 'choice',
  index: Spec.maskedRow,
  default: 'nan',
  values: ['nan', 'zero'],
  summary: 'result of a row that is all -Infinity',
};

export const nanOption: ChoiceRule = {
  kind: 'choice',
  index: Spec.temperature + 4,
  default: 'throw',
  values: ['throw', 'masked'],
  summary: 'a row with a NaN: an error, or the NaN counts as -Infinity',
};

const NO_OPERANDS: readonly Operand[] = [];

export function operandsOf(operator: Operator): readonly Operand[] {
  return operator.operands ?? NO_OPERANDS;
}

/** Rows of x in a group; 1 where each is on its own. */
export function groupSize({ group, options }: Operator, spec: Float64Array): number {
  return group === undefined ? 1 : spec[options[group].index];
}

/** Whether rows may be windows: where every row has numbers of its own, and reads nothing that lies as x does. */
export function takesWindows(operator: Operator): boolean {
  return (
    operator.output !== 'rows' &&
    operandsOf(operator).every(
      ({ role, extent }) => role === 'output' || extent === 'perRow' || extent === 'perColumn',
    )
  );
}

/** Every option name that a call of the operator takes, in the order of the documentation. */
export function optionNames(operator: Operator): string[] {
  const { lists } = operator;
  const operands = operandsOf(operator).filter(
    ({ role, optional }) => role === 'input' || (optional && lists === undefined),
  );
  return [
    'cols',
    'stride',
    ...(operator.output === 'rows' ? ['outStride'] : []),
    'axis',
    'dims',
    ...(takesWindows(operator) ? ['window'] : []),
    'out',
    ...operands.map(({ name }) => name),
    ...(lists === undefined ? [] : [lists]),
    ...Object.keys(operator.options),
    'dtype',
    ...(operator.output === 'rows' ? ['outDtype'] : []),
    'threads',
    'isa',
  ];
}

/** The operator's own option values that a spec carries. */
export function parametersOf(
  operator: Operator,
  spec: Float64Array,
): Record<string, ParameterValue> {
  const parameters: Record<string, ParameterValue> = {};
  for (const [name, rule] of Object.entries(operator.options)) {
    const value = spec[rule.index];
    parameters[name] = rule.kind === 'choice' ? rule.values[value] : value;
  }
  return parameters;
}
