/** Files of several formats from their parts, without the code under test. */
import { crc32, deflateRawSync } from 'node:zlib';

interface Part {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** A .safetensors file; `padding` blanks after the header move its data. */
export function safetensors(parts: Readonly<Record<string, Part>>, padding = 0): Buffer {
  let place = 0;
  const entries = Object.entries(parts).map(([name, { dtype, shape, data }]) => {
    const start = place;
    place += data.length;
    return [name, { dtype, shape, data_offsets: [start, place] }] as const;
  });
  const header = Object.fromEntries([['__metadata__', { by: 'a test' }], ...entries]);
  return safetensorsOf(
    header,
    Buffer.concat(Object.values(parts).map(({ data }) => data)),
    padding,
  );
}

export function safetensorsOf(header: unknown, data: Uint8Array, padding = 0): Buffer {
  const text = Buffer.from(JSON.stringify(header) + ' '.repeat(padding));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, data]);
}

/** A zip of these files, stored or deflated. */
export function zip(files: Readonly<Record<string, Uint8Array>>, deflate: boolean): Buffer {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let place = 0;
  for (const [name, content] of Object.entries(files)) {
    const data = deflate ? deflateRawSync(content) : content;
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(deflate ? 8 : 0, 4);
    common.writeUInt32LE(crc32(content), 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(name.length, 22);
    const body = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), data]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(place, 10);
    directory.push(
      Buffer.concat([Buffer.from('PK\x01\x02\x14\x00'), common, rest, Buffer.from(name)]),
    );
    bodies.push(body);
    place += body.length;
  }
  const entries = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(directory.length, 4);
  end.writeUInt16LE(directory.length, 6);
  end.writeUInt32LE(entries.length, 8);
  end.writeUInt32LE(place, 12);
  return Buffer.concat([...bodies, entries, Buffer.from('PK\x05\x06'), end]);
}
