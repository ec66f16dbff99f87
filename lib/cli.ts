#!/usr/bin/env node
import { main } from './cli/main';

void main(process.argv).then((code) => {
  // Standard output may have failed already and set a code of its own.
  process.exitCode ??= code;
});
