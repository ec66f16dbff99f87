/** Files as memory, and files that are cut off meanwhile: the native program test/native/mapped.cpp. */
import { expect } from '@jest/globals';
import { programFolder, programTest } from './helpers/programs';
import { runProgram } from './native/programs.cjs';

programTest('files as memory: what they hold, what is gone, whose signals are whose', async () => {
  const scenarios = (await runProgram(programFolder!, 'mapped')) as object;
  expect(Object.keys(scenarios)).toContain('zeros where it was cut off');
});
