/** .npz: a zip of .npy files, stored or deflated. The directory is read by yauzl. */
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import * as yauzl from 'yauzl';
import { FileBytes, StreamBytes, type ByteSource } from './bytes';
import { CheckedBytes } from './checked-bytes';
import { inputError, SoftlaneFileError } from './errors';
import type { Entry, Format, Input, OpenOptions } from './format';
import { choose, fileOf, malformed } from './format';
import { InputFile } from './input-file';
import { describeDescr } from './npy-dtype';
import { npySource, readNpyHeader } from './npy-format';
import type { Source } from './source';

const openZip = promisify(
  yauzl.open as (
    path: string,
    options: yauzl.Options,
    callback: (error: Error | null, zip: yauzl.ZipFile) => void,
  ) => void,
);

async function membersOf(
  path: string,
): Promise<{ zip: yauzl.ZipFile; members: Map<string, yauzl.Entry> }> {
  let zip: yauzl.ZipFile;
  try {
    zip = await openZip(path, { lazyEntries: true, autoClose: false });
  } catch (error) {
    throw malformed(path, `is not a .npz file: ${(error as Error).message}`, error);
  }
  const members = new Map<string, yauzl.Entry>();
  return new Promise((resolve, reject) => {
    zip.on('entry', (entry: yauzl.Entry) => {
      const { fileName } = entry;
      if (fileName.endsWith('.npy')) members.set(fileName.slice(0, -4), entry);
      zip.readEntry();
    });
    zip.on('end', () => resolve({ zip, members }));
    zip.on('error', (error: Error) => {
      zip.close();
      reject(malformed(path, `is a damaged .npz file: ${error.message}`, error));
    });
    zip.readEntry();
  });
}

/** The bytes of a member: of the file itself where they are stored as they are, else inflated on the way. */
async function bytesOf(
  path: string,
  zip: yauzl.ZipFile,
  name: string,
  entry: yauzl.Entry,
): Promise<ByteSource> {
  const what = `${path}:${name}`;
  const expected = { size: entry.uncompressedSize, crc32: entry.crc32 };
  if (entry.compressionMethod === 0 && !entry.isEncrypted()) {
    const file = await InputFile.open(path, what);
    try {
      const local = await promisify(
        zip.readLocalFileHeader.bind(zip) as (
          entry: yauzl.Entry,
          options: { minimal: boolean },
          callback: (error: Error | null, header: { fileDataStart: number }) => void,
        ) => void,
      )(entry, { minimal: true });
      const start = local.fileDataStart;
      const end = start + entry.compressedSize;
      if (end > file.size) {
        throw new SoftlaneFileError('ERR_SOFTLANE_INPUT_TRUNCATED', what, 'is cut off');
      }
      const all = new FileBytes(file, start, end, true);
      return new CheckedBytes(all, expected, () => new FileBytes(file, start, end));
    } catch (error) {
      await file.close();
      throw inputError(what, error);
    } finally {
      zip.close();
    }
  }
  let stream: Readable;
  try {
    stream = await promisify(
      zip.openReadStream.bind(zip) as (
        entry: yauzl.Entry,
        callback: (error: Error | null, stream: Readable) => void,
      ) => void,
    )(entry);
  } catch (error) {
    zip.close();
    throw malformed(what, (error as Error).message, error);
  }
  const inflated = new StreamBytes(what, stream, () => {
    stream.destroy();
    zip.close();
  });
  return new CheckedBytes(inflated, expected);
}

async function open(input: Input, { element, name }: OpenOptions): Promise<Source> {
  const { path } = fileOf(input, '.npz');
  const { zip, members } = await membersOf(path);
  let bytes: ByteSource;
  try {
    const [found, entry] = choose(path, 'array', members, name);
    bytes = await bytesOf(path, zip, found, entry);
  } catch (error) {
    zip.close();
    throw error;
  }
  try {
    return await npySource(bytes, element, '.npz');
  } catch (error) {
    await bytes.close();
    throw error;
  }
}

async function list(input: Input): Promise<Entry[]> {
  const { path } = fileOf(input, '.npz');
  const names = await membersOf(path);
  names.zip.close();
  const entries: Entry[] = [];
  for (const name of names.members.keys()) {
    const { zip, members } = await membersOf(path);
    const bytes = await bytesOf(path, zip, name, members.get(name)!);
    try {
      const { descr, shape } = await readNpyHeader(bytes);
      entries.push({ name, holds: describeDescr(descr), shape });
    } finally {
      await bytes.close();
    }
  }
  return entries;
}

export const npzFormat: Format = {
  name: 'npz',
  words: 'NumPy archive (.npz)',
  extensions: ['.npz'],
  sniff: (head) => head[0] === 0x50 && head[1] === 0x4b && head[2] === 3 && head[3] === 4,
  open,
  list,
};
