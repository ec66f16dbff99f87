/**
 * Operators that read and write further arrays, called past TypeScript: whatever these are, a status, no write but to the
 * outputs of a call that was taken, and then the oracle's results.
 */
import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { native } from '../../lib/configure';
import type { Operator as Line } from '../../lib/operator';
import { Status } from '../../lib/spec';
import { effort, say, seed } from '../helpers/effort';
import { Case, drawnFor } from '../support/hostile/case';
import { tricks } from '../support/hostile/operands';
import { catalogue } from '../support/kernels/operators';

const binding = native();
const loose = binding as unknown as Record<string, (...args: unknown[]) => unknown>;
const RUNS = effort(1500, 15_000);

let total = 0;
afterAll(() => say(`operands: ${total} cases, seed ${seed}`));

const lines = catalogue.filter((line) => line.operands !== undefined);

describe.each(lines.map((line) => [line.name, line as Line] as const))('%s', (name, line) => {
  test('run', () => {
    say(`run ${name}: seed ${seed}`);
    let good = 0;
    const property = fc.property(drawnFor(line), (drawn) => {
      const one = new Case(line, drawn);
      const status = loose.run(one.spec, one.x, one.y, ...one.operands);
      one.judge(status);
      if (status === Status.OK) good++;
      total++;
    });
    fc.assert(property, { seed, numRuns: RUNS });
    expect(good).toBeGreaterThan(RUNS / 5);
    expect(good).toBeLessThan(RUNS * 0.9);
  });

  test('submit and collect', async () => {
    say(`submit ${name}: seed ${seed}`);
    const settled = new Map<number, number>();
    const callback = (ticket: number, status: number): void => void settled.set(ticket, status);
    let next = binding.onSettled(callback) * 2 ** 32;
    let good = 0;
    const cases = fc.record({
      drawn: drawnFor(line),
      later: fc.constantFrom(...tricks),
      collect: fc.constantFrom('as given', 'as given', 'none', 'other lengths', 'one memory'),
    });
    const property = fc.asyncProperty(fc.array(cases, { maxLength: 12 }), async (all) => {
      const open: { one: Case; ticket: number; collect: string }[] = [];
      for (const { drawn, later, collect } of all) {
        total++;
        const one = new Case(line, drawn);
        const ticket = next++;
        const status = loose.submit(ticket, one.spec, one.x, one.y, ...one.operands);
        if (status !== Status.OK) one.judge(status);
        else open.push({ one, ticket, collect });
        if (status === Status.OK) one.afterwards(later);
      }
      while (binding.pending() > 0) await new Promise((resolve) => setImmediate(resolve));
      for (const { one, ticket, collect } of open) {
        const status = settled.get(ticket)!;
        if (one.promised !== undefined) expect(status).toBe(one.promised);
        const collected = loose.collect(ticket, one.y, ...one.collectInto(collect));
        if (status === Status.OK && collect === 'as given') {
          one.judgeCollected(collected);
          if (collected === Status.OK) good++;
        }
        expect(loose.collect(ticket, one.y, ...one.operands)).toBe(Status.UNKNOWN_TICKET);
      }
    });
    await fc.assert(property, { seed, numRuns: Math.ceil(RUNS / 6) });
    expect(good).toBeGreaterThan(RUNS / 10);
    expect(typeof callback).toBe('function');
  });
});
