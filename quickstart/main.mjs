// @ts-check

/**
 * The main job on real input: reads a picture of a line of text with the PP-OCRv4 recogniser, whose last Softmax is
 * taken off and done by `softlane score` instead.
 *
 *   node quickstart/main.mjs [PICTURE.png] [--out FOLDER]
 *
 * The picture is the repository's own unless another is named. Where a text file of the same name lies beside it, the
 * text that is read must be that one. The scored files stay in the folder, build/quickstart unless told otherwise.
 */

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = path.dirname(fileURLToPath(import.meta.url));

async function main() {
  const { values, positionals } = parseArgs({
    options: { out: { type: 'string', default: path.join(here, '..', 'build', 'quickstart') } },
    allowPositionals: true,
  });
  if (positionals.length > 1) throw new Error('expected at most one picture');
  const pictureFile = path.resolve(positionals[0] ?? path.join(here, 'line.png'));
  const { dir, name } = path.parse(pictureFile);
  const expectedFile = path.join(dir, `${name}.txt`);

  // Loaded here, so that a package or a build that is missing gets one sentence like every other mistake; by require,
  // because Node 20 ends with a stack trace when CommonJS throws under an import, though the error is caught.
  /** @type {typeof import('./pipeline.cjs')} */
  const { readLine } = createRequire(import.meta.url)('./pipeline.cjs');
  const result = await readLine(pictureFile, values.out);
  for (const [label, value] of report(pictureFile, result)) console.log(label.padEnd(12) + value);

  const { distance, bound, text } = result;
  if (!(distance.ours <= bound)) {
    throw new Error(`expected at most ${bound} ULP from float64, found ${distance.ours}`);
  }
  if (!distance.allowed) {
    throw new Error(
      `the softmax differs from onnxruntime's by ${distance.difference}, more than float32 rounding allows`,
    );
  }
  if (existsSync(expectedFile)) {
    const expected = readFileSync(expectedFile, 'utf8').trimEnd();
    if (text !== expected) throw new Error(`expected the text "${expected}", read "${text}"`);
  }
}

/**
 * @param {string} pictureFile
 * @param {Awaited<ReturnType<typeof import('./pipeline.cjs').readLine>>} result
 * @returns {string[][]} what it is called, and what it is
 */
function report(pictureFile, { picture, logitsFile, steps, classes, summary, distance, ...rest }) {
  const shown = (/** @type {string} */ file) => path.relative('', file);
  const speed = (/** @type {number} */ elements) =>
    `${(elements / 1e9).toFixed(3)} G elements/s, ${((4 * elements) / 1e9).toFixed(2)} GB/s`;
  const difference = distance.difference.toExponential(2);
  return [
    ['picture', `${shown(pictureFile)}, ${picture.width} x ${picture.height} pixels`],
    ['logits', `${shown(logitsFile)}, ${steps} steps x ${classes} classes`],
    ['text', rest.text],
    ['confidence', rest.confidence.toFixed(6)],
    ['ISA', summary.isa],
    ['throughput', `${speed(summary.elementsPerSecond)} from file to file, synced to disk`],
    ['in memory', `${speed(rest.inMemory)} read, and as much written`],
    ['difference', `at most ${difference} from onnxruntime's own softmax of the same graph`],
    [
      'accuracy',
      `softlane within ${distance.ours.toFixed(2)} ULP of float64 (promised: ${rest.bound}), ` +
        `onnxruntime within ${distance.theirs.toFixed(2)} ULP`,
    ],
  ];
}

/** @param {any} error @returns {string} one sentence */
function sentence(error) {
  const message = String(error?.message ?? error);
  if (error?.code === 'ERR_MODULE_NOT_FOUND' || error?.code === 'MODULE_NOT_FOUND') {
    const [first] = message.split('\n');
    return `${first} (npm run quickstart installs and builds what is missing)`;
  }
  if (error?.code === 'ENOENT' && error.path) return `${error.path} is missing`;
  return message;
}

main().catch((error) => {
  console.error(`quickstart: ${sentence(error)}`);
  process.exitCode = 1;
});
