/** From what was typed after `softlane score` to the options of a job. */
import { ruleValue } from '../check';
import { listOf } from '../errors';
import type { OptionRule, ParameterValue } from '../operator';
import type { JobOptions, OutputOptions } from '../score/job-types';
import { findOperation, operations, type Operation } from '../score/operation';
import { UsageError } from './failure';
import { flagName, operationOptions, type ScoreFlags, type TypedOutput } from './score-program';

/** The operation that --op names. */
export function operationOf(name: string | undefined): Operation {
  const names = listOf(operations.map((operation) => operation.name));
  if (name === undefined) throw new UsageError(`score: --op is missing; it is ${names}`);
  const operation = findOperation(name);
  if (operation === undefined) {
    throw new UsageError(`score: expected --op to be ${names}, received ${JSON.stringify(name)}`);
  }
  return operation;
}

function parameterOf(flag: string, rule: OptionRule, text: string): ParameterValue {
  if (rule.kind === 'choice') {
    const isFlag = typeof rule.values[0] === 'boolean';
    const value = isFlag && (text === 'true' || text === 'false') ? text === 'true' : text;
    ruleValue('score', flag, rule, value);
    return value;
  }
  const value = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : NaN;
  if (!Number.isFinite(value) || !rule.check(value)) {
    throw new UsageError(
      `score: expected ${flag} to be ${rule.expected}, received ${JSON.stringify(text)}`,
    );
  }
  return value;
}

interface Typed {
  readonly operation: Operation;
  readonly parameters: Record<string, ParameterValue>;
  readonly parts: string[];
  readonly path: string;
}

/** What one --op, its --set and its --out say. */
function outputOf({ op, sets, path }: TypedOutput): Typed {
  const operation = operationOf(op);
  if (path === undefined) throw new UsageError(`score: --out is missing: --op ${op} has none`);
  const parameters: Record<string, ParameterValue> = {};
  const parts: string[] = [];
  const asked = new Map<string, boolean>();
  const { lists, options } = operation;
  const known = operation.parts.map(({ name }) => name);
  for (const [key, text] of sets) {
    if (Object.hasOwn(options, key)) {
      parameters[key] = parameterOf(`--set ${key}`, options[key]!, text);
    } else if (key === lists) {
      parts.push(...text.split(','));
    } else if (lists === undefined && known.includes(key)) {
      if (text !== 'true' && text !== 'false') {
        throw new UsageError(
          `score: expected --set ${key} to be true or false, received ${JSON.stringify(text)}`,
        );
      }
      asked.set(key, text === 'true');
    } else {
      const own = [...Object.keys(options), ...(lists === undefined ? known : [lists])];
      const has = own.length === 0 ? 'no options of its own' : own.join(', ');
      throw new UsageError(`score: ${operation.name} does not take --set ${key}; it has ${has}`);
    }
  }
  for (const [part, isAsked] of asked) if (isAsked) parts.push(part);
  const wrong = parts.find((part) => !known.includes(part));
  if (wrong !== undefined || (lists !== undefined && parts.length === 0)) {
    const problem = wrong === undefined ? 'nothing' : JSON.stringify(wrong);
    throw new UsageError(
      `score: expected --set ${lists} for ${operation.name} to be some of ${known.join(', ')}, received ${problem}`,
    );
  }
  return { operation, parameters, parts, path };
}

/** The flags that are named as options are go to every operation that has the option; one has to. */
function addNamed(flags: ScoreFlags, outputs: readonly Typed[]): number | undefined {
  let temperature: number | undefined;
  for (const [name, rules] of operationOptions()) {
    const text = flags[name];
    if (text === undefined) continue;
    const flag = `--${flagName(name)}`;
    const taking = outputs.filter(({ operation }) => Object.hasOwn(operation.options, name));
    for (const { operation, parameters } of taking) {
      parameters[name] = parameterOf(flag, operation.options[name]!, String(text));
    }
    if (name === 'temperature' && flags.metrics !== undefined) {
      const [first] = rules.values();
      temperature = parameterOf(flag, first!, String(text)) as number;
      continue;
    }
    const [other] = outputs;
    if (taking.length > 0 || other === undefined) continue;
    const own = Object.keys(other.operation.options).map((option) => `--${flagName(option)}`);
    const has = own.length === 0 ? 'no options of its own' : own.join(', ');
    throw new UsageError(`score: ${other.operation.name} does not take ${flag}; it has ${has}`);
  }
  return temperature;
}

function besideOf(texts: readonly string[] = []): Record<string, string> {
  const beside: Record<string, string> = {};
  for (const text of texts) {
    const at = text.indexOf('=');
    if (at < 1) {
      throw new UsageError(
        `score: expected --with to be NAME=FILE, received ${JSON.stringify(text)}`,
      );
    }
    beside[text.slice(0, at)] = text.slice(at + 1);
  }
  return beside;
}

/** How many of the inputs of a job are standard input. */
export function streamsOf({
  inputs,
  labels,
  beside = {},
  head,
}: Pick<JobOptions, 'inputs' | 'labels' | 'beside' | 'head'>): number {
  return [...inputs, labels, head, ...Object.values(beside)].filter((file) => file === '-').length;
}

/** The job that was typed; nothing but the flags has been looked at. */
export function jobOf(files: readonly string[], flags: ScoreFlags): JobOptions {
  if (flags.outputs.length === 0 && flags.metrics === undefined) operationOf(undefined);
  const typed = flags.outputs.map(outputOf);
  const temperature = addNamed(flags, typed);
  const beside = besideOf(flags.with);
  if (streamsOf({ inputs: files, labels: flags.labels, beside, head: flags.head }) > 1)
    throw new UsageError('score: expected standard input to be one input, received two');
  if (typed.filter(({ path }) => path === '-').length > 1) {
    throw new UsageError('score: expected --out - once, received it twice');
  }
  const { metrics, bins } = flags;
  return {
    inputs: files,
    inFormat: flags.inFormat,
    outFormat: flags.outFormat,
    outputs: typed.map(({ operation, parameters, parts, path }): OutputOptions => ({
      op: operation.name,
      parameters,
      parts,
      path,
    })),
    metrics: metrics === undefined ? undefined : { path: metrics, bins, temperature },
    labels: flags.labels,
    labelColumn: flags.labelColumn,
    beside,
    head: flags.head,
    reject: flags.reject,
    badRows: flags.badRows,
    verify: flags.verify,
    resume: flags.resume,
    force: flags.force,
    checksum: flags.checksum,
    manifest: flags.manifest,
    limitMemory: flags.limitMemory,
    partBytes: flags.partSize,
    threads: flags.threads,
    isa: flags.isa,
  };
}
