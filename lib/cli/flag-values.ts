/** Values of flags that several commands have. */
import { MAX_THREADS } from '../spec';
import { UsageError } from './failure';

export function received(
  command: string,
  flag: string,
  expected: string,
  text: string,
): UsageError {
  return new UsageError(
    `${command}: expected ${flag} to be ${expected}, received ${JSON.stringify(text)}`,
  );
}

export const threadsFlag =
  (command: string) =>
  (text: string): number => {
    const count = /^\d+$/.test(text) ? Number(text) : NaN;
    if (count >= 1 && count <= MAX_THREADS) return count;
    throw received(command, '--threads', `an integer from 1 to ${MAX_THREADS}`, text);
  };

const units: Readonly<Record<string, number>> = {
  '': 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
};

export const bytesFlag =
  (command: string, flag: string) =>
  (text: string): number => {
    const match = /^(\d+(?:\.\d+)?) ?([kmgt]?)(?:i?b)?$/i.exec(text);
    const bytes = match === null ? NaN : Number(match[1]) * units[match[2]!.toLowerCase()]!;
    if (bytes >= 1) return Math.floor(bytes);
    throw received(command, flag, 'bytes, such as 512MiB or 2GiB', text);
  };
