// @ts-check
'use strict';

const { BUSY } = require('./machine.cjs');
const { REFERENCES } = require('./results.cjs');
const { shapeName } = require('./shapes.cjs');

/** Three digits. @param {number} value */
function digits(value) {
  if (!Number.isFinite(value)) return String(value);
  if (value > 0 && value < 0.01) return String(Number(value.toPrecision(2)));
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value >= 1 ? value.toFixed(2) : value.toFixed(3);
}

/** @param {number} ns */
function duration(ns) {
  if (ns < 1e3) return `${digits(ns)} ns`;
  if (ns < 1e6) return `${digits(ns / 1e3)} µs`;
  return ns < 1e9 ? `${digits(ns / 1e6)} ms` : `${digits(ns / 1e9)} s`;
}

/** @param {import('./statistics.cjs').Summary} summary @param {number} [divisor] */
function spread({ q1, q3 }, divisor = 1) {
  return `${digits(q1 / divisor)} .. ${digits(q3 / divisor)}`;
}

/** Columns aligned to the right but for the first. @param {string[][]} rows */
function align(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/**
 * @param {import('./results.cjs').Result} result
 * @returns {string} a heading, the table and what must be said of it
 */
function table({ op, shape, cold, base, repeats, lines, absent, wrong, others }) {
  const elements = shape.rows * shape.cols;
  const trials = lines.length > 0 ? lines[0].calls.length : 0;
  const present = (/** @type {string} */ name) => lines.some((line) => line.name === name);
  const references = REFERENCES.filter((name) => name !== base && present(name));
  const based = present(base);
  const head = [
    'contender',
    'a call',
    'ns/element',
    'quartiles',
    'max ULP',
    ...(based ? [`x ${base}`, 'quartiles'] : []),
    ...references.map((name) => `x ${name}`),
  ];
  const rows = lines.map(({ name, call, maxUlp, faster }) => [
    name,
    duration(call.median),
    digits(call.median / elements),
    spread(call, elements),
    maxUlp === null ? '-' : digits(maxUlp),
    ...(based ? [digits(faster[base].median), spread(faster[base])] : []),
    ...references.map((reference) => digits(faster[reference].median)),
  ]);
  const outputs = cold ? 'cold outputs' : 'warm outputs';
  return [
    `${op} ${shapeName(shape)}: ${outputs}, ${trials} x ${repeats} rounds`,
    ...(lines.length > 0 ? [align([head, ...rows])] : []),
    ...wrong.map(({ name, why }) => `WRONG, so without a number: ${name}: ${why}`),
    ...absent.map(({ name, why }) => `skipped: ${name}: ${why}`),
    ...(others !== null && others > BUSY ? [busy(others)] : []),
  ].join('\n');
}

/** @param {number} share */
function busy(share) {
  return `BUSY MACHINE: other programs took ${Math.round(share * 100)} % of a CPU; do not trust these figures`;
}

/** @param {Record<string, string>} facts */
function listing(facts) {
  const width = Math.max(...Object.keys(facts).map((name) => name.length));
  return Object.entries(facts)
    .map(([name, value]) => `${name.padEnd(width)}  ${value}`)
    .join('\n');
}

module.exports = { busy, digits, duration, listing, table };
