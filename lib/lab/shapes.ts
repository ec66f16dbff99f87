export interface Shape {
  readonly rows: number;
  readonly cols: number;
}

/** Largest array that a Float32Array of this Node can hold comfortably. */
export const MOST_ELEMENTS = 2 ** 30;

/**
 * The shapes of `softlane lab ops`: a call and nothing else, a classifier's row and batch, vocabularies of 32,000 and
 * 128,256 tokens, a batch of the former, and rows beyond the second-level and the last-level cache.
 */
export const USUAL = [
  '1x1',
  '1x16',
  '1x1000',
  '1024x1000',
  '1x32000',
  '1x128256',
  '256x32000',
  '1x2^22',
  '1x2^26',
];
export const QUICK = ['1x1', '1x16', '1x1000', '1024x1000', '1x128256', '1x2^22'];
export const LARGE = ['1x2^28'];

/** Shapes that models have; a name stands for all of its shapes. */
export const PRESETS: Readonly<Record<string, readonly string[]>> = {
  'gpt-2': ['1x50257', '32x50257'],
  'llama-3': ['1x128256', '32x128256'],
  gemma: ['1x256000', '16x256000'],
  'pp-ocr': ['40x6625', '640x6625'],
  'imagenet-1k': ['1x1000', '256x1000'],
  'imagenet-21k': ['1x21841', '64x21841'],
  attention: ['384x128', '1536x512', '4096x1024', '8192x4096'],
};

/** Digits, or 2^digits; NaN where it is neither. */
function size(text: string): number {
  const power = /^2\^(\d{1,2})$/.exec(text);
  if (power) return 2 ** Number(power[1]);
  return /^\d{1,10}$/.test(text) ? Number(text) : NaN;
}

/** ROWSxCOLS; undefined where it is no shape that can be measured. */
export function parseShape(text: string): Shape | undefined {
  const parts = text.trim().split('x');
  if (parts.length !== 2) return undefined;
  const [rows, cols] = parts.map(size);
  return rows >= 1 && cols >= 1 && rows * cols <= MOST_ELEMENTS ? { rows, cols } : undefined;
}

/** A power of two from 2^20 on as such. */
function sizeName(value: number): string {
  const power = Math.log2(value);
  return power >= 20 && Number.isInteger(power) ? `2^${power}` : String(value);
}

export const shapeName = ({ rows, cols }: Shape): string => `${sizeName(rows)}x${sizeName(cols)}`;

/**
 * Whether outputs are cold unless asked otherwise: for one row that the second-level cache does not hold with its
 * result. Shorter rows meet warm buffers in the programs that we know, and so do batches, row by row.
 */
export function coldByDefault({ rows, cols }: Shape, l2: number): boolean {
  return rows === 1 && cols >= 2 ** 20 && 8 * cols > l2;
}
