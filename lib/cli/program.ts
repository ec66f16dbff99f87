import { Command, type CommanderError, Option } from 'commander';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OptionRule } from '../operator';
import { operations } from '../score/operation';
import { MAX_THREADS } from '../spec';
import { exitCodes, UsageError } from './failure';
import { addLab, type LabActions } from './lab-program';
import { table } from './output';

/** The options of `softlane score` as they were typed. */
export interface ScoreFlags {
  readonly op?: string;
  readonly out: string;
  readonly isa?: string;
  readonly threads?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly force?: boolean;
  /** The options of operations, by the name of the API. */
  readonly [option: string]: unknown;
}

export interface Actions {
  score(file: string, flags: ScoreFlags): Promise<void>;
  ops(flags: { readonly json?: boolean }): void;
  info(file: string | undefined, flags: { readonly json?: boolean }): Promise<void>;
  lab: LabActions;
}

/** The version in package.json, which lies two folders above this file in the sources and in the package. */
export function packageVersion(): string {
  const text = readFileSync(join(__dirname, '..', '..', 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** maskedRow -> masked-row */
export function flagName(option: string): string {
  return option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Every option that some operation has, with the rule of the first that has it. */
export function operationOptions(): ReadonlyMap<string, OptionRule> {
  const rules = new Map<string, OptionRule>();
  for (const { options } of operations) {
    for (const [name, rule] of Object.entries(options)) {
      if (!rules.has(name)) rules.set(name, rule);
    }
  }
  return rules;
}

function threadsOf(text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : NaN;
  if (count >= 1 && count <= MAX_THREADS) return count;
  throw new UsageError(
    `score: expected --threads to be an integer from 1 to ${MAX_THREADS}, received ${JSON.stringify(text)}`,
  );
}

function operationTable(): string {
  return table(operations.map(({ name, summary }) => [`  ${name}`, summary]));
}

/** The command line: what it takes and how it explains itself. What is done is in `actions`. */
export function makeProgram(actions: Actions): Command {
  const program = new Command('softlane')
    .description('The last mile of inference on the CPU: logits in, probabilities and scores out.')
    .version(packageVersion(), '-V, --version', 'print the version and exit')
    .helpOption('-h, --help', 'explain a command and exit')
    .helpCommand('help [command]', 'explain a command and exit')
    .configureOutput({ outputError: () => undefined })
    .showSuggestionAfterError(false);
  refine(program);

  const score = program
    .command('score')
    .summary('score a .npy file of logits')
    .description(
      'Scores FILE.npy (little-endian float32, C order, one or two dimensions; one dimension is one row) ' +
        'row by row and writes the results as .npy, complete or not at all. The file may be larger than ' +
        'memory; two rows with their results have to fit.',
    )
    .argument('<FILE.npy>', 'logits, a row each')
    .option('--op <name>', `what to compute: ${operations.map(({ name }) => name).join(', ')}`)
    .requiredOption('--out <FILE.npy>', 'where the results go');
  for (const [name, rule] of operationOptions()) {
    const value = rule.kind === 'choice' ? 'name' : 'number';
    score.option(`--${flagName(name)} <${value}>`, optionHelp(rule));
  }
  score
    .option('--isa <name>', 'instruction set, one that `softlane info` lists (default: the best)')
    .addOption(
      new Option(
        '--threads <count>',
        'threads to compute with (default: the CPUs allowed)',
      ).argParser(threadsOf),
    )
    .option('--force', 'overwrite an existing output')
    .option('--json', 'print a summary as one line of JSON, the last of standard output')
    .option('--quiet', 'print no progress and no summary for people')
    .addHelpText('after', () => `\nOperations:\n${operationTable()}\n\n${exitCodeText()}`)
    .action((file: string, flags: ScoreFlags) => actions.score(file, flags));
  refine(score);

  const ops = program
    .command('ops')
    .summary('list the operators')
    .description(
      'Prints the catalogue of operators, and the operations that `score` makes of them.',
    )
    .option('--json', 'as JSON')
    .action((flags: { json?: boolean }) => actions.ops(flags));
  refine(ops);

  const info = program
    .command('info')
    .summary('tell what this machine or a file has')
    .description(
      'Prints what this CPU offers and what softlane uses of it, or what a .npy file holds.',
    )
    .argument('[FILE.npy]', 'a file to describe')
    .option('--json', 'as JSON')
    .action((file: string | undefined, flags: { json?: boolean }) => actions.info(file, flags));
  refine(info);

  addLab(program, actions.lab, refine);

  program.addHelpText(
    'after',
    () =>
      `\n${exitCodeText()}\n\nEnvironment:\n` +
      table([
        ['  SOFTLANE_ISA', 'instruction set, as --isa'],
        ['  SOFTLANE_THREADS', 'threads, as --threads'],
        [
          '  SOFTLANE_VERIFY',
          'check results against float64: always, off, or a share such as 0.01',
        ],
        ['  SOFTLANE_DEBUG', 'print the stack of an error'],
      ]),
  );
  return program;
}

function exitCodeText(): string {
  return `Exit codes:\n${table(exitCodes.map(([code, meaning]) => [`  ${code}`, meaning]))}`;
}

function optionHelp(rule: OptionRule): string {
  const values = rule.kind === 'choice' ? `: ${rule.values.join(', ')}` : '';
  return `${rule.summary}${values} (default: ${rule.default})`;
}

/** Makes a parse failure of this command an error that lists what is valid. */
function refine(command: Command): void {
  command.exitOverride((error) => {
    if (error.exitCode === 0 || error.code === 'commander.help') throw error;
    throw new UsageError(usageText(command, error));
  });
}

function usageText(command: Command, error: CommanderError): string {
  const sentence = error.message.replace(/^error: /, '').replace(/\.$/, '');
  const name = command.parent === null ? '' : `${command.name()}: `;
  const help = command.createHelp();
  if (error.code === 'commander.unknownOption') {
    const options = help.visibleOptions(command).map((option) => option.long ?? option.flags);
    return `${name}${sentence}; the options are ${options.join(', ')}`;
  }
  if (error.code === 'commander.unknownCommand') {
    const commands = help.visibleCommands(command).map((other) => other.name());
    return `${name}${sentence}; the commands are ${commands.join(', ')}`;
  }
  return `${name}${sentence}`;
}
