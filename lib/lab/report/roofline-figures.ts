/** What the machine can do, and where operators lie. */
import { sizeText } from '../machine';
import { perElement, rateOf, type Saved } from '../saved';
import { digits } from '../table';
import { curves, legendOf, orDash, scalesOf, shortNumber, type Figure, type Point } from './figure';
import { dots } from './bars';
import { drawSvg, plot } from './plot';

export function memoryFigures(saved: Saved): Figure[] {
  const rows = saved.rows.filter(({ part }) => part === 'memory');
  const counts = [...new Set(rows.map(({ threads }) => threads))];
  return counts.map((threads): Figure => {
    const own = rows.filter((row) => row.threads === threads);
    const series = [...new Set(own.map(({ work }) => work))];
    const sizes = [...new Set(own.map(({ cols }) => cols))];
    const title = `Memory by working set, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
    const marks = saved.caches.map(({ level, size }) => ({ x: size, word: `L${level}` }));
    return {
      id: `memory-${threads}`,
      title,
      caption:
        'GB a second that are read and written, over the bytes of one array; copies have two. The line that an ordinary store reads first is not counted.',
      svg: curves(
        own.map((row): Point => ({
          x: 4 * row.cols,
          y: rateOf(row),
          series: row.work,
          title: `${row.work}, ${sizeText(4 * row.cols)}: ${digits(rateOf(row))} GB/s`,
        })),
        {
          xLabel: 'bytes of an array',
          yLabel: 'GB/s',
          yLog: true,
          series,
          marks,
          label: title,
          xTicks: sizes.map((cols) => 4 * cols),
          xFormat: sizeText,
        },
      ),
      legend: legendOf(series),
      head: ['array', ...series.map((name) => `${name}, GB/s`)],
      rows: sizes.map((cols) => [
        sizeText(4 * cols),
        ...series.map((name) => {
          const row = own.find((one) => one.cols === cols && one.work === name);
          return orDash(row ? rateOf(row) : NaN);
        }),
      ]),
    };
  });
}

interface Placed {
  readonly op: string;
  readonly where: Where;
  /** Elements for each byte that must be moved. */
  readonly intensity: number;
  /** G elements a second, and what memory traffic alone would allow. */
  readonly speed: number;
  readonly limit: number;
}

const WHERE = ['in cache', 'from memory'] as const;
type Where = (typeof WHERE)[number];

/** Operators beside the roofs: memory rates at a working set, and exponentials in cache. */
export function rooflineFigures(saved: Saved): Figure[] {
  const memory = saved.rows.filter(({ part, threads }) => part === 'memory' && threads === 1);
  const [exp] = saved.rows.filter(({ part }) => part === 'exp').sort((a, b) => a.median - b.median);
  const operators = saved.rows.filter(({ part, isa }) => part === 'operators' && isa === exp?.isa);
  if (memory.length === 0 || exp === undefined || operators.length === 0) return [];
  const sizes = memory.map(({ cols }) => cols);
  const extremes = { 'in cache': Math.min(...sizes), 'from memory': Math.max(...sizes) };
  const rate = (work: string, where: Where): number => {
    const row = memory.find((one) => one.cols === extremes[where] && one.work === work);
    return row ? rateOf(row) : NaN;
  };
  const placed = operators.map((row): Placed => {
    const where = row.cold ? 'from memory' : 'in cache';
    const intensity = 1 / (4 * row.moved);
    const limit = intensity * rate(row.moved > 1 ? 'copy' : 'read', where);
    return { op: row.op, where, intensity, speed: 1 / perElement(row), limit };
  });
  const expSpeed = 1 / perElement(exp);
  const roofs = WHERE.map((where) => ({ where, rate: rate('copy', where) }));
  const level = `Level: ${digits(expSpeed)} G exponentials a second of a function for every float; inside softmax a shorter form is enough.`;
  const title = `Roofline, ${exp.isa}, one thread`;
  const beside = `Operators beside memory, ${exp.isa}, one thread`;
  const parts = WHERE.flatMap((where) => [where, `${where}: memory alone`]);
  return [
    {
      id: 'roofline',
      title,
      caption: `G elements a second over elements for each byte that must be moved: 1/8 where a row gives a row, 1/4 where it gives a number. Slanted: what the copy of the same run moves in cache (upper) and from memory (lower). ${level}`,
      svg: (width) => drawRoofline(placed, roofs, expSpeed, title, width),
      legend: legendOf(WHERE),
      head: ['operator', 'data', 'elements a byte', 'G elements/s'],
      rows: placed.map(({ op, where, intensity, speed }) => [
        op,
        where,
        `1/${Math.round(1 / intensity)}`,
        digits(speed),
      ]),
    },
    {
      id: 'operators',
      title: beside,
      caption:
        'G elements a second, and what the copy of the same run (for operators with a number a row: reading) would allow at the same working set.',
      svg: dots(
        placed.flatMap(({ op, where, speed, limit }) => [
          { group: op, part: where, value: speed },
          { group: op, part: `${where}: memory alone`, value: limit },
        ]),
        { parts, xLabel: 'G elements/s', label: beside, xLog: true },
      ),
      legend: legendOf(parts),
      head: ['operator', 'data', 'G elements/s', 'memory alone', 'share'],
      rows: placed.map(({ op, where, speed, limit }) => [
        op,
        where,
        digits(speed),
        digits(limit),
        `${Math.round((100 * speed) / limit)} %`,
      ]),
    },
  ];
}

function drawRoofline(
  placed: readonly Placed[],
  roofs: readonly { readonly where: Where; readonly rate: number }[],
  expSpeed: number,
  label: string,
  width: number,
): string {
  const Plot = plot();
  const [from, to] = [1 / 16, 1 / 2];
  const lines = roofs.flatMap(({ where, rate }) =>
    [from, to].map((intensity) => ({ where, intensity, speed: intensity * rate, rate })),
  );
  const starts = lines.filter(({ intensity }) => intensity === from);
  const named = placed.map((one) => ({
    ...one,
    title: `${one.op} ${one.where}: ${digits(one.speed)} G elements/s`,
  }));
  return drawSvg(
    {
      height: 440,
      x: {
        type: 'log',
        label: 'elements a byte',
        labelAnchor: 'center',
        domain: [from, to],
        ticks: [1 / 16, 1 / 8, 1 / 4, 1 / 2],
        tickFormat: (value: number) => `1/${Math.round(1 / value)}`,
      },
      y: { type: 'log', label: 'G elements/s', nice: true, tickFormat: shortNumber },
      ...scalesOf(WHERE),
      marks: [
        Plot.gridY({ strokeOpacity: 0.14 }),
        Plot.line(lines, {
          x: 'intensity',
          y: 'speed',
          z: 'where',
          stroke: 'where',
          strokeOpacity: 0.6,
        }),
        Plot.text(starts, {
          x: 'intensity',
          y: 'speed',
          text: ({ rate }: { rate: number }) => `copy, ${digits(rate)} GB/s`,
          textAnchor: 'start',
          dx: 6,
          dy: 12,
          fill: 'var(--muted)',
        }),
        Plot.ruleY([expSpeed], { stroke: 'var(--faint)', strokeDasharray: '5,4' }),
        Plot.text([expSpeed], {
          y: (speed: number) => speed,
          text: (speed: number) => `exp, ${digits(speed)} G/s`,
          frameAnchor: 'right',
          textAnchor: 'end',
          dy: -8,
          fill: 'var(--muted)',
        }),
        Plot.dot(named, {
          x: 'intensity',
          y: 'speed',
          stroke: 'where',
          symbol: 'where',
          r: 5,
          title: 'title',
        }),
      ],
    },
    label,
    width,
  );
}
