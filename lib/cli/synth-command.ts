/** `softlane synth`: logits and labels of a model that does not exist, to try things on. */
import { placeOf } from '../score/atomic-file';
import { createNpy, type NpyWriter } from '../score/npy';
import { bytesOf } from '../score/npy-dtype';
import { UsageError } from './failure';
import { received } from './flag-values';
import { countText, print } from './output';

export interface SynthFlags {
  readonly rows: string;
  readonly cols: string;
  readonly labels?: string;
  readonly seed: string;
  readonly force?: boolean;
}

function wholeNumber(flag: string, text: string, least: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (value >= least) return value;
  throw new UsageError(
    `synth: expected ${flag} to be a whole number of at least ${least}, received ${JSON.stringify(text)}`,
  );
}

/** Mulberry32: numbers from 0 to 1 that are the same everywhere. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** How much more sure the model is than it has a reason to be: the temperature that calibrates it is about this. */
const boast = 2;
const blockElements = 1 << 20;

/**
 * Each label is drawn from the softmax of noise of a row, and the logits are that noise times `boast`: a model that knows
 * something and boasts of it.
 */
export async function runSynth(file: string, flags: SynthFlags): Promise<void> {
  const rows = wholeNumber('--rows', flags.rows, 0);
  const cols = wholeNumber('--cols', flags.cols, 1);
  const random = randomFrom(wholeNumber('--seed', flags.seed, 0));
  const force = flags.force === true;
  for (const [what, path] of [
    ['FILE', file],
    ['--labels', flags.labels],
  ] as const) {
    if (path === '-') throw received('synth', what, 'a file, as a stream is not written', path);
  }
  if (flags.labels !== undefined && placeOf(flags.labels) === placeOf(file)) {
    throw received('synth', '--labels', 'another file than that of the logits', flags.labels);
  }
  const logits = await createNpy(file, { shape: [rows, cols], dtype: '<f4', force });
  let labels: NpyWriter | undefined;
  try {
    if (flags.labels !== undefined) {
      labels = await createNpy(flags.labels, { shape: [rows], dtype: '<i4', force });
    }
    const blockRows = Math.max(1, Math.floor(blockElements / cols));
    for (let first = 0; first < rows; first += blockRows) {
      const count = Math.min(blockRows, rows - first);
      const x = new Float32Array(count * cols);
      const targets = new Int32Array(count);
      for (let row = 0; row < count; row++) {
        targets[row] = fillRow(x.subarray(row * cols, (row + 1) * cols), random);
      }
      await logits.write(bytesOf(x));
      await labels?.write(bytesOf(targets));
    }
    // Neither gets its name where the other finds no room.
    await logits.complete();
    await labels?.complete();
    await logits.commit();
    await labels?.commit();
  } finally {
    await logits.discard();
    await labels?.discard();
  }
  print(`${countText(rows)} rows of ${countText(cols)} logits in ${file}`);
}

function fillRow(row: Float32Array, random: () => number): number {
  let sum = 0;
  for (let i = 0; i < row.length; i++) {
    row[i] = 4 * (random() + random() + random() - 1.5);
    sum += Math.exp(row[i]!);
  }
  let left = random() * sum;
  let label = 0;
  while (label < row.length - 1 && (left -= Math.exp(row[label]!)) > 0) label++;
  for (let i = 0; i < row.length; i++) row[i]! *= boast;
  return label;
}
