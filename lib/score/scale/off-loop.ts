/** The other side of the thread: tasks go to it one after another, and the event loop stays free. */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { JobSummary } from '../job-types';
import type { FinishTask } from './finish';
import type { RangeTask } from './plan';
import type { RangeResult, WorkerSettings } from './range';
import type { Answer, Asked } from './thread';

/** A failure in the thread, with the code that it had there. */
export class TaskError extends Error {
  constructor(
    message: string,
    readonly code: string | undefined,
    stack: string | undefined,
  ) {
    super(message);
    if (stack !== undefined) this.stack = stack;
  }
}

export class OffLoop {
  private thread: Worker | undefined;

  constructor(private readonly settings: WorkerSettings) {}

  range(task: RangeTask, signal?: AbortSignal): Promise<RangeResult> {
    const asked: Asked = { kind: 'range', task, settings: this.settings };
    return this.ask(asked, signal) as Promise<RangeResult>;
  }

  finish(
    task: FinishTask,
    signal?: AbortSignal,
    onProgress?: (rows: number) => void,
  ): Promise<JobSummary> {
    const asked: Asked = { kind: 'finish', task, settings: this.settings };
    return this.ask(asked, signal, onProgress) as Promise<JobSummary>;
  }

  async close(): Promise<void> {
    await this.thread?.terminate();
    this.thread = undefined;
  }

  private ask(
    asked: Asked,
    signal: AbortSignal | undefined,
    onProgress?: (rows: number) => void,
  ): Promise<unknown> {
    const thread = (this.thread ??= new Worker(join(__dirname, 'thread.js')));
    return new Promise((resolve, reject) => {
      const stop = (): void => thread.postMessage({ kind: 'stop' } satisfies Asked);
      const settle = (end: () => void): void => {
        thread.off('message', heard).off('error', lost).off('exit', ended);
        signal?.removeEventListener('abort', stop);
        end();
      };
      const lost = (error: Error): void => {
        this.thread = undefined;
        settle(() => reject(error));
      };
      const ended = (code: number): void =>
        lost(new Error(`the thread of the worker ended with ${code}`));
      const heard = (answer: Answer): void => {
        if (answer.kind === 'progress') onProgress?.(answer.rows);
        else if (answer.kind === 'done') settle(() => resolve(answer.result));
        else {
          const { message, code, stack } = answer;
          settle(() => reject(new TaskError(message, code, stack)));
        }
      };
      thread.on('message', heard).on('error', lost).on('exit', ended);
      thread.postMessage(asked);
      signal?.addEventListener('abort', stop);
      if (signal?.aborted === true) stop();
    });
  }
}
