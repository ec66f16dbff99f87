/** Runs the trials of a suite, each in a fresh process, and puts their outcomes together. */
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Journal } from './journal';
import * as machine from './machine';
import { needed } from './outputs';
import { combine, type Result } from './results';
import { estimate, type Suite } from './suite';
import type { Family, Outcome, Task } from './task';

const TRIAL = join(__dirname, 'trial.js');

export interface RunOptions {
  /** Bytes of the largest cache. */
  readonly cache: number;
  readonly journal?: Journal | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Seconds of work that are done and of all, about, and the family that is measured now. */
  readonly onProgress?: (done: number, all: number, name: string) => void;
  readonly onResult?: (result: Result) => void;
  /** A family that cannot be measured, with the reason. */
  readonly onSkip?: (family: string, why: string, failed: boolean) => void;
}

/** The process must not outlive an interrupted run, and must not see what the environment asks of softlane. */
function runTrial(task: Task, signal?: AbortSignal): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = fork(TRIAL, [], {
      execArgv: ['--expose-gc'],
      env: { ...process.env, SOFTLANE_VERIFY: 'off', SOFTLANE_ISA: '', SOFTLANE_THREADS: '' },
    });
    let outcome: (Outcome & { failure?: string }) | undefined;
    const stop = (): void => {
      child.kill('SIGKILL');
    };
    signal?.addEventListener('abort', stop, { once: true });
    child.once('message', (message) => (outcome = message as typeof outcome));
    child.once('error', reject);
    child.once('close', (code, killed) => {
      signal?.removeEventListener('abort', stop);
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return;
      }
      const failure = outcome ? outcome.failure : `its process ended with ${killed ?? code}`;
      if (outcome !== undefined && failure === undefined) resolve(outcome);
      else reject(new Error(`${task.family.name} cannot be measured: ${failure}`));
    });
    child.send(task);
  });
}

/** What other programs do while this one does nothing. */
export async function othersNow(): Promise<number | null> {
  const before = machine.cpuTime();
  await sleep(500);
  return machine.othersShare(before, machine.cpuTime());
}

function memoryNeeded({ shape, cold, contenders }: Family, cache: number): number {
  const pages = new Set(contenders.map((contender) => contender.pages ?? 'default'));
  pages.add('default');
  return needed(shape, cold, cache, pages.size);
}

export interface SuiteRun {
  readonly results: readonly Result[];
  /** A result was wrong, or a process failed. */
  readonly failed: boolean;
}

export async function runSuite(suite: Suite, options: RunOptions): Promise<SuiteRun> {
  const { families, pace } = suite;
  const { cache, journal, signal } = options;
  const costs = families.map((family) => estimate(family, pace));
  const all = costs.reduce((sum, cost) => sum + cost, 0) * pace.trials;
  const results: Result[] = [];
  let failed = false;
  let done = 0;
  for (const [i, family] of families.entries()) {
    const bytes = memoryNeeded(family, cache);
    if (bytes > machine.freeMemory()) {
      options.onSkip?.(family.name, `${(bytes / 2 ** 30).toFixed(1)} GiB are not free`, false);
      done += costs[i] * pace.trials;
      continue;
    }
    const outcomes: Outcome[] = [];
    try {
      for (let trial = 0; trial < pace.trials; trial++) {
        signal?.throwIfAborted();
        options.onProgress?.(done, all, family.name);
        const task = { family, pace, order: pace.seed + trial, cache };
        let outcome = journal?.find(task);
        if (outcome === undefined) {
          outcome = await runTrial(task, signal);
          journal?.add(task, outcome);
        }
        outcomes.push(outcome);
        done += costs[i];
      }
    } catch (error) {
      if (signal?.aborted === true || (error as { code?: unknown }).code !== undefined) throw error;
      failed = true;
      done += costs[i] * (pace.trials - outcomes.length);
      options.onSkip?.(family.name, (error as Error).message, true);
      continue;
    }
    const result = combine(family, pace.repeats, outcomes);
    results.push(result);
    if (result.wrong.length > 0) failed = true;
    options.onResult?.(result);
  }
  options.onProgress?.(all, all, '');
  return { results, failed };
}
