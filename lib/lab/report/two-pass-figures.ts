/** The figures of the Two-Pass Softmax paper with our curves. */
import { perElement, rateOf, type Saved, type SavedRow } from '../saved';
import { median, speedupInterval } from '../statistics';
import { digits } from '../table';
import { curves, legendOf, orDash, shortNumber, type Figure, type Point } from './figure';
import { bars, dots } from './bars';

const ALGORITHMS = ['three-pass-recompute', 'three-pass-reload', 'two-pass'];

/** Array lengths at which the input alone fills a cache. */
export function cacheMarks({ caches }: Saved): { x: number; word: string }[] {
  return caches.map(({ level, size }) => ({ x: size / 4, word: `L${level}` }));
}

const isasOf = (rows: readonly SavedRow[]): string[] => [
  ...new Set(rows.filter(({ kind }) => kind === 'softlane').map(({ isa }) => isa)),
];

const VARIANTS: Readonly<Record<string, string>> = {
  published: 'as published: ordinary stores, no prefetch, 4 KiB pages',
  shipped: 'as softlane ships it',
};

/** Elements a second over the length of the row, and what Two-Pass gains over the better three-pass form. */
export function lengthFigures(saved: Saved): Figure[] {
  const rows = saved.rows.filter(({ part, kind }) => part === 'length' && kind === 'softlane');
  return isasOf(rows).flatMap((isa) => {
    const own = rows.filter((row) => row.isa === isa);
    const variants = [...new Set(own.map(({ variant }) => variant))];
    const speed = variants.map((variant) => speedFigure(saved, isa, variant, own));
    return [...speed, gainFigure(saved, isa, variants, own)];
  });
}

function speedFigure(saved: Saved, isa: string, variant: string, all: readonly SavedRow[]): Figure {
  const rows = all.filter((row) => row.variant === variant);
  const series = ALGORITHMS.filter((name) => rows.some(({ algorithm }) => algorithm === name));
  const points = rows.map((row): Point => ({
    x: row.cols,
    y: 1 / perElement(row),
    series: row.algorithm,
    title: `${row.algorithm}, n = ${row.cols}: ${digits(1 / perElement(row))} G elements/s`,
  }));
  const lengths = [...new Set(rows.map(({ cols }) => cols))];
  const title = `Softmax over the length of a row, ${isa}, ${variant}`;
  return {
    id: `length-${isa}-${variant}`,
    title,
    caption: `G elements a second, one thread, ${VARIANTS[variant] ?? variant}; the output is in no cache, the input as far as it fits. The dashed lines are lengths at which the input fills a cache.`,
    svg: curves(points, {
      xLabel: 'elements of the row',
      yLabel: 'G elements/s',
      yFromZero: true,
      series,
      xTicks: lengths,
      marks: cacheMarks(saved),
      label: title,
    }),
    legend: legendOf(series),
    head: [
      'n',
      ...series.map((name) => `${name}, ns/element`),
      'two-pass is x the better three-pass',
    ],
    rows: lengths.map((n) => {
      const of = (name: string): SavedRow | undefined =>
        rows.find(({ cols, algorithm }) => cols === n && algorithm === name);
      const gain = gainOf(rows.filter(({ cols }) => cols === n));
      return [
        shortNumber(n),
        ...series.map((name) => orDash(of(name) ? perElement(of(name)!) : NaN)),
        gain ? `${digits(gain.y)} (${digits(gain.low)} .. ${digits(gain.high)})` : '-',
      ];
    }),
  };
}

/** How many times as fast two-pass is as the better three-pass form, with its interval. */
function gainOf(rows: readonly SavedRow[]): { y: number; low: number; high: number } | undefined {
  const two = rows.find(({ algorithm }) => algorithm === 'two-pass');
  const [best] = rows
    .filter(({ algorithm }) => algorithm.startsWith('three-pass'))
    .sort((a, b) => a.median - b.median);
  if (two === undefined || best === undefined || best.trials.length !== two.trials.length) {
    return undefined;
  }
  const { low, high } = speedupInterval(best.trials, two.trials);
  const ratios = best.trials.flatMap((times, t) => times.map((ns, r) => ns / two.trials[t][r]));
  return { y: median(ratios), low, high };
}

function gainFigure(
  saved: Saved,
  isa: string,
  variants: readonly string[],
  rows: readonly SavedRow[],
): Figure {
  const lengths = [...new Set(rows.map(({ cols }) => cols))];
  const points = variants.flatMap((variant) =>
    lengths.flatMap((n): Point[] => {
      const gain = gainOf(rows.filter((row) => row.cols === n && row.variant === variant));
      return gain
        ? [{ x: n, ...gain, series: variant, title: `${variant}, n = ${n}: ${digits(gain.y)} x` }]
        : [];
    }),
  );
  const title = `What Two-Pass gains over the better three-pass form, ${isa}`;
  return {
    id: `gain-${isa}`,
    title,
    caption:
      'Times as fast, the median over the rounds, with its 95 % interval. Above 1 Two-Pass is ahead. By the count of memory accesses alone it could be 1.33. The paper reports up to 1.28 with AVX512 and 1.18 with AVX2 on Skylake-X.',
    svg: curves(points, {
      xLabel: 'elements of the row',
      yLabel: 'times as fast',
      series: variants,
      xTicks: lengths,
      marks: cacheMarks(saved),
      levels: [
        { y: 1, word: 'equal' },
        { y: 4 / 3, word: '4/3' },
      ],
      label: title,
    }),
    legend: legendOf(variants),
    head: ['n', ...variants],
    rows: lengths.map((n) => [
      shortNumber(n),
      ...variants.map((variant) => {
        const gain = gainOf(rows.filter((row) => row.cols === n && row.variant === variant));
        return gain ? `${digits(gain.y)} (${digits(gain.low)} .. ${digits(gain.high)})` : '-';
      }),
    ]),
  };
}

/** Median of the differences within a round, an element. */
function difference(row: SavedRow, other: SavedRow): number {
  const gaps = row.trials.flatMap((times, t) => times.map((ns, r) => ns - other.trials[t][r]));
  return median(gaps) / (row.rows * row.cols);
}

interface Pass {
  readonly algorithm: string;
  readonly pass: string;
  readonly ns: number;
}

/** Each pass by itself: differences of whole calls, and memory traffic where a pass is nothing else. */
function passesOf(rows: readonly SavedRow[]): Pass[] {
  const softmax = (name: string): SavedRow | undefined =>
    rows.find(({ op, algorithm }) => op === 'softmax' && algorithm === name);
  const sum = (name: string): SavedRow | undefined =>
    rows.find(({ op, algorithm }) => op === 'logSumExp' && algorithm === name);
  const memory = (name: string): SavedRow | undefined =>
    rows.find(({ kind, work }) => kind === 'memory' && work === name);
  const [recompute, reload, two] = ALGORITHMS.map(softmax);
  const [twoSum, recomputeSum] = [sum('two-pass'), sum('three-pass-recompute')];
  const [read, scale] = [memory('read'), memory('scale')];
  if (!recompute || !reload || !two || !twoSum || !recomputeSum || !read || !scale) return [];
  const max = perElement(read);
  const last = perElement(scale);
  return [
    { algorithm: 'two-pass', pass: '1: sum', ns: perElement(twoSum) },
    { algorithm: 'two-pass', pass: '2: write', ns: difference(two, twoSum) },
    { algorithm: 'three-pass-recompute', pass: '1: maximum', ns: max },
    { algorithm: 'three-pass-recompute', pass: '2: sum', ns: difference(recomputeSum, read) },
    {
      algorithm: 'three-pass-recompute',
      pass: '3: write',
      ns: difference(recompute, recomputeSum),
    },
    { algorithm: 'three-pass-reload', pass: '1: maximum', ns: max },
    {
      algorithm: 'three-pass-reload',
      pass: '2: sum and write',
      ns: difference(reload, read) - last,
    },
    { algorithm: 'three-pass-reload', pass: '3: scale', ns: last },
  ];
}

const PASSES = [
  '1: maximum',
  '1: sum',
  '2: sum',
  '2: sum and write',
  '2: write',
  '3: write',
  '3: scale',
];

/** Bars of memory traffic beside those of passes. */
const TRAFFIC = 'memory traffic alone';

export function passFigures(saved: Saved): Figure[] {
  const rows = saved.rows.filter(({ part }) => part === 'passes');
  return isasOf(rows).flatMap((isa): Figure[] => {
    const own = rows.filter((row) => row.isa === isa);
    const passes = passesOf(own);
    if (passes.length === 0) return [];
    const used = PASSES.filter((name) => passes.some(({ pass }) => pass === name));
    const memory = own.filter(({ kind }) => kind === 'memory');
    const title = `Passes of each algorithm, ${isa}, as published, ${shortNumber(own[0].cols)} elements`;
    const traffic = memory.map((row) => ({
      group: `memory ${row.work}`,
      part: TRAFFIC,
      value: perElement(row),
    }));
    const parts = [...used, TRAFFIC];
    return [
      {
        id: `passes-${isa}`,
        title,
        caption:
          'Nanoseconds an element. Below: the same memory read, copied and scaled in the same run, with nothing computed. A pass as long as its memory traffic can only be helped by less traffic.',
        svg: bars(
          [
            ...passes.map(({ algorithm, pass, ns }) => ({
              group: algorithm,
              part: pass,
              value: ns,
            })),
            ...traffic,
          ],
          { parts, xLabel: 'ns/element', label: title },
        ),
        legend: legendOf(parts, 'square'),
        head: ['what', 'pass', 'ns/element', 'GB/s'],
        rows: [
          ...passes.map(({ algorithm, pass, ns }) => [algorithm, pass, digits(ns), '-']),
          ...memory.map((row) => [
            'memory',
            row.work,
            digits(perElement(row)),
            digits(rateOf(row)),
          ]),
        ],
      },
    ];
  });
}

/** Bytes by the counts of the papers, and with the lines that ordinary stores read first. */
const COUNTS: Readonly<Record<string, { n: number; allocated: number }>> = {
  'three-pass-recompute': { n: 4, allocated: 5 },
  'three-pass-reload': { n: 5, allocated: 6 },
  'two-pass': { n: 3, allocated: 4 },
};

export function modelFigures(saved: Saved): Figure[] {
  const rows = saved.rows.filter(({ part }) => part === 'passes');
  return isasOf(rows).flatMap((isa): Figure[] => {
    const own = rows.filter((row) => row.isa === isa);
    const [read, copy, scale] = ['read', 'copy', 'scale'].map((name) =>
      own.find(({ work }) => work === name),
    );
    if (!read || !copy || !scale) return [];
    const [r, c, s] = [read, copy, scale].map(perElement);
    // Copying moves 2N by the papers' count, 3N with the line that a store reads.
    const predicted: Readonly<Record<string, number>> = {
      'three-pass-recompute': 2 * r + c,
      'three-pass-reload': r + c + s,
      'two-pass': r + c,
    };
    const points = ALGORITHMS.flatMap((algorithm) => {
      const row = own.find((one) => one.op === 'softmax' && one.algorithm === algorithm);
      const { n, allocated } = COUNTS[algorithm];
      return [
        { group: algorithm, part: 'N model', value: (n * c) / 2 },
        { group: algorithm, part: 'N model with write-allocate', value: (allocated * c) / 3 },
        { group: algorithm, part: 'pass by pass', value: predicted[algorithm] },
        ...(row ? [{ group: algorithm, part: 'measured', value: perElement(row) }] : []),
      ];
    });
    const parts = ['N model', 'N model with write-allocate', 'pass by pass', 'measured'];
    const title = `Bandwidth model and measurement, ${isa}, as published`;
    const value = (group: string, part: string): number =>
      points.find((point) => point.group === group && point.part === part)?.value ?? NaN;
    return [
      {
        id: `model-${isa}`,
        title,
        caption:
          'Nanoseconds an element that memory alone would take. N model: 4N, 5N and 3N elements at the rate of the copy, which moves 2N. With write-allocate: 5N, 6N and 4N, and 3N for the copy, since an ordinary store reads its line first (the last pass of reload has read its own). Pass by pass: the times of read, copy and scale themselves. Where the measurement lies to the right, arithmetic binds and not memory.',
        svg: dots(points, { parts, xLabel: 'ns/element', label: title, xFromZero: true }),
        legend: legendOf(parts),
        head: ['algorithm', ...parts, 'measured / pass by pass'],
        rows: ALGORITHMS.map((group) => [
          group,
          ...parts.map((part) => orDash(value(group, part))),
          orDash(value(group, 'measured') / value(group, 'pass by pass')),
        ]),
      },
    ];
  });
}
