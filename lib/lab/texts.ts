/** Results as CSV, a row for each round, and as Markdown, a table for each family. */
import { perElement, rateOf, type Saved, type SavedRow } from './saved';
import { speedup, speedupInterval, summarise } from './statistics';
import { digits, duration } from './table';

const COLUMNS = [
  'suite',
  'family',
  'part',
  'contender',
  'op',
  'rows',
  'cols',
  'threads',
  'isa',
  'algorithm',
  'variant',
  'cold',
  'trial',
  'round',
  'ns',
  'ns_per_element',
  'max_ulp',
] as const;

function cell(value: string | number | boolean | null): string {
  const text = value === null ? '' : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csvOf(saved: readonly Saved[]): string {
  const lines = saved.flatMap(({ suite, rows }) =>
    rows.flatMap((row) =>
      row.trials.flatMap((times, trial) =>
        times.map((ns, round) => {
          const values: Record<(typeof COLUMNS)[number], string | number | boolean | null> = {
            ...row,
            suite,
            trial,
            round,
            ns,
            ns_per_element: ns / (row.rows * row.cols),
            max_ulp: row.maxUlp,
          };
          return COLUMNS.map((column) => cell(values[column])).join(',');
        }),
      ),
    ),
  );
  return `${[COLUMNS.join(','), ...lines].join('\n')}\n`;
}

/** Rows by family, in the order of the file. */
export function familiesOf({ rows }: Saved): Map<string, SavedRow[]> {
  const families = new Map<string, SavedRow[]>();
  for (const row of rows) families.set(row.family, [...(families.get(row.family) ?? []), row]);
  return families;
}

export const TABLE_HEAD = [
  'contender',
  'a call',
  'ns/element',
  'quartiles',
  'GB/s',
  'max ULP',
  'x base',
  '95 % interval',
];

/** The table of a family, in words; the base has ratios to itself of 1. */
export function tableOf(rows: readonly SavedRow[]): string[][] {
  const base = rows.find(({ contender, base: name }) => contender === name);
  return rows.map((row) => {
    const { q1, q3 } = summarise(row.trials.flat());
    const elements = row.rows * row.cols;
    const paired =
      base !== undefined &&
      base.trials.length === row.trials.length &&
      base.trials.every((times, i) => times.length === row.trials[i].length);
    const interval = paired ? speedupInterval(base.trials, row.trials) : undefined;
    const dash = (value: number): string => (Number.isNaN(value) ? '-' : digits(value));
    return [
      row.contender + (row.doubts.length > 0 ? ' (doubtful)' : ''),
      duration(row.median),
      dash(perElement(row)),
      Number.isNaN(elements) ? '-' : `${digits(q1 / elements)} .. ${digits(q3 / elements)}`,
      dash(rateOf(row)),
      row.maxUlp === null ? '-' : digits(row.maxUlp),
      paired ? digits(speedup(base.trials.flat(), row.trials.flat()).median) : '-',
      interval ? `${digits(interval.low)} .. ${digits(interval.high)}` : '-',
    ];
  });
}

const escaped = (text: string): string => text.replaceAll('|', '\\|');

export function markdownOf(saved: readonly Saved[]): string {
  return saved
    .map((one) => {
      const facts = Object.entries({ ...one.facts, ...one.settings })
        .map(([name, value]) => `| ${escaped(name)} | ${escaped(value)} |`)
        .join('\n');
      const tables = [...familiesOf(one)].map(([family, rows]) => {
        const line = (cells: readonly string[]): string => `| ${cells.map(escaped).join(' | ')} |`;
        const base = rows[0].base === '' ? '' : `\n\nx base: times as fast as ${rows[0].base}.`;
        const rule = line(TABLE_HEAD.map((_, i) => (i === 0 ? '---' : '---:')));
        return `## ${family || one.path}\n\n${[line(TABLE_HEAD), rule, ...tableOf(rows).map(line)].join('\n')}${base}`;
      });
      const left = one.missing.map(
        ({ name, why, wrong }) =>
          `- ${wrong ? 'wrong, so without a number' : 'skipped'}: ${name}: ${why}`,
      );
      return [
        `# ${one.suite || one.path}, ${one.date}`,
        `| fact | value |\n| --- | --- |\n${facts}`,
        ...one.remarks,
        ...tables,
        ...(left.length > 0 ? [left.join('\n')] : []),
      ].join('\n\n');
    })
    .join('\n\n')
    .concat('\n');
}
