/** What the suites measure, without measuring it. */
import { describe, expect, test } from '@jest/globals';
import type { Capabilities } from '../lib/capabilities';
import { catalogue } from '../lib/catalogue';
import type { LabFlags, Setting, Suite } from '../lib/lab/suite';
import { decades, estimate } from '../lib/lab/suite';
import { suites, type SuiteName } from '../lib/lab/suites';
import { PAPER_ALGORITHMS, SWITCHES } from '../lib/lab/suites/two-pass';

const ISAS = ['avx512', 'avx2', 'scalar'];

function setting(flags: LabFlags = {}): Setting {
  return {
    flags,
    has: {
      algorithms: ['auto', 'two-pass'],
      cpu: { caches: { l1d: 2 ** 15, l2: 2 ** 20, l3: 2 ** 25 }, allowed: 4 },
    } as unknown as Capabilities,
    operators: catalogue,
    isas: ISAS,
    cache: 2 ** 25,
    beyond: 2 ** 25,
    pin: [],
    threads: [1, 2, 4],
  };
}

const suite = (name: SuiteName, flags?: LabFlags): Suite => suites[name](setting(flags));
const names = Object.keys(suites) as SuiteName[];

describe.each(names)('%s', (name) => {
  test.each([{}, { quick: true }])('%j: every family is whole', (flags) => {
    const { families, pace } = suite(name, flags);
    expect(new Set(families.map((family) => family.name)).size).toBe(families.length);
    expect(pace.repeats).toBeGreaterThanOrEqual(11);
    for (const family of families) {
      const contenders = family.contenders.map((contender) => contender.name);
      expect(new Set(contenders).size).toBe(contenders.length);
      expect(contenders.every((contender) => !/\s/.test(contender))).toBe(true);
      // The operator may lack a rival on one shape; the base of a paper's figure is always there.
      if (name !== 'ops') expect(contenders).toContain(family.base);
    }
  });

  test('--quick is under a minute by its own estimate', () => {
    const { families, pace } = suite(name, { quick: true });
    const seconds = families.reduce((sum, family) => sum + estimate(family, pace), 0);
    expect(seconds * pace.trials).toBeLessThan(60);
  });

  test('numbers that are none are refused by the name of their option', () => {
    for (const option of ['trials', 'repeats', 'seed'] as const) {
      expect(() => suite(name, { [option]: 'x' })).toThrow(`for --${option}, received "x"`);
    }
  });
});

describe('two-pass', () => {
  const { families } = suite('two-pass');
  const part = (name: string) => families.filter((family) => family.part === name);

  test('has the lengths of the paper, its range, and outputs that no cache holds', () => {
    expect(part('length').map(({ shape }) => shape.cols)).toEqual([
      1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6, 3e6, 1e7, 3e7, 1e8, 3e8,
    ]);
    expect(families.every(({ cold, range }) => cold && range === 1000)).toBe(true);
    expect(decades(1000, 1e4)).toEqual([1000, 3000, 10000]);
  });

  test('the published form has ordinary stores, no prefetch and pages of 4 KiB', () => {
    const published = families
      .flatMap(({ contenders }) => contenders)
      .filter(({ name }) => /published(\/|$)/.test(name));
    expect(published.length).toBeGreaterThan(50);
    for (const contender of published) {
      expect(contender).toMatchObject({
        pages: '4k',
        stores: 'ordinary',
        prefetch: 'none',
      });
    }
  });

  test('--as-published measures nothing else', () => {
    const only = suite('two-pass', { asPublished: true }).families;
    const all = only.flatMap(({ contenders }) => contenders);
    expect(all.some(({ name }) => name.includes('shipped'))).toBe(false);
    expect(only.map((family) => family.part)).not.toContain('switches');
    expect(all.length).toBeGreaterThan(50);
  });

  test('each improvement is switched on alone, for each algorithm alike', () => {
    const [family] = part('switches');
    for (const { algorithm } of PAPER_ALGORITHMS) {
      for (const [word] of SWITCHES) {
        expect(family.contenders.map(({ name }) => name)).toContain(`${algorithm}/avx512/${word}`);
      }
    }
    const changes = SWITCHES.map(([, { stores, prefetch, pages }]) => [
      ...(stores === 'ordinary' ? [] : [stores]),
      ...(prefetch === 'none' ? [] : [prefetch]),
      ...(pages === '4k' ? [] : [pages]),
    ]);
    expect(changes).toEqual([
      [],
      ['streaming'],
      ['next'],
      ['pages'],
      ['2m'],
      ['streaming', 'next', '2m'],
    ]);
  });

  test('threads get the same work each, and the portable code no long rows', () => {
    for (const { shape, contenders } of part('threads')) {
      expect(shape.cols / contenders[0].threads).toBe(2 ** 25);
    }
    for (const { shape, contenders } of families) {
      if (shape.cols > 1e6) expect(contenders.some(({ isa }) => isa === 'scalar')).toBe(false);
    }
  });

  test('the counts of accesses are those of the paper', () => {
    const counts = PAPER_ALGORITHMS.map(({ algorithm, reads, writes }) => [
      algorithm,
      reads + writes,
    ]);
    expect(Object.fromEntries(counts)).toEqual({
      'three-pass-recompute': 4,
      'three-pass-reload': 5,
      'two-pass': 3,
    });
  });
});

describe('online', () => {
  const { families } = suite('online');
  const part = (word: string) => families.filter((family) => family.part.startsWith(word));

  test('has batches of 4000 and 10 and V = 63 * 2^k', () => {
    const batches = new Set(families.map(({ shape }) => shape.rows));
    expect([...batches]).toEqual([4000, 10]);
    for (const { shape } of families) expect(Math.log2(shape.cols / 63) % 1).toBe(0);
    expect(families.every(({ range }) => range === 'unit')).toBe(true);
  });

  test('softmax and top-k in each form, for each K and shape, with the accesses of the paper', () => {
    const shapes = part('batch-').map(({ shape }) => shape);
    expect(shapes.length).toBeGreaterThan(20);
    expect(part('top-k-').map(({ shape }) => shape)).toEqual(shapes);
    for (const { contenders } of part('top-k-')) {
      const kinds = contenders.map(({ form, k, reads = 0, writes = 0 }) => [
        ...[form, k, reads + writes],
      ]);
      expect(kinds).toEqual(
        [5, 10, 15, 30].flatMap((k) => [
          ['safe-then-top-k', k, 5],
          ['online-then-top-k', k, 4],
          ['safe-fused', k, 2],
          ['online-fused', k, 1],
        ]),
      );
    }
  });
});

describe('roofline', () => {
  test('places every operator of the catalogue, in cache and from memory', () => {
    const { families } = suite('roofline');
    for (const { name } of catalogue) {
      const own = families.filter(({ part, op }) => part === 'operators' && op === name);
      expect(own.map(({ cold }) => cold)).toEqual([false, true]);
    }
  });
});

describe('sampling', () => {
  test('has vocabularies of 32,000 to 256,000, each with a bare read of the row', () => {
    const { families } = suite('sampling');
    const sizes = families.map(({ shape }) => shape.cols);
    expect([Math.min(...sizes), Math.max(...sizes)]).toEqual([32_000, 256_000]);
    for (const { contenders } of families) {
      const kinds = contenders.map(({ kind }) => kind);
      expect(kinds).toEqual(['transformers', 'sampler', 'sampler', 'memory', 'memcpy']);
    }
  });
});
