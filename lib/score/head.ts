/**
 * Hidden states times a head matrix: logits in blocks. A plain multiply in JavaScript, one float64 sum an element in the
 * order of the hidden dimension, so that its bits depend on nothing else; a few billion products a second it is not.
 */
import { orOutOfMemory } from '../errors';
import { SoftlaneFileError } from './errors';
import type { InputFile } from './input-file';
import { openSource, locate } from './inputs';
import type { RowTarget, Source } from './source';

/** A row of weights for each column of the logits, as models store them: [vocabulary x hidden]. */
export interface Head {
  readonly path: string;
  readonly weights: Float32Array;
  readonly vocabulary: number;
  readonly hidden: number;
  /** As it was when it was read; a stream has none. */
  readonly file: InputFile | undefined;
}

export async function readHead(path: string): Promise<Head> {
  const { source, file } = await openSource(locate(path), { element: 'float32' });
  try {
    const { rows, cols } = source;
    if (rows === undefined) {
      throw new SoftlaneFileError(
        'ERR_SOFTLANE_INPUT_SHAPE',
        path,
        'does not say how many rows it has',
      );
    }
    const weights = weightsOf(path, rows * cols);
    await source.read({ x: weights }, rows);
    await source.requireEnd?.();
    return { path, weights, vocabulary: rows, hidden: cols, file };
  } finally {
    await source.close();
  }
}

function weightsOf(path: string, length: number): Float32Array {
  const purpose = () => `the ${4 * length} bytes of ${path}`;
  return orOutOfMemory('score', purpose, () => new Float32Array(length));
}

/** Weights that are used for all rows of a tile before the next ones are. */
const tile = 64;

/** out[r, v] = sum over h of x[r, h] * weights[v, h] */
export function multiply(
  x: Float32Array,
  rows: number,
  { weights, vocabulary, hidden }: Head,
  out: Float32Array,
): void {
  for (let from = 0; from < vocabulary; from += tile) {
    const to = Math.min(vocabulary, from + tile);
    for (let row = 0; row < rows; row++) {
      const start = row * hidden;
      let v = from;
      for (; v + 3 < to; v += 4) {
        let [a, b, c, d] = [0, 0, 0, 0];
        const first = v * hidden;
        for (let h = 0; h < hidden; h++) {
          const value = x[start + h]!;
          a += value * weights[first + h]!;
          b += value * weights[first + hidden + h]!;
          c += value * weights[first + 2 * hidden + h]!;
          d += value * weights[first + 3 * hidden + h]!;
        }
        const at = row * vocabulary + v;
        out[at] = a;
        out[at + 1] = b;
        out[at + 2] = c;
        out[at + 3] = d;
      }
      for (; v < to; v++) {
        let sum = 0;
        for (let h = 0; h < hidden; h++) sum += x[start + h]! * weights[v * hidden + h]!;
        out[row * vocabulary + v] = sum;
      }
    }
  }
}

/** The logits of a source of hidden states. */
export function throughHead(source: Source, head: Head): Source {
  if (source.cols !== head.hidden) {
    throw new SoftlaneFileError(
      'ERR_SOFTLANE_INPUT_SHAPE',
      head.path,
      `has rows of ${head.hidden} elements, the hidden states of ${source.path} have ${source.cols}`,
    );
  }
  let states = new Float32Array(0);
  return {
    path: source.path,
    format: source.format,
    holds: source.holds,
    rows: source.rows,
    cols: head.vocabulary,
    flat: source.flat,
    skips: source.skips,
    warning: source.warning,
    read: async (into: RowTarget, count, signal) => {
      if (states.length < count * head.hidden) states = new Float32Array(count * head.hidden);
      const rows = await source.read({ x: states, labels: into.labels }, count, signal);
      multiply(states, rows, head, into.x as Float32Array);
      return rows;
    },
    skip: (rows, signal) => source.skip(rows, signal),
    close: () => source.close(),
  };
}
