/**
 * One array of more than 2^31 elements, 8 GiB of addresses: indices, lengths and strides beyond 32 bits, in elements and
 * in bytes. Its zeros take no memory until they are written. In the slow job.
 */
import { beforeAll, describe, expect, test } from '@jest/globals';
import * as promises from '../../lib/promises';
import { viewOptions, viewResult } from '../../lib/views';
import { slow } from '../helpers/effort';
import { expectError } from '../helpers/errors';
import { bitsOf, expectAccurate, expectSameBits } from '../support/kernels/compare';
import {
  bestIsa,
  call,
  functionOf,
  operators,
  outputCols,
  parameterSets,
  truthOf,
} from '../support/kernels/operators';
import type { Options } from '../support/kernels/operators';
import { Random } from '../support/kernels/random';

const LENGTH = 2 ** 31 + 2 ** 20;

function allocate(): Float32Array | undefined {
  try {
    return new Float32Array(LENGTH);
  } catch {
    return undefined;
  }
}
const x = slow ? allocate() : undefined;

(x === undefined ? describe.skip : describe)('8 GiB of addresses', () => {
  const array = x ?? new Float32Array(0);
  const row = Float32Array.from({ length: 1000 }, (_, i) => new Random(i).uniform(-9, 9));
  const far = 2 ** 31;
  beforeAll(() => {
    array.set(row, 0);
    array.set(row, far);
  });

  test.each(operators)('%s: rows that are 8 GiB apart', async (name, line) => {
    const [parameters] = parameterSets(line);
    const cols = row.length;
    const width = outputCols(line, cols);
    const want = call(line, row, {});
    expectAccurate(line, want, truthOf(line, row, parameters), name);
    // What is read beside x is that of two rows.
    const both = new Float32Array(2 * cols);
    both.set(row, 0);
    both.set(row, cols);
    const { cols: each, ...beside } = viewOptions(line, both, { cols });
    const options: Options = { ...beside, cols: each, stride: far, isa: bestIsa };
    const prefix = array.subarray(0, far + cols);
    const y = viewResult(line, functionOf(line)(prefix, options));
    expectSameBits(y.subarray(0, width), want, 'the first row');
    expectSameBits(y.subarray(width, 2 * width), want, 'the second row');
    // Awaited, only the rows themselves are copied.
    const later = (promises as unknown as Record<string, unknown>)[line.line.name] as (
      x: Float32Array,
      options: Options,
    ) => Promise<unknown>;
    expectSameBits(viewResult(line, await later(prefix, options)), y, 'awaited');
    if (line.output !== 'rows') return;
    functionOf(line)(prefix, { ...options, out: prefix });
    expectSameBits(array.subarray(0, cols), want, 'in place');
    expectSameBits(array.subarray(far, far + cols), want, 'in place, the second row');
    expect(array[cols] === 0 && array[far - 1] === 0 && array[far + cols] === 0).toBe(true);
    bitsOf(array.subarray(0, cols)).set(bitsOf(row));
    bitsOf(array.subarray(far, far + cols)).set(bitsOf(row));
  });

  const alone = operators.filter(
    ([, { output, inputs }]) => output === 'perRow' && inputs.length === 0,
  );
  test.each(alone)('%s: one row', (_, line) => {
    if (line.element === 'int32') {
      expectError(() => call(line, array, {}), RangeError, 'ERR_SOFTLANE_SHAPE', '2147483647');
      const most = array.subarray(0, far - 1);
      most[far - 2] = 99;
      for (const threads of [1, 3]) expect(call(line, most, { threads })[0]).toBe(far - 2);
      most[far - 2] = 0;
      return;
    }
    const want = call(line, array, { threads: 1 });
    expectSameBits(call(line, array, { threads: 3 }), want, '3 threads');
    expect(Number.isFinite(want[0])).toBe(true);
  });
});
