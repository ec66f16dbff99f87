/** Online normalizer calculation for softmax (Milakov and Gimelshein, 2018): batches of rows, V = 63 * 2^k. */
import { integer } from '../options';
import { isasOf, paceOf, type Setting, type Suite } from '../suite';
import type { Contender, Family } from '../task';
import { FORMS, type Form } from '../top-k';

/** The paper's algorithms with their count of memory accesses an element. */
const ALGORITHMS: readonly Omit<Contender, 'threads' | 'isa'>[] = [
  { name: 'naive', kind: 'naive', reads: 2, writes: 1 },
  { name: 'safe', kind: 'softlane', algorithm: 'three-pass-recompute', reads: 3, writes: 1 },
  { name: 'online', kind: 'softlane', algorithm: 'online', reads: 2, writes: 1 },
  { name: 'two-pass', kind: 'softlane', algorithm: 'two-pass', reads: 2, writes: 1 },
];

const BATCHES = [4000, 10] as const;

/** As the paper has it. */
export const KS = [5, 10, 15, 30] as const;

const suffixed = (threads: number, ...parts: string[]): string =>
  [...parts, ...(threads > 1 ? [`${threads}t`] : [])].join('/');

const LONGEST = 1e7;

function vocabularies(batch: number, largest: number): number[] {
  const sizes: number[] = [];
  for (let v = 63; v <= LONGEST && v * batch <= largest; v *= 2) sizes.push(v);
  return sizes;
}

export function online(setting: Setting): Suite {
  const { flags, pin } = setting;
  const quick = flags.quick === true;
  const isas = isasOf(setting, 1);
  const threads = flags.threads === undefined ? [1] : setting.threads;
  const largest = integer(
    'largest',
    flags.largest ?? (quick ? '4000000' : String(2 ** 27)),
    1000,
    1e9,
  );
  const shapes = BATCHES.flatMap((rows) =>
    vocabularies(rows, largest)
      .filter((_, i) => !quick || i % 3 === 0)
      .map((cols) => ({ rows, cols })),
  );
  const common = { op: 'softmax', options: {}, cold: false, range: 'unit', pin } as const;
  const families = shapes.map((shape): Family => ({
    ...common,
    name: `online/${shape.rows}x${shape.cols}`,
    part: `batch-${shape.rows}`,
    shape,
    contenders: isas.flatMap((isa) =>
      threads.flatMap((count) =>
        ALGORITHMS.filter(({ kind }) => kind !== 'naive' || count === 1).map((algorithm) => ({
          ...algorithm,
          name: suffixed(count, algorithm.name, isa),
          isa,
          threads: count,
        })),
      ),
    ),
    base: `safe/${isas[0]}`,
  }));
  const selections = shapes.map((shape): Family => ({
    ...common,
    name: `online-top-k/${shape.rows}x${shape.cols}`,
    part: `top-k-${shape.rows}`,
    shape,
    contenders: isas.flatMap((isa) =>
      threads.flatMap((count) =>
        KS.flatMap((k) =>
          (Object.keys(FORMS) as Form[]).map((form): Contender => ({
            ...FORMS[form],
            name: suffixed(count, form, `k=${k}`, isa),
            kind: 'top-k',
            form,
            k,
            isa,
            threads: count,
          })),
        ),
      ),
    ),
    base: `safe-then-top-k/k=${KS[0]}/${isas[0]}`,
  }));
  return {
    families: [...families, ...selections],
    pace: paceOf(flags),
    remarks: [
      'Accesses of an element: naive 3, safe 4, online 3. With the k largest: safe softmax and then top-k 5, online softmax and then top-k 4, safe fused with top-k 2 (the maximum first, then the fused form), online fused with top-k 1.',
    ],
  };
}
