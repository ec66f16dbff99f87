/** The Redis that jobs wait in, by way of BullMQ; both libraries are loaded when somebody asks for them. */
import type * as BullMQ from 'bullmq';
import type { Redis } from 'ioredis';
import { orAborted } from '../abort';
import { SoftlaneFileError } from '../errors';
import { optional } from '../optional';
import { connectionOf, labelOf, majorOf, requireAddress } from './address';

export interface BrokerOptions {
  /** redis://, rediss:// or unix:// with all that is needed to connect. */
  readonly redis: string;
  readonly queue: string;
  readonly version: string;
  /** Whether to try again for ever once it was there. */
  readonly lasting?: boolean;
  /** Ends the wait for a Redis that does not answer. */
  readonly signal?: AbortSignal;
  /** Milliseconds in which it has to answer for the first time (default 10,000). */
  readonly patience?: number;
  readonly onLost?: (sentence: string) => void;
  readonly onBack?: () => void;
}

/** Milliseconds from one attempt to connect to the next. */
const retryEvery = 250;
const longestRetry = 5000;
/** Attempts before a Redis that never answered is given up, and one that did. */
const firstAttempts = 3;
const laterAttempts = 40;
const defaultPatience = 10_000;

export class Broker {
  private constructor(
    readonly bullmq: typeof BullMQ,
    readonly client: Redis,
    /** The address without what is secret in it. */
    readonly label: string,
    /** The name of the queue: workers of another major version have another. */
    readonly name: string,
    /** What whoever runs that Redis should know. */
    readonly warnings: readonly string[],
  ) {}

  static async open(options: BrokerOptions): Promise<Broker> {
    const url = requireAddress(options.redis, options.queue);
    const label = labelOf(url);
    const needed = { path: label, packages: 'bullmq ioredis' };
    const bullmq = await optional(() => import('bullmq'), needed);
    const { Redis } = await optional(() => import('ioredis'), needed);
    let isReady = false;
    const { lasting = false, patience = defaultPatience, signal } = options;
    const connection = connectionOf(url);
    const client = new Redis({
      ...connection,
      lazyConnect: true,
      connectTimeout: 5000,
      maxRetriesPerRequest: null,
      retryStrategy: (times) => {
        if (!(isReady && lasting) && times > (isReady ? laterAttempts : firstAttempts)) return null;
        return Math.min(times * retryEvery, longestRetry);
      },
    });
    let last: Error | undefined;
    client.on('error', (error) => (last = error));
    client.on('close', () => {
      if (isReady) options.onLost?.(`${label}: the connection is lost: trying again`);
    });
    const ready = async (): Promise<string> => {
      await new Promise<void>((resolve, reject) => {
        client.once('ready', resolve);
        client.once('end', () => reject(last ?? new Error('no connection')));
        client.connect().catch(() => undefined);
      });
      // The client asks for the database too, and takes another one for an answer.
      const { db } = connection;
      if (typeof db === 'number') await client.select(db);
      return client.info();
    };
    const silence = new AbortController();
    const timer = setTimeout(() => {
      silence.abort(last ?? new Error(`it is not ready after ${patience / 1000} seconds`));
    }, patience);
    try {
      const info = await orAborted(orAborted(ready(), signal), silence.signal);
      isReady = true;
      client.on('ready', () => options.onBack?.());
      const name = `${options.queue}-${majorOf(options.version)}`;
      return new Broker(bullmq, client, label, name, warningsOf(label, info));
    } catch (error) {
      client.disconnect();
      throw brokerError(label, error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** A failure of Redis in a sentence; others pass unchanged. */
  failure(error: unknown): unknown {
    const message = (error as { message?: unknown } | undefined)?.message;
    const isGone =
      this.client.status === 'end' ||
      (typeof message === 'string' && /Connection is closed|ECONN|ETIMEDOUT/.test(message));
    return isGone ? brokerError(this.label, error) : error;
  }

  /** One: each listens to the connection as long as it is open. */
  queue(): BullMQ.Queue {
    return (this.opened ??= this.openQueue());
  }
  private opened: BullMQ.Queue | undefined;

  private openQueue(): BullMQ.Queue {
    const queue = new this.bullmq.Queue(this.name, {
      connection: this.client,
      skipVersionCheck: true,
    });
    queue.on('error', () => undefined);
    return queue;
  }

  /** The key of something of ours beside those of BullMQ. */
  key(...words: readonly string[]): string {
    return ['softlane', this.name, ...words].join(':');
  }

  close(): void {
    this.client.removeAllListeners('close');
    this.client.disconnect();
  }
}

function brokerError(label: string, error: unknown): SoftlaneFileError {
  const { message = '', code } = error as { message?: string; code?: string };
  const words: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'nothing answers there',
    ENOTFOUND: 'there is no such host',
    ENOENT: 'there is no such socket',
    ETIMEDOUT: 'no answer in time',
  };
  const reason = words[code ?? ''] ?? message;
  return new SoftlaneFileError('ERR_SOFTLANE_QUEUE', label, `cannot be used: ${reason}`, error);
}

function warningsOf(label: string, info: string): string[] {
  const facts = new Map(
    info.split(/\r?\n/).flatMap((line) => {
      const at = line.indexOf(':');
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const];
    }),
  );
  const warnings: string[] = [];
  const policy = facts.get('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') {
    warnings.push(
      `${label}: its maxmemory-policy is ${policy}, which throws jobs away: set it to noeviction`,
    );
  }
  if (facts.get('aof_enabled') === '0') {
    warnings.push(
      `${label}: its appendonly is no: if it restarts, submit the job again (parts that are done stay)`,
    );
  }
  return warnings;
}
