import type { Command } from 'commander';
import type { LabFlags } from '../lab/suite';

export interface LabActions {
  suite(name: string, flags: LabFlags): Promise<void>;
  report(files: readonly string[], flags: ReportFlags): Promise<void>;
  compare(before: string, after: string, flags: CompareFlags): Promise<void>;
}
export interface ReportFlags {
  readonly out: string;
  readonly title?: string;
  readonly force?: boolean;
}
export interface CompareFlags {
  readonly confidence?: string;
  readonly threshold?: string;
  readonly json?: boolean;
  readonly all?: boolean;
}

const SUITES = {
  'two-pass': {
    summary: 'the experiments of the Two-Pass Softmax paper',
    description:
      'The Two-Pass Softmax Algorithm (2020) by its protocol: three algorithms over the length of a row, pass by pass, ' +
      'over threads, as published and with each improvement switched on alone.',
  },
  online: {
    summary: 'the experiments of the online normalizer paper',
    description:
      'Online normalizer calculation for softmax (2018): naive, safe and online softmax over batches of 4000 and 10 rows, ' +
      'and softmax followed by its 5, 10, 15 and 30 largest against the fused form.',
  },
  roofline: {
    summary: 'what the machine can do, and where each operator lies',
    description:
      'Memory rates by working set and threads, exponentials in cache, and each operator beside them.',
  },
  ops: {
    summary: 'any operator on any shapes, beside its rivals',
    description:
      'Measures an operator beside plain JavaScript, onnxruntime-node, TensorFlow.js and memory itself.',
  },
  sampling: {
    summary: 'from logits to a token, beside transformers.js',
    description:
      'A whole sampler step (penalty, temperature, top-k, top-p, draw) over the size of the vocabulary, beside that of ' +
      '@huggingface/transformers and a bare read of the row.',
  },
} as const;

/** `softlane lab`: what it takes and how it explains itself. */
export function addLab(
  program: Command,
  actions: LabActions,
  refine: (command: Command) => void,
): void {
  const lab = program
    .command('lab')
    .summary('measure, report and compare')
    .description('The perf lab: measurements that survive an argument.')
    .helpCommand('help [command]', 'explain a command and exit');
  refine(lab);

  for (const [name, { summary, description }] of Object.entries(SUITES)) {
    const suite = lab.command(name).summary(summary).description(description);
    addOutputs(suite, name);
    if (name === 'two-pass') {
      suite
        .option('--as-published', 'ordinary stores, no prefetch, 4 KiB pages, and nothing else')
        .option('--largest <elements>', 'longest row (default: 300000000, with --quick 3000000)');
    } else if (name === 'online') {
      suite.option('--largest <elements>', 'most elements of a batch (default: 2^27)');
    } else if (name === 'roofline') {
      suite.option('--largest <elements>', 'largest working set (default: four times the caches)');
    } else if (name === 'ops') {
      addShapes(suite);
    }
    suite
      .option('--isa <list>', 'instruction sets (default: all that run here; online: the best)')
      .option('--threads <list>', 'numbers of threads')
      .option('--pin <cpus>', 'bind every process to these CPUs, such as 0-3,8')
      .option('--trials <n>', 'fresh processes for each family (default: 3, with --quick 1)')
      .option('--repeats <n>', 'rounds in each process (default: 11)')
      .option('--seed <n>', 'of the inputs and of the order of contenders (default: 1)')
      .option('--quick', 'less of everything: under a minute')
      .option('--quiet', 'print no progress and no tables')
      .action((flags: LabFlags) => actions.suite(name, flags));
    refine(suite);
  }

  const report = lab
    .command('report')
    .summary('draw results on one page')
    .description(
      'Writes results as one HTML page without network access (.html), as a table (.md) or as rows (.csv).',
    )
    .argument('<RESULT.json...>', 'results of `softlane lab`')
    .requiredOption('-o, --out <FILE>', 'the page; its ending says which kind')
    .option('--title <text>', 'heading of the page')
    .option('--force', 'overwrite an existing file')
    .action((files: string[], flags: ReportFlags) => actions.report(files, flags));
  refine(report);

  const compare = lab
    .command('compare')
    .summary('tell what became faster or slower between two results')
    .description(
      'Compares two results row by row: the ratio of the medians with its bootstrap interval. A row is called ' +
        'faster or slower when the whole interval lies beyond the threshold. Exit code 5 if any is slower.',
    )
    .argument('<A.json>', 'before')
    .argument('<B.json>', 'after')
    .option('--confidence <percent>', 'of the interval (default: 99)')
    .option('--threshold <percent>', 'a smaller difference is none (default: 2)')
    .option('--all', 'list the rows without a difference too')
    .option('--json', 'as JSON')
    .action((before: string, after: string, flags: CompareFlags) =>
      actions.compare(before, after, flags),
    );
  refine(compare);
}

function addOutputs(suite: Command, name: string): void {
  const file =
    name === 'ops' ? '(default: no file)' : `(default: softlane-${name}.json in this folder)`;
  suite
    .option(
      '--json <FILE>',
      `the results in the schema of google/benchmark, packed if named .gz ${file}`,
    )
    .option('--csv <FILE>', 'the results as rows, too')
    .option('--markdown <FILE>', 'the results as tables, too')
    .option('--force', 'overwrite existing files')
    .option('--restart', 'forget the finished trials of an interrupted run');
}

function addShapes(suite: Command): void {
  const several = (value: string, before: string[] = []): string[] => [...before, value];
  suite
    .option('--op <name>', 'an operator, as `softlane ops` lists them (default: softmax)')
    .option('--set <name=value>', "an option of the operator's own; may be repeated", several)
    .option(
      '--shapes <list>',
      'ROWSxCOLS separated by commas (2^N is understood), a file of them, or a preset: gpt-2, llama-3, gemma, pp-ocr, imagenet-1k, imagenet-21k, attention',
    )
    .option('--algorithms <list>', 'of softlane (default: all that the operator has)')
    .option(
      '--contenders <list>',
      'softlane, exp, plain-js, onnxruntime, tfjs, memcpy, read (default: all)',
    )
    .option('--rival <FILE>', 'a plug-in that exports prepare(job); may be repeated', several)
    .option('--base <name>', 'whose ratios get intervals (default: onnxruntime, or the first)')
    .option('--cold <auto|on|off>', 'outputs that are in no cache (default: for rows from 2^20)')
    .option('--range <r>', 'logits uniform in [-r, r) (default: 10)')
    .option('--large', '1x2^28 as well');
}
