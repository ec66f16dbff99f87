// Writes the table of docs/operators.md, between its two markers, from the catalogue.
//
//   node tools/operators-table.mjs           after a change of the catalogue
//   node tools/operators-table.mjs --check   exit code 1 if the table is not that of dist/
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { posix } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { setUp } from './setup/index.mjs';
import { at } from './setup/paths.mjs';

/** @typedef {import('../lib/catalogue.js').Operator} Operator */

const PAGE = 'docs/operators.md';

/** A cell with more names than this would make every line of the table as wide; their page has them all. */
const MOST_NAMES = 5;

const marker = (/** @type {string} */ word) => `<!-- operators: ${word} -->`;

const results = { float32: 'float', int32: 'index' };

/** What a row becomes. @param {Operator} line */
function shape({ output, element, operands = [] }) {
  if (output === 'rows') return 'a row';
  if (output === 'perRow') return `one ${results[element]} a row`;
  const names = operands.flatMap(({ role, name }) => (role === 'output' ? `\`${name}\`` : []));
  if (names.length <= MOST_NAMES) return names.join(', ');
  return `any of ${names.length} results: ${names.slice(0, 3).join(', ')}, ...`;
}

/** @param {Operator} line */
function row(line) {
  const { name, summary, bound, options, docs } = line;
  const cells = [
    `[\`${name}\`](${posix.relative(posix.dirname(PAGE), docs)})`,
    summary,
    shape(line),
    bound.maxUlp === 0 ? 'exact' : `${bound.maxUlp} ULP (${bound.measuredUlp} found)`,
    Object.keys(options)
      .map((option) => `\`${option}\``)
      .join(', '),
    `\`${commandName(line)}\``,
  ];
  return `| ${cells.join(' | ')} |`;
}

/** @param {Operator} line @returns {string} */
function commandName(line) {
  return createRequire(import.meta.url)(at('dist', 'score', 'operation.js')).commandName(line);
}

function table() {
  /** @type {{ catalogue: readonly Operator[] }} */
  const { catalogue } = createRequire(import.meta.url)(at('dist', 'catalogue.js'));
  const head = [
    'operator',
    'what it computes',
    'a row becomes',
    'error at most',
    'options',
    '--op',
  ];
  return [`| ${head.join(' | ')} |`, `|${'---|'.repeat(head.length)}`, ...catalogue.map(row)].join(
    '\n',
  );
}

/** @param {string} text @returns {Promise<string>} */
async function withTable(text) {
  const [begin, end] = [text.indexOf(marker('begin')), text.indexOf(marker('end'))];
  if (begin < 0 || end < begin) throw new Error(`${PAGE} has lost the markers of its table`);
  const before = text.slice(0, begin + marker('begin').length);
  const made = `${before}\n\n${table()}\n\n${text.slice(end)}`;
  return format(made, { ...(await resolveConfig(at(PAGE))), parser: 'markdown' });
}

const check = process.argv.includes('--check');
if (!check) await setUp({ native: false });
const current = readFileSync(at(PAGE), 'utf8');
const wanted = await withTable(current);
if (wanted !== current) {
  if (check) {
    process.stderr.write(`${PAGE}: run node tools/operators-table.mjs\n`);
    process.exitCode = 1;
  } else {
    writeFileSync(at(PAGE), wanted);
  }
}
