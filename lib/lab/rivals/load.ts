import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Absent } from '../ground';

/** A package of the user's project, or of softlane's own; Absent with the reason where it cannot be loaded. */
export function load(name: string): unknown {
  let failure: unknown;
  for (const from of [process.cwd(), __dirname]) {
    try {
      return createRequire(join(from, 'package.json'))(name);
    } catch (error) {
      failure ??= error;
      if (!isMissing(error, name)) throw new Absent(firstLine(error));
    }
  }
  throw new Absent(isMissing(failure, name) ? 'it is not installed' : firstLine(failure));
}

function isMissing(error: unknown, name: string): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code !== 'MODULE_NOT_FOUND') return false;
  // What the package itself lacks is another matter.
  const wanted = /Cannot find module '([^']+)'/.exec(message)?.[1];
  return wanted === undefined || wanted === name;
}

function firstLine(error: unknown): string {
  return String((error as Error | undefined)?.message ?? error).split('\n')[0];
}
