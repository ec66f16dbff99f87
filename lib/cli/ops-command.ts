import { catalogue } from '../catalogue';
import type { Operator, OptionRule } from '../operator';
import { commandName, operations } from '../score/operation';
import { print, table } from './output';
import { packageVersion } from './program';

/** `softlane ops`. */
export function runOps({ json = false }: { readonly json?: boolean }): void {
  print(json ? JSON.stringify(opsData(), null, 2) : opsText());
}

/** What `--op` takes and the catalogue does not have. */
const composed = operations.filter(({ line }) => line === undefined);

function opsData(): object {
  return {
    version: packageVersion(),
    operators: catalogue.map((line) => ({
      ...line,
      cli: commandName(line),
      options: optionsData(line.options),
      oracle: line.oracle.name,
    })),
    compositions: composed.map(({ name, summary, options, uses }) => ({
      cli: name,
      summary,
      uses,
      options: optionsData(options),
    })),
  };
}

function optionsData(options: Readonly<Record<string, OptionRule>>): object {
  return Object.fromEntries(
    Object.entries(options).map(([name, rule]) => [
      name,
      rule.kind === 'choice'
        ? { values: rule.values, default: rule.default, summary: rule.summary }
        : { expected: rule.expected, default: rule.default, summary: rule.summary },
    ]),
  );
}

function boundText({ bound }: Operator): string {
  return bound.maxUlp === 0 ? 'exact' : `${bound.maxUlp} ULP`;
}

function opsText(): string {
  const lines = catalogue.map((line) => [
    commandName(line),
    line.name,
    line.family,
    line.driver,
    line.formats.join(' '),
    boundText(line),
    Object.keys(line.options).join(' ') || '-',
    line.summary,
  ]);
  const head = [
    '--op',
    'name',
    'family',
    'driver',
    'formats',
    'error',
    'options',
    'what it computes',
  ];
  const made = composed.map(({ name, summary, uses, options }) => [
    name,
    uses.join(' + '),
    Object.keys(options).join(' ') || '-',
    summary,
  ]);
  return `${table([head, ...lines])}\n\nComposed of these by \`softlane score\`:\n${table([
    ['--op', 'of', 'options', 'what it computes'],
    ...made,
  ])}`;
}
