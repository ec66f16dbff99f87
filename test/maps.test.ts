/**
 * Maps are functions of one float, so they can be tried on all of them: here on every 4093rd, and around every power of
 * two. SOFTLANE_EVERY=1 npm test -- maps takes every float (an hour or so), and SOFTLANE_REPORT=1 prints the maximum.
 */
import { describe, expect, test } from '@jest/globals';
import { expectAccurate, expectSameBits } from './support/kernels/compare';
import { call, isas, operators, parameterSets, truthOf } from './support/kernels/operators';
import type { Operator } from './support/kernels/operators';

const EVERY = Number(process.env['SOFTLANE_EVERY'] ?? 4093);
const CHUNK = 2 ** 20;

const words = new Uint32Array(CHUNK);
const floats = new Float32Array(words.buffer);

/** Checks the first `count` floats on every instruction set; the largest error. */
function check(line: Operator, count: number): number {
  const x = floats.subarray(0, count);
  const [parameters] = parameterSets(line);
  const y = call(line, x, { isa: isas[0] });
  for (const isa of isas.slice(1)) expectSameBits(call(line, x, { isa }), y, isa);
  return expectAccurate(line, y, truthOf(line, x, parameters), `from 0x${words[0].toString(16)}`);
}

describe.each(operators.filter(([, line]) => line.driver === 'map' && line.inputs.length === 0))(
  '%s',
  (name, line) => {
    test(
      `every ${EVERY}th float`,
      () => {
        let worst = 0;
        for (let bits = 0; bits < 2 ** 32; bits += EVERY * CHUNK) {
          const count = Math.min(CHUNK, Math.ceil((2 ** 32 - bits) / EVERY));
          for (let i = 0; i < count; i++) words[i] = bits + i * EVERY;
          worst = Math.max(worst, check(line, count));
        }
        if (process.env['SOFTLANE_REPORT'] !== undefined) {
          process.stderr.write(`${name} ${worst.toFixed(4)} ULP over every ${EVERY}th float\n`);
        }
        expect(worst).toBeLessThanOrEqual(line.bound.measuredUlp);
      },
      EVERY < 1000 ? 7_200_000 : 120_000,
    );

    test('around every power of two, both zeros, both infinities, NaN', () => {
      let count = 0;
      for (const sign of [0, 0x80000000]) {
        for (let exponent = 0; exponent < 256; exponent++) {
          const at = sign + exponent * 0x800000;
          for (let step = -8; step <= 8; step++) words[count++] = at + step;
        }
        for (let bit = 0; bit < 23; bit++) words[count++] = sign + 2 ** bit;
      }
      check(line, count);
    });

    test('an element does not depend on its place or on its neighbours', () => {
      const row = Float32Array.from({ length: 49 }, (_, i) => ((i * 37) % 49) / 3 - 8);
      row[20] = NaN;
      row[21] = -Infinity;
      row[22] = Infinity;
      const y = call(line, row, {});
      row.forEach((value, i) => {
        expectSameBits(
          call(line, Float32Array.of(value), {}),
          y.subarray(i, i + 1),
          `element ${i}`,
        );
      });
    });
  },
);
