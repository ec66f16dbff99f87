/** The figures of the online normalizer paper with our curves. */
import { perElement, type Saved, type SavedRow } from '../saved';
import { speedup, speedupInterval } from '../statistics';
import { digits } from '../table';
import { curves, legendOf, orDash, shortNumber, type Figure, type Point } from './figure';

const shortName = ({ contender }: SavedRow): string => contender.split('/')[0];

/** What a figure is drawn from: the rows of a batch on one instruction set, and which curve each belongs to. */
interface Group {
  readonly rows: readonly SavedRow[];
  readonly seriesOf: (row: SavedRow) => string;
  /** Of ids and titles. */
  readonly batch: number;
  readonly where: string;
}

/** The rows of parts named WORD-BATCH, by batch, instruction set and threads. */
function groupsOf(saved: Saved, word: string): Omit<Group, 'seriesOf'>[] {
  const parts = [...new Set(saved.rows.map(({ part }) => part))];
  return parts.flatMap((part) => {
    const [, batch] = new RegExp(`^${word}-(\\d+)$`).exec(part) ?? [];
    if (batch === undefined) return [];
    const rows = saved.rows.filter((row) => row.part === part);
    const groups = [...new Set(rows.map(({ isa, threads }) => `${isa}, ${threads} threads`))];
    return groups.map((group) => ({
      rows: rows.filter(({ isa, threads }) => `${isa}, ${threads} threads` === group),
      batch: Number(batch),
      where: group.replace(', 1 threads', ''),
    }));
  });
}

/** The K of the paper's own figures. */
const PLOTTED = 5;

export function onlineFigures(saved: Saved): Figure[] {
  const softmax = groupsOf(saved, 'batch').flatMap((group) => {
    const own = { ...group, seriesOf: shortName };
    return [
      speedFigure(own, {
        id: 'online-speed',
        title: 'Softmax over the length of a row',
        caption:
          'G elements a second. naive: 3 accesses an element (no maximum, so it overflows above 88); safe: 4; online: 3; Two-Pass: 3.',
      }),
      ratioFigure(own, own.rows, {
        id: 'online-gain',
        title: 'Times as fast as safe softmax',
        caption:
          'With 95 % intervals. By the count of memory accesses online softmax could be 4/3 as fast as the safe one; the paper measures up to 1.3 on a GPU.',
        base: 'safe',
        levels: [
          { y: 1, word: 'safe' },
          { y: 4 / 3, word: '4/3' },
        ],
      }),
    ];
  });
  const selections = groupsOf(saved, 'top-k').flatMap((group) => {
    const five = group.rows.filter(({ k }) => k === PLOTTED);
    const fused = group.rows.filter(({ form }) => form === 'online-fused');
    return [
      speedFigure(
        { ...group, rows: five, seriesOf: shortName },
        {
          id: 'top-k-speed',
          title: `Softmax and its ${PLOTTED} largest`,
          caption:
            'G elements a second. Safe softmax and then top-k: 5 accesses an element; online softmax and then top-k: 4; safe fused with top-k: 2; online fused with top-k: 1.',
        },
      ),
      ratioFigure({ ...group, seriesOf: shortName }, five, {
        id: 'top-k-gain',
        title: `Times as fast as safe softmax and then top-${PLOTTED}`,
        caption:
          'With 95 % intervals. The paper measures up to 5 for the online form, fused, on a GPU, half of it by the fusion alone. By the count of accesses the forms could be 5, 2.5 and 1.25 times as fast.',
        base: 'safe-then-top-k',
        levels: [
          { y: 1, word: 'safe, then top-k' },
          { y: 5, word: 'the paper, 5/1' },
        ],
      }),
      ratioFigure({ ...group, seriesOf: ({ k }) => `K = ${k}` }, fused, {
        id: 'top-k-by-k',
        title: 'The fused form, times as fast as safe softmax and then top-k of as many',
        caption:
          'With 95 % intervals. What the number of elements that are kept costs the one read of the row.',
        levels: [{ y: 5, word: 'the paper, 5/1' }],
      }),
    ];
  });
  return [...softmax, ...selections];
}

interface Words {
  readonly id: string;
  readonly title: string;
  readonly caption: string;
}

const idOf = ({ batch, where }: Group, id: string): string =>
  `${id}-${batch}-${where.replace(/\W+/g, '-')}`;
const titleOf = ({ batch, where }: Group, title: string): string =>
  `${title}, batch ${batch}, ${where}`;

function speedFigure(group: Group, words: Words): Figure {
  const { rows, seriesOf } = group;
  const series = [...new Set(rows.map(seriesOf))];
  const lengths = [...new Set(rows.map(({ cols }) => cols))];
  const title = titleOf(group, words.title);
  const find = (name: string, cols: number): SavedRow | undefined =>
    rows.find((row) => row.cols === cols && seriesOf(row) === name);
  return {
    id: idOf(group, words.id),
    title,
    caption: words.caption,
    svg: curves(
      rows.map((row): Point => ({
        x: row.cols,
        y: 1 / perElement(row),
        series: seriesOf(row),
        title: `${seriesOf(row)}, V = ${row.cols}: ${digits(1 / perElement(row))} G elements/s`,
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

interface RatioWords extends Words {
  /** The contender's short name that all are compared with; 'safe-then-top-k' of the same K where it is absent. */
  readonly base?: string;
  readonly levels: readonly { readonly y: number; readonly word: string }[];
}

/** Each of `rows` over the base of the same shape and the same K. */
function ratioFigure(group: Group, rows: readonly SavedRow[], words: RatioWords): Figure {
  const { base: baseName = 'safe-then-top-k', levels } = words;
  const { seriesOf } = group;
  const lengths = [...new Set(rows.map(({ cols }) => cols))];
  const others = rows.filter((row) => shortName(row) !== baseName);
  const series = [...new Set(others.map(seriesOf))];
  const points = others.flatMap((row): Point[] => {
    const base = group.rows.find(
      (one) => one.cols === row.cols && Object.is(one.k, row.k) && shortName(one) === baseName,
    );
    if (base === undefined || base.trials.length !== row.trials.length) return [];
    const y = speedup(base.trials.flat(), row.trials.flat()).median;
    const { low, high } = speedupInterval(base.trials, row.trials);
    const name = seriesOf(row);
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
  const title = titleOf(group, words.title);
  return {
    id: idOf(group, words.id),
    title,
    caption: words.caption,
    svg: curves(points, {
      xLabel: 'V, elements of a row',
      yLabel: 'times as fast',
      series,
      xTicks: lengths,
      levels,
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
