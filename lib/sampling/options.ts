/** What a call of a sampler takes beside the logits. */
import { plainObject } from '../check';
import { unknownOption } from '../errors';
import { NAME } from './settings';

const OPTIONS = [
  'cols',
  'history',
  'promptLength',
  'allowed',
  'perRow',
  'rows',
  'step',
  'count',
  'replacement',
  'rawLogProbs',
  'filtered',
  'nan',
  'out',
  'dtype',
  'threads',
  'isa',
] as const;

/** The options of a call, each read once. The fields are always the same: engines are slow with objects that grow. */
export type CallOptions = { readonly [N in (typeof OPTIONS)[number] | 'signal']: unknown };

function noOptions(): { -readonly [N in keyof CallOptions]: unknown } {
  return {
    cols: undefined,
    history: undefined,
    promptLength: undefined,
    allowed: undefined,
    perRow: undefined,
    rows: undefined,
    step: undefined,
    count: undefined,
    replacement: undefined,
    rawLogProbs: undefined,
    filtered: undefined,
    nan: undefined,
    out: undefined,
    dtype: undefined,
    threads: undefined,
    isa: undefined,
    signal: undefined,
  };
}

export const NO_OPTIONS: CallOptions = noOptions();

export function readOptions(options: unknown, mode: 'sync' | 'async'): CallOptions {
  const names: readonly string[] = mode === 'async' ? [...OPTIONS, 'signal'] : OPTIONS;
  const source = plainObject(NAME, 'options', options);
  const given = noOptions();
  for (const key of Object.keys(source)) {
    if (!names.includes(key)) throw unknownOption(NAME, key, names);
    given[key as keyof CallOptions] = source[key];
  }
  return given;
}
