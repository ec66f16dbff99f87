/** A job as a file of JSON: what `softlane submit` takes. Its keys are those of a job of `softlane/score`. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { SoftlaneFileError, inputError } from '../errors';
import type { JobOptions } from '../job-types';
import {
  badRows,
  flag,
  isObject,
  listOf,
  mapOf,
  number,
  text,
  type Rule,
  type Rules,
} from '../rules';

const file: Rule = {
  expected: 'a file, not a stream',
  type: 'string',
  check: (value) => text.check(value) && value !== '-',
};
const parameter: Rule = {
  expected: 'a string, a number, true or false',
  type: 'string',
  check: (value) => [text, number, flag].some((rule) => rule.check(value)),
};

const outputRules: Rules = {
  path: file,
  op: text,
  parameters: mapOf(parameter),
  parts: listOf(text),
};
const metricsRules: Rules = { path: file, bins: number, temperature: number };
const jobRules: Rules = {
  inputs: listOf(file),
  outputs: { expected: 'a list of objects with path and op', type: 'object', check: Array.isArray },
  metrics: { expected: 'an object with path', type: 'object', check: isObject },
  inFormat: text,
  outFormat: text,
  labels: file,
  labelColumn: text,
  beside: mapOf(file),
  head: file,
  reject: file,
  badRows,
  verify: number,
  checksum: flag,
  manifest: file,
  partBytes: number,
};
/** What every worker decides for itself. */
const ofWorker = ['threads', 'isa', 'limitMemory', 'blockBytes'];

function checkAll(
  path: string,
  where: string,
  value: unknown,
  rules: Rules,
  needed: readonly string[],
): void {
  const refuse = (reason: string): never => {
    throw new SoftlaneFileError('ERR_SOFTLANE_JOB_OPTIONS', path, reason);
  };
  if (!isObject(value)) refuse(`expected ${where === '' ? 'a job' : where} to be an object`);
  for (const [key, each] of Object.entries(value as object) as [string, unknown][]) {
    const name = `${where}${where === '' ? '' : '.'}${key}`;
    if (ofWorker.includes(key)) refuse(`${name} is the worker's to say: softlane worker --help`);
    if (!Object.hasOwn(rules, key)) {
      refuse(`does not take ${name}; it has ${Object.keys(rules).join(', ')}`);
    }
    const { expected, check } = rules[key]!;
    if (!check(each))
      refuse(`expected ${name} to be ${expected}, received ${JSON.stringify(each)}`);
  }
  for (const key of needed) {
    if (!Object.hasOwn(value as object, key)) refuse(`has no ${where}${where && '.'}${key}`);
  }
}

/** The job that a value describes; its files are those seen from `folder`. */
export function jobFrom(value: unknown, path: string, folder = dirname(path)): JobOptions {
  checkAll(path, '', value, jobRules, ['inputs']);
  const job = value as JobOptions;
  const outputs = job.outputs ?? [];
  outputs.forEach((output, i) =>
    checkAll(path, `outputs[${i}]`, output, outputRules, ['path', 'op']),
  );
  const { metrics } = job;
  if (metrics !== undefined) checkAll(path, 'metrics', metrics, metricsRules, ['path']);
  // Workers start in other folders.
  const absolute = (name: string): string => resolve(folder, name);
  const each = (name: string | undefined): string | undefined =>
    name === undefined ? undefined : absolute(name);
  const beside = job.beside && Object.entries(job.beside);
  return withoutUndefined({
    ...job,
    inputs: job.inputs.map(absolute),
    outputs: outputs.map((output) => ({ ...output, path: absolute(output.path) })),
    metrics: metrics && { ...metrics, path: absolute(metrics.path) },
    labels: each(job.labels),
    beside: beside && Object.fromEntries(beside.map(([name, from]) => [name, absolute(from)])),
    head: each(job.head),
    reject: each(job.reject),
    manifest: each(job.manifest),
  });
}

function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;
}

export async function readJobFile(path: string): Promise<JobOptions> {
  const bytes = await readFile(path, 'utf8').catch((error: unknown) => {
    throw inputError(path, error);
  });
  let value: unknown;
  try {
    value = JSON.parse(bytes);
  } catch (error) {
    const reason = `is not JSON: ${(error as Error).message}`;
    throw new SoftlaneFileError('ERR_SOFTLANE_JOB_OPTIONS', path, reason, error);
  }
  return jobFrom(value, path, dirname(resolve(path)));
}
