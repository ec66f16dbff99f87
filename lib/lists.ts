/** Lists of numbers of the caller: an array, a typed array, or anything with a length. Each element is read once. */
import { types } from 'node:util';
import { requireAttached } from './elements';
import { orOutOfMemory, wrongShape, wrongType, wrongValue } from './errors';
import type { OperandArray } from './operator';

/** An item each. */
export type Numbers = ArrayLike<number>;
export type Flags = ArrayLike<number | boolean>;

const MOST = 2 ** 32 - 1;

/** What the elements of a list must be, in words and as a check. */
interface Rule {
  readonly expected: string;
  readonly check: (value: number) => boolean;
}

const number: Rule = { expected: 'a number', check: (value) => !Number.isNaN(value) };
const share: Rule = {
  expected: 'a number from 0 to 1',
  check: (value) => value >= 0 && value <= 1,
};
const flag: Rule = {
  expected: 'true or false, 1 or 0',
  check: (value) => value === 0 || value === 1,
};

export function numbersOf(name: string, argument: string, list: unknown): Float64Array {
  return read(name, argument, list, number);
}

export function sharesOf(name: string, argument: string, list: unknown): Float64Array {
  return read(name, argument, list, share);
}

/** Ones and zeros. */
export function flagsOf(name: string, argument: string, list: unknown): Float64Array {
  return read(name, argument, list, flag);
}

/** Throws unless a list has as many elements as another. */
export function requireSameLength(
  name: string,
  argument: string,
  list: Float64Array,
  other: string,
  { length }: { readonly length: number },
): void {
  if (list.length === length) return;
  const expected = `have as many elements as ${other} (${length})`;
  throw wrongShape(name, argument, expected, `${list.length} elements`);
}

function read(name: string, argument: string, list: unknown, rule: Rule): Float64Array {
  if (typeof list !== 'object' || list === null) throw wrongType(name, argument, 'an array', list);
  const values = types.isTypedArray(list)
    ? copyOf(name, argument, list as OperandArray)
    : elementsOf(name, argument, list as Partial<ArrayLike<unknown>>, rule);
  const wrong = values.findIndex((value) => !rule.check(value));
  if (wrong < 0) return values;
  throw wrongValue(name, `${argument}[${wrong}]`, rule.expected, values[wrong]);
}

/** No method of the array, and nothing that it says of itself, is used. */
export function copyOf(name: string, argument: string, list: OperandArray): Float64Array {
  if (types.isBigInt64Array(list) || types.isBigUint64Array(list)) {
    throw wrongType(name, argument, 'an array of numbers', list);
  }
  requireAttached(name, argument, list);
  return orOutOfMemory(
    name,
    () => `a copy of ${argument}`,
    () => new Float64Array(list),
  );
}

function elementsOf(
  name: string,
  argument: string,
  list: Partial<ArrayLike<unknown>>,
  rule: Rule,
): Float64Array {
  // An heir of a typed array, or a proxy of one: asked for its length, it throws.
  if ('BYTES_PER_ELEMENT' in list) throw wrongType(name, argument, 'an array', list);
  const { length } = list;
  const fits = typeof length === 'number' && Number.isInteger(length);
  if (!fits || length < 0 || length > MOST) throw wrongType(name, argument, 'an array', list);
  const values: number[] = [];
  for (let i = 0; i < length; i++) {
    const value = list[i];
    const isFlag = rule === flag && typeof value === 'boolean';
    if (typeof value !== 'number' && !isFlag) {
      throw wrongType(name, `${argument}[${i}]`, rule.expected, value);
    }
    values.push(Number(value));
  }
  return Float64Array.from(values);
}
