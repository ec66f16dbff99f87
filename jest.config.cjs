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
  testTimeout: 60_000,
  maxWorkers: 2,
  watchman: false,
};
