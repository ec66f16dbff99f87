import { describe, expect, test } from '@jest/globals';
import { capabilities, logSoftmax, logSumExp, logSumExpState, softmax } from '../lib';
import * as oracle from '../lib/oracle/softmax';
import { ulpDistance } from '../lib/ulp';

const isas = capabilities()
  .isas.filter(({ supported }) => supported)
  .map(({ name }) => name);

function bitsOf(values: Float32Array): number[] {
  return [...new Uint32Array(values.buffer, values.byteOffset, values.length)];
}

describe.each(isas)('%s', (isa) => {
  test('results near the end of the float range are finite at extreme temperatures', () => {
    for (const [low, temperature] of [
      [-2e13, 1e-25],
      [-3e33, 1e-5],
      [-1.8e8, 1e-30],
    ] as const) {
      const x = Float32Array.of(0, low);
      const y = logSoftmax(x, { temperature, isa });
      const truth = oracle.logSoftmax(x, { temperature });
      expect(Number.isFinite(y[1])).toBe(Math.abs(truth[1]) < 3.4028234e38);
      if (Number.isFinite(y[1])) expect(ulpDistance(y[1], truth[1])).toBeLessThanOrEqual(4);
    }
  });

  test('NaN results are one NaN, whatever payloads went in', () => {
    const x = new Float32Array(33).fill(1);
    const bits = new Uint32Array(x.buffer);
    bits[0] = 0x7fc12345;
    bits[8] = 0xffd54321;
    expect(bitsOf(logSumExp(x, { isa }))).toEqual([0x7fc00000]);
    expect(new Set(bitsOf(softmax(x, { isa })))).toEqual(new Set([0x7fc00000]));
    expect(new Set(bitsOf(logSoftmax(x, { isa })))).toEqual(new Set([0x7fc00000]));
    expect(Number.isNaN(logSumExpState({ isa }).push(x).finish())).toBe(true);
  });
});
