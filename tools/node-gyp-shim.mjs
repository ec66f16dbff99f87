#!/usr/bin/env node
// prebuildify calls node-gyp with `rebuild --target=.. --devdir=.. --arch=.. --release` and then
// takes what lies in build/Release of its working directory. This stands in for node-gyp: cmake-js
// brings the one build of this clone up to date, and a copy goes where prebuildify looks, because
// it moves the file away. The target version means nothing to us: Node-API has one ABI.
import { copyFileSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cmakeJs } from './setup/native.mjs';
import { addon } from './setup/paths.mjs';

const [command, ...args] = process.argv.slice(2);
const arch = args.find((arg) => arg.startsWith('--arch='))?.slice('--arch='.length);
if (command !== 'rebuild' || (arch && arch !== process.arch)) {
  const received = process.argv.slice(2).join(' ');
  console.error(`node-gyp-shim: expected rebuild for ${process.arch} but received ${received}.`);
  process.exit(1);
}

const { code } = await cmakeJs('build');
if (code === 0) {
  const release = join(process.cwd(), 'build', 'Release');
  mkdirSync(release, { recursive: true });
  copyFileSync(addon, join(release, basename(addon)));
}
process.exitCode = code;
