/**
 * No kernel touches a byte that it should not: the native program test/native/memory.cpp, here over the lengths at which
 * loops end. All lengths up to 4,200 are tried by npm run test:exhaustive.
 */
import { expect } from '@jest/globals';
import {
  EXHAUSTIVE,
  isas,
  patience,
  programFolder,
  programTest,
  said,
  share,
} from './helpers/programs';
import { runMemory, subjects } from './native/programs.cjs';

programTest.each(subjects)(
  '%s: in memory between protected pages',
  async (only) => {
    const lengths = EXHAUSTIVE ? 'all' : 'some';
    const result = await runMemory(programFolder!, { lengths, only, ...share });
    said(`memory, ${only}`, result);
    expect(result.isas).toBe(isas.length);
    expect(result.lengths).toBe(EXHAUSTIVE ? 4201 : 96);
    expect(result.calls > 0).toBe(only !== 'functions');
    // Each length by each call on each instruction set in several forms, but for those of no elements.
    const least = result.lengths * Math.max(1, result.calls) * result.isas;
    expect(result.runs * share.parts).toBeGreaterThan(2 * least);
  },
  patience * (EXHAUSTIVE ? 7_200_000 : 240_000),
);
