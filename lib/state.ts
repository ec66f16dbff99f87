import { isaIndex, native } from './configure';
import { readKnown, ruleValue } from './check';
import { SoftlaneError, describe, wrongType, wrongValue } from './errors';
import { BITS, formatIndex, readFloats, widened } from './input';
import { temperatureOption } from './operator';
import { CURRENT_ISA, FORMATS, Status } from './spec';
import { plainStatusError } from './status';
import type { FloatInput, NumberFormat } from './types';

/** What `logSumExpState` takes. */
export interface LogSumExpStateOptions {
  /** Divides the logits; from 2^-100 to 2^100 (default 1). Two states merge only if theirs are equal. */
  readonly temperature?: number | undefined;
  /** What the bits of a Uint16Array that is pushed are. A Float16Array and a Float32Array say it themselves. */
  readonly dtype?: NumberFormat | undefined;
  /** Instruction set for the pushes, for tests and measurements. */
  readonly isa?: string | undefined;
}

/** A state as data: it may be stored, or sent to another machine, and read back by `LogSumExpState.from`. */
export interface LogSumExpStateJson {
  readonly type: 'softlane.logSumExpState';
  readonly temperature: number;
  /** The state's float64 numbers, little-endian, in base64: exact, infinities and NaN included. */
  readonly numbers: string;
}

/** A sum of exp(x / T), mantissa * 2^exponent * exp(offset / T), as `rowStats` and states have it. */
export interface LogSumExpPair {
  /** At least 0; Infinity or NaN for a sum that is. */
  readonly mantissa: number;
  /** A whole number. */
  readonly exponent: number;
  readonly offset: number;
  /** Where it is said, that of the state it is merged into: a state of another copy of softlane says it. */
  readonly temperature?: number | undefined;
}

const NAME = 'logSumExpState';
const TYPE = 'softlane.logSumExpState';
const VALID = ['temperature', 'dtype', 'isa'];
/** What data does not say. */
const VALID_FROM = ['dtype', 'isa'];
/** Where a state's numbers have the count of its blocks, and its first sum (native/rows/state.h). */
const BLOCKS = 1;
const FIRST = 3;

/** States that were made here, for the constructor: nobody else has a reason to call it. */
const made = new WeakSet<Float64Array>();

/**
 * The sum of exp(x / T) over the elements pushed so far, kept as a pair (mantissa, exponent) that neither overflows nor
 * underflows, so that a row can arrive in pieces or in shards.
 *
 * Grouping: pieces that each hold a whole number of blocks (`blockLength` elements; only the last may be shorter), pushed
 * in order, give the bits of `logSumExp` over the whole row. So do merged states of neighbouring ranges that were split
 * where softlane splits a row for its threads, at a power of two of blocks. Any other grouping agrees within the bound.
 *
 * The exception: where |logsumexp| < 1/2 (rows that are normalised already, such as log-probabilities), `logSumExp` sums
 * the row a second time in double. A state no longer has the row, so there it agrees within 2^-22 (about 2e-7) absolute,
 * for every grouping.
 */
export class LogSumExpState {
  readonly #state: Float64Array;
  readonly #isa: number;
  readonly #dtype: number;
  readonly #temperature: number;
  readonly #result = new Float64Array(4);

  /** Use {@link logSumExpState} or {@link LogSumExpState.from}. */
  constructor(state: Float64Array, temperature: number, isa: number, dtype: number) {
    if (!made.delete(state)) throw wrongType(NAME, 'its numbers', 'those of a new state', state);
    this.#state = state;
    this.#temperature = temperature;
    this.#isa = isa;
    this.#dtype = dtype;
  }

  /** The option of that name. */
  get dtype(): NumberFormat | undefined {
    return FORMATS[this.#dtype];
  }

  /** Elements per block: the unit of the order of addition. */
  get blockLength(): number {
    return native().blockLength;
  }

  get temperature(): number {
    return this.#temperature;
  }

  /** The sum is mantissa * 2^exponent times exp(offset / T): this is its mantissa. */
  get mantissa(): number {
    return this.#finish()[1];
  }

  /** The exponent that goes with `mantissa`. */
  get exponent(): number {
    return this.#finish()[2];
  }

  /** The shift that goes with `mantissa` and `exponent`. */
  get offset(): number {
    return this.#finish()[3];
  }

  /**
   * Adds the elements of `x`. An empty array adds nothing.
   *
   * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_DETACHED`
   */
  push(x: FloatInput): this {
    const floats = widened(readFloats(NAME, 'x', x, this.#dtype, BITS));
    if (floats.length > 0) mustBeOk(native().statePush(this.#state, floats, this.#isa));
    return this;
  }

  /**
   * Adds everything that `other` holds; `other` stays as it is. A pair that is no state is one sum, of the same
   * temperature, and takes the place of one block: that of a row of `rowStats`, say, or a state of another copy of
   * softlane.
   *
   * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE` if `other` is neither
   * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE` if a number of a pair is out of range
   * @throws SoftlaneError `ERR_SOFTLANE_STATE` if its temperature is another
   */
  merge(other: LogSumExpPair): this {
    if (typeof other !== 'object' || other === null) throw wrongOther(other);
    if (!(#state in other)) {
      mustBeOk(native().stateMerge(this.#state, numbersOf(other, this.#temperature)));
      return this;
    }
    requireTemperature(this.#temperature, other.#temperature);
    // A state merged into itself counts twice, like any other with the same content.
    const source = other === this ? other.#state.slice() : other.#state;
    mustBeOk(native().stateMerge(this.#state, source));
    return this;
  }

  /** The logarithm of the sum, in float64; -Infinity if nothing, or nothing but -Infinity, was pushed. */
  finish(): number {
    return this.#finish()[0];
  }

  /** The state as data; `JSON.stringify` calls it. Exact: `from` gives a state with the same bits. */
  toJSON(): LogSumExpStateJson {
    // Merged into an empty one, a state keeps its content and loses what it no longer uses: equal pushes, equal text.
    const clean = create({ temperature: this.#temperature }).merge(this).#state;
    const bytes = Buffer.alloc(clean.byteLength);
    clean.forEach((value, i) => bytes.writeDoubleLE(value, 8 * i));
    return { type: TYPE, temperature: this.#temperature, numbers: bytes.toString('base64') };
  }

  /**
   * Reads back what `toJSON` gave, perhaps on another machine.
   *
   * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE` if `json` is not of that form, `ERR_SOFTLANE_UNKNOWN_OPTION`
   * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE` if its temperature is out of range, `ERR_SOFTLANE_ISA`
   * @throws SoftlaneError `ERR_SOFTLANE_STATE` if its numbers are damaged
   */
  static from(
    json: LogSumExpStateJson,
    options: Pick<LogSumExpStateOptions, 'dtype' | 'isa'> = {},
  ): LogSumExpState {
    const fields = json as Partial<Record<keyof LogSumExpStateJson, unknown>> | null;
    if (typeof fields !== 'object' || fields === null || fields.type !== TYPE) {
      throw wrongType(NAME, 'json', `an object of type ${JSON.stringify(TYPE)}`, json);
    }
    // Each once: what a getter gives may change.
    const { temperature, numbers: text } = fields;
    if (typeof text !== 'string') throw wrongType(NAME, 'json.numbers', 'a string', text);
    const state = create({ ...readKnown(NAME, 'options', options, VALID_FROM), temperature });
    const bytes = Buffer.from(text, 'base64');
    const numbers = new Float64Array(state.#state.length);
    // Buffer.from skips what is not base64.
    if (bytes.length !== numbers.byteLength || bytes.toString('base64') !== text) {
      throw plainStatusError(NAME, Status.BAD_STATE);
    }
    for (let i = 0; i < numbers.length; i++) numbers[i] = bytes.readDoubleLE(8 * i);
    // Native code checks every number before it adds them to an empty state, which then is the same state.
    mustBeOk(native().stateMerge(state.#state, numbers));
    return state;
  }

  #finish(): Float64Array {
    mustBeOk(native().stateFinish(this.#state, this.#result));
    return this.#result;
  }
}

/** Options checked, state empty. */
function create(options: unknown): LogSumExpState {
  const given = readKnown(NAME, 'options', options, VALID);
  const { temperature: asked = temperatureOption.default } = given;
  const isa =
    given['isa'] === undefined ? CURRENT_ISA : isaIndex(NAME, 'options.isa', given['isa']);
  const dtype =
    given['dtype'] === undefined
      ? NaN
      : formatIndex(NAME, 'options.dtype', FORMATS, given['dtype']);
  const temperature = ruleValue(NAME, 'options.temperature', temperatureOption, asked);
  const state = new Float64Array(native().stateLength);
  mustBeOk(native().stateInit(state, temperature));
  made.add(state);
  return new LogSumExpState(state, temperature, isa, dtype);
}

function requireTemperature(expected: number, received: unknown): void {
  if (received === expected) return;
  throw new SoftlaneError(
    'ERR_SOFTLANE_STATE',
    `${NAME}: expected other to have temperature ${expected}, received ${describe(received)}`,
  );
}

function wrongOther(other: unknown): Error {
  const expected = 'a state made by logSumExpState(), or its mantissa, exponent and offset';
  return wrongType(NAME, 'other', expected, other);
}

/** Those of a state that holds one sum. */
function numbersOf(pair: LogSumExpPair, temperature: number): Float64Array {
  // Each once: what a getter gives may change.
  if (pair instanceof LogSumExpState) throw wrongOther(pair);
  const { mantissa, exponent, offset, temperature: its } = pair;
  const parts: unknown[] = [mantissa, exponent, offset];
  if (!parts.every((part) => typeof part === 'number')) throw wrongOther(pair);
  if (its !== undefined) requireTemperature(temperature, its);
  if (mantissa < 0) throw wrongValue(NAME, 'other.mantissa', 'at least 0', mantissa);
  if (!(Number.isInteger(exponent) && Math.abs(exponent) < 2 ** 40)) {
    throw wrongValue(NAME, 'other.exponent', 'a whole number below 2^40', exponent);
  }
  if (!Number.isFinite(offset)) throw wrongValue(NAME, 'other.offset', 'finite', offset);
  const numbers = new Float64Array(native().stateLength);
  mustBeOk(native().stateInit(numbers, temperature));
  numbers[BLOCKS] = 1;
  // The last: what no logit behind it is above.
  numbers.set([mantissa, exponent, offset, Infinity], FIRST);
  return numbers;
}

function mustBeOk(status: number): void {
  if (status !== Status.OK) throw plainStatusError(NAME, status);
}

/**
 * An empty state for the logarithm of a sum of exponentials, to which a row is pushed in pieces.
 *
 * Error: that of `logSumExp`, save where the result cancels to nearly zero (a row of log-probabilities); there
 * `logSumExp` looks at the row a second time, which a state cannot, and the error stays below 2^-22 absolute.
 *
 * Source: Dukhan and Ablavatski, The Two-Pass Softmax Algorithm, 2020.
 *
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_ISA`
 *
 * @example
 * ```ts
 * import { logSumExpState } from 'softlane';
 * const left = logSumExpState().push(Float32Array.of(1, 2));
 * const right = logSumExpState().push(Float32Array.of(3));
 * console.log(left.merge(right).finish()); // 3.4076059...
 * ```
 */
export function logSumExpState(options: LogSumExpStateOptions = {}): LogSumExpState {
  return create(options);
}
