/** One verification of drafted tokens: its arrays as native code takes them, and what the caller gets. */
import { choice, readKnown, size } from '../check';
import { native } from '../configure';
import { wrongShape, wrongValue } from '../errors';
import { readFloats, widened } from '../input';
import type { InputArray, OperandArray } from '../operator';
import { abortSignal } from '../options';
import { Refusal, SPEC_LENGTH, Spec } from '../spec';
import { tokensOf } from './bias';
import { readIds, readLogits } from './inputs';
import { refusal } from './refusal';
import { readOut, resultArray, writeRun } from './results';
import type { Settings } from './settings';
import { FIELDS, Field, capacityOf, integer, writeLong } from './settings';

/** What is verified, by the number that native/ops/speculate.h has for it. */
export const MODES = ['verify', 'verifyOne', 'backOff'] as const;
export type Mode = (typeof MODES)[number];

/** Places among the operands; native/ops/speculate.h has the same. */
const Place = {
  settings: 0,
  draftSettings: 1,
  draft: 2,
  drafted: 3,
  accepted: 4,
  tokens: 5,
  logProbs: 6,
} as const;

const INPUTS = 4;
const RESULTS = ['accepted', 'tokens', 'logProbs'] as const;
const OPTIONS = ['cols', 'sequences', 'rows', 'step', 'input', 'out', 'dtype', 'threads', 'isa'];
const INPUT_KINDS = ['logits', 'probabilities'] as const;
const MOST_DRAFTED = 2 ** 24;

/** What a speculator remembers from call to call. */
export interface SpeculatorMemory {
  readonly target: Settings;
  readonly draft: Settings;
  step: number;
}

export interface Verified {
  accepted: Int32Array;
  tokens: Int32Array;
  logProbs: Float32Array;
}

/** What a caller hands over, as it came. */
export interface Given {
  readonly target: unknown;
  /** Absent in `backOff`. */
  readonly draft?: unknown;
  readonly tokens: unknown;
  readonly options: unknown;
}

/** A checked call: what `binding.run` and `binding.submit` take. */
export class SpeculateCall {
  readonly spec: Float64Array = new Float64Array(SPEC_LENGTH);
  x: InputArray;
  readonly y = undefined;
  readonly operands: (OperandArray | undefined)[] = [];
  readonly signal: AbortSignal | undefined;
  private readonly cols: number;
  private readonly drafted: number;
  /** The speculator's before this call. */
  private readonly stepBefore: number;

  constructor(
    private readonly memory: SpeculatorMemory,
    private readonly name: Mode,
    call: Given,
    mode: 'sync' | 'async',
  ) {
    const given = this.readOptions(call.options, mode);
    const shape = readLogits(call.target, given['cols'], given['dtype'], name, 'targetLogits');
    this.x = shape.x;
    this.cols = shape.cols;
    this.signal = given['signal'] === undefined ? undefined : abortSignal(name, given['signal']);
    // However many there are.
    if (this.cols === 0 && shape.rows > 0) throw this.error(Refusal.MASKED);
    const tokens = tokensOf('draftTokens', call.tokens, name);
    const sequences = this.countSequences(shape.rows, tokens.length, given['sequences']);
    this.drafted = sequences === 0 ? 0 : tokens.length / sequences;
    this.operands[Place.drafted] = tokens;
    this.operands[Place.draft] =
      name === 'backOff' ? undefined : this.readDraft(call.draft, sequences, shape.format);
    const { step: asked } = given;
    const step = asked === undefined ? memory.step : integer('options.step', asked, name);
    this.stepBefore = memory.step;
    this.writeSpec(given, memory, sequences, shape.format);
    this.writeSettings(memory, readIds(given['rows'], sequences, name), step);
    this.writeResults(given['out'], sequences);
    // Last: a call that is refused here is no step.
    memory.step = step + 1;
  }

  /** Nor is one that native code refused, where nothing else is pending. */
  takeBack(): void {
    this.memory.step = this.stepBefore;
  }

  private readOptions(options: unknown, mode: 'sync' | 'async'): Record<string, unknown> {
    const names = mode === 'async' ? [...OPTIONS, 'signal'] : OPTIONS;
    return readKnown(this.name, 'options', options === undefined ? {} : options, names);
  }

  /** A line of n tokens has n + 1 rows of the target, several tokens for one place have one, a line to leave has n. */
  private countSequences(rows: number, tokens: number, given: unknown): number {
    const { name } = this;
    const found = { verify: rows - tokens, verifyOne: rows, backOff: rows > 0 ? 1 : 0 }[name];
    const sequences = given === undefined ? found : size(name, 'options.sequences', given, 0);
    const each = sequences === 0 ? tokens : tokens / sequences;
    const wanted = { verify: sequences + tokens, verifyOne: sequences, backOff: tokens }[name];
    const right =
      sequences >= 0 &&
      Number.isInteger(each) &&
      rows === wanted &&
      (sequences > 0 || tokens === 0) &&
      (name !== 'backOff' || sequences === 0 || each > 0);
    if (!right) {
      const expected = {
        verify: 'have a row for each of draftTokens and one more for each sequence',
        verifyOne: 'have a row for each sequence, and draftTokens as many tokens for each',
        backOff: 'have a row for each of draftTokens',
      }[name];
      throw wrongShape(name, 'targetLogits', expected, `${rows} rows and ${tokens} tokens`);
    }
    if (each > MOST_DRAFTED) {
      throw wrongShape(name, 'draftTokens', `have at most ${MOST_DRAFTED} a sequence`, `${each}`);
    }
    return sequences;
  }

  private readDraft(given: unknown, sequences: number, format: number): Float32Array {
    const { name, cols, drafted } = this;
    const input = readFloats(name, 'draftLogits', given, format);
    const { array } = input;
    const needed = sequences * (name === 'verify' ? drafted : 1) * cols;
    if (array.length !== needed) {
      const rows = name === 'verify' ? 'each of draftTokens' : 'each sequence';
      const expected = `have a row of ${cols} columns for ${rows}, ${needed} elements`;
      throw wrongShape(name, 'draftLogits', expected, `${array.length} elements`);
    }
    return widened(input);
  }

  /** Results of a sequence. */
  private get width(): number {
    return { verify: this.drafted + 1, verifyOne: 1, backOff: this.drafted }[this.name];
  }

  private writeSpec(
    given: Readonly<Record<string, unknown>>,
    { target, draft }: SpeculatorMemory,
    sequences: number,
    format: number,
  ): void {
    const { spec, name, cols } = this;
    // Where there are no lines to leave, they have a token each.
    const drafted = name === 'backOff' && sequences === 0 ? 1 : this.drafted;
    const kind = choice(name, 'options.input', INPUT_KINDS, given['input'] ?? 'logits');
    const changes = [target, draft].some((each) => each.changes);
    if (INPUT_KINDS[kind] === 'probabilities' && changes) {
      const expected = '"logits", as this speculator has a temperature or a step that cuts';
      throw wrongValue(name, 'options.input', expected, INPUT_KINDS[kind]);
    }
    // It follows those of the catalogue and the sampler.
    spec[Spec.op] = native().operators.length + 1;
    writeRun(name, given, spec);
    spec[Spec.xFormat] = format;
    spec[Spec.rows] = sequences;
    const rows = name === 'verify' ? drafted + 1 : name === 'verifyOne' ? 1 : drafted;
    spec[Spec.cols] = spec[Spec.xStride] = rows * cols;
    spec[Spec.yStride] = 1;
    const capacity = Math.max(...[target, draft].map((each) => capacityOf(each, cols, 0)));
    spec.set([MODES.indexOf(name), cols, drafted, kind, capacity], Spec.temperature);
  }

  private writeSettings(
    { target, draft }: SpeculatorMemory,
    ids: Float64Array,
    step: number,
  ): void {
    for (const [place, { fields }] of [
      [Place.settings, target],
      [Place.draftSettings, draft],
    ] as const) {
      const lines = new Float64Array(ids.length * FIELDS);
      ids.forEach((id, row) => {
        lines.set(fields, row * FIELDS);
        lines[row * FIELDS + Field.rowNumber] = id;
        writeLong(lines, row * FIELDS + Field.stepLow, step);
      });
      this.operands[place] = lines;
    }
  }

  private writeResults(given: unknown, sequences: number): void {
    const { name, operands } = this;
    const found = readOut(name, given, RESULTS);
    for (const part of RESULTS) {
      const element = part === 'logProbs' ? 'float32' : 'int32';
      const needed = sequences * (part === 'accepted' ? 1 : this.width);
      operands[Place[part]] = resultArray(name, part, element, found[part], needed);
    }
  }

  /** Lets go of the inputs, which native code has copied. */
  letGo(): void {
    this.x = NOTHING;
    this.operands.fill(undefined, 0, INPUTS);
  }

  finish(): Verified {
    return {
      accepted: this.operands[Place.accepted] as Int32Array,
      tokens: this.operands[Place.tokens] as Int32Array,
      logProbs: this.operands[Place.logProbs] as Float32Array,
    };
  }

  error(status: number): Error {
    const { name, cols } = this;
    const both = name === 'backOff' ? 'targetLogits' : 'targetLogits and draftLogits';
    return refusal(name, status, [this.x, ...this.operands], {
      [Refusal.NAN]: [`${both} to have no NaN and no +Infinity`, 'one in sequence'],
      [Refusal.MASKED]: [
        name === 'backOff'
          ? 'every place to have a token that is not masked, and one of them another than was drawn'
          : `every row of ${both} to have a token that is not masked`,
        'none in sequence',
      ],
      [Refusal.TOKEN]: [
        `draftTokens to have only tokens below ${cols}, the number of columns`,
        `${this.operands[Place.drafted]?.find((token) => token >= cols) ?? 'another'} in sequence`,
      ],
      [Refusal.DISTRIBUTION]: [
        `every row of ${both} to be probabilities, at least 0 and adding up to 1 within 0.001`,
        'another in sequence',
      ],
      [Refusal.DRAFTED]: [
        'every drafted token to have a probability where it was drawn from, after the steps that cut',
        'one without in sequence',
      ],
    });
  }
}

const NOTHING = new Float32Array(0);
