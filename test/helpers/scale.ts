/** Workers as processes, and what they say. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cli, plainEnvironment } from './cli';

export interface Said {
  readonly event: string;
  readonly [key: string]: any;
}

export class WorkerProcess {
  readonly events: Said[] = [];
  stderr = '';
  private readonly child: ChildProcess;
  private readonly waiting = new Set<() => void>();
  private readonly closed: Promise<unknown>;

  constructor(address: string, queue: string, ...more: readonly string[]) {
    const args = ['worker', '--queue', queue, '--json', '--threads', '1', '--lock', '1', ...more];
    // The address may hold a password, which other users of the machine would see among arguments.
    const env = plainEnvironment({ SOFTLANE_REDIS: address });
    this.child = spawn(process.execPath, [cli, ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let rest = '';
    this.child.stdout!.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop()!;
      this.events.push(...lines.map((line) => JSON.parse(line) as Said));
      for (const wake of this.waiting) wake();
    });
    this.child.stderr!.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
      for (const wake of this.waiting) wake();
    });
    this.closed = once(this.child, 'close').then(() => {
      for (const wake of this.waiting) wake();
    });
  }

  get ended(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Waits for something that can be seen from what it said. */
  async until(what: (worker: this) => boolean): Promise<void> {
    while (!what(this)) {
      if (this.ended) throw new Error(`the worker ended: ${this.stderr}`);
      let wake!: () => void;
      await new Promise<void>((resolve) => this.waiting.add((wake = resolve)));
      this.waiting.delete(wake);
    }
  }

  heard(event: string, job?: string): Said[] {
    return this.events.filter((each) => each.event === event && (!job || each['job'] === job));
  }

  async ready(): Promise<this> {
    await this.until(() => this.heard('ready').length > 0);
    return this;
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** Its exit code, or the signal that killed it. */
  async end(signal?: NodeJS.Signals): Promise<number | string | null> {
    if (signal !== undefined) this.child.kill(signal);
    await this.closed;
    return this.child.exitCode ?? this.child.signalCode;
  }
}
