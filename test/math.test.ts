/**
 * native/simd/math.h by itself. Floats of all bits, and densely where something changes, are the work of a native
 * program, test/native/math.cpp: every 101st here, all of them by npm run test:exhaustive (docs/testing.md). The rest goes
 * through the hooks of the addon.
 */
import { describe, expect, test } from '@jest/globals';
import type { Binding } from '../binding';
import { native } from '../lib/configure';
import { EXHAUSTIVE, patience, programFolder, programTest, said, share } from './helpers/programs';
import { runProgram } from './native/programs.cjs';
import { expectSameBits } from './support/kernels/compare';
import { isas, operators } from './support/kernels/operators';

/** Promised, and measured over all floats (docs/numerics.md). */
const EXP = { bound: 2, measured: 0.94 };
const LOG = { bound: 2, measured: 0.85 };
const PAIR = { measured: 0.96, relative: 1.38 };

/** The pair is that of this times e^x (native/simd/math.h, Note [Gain]). */
const GAIN = 1.0271170333246298;

/** One line of what the program says. */
interface Subject {
  readonly name: string;
  readonly floats: number;
  readonly ulp?: number;
  readonly relative?: number;
  readonly wrong: string;
}

// A prime, so that all mantissas and all exponents turn up.
const STRIDE = EXHAUSTIVE ? 1 : 101;

/** The largest error of each function; maps are compared with the truth in maps.test.ts. */
const functions = { exp: EXP.measured, log: LOG.measured, extExp: PAIR.measured };
// What they do with further arrays is no function of one float.
const maps = operators
  .filter(([name, { driver, line }]) => driver === 'map' && name === line.name)
  .map(([name]) => name);

programTest.each([...Object.keys(functions), ...maps])(
  '%s of floats of all bits: the same on every instruction set, and within the bounds',
  async (only) => {
    const options = { stride: STRIDE, only, ...share };
    const result = (await runProgram(programFolder!, 'math', options)) as {
      isas: number;
      subjects: Subject[];
    };
    expect(result.isas).toBe(isas.length);
    expect(result.subjects.length).toBeGreaterThan(0);
    for (const subject of result.subjects) {
      said('floats', subject);
      expect(subject.wrong).toBe('');
      const least = 2 ** 32 / STRIDE / share.parts;
      expect(subject.floats).toBeGreaterThan(share.parts === 1 ? least : 0.999 * least);
      if (!(only in functions)) continue;
      expect(subject.ulp).toBeLessThanOrEqual(functions[only as keyof typeof functions]);
      if (only === 'extExp') expect(subject.relative).toBeLessThanOrEqual(PAIR.relative);
    }
  },
  patience * (EXHAUSTIVE ? 7_200_000 : 120_000),
);

type Hook = (isa: number, x: Float32Array, ...outputs: Float32Array[]) => number;

/** Runs a hook on every instruction set; the outputs must not differ. */
function run(name: '_exp' | '_log' | '_extExp', x: Float32Array): Float32Array[] {
  const binding: Binding = native();
  const hook = binding[name] as unknown as Hook;
  let first: Float32Array[] | undefined;
  for (const isa of isas) {
    const outputs = [new Float32Array(x.length)];
    if (name === '_extExp') outputs.push(new Float32Array(x.length));
    expect(hook(binding.isas.indexOf(isa), x, ...outputs)).toBe(0);
    first ??= outputs;
    outputs.forEach((y, i) => expectSameBits(y, first![i], `${name} on ${isa}`));
  }
  return first!;
}

describe('exp', () => {
  test('special values', () => {
    const x = Float32Array.of(0, -0, -Infinity, Infinity, NaN, 1e-45, -1e-45, 89, 1e4, -104, -1e38);
    const [y] = run('_exp', x);
    expect(Array.from(y)).toEqual([1, 1, 0, Infinity, NaN, 1, 1, Infinity, Infinity, 0, 0]);
  });

  test('a result below 2^-126 is a subnormal, not a zero', () => {
    const x = Float32Array.of(-88, -95, -103);
    const [y] = run('_exp', x);
    y.forEach((value, i) => expect(Math.abs(value - Math.exp(x[i]))).toBeLessThan(2 ** -149));
  });
});

describe('log', () => {
  test('special values', () => {
    const x = Float32Array.of(1, 0, -0, Infinity, -Infinity, NaN, -1, -1e-45, -3e38);
    const [y] = run('_log', x);
    expect(Array.from(y)).toEqual([0, -Infinity, -Infinity, Infinity, NaN, NaN, NaN, NaN, NaN]);
  });
});

describe('the exponential as a pair', () => {
  test('the gain itself at zero', () => {
    const [mantissa, exponent] = run('_extExp', Float32Array.of(0, -0));
    expect(Array.from(mantissa)).toEqual([Math.fround(GAIN), Math.fround(GAIN)]);
    expect(Array.from(exponent)).toEqual([0, 0]);
  });
});

test('lengths that are not whole vectors: nothing beyond them is written', () => {
  const binding = native();
  for (const isa of isas.map((name) => binding.isas.indexOf(name))) {
    for (let n = 0; n < 50; n++) {
      const x = new Float32Array(n).fill(1);
      const padded = new Float32Array(n + 32).fill(7);
      const other = padded.slice();
      const middle = padded.subarray(16, 16 + n);
      const exponents = other.subarray(16, 16 + n);
      const results: [number, number][] = [
        [binding._exp(isa, x, middle), Math.fround(Math.E)],
        [binding._log(isa, x, middle), 0],
      ];
      results.forEach(([status]) => expect(status).toBe(0));
      expect(Array.from(middle)).toEqual(Array(n).fill(0));
      expect(binding._exp(isa, x, middle)).toBe(0);
      expect(Array.from(middle)).toEqual(Array(n).fill(results[0][1]));
      expect(binding._extExp(isa, x, middle, exponents)).toBe(0);
      expect(Array.from(exponents)).toEqual(Array(n).fill(1));
      for (const whole of [padded, other]) {
        expect(whole.subarray(0, 16).every((value) => value === 7)).toBe(true);
        expect(whole.subarray(16 + n).every((value) => value === 7)).toBe(true);
      }
    }
  }
});

test('the promised bounds', () => {
  expect(EXP.measured).toBeLessThanOrEqual(EXP.bound);
  expect(LOG.measured).toBeLessThanOrEqual(LOG.bound);
});
