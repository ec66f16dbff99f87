/** One call of a sampler: its arrays as native code takes them, and what the caller gets. */
import { types } from 'node:util';
import { choice, overridden, plainObject, size } from '../check';
import { native } from '../configure';
import { requireAttached } from '../elements';
import { wrongShape, wrongType, wrongValue } from '../errors';
import type { InputArray, OperandArray } from '../operator';
import { abortSignal } from '../options';
import { Refusal, SPEC_LENGTH, Spec } from '../spec';
import { firstBeyond } from '../status';
import { tokensOf } from './bias';
import { Joined, readIds, readLogits, requireOneARow } from './inputs';
import type { CallOptions } from './options';
import { NO_OPTIONS, readOptions } from './options';
import { refusal } from './refusal';
import { copyOfFirst, readOut, resultArray, writeRun } from './results';
import type { Settings } from './settings';
import {
  FIELDS,
  Field,
  METHODS,
  NAME,
  capacityOf,
  integer,
  readSettings,
  writeLong,
} from './settings';

/** Places among the operands; native/ops/sample.h has the same. */
const Place = {
  settings: 0,
  history: 1,
  biasTokens: 2,
  biasValues: 3,
  breakers: 4,
  allowed: 5,
  tokens: 6,
  logProbs: 7,
  rawLogProbs: 8,
  filtered: 9,
} as const;

const PLACES = 10;
const INPUTS = 6;
const RESULTS = ['tokens', 'logProbs', 'rawLogProbs', 'filtered'] as const;

/** Parameters behind the head of the spec; native/ops/sample_settings.h has the same. */
const Param = {
  historyLength: Spec.temperature,
  biasLength: Spec.temperature + 1,
  breakersLength: Spec.temperature + 2,
  masks: Spec.temperature + 3,
  draws: Spec.temperature + 4,
  replacement: Spec.temperature + 5,
  maskNaN: Spec.temperature + 6,
  mostAdjusted: Spec.temperature + 7,
  mostHistory: Spec.temperature + 8,
  capacity: Spec.temperature + 9,
} as const;

/** What the sampler remembers from call to call. */
export interface Memory {
  readonly given: Readonly<Record<string, unknown>>;
  readonly settings: Settings;
  step: number;
  /** Mirostat's bound on the surprise, in bits, by the number of the row. */
  readonly surprise: Map<number, number>;
  /** The last synchronous call, to be the next one. */
  idle?: SampleCall | undefined;
}

/** Results that the engine would keep among its objects. */
const FEW = 16;

/** Whose settings a call that is left to the next one may hold. */
const MOST_ROWS_KEPT = 1024;

export interface Sampled {
  tokens: Int32Array;
  logProbs: Float32Array;
  rawLogProbs?: Float32Array;
  filtered?: Float32Array;
}

/**
 * A checked call: what `binding.run` and `binding.submit` take. A synchronous one is left to the next: its arrays cost
 * more to make than a short row to sample, and while there is no object of this class, each full garbage collection
 * throws away the compiled code of all its methods, which doubles the time of the calls that follow.
 */
export class SampleCall {
  readonly spec: Float64Array = new Float64Array(SPEC_LENGTH);
  readonly operands = new Array<OperandArray | undefined>(PLACES).fill(undefined);
  x: InputArray = NO_LOGITS;
  readonly y = undefined;
  signal: AbortSignal | undefined = undefined;
  rows = 0;
  cols = 0;
  private step = 0;
  /** The sampler's before this call. */
  private stepBefore = 0;
  private ids: Float64Array = NO_NUMBERS;
  private settings: readonly Settings[] = NO_SETTINGS;
  private lines: Float64Array = NO_NUMBERS;
  private readonly history = new Joined<Int32Array>(Int32Array);
  private readonly biasTokens = new Joined<Int32Array>(Int32Array);
  private readonly biasValues = new Joined<Float32Array>(Float32Array);
  private readonly breakers = new Joined<Int32Array>(Int32Array);
  /** What few results of a synchronous call are written to. */
  private readonly fewTokens: Int32Array | undefined;
  private readonly fewLogProbs: Float32Array | undefined;

  private constructor(
    private readonly memory: Memory,
    private readonly mode: 'sync' | 'async',
  ) {
    this.fewTokens = mode === 'sync' ? new Int32Array(FEW) : undefined;
    this.fewLogProbs = mode === 'sync' ? new Float32Array(FEW) : undefined;
  }

  static of(memory: Memory, mode: 'sync' | 'async', logits: unknown, options: unknown): SampleCall {
    let call = mode === 'sync' ? memory.idle : undefined;
    if (call === undefined) call = new SampleCall(memory, mode);
    // A getter among the options may use the sampler meanwhile: that call makes one of its own.
    else memory.idle = undefined;
    call.read(logits, options);
    return call;
  }

  private read(logits: unknown, options: unknown): void {
    const given = options === undefined ? NO_OPTIONS : readOptions(options, this.mode);
    const shape = readLogits(logits, given.cols, given.dtype);
    this.x = shape.x;
    this.rows = shape.rows;
    this.cols = shape.cols;
    if (given.signal !== undefined) this.signal = abortSignal(NAME, given.signal);
    // However many there are.
    if (this.cols === 0 && this.rows > 0) throw refusal(NAME, Refusal.MASKED, [], REASONS);
    this.settings = this.readRows(given.perRow);
    this.ids = readIds(given.rows, this.rows);
    this.writeSpec(given, shape.format);
    this.writeInputs(given);
    this.writeResults(given);
    // Last: a call that is refused here is no step.
    this.stepBefore = this.memory.step;
    this.memory.step = this.step + 1;
  }

  /** Nor is one that native code refused, where nothing else is pending. */
  takeBack(): void {
    this.memory.step = this.stepBefore;
  }

  /** Of a row: its options, over those of the sampler. */
  private readRows(perRow: unknown): readonly Settings[] {
    const { given, settings } = this.memory;
    if (perRow === undefined) return this.forEachRow(settings);
    if (!Array.isArray(perRow)) {
      throw wrongType(NAME, 'options.perRow', 'an array of options', perRow);
    }
    this.requireOneARow('options.perRow', perRow.length);
    return Array.from(perRow as unknown[], (each, row) => {
      if (each === undefined) return settings;
      const argument = `options.perRow[${row}]`;
      return readSettings(overridden(given, plainObject(NAME, argument, each)), argument);
    });
  }

  private forEachRow<T>(value: T): T[] {
    return this.rows === 1 ? [value] : new Array<T>(this.rows).fill(value);
  }

  private requireOneARow(argument: string, length: number): void {
    requireOneARow(NAME, argument, length, this.rows);
  }

  private writeSpec(given: CallOptions, format: number): void {
    const { spec, memory, rows, cols } = this;
    // It follows those of the catalogue.
    spec[Spec.op] = native().operators.length;
    writeRun(NAME, given, spec);
    spec[Spec.xFormat] = format;
    spec[Spec.rows] = rows;
    spec[Spec.cols] = spec[Spec.xStride] = cols;
    spec[Spec.yStride] = 1;
    const nan = choice(NAME, 'options.nan', ON_NAN, given.nan ?? 'throw');
    const draws = given.count === undefined ? 1 : size(NAME, 'options.count', given.count, 1);
    const distinct = !flag('replacement', given.replacement ?? true) && draws > 1;
    if (draws > 1) this.requireDraws(draws, distinct);
    spec[Param.draws] = draws;
    spec[Param.replacement] = distinct ? 0 : 1;
    spec[Param.maskNaN] = nan;
    this.step = given.step === undefined ? memory.step : integer('options.step', given.step);
  }

  /** Whether so many tokens of a row can be drawn. */
  private requireDraws(draws: number, distinct: boolean): void {
    const most = distinct ? Math.max(this.cols, 1) : 0x7fffffff;
    if (draws > most) {
      const expected = distinct
        ? `at most the number of columns (${this.cols}), as none is drawn twice`
        : 'at most 2147483647';
      throw wrongValue(NAME, 'options.count', expected, draws);
    }
    for (const { fields, mirostat } of this.settings) {
      const method = METHODS[fields[Field.method]];
      const alone =
        mirostat !== undefined
          ? 'mirostat'
          : method === 'greedy'
            ? 'method "greedy"'
            : method === 'gumbel' && !distinct
              ? 'method "gumbel" and replacement'
              : undefined;
      if (alone !== undefined) throw wrongValue(NAME, 'options.count', `1 with ${alone}`, draws);
    }
  }

  private writeInputs(given: CallOptions): void {
    const { rows, cols, settings, spec, operands, ids, step, memory } = this;
    const { history, biasTokens, biasValues, breakers } = this;
    const histories = this.readHistories(given.history);
    const prompts = this.readPrompts(given.promptLength, histories);
    const masks = this.readMasks(given.allowed);
    if (this.lines.length !== rows * FIELDS) this.lines = new Float64Array(rows * FIELDS);
    const { lines } = this;
    let mostHistory = 0;
    let mostAdjusted = 0;
    for (let row = 0; row < rows; row++) {
      const each = settings[row];
      const line = row * FIELDS;
      // set() is a call into the engine, which takes longer than so few.
      for (let field = 0; field < FIELDS; field++) lines[line + field] = each.fields[field];
      const seen = each.usesHistory ? histories[row] : NOTHING;
      const begin = history.add(seen);
      const end = begin + seen.length;
      lines[line + Field.historyBegin] = begin;
      lines[line + Field.historyEnd] = end;
      lines[line + Field.historyGenerated] = Math.min(begin + prompts[row], end);
      const { tokens, values } = each.bias;
      const bias = biasTokens.add(tokens);
      biasValues.add(values);
      lines[line + Field.biasBegin] = bias;
      lines[line + Field.biasEnd] = bias + tokens.length;
      const first = breakers.add(each.breakers);
      lines[line + Field.breakersBegin] = first;
      lines[line + Field.breakersEnd] = first + each.breakers.length;
      if (masks > 0) lines[line + Field.allowedMask] = masks === 1 ? 0 : row;
      lines[line + Field.rowNumber] = ids[row];
      writeLong(lines, line + Field.stepLow, step);
      if (each.mirostat !== undefined) {
        const bound = memory.surprise.get(ids[row]) ?? 2 * each.mirostat.tau;
        lines[line + Field.epsilon] = Math.min(2 ** -bound, 1);
      }
      mostHistory = Math.max(mostHistory, seen.length);
      mostAdjusted = Math.max(mostAdjusted, seen.length + tokens.length);
    }
    let capacity = 0;
    for (const each of settings) {
      capacity = Math.max(capacity, capacityOf(each, cols, mostAdjusted));
    }
    spec[Param.historyLength] = history.total;
    spec[Param.biasLength] = biasTokens.total;
    spec[Param.breakersLength] = breakers.total;
    spec[Param.masks] = masks;
    spec[Param.mostAdjusted] = mostAdjusted;
    spec[Param.mostHistory] = mostHistory;
    spec[Param.capacity] = capacity;
    operands[Place.settings] = lines;
    operands[Place.history] = history.take();
    operands[Place.biasTokens] = biasTokens.take();
    operands[Place.biasValues] = biasValues.take();
    operands[Place.breakers] = breakers.take();
    operands[Place.allowed] = masks > 0 ? (given.allowed as Uint32Array) : undefined;
  }

  /** The tokens so far of every row. */
  private readHistories(value: unknown): Int32Array[] {
    const { rows } = this;
    if (value === undefined) return this.forEachRow(NOTHING);
    const isList = Array.isArray(value) && isNumbers(value) && (value.length > 0 || rows === 1);
    const single = types.isInt32Array(value) || isList;
    if (single && rows === 1) return [tokensOf('options.history', value, NAME)];
    if (!Array.isArray(value) || single) {
      const expected =
        rows === 1 ? 'an Int32Array or an array of tokens' : 'an array with the tokens of each row';
      throw wrongType(NAME, 'options.history', expected, value);
    }
    this.requireOneARow('options.history', value.length);
    return Array.from(value as unknown[], (each, row) =>
      tokensOf(`options.history[${row}]`, each, NAME),
    );
  }

  private readPrompts(value: unknown, histories: readonly Int32Array[]): number[] {
    const { rows } = this;
    if (value === undefined) return this.forEachRow(0);
    if (Array.isArray(value)) this.requireOneARow('options.promptLength', value.length);
    return Array.from({ length: rows }, (_, row) => {
      const one: unknown = Array.isArray(value) ? value[row] : value;
      const argument = Array.isArray(value)
        ? `options.promptLength[${row}]`
        : 'options.promptLength';
      const length = integer(argument, one);
      if (length <= histories[row].length) return length;
      const expected = `at most the length of the history of row ${row} (${histories[row].length})`;
      throw wrongValue(NAME, argument, expected, length);
    });
  }

  /** How many masks there are: none, one for all rows, or one for each. */
  private readMasks(value: unknown): number {
    if (value === undefined) return 0;
    if (!types.isUint32Array(value)) {
      throw wrongType(NAME, 'options.allowed', 'a Uint32Array', value);
    }
    if (value.length === 0) requireAttached(NAME, 'options.allowed', value);
    const words = Math.ceil(this.cols / 32);
    if (value.length === words && words > 0) return 1;
    if (value.length === words * this.rows) return this.rows;
    const expected = `have ${words} elements, a bit a column, or as many for each of ${this.rows} rows`;
    throw wrongShape(NAME, 'options.allowed', expected, `${value.length} elements`);
  }

  private writeResults(given: CallOptions): void {
    const { operands, rows, cols } = this;
    const drawn = rows * this.spec[Param.draws];
    const { tokens, logProbs, rawLogProbs, filtered } = readOut(NAME, given.out, RESULTS);
    const asksRaw = flag('rawLogProbs', given.rawLogProbs ?? false);
    const asksFiltered = flag('filtered', given.filtered ?? false);
    const few = drawn <= FEW;
    operands[Place.tokens] =
      (few && tokens === undefined ? this.fewTokens : undefined) ??
      resultArray(NAME, 'tokens', 'int32', tokens, drawn);
    operands[Place.logProbs] =
      (few && logProbs === undefined ? this.fewLogProbs : undefined) ??
      resultArray(NAME, 'logProbs', 'float32', logProbs, drawn);
    operands[Place.rawLogProbs] =
      asksRaw || rawLogProbs !== undefined
        ? resultArray(NAME, 'rawLogProbs', 'float32', rawLogProbs, drawn)
        : undefined;
    operands[Place.filtered] =
      asksFiltered || filtered !== undefined
        ? resultArray(NAME, 'filtered', 'float32', filtered, rows * cols)
        : undefined;
  }

  /** Leaves itself to the next call, without the caller's arrays; after the last use of a synchronous one. */
  release(): void {
    this.x = NO_LOGITS;
    for (let place = 0; place < PLACES; place++) this.operands[place] = undefined;
    this.settings = NO_SETTINGS;
    this.ids = NO_NUMBERS;
    if (this.rows > MOST_ROWS_KEPT) this.lines = NO_NUMBERS;
    this.memory.idle = this;
  }

  /** Lets go of the inputs, which native code has copied. */
  letGo(): void {
    this.x = NO_LOGITS;
    this.operands.fill(undefined, 0, INPUTS);
  }

  finish(): Sampled {
    const { operands } = this;
    const tokens = operands[Place.tokens] as Int32Array;
    const logProbs = operands[Place.logProbs] as Float32Array;
    const drawn = this.rows * this.spec[Param.draws];
    const result: Sampled = {
      tokens: tokens === this.fewTokens ? copyOfFirst(tokens, drawn, Int32Array) : tokens,
      logProbs:
        logProbs === this.fewLogProbs ? copyOfFirst(logProbs, drawn, Float32Array) : logProbs,
    };
    const rawLogProbs = operands[Place.rawLogProbs];
    if (rawLogProbs !== undefined) result.rawLogProbs = rawLogProbs as Float32Array;
    const filtered = operands[Place.filtered];
    if (filtered !== undefined) result.filtered = filtered as Float32Array;
    this.remember(result.logProbs);
    return result;
  }

  /** Where mirostat goes from here. */
  private remember(logProbs: Float32Array): void {
    const { memory, settings, ids, rows } = this;
    for (let row = 0; row < rows; row++) {
      const { mirostat } = settings[row];
      if (mirostat === undefined) continue;
      const { tau, eta } = mirostat;
      const bound = memory.surprise.get(ids[row]) ?? 2 * tau;
      const surprise = -logProbs[row] / Math.LN2;
      memory.surprise.set(ids[row], bound - eta * (surprise - tau));
    }
  }

  error(status: number): Error {
    return refusal(NAME, status, [this.x, ...this.operands], {
      ...REASONS,
      [Refusal.TOKEN]: this.wrongToken(Math.floor(status / 256)),
    });
  }

  /** The token of a row that is no column, as far as the arrays are still there. */
  private wrongToken(row: number): readonly [expected: string, received: string] {
    const { operands, cols, lines } = this;
    const at = (field: number): number => lines[row * FIELDS + field];
    const expected = `to have only tokens below ${cols}, the number of columns`;
    for (const [argument, place, begin, end] of [
      ['history', Place.history, Field.historyBegin, Field.historyEnd],
      ['logitBias', Place.biasTokens, Field.biasBegin, Field.biasEnd],
    ] as const) {
      const first = at(begin);
      const wrong = firstBeyond(operands[place], at(end) - first, cols, (k) => first + k);
      if (wrong !== undefined) return [`options.${argument} ${expected}`, `${wrong} for row`];
    }
    return [`options.history and options.logitBias ${expected}`, 'another for row'];
  }
}

const REASONS = {
  [Refusal.NAN]: [
    "logits to have no NaN and no +Infinity (nan: 'masked' takes a NaN for a masked token)",
    'one in row',
  ],
  [Refusal.MASKED]: ['every row to have a token that is not masked', 'none in row'],
} as const;
const ON_NAN = ['throw', 'masked'];
const NO_LOGITS = new Float32Array(0);
const NO_NUMBERS = new Float64Array(0);
const NO_SETTINGS: readonly Settings[] = [];
const NOTHING = new Int32Array(0);

function flag(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw wrongType(NAME, `options.${name}`, 'true or false', value);
}

function isNumbers(value: readonly unknown[]): boolean {
  return value.every((each) => typeof each === 'number');
}
