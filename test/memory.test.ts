/**
 * No kernel touches a byte that it should not: the native program test/native/memory.cpp, here over the lengths at which
 * loops end. All lengths up to 4,200 are tried by npm run test:exhaustive.
 */
import { expect } from '@jest/globals';
import { catalogue } from '../lib/catalogue';
import { EXHAUSTIVE, isas, programFolder, programTest, said } from './helpers/programs';
import { runMemory } from './native/programs.cjs';

programTest(
  'kernels in memory between protected pages',
  async () => {
    const lengths = EXHAUSTIVE ? 'all' : 'some';
    const result = await runMemory(programFolder!, { lengths });
    said('memory', result);
    expect(result.isas).toBe(isas.length);
    expect(result.lengths).toBe(EXHAUSTIVE ? 4201 : 96);
    expect(result.calls).toBeGreaterThan(catalogue.length);
  },
  EXHAUSTIVE ? 7_200_000 : 240_000,
);
