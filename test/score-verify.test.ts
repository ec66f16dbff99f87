/** Results of a job that are checked against the oracle while it runs. */
import { expect, test } from '@jest/globals';
import { join } from 'node:path';
import { softmax } from '../lib/index';
import { runJob } from '../lib/score/job';
import { findOperation } from '../lib/score/operation';
import { RowVerifier } from '../lib/score/verify-rows';
import { writeInputs } from './helpers/job-inputs';
import { Scratch } from './helpers/npy';

const scratch = new Scratch('verify');

test('a share of the rows is checked against float64', async () => {
  const folder = writeInputs(join(scratch.folder, 'verify'));
  const outputs = ['softmax', 'top-k', 'cross-entropy', 'entropy', 'top-1'].map((op) => ({
    path: join(folder, `${op}.npy`),
    op,
  }));
  const summary = await runJob({
    inputs: [join(folder, 'good.npy')],
    outputs,
    labels: join(folder, 'labels.npy'),
    verify: 0.01,
  });
  expect(summary.verified!.rows).toBe(30);
  expect(summary.verified!.worstUlp).toBeGreaterThan(0);
  expect(summary.verified!.worstUlp).toBeLessThan(4);
});

test('top-1 is checked like what it is made of', () => {
  const op = findOperation('top-1')!;
  const request = { parameters: {}, parts: [] };
  const block = { x: Float32Array.of(1, 3, 2), rows: 1, inputs: {} };
  const columns = op.columns(3, request);
  const check = (index: number, probability: number): number => {
    const verifier = new RowVerifier(1);
    const sampled = verifier.sample(block, 0, new Set());
    const out = [Int32Array.of(index), Float32Array.of(probability)];
    verifier.check(op, request, { block, first: 0, sampled }, columns, out);
    return verifier.result.rows;
  };
  const [, probability] = softmax(block.x);
  expect(check(1, probability)).toBe(1);
  expect(() => check(2, probability)).toThrow(/top-1: expected index of row 0/);
  expect(() => check(1, probability * 1.00001)).toThrow(/top-1: expected probability/);
});
