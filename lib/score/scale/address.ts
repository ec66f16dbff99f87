/** Where a queue is: an address of Redis and a name in it. */
import { wrongValue } from '../../errors';

/** Versions that understand each other: below 1.0 every minor version is a major one. */
export function majorOf(version: string): string {
  const [major, minor] = version.split('.');
  return major === '0' ? `0.${minor}` : major!;
}

/** What may be printed of an address: nothing of who is let in. */
export function labelOf(url: URL): string {
  if (url.protocol === 'unix:') return `unix://${url.pathname}`;
  const port = url.port === '' ? '6379' : url.port;
  return `${url.protocol}//${url.hostname}:${port}${url.pathname.replace(/\/$/, '')}`;
}

/** Whether what is written as %41 in it can be read. */
function isDecodable({ username, password, pathname }: URL): boolean {
  try {
    decodeURIComponent(username + password + pathname);
    return true;
  } catch {
    return false;
  }
}

/** The address, or what is wrong with it or with the name of the queue. */
export function requireAddress(text: string, queue: string): URL {
  const expected =
    'an address, such as redis://host:6379, rediss://user:password@host or unix:///path';
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlace = url?.protocol === 'unix:' ? url.pathname !== '' : url?.hostname !== '';
  const isKnown = url !== undefined && ['redis:', 'rediss:', 'unix:'].includes(url.protocol);
  if (isKnown && isPlace && isDecodable(url)) {
    if (/^[\w.-]+$/.test(queue)) return url;
    throw wrongValue('queue', '--queue', 'letters, digits, dots and dashes', queue);
  }
  // An address that is nearly right may hold a password.
  const shown = text.includes('@') ? '... (not shown: it may hold a password)' : text;
  throw wrongValue('queue', '--redis', expected, shown);
}

export function connectionOf(url: URL): Record<string, unknown> {
  const { username, password } = url;
  const who = {
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
  };
  if (url.protocol === 'unix:') return { path: decodeURIComponent(url.pathname), ...who };
  const db = url.pathname.length > 1 ? Number(url.pathname.slice(1)) : 0;
  if (!Number.isInteger(db)) throw wrongValue('queue', '--redis', 'a number of a database', db);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 6379 : Number(url.port),
    db,
    ...(url.protocol === 'rediss:' && { tls: {} }),
    ...who,
  };
}
