import { BUSY } from './machine';
import { REFERENCES, type Result } from './results';
import type { Summary } from './statistics';

/** Three digits. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value > 0 && value < 0.01) return String(Number(value.toPrecision(2)));
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value >= 1 ? value.toFixed(2) : value.toFixed(3);
}

export function duration(ns: number): string {
  if (ns < 1e3) return `${digits(ns)} ns`;
  if (ns < 1e6) return `${digits(ns / 1e3)} µs`;
  return ns < 1e9 ? `${digits(ns / 1e6)} ms` : `${digits(ns / 1e9)} s`;
}

function spread({ q1, q3 }: Pick<Summary, 'q1' | 'q3'>, divisor = 1): string {
  return `${digits(q1 / divisor)} .. ${digits(q3 / divisor)}`;
}

/** Columns aligned to the right but for the first. */
export function align(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A heading, the table and what must be said of it. */
export function table(result: Result): string {
  const { family, shape, cold, base, repeats, lines, absent, wrong, others } = result;
  const elements = shape.rows * shape.cols;
  const trials = lines.length > 0 ? lines[0].calls.length : 0;
  const present = (name: string): boolean => lines.some((line) => line.name === name);
  const references = REFERENCES.filter((name) => name !== base && present(name));
  const based = present(base);
  const head = [
    'contender',
    'a call',
    'ns/element',
    'quartiles',
    'max ULP',
    ...(based ? [`x ${base}`, 'quartiles', '95 % interval'] : []),
    ...references.map((name) => `x ${name}`),
  ];
  const rows = lines.map(({ name, call, maxUlp, faster }) => [
    name,
    duration(call.median),
    digits(call.median / elements),
    spread(call, elements),
    maxUlp === null ? '-' : digits(maxUlp),
    ...(based
      ? [
          digits(faster[base].median),
          spread(faster[base]),
          `${digits(faster[base].interval.low)} .. ${digits(faster[base].interval.high)}`,
        ]
      : []),
    ...references.map((reference) => digits(faster[reference].median)),
  ]);
  const outputs = cold ? 'cold outputs' : 'warm outputs';
  return [
    `${family.replace('/', ' ')}: ${outputs}, ${trials} x ${repeats} rounds`,
    ...(lines.length > 0 ? [align([head, ...rows])] : []),
    ...wrong.map(({ name, why }) => `WRONG, so without a number: ${name}: ${why}`),
    ...absent.map(({ name, why }) => `skipped: ${name}: ${why}`),
    ...lines.flatMap(({ name, doubts }) => doubts.map((doubt) => `DOUBTFUL: ${name}: ${doubt}`)),
    ...(others !== null && others > BUSY ? [busy(others)] : []),
  ].join('\n');
}

export function busy(share: number): string {
  return `BUSY MACHINE: other programs took ${Math.round(share * 100)} % of a CPU; do not trust these figures`;
}

export function listing(facts: Readonly<Record<string, string>>): string {
  const width = Math.max(...Object.keys(facts).map((name) => name.length));
  return Object.entries(facts)
    .map(([name, value]) => `${name.padEnd(width)}  ${value}`)
    .join('\n');
}
