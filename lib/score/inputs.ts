/** From what was typed to sources: patterns, names inside of files, standard input. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { glob } from 'tinyglobby';
import { StreamBytes } from './bytes';
import { inputError, SoftlaneFileError } from './errors';
import type { Entry, Format, Input, OpenOptions } from './format';
import { formatOfBytes, formatOfPath, inputFormats, sniffBytes } from './formats';
import { InputFile } from './input-file';
import type { Source } from './source';

export interface Located {
  readonly path: string;
  /** What of the file, as in model.safetensors:logits. */
  readonly name: string | undefined;
}

/** Splits FILE:NAME where FILE ends as formats do; a file that is called so is a file. */
export function locate(text: string): Located {
  if (text === '-' || existsSync(text)) return { path: text, name: undefined };
  for (let colon = text.lastIndexOf(':'); colon > 0; colon = text.lastIndexOf(':', colon - 1)) {
    const path = text.slice(0, colon);
    if (formatOfPath(path, inputFormats) === undefined) continue;
    return { path, name: text.slice(colon + 1) };
  }
  return { path: text, name: undefined };
}

/** A pattern as the folders that it begins with, whatever they are called, and what is a pattern in them. */
function anchored(pattern: string): [folder: string, pattern: string] {
  let start = 0;
  let end = pattern.indexOf('/') + 1;
  while (end > start && existsSync(pattern.slice(0, end))) {
    start = end;
    end = pattern.indexOf('/', start) + 1;
  }
  return [pattern.slice(0, start), pattern.slice(start)];
}

/** The inputs that were typed, patterns replaced by the files that fit, in the order of their names. */
export async function expand(texts: readonly string[]): Promise<Located[]> {
  const all: Located[] = [];
  for (const text of texts) {
    const located = locate(text);
    if (!/[*?[{]/.test(located.path) || existsSync(located.path)) {
      all.push(located);
      continue;
    }
    const [cwd, pattern] = anchored(located.path);
    // The library would take what does not fit.
    const literal = pattern.replace(/^!/, '\\!');
    const found = await glob(literal, { cwd: cwd || '.', expandDirectories: false });
    const paths = found.map((path) => join(cwd, path));
    if (paths.length === 0) {
      throw new SoftlaneFileError(
        'ERR_SOFTLANE_INPUT_MISSING',
        located.path,
        'no such file, nor one that fits it as a pattern',
      );
    }
    const sorted = paths.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    all.push(...sorted.map((path) => ({ path, name: located.name })));
  }
  return all;
}

/** What is called standard input in errors. */
export const standardInput = 'standard input';

async function inputOf(path: string, stdin: AsyncIterable<Uint8Array>): Promise<Input> {
  if (path === '-') {
    // Left open, it would keep the process waiting for its end.
    const end = (): void => void (stdin as Partial<Readable>).destroy?.();
    const stream = new StreamBytes(standardInput, stdin, end);
    return { path: standardInput, file: undefined, stream };
  }
  return { path, file: await InputFile.open(path), stream: undefined };
}

async function closeInput({ file, stream }: Input): Promise<void> {
  await file?.close();
  await stream?.close();
}

/** By its name; else by its first bytes. */
async function formatOf(input: Input): Promise<Format> {
  const named = formatOfPath(input.path, inputFormats);
  if (named !== undefined) return named;
  let head = new Uint8Array(sniffBytes);
  if (input.stream !== undefined) head = Uint8Array.from(await input.stream.peek(sniffBytes));
  else {
    head = head.subarray(0, Math.min(sniffBytes, input.file!.size));
    await input.file!.read(head, 0);
  }
  const found = formatOfBytes(head);
  if (found !== undefined) return found;
  throw new SoftlaneFileError(
    'ERR_SOFTLANE_INPUT_FORMAT',
    input.path,
    head.length === 0
      ? 'is empty'
      : `is in no format that is read here: ${inputFormats.map(({ words }) => words).join(', ')}`,
  );
}

export interface OpenedSource {
  readonly source: Source;
  readonly file: InputFile | undefined;
}

/** Opens an input; closing the source closes the file. */
export async function openSource(
  { path, name }: Located,
  options: Omit<OpenOptions, 'name'>,
  format?: Format,
  stdin: AsyncIterable<Uint8Array> = process.stdin,
): Promise<OpenedSource> {
  const input = await inputOf(path, stdin);
  try {
    const chosen = format ?? (await formatOf(input));
    if (options.labelColumn !== undefined && chosen.labels !== true) {
      throw new SoftlaneFileError(
        'ERR_SOFTLANE_INPUT_NAME',
        input.path,
        `has no columns to take labels from, being ${chosen.words}: use --labels FILE`,
      );
    }
    const source = await chosen.open!(input, { ...options, name });
    const { file } = input;
    const close = source.close.bind(source);
    source.close = async () => {
      await close();
      await file?.close();
    };
    return { source, file };
  } catch (error) {
    await closeInput(input);
    throw inputError(input.path, error);
  }
}

/** What a file holds, for `softlane info`. */
export async function inspect(
  located: Located,
): Promise<{ format: Format; bytes: number; entries: readonly Entry[] }> {
  const input = await inputOf(located.path, process.stdin);
  try {
    const format = await formatOf(input);
    const entries = await format.list!(input);
    return { format, bytes: input.file?.size ?? NaN, entries };
  } catch (error) {
    throw inputError(input.path, error);
  } finally {
    await closeInput(input);
  }
}
