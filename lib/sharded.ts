/** The cross-entropy of a row whose columns lie in several places: shards of a vocabulary, or pieces that arrive. */
import { readKnown, ruleValue } from './check';
import { plainOf, requireAttached } from './elements';
import { SoftlaneError, inTheNameOf, wrongType, wrongValue } from './errors';
import { crossEntropy } from './loss';
import { BITS, readFloats, widened } from './input';
import type { NumberRule } from './operator';
import { FORMATS, Status } from './spec';
import type { LogSumExpStateJson } from './state';
import { LogSumExpState, logSumExpState } from './state';
import { plainStatusError } from './status';
import type { FloatInput, NumberFormat } from './types';

/** What `crossEntropyState` takes. */
export interface CrossEntropyStateOptions {
  /** Divides the logits; from 2^-100 to 2^100 (default 1). Two states merge only if theirs are equal. */
  readonly temperature?: number | undefined;
  /** The share of the target's weight that is spread over all columns that are not masked, from 0 to 1 (default 0). */
  readonly labelSmoothing?: number | undefined;
  /** What the bits of a Uint16Array that is pushed are. A Float16Array and a Float32Array say it themselves. */
  readonly dtype?: NumberFormat | undefined;
  /** Instruction set for the pushes, for tests and measurements. */
  readonly isa?: string | undefined;
}

/** A state as data: it may be stored, or sent to another machine, and read back by `CrossEntropyState.from`. */
export interface CrossEntropyStateJson {
  readonly type: 'softlane.crossEntropyState';
  readonly labelSmoothing: number;
  readonly others: LogSumExpStateJson;
  /** Float64 numbers, little-endian, in base64: 1 with a target; its logit; columns; their sum in two parts. */
  readonly numbers: string;
}

const NAME = 'crossEntropyState';
const TYPE = 'softlane.crossEntropyState';
const VALID = ['temperature', 'labelSmoothing', 'dtype', 'isa'];
const smoothing = crossEntropy.operator.options['labelSmoothing'] as NumberRule;

/** Sums that were made here, for the constructor: nobody else has a reason to call it. */
const made = new WeakSet<LogSumExpState>();

function make(others: LogSumExpState, labelSmoothing: number): CrossEntropyState {
  made.add(others);
  return new CrossEntropyState(others, labelSmoothing);
}

/**
 * The sums over the columns pushed so far: those of the cross-entropy of one row. The target is in one of the shards, and
 * is left out of its sum from the start, so that a loss near 0 keeps its digits.
 */
export class CrossEntropyState {
  readonly #others: LogSumExpState;
  readonly #labelSmoothing: number;
  #hasTarget = false;
  #target = NaN;
  // Of all columns that are not masked, where labels are smoothed: their count, and their sum in two parts.
  #count = 0;
  #high = 0;
  #low = 0;

  /** Use {@link crossEntropyState} or {@link CrossEntropyState.from}. */
  constructor(others: LogSumExpState, labelSmoothing: number) {
    if (!made.delete(others)) throw wrongType(NAME, 'its sums', 'those of a new state', others);
    this.#others = others;
    this.#labelSmoothing = labelSmoothing;
  }

  get temperature(): number {
    return this.#others.temperature;
  }

  get labelSmoothing(): number {
    return this.#labelSmoothing;
  }

  /** Whether the target has been pushed. */
  get hasTarget(): boolean {
    return this.#hasTarget;
  }

  /**
   * Adds the columns of `x`; `target`: the index in x of the right column, where that is one of them.
   *
   * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_DETACHED`
   * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE` if the target is no index of x
   * @throws SoftlaneError `ERR_SOFTLANE_STATE` if there is a target already
   */
  push(columns: FloatInput, target?: number): this {
    const format = FORMATS.indexOf(this.#others.dtype ?? 'f32');
    const given = widened(readFloats(NAME, 'x', columns, format, BITS));
    requireAttached(NAME, 'x', given);
    const x = plainOf(given);
    if (target === undefined) {
      this.#others.push(x);
    } else {
      if (typeof target !== 'number') throw wrongType(NAME, 'target', 'a number', target);
      if (!(Number.isInteger(target) && target >= 0 && target < x.length)) {
        throw wrongValue(NAME, 'target', `an index of x, from 0 to ${x.length - 1}`, target);
      }
      if (this.#hasTarget) throw twoTargets();
      this.#pushWithout(x, target);
      this.#hasTarget = true;
      this.#target = x[target];
    }
    if (this.#labelSmoothing > 0) for (let i = 0; i < x.length; i++) this.#add(x[i]);
    return this;
  }

  /** The block with the target is a copy in which it is masked; the order of addition is that of the whole. */
  #pushWithout(x: Float32Array, target: number): void {
    const { blockLength } = this.#others;
    const from = target - (target % blockLength);
    const block = x.slice(from, from + blockLength);
    block[target - from] = -Infinity;
    this.#others.push(x.subarray(0, from)).push(block);
    this.#others.push(x.subarray(from + block.length));
  }

  #add(x: number): void {
    if (x === -Infinity) return;
    this.#count++;
    this.#addToSum(x);
  }

  /** Neumaier's sum: the lost low part of every addition is kept. */
  #addToSum(x: number): void {
    const high = this.#high;
    const next = high + x;
    this.#low += Math.abs(high) >= Math.abs(x) ? high - next + x : x - next + high;
    this.#high = next;
  }

  /**
   * Adds everything that `other` holds; `other` stays as it is. A state of another copy of softlane, from a second install,
   * has to go through `toJSON` and `from`.
   *
   * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE` if `other` is no state
   * @throws SoftlaneError `ERR_SOFTLANE_STATE` if its temperature or smoothing is another, or both have a target
   */
  merge(other: CrossEntropyState): this {
    if (!(typeof other === 'object' && other !== null && #others in other)) {
      const expected =
        'a state made by crossEntropyState() of this copy of softlane (CrossEntropyState.from reads the toJSON() of another)';
      throw wrongType(NAME, 'other', expected, other);
    }
    if (other.#labelSmoothing !== this.#labelSmoothing || other.temperature !== this.temperature) {
      throw new SoftlaneError(
        'ERR_SOFTLANE_STATE',
        `${NAME}: expected other to have temperature ${this.temperature} and labelSmoothing ${this.#labelSmoothing}, received ${other.temperature} and ${other.#labelSmoothing}`,
      );
    }
    if (this.#hasTarget && other.#hasTarget) throw twoTargets();
    this.#others.merge(other.#others);
    if (other.#hasTarget) [this.#hasTarget, this.#target] = [true, other.#target];
    this.#count += other.#count;
    this.#addToSum(other.#high);
    this.#low += other.#low;
    return this;
  }

  /**
   * The loss, in float64. NaN and infinities are as `crossEntropy` has them.
   *
   * @throws SoftlaneError `ERR_SOFTLANE_STATE` if no shard had the target
   */
  finish(): number {
    if (!this.#hasTarget) {
      throw new SoftlaneError(
        'ERR_SOFTLANE_STATE',
        `${NAME}: expected one of the pushes to have the target, received none`,
      );
    }
    const a = this.#labelSmoothing;
    const { mantissa, exponent, offset } = this.#others;
    const target = this.#target;
    const isEmpty = mantissa === 0;
    if (!Number.isFinite(mantissa) || Number.isNaN(target) || target === Infinity) return NaN;
    if (isEmpty && target === -Infinity) return NaN;
    const t = this.temperature;
    const log = Math.log(mantissa) + exponent * Math.LN2;
    const odds = isEmpty ? -Infinity : log + (offset - target) / t;
    const surprise = odds > 0 ? odds + Math.log1p(Math.exp(-odds)) : Math.log1p(Math.exp(odds));
    if (a === 0) return surprise;
    // -ln p of the mean logit: of the target, and what the mean lies below it. One column alone has all of p.
    const mean = (this.#high + this.#low) / this.#count;
    const masked = target === -Infinity;
    const apart = masked ? log + (offset - mean) / t : surprise + (target - mean) / t;
    const smooth = this.#count === 1 ? 0 : apart;
    return a === 1 ? smooth : (1 - a) * surprise + a * smooth;
  }

  /** The state as data; `JSON.stringify` calls it. Exact: `from` gives a state with the same bits. */
  toJSON(): CrossEntropyStateJson {
    const numbers = [Number(this.#hasTarget), this.#target, this.#count, this.#high, this.#low];
    const bytes = Buffer.alloc(8 * numbers.length);
    numbers.forEach((value, i) => bytes.writeDoubleLE(value, 8 * i));
    const others = this.#others.toJSON();
    const labelSmoothing = this.#labelSmoothing;
    return { type: TYPE, labelSmoothing, others, numbers: bytes.toString('base64') };
  }

  /**
   * Reads back what `toJSON` gave, perhaps on another machine.
   *
   * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE` if `json` is not of that form, `ERR_SOFTLANE_UNKNOWN_OPTION`
   * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE` if its temperature or smoothing is out of range, `ERR_SOFTLANE_ISA`
   * @throws SoftlaneError `ERR_SOFTLANE_STATE` if its numbers are damaged
   */
  static from(
    json: CrossEntropyStateJson,
    options: Pick<CrossEntropyStateOptions, 'dtype' | 'isa'> = {},
  ): CrossEntropyState {
    const fields = json as Partial<Record<keyof CrossEntropyStateJson, unknown>> | null;
    if (typeof fields !== 'object' || fields === null || fields.type !== TYPE) {
      throw wrongType(NAME, 'json', `an object of type ${JSON.stringify(TYPE)}`, json);
    }
    const { labelSmoothing, others, numbers: text } = fields;
    if (typeof text !== 'string') throw wrongType(NAME, 'json.numbers', 'a string', text);
    const state = make(
      inTheNameOf(NAME, 'logSumExpState', () =>
        LogSumExpState.from(others as LogSumExpStateJson, options),
      ),
      ruleValue(NAME, 'json.labelSmoothing', smoothing, labelSmoothing),
    );
    const bytes = Buffer.from(text, 'base64');
    const isWhole = bytes.length === 40 && bytes.toString('base64') === text;
    const numbers = [0, 8, 16, 24, 32].map((at) => (isWhole ? bytes.readDoubleLE(at) : NaN));
    const [hasTarget, target, count, high, low] = numbers;
    if (![0, 1].includes(hasTarget) || !(Number.isSafeInteger(count) && count >= 0)) {
      throw plainStatusError(NAME, Status.BAD_STATE);
    }
    state.#hasTarget = hasTarget === 1;
    [state.#target, state.#count, state.#high, state.#low] = [target, count, high, low];
    return state;
  }
}

function twoTargets(): SoftlaneError {
  return new SoftlaneError(
    'ERR_SOFTLANE_STATE',
    `${NAME}: expected one target in all shards together, received another`,
  );
}

/**
 * An empty state for the cross-entropy of one row whose columns lie in shards: each has a state of its own, and the
 * merged state has the loss. Nothing but the states, a few kilobytes each, has to be sent.
 *
 * Error: at most 4 ULP of float32, losses near 0 included, for every way to cut the row.
 *
 * Source: Shoeybi et al., Megatron-LM: Training Multi-Billion Parameter Language Models Using Model Parallelism, 2019; as
 * `crossEntropy` has it, the target is in no sum.
 *
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_ISA`
 *
 * @example
 * ```ts
 * import { crossEntropyState } from 'softlane';
 * const left = crossEntropyState().push(Float32Array.of(1, 2));
 * const right = crossEntropyState().push(Float32Array.of(3, 0), 0); // the target is its first column
 * console.log(left.merge(right).finish()); // 0.4402
 * ```
 */
export function crossEntropyState(options: CrossEntropyStateOptions = {}): CrossEntropyState {
  const given = readKnown(NAME, 'options', options, VALID);
  const { labelSmoothing: asked = smoothing.default, ...passed } = given;
  const share = ruleValue(NAME, 'options.labelSmoothing', smoothing, asked);
  return make(
    inTheNameOf(NAME, 'logSumExpState', () => logSumExpState(passed)),
    share,
  );
}
