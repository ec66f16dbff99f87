/** An empty folder with the packed tarball installed, as a user has it: no compiler in reach. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  mkdtempSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

export const repository = join(__dirname, '..', '..');

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** npm's own script, so that it runs without being on the PATH. */
function npmCli(): string {
  const { npm_execpath: fromNpm, PATH = '' } = process.env;
  if (fromNpm?.endsWith('npm-cli.js')) return fromNpm;
  const npm = PATH.split(delimiter).flatMap((folder) => {
    try {
      return readdirSync(folder).includes('npm') ? [join(folder, 'npm')] : [];
    } catch {
      return [];
    }
  })[0];
  if (npm === undefined) throw new Error('npm is not on the PATH');
  return realpathSync(npm);
}

/** The environment without what npm and softlane's own set-up put there. */
export function plainEnvironment(path = process.env.PATH ?? ''): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|SOFTLANE_|NODE_OPTIONS$|JEST_|INIT_CWD$|NODE_ENV$)/i.test(name),
  );
  return { ...Object.fromEntries(kept), PATH: path };
}

export class Consumer {
  readonly folder: string;
  readonly tarball: string;
  readonly #bin: string;

  constructor() {
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), 'softlane-consumer-')));
    const packed = join(this.folder, 'packed');
    this.#bin = join(this.folder, 'bin');
    mkdirSync(packed);
    mkdirSync(this.#bin);
    symlinkSync(process.execPath, join(this.#bin, 'node'));
    // As a publisher does it: npm's prepack builds what is missing or old, and keeps off stdout.
    const pack = [npmCli(), 'pack', '--json', '--pack-destination', packed];
    const json = execFileSync(process.execPath, pack, {
      cwd: repository,
      env: plainEnvironment(),
      encoding: 'utf8',
      stdio: 'pipe',
    });
    const [report] = JSON.parse(json) as [{ filename: string }];
    this.tarball = join(packed, report.filename);
    this.write('package.json', '{"name": "consumer", "private": true}');
  }

  install(): Outcome {
    return this.node([
      npmCli(),
      ...['install', this.tarball, '--prefer-offline', '--no-audit', '--no-fund'],
      '--loglevel=warn',
    ]);
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  write(name: string, text: string): string {
    writeFileSync(this.path(name), text);
    return this.path(name);
  }

  /** Runs node in the folder, with nothing but node on the PATH. */
  node(args: string[], cwd = this.folder): Outcome {
    return this.run(process.execPath, args, plainEnvironment(this.#bin), cwd);
  }

  run(program: string, args: string[], env = plainEnvironment(), cwd = this.folder): Outcome {
    const { status, stdout, stderr, error } = spawnSync(program, args, {
      cwd,
      env,
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
    if (error) throw error;
    return { code: status, stdout, stderr };
  }

  /** A development tool of the repository, run on the consumer's files. */
  tool(script: string, ...args: string[]): Outcome {
    return this.node([join(repository, 'node_modules', script), ...args]);
  }
}
