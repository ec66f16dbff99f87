/** Checks of single values: what is allowed, and the error that says so. */
import { listOf, unknownOption, wrongType, wrongValue } from './errors';
import type { OptionRule } from './operator';
import { MAX_THREADS } from './spec';

/**
 * Options and settings. Only own properties are read, so an object that may keep its content elsewhere (a Map, a
 * Promise, an instance with getters of its class) is refused: it would silently count as empty.
 */
export function plainObject(
  operator: string,
  argument: string,
  value: unknown,
): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && isPlain(value)) {
    return value as Record<string, unknown>;
  }
  throw wrongType(operator, argument, 'a plain object', value);
}

/** The members of a plain object, each read once, of which no others may be there than these. */
export function readKnown(
  operator: string,
  argument: string,
  value: unknown,
  names: readonly string[],
): Record<string, unknown> {
  const known = Object.create(null) as Record<string, unknown>;
  const source = plainObject(operator, argument, value);
  for (const key of Object.keys(source)) {
    if (!names.includes(key)) throw unknownOption(operator, key, names, argument);
    known[key] = source[key];
  }
  return known;
}

/** Options of one call over those that are for all: one that is undefined is absent. */
export function overridden(
  usual: Readonly<Record<string, unknown>>,
  own: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const all = { ...usual };
  for (const [key, value] of Object.entries(own)) if (value !== undefined) all[key] = value;
  return all;
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype === null || prototype === Object.prototype) return true;
  // The Object.prototype of another realm: nothing above it, and hasOwnProperty its own.
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'hasOwnProperty');
}

/** Length, count or stride: an exact integer from `min` on. */
export function size(operator: string, argument: string, value: unknown, min: number): number {
  if (typeof value !== 'number') throw wrongType(operator, argument, integerFrom(min), value);
  if (!Number.isSafeInteger(value) || value < min) {
    throw wrongValue(operator, argument, integerFrom(min), value);
  }
  // -0 becomes 0
  return value + 0;
}

function integerFrom(min: number): string {
  return min === 0 ? 'a non-negative integer below 2^53' : 'a positive integer below 2^53';
}

/** `others`: what the caller takes beside a number, for the error. */
export function threadCount(
  operator: string,
  argument: string,
  value: unknown,
  others = '',
): number {
  const expected = `an integer from 1 to ${MAX_THREADS}${others}`;
  if (typeof value !== 'number') throw wrongType(operator, argument, expected, value);
  if (!Number.isInteger(value) || value < 1 || value > MAX_THREADS) {
    throw wrongValue(operator, argument, expected, value);
  }
  return value;
}

/** One of a list, all of one type: its place. */
export function choice(
  operator: string,
  argument: string,
  values: readonly (string | boolean)[],
  value: unknown,
): number {
  const index = values.indexOf(value as string | boolean);
  if (index >= 0) return index;
  const wrong = typeof value === typeof values[0] ? wrongValue : wrongType;
  throw wrong(operator, argument, listOf(values), value);
}

export function ruleValue(
  operator: string,
  argument: string,
  rule: OptionRule,
  value: unknown,
): number {
  if (rule.kind === 'choice') return choice(operator, argument, rule.values, value);
  if (typeof value !== 'number') throw wrongType(operator, argument, rule.expected, value);
  if (!rule.check(value)) throw wrongValue(operator, argument, rule.expected, value);
  return value;
}
