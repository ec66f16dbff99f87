/** A Redis of a test's own: on a socket in its folder, with its data beside it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { runs } from './cli';

export const hasRedis = runs('redis-server', '--version');

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

export class RedisServer {
  private child: ChildProcess | undefined;
  readonly socket: string;

  /** The socket's path has to be short: that of the folder too. */
  constructor(
    private readonly folder: string,
    private readonly settings: readonly string[] = [],
  ) {
    mkdirSync(folder, { recursive: true });
    this.socket = join(folder, 'redis.sock');
  }

  get address(): string {
    return `unix://${this.socket}`;
  }

  async start(): Promise<this> {
    const own = ['--port', '0', '--unixsocket', this.socket, '--dir', this.folder, '--save', ''];
    const args = [...own, '--appendonly', 'yes', ...this.settings];
    this.child = spawn('redis-server', args, { stdio: 'ignore' });
    while (!(await this.answers())) {
      if (this.child.exitCode !== null) throw new Error('redis-server ended at once');
      await pause(10);
    }
    return this;
  }

  /** Says no goodbye, as a machine does that loses its power. */
  async kill(): Promise<void> {
    const { child } = this;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  /** Whether it takes commands: it may still be loading. */
  private answers(): Promise<boolean> {
    if (!existsSync(this.socket)) return Promise.resolve(false);
    return new Promise((resolve) => {
      const socket = connect(this.socket);
      const end = (answer: boolean): void => {
        socket.destroy();
        resolve(answer);
      };
      socket.once('connect', () => socket.write('PING\r\n'));
      socket.once('data', (bytes) => end(/^[+-](PONG|NOAUTH)/.test(bytes.toString())));
      socket.once('error', () => end(false));
      socket.once('close', () => end(false));
    });
  }
}
