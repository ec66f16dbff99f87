/** Inputs of a job of `softlane score`: logits, whole and with a NaN in one row, and labels. */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { dict, npy } from './npy';

export const [rows, cols] = [3000, 64];
export const x = Float32Array.from({ length: rows * cols }, (_, i) =>
  Math.fround(Math.sin(i * i) * 4),
);
export const labels = Int32Array.from({ length: rows }, (_, row) => (row * row) % cols);
export const badRow = 1234;

export const bytesOf = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/** Writes them to a new folder; of x.npy row `badRow` has a NaN, good.npy has none. */
export function writeInputs(folder: string): string {
  fs.mkdirSync(folder);
  const spoilt = x.slice();
  spoilt[badRow * cols + 7] = NaN;
  fs.writeFileSync(join(folder, 'x.npy'), npy(dict(`(${rows}, ${cols})`), bytesOf(spoilt)));
  fs.writeFileSync(join(folder, 'good.npy'), npy(dict(`(${rows}, ${cols})`), bytesOf(x)));
  fs.writeFileSync(join(folder, 'labels.npy'), npy(dict(`(${rows},)`, "'<i4'"), bytesOf(labels)));
  return folder;
}
