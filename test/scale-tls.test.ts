/** A queue that is reached by TLS, with a password: the certificate is looked at, and the outcome is that of one machine. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runs, softlane, type Outcome } from './helpers/cli';
import { writeInputs } from './helpers/job-inputs';
import { freePort } from './helpers/port';
import { Scratch } from './helpers/npy';
import { hasRedis, RedisServer } from './helpers/redis';

const scratch = new Scratch('tls');
const at = (...names: string[]): string => join(scratch.folder, ...names);
const hasOpenssl = runs('openssl', 'version');
const PASSWORD = 'correct horse';

function openssl(...args: string[]): void {
  const { status, stderr } = spawnSync('openssl', args, { cwd: scratch.folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

/** An authority, and what it says of localhost. */
function makeCertificates(): void {
  const key = ['-newkey', 'rsa:2048', '-nodes'];
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=nobody');
  openssl('req', ...key, '-keyout', 'own.key', '-out', 'own.csr', '-subj', '/CN=localhost');
  writeFileSync(at('names'), 'subjectAltName=DNS:localhost');
  const signed = ['-in', 'own.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial'];
  openssl('x509', '-req', ...signed, '-out', 'own.crt', '-extfile', 'names');
}

let server: RedisServer | undefined;
let address: string;

beforeAll(async () => {
  if (!hasRedis || !hasOpenssl) return;
  makeCertificates();
  const port = await freePort();
  const files = ['--tls-cert-file', at('own.crt'), '--tls-key-file', at('own.key')];
  const tls = ['--tls-port', `${port}`, ...files, '--tls-auth-clients', 'no'];
  server = await new RedisServer(at('redis'), [...tls, '--requirepass', PASSWORD]).start();
  address = `rediss://:${encodeURIComponent(PASSWORD)}@localhost:${port}`;
});

afterAll(async () => {
  await server?.kill();
});

const ask = (redis: string, ca: string | undefined, ...args: string[]): Outcome =>
  softlane(args, { env: { SOFTLANE_REDIS: redis, NODE_EXTRA_CA_CERTS: ca } });

(hasRedis && hasOpenssl ? describe : describe.skip)(
  'rediss:// (skipped without redis-server or openssl)',
  () => {
    test('a job goes through it, and its bytes are those of one machine', () => {
      const input = join(writeInputs(at('job')), 'good.npy');
      const output = { op: 'entropy', path: at('queue.npy') };
      writeFileSync(at('job.json'), JSON.stringify({ inputs: [input], outputs: [output] }));
      const ca = at('ca.crt');
      for (const command of [
        ['submit', at('job.json')],
        ['worker', '--drain'],
      ]) {
        const { status, stdout, stderr } = ask(address, ca, ...command, '--json');
        expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
        expect(stdout).not.toContain(encodeURIComponent(PASSWORD));
      }
      const args = ['score', input, '--op', 'entropy', '--out', at('alone.npy'), '--quiet'];
      expect(softlane(args).status).toBe(0);
      expect(readFileSync(at('queue.npy')).equals(readFileSync(at('alone.npy')))).toBe(true);
    });

    test('an authority that nobody knows, and another password, are one line each', () => {
      const unknown = ask(address, undefined, 'status');
      expect(unknown.status).toBe(1);
      expect(unknown.stderr).toMatch(/^softlane: rediss:\/\/localhost:\d+: .*certificate.*\n$/);
      const wrong = ask(address.replace('horse', 'mule'), at('ca.crt'), 'status');
      expect(wrong.status).toBe(1);
      expect(wrong.stderr).toMatch(/^softlane: rediss:\/\/localhost:\d+: .*\n$/);
      expect(wrong.stderr).not.toContain('mule');
    });
  },
);
