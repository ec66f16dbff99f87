/** `softlane score`: what it takes and how it explains itself. */
import { Option, type Command } from 'commander';
import type { OptionRule } from '../operator';
import type { Format } from '../score/format';
import { inputFormats, outputFormats } from '../score/formats';
import { operations } from '../score/operation';
import { UsageError } from './failure';
import { bytesFlag, received as receivedBy, threadsFlag } from './flag-values';
import { table } from './output';

/** An output as it was typed: `--op NAME --set KEY=VALUE ... --out FILE`. */
export interface TypedOutput {
  op?: string;
  readonly sets: [string, string][];
  path?: string;
}

/** The options of `softlane score` as they were typed. */
export interface ScoreFlags {
  readonly outputs: readonly TypedOutput[];
  readonly metrics?: string;
  readonly bins?: number;
  readonly labels?: string;
  readonly labelColumn?: string;
  readonly with?: readonly string[];
  readonly head?: string;
  readonly inFormat?: string;
  readonly outFormat?: string;
  readonly badRows?: 'keep' | 'stop';
  readonly reject?: string;
  readonly verify?: number;
  readonly resume?: boolean;
  readonly force?: boolean;
  readonly checksum?: boolean;
  readonly manifest?: string;
  readonly limitMemory?: number;
  readonly partSize?: number;
  readonly dryRun?: boolean;
  readonly isa?: string;
  readonly threads?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
  /** The options of operations, by the name of the API. */
  readonly [option: string]: unknown;
}

/** maskedRow -> masked-row */
export function flagName(option: string): string {
  return option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Every option that some operation has, with the rule of each that has it, by their names. */
export function operationOptions(): ReadonlyMap<string, ReadonlyMap<string, OptionRule>> {
  const all = new Map<string, Map<string, OptionRule>>();
  for (const { name: operation, options } of operations) {
    for (const [name, rule] of Object.entries(options)) {
      const rules = all.get(name) ?? new Map<string, OptionRule>();
      all.set(name, rules.set(operation, rule));
    }
  }
  return all;
}

const received = (flag: string, expected: string, text: string): UsageError =>
  receivedBy('score', flag, expected, text);

function shareOf(text: string): number {
  const share = /^[\d.]+(e-?\d+)?$/i.test(text) ? Number(text) : NaN;
  if (share >= 0 && share <= 1) return share;
  throw received('--verify', 'a share of the rows from 0 to 1', text);
}

function binsOf(text: string): number {
  const bins = /^\d+$/.test(text) ? Number(text) : NaN;
  if (bins >= 1 && bins <= 100_000) return bins;
  throw received('--bins', 'a whole number from 1 to 100000', text);
}

/** What belongs together among --op, --set, --out and --top-k, in the order in which they were typed. */
class TypedOutputs {
  private readonly named: TypedOutput[] = [];
  private readonly fixed: TypedOutput[] = [];
  private readonly paths: string[] = [];
  private last: TypedOutput | undefined;
  private readonly early: [string, string][] = [];

  op(name: string): void {
    this.named.push(this.begin({ op: name, sets: [] }));
  }

  /** What --set says from here on is of this one; what it said before any, too. */
  private begin(output: TypedOutput): TypedOutput {
    output.sets.push(...this.early.splice(0));
    this.last = output;
    return output;
  }

  out(path: string): void {
    this.paths.push(path);
  }

  set(text: string): void {
    const at = text.indexOf('=');
    if (at < 1) throw received('--set', 'KEY=VALUE', text);
    (this.last?.sets ?? this.early).push([text.slice(0, at), text.slice(at + 1)]);
  }

  topK(text: string): void {
    const at = text.indexOf('=');
    if (at < 1) throw received('--top-k', 'a number and a file, --top-k 5 FILE', text);
    const sets: [string, string][] = [
      ['k', text.slice(0, at)],
      ['probabilities', 'true'],
    ];
    this.fixed.push(this.begin({ op: 'top-k', sets, path: text.slice(at + 1) }));
  }

  all(): TypedOutput[] {
    if (this.early.length > 0) {
      const [key] = this.early[0]!;
      throw new UsageError(
        `score: --set ${key} has no operation to be an option of: --op is missing`,
      );
    }
    const count = Math.max(this.named.length, this.paths.length);
    const pairs = Array.from({ length: count }, (_, i): TypedOutput => {
      const { op, sets } = this.named[i] ?? { sets: [] };
      const path = this.paths[i];
      return { ...(op !== undefined && { op }), sets, ...(path !== undefined && { path }) };
    });
    return [...pairs, ...this.fixed];
  }
}

/** commander knows no option of two words: `--top-k 5 FILE` becomes `--top-k 5=FILE`. */
export function joinTopK(argv: readonly string[]): string[] {
  const joined: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const [word, k, file] = argv.slice(i, i + 3);
    const isPair = word === '--top-k' && k !== undefined && /^\d+$/.test(k) && file !== undefined;
    joined.push(isPair ? `--top-k=${k}=${file}` : word!);
    if (isPair) i += 2;
  }
  return joined;
}

/** What it means to each operation that has it: those to which it means the same are named where it has other meanings. */
function optionHelp(rules: ReadonlyMap<string, OptionRule>): string {
  const meanings = new Map<string, string[]>();
  for (const [operation, rule] of rules) {
    const values = rule.kind === 'choice' ? `: ${rule.values.join(', ')}` : '';
    const text = `${rule.summary}${values} (default: ${rule.default})`;
    meanings.set(text, [...(meanings.get(text) ?? []), operation]);
  }
  if (meanings.size === 1) return [...meanings.keys()][0]!;
  const most = Math.max(...[...meanings.values()].map(({ length }) => length));
  return [...meanings]
    .map(([text, among]) =>
      among.length === most && most > 2 ? text : `${among.join(', ')}: ${text}`,
    )
    .join('; ');
}

function operationTable(): string {
  return table(operations.map(({ name, summary }) => [`  ${name}`, summary]));
}

const parsed = (flags: string, help: string, parse: (text: string) => unknown): Option =>
  new Option(flags, help).argParser(parse);

export function addScore(
  program: Command,
  action: (files: readonly string[], flags: ScoreFlags) => Promise<void>,
  exitCodeText: () => string,
): Command {
  const typed = new TypedOutputs();
  const names = (among: readonly Format[]): string => among.map(({ name }) => name).join(', ');
  const score = program
    .command('score')
    .summary('score files of logits')
    .description(
      'Scores the rows of FILES, one file after another, and writes what --op names to --out: several of both, in ' +
        'pairs, are made in one pass over the input. The files may be larger than memory. Outputs appear complete or ' +
        `not at all. Formats in: ${inputFormats.map(({ words }) => words).join(', ')}. Formats out: ` +
        `${outputFormats.map(({ words }) => words).join(', ')}.`,
    )
    .argument(
      '<FILES...>',
      'logits, a row each: files, FILE:NAME for one of several arrays, patterns, or -',
    )
    .addOption(
      parsed(
        '--op <name>',
        `what to compute: ${operations.map(({ name }) => name).join(', ')}`,
        (text) => typed.op(text),
      ),
    )
    .addOption(
      parsed('--set <key=value>', 'an option of the --op or --top-k before it', (text) =>
        typed.set(text),
      ),
    )
    .addOption(
      parsed('--out <FILE>', 'where its results go; - is standard output', (text) =>
        typed.out(text),
      ),
    )
    .addOption(
      parsed(
        '--top-k <k FILE>',
        'short for --op top-k --set k=K --set probabilities=true --out FILE',
        (text) => typed.topK(text),
      ),
    )
    .option('--metrics <FILE>', 'accuracy, NLL, ECE, AUROC and others over all rows, as JSON')
    .addOption(parsed('--bins <count>', 'bins of confidence in the metrics (default: 15)', binsOf))
    .option('--labels <FILE>', 'the label of each row: integers in any format that is read')
    .option('--label-column <name>', 'the column or field of the input with the label of each row')
    .addOption(
      parsed(
        '--with <name=FILE>',
        'what an operator reads beside the logits, such as other',
        (text) => text,
      ).argParser((text: string, before: readonly string[] | undefined) => [
        ...(before ?? []),
        text,
      ]),
    )
    .option(
      '--head <FILE>',
      'a matrix [vocabulary x hidden]: FILES are hidden states, times it they are logits',
    )
    .option(
      '--in-format <name>',
      `what FILES are, where names and first bytes do not tell: ${names(inputFormats)}`,
    )
    .option(
      '--out-format <name>',
      `what outputs are, where their names do not tell: ${names(outputFormats)}`,
    )
    .addOption(new Option('--bad-rows <policy>', 'rows with a NaN').choices(['keep', 'stop']))
    .option('--reject <FILE>', 'go on after rows that cannot be scored, and write which they were')
    .addOption(parsed('--verify <share>', 'check so many of the rows against float64', shareOf));
  for (const [name, rules] of operationOptions()) {
    const isNumber = [...rules.values()].every(({ kind }) => kind !== 'choice');
    score.option(`--${flagName(name)} <${isNumber ? 'number' : 'name'}>`, optionHelp(rules));
  }
  return score
    .option('--resume', 'go on with an unfinished job, if there is one')
    .option('--force', 'overwrite existing outputs and unfinished jobs')
    .option('--checksum', 'know the inputs again by all their bytes, not by pieces of them')
    .option('--manifest <FILE>', 'write what was done, from what and with what, as JSON')
    .addOption(
      parsed(
        '--limit-memory <bytes>',
        'for rows (default: 1GiB)',
        bytesFlag('score', '--limit-memory'),
      ),
    )
    .addOption(
      parsed(
        '--part-size <bytes>',
        'of input, after which a job can be gone on with (default: 256MiB)',
        bytesFlag('score', '--part-size'),
      ),
    )
    .option('--dry-run', 'say what would be done and how long it would take')
    .option('--isa <name>', 'instruction set, one that `softlane info` lists (default: the best)')
    .addOption(
      parsed(
        '--threads <count>',
        'threads to compute with (default: the CPUs allowed)',
        threadsFlag('score'),
      ),
    )
    .option('--json', 'print events and, last, a summary as lines of JSON')
    .option('--quiet', 'print no progress and no summary for people')
    .addHelpText('after', () => `\nOperations:\n${operationTable()}\n\n${exitCodeText()}`)
    .action((files: readonly string[], flags: Omit<ScoreFlags, 'outputs'>) =>
      action(files, { ...flags, outputs: typed.all() } as ScoreFlags),
    );
}
