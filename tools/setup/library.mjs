import { existsSync, rmSync } from 'node:fs';
import { at } from './paths.mjs';
import { node, step } from './run.mjs';
import { clearStamp, digest, filesIn, readStamp, writeStamp } from './stamp.mjs';

const inputs = ['lib', 'binding.d.ts', 'tsconfig.json', 'tsconfig.build.json', 'tools/esm.mjs'];

function current() {
  const typescript = at('node_modules', 'typescript', 'package.json');
  return digest([...inputs.flatMap(filesIn), typescript], []);
}

/** TypeScript to dist/, and the ESM entries beside it. */
export async function ensureLibrary() {
  const wanted = current();
  if (readStamp('library') === wanted && existsSync(at('dist', 'index.mjs'))) return;
  clearStamp('library');
  await step('compiling lib/ (tsc)', async () => {
    rmSync(at('dist'), { recursive: true, force: true });
    const tsc = at('node_modules', 'typescript', 'bin', 'tsc');
    const compiled = await node(tsc, ['-p', 'tsconfig.build.json'], { quiet: true });
    if (compiled.code !== 0) return compiled;
    return node(at('tools', 'esm.mjs'), [], { quiet: true });
  });
  writeStamp('library', wanted);
}
