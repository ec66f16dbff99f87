import { systemCode } from '../score/errors';
import { errorText } from './failure';

/**
 * Makes a closed pipe (`softlane ops | head -1`) quiet, and any other failure of standard output one sentence and exit
 * code 4. Nobody could hear of a failure of standard error.
 */
export function watchOutput(): void {
  process.stdout.on('error', (error: Error) => {
    // A job that writes there listens too, and tells of it itself.
    if (systemCode(error) === 'EPIPE' || process.stdout.listenerCount('error') > 1) return;
    process.exitCode = 4;
    note(errorText(`standard output cannot be written: ${error.message}`, false));
  });
  process.stderr.on('error', () => undefined);
}

/** A line for whoever or whatever reads the result. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** A line for the person at the terminal. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** 1536 -> "1.50 KiB": three digits, and all of them for a whole number of bytes. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const whole = unit === 0 && Number.isInteger(value);
  const digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return `${whole ? value : value.toFixed(digits)} ${units[unit]}`;
}

/** 1234567 -> "1,234,567" */
export function countText(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Left-aligned columns, two blanks apart. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  }
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
