/** Arrow IPC through apache-arrow: a reader of a file or a stream, and whether that goes on after its end. */
import { open as openFile, type FileHandle } from 'node:fs/promises';
import type * as Arrow from 'apache-arrow';
import { goesOn } from './bytes';
import { SoftlaneFileError } from './errors';
import type { Input } from './format';
import { malformed } from './format';
import { optional } from './optional';

export const loadArrow = (path: string): Promise<typeof Arrow> =>
  optional(() => import('apache-arrow'), { path, packages: 'apache-arrow' });

export interface OpenedArrow {
  readonly arrow: typeof Arrow;
  readonly reader: Arrow.RecordBatchReader;
  /** Refuses what goes on after the last batch, which has been read: of the file form that is known when it is opened. */
  readonly requireEnd: () => Promise<void>;
  readonly close: () => Promise<void>;
}

const magic = 'ARROW1';
export const isFileForm = (head: Uint8Array): boolean =>
  Buffer.from(head.subarray(0, magic.length)).toString() === magic;

/** What the file form ends with: the length of its footer, and the magic. */
const tailBytes = 4 + magic.length;
/** What may lie between the last batch and the footer: a mark of the end, and padding. */
const mostPadding = 64;

/** The library goes in circles through some damaged files: it may read a few times what there is, and no more. */
function bounded(handle: FileHandle, size: number, sees: (end: number) => void): FileHandle {
  let left = 2 ** 16 + 4 * size;
  const read = (buffer: Uint8Array, offset: number, length: number, position: number) => {
    sees(position + length);
    // A read of nothing counts too.
    left -= Math.max(length, 64);
    if (left < 0) throw new Error('it has no end');
    return handle.read(buffer, offset, length, position);
  };
  const own = { read, close: () => handle.close() };
  return Object.assign(Object.create(handle) as FileHandle, own);
}

interface Bytes {
  readonly from: FileHandle | Uint8Array | AsyncIterable<Uint8Array>;
  /** Of the file form. */
  readonly size: number;
  readonly read: (into: Uint8Array, position: number) => Promise<void>;
  /** Whether there are bytes that the stream form has not been asked for. */
  readonly goesOn: () => Promise<boolean>;
  readonly close: () => Promise<void>;
}

async function bytesOfFile(file: NonNullable<Input['file']>): Promise<Bytes> {
  const { size } = file;
  const handle = await openFile(file.path, 'r');
  let seen = 0;
  return {
    from: bounded(handle, size, (end) => (seen = Math.max(seen, end))),
    size,
    read: (into, position) => file.read(into, position),
    goesOn: () => Promise.resolve(seen < size),
    close: () => handle.close().catch(() => undefined),
  };
}

/** The library loses how much it asks for in its first call; what that gave would be taken from what follows its end. */
function asAsked(pieces: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]() as AsyncIterator<Uint8Array, undefined, number>;
  let isFirst = true;
  const next = (...most: [] | [number]): Promise<IteratorResult<Uint8Array, undefined>> => {
    if (!isFirst) return iterator.next(...most);
    isFirst = false;
    return Promise.resolve({ done: false, value: new Uint8Array(0) });
  };
  return { [Symbol.asyncIterator]: () => ({ next }) as AsyncIterator<Uint8Array> };
}

async function bytesOfStream(stream: NonNullable<Input['stream']>): Promise<Bytes> {
  const close = (): Promise<void> => stream.close();
  if (!isFileForm(await stream.peek(magic.length))) {
    const read = (): Promise<void> => Promise.reject(new RangeError('a stream has no places'));
    return {
      from: asAsked(stream.pieces()),
      size: 0,
      read,
      goesOn: () => goesOn(stream),
      close,
    };
  }
  // The file form is read from its end.
  const pieces: Uint8Array[] = [];
  for await (const piece of stream.pieces()) pieces.push(piece);
  const all = Buffer.concat(pieces);
  return {
    from: all,
    size: all.length,
    read: (into, position) =>
      Promise.resolve(into.set(all.subarray(position, position + into.length))),
    goesOn: () => Promise.resolve(false),
    close,
  };
}

type Footer = NonNullable<Arrow.RecordBatchReader['footer']>;

/** Refuses several files in one: the footer is that of the last, and its places are counted from the first. */
async function requireOne(path: string, footer: Footer, { size, read }: Bytes): Promise<void> {
  const view = new DataView(new ArrayBuffer(16));
  const whole = new Uint8Array(view.buffer);
  await read(whole.subarray(0, tailBytes), size - tailBytes);
  const start = size - tailBytes - view.getInt32(0, true);
  // The schema follows the magic: a mark that older files do not have, its length, and so many bytes.
  await read(whole, 0);
  const isMarked = view.getInt32(8, true) === -1;
  let end = isMarked ? 16 + view.getInt32(12, true) : 12 + view.getInt32(8, true);
  for (const blocks of [footer.recordBatches(), footer.dictionaryBatches()]) {
    for (const { offset, metaDataLength, bodyLength } of blocks) {
      end = Math.max(end, Number(offset) + metaDataLength + Number(bodyLength));
    }
  }
  if (start - end <= mostPadding) return;
  throw malformed(path, `has ${start - end} bytes between its last batch and its footer`);
}

export async function openReader({ path, file, stream }: Input): Promise<OpenedArrow> {
  const arrow = await loadArrow(path);
  let bytes: Bytes | undefined;
  try {
    bytes = stream === undefined ? await bytesOfFile(file!) : await bytesOfStream(stream);
    const { from, goesOn, close: closeBytes } = bytes;
    const reader: Arrow.RecordBatchReader = await arrow.RecordBatchReader.from(from as FileHandle);
    await reader.open();
    if ((reader.schema as unknown) === undefined) throw new Error('it has no schema');
    const { footer } = reader;
    if (footer !== null) await requireOne(path, footer, bytes);
    const requireEnd = async (): Promise<void> => {
      if (footer !== null || !(await goesOn())) return;
      throw malformed(path, 'goes on after its last batch');
    };
    const close = async (): Promise<void> => {
      if (stream !== undefined) await closeBytes();
      await Promise.resolve(reader.cancel());
      if (stream === undefined) await closeBytes();
    };
    return { arrow, reader, requireEnd, close };
  } catch (error) {
    if (stream === undefined) await bytes?.close();
    if (error instanceof SoftlaneFileError) throw error;
    throw malformed(path, `is not an Arrow file or stream: ${(error as Error).message}`, error);
  }
}
