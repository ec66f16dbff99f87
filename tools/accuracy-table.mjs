// Writes the table of docs/numerics.md, between its two markers: the largest error of every operator over sweeps that are
// made to break its bound, beside that of onnxruntime on the same rows.
//
//   node tools/accuracy-table.mjs           measures, and writes the table
//   node tools/accuracy-table.mjs --missing the same for the rows that the table lacks; those that it has stay
//   node tools/accuracy-table.mjs --check   exit code 1 if an operator, a sweep or a bound is not that of dist/
//   node tools/accuracy-table.mjs --sample  prints the figures of one draw of one sweep, and writes nothing
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { format, resolveConfig } from 'prettier';
import { inputOf, optionsOf, rival, shapes, sweeps, truthOf, worst } from './accuracy/sweeps.cjs';
import { setUp } from './setup/index.mjs';
import { at } from './setup/paths.mjs';

/** @typedef {import('../lib/views.js').View} View */
/** @typedef {{ ours: number, theirs: number | undefined }} Figures */

const SEEDS = [1, 2, 3];
const PAGE = at('docs', 'numerics.md');
const require = createRequire(import.meta.url);
const marker = (/** @type {string} */ word) => `<!-- accuracy: ${word} -->`;

/** @returns {typeof import('onnxruntime-node') | undefined} */
function loadOnnxruntime() {
  try {
    return require('onnxruntime-node');
  } catch {
    return undefined;
  }
}

/**
 * @param {View} line @param {(typeof sweeps)[number]} sweep
 * @param {{ seeds?: readonly number[], over?: typeof shapes }} [share]
 * @returns {Promise<Figures>}
 */
async function measure(line, sweep, { seeds = SEEDS, over = shapes } = {}) {
  const softlane = require(at('dist', 'index.js'));
  const { boundDistance, ulpDistance } = require(at('dist', 'ulp.js'));
  const { viewOptions, viewResult } = require(at('dist', 'views.js'));
  const runtime = loadOnnxruntime();
  /** @type {Figures} */
  const figures = { ours: 0, theirs: undefined };
  for (const seed of seeds) {
    for (const shape of over) {
      const x = inputOf(sweep, shape, seed);
      const given = optionsOf(line, seed);
      const truth = truthOf(line, x, shape.cols, given);
      /** @type {(got: number, want: number, size: number) => number} */
      const mine = (got, want, size) => boundDistance(got, want, line.bound, size);
      const call = softlane[line.line.name];
      const y = viewResult(line, call(x, viewOptions(line, x, { cols: shape.cols, ...given })));
      figures.ours = Math.max(figures.ours, worst(y, truth, mine));
      const other = runtime && (await rival(runtime, line, x, shape));
      if (other === undefined) continue;
      // Which of the results below 2^-126 are flushed is nobody's error.
      const fair = (/** @type {number} */ got, /** @type {number} */ want) =>
        Math.abs(want) < 2 ** -126 && Math.abs(got) <= 2 ** -126
          ? 0
          : ulpDistance(got, want, 'subnormal');
      figures.theirs = Math.max(figures.theirs ?? 0, worst(other, truth, fair));
    }
  }
  return figures;
}

/** Two digits: more would be another machine's business. */
function ulps(/** @type {number} */ value) {
  if (value === Infinity) return '∞';
  if (value === 0) return '0';
  return value < 10
    ? value.toFixed(1)
    : value < 1e4
      ? String(Math.round(value))
      : value.toExponential(0);
}

/** @param {Figures} figures */
const cell = ({ ours, theirs }) => ulps(ours) + (theirs === undefined ? '' : ` / ${ulps(theirs)}`);

/** Every output of every operator. @returns {readonly View[]} */
function outputs() {
  const { viewsOf } = require(at('dist', 'views.js'));
  return require(at('dist', 'catalogue.js')).catalogue.flatMap(viewsOf);
}

const head = ['operator', 'at most', ...sweeps.map(({ name }) => name)];

/** What a row says whatever the machine. @param {View} line */
const fixed = ({ name, bound }) => [name, String(bound.maxUlp)];

/** @param {readonly (readonly string[])[]} kept rows that are taken as they are */
async function table(kept) {
  const rows = [head, head.map(() => '---')];
  for (const line of outputs()) {
    const known = kept.find((row) => String(row.slice(0, 2)) === String(fixed(line)));
    const cells = known?.slice(2) ?? [];
    if (!known) for (const sweep of sweeps) cells.push(cell(await measure(line, sweep)));
    rows.push([...fixed(line), ...cells]);
  }
  return rows.map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** @param {string} text */
function halves(text) {
  const [begin, end] = [text.indexOf(marker('begin')), text.indexOf(marker('end'))];
  if (begin < 0 || end < begin)
    throw new Error('docs/numerics.md has lost the markers of its table');
  return [text.slice(0, begin + marker('begin').length), text.slice(end)];
}

const current = readFileSync(PAGE, 'utf8');
const [before, after] = halves(current);
const lines = current.slice(before.length, current.length - after.length).match(/^\|.*\|$/gm) ?? [];
const cells = lines.map((row) =>
  row
    .slice(1, -1)
    .split('|')
    .map((text) => text.trim()),
);
if (process.argv.includes('--check')) {
  const said = cells.filter((_, i) => i !== 1).map((row, i) => (i === 0 ? row : row.slice(0, 2)));
  const wanted = [head, ...outputs().map(fixed)];
  if (JSON.stringify(said) !== JSON.stringify(wanted)) {
    process.stderr.write('docs/numerics.md: run node tools/accuracy-table.mjs\n');
    process.exitCode = 1;
  }
} else if (process.argv.includes('--sample')) {
  for (const line of outputs()) {
    const sweep = sweeps.filter(({ name }) => name === 'wide range')[0];
    const figures = await measure(line, sweep, { seeds: [1], over: shapes.slice(1, 3) });
    console.log(JSON.stringify({ name: line.name, ...figures }));
  }
} else {
  await setUp();
  const kept = process.argv.includes('--missing') ? cells : [];
  const made = `${before}\n\n${await table(kept)}\n\n${after}`;
  writeFileSync(PAGE, await format(made, { ...(await resolveConfig(PAGE)), parser: 'markdown' }));
}
