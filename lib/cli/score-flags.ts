import { ruleValue } from '../check';
import { listOf } from '../errors';
import type { OptionRule } from '../operator';
import { findOperation, operations, type Operation } from '../score/operation';
import { UsageError } from './failure';
import { flagName, operationOptions, type ScoreFlags } from './program';

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

/** The operation's own options from the flags, each checked by the operation's rule. */
export function parametersOf(
  operation: Operation,
  flags: ScoreFlags,
): Record<string, number | string> {
  const parameters: Record<string, number | string> = {};
  for (const name of operationOptions().keys()) {
    const text = flags[name];
    if (text === undefined) continue;
    const flag = `--${flagName(name)}`;
    const rule = Object.hasOwn(operation.options, name) ? operation.options[name] : undefined;
    if (rule === undefined) {
      const own = Object.keys(operation.options).map((option) => `--${flagName(option)}`);
      const has = own.length === 0 ? 'no options of its own' : own.join(', ');
      throw new UsageError(`score: ${operation.name} does not take ${flag}; it has ${has}`);
    }
    parameters[name] = parameterOf(flag, rule, String(text));
  }
  return parameters;
}

function parameterOf(flag: string, rule: OptionRule, text: string): number | string {
  if (rule.kind === 'choice') {
    ruleValue('score', flag, rule, text);
    return text;
  }
  const value = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : NaN;
  if (!Number.isFinite(value) || !rule.check(value)) {
    throw new UsageError(
      `score: expected ${flag} to be ${rule.expected}, received ${JSON.stringify(text)}`,
    );
  }
  return value;
}
