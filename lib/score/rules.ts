/** What the keys of a job may hold: of a file of JSON (scale/job-file.ts), and of a call. */
import { readKnown } from '../check';
import { wrongType, wrongValue } from '../errors';

/** Whether a value is right, and what it has to be. */
export interface Rule {
  readonly expected: string;
  readonly type: 'string' | 'number' | 'boolean' | 'object' | 'function';
  check(value: unknown): boolean;
}
export type Rules = Readonly<Record<string, Rule>>;

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const text: Rule = {
  expected: 'a string that is not empty',
  type: 'string',
  check: (value) => typeof value === 'string' && value !== '',
};
export const number: Rule = {
  expected: 'a finite number',
  type: 'number',
  check: (value) => Number.isFinite(value),
};
export const flag: Rule = {
  expected: 'true or false',
  type: 'boolean',
  check: (value) => typeof value === 'boolean',
};
export const badRows: Rule = {
  expected: '"keep" or "stop"',
  type: 'string',
  check: (value) => value === 'keep' || value === 'stop',
};
export const listOf = (rule: Rule): Rule => ({
  expected: `a list, each ${rule.expected}`,
  type: 'object',
  check: (value) => Array.isArray(value) && value.every((each) => rule.check(each)),
});
export const mapOf = (rule: Rule): Rule => ({
  expected: `an object, each value ${rule.expected}`,
  type: 'object',
  check: (value) => isObject(value) && Object.values(value).every((each) => rule.check(each)),
});

/** The members of an object of a call by these rules; one that is undefined is absent. `prefix`: before their names. */
export function readRuled(
  operator: string,
  argument: string,
  value: unknown,
  rules: Rules,
  { needed = [], prefix = '' }: { readonly needed?: readonly string[]; readonly prefix?: string },
): Record<string, unknown> {
  const known = readKnown(operator, argument, value, Object.keys(rules));
  for (const [key, { expected, type, check }] of Object.entries(rules)) {
    const each = known[key];
    if (each === undefined && !needed.includes(key)) continue;
    if (check(each)) continue;
    const wrong = typeof each === type && each !== null ? wrongValue : wrongType;
    throw wrong(operator, prefix + key, expected, each);
  }
  return known;
}
