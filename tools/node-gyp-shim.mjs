#!/usr/bin/env node
// prebuildify calls node-gyp with `rebuild --target=.. --devdir=.. --arch=.. --release` and then
// looks into build/Release of its working directory. This stands in for node-gyp and runs cmake-js
// there. The target version means nothing to us: Node-API has one ABI.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cmakeJs } from './setup/native.mjs';

const [command, ...args] = process.argv.slice(2);
const arch = args.find((arg) => arg.startsWith('--arch='))?.slice('--arch='.length);
if (command !== 'rebuild' || (arch && arch !== process.arch)) {
  console.error(
    `node-gyp-shim: expected rebuild for ${process.arch} but received ${process.argv.slice(2).join(' ')}.`,
  );
  process.exit(1);
}

const out = join(process.cwd(), 'build');
const configured = existsSync(join(out, 'CMakeCache.txt'));
const { code } = await cmakeJs(configured ? 'build' : 'rebuild', ['--out', out]);
process.exit(code);
