// How fast jobs over a file in the page cache are, beside `cat FILE > /dev/null` and the same jobs
// written with onnxruntime-node and in plain JavaScript: npm run build, then
//   taskset -c 1 node tools/score-speed.mjs [--gib 1] [--rounds 5] [--ops logsumexp,arg-max] [--rivals no]
// @ts-check
// All in one run, in turns; medians. The results of the others are compared with softlane's.
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { oneNode } from '../dist/lab/rivals/onnx-model.js';
import { plain } from '../dist/lab/rivals/plain.js';
import { formatHeader } from '../dist/score/npy-header.js';
import { operations } from '../dist/score/operation.js';
import { score } from '../dist/score.js';
import { Sweep } from '../dist/sweep.js';

const { values } = parseArgs({
  options: {
    gib: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '5' },
    cols: { type: 'string', default: '32768' },
    ops: { type: 'string', default: 'logsumexp,arg-max,softmax' },
    rivals: { type: 'string', default: 'yes' },
    folder: { type: 'string', default: tmpdir() },
  },
});
const cols = Number(values.cols);
const rows = Math.round((Number(values.gib) * 2 ** 30) / 4 / cols);
const gib = (rows * cols * 4) / 2 ** 30;
const ort = createRequire(import.meta.url)('onnxruntime-node');

const folder = mkdtempSync(join(values.folder, 'softlane-score-speed-'));
const file = join(folder, 'x.npy');
const head = formatHeader('<f4', [rows, cols]);

function makeFile() {
  const block = Float32Array.from({ length: 2 ** 24 }, (_, i) => 10 * Math.sin(i * 0.7 + i * i));
  const out = openSync(file, 'w');
  writeSync(out, head);
  for (let left = rows * cols; left > 0; left -= block.length) {
    writeSync(out, new Uint8Array(block.buffer, 0, 4 * Math.min(left, block.length)));
  }
  closeSync(out);
}

/** @typedef {Float32Array | Int32Array} Numbers */
/** @typedef {(x: Float32Array, count: number) => Numbers | Promise<Numbers>} Compute */
/**
 * `output`: the file that it writes, if any. `rival`: whether its results are to be those of softlane.
 *
 * @typedef {{ name: string, run: () => unknown, output?: string, rival?: boolean }} Contender
 */

/** The job as people write it: 8 MiB of rows are read while those before are computed, then written. */
async function job(/** @type {string} */ path, /** @type {Compute} */ compute) {
  const block = Math.max(1, Math.floor(2 ** 21 / cols));
  const input = await open(file);
  const output = await open(path, 'w');
  const buffers = [0, 1].map(() => new Float32Array(block * cols));
  const read = async (/** @type {number} */ first) => {
    const count = Math.min(block, rows - first);
    if (count <= 0) return buffers[0].subarray(0, 0);
    const x = buffers[(first / block) % 2].subarray(0, count * cols);
    for (let done = 0; done < x.byteLength;) {
      const bytes = new Uint8Array(x.buffer, done, x.byteLength - done);
      const at = head.length + first * cols * 4 + done;
      done += (await input.read(bytes, 0, bytes.length, at)).bytesRead;
    }
    return x;
  };
  let reading = read(0);
  for (let first = 0; first < rows; first += block) {
    const x = await reading;
    reading = read(first + block);
    const y = await compute(x, x.length / cols);
    await output.write(new Uint8Array(y.buffer, y.byteOffset, y.byteLength));
  }
  await output.sync();
  await output.close();
  await input.close();
}

/** What is left of a job without the job: the addon's loop over all rows, in one call. */
async function loop(/** @type {import('../dist/operator.js').Operator} */ line) {
  const input = await open(file);
  const sweep = new Sweep({ fd: input.fd, offset: head.length, format: 'f32' });
  // Nothing is read into it, so it takes no memory.
  const x = { data: new Float32Array(rows * cols), dims: [rows, cols] };
  const done = sweep.call(line, x, undefined);
  sweep.run();
  await done;
  await input.close();
}

async function contendersOf(/** @type {string} */ op) {
  const line = operations.find(({ name }) => name === op)?.line;
  if (!line) throw new Error(`expected an operation, received ${op}`);
  const at = (/** @type {string} */ name) => join(folder, `${op}-${name}`);
  const path = at('softlane.npy');
  /** @type {Contender[]} */
  const contenders = [
    { name: 'cat', run: () => spawnSync('sh', ['-c', 'cat "$0" > /dev/null', file]) },
    {
      name: 'softlane',
      run: () => score({ inputs: [file], outputs: [{ op, path }] }),
      output: path,
    },
    { name: 'its loop alone', run: () => loop(line) },
  ];
  // The limit of a job that writes as much as it reads: the same bytes, and no arithmetic.
  if (line.output === 'rows') {
    const output = at('copy');
    const run = () => spawnSync('sh', ['-c', 'cat "$0" > "$1"', file, output]);
    contenders.push({ name: 'cat to a file', run, output });
  }
  const rival = (/** @type {string} */ name, /** @type {Compute} */ compute) => {
    const output = at(name);
    contenders.push({ name, run: () => job(output, compute), output, rival: true });
  };
  if (values.rivals === 'no') return { contenders, at, element: line.element };
  const node = oneNode(line.name, 'rows', cols);
  if (node) {
    const options = { intraOpNumThreads: 1, interOpNumThreads: 1 };
    const session = await ort.InferenceSession.create(node.model, options);
    const compute = async (/** @type {Float32Array} */ x, /** @type {number} */ count) => {
      const { y } = await session.run({ x: new ort.Tensor('float32', x, [count, cols]) });
      return node.int64 ? Int32Array.from(y.data, Number) : y.data;
    };
    rival('onnxruntime', compute);
  }
  const operator = /** @type {any} */ (plain[line.name]);
  if (operator) {
    /** @type {Compute} */
    const compute = (x, count) => {
      const length = line.output === 'rows' ? x.length : count;
      const y = line.element === 'int32' ? new Int32Array(length) : new Float32Array(length);
      operator(x, y, cols);
      return y;
    };
    rival('plain JS', compute);
  }
  return { contenders, at, element: line.element };
}

/** The first results of two files: equal, or near. */
function requireAlike(
  /** @type {string} */ mine,
  /** @type {string} */ other,
  /** @type {string} */ element,
) {
  const some = (/** @type {string} */ path, /** @type {number} */ skip) =>
    readFileSync(path).subarray(skip, skip + 4 * 1000);
  const array = (/** @type {Uint8Array} */ bytes) => {
    const { buffer } = Uint8Array.from(bytes);
    return element === 'int32' ? new Int32Array(buffer) : new Float32Array(buffer);
  };
  const a = array(some(mine, 128));
  const b = array(some(other, 0));
  if (
    a.length !== b.length ||
    a.some((value, i) => !(Math.abs(value - b[i]) <= 1e-5 * Math.abs(value)))
  ) {
    throw new Error(`${mine} and ${other} differ`);
  }
}

try {
  makeFile();
  console.log(`${cpus()[0]?.model}; ${gib} GiB of rows of ${cols}; GiB/s, and of cat's`);
  for (const op of values.ops.split(',')) {
    const { contenders, at, element } = await contendersOf(op);
    const times = contenders.map(() => /** @type {number[]} */ ([]));
    for (let round = -1; round < Number(values.rounds); round++) {
      for (const [i, { run, output }] of contenders.entries()) {
        // To free what stood there before is nobody's work.
        if (output) rmSync(output, { force: true });
        const start = process.hrtime.bigint();
        await run();
        const seconds = Number(process.hrtime.bigint() - start) / 1e9;
        if (round >= 0) times[i].push(seconds);
      }
    }
    for (const { output, rival } of contenders) {
      if (output && rival) requireAlike(at('softlane.npy'), output, element);
    }
    const median = (/** @type {number[]} */ list) => list.sort((a, b) => a - b)[list.length >> 1];
    const [cat, ...others] = times.map(median);
    const cell = (/** @type {number} */ seconds) =>
      `${(gib / seconds).toFixed(2)} (${(cat / seconds).toFixed(2)})`;
    const text = others.map((seconds, i) => `${contenders[i + 1].name} ${cell(seconds)}`);
    console.log(`${op}: cat ${(gib / cat).toFixed(2)}, ${text.join(', ')}`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
