/** One call of a sampler: its arrays as native code takes them, and what the caller gets. */
import { types } from 'node:util';
import { plainObject, size } from '../check';
import { native } from '../configure';
import { kinds, requireAttached } from '../elements';
import { wrongShape, wrongType, wrongValue } from '../errors';
import type { InputArray, OperandArray } from '../operator';
import { abortSignal } from '../options';
import { Refusal, SPEC_LENGTH, Spec } from '../spec';
import { firstBeyond } from '../status';
import { tokensOf } from './bias';
import { Joined, readIds, readLogits, requireOneARow } from './inputs';
import type { CallOptions } from './options';
import { ASKED, NO_OPTIONS, readOptions } from './options';
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
/** What the sampler remembers from call to call. */
export interface Memory {
  readonly given: Readonly<Record<string, unknown>>;
  readonly settings: Settings;
  step: number;
  /** Mirostat's bound on the surprise, in bits, by the number of the row. */
  readonly surprise: Map<number, number>;
  /** What the last synchronous call has left for the next one. */
  idle?: Frame | undefined;
}

/** Arrays of a call that no caller sees, and that cost more to make than a short row to sample. */
interface Frame {
  readonly spec: Float64Array;
  readonly lines: Float64Array;
  readonly operands: (OperandArray | undefined)[];
  /** What few results of a synchronous call are written to, by their places. */
  readonly few: (OperandArray | undefined)[] | undefined;
}

/** Results that the engine would keep among its objects. */
const FEW = 16;

function frameOf(memory: Memory | undefined, rows: number): Frame {
  const idle = memory?.idle;
  // A getter among the options may use the sampler meanwhile: that call makes arrays of its own.
  if (memory !== undefined) memory.idle = undefined;
  if (idle?.lines.length !== rows * FIELDS) {
    const lines = new Float64Array(rows * FIELDS);
    const operands = new Array<undefined>(PLACES).fill(undefined);
    const few = memory === undefined ? undefined : [...operands];
    return { spec: new Float64Array(SPEC_LENGTH), lines, operands, few };
  }
  idle.spec.fill(0);
  return idle;
}

export interface Sampled {
  tokens: Int32Array;
  logProbs: Float32Array;
  rawLogProbs?: Float32Array;
  filtered?: Float32Array;
}

/** A checked call: what `binding.run` and `binding.submit` take. */
export class SampleCall {
  readonly spec: Float64Array;
  x: InputArray;
  readonly y = undefined;
  readonly operands: (OperandArray | undefined)[];
  readonly signal: AbortSignal | undefined;
  readonly rows: number;
  readonly cols: number;
  private readonly ids: Float64Array;
  private readonly frame: Frame;
  private readonly settings: Settings[];

  constructor(
    private readonly memory: Memory,
    logits: unknown,
    options: unknown,
    mode: 'sync' | 'async',
  ) {
    const given = options === undefined ? NO_OPTIONS : readOptions(options, mode);
    const shape = readLogits(logits, given.cols, given.dtype);
    this.x = shape.x;
    this.rows = shape.rows;
    this.cols = shape.cols;
    this.signal = given.signal === undefined ? undefined : abortSignal(NAME, given.signal);
    // However many there are.
    if (this.cols === 0 && this.rows > 0) throw refusal(NAME, Refusal.MASKED, [], REASONS);
    const frame = frameOf(mode === 'sync' ? memory : undefined, this.rows);
    this.frame = frame;
    this.spec = frame.spec;
    this.spec[Spec.xFormat] = shape.format;
    this.operands = frame.operands;
    this.settings = this.readRows(given.perRow);
    this.ids = readIds(given.rows, this.rows);
    this.writeSpec(given);
    this.writeInputs(given);
    this.writeResults(given);
    // Last: a call that is refused here is no step.
    memory.step = this.step + 1;
  }

  /** Nor is one that native code refused, where nothing else is pending. */
  takeBack(): void {
    this.memory.step = this.step;
  }

  private step = 0;

  /** Of a row: its options, over those of the sampler. */
  private readRows(perRow: unknown): Settings[] {
    const { given, settings } = this.memory;
    if (perRow === undefined) return this.forEachRow(settings);
    if (!Array.isArray(perRow)) {
      throw wrongType(NAME, 'options.perRow', 'an array of options', perRow);
    }
    this.requireOneARow('options.perRow', perRow.length);
    return Array.from(perRow as unknown[], (each, row) => {
      if (each === undefined) return settings;
      const argument = `options.perRow[${row}]`;
      return readSettings({ ...given, ...plainObject(NAME, argument, each) }, argument);
    });
  }

  private forEachRow<T>(value: T): T[] {
    return this.rows === 1 ? [value] : new Array<T>(this.rows).fill(value);
  }

  private requireOneARow(argument: string, length: number): void {
    requireOneARow(NAME, argument, length, this.rows);
  }

  private writeSpec(given: CallOptions): void {
    const { spec } = this;
    const flag = (name: 'replacement' | (typeof ASKED)[number], otherwise: boolean): boolean => {
      const value = given[name] ?? otherwise;
      if (typeof value === 'boolean') return value;
      throw wrongType(NAME, `options.${name}`, 'true or false', value);
    };
    const nan = given.nan ?? 'throw';
    if (nan !== 'throw' && nan !== 'masked') {
      throw (typeof nan === 'string' ? wrongValue : wrongType)(
        NAME,
        'options.nan',
        '"throw" or "masked"',
        nan,
      );
    }
    // It follows those of the catalogue.
    spec[Spec.op] = native().operators.length;
    writeRun(NAME, given, spec);
    spec[Spec.rows] = this.rows;
    spec[Spec.cols] = spec[Spec.xStride] = this.cols;
    spec[Spec.yStride] = 1;
    const draws = given.count === undefined ? 1 : size(NAME, 'options.count', given.count, 1);
    const distinct = !flag('replacement', true) && draws > 1;
    const most = distinct ? Math.max(this.cols, 1) : 0x7fffffff;
    if (draws > most) {
      const expected = distinct
        ? `at most the number of columns (${this.cols}), as none is drawn twice`
        : 'at most 2147483647';
      throw wrongValue(NAME, 'options.count', expected, draws);
    }
    for (const { fields, mirostat } of this.settings) {
      if (draws === 1) break;
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
    for (const name of ASKED) {
      if (flag(name, false)) this.operands[Place[name]] = new Float32Array(0);
    }
    const param = (place: number, value: number): void => {
      spec[Spec.temperature + place] = value;
    };
    param(4, draws);
    param(5, distinct ? 0 : 1);
    param(6, nan === 'masked' ? 1 : 0);
    this.step = given.step === undefined ? this.memory.step : integer('options.step', given.step);
  }

  private writeInputs(given: CallOptions): void {
    const { cols, settings, spec, operands } = this;
    const { lines } = this.frame;
    const histories = this.readHistories(given.history);
    const prompts = this.readPrompts(given.promptLength, histories);
    const history = new Joined<Int32Array>(Int32Array);
    const biasTokens = new Joined<Int32Array>(Int32Array);
    const biasValues = new Joined<Float32Array>(Float32Array);
    const breakers = new Joined<Int32Array>(Int32Array);
    const masks = this.readMasks(given.allowed);
    let mostHistory = 0;
    let mostAdjusted = 0;
    settings.forEach((each, row) => {
      const line = row * FIELDS;
      lines.set(each.fields, line);
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
      lines[line + Field.rowNumber] = this.ids[row];
      writeLong(lines, line + Field.stepLow, this.step);
      if (each.mirostat !== undefined) {
        const bound = this.memory.surprise.get(this.ids[row]) ?? 2 * each.mirostat.tau;
        lines[line + Field.epsilon] = Math.min(2 ** -bound, 1);
      }
      mostHistory = Math.max(mostHistory, seen.length);
      mostAdjusted = Math.max(mostAdjusted, seen.length + each.bias.tokens.length);
    });
    operands[Place.settings] = lines;
    operands[Place.history] = history.whole();
    operands[Place.biasTokens] = biasTokens.whole();
    operands[Place.biasValues] = biasValues.whole();
    operands[Place.breakers] = breakers.whole();
    operands[Place.allowed] = masks > 0 ? (given.allowed as Uint32Array) : undefined;
    const param = (place: number, value: number): void => {
      spec[Spec.temperature + place] = value;
    };
    param(0, history.total);
    param(1, biasTokens.total);
    param(2, breakers.total);
    param(3, masks);
    param(7, mostAdjusted);
    param(8, mostHistory);
    let capacity = 0;
    for (const { fields } of settings) {
      capacity = Math.max(capacity, capacityOf(fields, cols, mostAdjusted));
    }
    param(9, capacity);
  }

  /** The tokens so far of every row. */
  private readHistories(value: unknown): Int32Array[] {
    const { rows } = this;
    if (value === undefined) return this.forEachRow(NOTHING);
    const single = types.isInt32Array(value) || (Array.isArray(value) && isNumbers(value));
    if (single && rows === 1) return [tokensOf('options.history', value)];
    if (!Array.isArray(value) || single) {
      const expected =
        rows === 1 ? 'an Int32Array or an array of tokens' : 'an array with the tokens of each row';
      throw wrongType(NAME, 'options.history', expected, value);
    }
    this.requireOneARow('options.history', value.length);
    return Array.from(value as unknown[], (each, row) => tokensOf(`options.history[${row}]`, each));
  }

  private readPrompts(value: unknown, histories: readonly Int32Array[]): number[] {
    const { rows } = this;
    if (value === undefined) return new Array<number>(rows).fill(0);
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
    const { operands, spec } = this;
    const { few } = this.frame;
    const drawn = this.rows * spec[Spec.temperature + 4];
    const found = readOut(NAME, given.out, RESULTS);
    for (const name of RESULTS) {
      const element = name === 'tokens' ? 'int32' : 'float32';
      const needed = name === 'filtered' ? this.rows * this.cols : drawn;
      const array = found[name];
      const optional = (ASKED as readonly string[]).includes(name);
      const asked = !optional || operands[Place[name]] !== undefined || array !== undefined;
      if (!asked) {
        operands[Place[name]] = undefined;
      } else if (array === undefined && few !== undefined && needed <= FEW) {
        operands[Place[name]] = few[Place[name]] ??= new kinds[element].make(FEW);
      } else {
        operands[Place[name]] = resultArray(NAME, name, element, array, needed);
      }
    }
  }

  /** What the caller gets for an operand that was written. */
  private resultAt(place: number): OperandArray | undefined {
    const array = this.operands[place];
    if (array === undefined || array !== this.frame.few?.[place]) return array;
    const width = place === Place.filtered ? this.cols : this.spec[Spec.temperature + 4];
    return copyOfFirst(array, this.rows * width);
  }

  /** Leaves its arrays to the next call; after the last use of a synchronous one. */
  release(): void {
    const { operands } = this;
    for (let i = 0; i < PLACES; i++) operands[i] = undefined;
    this.memory.idle = this.frame;
  }

  /** Lets go of the inputs, which native code has copied. */
  letGo(): void {
    this.x = NO_LOGITS;
    this.operands.fill(undefined, 0, INPUTS);
  }

  finish(): Sampled {
    const { memory, settings, ids } = this;
    const result: Sampled = {
      tokens: this.resultAt(Place.tokens) as Int32Array,
      logProbs: this.resultAt(Place.logProbs) as Float32Array,
    };
    for (const name of ASKED) {
      const array = this.resultAt(Place[name]);
      if (array !== undefined) result[name] = array as Float32Array;
    }
    settings.forEach(({ mirostat }, row) => {
      if (mirostat === undefined) return;
      const { tau, eta } = mirostat;
      const bound = memory.surprise.get(ids[row]) ?? 2 * tau;
      const surprise = -result.logProbs[row] / Math.LN2;
      memory.surprise.set(ids[row], bound - eta * (surprise - tau));
    });
    return result;
  }

  error(status: number): Error {
    return refusal(NAME, status, [this.x, ...this.operands], {
      ...REASONS,
      [Refusal.TOKEN]: this.wrongToken(Math.floor(status / 256)),
    });
  }

  /** The token of a row that is no column, as far as the arrays are still there. */
  private wrongToken(row: number): readonly [expected: string, received: string] {
    const { operands, cols } = this;
    const { lines } = this.frame;
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
const NO_LOGITS = new Float32Array(0);
const NOTHING = new Int32Array(0);

function isNumbers(value: readonly unknown[]): boolean {
  return value.every((each) => typeof each === 'number');
}
