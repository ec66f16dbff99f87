/** `submit`, `worker`, `status`, `watch`, `cancel`: what they take and how they explain themselves. */
import { Option, type Command } from 'commander';
import { bytesFlag, threadsFlag } from './flag-values';

/** What all of them take. */
export interface QueueFlags {
  readonly redis?: string;
  readonly queue: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export interface SubmitFlags extends QueueFlags {
  readonly force?: boolean;
  readonly rangeSize?: number;
  readonly dryRun?: boolean;
}

export interface WorkerFlags extends QueueFlags {
  readonly threads?: number;
  readonly isa?: string;
  readonly limitMemory?: number;
  readonly drain?: boolean;
  readonly lock: number;
}

export interface ScaleActions {
  submit(file: string, flags: SubmitFlags): Promise<void>;
  worker(flags: WorkerFlags): Promise<void>;
  status(job: string | undefined, flags: QueueFlags): Promise<void>;
  watch(job: string, flags: QueueFlags): Promise<void>;
  cancel(job: string, flags: QueueFlags): Promise<void>;
}

const flag = (flags: string, help: string, parse: (text: string) => unknown): Option =>
  new Option(flags, help).argParser(parse);

export function addScale(
  program: Command,
  actions: ScaleActions,
  refine: (command: Command) => void,
): void {
  const add = (name: string, summary: string, description: string): Command => {
    const command = program
      .command(name)
      .summary(summary)
      .description(description)
      .addOption(
        new Option('--redis <address>', 'redis://, rediss:// or unix://').env('SOFTLANE_REDIS'),
      )
      .option('--queue <name>', 'one of several in the same Redis', 'softlane')
      .option('--json', 'as lines of JSON')
      .option('--quiet', 'print nothing for people');
    refine(command);
    return command;
  };

  add(
    'submit',
    'cut a job into ranges for workers',
    'Looks at the files of a job, cuts its rows into ranges, and puts these into the queue: what is there already is ' +
      'not added again. Workers on any machine that sees the same files take them. Prints the id of the job.',
  )
    .argument('<JOB.json>', 'a job, with the keys that jobs of softlane/score have')
    .option('--force', 'overwrite existing outputs, and do again what is done')
    .addOption(
      flag('--range-size <bytes>', 'of input (default: 1GiB)', bytesFlag('submit', '--range-size')),
    )
    .option('--dry-run', 'say what would be submitted')
    .action((file: string, flags: SubmitFlags) => actions.submit(file, flags));

  add(
    'worker',
    'take ranges of jobs and score them',
    'Scores ranges, one at a time with all its threads, and puts the parts of finished jobs together, until it is ' +
      'told to leave: the first signal lets it finish the range at hand, the second does not.',
  )
    .addOption(
      flag(
        '--threads <count>',
        'threads to compute with (default: the CPUs allowed)',
        threadsFlag('worker'),
      ),
    )
    .option('--isa <name>', 'instruction set, one that `softlane info` lists (default: the best)')
    .addOption(
      flag(
        '--limit-memory <bytes>',
        'for rows (default: 1GiB)',
        bytesFlag('worker', '--limit-memory'),
      ),
    )
    .option('--drain', 'leave when nothing is left to do')
    .addOption(
      flag(
        '--lock <seconds>',
        'without news after which a worker is taken for lost',
        Number,
      ).default(30),
    )
    .action((flags: WorkerFlags) => actions.worker(flags));

  add(
    'status',
    'tell what has become of jobs',
    'Prints the jobs of a queue, the last first, or one of them.',
  )
    .argument('[JOB]', 'the id of a job, or how it begins')
    .action((job: string | undefined, flags: QueueFlags) => actions.status(job, flags));

  add(
    'watch',
    'follow a job to its end',
    'Shows the progress of a job until it is over, and ends with the exit code that `score` would have.',
  )
    .argument('<JOB>', 'the id of a job, or how it begins')
    .action((job: string, flags: QueueFlags) => actions.watch(job, flags));

  add(
    'cancel',
    'end a job and remove its parts',
    'Takes a job out of the queue, stops the workers that are at it, and removes what they have made of it.',
  )
    .argument('<JOB>', 'the id of a job, or how it begins')
    .action((job: string, flags: QueueFlags) => actions.cancel(job, flags));
}
