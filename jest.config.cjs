/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  // Types are checked once for everything by `npm run lint`; here each file is only translated.
  transform: { '^.+\\.ts$': ['ts-jest', { tsconfig: 'tsconfig.json' }] },
  moduleNameMapper: {
    '^softlane$': '<rootDir>/lib/index.ts',
    '^softlane/(promises|onnxruntime|transformers|score)$': '<rootDir>/lib/$1.ts',
  },
  // A look at a global of the sandbox is a call, and took three quarters of the time of all tests. These are parameters of
  // every module instead: not Map or Set, whose names modules give to classes of their own.
  sandboxInjectedGlobals: [
    ...['Array', 'DataView', 'Infinity', 'Math', 'Number', 'Object'],
    ...['Float32Array', 'Float64Array', 'Int32Array', 'Uint8Array', 'Uint16Array', 'Uint32Array'],
  ],
  testTimeout: 60_000,
  maxWorkers: 2,
  watchman: false,
};
