/** What the machine can do at most, and where each operator lies below it. */
import { sizeText } from '../machine';
import type { MemoryWork } from '../memory';
import { integer } from '../options';
import { isasOf, paceOf, row, type Setting, type Suite } from '../suite';
import type { Contender, Family } from '../task';

const WORKS: readonly MemoryWork[] = [
  'read',
  'write',
  'write-streaming',
  'copy',
  'copy-streaming',
  'scale',
];

/** Elements of a working set that is in the first-level cache, with its result. */
const IN_CACHE = 4096;

function workingSets(most: number, quick: boolean): number[] {
  const sizes: number[] = [];
  for (let bytes = 2 ** 14; bytes < most; bytes *= quick ? 8 : 2) sizes.push(bytes);
  return [...sizes, most];
}

const suffixed = (name: string, threads: number): string =>
  threads > 1 ? `${name}/${threads}t` : name;

export function roofline(setting: Setting): Suite {
  const { flags, operators, beyond, pin } = setting;
  const quick = flags.quick === true;
  const isas = isasOf(setting);
  const best = isas[0];
  const most = integer(
    'largest',
    flags.largest ?? String(quick ? 2 ** 24 : beyond),
    2 ** 12,
    2 ** 30,
  );
  const common = { options: {}, cold: false, range: 10, pin } as const;
  const memory = workingSets(4 * most, quick).map((bytes): Family => ({
    ...common,
    name: `memory/${sizeText(bytes).replace(' ', '')}`,
    part: 'memory',
    op: 'memory',
    shape: row(bytes / 4),
    contenders: setting.threads.flatMap((threads) =>
      WORKS.map((work): Contender => ({
        name: suffixed(`memory/${work}`, threads),
        kind: 'memory',
        isa: best,
        threads,
        work,
        streams: 1,
        ahead: work === 'copy-streaming' ? 512 : 0,
        pages: '4k',
        reads: work.startsWith('write') ? 0 : 1,
        writes: work === 'read' ? 0 : 1,
      })),
    ),
    base: 'memory/read',
  }));
  const exp: Family = {
    ...common,
    name: 'exp/in-cache',
    part: 'exp',
    op: 'exp',
    shape: row(IN_CACHE),
    contenders: isas.map((isa) => ({
      name: `exp/${isa}`,
      kind: 'exp',
      isa,
      threads: 1,
      reads: 1,
      writes: 1,
    })),
    base: `exp/${best}`,
  };
  // A driver's operators wait for the same memory: the first speaks for all where time is short.
  const isFirst = (line: (typeof operators)[number]): boolean =>
    operators.find(({ driver }) => driver === line.driver) === line;
  const placed = operators.flatMap((line) =>
    (quick && !isFirst(line) ? [IN_CACHE] : [IN_CACHE, most]).map((cols): Family => ({
      ...common,
      name: `${line.name}/${cols === most ? 'memory' : 'in-cache'}`,
      part: 'operators',
      op: line.name,
      shape: row(cols),
      cold: cols === most,
      contenders: (quick || cols === most ? isas.slice(0, 1) : isas).map((isa) => ({
        name: `${line.name}/${isa}`,
        kind: 'softlane',
        isa,
        threads: 1,
        // What has to be moved at least, however often an algorithm does.
        reads: 1,
        writes: line.output === 'rows' ? 1 : 0,
      })),
      base: `${line.name}/${best}`,
    })),
  );
  return {
    families: [...memory, exp, ...placed],
    pace: paceOf(flags),
    remarks: [
      'Bytes are those that the work itself moves; a store that is not streamed makes the CPU read its line first, which is not counted.',
      'An operator is placed by what it must move at least: its input once, and its result.',
    ],
  };
}
