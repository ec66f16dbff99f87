/** The figures of the online normalizer paper with our curves. */
import { perElement, type Saved, type SavedRow } from '../saved';
import { speedup, speedupInterval } from '../statistics';
import { digits } from '../table';
import { curves, legendOf, orDash, shortNumber, type Figure, type Point } from './figure';

const PART = /^batch-(\d+)$/;

const shortName = ({ contender }: SavedRow): string => contender.split('/')[0];

export function onlineFigures(saved: Saved): Figure[] {
  const parts = [...new Set(saved.rows.map(({ part }) => part))].filter((part) => PART.test(part));
  return parts.flatMap((part) => {
    const batch = saved.rows.filter((row) => row.part === part);
    const groups = [...new Set(batch.map(({ isa, threads }) => `${isa}, ${threads} threads`))];
    return groups.flatMap((group) => {
      const rows = batch.filter(({ isa, threads }) => `${isa}, ${threads} threads` === group);
      const count = Number(PART.exec(part)?.[1]);
      const where = group.replace(', 1 threads', '');
      return [speedFigure(rows, count, where), ratioFigure(rows, count, where)];
    });
  });
}

function speedFigure(rows: readonly SavedRow[], batch: number, group: string): Figure {
  const series = [...new Set(rows.map(shortName))];
  const lengths = [...new Set(rows.map(({ cols }) => cols))];
  const title = `Softmax over the length of a row, batch ${batch}, ${group}`;
  const find = (name: string, cols: number): SavedRow | undefined =>
    rows.find((row) => row.cols === cols && shortName(row) === name);
  return {
    id: `online-speed-${batch}-${group.replace(/\W+/g, '-')}`,
    title,
    caption: `G elements a second. naive: 3 accesses an element (no maximum, so it overflows above 88); safe: 4; online: 3; Two-Pass: 3.`,
    svg: curves(
      rows.map((row): Point => ({
        x: row.cols,
        y: 1 / perElement(row),
        series: shortName(row),
        title: `${shortName(row)}, V = ${row.cols}: ${digits(1 / perElement(row))} G elements/s`,
      })),
      {
        xLabel: 'V, elements of a row',
        yLabel: 'G elements/s',
        yFromZero: true,
        series,
        xTicks: lengths,
        label: title,
      },
    ),
    legend: legendOf(series),
    head: ['V', ...series.map((name) => `${name}, ns/element`)],
    rows: lengths.map((cols) => [
      shortNumber(cols),
      ...series.map((name) => orDash(find(name, cols) ? perElement(find(name, cols)!) : NaN)),
    ]),
  };
}

function ratioFigure(rows: readonly SavedRow[], batch: number, group: string): Figure {
  const lengths = [...new Set(rows.map(({ cols }) => cols))];
  const series = [...new Set(rows.map(shortName))].filter((name) => name !== 'safe');
  const points = rows.flatMap((row): Point[] => {
    const safe = rows.find((one) => one.cols === row.cols && shortName(one) === 'safe');
    const name = shortName(row);
    if (safe === undefined || name === 'safe' || safe.trials.length !== row.trials.length)
      return [];
    const y = speedup(safe.trials.flat(), row.trials.flat()).median;
    const { low, high } = speedupInterval(safe.trials, row.trials);
    return [
      {
        x: row.cols,
        y,
        low,
        high,
        series: name,
        title: `${name}, V = ${row.cols}: ${digits(y)} x`,
      },
    ];
  });
  const title = `Times as fast as safe softmax, batch ${batch}, ${group}`;
  return {
    id: `online-gain-${batch}-${group.replace(/\W+/g, '-')}`,
    title,
    caption:
      'With 95 % intervals. By the count of memory accesses online softmax could be 4/3 as fast as the safe one; the paper measures up to 1.3 on a GPU.',
    svg: curves(points, {
      xLabel: 'V, elements of a row',
      yLabel: 'times as fast as safe',
      series,
      xTicks: lengths,
      levels: [
        { y: 1, word: 'safe' },
        { y: 4 / 3, word: '4/3' },
      ],
      label: title,
    }),
    legend: legendOf(series),
    head: ['V', ...series],
    rows: lengths.map((cols) => [
      shortNumber(cols),
      ...series.map((name) => {
        const point = points.find(({ x, series: own }) => x === cols && own === name);
        return point ? `${digits(point.y)} (${digits(point.low!)} .. ${digits(point.high!)})` : '-';
      }),
    ]),
  };
}
