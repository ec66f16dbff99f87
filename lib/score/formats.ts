/** Every file format, and which of them a file is in. */
import { extname } from 'node:path';
import { arrowFormat, arrowStreamFormat } from './arrow';
import type { Format } from './format';
import { npyFormat } from './npy-format';
import { npzFormat } from './npz';
import { parquetFormat } from './parquet';
import { safetensorsFormat } from './safetensors';
import { csvFormat, jsonlFormat } from './text';

/** In the order in which the beginning of a file is compared with them. */
export const formats: readonly Format[] = [
  npyFormat,
  npzFormat,
  arrowFormat,
  parquetFormat,
  arrowStreamFormat,
  safetensorsFormat,
  jsonlFormat,
  csvFormat,
];

export const inputFormats = formats.filter(({ open }) => open !== undefined);
export const outputFormats = formats.filter(({ sink }) => sink !== undefined);

/** Bytes that are enough to tell. */
export const sniffBytes = 16;

export function formatNamed(name: string, among: readonly Format[]): Format | undefined {
  return among.find((format) => format.name === name);
}

/** By the end of the name. */
export function formatOfPath(path: string, among: readonly Format[]): Format | undefined {
  const extension = extname(path).toLowerCase();
  return among.find(({ extensions }) => extensions.includes(extension));
}

/** By the first bytes. */
export function formatOfBytes(head: Uint8Array): Format | undefined {
  return inputFormats.find(({ sniff }) => sniff?.(head) === true);
}

export function extensionsOf(among: readonly Format[]): string {
  return among.flatMap(({ extensions }) => extensions).join(', ');
}
