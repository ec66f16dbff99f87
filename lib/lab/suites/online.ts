/** Online normalizer calculation for softmax (Milakov and Gimelshein, 2018): batches of rows, V = 63 * 2^k. */
import { integer } from '../options';
import { isasOf, paceOf, type Setting, type Suite } from '../suite';
import type { Contender, Family } from '../task';

/** The paper's algorithms with their count of memory accesses an element. */
const ALGORITHMS: readonly Omit<Contender, 'threads' | 'isa'>[] = [
  { name: 'naive', kind: 'naive', reads: 2, writes: 1 },
  { name: 'safe', kind: 'softlane', algorithm: 'three-pass-recompute', reads: 3, writes: 1 },
  { name: 'online', kind: 'softlane', algorithm: 'online', reads: 2, writes: 1 },
  { name: 'two-pass', kind: 'softlane', algorithm: 'two-pass', reads: 2, writes: 1 },
];

const BATCHES = [4000, 10] as const;
const LONGEST = 1e7;

function vocabularies(batch: number, largest: number): number[] {
  const sizes: number[] = [];
  for (let v = 63; v <= LONGEST && v * batch <= largest; v *= 2) sizes.push(v);
  return sizes;
}

export function online(setting: Setting): Suite {
  const { flags, operators, pin } = setting;
  const quick = flags.quick === true;
  const isas = isasOf(setting, 1);
  const threads = flags.threads === undefined ? [1] : setting.threads;
  const largest = integer(
    'largest',
    flags.largest ?? (quick ? '4000000' : String(2 ** 27)),
    1000,
    1e9,
  );
  const families = BATCHES.flatMap((batch) =>
    vocabularies(batch, largest)
      .filter((_, i) => !quick || i % 3 === 0)
      .map((cols): Family => ({
        name: `online/${batch}x${cols}`,
        part: `batch-${batch}`,
        op: 'softmax',
        options: {},
        shape: { rows: batch, cols },
        cold: false,
        range: 'unit',
        contenders: isas.flatMap((isa) =>
          threads.flatMap((count) =>
            ALGORITHMS.filter(({ kind }) => kind !== 'naive' || count === 1).map((algorithm) => ({
              ...algorithm,
              name: [algorithm.name, isa, count > 1 && `${count}t`].filter(Boolean).join('/'),
              isa,
              threads: count,
            })),
          ),
        ),
        base: `safe/${isas[0]}`,
        pin,
      })),
  );
  const fused = operators.some(({ name }) => name === 'topK');
  return {
    families,
    pace: paceOf(flags),
    remarks: fused
      ? []
      : [
          'Softmax followed by top-k against the fused form (K = 5, 10, 15, 30; 5, 2 and 1 accesses) is left out: this version of softlane has no operator topK.',
        ],
  };
}
