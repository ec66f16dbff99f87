import { spawn, spawnSync, type ChildProcess, type SpawnSyncOptions } from 'node:child_process';
import { closeSync, existsSync, ftruncateSync, openSync, readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { dict, npy } from './npy';

/** The built command: `npm test` builds it before. */
export const cli = join(__dirname, '..', '..', 'dist', 'cli.js');
if (!existsSync(cli)) throw new Error(`${cli} is missing: run npm run build`);

/** The environment of this process without settings of softlane and of terminals. */
export function plainEnvironment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(SOFTLANE_|NODE_OPTIONS$|NO_COLOR$|FORCE_COLOR$)/.test(name),
  );
  return { ...Object.fromEntries(kept), ...extra };
}

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `softlane ARGS` to its end. */
export function softlane(args: readonly string[], options: SpawnSyncOptions = {}): Outcome {
  return command(process.execPath, [cli, ...args], options);
}

export function command(
  file: string,
  args: readonly string[],
  { env, ...options }: SpawnSyncOptions = {},
): Outcome {
  const all = { timeout: 60_000, ...options, env: plainEnvironment(env) };
  const { status, stdout, stderr, error } = spawnSync(file, args, { ...all, encoding: 'utf8' });
  if (error !== undefined) throw error;
  return { status, stdout, stderr };
}

/** Whether a program of the system runs, for tests that need one. */
export function runs(file: string, ...args: string[]): boolean {
  return spawnSync(file, args, { stdio: 'ignore' }).status === 0;
}

/** A file of zeros that takes no room on the disk, so large that no test sees its end. */
export function endlessFile(path: string, rows = 2 ** 24, cols = 1024): string {
  const head = npy(dict(`(${rows}, ${cols})`));
  const file = openSync(path, 'w');
  writeSync(file, head);
  ftruncateSync(file, head.length + 4 * rows * cols);
  closeSync(file);
  return path;
}

export const temporaryFiles = (folder: string): string[] =>
  readdirSync(folder).filter((name) => name.includes('.tmp-'));

/** Starts `softlane ARGS`, or another program, and waits until it writes into `folder`. */
export async function startWriting(
  args: readonly string[],
  folder: string,
  program?: string,
): Promise<{ child: ChildProcess; ended: Promise<Outcome & { signal: string | null }> }> {
  const words = program === undefined ? [cli, ...args] : args;
  const child = spawn(program ?? process.execPath, words, {
    env: plainEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  const ended = new Promise<Outcome & { signal: string | null }>((resolve) => {
    child.once('close', (status, signal) => resolve({ status, signal, ...output }));
  });
  while (temporaryFiles(folder).length === 0) {
    if (child.exitCode !== null) throw new Error(`it ended before it wrote: ${output.stderr}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return { child, ended };
}
