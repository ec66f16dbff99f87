// @ts-check

/**
 * npm run bench: `softlane lab ops` of this checkout. A result of the same name is written over, as a benchmark that is
 * run again and again should.
 */

import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { main } = require('../dist/cli/main.js');
const [node = '', , ...args] = process.argv;

process.exitCode = await main([node, 'softlane', 'lab', 'ops', '--force', ...args]);
