/** Options of the sampler that name tokens. */
import { types } from 'node:util';
import { plainObject } from '../check';
import { requireAttached } from '../elements';
import { wrongType, wrongValue } from '../errors';

/** What is added to the logits of some tokens. */
export interface Bias {
  readonly tokens: Int32Array;
  readonly values: Float32Array;
}

export const NO_BIAS: Bias = { tokens: new Int32Array(0), values: new Float32Array(0) };

const TOKEN = 'a token, an integer from 0 to 2147483647';

export function requireToken(argument: string, value: unknown, name: string): number {
  if (typeof value !== 'number') throw wrongType(name, argument, TOKEN, value);
  if (!Number.isInteger(value) || value < 0 || value > 0x7fffffff) {
    throw wrongValue(name, argument, TOKEN, value);
  }
  return value;
}

/** A Map, or a plain object whose keys are tokens. */
export function readBias(operator: string, argument: string, value: unknown): Bias {
  const entries = types.isMap(value)
    ? [...value.entries()]
    : Object.entries(plainObject(operator, argument, value)).map(
        ([key, each]) => [/^(0|[1-9][0-9]*)$/.test(key) ? Number(key) : key, each] as const,
      );
  const tokens = new Int32Array(entries.length);
  const values = new Float32Array(entries.length);
  entries.forEach(([token, bias], i) => {
    tokens[i] = requireToken(`a key of ${argument}`, token, operator);
    const name = `${argument}[${tokens[i]}]`;
    const expected = 'a number that is finite as float32, or -Infinity';
    if (typeof bias !== 'number') throw wrongType(operator, name, expected, bias);
    values[i] = bias;
    if (!Number.isFinite(values[i]) && bias !== -Infinity) {
      throw wrongValue(operator, name, expected, bias);
    }
  });
  return { tokens, values };
}

/** An Int32Array as it is, an array of numbers as one. */
export function tokensOf(argument: string, value: unknown, name: string): Int32Array {
  if (types.isInt32Array(value)) {
    if (value.length === 0) requireAttached(name, argument, value);
    return value;
  }
  if (!Array.isArray(value)) {
    throw wrongType(name, argument, 'an Int32Array or an array of tokens', value);
  }
  return Int32Array.from(value as unknown[], (token, i) =>
    requireToken(`${argument}[${i}]`, token, name),
  );
}
