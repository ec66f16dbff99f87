import { Command, type CommanderError } from 'commander';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes, UsageError } from './failure';
import { addLab, type LabActions } from './lab-program';
import { table } from './output';
import { addScale, type ScaleActions } from './scale-program';
import { addScore, type ScoreFlags } from './score-program';
import type { SynthFlags } from './synth-command';

export interface Actions {
  score(files: readonly string[], flags: ScoreFlags): Promise<void>;
  ops(flags: { readonly json?: boolean }): void;
  info(file: string | undefined, flags: { readonly json?: boolean }): Promise<void>;
  synth(file: string, flags: SynthFlags): Promise<void>;
  lab: LabActions;
  scale: ScaleActions;
}

/** The version in package.json, which lies two folders above this file in the sources and in the package. */
export function packageVersion(): string {
  const text = readFileSync(join(__dirname, '..', '..', 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
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

  const score = addScore(program, (files, flags) => actions.score(files, flags), exitCodeText);
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
    .description('Prints what this CPU offers and what softlane uses of it, or what a file holds.')
    .argument('[FILE]', 'a file to describe, in any format that `score` reads')
    .option('--json', 'as JSON')
    .action((file: string | undefined, flags: { json?: boolean }) => actions.info(file, flags));
  refine(info);

  const synth = program
    .command('synth')
    .summary('make logits to try things on')
    .description(
      'Writes a .npy file of logits of a model that does not exist, twice as sure as it should be, and their labels: ' +
        'the same numbers for the same options, everywhere.',
    )
    .argument('<FILE>', 'where the logits go')
    .option('--rows <count>', 'how many', '1000000')
    .option('--cols <count>', 'logits of a row', '10')
    .option('--labels <FILE>', 'where the label of each row goes')
    .option('--seed <number>', 'another number gives other logits', '1')
    .option('--force', 'overwrite existing files')
    .action((file: string, flags: SynthFlags) => actions.synth(file, flags));
  refine(synth);

  addScale(program, actions.scale, refine);
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
        ['  SOFTLANE_REDIS', 'the queue of jobs for several machines, as --redis'],
        ['  SOFTLANE_DEBUG', 'print the stack of an error'],
      ]),
  );
  return program;
}

function exitCodeText(): string {
  return `Exit codes:\n${table(exitCodes.map(([code, meaning]) => [`  ${code}`, meaning]))}`;
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
