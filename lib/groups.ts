/** Rows of x that are one to an operator: a group, its members one after another (docs/decisions/0078-groups-of-rows.md). */
import { wrongShape } from './errors';
import type { Operator } from './operator';
import { groupSize } from './operator';

/** How many groups so many rows are. */
export function groupsOf(name: string, rows: number, size: number): number {
  if (rows % size === 0) return rows / size;
  throw wrongShape(
    name,
    'x',
    `have groups of ${size} rows`,
    `${rows} ${rows === 1 ? 'row' : 'rows'}`,
  );
}

/** Rows of a group lie one after another: no axis, no windows. */
export function requireNoGroups(operator: Operator, spec: Float64Array): void {
  const size = groupSize(operator, spec);
  if (size === 1) return;
  const expected = 'be 1 beside options.axis, options.dims and options.window';
  throw wrongShape(operator.name, `options.${operator.group}`, expected, String(size));
}

/** The columns of a call in the words of its options. */
export function columnsOf({ group }: Operator, cols: number, size: number): string {
  return group === undefined || size === 1
    ? `options.cols (${cols})`
    : `options.cols times options.${group} (${cols / size} times ${size})`;
}
