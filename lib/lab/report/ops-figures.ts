/** An operator beside its rivals, and results of other programs. */
import { perElement, type Saved, type SavedRow } from '../saved';
import { summarise } from '../statistics';
import { TABLE_HEAD, tableOf } from '../texts';
import { legendOf, type Figure } from './figure';
import { dots } from './bars';

const KINDS: Readonly<Record<string, string>> = {
  softlane: 'softlane',
  exp: 'a limit',
  memcpy: 'a limit',
  read: 'a limit',
};

/** A figure for each family of these rows: nanoseconds an element, or of a call where nobody says how many. */
export function opsFigures(rows: readonly SavedRow[]): Figure[] {
  const families = [...new Set(rows.map(({ family }) => family))];
  return families.map((family, i): Figure => {
    const own = rows.filter((row) => row.family === family);
    const divisor = (row: SavedRow): number => {
      const elements = row.rows * row.cols;
      return Number.isNaN(elements) ? 1 : elements;
    };
    const unit = own.every((row) => !Number.isNaN(perElement(row))) ? 'ns/element' : 'ns a call';
    const parts = [
      ...new Set(own.map((row) => KINDS[row.kind] ?? (row.kind === '' ? 'measured' : 'a rival'))),
    ];
    const values = own.map((row) => {
      const { q1, q3 } = summarise(row.trials.flat());
      return {
        group: row.contender,
        part: KINDS[row.kind] ?? (row.kind === '' ? 'measured' : 'a rival'),
        value: row.median / divisor(row),
        low: q1 / divisor(row),
        high: q3 / divisor(row),
      };
    });
    const ratio =
      Math.max(...values.map(({ value }) => value)) / Math.min(...values.map(({ value }) => value));
    const title = family === '' ? 'Benchmarks' : family.replace('/', ' ');
    const base =
      own[0].base === ''
        ? ''
        : ` Ratios in the table: times as fast as ${own[0].base}, with 95 % intervals.`;
    return {
      id: `ops-${i}-${family.replace(/\W+/g, '-')}`,
      title,
      caption: `Median and quartiles, ${unit}${own[0].cold ? ', outputs in no cache' : ''}; less is faster.${base}`,
      svg: dots(values, {
        parts,
        xLabel: unit,
        label: title,
        xLog: ratio > 8,
        xFromZero: ratio <= 8,
      }),
      legend: legendOf(parts),
      head: TABLE_HEAD,
      rows: tableOf(own),
    };
  });
}

/** The rows that no other figure draws. */
export function otherRows({ rows }: Saved, drawn: readonly string[]): SavedRow[] {
  return rows.filter(({ part }) => !drawn.includes(part) && !/^(batch|top-k)-/.test(part));
}
