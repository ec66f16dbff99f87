import { extname } from 'node:path';
import { UsageError } from '../../cli/failure';
import type { Saved } from '../saved';
import { csvOf, markdownOf } from '../texts';
import { page } from './page';

/** The file's ending says what it is. */
export function render(path: string, saved: readonly Saved[], title?: string): string {
  switch (extname(path).toLowerCase()) {
    case '.html':
    case '.htm':
      return page(saved, title);
    case '.md':
      return markdownOf(saved);
    case '.csv':
      return csvOf(saved);
    default:
      throw new UsageError(
        `lab: expected --out to end with .html, .md or .csv, received ${JSON.stringify(path)}`,
      );
  }
}
