/** Results read back: what is refused, what is compared, what is written. */
import { describe, expect, test } from '@jest/globals';
import { compareSaved, comparisonText } from '../lib/lab/compare';
import { perElement, parseSaved, rateOf } from '../lib/lab/saved';
import { csvOf, markdownOf } from '../lib/lab/texts';
import { generator } from '../lib/lab/random';

interface Given {
  name: string;
  ns: number;
  noise?: number;
  rounds?: number;
  fields?: object;
}

/** A result with the schema of google/benchmark; the seed makes two of one machine differ. */
function resultOf(rows: Given[], seed = 1, context: object = {}): string {
  const next = generator(seed);
  const benchmarks = rows.flatMap(({ name, ns, noise = 0.02, rounds = 33, fields = {} }) =>
    Array.from({ length: rounds }, (_, i) => ({
      name,
      run_name: name,
      run_type: 'iteration',
      repetition_index: i,
      real_time: ns * (1 + noise * (next() - 0.5)),
      cpu_time: ns,
      time_unit: 'ns',
      trial: Math.floor(i / 11),
      ...(i === 0 ? fields : {}),
    })),
  );
  return JSON.stringify({ context: { json_schema_version: 1, ...context }, benchmarks });
}

const saved = (rows: Given[], seed = 1, context: object = {}) =>
  parseSaved('r.json', resultOf(rows, seed, context));

describe('reading', () => {
  const ours = {
    family: 'softmax/1x100',
    contender: 'two-pass/avx2/published/2t',
    op: 'softmax',
    rows: 1,
    cols: 100,
    reads: 2,
    writes: 1,
    max_ulp: 1.5,
  };

  test('a result of ours keeps its trials, its shape and its counts', () => {
    const [row] = saved([{ name: 'softmax/1x100/a', ns: 200, noise: 0, fields: ours }]).rows;
    expect(row.trials.map((times) => times.length)).toEqual([11, 11, 11]);
    expect(row).toMatchObject({ cols: 100, variant: 'published', maxUlp: 1.5, moved: 3 });
    expect(perElement(row)).toBe(2);
    expect(rateOf(row)).toBe(6);
  });

  test('a result of google/benchmark has times and nothing else', () => {
    const text = JSON.stringify({
      context: { date: 'd', caches: 'none' },
      benchmarks: [
        { name: 'BM_a', real_time: 2, cpu_time: 2, time_unit: 'us', iterations: 10 },
        { name: 'BM_a_mean', run_name: 'BM_a', run_type: 'aggregate', real_time: 3 },
      ],
    });
    const { rows } = parseSaved('g.json', text);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ name: 'BM_a', median: 2000, part: '', threads: 1 });
    expect(perElement(rows[0])).toBeNaN();
  });

  test('what has no number says why', () => {
    const { missing } = parseSaved(
      'r.json',
      JSON.stringify({
        benchmarks: [
          { name: 'a', skipped: true, skip_message: 'it is not installed' },
          { name: 'b', error_occurred: true, error_message: 'element 3 is NaN' },
        ],
      }),
    );
    expect(missing).toEqual([
      { name: 'a', why: 'it is not installed', wrong: false },
      { name: 'b', why: 'element 3 is NaN', wrong: true },
    ]);
  });

  test.each<[string, string]>([
    ['', 'expected JSON'],
    ['{"context": {', 'expected JSON'],
    ['\u0000\u0001', 'expected JSON'],
    ['[]', 'found other JSON'],
    ['null', 'found other JSON'],
    ['{"benchmarks": {}}', 'found other JSON'],
    ['{"results": [{"command": "ls"}]}', 'found other JSON'],
    ['{"benchmarks": []}', 'no benchmark'],
    ['{"benchmarks": [1]}', 'benchmark 1 to be an object with a name'],
    ['{"benchmarks": [{"name": "a"}]}', 'positive real_time and a time_unit of "a"'],
    ['{"benchmarks": [{"name": "a", "real_time": "3"}]}', 'positive real_time'],
    ['{"benchmarks": [{"name": "a", "real_time": 3, "time_unit": "h"}]}', 'a time_unit of "a"'],
    ['{"context": {"json_schema_version": 2}, "benchmarks": []}', 'json_schema_version 1, found 2'],
  ])('%j is refused in one sentence', (text, words) => {
    expect(() => parseSaved('x.json', text)).toThrow(words);
    expect(() => parseSaved('x.json', text)).toThrow(/^x\.json: [^\n]*[^.\n]$/);
  });
});

describe('comparing', () => {
  const options = { confidence: 0.99, threshold: 0.02 };
  const before = saved([
    { name: 'same', ns: 100 },
    { name: 'worse', ns: 100 },
    { name: 'better', ns: 100 },
    { name: 'noisy', ns: 100, noise: 1 },
    { name: 'short', ns: 100, rounds: 3 },
    { name: 'gone', ns: 100 },
  ]);
  const after = saved(
    [
      { name: 'same', ns: 100.5 },
      { name: 'worse', ns: 120 },
      { name: 'better', ns: 80 },
      { name: 'noisy', ns: 104, noise: 1 },
      { name: 'short', ns: 300, rounds: 3 },
      { name: 'new', ns: 100 },
    ],
    2,
  );

  test('gives a verdict for each row, and none where the rounds are few', () => {
    const { rows, gone, added } = compareSaved(before, after, options);
    expect(Object.fromEntries(rows.map(({ name, verdict }) => [name, verdict]))).toEqual({
      same: 'no difference shown',
      worse: 'slower',
      better: 'faster',
      noisy: 'no difference shown',
      short: 'too few rounds',
    });
    expect([gone, added]).toEqual([['gone'], ['new']]);
    expect(rows[1].ratio).toBeCloseTo(100 / 120, 2);
    for (const { ratio, interval } of rows) {
      expect(interval.low).toBeLessThanOrEqual(ratio);
      expect(interval.high).toBeGreaterThanOrEqual(ratio);
    }
  });

  test('a threshold turns a small difference into none', () => {
    const { rows } = compareSaved(before, after, { ...options, threshold: 0.3 });
    expect(rows.filter(({ verdict }) => verdict === 'slower')).toEqual([]);
  });

  test('a result and itself do not differ', () => {
    const { rows } = compareSaved(before, before, { confidence: 0.9, threshold: 0.001 });
    expect(rows.every(({ ratio }) => ratio === 1)).toBe(true);
    expect(rows.some(({ verdict }) => verdict === 'faster' || verdict === 'slower')).toBe(false);
  });

  test('tells what is not alike', () => {
    const other = saved([{ name: 'same', ns: 1 }], 1, { softlane_cpu: 'B' });
    const { warnings } = compareSaved(before, other, options);
    expect(warnings).toEqual(['cpu is unknown and B']);
    expect(() => compareSaved(before, saved([{ name: 'x', ns: 1 }]), options)).toThrow(
      'has no row in common',
    );
  });

  test('the text lists what differs, and with --all everything', () => {
    const comparison = compareSaved(before, after, options);
    const text = comparisonText(comparison, false);
    expect(text).toMatch(/^worse +100 ns +120 ns +0\.83\d +0\.8\d\d \.\. 0\.8\d\d +slower$/m);
    expect(text).not.toMatch(/^same/m);
    expect(text).toContain('only before: gone\nonly after: new\n');
    expect(text).toMatch(/1 faster, 1 slower, 2 without .*, 1 with fewer than 5 rounds$/);
    expect(comparisonText(comparison, true)).toMatch(/^same/m);
  });
});

describe('writing', () => {
  const rows = [
    { name: 'f/a', ns: 100, fields: { family: 'f', contender: 'a', base: 'a', rows: 1, cols: 10 } },
    { name: 'f/b,"c"', ns: 50, fields: { family: 'f', contender: 'b,"c"', base: 'a', cols: 10 } },
  ];

  test('CSV has a row for each round, and quotes where it must', () => {
    const lines = csvOf([saved(rows)])
      .trimEnd()
      .split('\n');
    expect(lines).toHaveLength(1 + 2 * 33);
    expect(lines[0]).toMatch(/^suite,family,part,contender,/);
    expect(lines[40]).toContain(',"b,""c""",');
    expect(lines[40].replace(/"[^"]*(""[^"]*)*"/g, 'x').split(',')).toHaveLength(
      lines[0].split(',').length,
    );
  });

  test('Markdown has a table for each family, with ratios to its base', () => {
    const text = markdownOf([saved(rows, 1, { softlane_cpu: 'A | B' })]);
    expect(text).toContain('| cpu | A \\| B |');
    expect(text).toMatch(/\| a \| (99\.\d|100) ns \|.*\| 1\.00 \| 1\.00 \.\. 1\.00 \|/);
    expect(text).toMatch(/\| b,"c" \| [\d.]+ ns \|.*\| (1\.9\d|2\.0\d) \| /);
  });
});
