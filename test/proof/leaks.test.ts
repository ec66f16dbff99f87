/**
 * An hour's worth of calls, a thousand a second, in a loop, and a few seconds' worth at every test: what the process
 * holds stays what it was after the warm-up. Each kind of call has a process of its own.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { effort, say } from '../helpers/effort';
import { runFixture } from '../helpers/child';

type Sample = Record<string, number>;

const HOUR = 3_600_000;

/** Calls at every test, calls in the slow job. */
const kinds: Record<string, [number, number]> = {
  sync: [120_000, 10 * HOUR],
  threads: [3000, HOUR / 10],
  state: [40_000, HOUR],
  sampler: [20_000, HOUR],
  errors: [30_000, HOUR],
  async: [30_000, HOUR],
  'async into out': [30_000, HOUR],
  'async sampler': [10_000, HOUR],
  'async errors': [20_000, HOUR],
  // A worker takes as long as ten thousand calls.
  workers: [60, 3600],
};

/**
 * Growth that is noise, in kilobytes: what the engine and the allocator keep for the next round. The more calls, the
 * larger the crowd of dead arrays between two collections; still it is less than what a call allocates.
 */
const NOISE = effort(8000, 40_000);

/**
 * A young generation that does not grow, and arrays that go back to the system at once: else both grow for tens of
 * thousands of calls until they are as large as they get.
 */
const { ASAN_OPTIONS: sanitizer } = process.env;
const STEADY = {
  NODE_OPTIONS: '--max-semi-space-size=1',
  MALLOC_MMAP_THRESHOLD_: '65536',
  // AddressSanitizer keeps what is freed, 256 MB of it, and each way that led to an allocation.
  ...(sanitizer !== undefined && {
    ASAN_OPTIONS: `${sanitizer}:quarantine_size_mb=0:thread_local_quarantine_size_kb=0:malloc_context_size=1`,
  }),
};

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** From the second quarter of the samples to the last: the first has the warm-up. */
function growth(samples: readonly Sample[], name: string): number {
  const values = samples.map((sample) => sample[name]);
  const quarter = Math.floor(values.length / 4);
  return median(values.slice(-quarter)) - median(values.slice(quarter, 2 * quarter));
}

const linux = process.platform === 'linux';
(linux ? test : test.skip).each(Object.keys(kinds))(
  '%s',
  async (kind) => {
    const calls = effort(...kinds[kind]);
    const limit = effort(50_000, 1_700_000);
    const ended = await runFixture('leaks.cjs', [kind, String(calls)], { limit, env: STEADY });
    expect(ended).toMatchObject({ code: 0, signal: null, stderr: '' });
    const { calls: made, samples } = JSON.parse(ended.stdout) as {
      calls: number;
      samples: Sample[];
    };
    expect(made).toBeGreaterThanOrEqual(calls);
    const grown = Object.fromEntries(
      Object.keys(samples[0]).map((name) => [name, growth(samples, name)]),
    );
    say(
      `${kind}: ${made} calls, RSS ${samples.at(-1)!['rss']} kB, grown by ${JSON.stringify(grown)}`,
    );
    expect(grown['rss']).toBeLessThan(NOISE);
    expect(grown['heap']).toBeLessThan(750);
    expect(grown['external']).toBeLessThan(64);
    for (const name of ['resources', 'files', 'threads'])
      expect({ name, by: grown[name] }).toEqual({ name, by: 0 });
    expect(samples.every(({ pending }) => pending === 0)).toBe(true);
  },
  effort(60_000, 1_800_000),
);

test('the kinds are those of the fixture', () => {
  const fixture = readFileSync(join(__dirname, '..', 'fixtures', 'leaks.cjs'), 'utf8');
  const body = fixture.slice(fixture.indexOf('const kinds = {'), fixture.indexOf('function work'));
  const named = [...body.matchAll(/^ {2}'?([a-z][a-z ]*)'?: /gm)].map((match) => match[1]);
  expect(named).toEqual(Object.keys(kinds));
});
