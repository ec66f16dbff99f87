/**
 * The Two-Pass Softmax Algorithm (Dukhan and Ablavatski, 2020), by its protocol: one row, x uniform in [-1000, 1000),
 * touched before every call, outputs that are in no cache.
 */
import { integer } from '../options';
import { decades, isasOf, paceOf, row, type Setting, type Suite } from '../suite';
import type { Contender, Family } from '../task';

/** The algorithms with their count of memory accesses an element. */
export const PAPER_ALGORITHMS = [
  { algorithm: 'three-pass-recompute', reads: 3, writes: 1 },
  { algorithm: 'three-pass-reload', reads: 3, writes: 2 },
  { algorithm: 'two-pass', reads: 2, writes: 1 },
] as const;

/** Longer rows would take the portable code minutes, and no figure needs it. */
const MOST_SCALAR = 1e6;

type Improvable = Pick<Contender, 'stores' | 'prefetch' | 'pages'>;

const published = { stores: 'ordinary', prefetch: 'none', pages: '4k' } as const;
const shipped = { pages: '4k' } as const;

/** One improvement at a time over the published code, then those that can be had together. */
export const SWITCHES: readonly (readonly [string, Improvable])[] = [
  ['published', published],
  ['streaming-stores', { ...published, stores: 'streaming' }],
  ['prefetch', { ...published, prefetch: 'next' }],
  ['page-streams', { ...published, prefetch: 'pages' }],
  ['2m-pages', { ...published, pages: '2m' }],
  ['together', { stores: 'streaming', prefetch: 'next', pages: '2m' }],
];

const MEMORY = ['read', 'copy', 'scale'] as const;

function memory(isa: string, threads = 1): Contender[] {
  return MEMORY.map((work) => ({
    name: suffixed(`memory/${work}`, threads),
    kind: 'memory',
    isa,
    threads,
    work,
    streams: 1,
    ahead: 0,
    pages: '4k',
    reads: 1,
    writes: work === 'read' ? 0 : 1,
  }));
}

/** Prefetch and pages side by side, on memory traffic. */
function memorySwitches(isa: string): Contender[] {
  const variants = [
    { word: 'plain', streams: 1, ahead: 0 },
    { word: 'prefetch', streams: 1, ahead: 512 },
    { word: '4-pages', streams: 4, ahead: 0 },
  ];
  return (['read', 'copy', 'copy-streaming'] as const).flatMap((work) =>
    variants.map(({ word, streams, ahead }): Contender => ({
      name: `memory/${work}/${word}`,
      kind: 'memory',
      isa,
      threads: 1,
      work,
      streams,
      ahead,
      pages: '4k',
      reads: 1,
      writes: work === 'read' ? 0 : 1,
    })),
  );
}

const suffixed = (name: string, threads: number): string =>
  threads > 1 ? `${name}/${threads}t` : name;

function softmaxes(isa: string, word: string, fields: Improvable, threads = 1): Contender[] {
  return PAPER_ALGORITHMS.map(({ algorithm, reads, writes }) => ({
    name: suffixed(`${algorithm}/${isa}/${word}`, threads),
    kind: 'softlane',
    algorithm,
    isa,
    threads,
    reads,
    writes,
    ...fields,
  }));
}

export function twoPass(setting: Setting): Suite {
  const { flags, beyond, pin } = setting;
  const quick = flags.quick === true;
  const isas = isasOf(setting);
  const wide = isas.filter((isa) => isa !== 'scalar');
  const best = isas[0];
  const common = { op: 'softmax', options: {}, cold: true, range: 1000, pin } as const;
  const largest = integer('largest', flags.largest ?? (quick ? '3000000' : '300000000'), 1000, 1e9);
  const sizes = quick
    ? decades(1000, largest).filter((_, i) => i % 2 === 0)
    : decades(1000, largest);
  const onlyPublished = flags.asPublished === true;
  const large = Math.min(beyond, largest);

  const lengths = sizes.map((n): Family => {
    const own = isas.filter((isa) => isa !== 'scalar' || n <= (quick ? 1e5 : MOST_SCALAR));
    return {
      ...common,
      name: `two-pass/n=${n}`,
      part: 'length',
      shape: row(n),
      contenders: [
        ...own.flatMap((isa) => [
          ...softmaxes(isa, 'published', published),
          ...(onlyPublished ? [] : softmaxes(isa, 'shipped', shipped)),
        ]),
        ...memory(best),
      ],
      base: `three-pass-recompute/${best}/published`,
    };
  });
  const passes = wide.map((isa): Family => ({
    ...common,
    name: `two-pass/passes-${isa}`,
    part: 'passes',
    shape: row(large),
    contenders: [
      ...softmaxes(isa, 'published', published),
      ...(['two-pass', 'three-pass-recompute'] as const).map((algorithm): Contender => ({
        name: `sum/${algorithm}/${isa}/published`,
        kind: 'softlane',
        op: 'logSumExp',
        algorithm,
        isa,
        threads: 1,
        reads: algorithm === 'two-pass' ? 1 : 2,
        writes: 0,
        ...published,
      })),
      ...memory(isa),
    ],
    base: `three-pass-recompute/${isa}/published`,
  }));
  const switches = (quick ? wide.slice(0, 1) : wide).map((isa): Family => ({
    ...common,
    name: `two-pass/switches-${isa}`,
    part: 'switches',
    shape: row(large),
    contenders: [
      ...SWITCHES.flatMap(([word, fields]) => softmaxes(isa, word, fields)),
      ...softmaxes(isa, 'shipped', shipped),
      ...memorySwitches(isa),
    ],
    base: `two-pass/${isa}/published`,
  }));
  // Weak scaling: the same work for each thread.
  const scaling = (quick ? wide.slice(0, 1) : wide).flatMap((isa) =>
    setting.threads.map((threads): Family => ({
      ...common,
      name: `two-pass/threads-${threads}-${isa}`,
      part: 'threads',
      shape: row(Math.min(large * threads, 2 ** 29)),
      contenders: [
        ...softmaxes(isa, 'published', published, threads),
        ...(onlyPublished ? [] : softmaxes(isa, 'shipped', shipped, threads)),
        ...memory(isa, threads),
      ],
      base: suffixed(`three-pass-recompute/${isa}/published`, threads),
    })),
  );
  return {
    families: [...lengths, ...passes, ...(onlyPublished ? [] : switches), ...scaling],
    pace: paceOf(flags),
    remarks: [
      'Prefetch asks for the block of 4096 elements after the one that a pass works on; page streams ask for the same block by four of its pages side by side, so they are a prefetch too. With several threads three-pass-reload computes its terms again.',
      'Each time includes one call from JavaScript into native code, which shows in rows of some thousand elements and below.',
      'The passes of an algorithm are differences of whole calls in the same round: logSumExp is the first pass of two-pass and the first two of three-pass-recompute; the first pass of both three-pass forms reads and takes the maximum, which is what memory/read does; the last of three-pass-reload is memory/scale.',
    ],
  };
}
