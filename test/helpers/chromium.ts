/** Debian's Chromium, driven by its own protocol over a pipe: messages are JSON, each ended by a zero byte. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

/** The program, or undefined where none is installed. */
export const chromium = ['chromium', 'chromium-browser', 'google-chrome'].find(
  (name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0,
);

type Reply = Record<string, any>;

export class Browser {
  private readonly waiting = new Map<number, (reply: Reply) => void>();
  private readonly listeners: ((event: Reply) => void)[] = [];
  private last = 0;
  private session: string | undefined;
  private text = '';

  private constructor(
    private readonly child: ChildProcess,
    private readonly profile: string,
  ) {
    const output = child.stdio[4] as Readable;
    output.setEncoding('utf8').on('data', (chunk: string) => {
      const messages = (this.text + chunk).split('\0');
      this.text = messages.pop() ?? '';
      for (const message of messages) this.receive(JSON.parse(message) as Reply);
    });
  }

  static async open(url: string): Promise<Browser> {
    const profile = mkdtempSync(join(tmpdir(), 'softlane-chromium-'));
    const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--hide-scrollbars'];
    const child = spawn(
      chromium ?? 'chromium',
      [...flags, `--user-data-dir=${profile}`, '--remote-debugging-pipe', 'about:blank'],
      // A sanitizer that is in this process is not for the browser.
      {
        env: { ...process.env, LD_PRELOAD: undefined },
        stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
      },
    );
    const browser = new Browser(child, profile);
    const { targetId } = await browser.send('Target.createTarget', { url: 'about:blank' });
    const attached = await browser.send('Target.attachToTarget', { targetId, flatten: true });
    browser.session = String(attached.sessionId);
    await browser.send('Page.enable');
    await browser.send('Network.enable');
    await browser.go(url);
    return browser;
  }

  async go(url: string): Promise<void> {
    const loaded = new Promise<void>((resolve) => {
      this.listeners.push(({ method }) => {
        if (method === 'Page.loadEventFired') resolve();
      });
    });
    await this.send('Page.navigate', { url });
    await loaded;
  }

  on(listener: (event: Reply) => void): void {
    this.listeners.push(listener);
  }

  send(method: string, params: object = {}): Promise<Reply> {
    const id = ++this.last;
    const message = JSON.stringify({ id, method, params, sessionId: this.session });
    (this.child.stdio[3] as Writable).write(`${message}\0`);
    return new Promise((resolve, reject) => {
      this.waiting.set(id, (reply) => {
        if (reply.error) reject(new Error(`${method}: ${JSON.stringify(reply.error)}`));
        else resolve(reply.result as Reply);
      });
    });
  }

  /** The value of an expression in the page, which may be a promise. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', {
      expression,
      returnByValue: true,
      awaitPromise: true,
    });
    if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
    return result.value as T;
  }

  async size(width: number, height: number, mobile = false): Promise<void> {
    const metrics = { width, height, deviceScaleFactor: 1, mobile };
    await this.send('Emulation.setDeviceMetricsOverride', metrics);
  }

  async theme(value: 'light' | 'dark', media = 'screen'): Promise<void> {
    const features = [{ name: 'prefers-color-scheme', value }];
    await this.send('Emulation.setEmulatedMedia', { media, features });
  }

  async press(key: string, code = key): Promise<void> {
    const text = key === 'Enter' ? '\r' : key === ' ' ? ' ' : undefined;
    const virtual = { Tab: 9, Enter: 13, ' ': 32 }[key] ?? 0;
    const event = { key, code, windowsVirtualKeyCode: virtual, ...(text ? { text } : {}) };
    await this.send('Input.dispatchKeyEvent', { type: 'keyDown', ...event });
    await this.send('Input.dispatchKeyEvent', { type: 'keyUp', key, code });
  }

  /** PNG of a part of the page, wherever it is scrolled to. */
  async picture(clip: { x: number; y: number; width: number; height: number }): Promise<Buffer> {
    const { data } = await this.send('Page.captureScreenshot', {
      format: 'png',
      captureBeyondViewport: true,
      clip: { ...clip, scale: 1 },
    });
    return Buffer.from(String(data), 'base64');
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.child.once('close', resolve));
    this.child.kill();
    await closed;
    // Processes of the browser that outlive it still write here: a folder may have filled again before it is removed.
    for (let left = 50; ; left--) {
      try {
        rmSync(this.profile, { recursive: true, force: true });
        return;
      } catch (error) {
        if (left === 0) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  private receive(message: Reply): void {
    if (typeof message.id === 'number') {
      this.waiting.get(message.id)?.(message);
      this.waiting.delete(message.id);
    } else {
      for (const listener of this.listeners) listener(message);
    }
  }
}
