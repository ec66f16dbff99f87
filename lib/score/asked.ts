/** What a program asks for, which no compiler may have seen: unknown keys and wrong types are one sentence. */
import { wrongType, wrongValue } from '../errors';
import { abortSignal } from '../options';
import type { JobOptions, MetricsOptions, OutputOptions } from './job-types';
import {
  badRows,
  flag,
  isObject,
  listOf,
  mapOf,
  number,
  readRuled,
  text,
  type Rule,
  type Rules,
} from './rules';

const object: Rule = { expected: 'an object', type: 'object', check: isObject };
const size: Rule = {
  expected: 'a positive number',
  type: 'number',
  check: (value) => typeof value === 'number' && value >= 1,
};
const call: Rule = {
  expected: 'a function',
  type: 'function',
  check: (value) => typeof value === 'function',
};
/** Checked by what reads them. */
const any: Rule = { expected: 'anything', type: 'object', check: () => true };

const operationRules: Rules = { op: text, parameters: object, parts: listOf(text) };
const outputRules: Rules = { path: text, ...operationRules };
const metricsRules: Rules = { path: text, bins: number, temperature: number };
const jobRules: Rules = {
  inputs: any,
  outputs: { expected: 'a list of objects with path and op', type: 'object', check: Array.isArray },
  metrics: object,
  inFormat: text,
  outFormat: text,
  labels: text,
  labelColumn: text,
  beside: mapOf(text),
  head: text,
  reject: text,
  badRows,
  verify: number,
  resume: flag,
  force: flag,
  checksum: flag,
  manifest: text,
  threads: any,
  isa: any,
  limitMemory: size,
  blockBytes: size,
  partBytes: size,
  signal: any,
  stopped: call,
  onProgress: call,
  onEvent: call,
};

/** A file, or several. */
export function askedInputs(operator: string, inputs: unknown): readonly string[] {
  if (text.check(inputs)) return [inputs as string];
  if (Array.isArray(inputs) && inputs.length > 0 && inputs.every((each) => text.check(each))) {
    return inputs as string[];
  }
  const wrong = typeof inputs === 'string' || Array.isArray(inputs) ? wrongValue : wrongType;
  throw wrong(operator, 'inputs', 'a file or a list of files', inputs);
}

/** The job that `score` is called with. */
export function askedJob(options: unknown): JobOptions {
  const name = 'score';
  const job = readRuled(name, 'options', options, jobRules, {});
  if (job['signal'] !== undefined) abortSignal(name, job['signal']);
  const { metrics, outputs = [] } = job;
  return {
    ...job,
    inputs: askedInputs(name, job['inputs']),
    outputs: (outputs as unknown[]).map((output, i) => {
      const at = `outputs[${i}]`;
      const rules = { needed: ['path', 'op'], prefix: `${at}.` };
      return readRuled(name, at, output, outputRules, rules) as unknown as OutputOptions;
    }),
    metrics:
      metrics === undefined
        ? undefined
        : (readRuled(name, 'metrics', metrics, metricsRules, {
            needed: ['path'],
            prefix: 'metrics.',
          }) as unknown as MetricsOptions),
  };
}

/** What `scoreBatches` is called with. */
export function askedBatches(options: unknown): Record<string, unknown> {
  const name = 'scoreBatches';
  const rules: Rules = { ...operationRules, threads: any, signal: any };
  const asked = readRuled(name, 'options', options, rules, { needed: ['op'] });
  if (asked['signal'] !== undefined) abortSignal(name, asked['signal']);
  return asked;
}

/** What `readRows` is called with. */
export function askedRows(options: unknown): Record<string, unknown> {
  const rules: Rules = {
    batchRows: {
      expected: 'a whole number of at least 1',
      type: 'number',
      check: (value) => Number.isInteger(value) && (value as number) >= 1,
    },
    labelColumn: text,
  };
  return readRuled('readRows', 'options', options, rules, { prefix: 'options.' });
}
