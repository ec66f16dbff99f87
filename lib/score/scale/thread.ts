/** The thread of a worker in which ranges are read, scored and written, so that nothing of it can hold up a lock. */
import { parentPort } from 'node:worker_threads';
import { finishJob, type FinishTask } from './finish';
import type { RangeTask } from './plan';
import { runRange, type WorkerSettings } from './range';

/** What is asked of the thread: one task at a time, or to stop it. */
export type Asked =
  | { readonly kind: 'range'; readonly task: RangeTask; readonly settings: WorkerSettings }
  | { readonly kind: 'finish'; readonly task: FinishTask; readonly settings: WorkerSettings }
  | { readonly kind: 'stop' };

/** What it answers. */
export type Answer =
  | { readonly kind: 'done'; readonly result: unknown }
  | { readonly kind: 'progress'; readonly rows: number }
  | {
      readonly kind: 'failed';
      readonly message: string;
      readonly code: string | undefined;
      readonly stack: string | undefined;
    };

const port = parentPort!;
const say = (answer: Answer): void => port.postMessage(answer);
let controller = new AbortController();

async function work(asked: Exclude<Asked, { kind: 'stop' }>): Promise<unknown> {
  controller = new AbortController();
  const { signal } = controller;
  if (asked.kind === 'range') return runRange(asked.task, asked.settings, signal);
  return finishJob(asked.task, asked.settings, signal, (rows) => say({ kind: 'progress', rows }));
}

port.on('message', (asked: Asked) => {
  if (asked.kind === 'stop') {
    controller.abort(new Error('stopped'));
    return;
  }
  work(asked).then(
    (result) => say({ kind: 'done', result }),
    (error: Error & { code?: string }) => {
      const { message, code, stack } = error;
      say({ kind: 'failed', message, code, stack });
    },
  );
});
