/** What each improvement is worth, and what more threads bring. */
import { perElement, rateOf, type Saved, type SavedRow } from '../saved';
import { speedup, speedupInterval } from '../statistics';
import { digits } from '../table';
import { curves, legendOf, orDash, shortNumber, type Figure, type Point } from './figure';
import { dots, type Value } from './bars';

const WORDS: Readonly<Record<string, string>> = {
  published: 'as published',
  'streaming-stores': 'streaming stores',
  prefetch: 'prefetch of the next block',
  'page-streams': 'the next block, four pages side by side',
  '2m-pages': 'pages of 2 MiB',
  together: 'streaming stores, prefetch and 2 MiB',
  shipped: 'as softlane ships it',
};

const unique = (values: readonly string[]): string[] => [...new Set(values)];

export function switchFigures(saved: Saved): Figure[] {
  const rows = saved.rows.filter(({ part, kind }) => part === 'switches' && kind === 'softlane');
  return unique(rows.map(({ isa }) => isa)).map((isa): Figure => {
    const own = rows.filter((row) => row.isa === isa);
    const algorithms = unique(own.map(({ algorithm }) => algorithm));
    const variants = unique(own.map(({ variant }) => variant));
    const find = (algorithm: string, variant: string): SavedRow | undefined =>
      own.find((row) => row.algorithm === algorithm && row.variant === variant);
    const values = variants.flatMap((variant) =>
      algorithms.flatMap((algorithm): Value[] => {
        const [row, base] = [find(algorithm, variant), find(algorithm, 'published')];
        if (!row || !base) return [];
        const { low, high } = speedupInterval(base.trials, row.trials);
        const value = speedup(base.trials.flat(), row.trials.flat()).median;
        return [{ group: WORDS[variant] ?? variant, part: algorithm, value, low, high }];
      }),
    );
    const title = `What each improvement is worth, ${isa}, ${shortNumber(own[0].cols)} elements`;
    return {
      id: `switches-${isa}`,
      title,
      caption:
        'Times as fast as the same algorithm as published, with 95 % intervals: one improvement at a time, then those that can be had together. Three-pass forms get the same help as Two-Pass.',
      svg: dots(values, {
        parts: algorithms,
        xLabel: 'times as fast as published',
        label: title,
        level: { x: 1, word: 'as published' },
      }),
      legend: legendOf(algorithms),
      head: [
        'improvement',
        ...algorithms.flatMap((name) => [`${name}, ns/element`, 'x published']),
      ],
      rows: variants.map((variant) => [
        WORDS[variant] ?? variant,
        ...algorithms.flatMap((algorithm) => {
          const row = find(algorithm, variant);
          const value = values.find(
            ({ group, part }) => group === (WORDS[variant] ?? variant) && part === algorithm,
          );
          return [
            row ? digits(perElement(row)) : '-',
            value
              ? `${digits(value.value)} (${digits(value.low!)} .. ${digits(value.high!)})`
              : '-',
          ];
        }),
      ]),
    };
  });
}

const MEMORY_WORDS = ['plain', 'prefetch', '4-pages'];

/** What prefetch and pages side by side are worth where nothing is computed. */
export function memorySwitchFigures(saved: Saved): Figure[] {
  const rows = saved.rows.filter(({ part, kind }) => part === 'switches' && kind === 'memory');
  return unique(rows.map(({ isa }) => isa)).map((isa): Figure => {
    const own = rows.filter((row) => row.isa === isa);
    const works = unique(own.map(({ work }) => work));
    const title = `What prefetch and pages side by side are worth to memory traffic, ${isa}`;
    const rate = (work: string, word: string): number => {
      const row = own.find((one) => one.work === work && one.variant === word);
      return row ? rateOf(row) : NaN;
    };
    return {
      id: `memory-switches-${isa}`,
      title,
      caption: `GB a second over ${shortNumber(own[0].cols)} elements, with nothing computed: plain, with a software prefetch of 2 KiB, and with four pages walked side by side.`,
      svg: dots(
        own.map((row) => ({ group: row.work, part: row.variant, value: rateOf(row) })),
        { parts: MEMORY_WORDS, xLabel: 'GB/s', label: title },
      ),
      legend: legendOf(MEMORY_WORDS),
      head: ['traffic', ...MEMORY_WORDS.map((word) => `${word}, GB/s`)],
      rows: works.map((work) => [work, ...MEMORY_WORDS.map((word) => orDash(rate(work, word)))]),
    };
  });
}

export function threadFigures(saved: Saved): Figure[] {
  const rows = saved.rows.filter(({ part }) => part === 'threads');
  const isas = unique(rows.filter(({ kind }) => kind === 'softlane').map(({ isa }) => isa));
  return isas.flatMap((isa): Figure[] => {
    const own = rows.filter((row) => row.isa === isa && row.kind === 'softlane');
    const memory = rows.filter((row) => row.isa === isa && row.kind === 'memory');
    const threads = [...new Set(own.map((row) => row.threads))];
    if (threads.length < 2) return [];
    const nameOf = (row: SavedRow): string => `${row.algorithm}, ${row.variant}`;
    const names = unique(own.map(nameOf));
    const series = unique(own.map(({ algorithm }) => algorithm));
    const points = own.map((row): Point => ({
      x: row.threads,
      y: 1 / perElement(row),
      series: row.algorithm,
      dash: row.variant === 'shipped',
      title: `${nameOf(row)}, ${row.threads} threads: ${digits(1 / perElement(row))} G elements/s`,
    }));
    const title = `Thread scaling, ${isa}, the same work for each thread`;
    return [
      {
        id: `threads-${isa}`,
        title,
        caption: `G elements a second; each thread has ${shortNumber(own[0].cols / own[0].threads)} elements, out of every cache. Lines with filled symbols: as published; dashed with open ones: as softlane ships it.`,
        svg: curves(points, {
          xLabel: 'threads',
          yLabel: 'G elements/s',
          xLog: false,
          yFromZero: true,
          xTicks: threads,
          series,
          label: title,
        }),
        legend: legendOf(series),
        head: [
          'threads',
          ...names.map((name) => `${name}, G/s`),
          'memory read, GB/s',
          'copy, GB/s',
        ],
        rows: threads.map((count) => {
          const at = (name: string): SavedRow | undefined =>
            own.find((row) => row.threads === count && nameOf(row) === name);
          const traffic = (work: string): number => {
            const row = memory.find((one) => one.threads === count && one.work === work);
            return row ? rateOf(row) : NaN;
          };
          return [
            String(count),
            ...names.map((name) => (at(name) ? digits(1 / perElement(at(name)!)) : '-')),
            orDash(traffic('read')),
            orDash(traffic('copy')),
          ];
        }),
      },
    ];
  });
}
