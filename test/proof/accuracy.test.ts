/**
 * Sweeps that are made to break the bound of an operator, which the table of docs/numerics.md shows beside onnxruntime:
 * here a share of them, at every test, against the bound.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { boundDistance } from '../../lib/ulp';
import {
  inputOf,
  optionsOf,
  shapes,
  sweeps,
  truthOf,
  worst,
} from '../../tools/accuracy/sweeps.cjs';
import { effort, say, seed } from '../helpers/effort';
import { algorithmsOf, call, isas, operators, share } from '../support/kernels/operators';

const root = join(__dirname, '..', '..');
interface Figures {
  readonly name: string;
  readonly ours: number;
  readonly theirs?: number;
}

const SEEDS = effort(1, 2);
let results = 0;
afterAll(() => say(`accuracy: ${results} results, seed ${seed}`));

describe.each(operators)('%s', (_, line) => {
  test.each(share(line, sweeps).map((sweep) => [sweep.name, sweep] as const))('%s', (_, sweep) => {
    const most = { distance: 0, where: '' };
    for (const [s, shape] of shapes.entries()) {
      if (SEEDS === 1 && (s + sweeps.indexOf(sweep)) % 3 !== 0) continue;
      for (let k = 0; k < SEEDS; k++) {
        const x = inputOf(sweep, shape, seed + k);
        const given = optionsOf(line, seed + k + s);
        const truth = truthOf(line, x, shape.cols, given);
        const algorithms = algorithmsOf(line);
        for (const [a, algorithm] of algorithms.entries()) {
          if (SEEDS === 1 && a !== s % algorithms.length) continue;
          const isa = isas[(s + a + k) % isas.length];
          const y = call(line, x, { ...algorithm, ...given, cols: shape.cols, isa });
          expect(y.length).toBe(truth.length);
          const distance = worst(y, truth, (got, want, size) =>
            boundDistance(got, want, line.bound, size),
          );
          if (distance >= most.distance) {
            most.distance = distance;
            most.where = `${shape.rows} x ${shape.cols}, ${JSON.stringify(algorithm)}, ${isa}`;
          }
          results += y.length;
        }
      }
    }
    say(`${line.name}, ${sweep.name}: ${most.distance.toFixed(3)} ULP (${most.where})`);
    expect({ ...most, right: most.distance <= line.bound.maxUlp }).toMatchObject({ right: true });
  });
});

function tool(option: string): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['tools/accuracy-table.mjs', option],
    { cwd: root, encoding: 'utf8' },
  );
  return { status, stdout, stderr };
}

test('the table of docs/numerics.md has every operator, its bound and every sweep', () => {
  expect(tool('--check')).toEqual({ status: 0, stdout: '', stderr: '' });
});

const installed = existsSync(join(root, 'node_modules', 'onnxruntime-node', 'package.json'));
(installed ? test : test.skip)('onnxruntime-node on the same rows, as in the table', () => {
  const { status, stdout } = tool('--sample');
  expect(status).toBe(0);
  const lines = stdout.trim().split('\n');
  const figures = lines.map((line) => JSON.parse(line) as Figures);
  expect(figures.map(({ name }) => name)).toEqual(operators.map(([name]) => name));
  for (const { name, ours } of figures) {
    const [, line] = operators.find(([known]) => known === name)!;
    expect(ours).toBeLessThanOrEqual(line.bound.maxUlp);
  }
  // Its errors are seen, so the rows are the same and the measure is not blind.
  const softmax = figures.find(({ name }) => name === 'softmax');
  expect(softmax?.theirs).toBeGreaterThan(softmax!.ours);
  expect(softmax?.theirs).toBeLessThan(1e4);
});
