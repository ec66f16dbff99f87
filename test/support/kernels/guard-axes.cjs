// Columns that end where memory ends (guard.cjs has rows): an element too many ends the process.
'use strict';
const { writeSync } = require('node:fs');
const softlane = require('../../../dist/index.js');
const { viewOptions, viewsOf } = require('../../../dist/views.js');

const PAGE = 65_536;
const SHAPES = [
  [1, 3, 5],
  [2, 17, 18],
  [1, 16, 16],
  [1, 40, 1],
  [3, 1, 33],
];
const isas = softlane.capabilities().isas.filter((isa) => isa.supported);

/** The last `length` elements of some memory. */
function tail(Kind, length, bytes = 4) {
  const pages = Math.ceil((bytes * length) / PAGE);
  const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages });
  return new Kind(buffer, buffer.byteLength - bytes * length, length);
}

function run(line, what, x, options) {
  writeSync(1, `\n${what}`);
  return softlane[line.name](x, options);
}

for (const line of softlane.catalogue) {
  const [view] = viewsOf(line);
  for (const dims of SHAPES) {
    const [outer, n, inner] = dims;
    const length = outer * n * inner;
    const floats = Float32Array.from({ length }, (_, i) => Math.fround(((i * 7919) % 101) / 7));
    for (const { name: isa } of isas) {
      for (const dtype of ['f32', 'f16']) {
        const what = `${line.name}, ${isa}, ${dtype}, ${dims.join(' x ')}`;
        const options = { ...viewOptions(view, floats, { cols: n }), isa, dtype, dims, axis: 1 };
        delete options.cols;
        if (options.mask !== undefined) options.mask = tail(Int32Array, outer * n).fill(1);
        if (options.other !== undefined) options.other = tail(Float32Array, length);
        const x =
          dtype === 'f32' ? tail(Float32Array, length) : tail(Uint16Array, length, 2).fill(0x3c00);
        if (dtype === 'f32') x.set(floats);
        const result = run(line, what, x, options);
        if (line.output !== 'rows') continue;
        const out = tail(result.constructor, length, result.BYTES_PER_ELEMENT);
        run(line, `${what}: write`, x, { ...options, out });
        if (out.some((value, i) => !Object.is(value, result[i]))) throw new Error(what);
        run(line, `${what}: in place`, x, { ...options, out: x });
        if (x.some((value, i) => !Object.is(value, result[i]))) throw new Error(what);
      }
    }
  }
}
for (const [height, width, kernel, stride, padding] of [
  [5, 7, [3, 3], [2, 2], [1, 1]],
  [4, 4, [2, 2], [2, 2], [0, 0]],
  [9, 3, [9, 3], [1, 1], [4, 1]],
]) {
  const x = tail(Float32Array, 2 * height * width).fill(1);
  const window = { kernel, stride, padding };
  run(softlane.softPool, 'windows', x, { dims: [2, height, width], window });
}
writeSync(1, '\ndone');
