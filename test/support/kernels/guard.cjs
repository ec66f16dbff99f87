// Rows that end where memory ends: Node puts pages that nobody may touch behind every
// WebAssembly.Memory, so an element too many ends the process. It says what it does before it does it.
// Usage: node guard.cjs OPERATOR
'use strict';
const { writeSync } = require('node:fs');
const softlane = require('../../../dist/index.js');
const { viewOptions, viewResult, viewsOf } = require('../../../dist/views.js');

const PAGE = 65_536;
const LENGTHS = [...Array(34).keys(), 47, 48, 49, 100, 127, 4095, 4096, 4097, 8200];

const [, , name] = process.argv;
const line = softlane.catalogue.flatMap(viewsOf).find((other) => other.name === name);
const call = (x, options) =>
  viewResult(line, softlane[line.line.name](x, viewOptions(line, x, options)));
const algorithms = line.options.algorithm?.values ?? [undefined];
const isas = softlane.capabilities().isas.filter((isa) => isa.supported);

/** The last `length` elements of some memory. */
function tail(Kind, length) {
  const pages = Math.ceil((4 * length) / PAGE);
  const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages });
  return new Kind(buffer, buffer.byteLength - 4 * length, length);
}

function mustEqual(got, expected, what) {
  for (let i = 0; i < expected.length; i++) {
    if (!Object.is(got[i], expected[i])) throw new Error(`${what}: other bits at ${i}`);
  }
}

for (const n of LENGTHS) {
  const row = Float32Array.from({ length: n }, (_, i) => Math.fround(((i * 7919) % 101) / 7));
  const x = tail(Float32Array, n);
  for (const { name: isa } of isas) {
    for (const algorithm of algorithms) {
      const options = algorithm === undefined ? { isa } : { isa, algorithm };
      const what = `${name}, ${isa}, ${algorithm ?? 'no algorithm'}, ${n} elements`;
      const expected = call(row, options);
      const out = tail(expected.constructor, expected.length);
      x.set(row);
      writeSync(1, `\n${what}: read`);
      mustEqual(call(x, options), expected, what);
      writeSync(1, `\n${what}: write`);
      call(row, { ...options, out });
      mustEqual(out, expected, what);
      if (line.output !== 'rows') continue;
      writeSync(1, `\n${what}: in place`);
      call(x, { ...options, out: x });
      mustEqual(x, expected, what);
    }
  }
}
writeSync(1, '\ndone');
