/**
 * The error of every operator against its oracle, by every algorithm, over rows of all kinds and over rows that a search
 * has made as bad as it could. The bound, and the largest error that the documentation states, are those of the
 * catalogue.
 *
 * SOFTLANE_REPORT=1 npm run test:slow -- accuracy  prints what was measured.
 */
import { afterAll, describe, expect, test } from '@jest/globals';
import { effort } from './helpers/effort';
import { checkRow } from './support/kernels/check';
import { worstOf } from './support/kernels/compare';
import {
  bestIsa,
  call,
  describeOptions,
  numberSets,
  operators,
  parameterSets,
  share,
  truthOf,
  unitOf,
} from './support/kernels/operators';
import type { Operator, Options, Parameters } from './support/kernels/operators';
import { Random } from './support/kernels/random';
import { families, floatOfBits } from './support/kernels/rows';
import type { Family } from './support/kernels/rows';
import { badRows } from './support/kernels/bad-rows';
import { search } from './support/kernels/search';

const LENGTHS = [
  ...[1, 2, 3, 5, 7, 10, 15, 16, 17, 24, 31, 32, 33, 48, 64, 65, 100, 127, 128, 129, 255, 600],
  ...[4095, 4097, 12289, 40_001],
];
const SHORT = 1000;

/** The largest error of each operator in this file. */
const measured = new Map(operators.map(([name]) => [name, 0]));

function record(line: Operator, distance: number): void {
  measured.set(line.name, Math.max(measured.get(line.name) ?? 0, distance));
}

function check(line: Operator, x: Float32Array, parameters: Parameters, what: string): void {
  record(line, checkRow(line, x, parameters, what).distance);
}

/** Rows whose elements are those of the family times a number: what an extreme temperature needs. */
function scaled(family: Family, factor: number): Family {
  const row: Family['row'] = (random, n) => family.row(random, n).map((x) => x * factor);
  return { name: `${family.name} times ${factor}`, row };
}

describe.each(operators)('%s', (name, line) => {
  const { bound } = line;
  const exact = bound.maxUlp === 0;

  test.each(share(line, families).map((family) => [family.name, family] as const))(
    '%s',
    (_, family) => {
      LENGTHS.forEach((n, i) => {
        const random = new Random(7919 * i + 1);
        for (let repeat = 0; repeat < (n < SHORT ? effort(2, 8) : 1); repeat++) {
          check(line, family.row(random, n), numberSets(line)[0], family.name);
        }
      });
    },
  );

  test.each(share(line, numberSets(line)).map((set) => [describeOptions(set), set] as const))(
    '%s',
    (_, set) => {
      const random = new Random(4242);
      const unit = unitOf(set);
      for (const family of share(line, families)) {
        for (const n of [1, 2, 3, 16, 33, 100, 257, 4099]) {
          check(line, family.row(random, n), set, family.name);
          const wide = scaled(family, unit);
          if (unit !== 1) check(line, wide.row(random, n), set, wide.name);
        }
      }
    },
  );

  test('floats of any bits', () => {
    const random = new Random(31337);
    for (let repeat = 0; repeat < effort(60, 400); repeat++) {
      const x = Float32Array.from({ length: 1 + random.below(40) }, () => {
        const value = floatOfBits(random.bits());
        return Number.isFinite(value) ? value : 0;
      });
      check(line, x, numberSets(line)[0], 'any bits');
    }
  });

  const searched = parameterSets(line, { numbers: [0.7, 1.9780299663543701, 1000] });
  (exact ? describe.skip : describe).each(
    share(line, searched).map((set) => [describeOptions(set), set] as const),
  )('%s', (_, set) => {
    test('a search finds nothing worse than the bound', () => {
      // The ways to one result have the same bits for rows like these, which is tested elsewhere.
      const options: Options = { ...set, isa: bestIsa };
      const found = search(new Random(20200113), unitOf(set), (x) => {
        const y = call(line, x, options);
        return worstOf(line, y, truthOf(line, x, set)).distance;
      });
      // Where every row was exact, none is the worst.
      if (found.score > 0) check(line, found.row, set, 'a bad row');
      record(line, found.score);
      expect(found.score).toBeLessThanOrEqual(bound.maxUlp);
    });
  });

  const known = badRows.filter((bad) => bad.operator === name);
  (known.length === 0 ? test.skip : test)('rows that were bad once', () => {
    for (const { parameters, x } of known) {
      check(line, Float32Array.from(x), { ...numberSets(line)[0], ...parameters }, 'a bad row');
    }
  });

  test('the documented maximum is not exceeded', () => {
    expect(measured.get(name)).toBeLessThanOrEqual(bound.measuredUlp);
    expect(bound.measuredUlp).toBeLessThanOrEqual(bound.maxUlp);
  });
});

afterAll(() => {
  if (process.env['SOFTLANE_REPORT'] === undefined) return;
  const lines = [...measured].map(([name, ulp]) => `${name} ${ulp.toFixed(4)} ULP\n`);
  process.stderr.write(lines.join(''));
});
