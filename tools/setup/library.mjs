import { existsSync, rmSync } from 'node:fs';
import { at } from './paths.mjs';
import { node, step } from './run.mjs';
import { clearStamp, digest, filesIn, readStamp, writeStamp } from './stamp.mjs';

const inputs = [
  'lib',
  'binding.d.ts',
  'tsconfig.json',
  'tsconfig.build.json',
  'tools/esm.mjs',
  'tools/plot.mjs',
];

function current() {
  const typescript = at('node_modules', 'typescript', 'package.json');
  const bundled = ['@observablehq/plot', 'linkedom', 'esbuild'].map((name) =>
    at('node_modules', ...name.split('/'), 'package.json'),
  );
  return digest([...inputs.flatMap(filesIn), typescript, ...bundled], []);
}

/** TypeScript to dist/, and beside it the ESM entries and what reports are drawn with. */
export async function ensureLibrary() {
  const wanted = current();
  if (readStamp('library') === wanted && existsSync(at('dist', 'index.mjs'))) return;
  clearStamp('library');
  await step('compiling lib/ (tsc)', async () => {
    rmSync(at('dist'), { recursive: true, force: true });
    const tsc = at('node_modules', 'typescript', 'bin', 'tsc');
    const compiled = await node(tsc, ['-p', 'tsconfig.build.json'], { quiet: true });
    if (compiled.code !== 0) return compiled;
    const wrapped = await node(at('tools', 'esm.mjs'), [], { quiet: true });
    if (wrapped.code !== 0) return wrapped;
    return node(at('tools', 'plot.mjs'), [], { quiet: true });
  });
  writeStamp('library', wanted);
}
