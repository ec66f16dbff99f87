/** The settings of a row as native code takes them: a line of doubles. Names and places are those of sample_settings.h. */
import { unknownOption, wrongType, wrongValue } from '../errors';
import { choice, plainObject, ruleValue } from '../check';
import type { NumberRule } from '../operator';
import { temperatureOption } from '../operator';
import type { Bias } from './bias';
import { NO_BIAS, readBias, tokensOf } from './bias';

export const NAME = 'sample';

export const Field = {
  method: 0,
  temperature: 1,
  topK: 2,
  topP: 3,
  minP: 4,
  typicalP: 5,
  topNSigma: 6,
  epsilon: 7,
  eta: 8,
  xtcThreshold: 9,
  xtcProbability: 10,
  repetitionPenalty: 11,
  frequencyPenalty: 12,
  presencePenalty: 13,
  noRepeatNgram: 14,
  dryMultiplier: 15,
  dryBase: 16,
  dryAllowedLength: 17,
  seedLow: 18,
  seedHigh: 19,
  rowNumber: 20,
  stepLow: 21,
  stepHigh: 22,
  historyBegin: 23,
  historyGenerated: 24,
  historyEnd: 25,
  biasBegin: 26,
  biasEnd: 27,
  breakersBegin: 28,
  breakersEnd: 29,
  allowedMask: 30,
  adjustOrder: 31,
  cutOrder: 32,
} as const;

export const FIELDS = 33;

export const METHODS = ['multinomial', 'gumbel', 'greedy'] as const;

/** Steps that change logits, by number from 1 on, and steps that cut tokens. */
export const ADJUSTING = [
  'logitBias',
  'repetitionPenalty',
  'frequencyPenalty',
  'presencePenalty',
  'noRepeatNgram',
  'dry',
] as const;
export const CUTTING = [
  'temperature',
  'topNSigma',
  'topK',
  'topP',
  'minP',
  'typicalP',
  'epsilon',
  'eta',
  'xtc',
] as const;

export type Step = (typeof ADJUSTING)[number] | (typeof CUTTING)[number];

/** That of transformers, and for what it does not have, of llama.cpp. */
export const DEFAULT_ORDER: readonly Step[] = [...ADJUSTING, ...CUTTING];

function rule(
  index: number,
  off: number,
  expected: string,
  check: (value: number) => boolean,
): NumberRule {
  return { kind: 'number', index, default: off, expected, check, summary: '' };
}

const share = (v: number): boolean => v > 0 && v <= 1;
const count = (v: number): boolean => Number.isSafeInteger(v) && v >= 0;
const finite = (v: number): boolean => Number.isFinite(v);

/** Options that are one number. */
const RULES: Readonly<Record<string, NumberRule>> = {
  temperature: { ...temperatureOption, index: Field.temperature },
  topK: rule(Field.topK, 0, 'a non-negative integer below 2^53 (0: all)', count),
  topP: rule(Field.topP, 1, 'a number greater than 0, at most 1 (1: all)', share),
  minP: rule(Field.minP, 0, 'a number from 0 to 1 (0: all)', (v) => v >= 0 && v <= 1),
  typicalP: rule(Field.typicalP, 1, 'a number greater than 0, at most 1 (1: all)', share),
  topNSigma: rule(Field.topNSigma, -1, 'a number from 0 on', (v) => finite(v) && v >= 0),
  epsilon: rule(Field.epsilon, 0, 'a number from 0 to 1 (0: all)', (v) => v >= 0 && v <= 1),
  eta: rule(Field.eta, 0, 'a number from 0 to 1 (0: all)', (v) => v >= 0 && v <= 1),
  repetitionPenalty: rule(
    Field.repetitionPenalty,
    1,
    'a finite number greater than 0 (1: none)',
    (v) => finite(v) && v > 0,
  ),
  frequencyPenalty: rule(Field.frequencyPenalty, 0, 'a finite number (0: none)', finite),
  presencePenalty: rule(Field.presencePenalty, 0, 'a finite number (0: none)', finite),
  noRepeatNgram: rule(Field.noRepeatNgram, 0, 'a non-negative integer below 2^53 (0: none)', count),
};

/** Options that are an object of numbers; those without a value that is off are required. */
const GROUPS: Readonly<Record<string, Readonly<Record<string, NumberRule>>>> = {
  xtc: {
    threshold: rule(Field.xtcThreshold, 0.1, 'a number greater than 0, at most 1', share),
    probability: rule(Field.xtcProbability, 0.5, 'a number from 0 to 1', (v) => v >= 0 && v <= 1),
  },
  dry: {
    multiplier: rule(
      Field.dryMultiplier,
      0.8,
      'a finite number from 0 on',
      (v) => finite(v) && v >= 0,
    ),
    base: rule(Field.dryBase, 1.75, 'a finite number, at least 1', (v) => finite(v) && v >= 1),
    allowedLength: rule(Field.dryAllowedLength, 2, 'a positive integer', (v) => count(v) && v > 0),
  },
};

const MIROSTAT: Readonly<Record<string, NumberRule>> = {
  tau: rule(0, 5, 'a finite number greater than 0', (v) => finite(v) && v > 0),
  eta: rule(1, 0.1, 'a finite number greater than 0', (v) => finite(v) && v > 0),
};

const OTHERS = ['method', 'logitBias', 'mirostat', 'order', 'seed'];
export const OPTION_NAMES = [...Object.keys(RULES), ...Object.keys(GROUPS), ...OTHERS];

/** The options of a row, checked. */
export interface Settings {
  readonly fields: Float64Array;
  readonly bias: Bias;
  readonly breakers: Int32Array;
  readonly mirostat: { readonly tau: number; readonly eta: number } | undefined;
  readonly usesHistory: boolean;
  /** Whether there is a temperature, or a step that cuts. */
  readonly changes: boolean;
  /** k where top-k is the first step that cuts; 0 where nothing is cut at all, as greedy asks; else Infinity. */
  readonly firstTopK: number;
}

/**
 * Reads options of which each value was read once already. `argument`: how they are called in an error of `name`, which
 * takes `names`.
 */
export function readSettings(
  given: Readonly<Record<string, unknown>>,
  argument: string,
  name = NAME,
  names: readonly string[] = OPTION_NAMES,
): Settings {
  const fields = new Float64Array(FIELDS);
  for (const each of Object.values(RULES)) fields[each.index] = each.default;
  fields[Field.xtcThreshold] = GROUPS['xtc']['threshold'].default;
  fields[Field.allowedMask] = -1;
  let bias = NO_BIAS;
  let breakers: Int32Array = new Int32Array(0);
  let mirostat: Settings['mirostat'];
  let order = DEFAULT_ORDER;
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (!names.includes(key)) throw unknownOption(name, key, names, argument);
    const place = `${argument}.${key}`;
    if (Object.hasOwn(RULES, key)) {
      fields[RULES[key].index] = ruleValue(name, place, ruleOf(key, names), value);
    } else if (Object.hasOwn(GROUPS, key)) {
      const extra = key === 'dry' ? ['breakers'] : [];
      const rest = readGroup(name, place, GROUPS[key], extra, value, fields);
      if (rest['breakers'] !== undefined)
        breakers = tokensOf(`${place}.breakers`, rest['breakers'], name);
    } else if (key === 'mirostat') {
      const numbers = new Float64Array(2);
      readGroup(name, place, MIROSTAT, [], value, numbers);
      mirostat = { tau: numbers[0], eta: numbers[1] };
    } else if (key === 'method') {
      fields[Field.method] = choice(name, place, METHODS, value);
    } else if (key === 'logitBias') {
      bias = readBias(name, place, value);
    } else if (key === 'order') {
      order = readOrder(name, place, value);
    } else if (key === 'seed') {
      writeLong(fields, Field.seedLow, integer(place, value, name));
    }
  }
  requireSteps(name, argument, fields, order, bias);
  if (mirostat !== undefined) requireAlone(name, argument, fields, order);
  fields[Field.adjustOrder] = digits(order, ADJUSTING);
  fields[Field.cutOrder] = digits(order, CUTTING);
  return {
    fields,
    bias,
    breakers,
    mirostat,
    usesHistory: HISTORY.some((step) => isOn(fields, step)),
    changes: CUTTING.some((step) => isOn(fields, step)),
    firstTopK: firstTopK(fields, order),
  };
}

function firstTopK(fields: Float64Array, order: readonly Step[]): number {
  if (fields[Field.method] === METHODS.indexOf('greedy')) return 0;
  const cuts = (step: Step): boolean => step !== 'temperature' && isCutting(step);
  const first = order.find((step) => cuts(step) && isOn(fields, step));
  return first === 'topK' ? fields[Field.topK] : Infinity;
}

/** The rule of an option; that of the temperature says what 0 is asked for. */
function ruleOf(key: string, names: readonly string[]): NumberRule {
  if (key !== 'temperature') return RULES[key];
  const greedy = names.includes('method') ? "method: 'greedy'" : 'topK: 1';
  const expected = `${RULES[key].expected} (${greedy} takes the most likely token)`;
  return { ...RULES[key], expected };
}

/** Writes an integer below 2^53 as two words. */
export function writeLong(fields: Float64Array, place: number, value: number): void {
  fields[place] = value % 2 ** 32;
  fields[place + 1] = Math.floor(value / 2 ** 32);
}

export function integer(argument: string, value: unknown, name = NAME): number {
  return ruleValue(name, argument, rule(0, 0, 'a non-negative integer below 2^53', count), value);
}

/** An object of numbers: those that are absent have their defaults. Returns what else it holds of `extra`. */
function readGroup(
  name: string,
  argument: string,
  rules: Readonly<Record<string, NumberRule>>,
  extra: readonly string[],
  value: unknown,
  into: Float64Array,
): Record<string, unknown> {
  const source = plainObject(name, argument, value);
  for (const each of Object.values(rules)) into[each.index] = each.default;
  const rest = Object.create(null) as Record<string, unknown>;
  for (const key of Object.keys(source)) {
    const found = source[key];
    if (extra.includes(key)) rest[key] = found;
    else if (!Object.hasOwn(rules, key)) {
      throw unknownOption(name, key, [...Object.keys(rules), ...extra], argument);
    } else if (found !== undefined) {
      into[rules[key].index] = ruleValue(name, `${argument}.${key}`, rules[key], found);
    }
  }
  return rest;
}

function readOrder(name: string, argument: string, value: unknown): readonly Step[] {
  if (!Array.isArray(value)) throw wrongType(name, argument, 'an array of steps', value);
  const steps = Array.from(value as unknown[], (step, i) => {
    choice(name, `${argument}[${i}]`, DEFAULT_ORDER, step);
    return step as Step;
  });
  steps.forEach((step, i) => {
    if (steps.indexOf(step) !== i) {
      throw wrongValue(name, `${argument}[${i}]`, 'a step that is not in it before', step);
    }
    const late = i > 0 && isCutting(steps[i - 1]) && !isCutting(step);
    if (!late) return;
    const expected = `before ${CUTTING.join(', ')}, as it changes logits`;
    throw wrongValue(name, `${argument}[${i}]`, expected, step);
  });
  return steps;
}

function isCutting(step: Step): boolean {
  return (CUTTING as readonly string[]).includes(step);
}

const HISTORY: readonly Step[] = [
  'repetitionPenalty',
  'frequencyPenalty',
  'presencePenalty',
  'noRepeatNgram',
  'dry',
];

function isOn(fields: Float64Array, step: Step): boolean {
  if (step === 'xtc') return fields[Field.xtcProbability] > 0;
  if (step === 'dry') return fields[Field.dryMultiplier] > 0;
  if (step === 'logitBias') return false;
  return fields[Field[step]] !== RULES[step].default;
}

/** An option that is on needs its step: leaving one out of the order is no way to turn it off in silence. */
function requireSteps(
  name: string,
  argument: string,
  fields: Float64Array,
  order: readonly Step[],
  bias: Bias,
): void {
  for (const step of DEFAULT_ORDER) {
    if (order.includes(step) || !(isOn(fields, step) || (step === 'logitBias' && bias !== NO_BIAS)))
      continue;
    const expected = `an order with the step ${JSON.stringify(step)}, which ${argument}.${step} asks for`;
    throw wrongValue(name, `${argument}.order`, expected, order.join(', '));
  }
}

/** Mirostat is a cut of its own, in the place of epsilon. */
function requireAlone(
  name: string,
  argument: string,
  fields: Float64Array,
  order: readonly Step[],
): void {
  if (!order.includes('epsilon')) {
    const expected = 'an order with the step "epsilon", in whose place mirostat cuts';
    throw wrongValue(name, `${argument}.order`, expected, order.join(', '));
  }
  for (const step of CUTTING) {
    if (step === 'temperature' || !isOn(fields, step)) continue;
    const expected = `absent beside ${argument}.mirostat, which decides alone what is cut`;
    const field = step === 'xtc' ? Field.xtcProbability : Field[step];
    throw wrongValue(name, `${argument}.${step}`, expected, fields[field]);
  }
}

/** The steps of one kind as hexadecimal digits, the first lowest. */
function digits(order: readonly Step[], kind: readonly string[]): number {
  return order
    .filter((step) => kind.includes(step))
    .reduce((sum, step, i) => sum + (kind.indexOf(step) + 1) * 16 ** i, 0);
}

/** Candidates that a row's work may have to keep; the same in native/ops/filter.h. */
export function capacityOf({ firstTopK }: Settings, cols: number, adjusted: number): number {
  if (firstTopK === 0) return 0;
  return firstTopK < cols ? Math.min(2 * firstTopK + 1024 + adjusted, cols) : cols;
}
