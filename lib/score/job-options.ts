/** What a job is asked to do, checked before any file is opened. */
import { ruleValue, threadCount } from '../check';
import { isaIndex } from '../configure';
import { listOf, unknownOption, wrongValue } from '../errors';
import { temperatureOption } from '../operator';
import { placeOf } from './atomic-file';
import type { BadRowPolicy } from './bad-rows';
import type { Format } from './format';
import { formatNamed, inputFormats, outputFormats } from './formats';
import type { JobOptions, OutputOptions } from './job-types';
import { findOperation, operations, type Operation, type Request } from './operation';

export interface CheckedOutput extends Request {
  readonly path: string;
  readonly operation: Operation;
}

export interface CheckedJob {
  readonly outputs: readonly CheckedOutput[];
  readonly inFormat: Format | undefined;
  readonly outFormat: Format | undefined;
  readonly policy: BadRowPolicy;
  /** Whether something asks for labels. */
  readonly labelled: boolean;
}

const name = 'score';

function formatOf(
  argument: string,
  text: string | undefined,
  among: readonly Format[],
): Format | undefined {
  if (text === undefined) return undefined;
  const found = formatNamed(text, among);
  if (found !== undefined) return found;
  throw wrongValue(name, argument, listOf(among.map((format) => format.name)), text);
}

export function checkOutput(
  { path, op, parameters = {}, parts = [] }: OutputOptions,
  caller = name,
): CheckedOutput {
  const operation = findOperation(op);
  if (operation === undefined) {
    throw wrongValue(caller, 'op', listOf(operations.map((each) => each.name)), op);
  }
  for (const [key, value] of Object.entries(parameters)) {
    const rule = Object.hasOwn(operation.options, key) ? operation.options[key] : undefined;
    if (rule === undefined) throw unknownOption(op, key, Object.keys(operation.options));
    ruleValue(op, key, rule, value);
  }
  const known = operation.parts.map((part) => part.name);
  for (const part of parts) {
    if (!known.includes(part)) throw wrongValue(op, 'an optional output', listOf(known), part);
  }
  if (operation.lists !== undefined && parts.length === 0) {
    throw wrongValue(op, operation.lists, `one or more of ${known.join(', ')}`, parts);
  }
  return { path, operation, parameters, parts };
}

/** The files of a job in the order of its outputs, metrics and the reject file last. */
export function outputPaths({ outputs, metrics, reject }: JobOptions): string[] {
  const paths = [...outputs.map(({ path }) => path), metrics?.path, reject];
  return paths.filter((path) => path !== undefined);
}

/** Where the journal of a job is: beside its first output. */
export function journalPath(options: JobOptions): string | undefined {
  const first = options.outputs[0]?.path ?? options.metrics?.path;
  return first === undefined || first === '-' ? undefined : `${first}.job`;
}

/** Refuses what no file could make right. */
export function checkJob(options: JobOptions): CheckedJob {
  const { threads, isa, metrics, verify, beside = {} } = options;
  if (options.inputs.length === 0) throw wrongValue(name, 'inputs', 'one input at least', []);
  const outputs = options.outputs.map((output) => checkOutput(output));
  if (outputs.length === 0 && metrics === undefined) {
    throw wrongValue(name, 'outputs', 'one output at least', []);
  }
  const paths = [...outputPaths(options), options.manifest, journalPath(options)];
  const files = { metrics: metrics?.path, reject: options.reject, manifest: options.manifest };
  for (const [key, path] of Object.entries(files)) {
    if (path === '-')
      throw wrongValue(name, key, 'a file, as standard output is for results', path);
  }
  const given = paths.filter((path) => path !== undefined);
  const places = given.map(placeOf);
  const twice = given.find((_, i) => places.indexOf(places[i]!) !== i);
  if (twice !== undefined) throw wrongValue(name, 'outputs', 'a file for each', twice);
  if (threads !== undefined) threadCount(name, 'threads', threads);
  if (isa !== undefined) isaIndex(name, 'isa', isa);
  for (const key of ['blockBytes', 'partBytes', 'limitMemory'] as const) {
    const value = options[key];
    if (value !== undefined && !(value >= 1))
      throw wrongValue(name, key, 'a positive number', value);
  }
  if (verify !== undefined && !(verify >= 0 && verify <= 1)) {
    throw wrongValue(name, 'verify', 'a share from 0 to 1', verify);
  }
  const bins = metrics?.bins ?? 15;
  if (!(Number.isInteger(bins) && bins >= 1 && bins <= 100_000)) {
    throw wrongValue(name, 'metrics.bins', 'a whole number from 1 to 100000', bins);
  }
  if (metrics?.temperature !== undefined) {
    ruleValue(name, 'metrics.temperature', temperatureOption, metrics.temperature);
  }
  const hasLabels = options.labels !== undefined || options.labelColumn !== undefined;
  let labelled = metrics !== undefined && hasLabels;
  for (const { operation, parts } of outputs) {
    for (const { name: input, optional } of operation.inputs) {
      const needed =
        !optional ||
        operation.parts.some((part) => parts.includes(part.name) && part.needs === input);
      const has = input === 'targets' ? hasLabels : Object.hasOwn(beside, input);
      if (input === 'targets') labelled ||= has;
      if (needed && !has) {
        const expected =
          input === 'targets' ? 'a file or a column (--labels)' : `a file (--with ${input}=FILE)`;
        throw wrongValue(name, `the ${input} of ${operation.name}`, expected, undefined);
      }
    }
  }
  const read = outputs.flatMap(({ operation }) => operation.inputs.map((input) => input.name));
  const known = [...new Set(read)].filter((each) => each !== 'targets');
  for (const key of Object.keys(beside)) {
    if (known.includes(key)) continue;
    if (known.length > 0) throw unknownOption(name, key, known, 'beside (--with)');
    throw wrongValue(name, 'beside (--with)', 'absent, as no operation reads rows of it', key);
  }
  // Operators that throw at a NaN cannot keep its row, and know that of their block alone; this names it in its file.
  const throwsAtNaN = outputs.some(
    ({ operation, parameters }) =>
      Object.hasOwn(operation.options, 'nan') && parameters['nan'] !== 'masked',
  );
  return {
    outputs,
    inFormat: formatOf('inFormat', options.inFormat, inputFormats),
    outFormat: formatOf('outFormat', options.outFormat, outputFormats),
    policy:
      options.reject !== undefined ? 'reject' : throwsAtNaN ? 'stop' : (options.badRows ?? 'keep'),
    labelled,
  };
}
