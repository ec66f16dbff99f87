/** Reading the values of the lab's options, each refused in one sentence. */
import { parseShape, type Shape, MOST_ELEMENTS } from './shapes';
import { UsageError } from '../cli/failure';

/** "a, b or c" */
export function orList(names: readonly string[], word = 'or'): string {
  if (names.length < 2) return names.join('');
  return `${names.slice(0, -1).join(', ')} ${word} ${names[names.length - 1]}`;
}

export function refuse(option: string, expected: string, received: unknown): never {
  throw new UsageError(`lab: expected ${expected} for --${option}, received "${String(received)}"`);
}

export function list(option: string, text: string): string[] {
  const items = text.split(',').map((item) => item.trim());
  if (items.includes('')) refuse(option, 'a list with commas and no empty place', text);
  return [...new Set(items)];
}

/** `names` where each is one of the valid ones. */
export function known(
  option: string,
  names: readonly string[],
  valid: readonly string[],
): string[] {
  const wrong = names.find((name) => !valid.includes(name));
  return wrong === undefined ? [...names] : refuse(option, orList(valid), wrong);
}

export function integer(option: string, text: string, least: number, most: number): number {
  const value = /^\d{1,12}$/.test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  return refuse(option, `an integer from ${least} to ${most}`, text);
}

export function positive(option: string, text: string, most: number): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (value > 0 && value <= most) return value;
  return refuse(
    option,
    `a number greater than 0 and at most ${String(most).replace('+', '')}`,
    text,
  );
}

export function shapeOf(option: string, text: string): Shape {
  const expected = `ROWSxCOLS with 1 to ${MOST_ELEMENTS} elements in all`;
  return parseShape(text) ?? refuse(option, expected, text);
}
