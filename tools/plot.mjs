// Bundles the plot library and a small DOM into dist/lab/report/plot-bundle.js, so that the package
// needs neither at run time, and their licences into a file beside it.
import { build } from 'esbuild';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { at, root } from './setup/paths.mjs';

const outfile = at('dist', 'lab', 'report', 'plot-bundle.js');
const { metafile } = await build({
  stdin: {
    contents: `export * from '@observablehq/plot'; export { parseHTML } from 'linkedom';`,
    resolveDir: root,
  },
  bundle: true,
  minify: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  legalComments: 'none',
  // linkedom would try the package of this name first, if a user has it.
  alias: { canvas: at('node_modules', 'linkedom', 'commonjs', 'canvas-shim.cjs') },
  metafile: true,
  outfile,
  logLevel: 'warning',
});

const folders = new Set(
  Object.keys(metafile.inputs)
    .map((file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1])
    .filter((folder) => folder !== undefined),
);
const notices = [...folders].sort().map((folder) => {
  const { name, version, license } = JSON.parse(readFileSync(at(folder, 'package.json'), 'utf8'));
  const file = readdirSync(at(folder)).find((entry) => /^licen[cs]e(\.|$)/i.test(entry));
  const text =
    file === undefined ? `License: ${license}` : readFileSync(join(at(folder), file), 'utf8');
  return `${name} ${version}\n\n${text.trim()}\n`;
});
writeFileSync(
  outfile.replace(/\.js$/, '.licenses.txt'),
  `What plot-bundle.js is made of.\n\n${notices.join(`\n${'-'.repeat(72)}\n\n`)}`,
);
