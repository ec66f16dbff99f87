/**
 * Each test of test/crashes.test.ts, and of what an addon must refuse, fails when its cure is taken out: the addon is
 * compiled without it, and the test is seen to fail. In the slow job.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runFixture } from '../helpers/child';
import type { Ended } from '../helpers/child';
import { say, slow } from '../helpers/effort';
import { Workshop, changed } from '../support/mutants/build';
import { mutants } from '../support/mutants/list';

const root = join(__dirname, '..', '..');
/** A crash may need luck. */
const TRIES = 6;
/** A scenario that hangs is as dead as one that crashes. */
const LIMIT = 15_000;

const decision = readFileSync(join(root, 'docs/decisions/0004-asynchronous-calls.md'), 'utf8');
const scenarios = [
  ...readFileSync(join(root, 'test', 'crashes.test.ts'), 'utf8').matchAll(
    /^survives\((?:'[^']*'|"[^"]*"), '(\w+)'(?:, ('[^']*'))?(?:, (\d+))?/gm,
  ),
];

/** How each scenario ends with its cure: standard output and exit code. */
const healthy = new Map(
  scenarios.map(([, name, stdout, code]) => [
    name,
    {
      stdout: (stdout ?? "'done\\n'").slice(1, -1).replaceAll('\\n', '\n'),
      code: Number(code ?? 0),
    },
  ]),
);

function isHealthy(name: string, ended: Ended): boolean {
  const want = healthy.get(name)!;
  const quiet = want.code !== 0 || ended.stderr === '';
  return ended.code === want.code && ended.stdout === want.stdout && quiet;
}

test('every row of the table has its scenario and its cure', () => {
  const rows = [...decision.matchAll(/^\| ([a-z](?:, [a-z])*) +\|/gm)].flatMap(([, row]) =>
    row.split(', '),
  );
  expect(rows).toHaveLength(12);
  const lettersOf = (name: string): string[] =>
    /^([a-l](?:, [a-l])*):/.exec(name)?.[1].split(', ') ?? [];
  const cured = new Set(mutants.flatMap(({ name }) => lettersOf(name)));
  expect([...cured].sort()).toEqual([...rows].sort());
  for (const { scenarios = [] } of mutants) {
    for (const name of scenarios) expect(healthy.has(name)).toBe(true);
  }
});

test.each(mutants.map((mutant) => [mutant.name, mutant] as const))(
  'still has one place: %s',
  (_, mutant) => {
    const source = readFileSync(join(root, mutant.file), 'utf8');
    expect(changed(mutant, source)).not.toBe(source);
  },
);

(slow ? describe : describe.skip)('without its cure', () => {
  let workshop: Workshop;
  beforeAll(() => {
    workshop = new Workshop();
  }, 600_000);
  afterAll(() => workshop.remove());

  const perScenario = mutants.filter(({ scenarios }) => scenarios !== undefined);
  test.each(perScenario.map((mutant) => [mutant.name, mutant] as const))(
    '%s',
    async (_, mutant) => {
      await workshop.with(mutant, async () => {
        for (const name of mutant.scenarios!) {
          let failed: Ended | undefined;
          for (let i = 0; i < TRIES && failed === undefined; i++) {
            const { environment: env } = workshop;
            const ended = await runFixture('crashes.cjs', [name], { env, limit: LIMIT });
            if (!isHealthy(name, ended)) failed = ended;
          }
          expect({ name, failed: failed !== undefined }).toEqual({ name, failed: true });
          const { signal, code } = failed!;
          const how = signal === 'SIGKILL' ? 'hangs' : (signal ?? `exit code ${code}`);
          say(`without its cure, ${name}: ${how}`);
        }
      });
    },
    900_000,
  );

  const perTest = mutants.filter(({ tests }) => tests !== undefined);
  test.each(perTest.map((mutant) => [mutant.name, mutant] as const))(
    '%s',
    async (_, mutant) => {
      await workshop.with(mutant, async () => {
        for (const name of mutant.tests!) {
          // The share of every npm test must see it.
          const env = {
            ...process.env,
            ...workshop.environment,
            SOFTLANE_SLOW: '',
            SOFTLANE_SEED: '',
          };
          const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js');
          const { status } = spawnSync(process.execPath, [jest, name], { cwd: root, env });
          expect({ name, failed: status !== 0 }).toEqual({ name, failed: true });
          say(`without its cure, ${name} fails`);
        }
      });
    },
    900_000,
  );
});
