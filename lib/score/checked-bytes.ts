/** Bytes whose checksum is known, and compared when the last has been read. */
import * as zlib from 'node:zlib';
import type { ByteSource } from './bytes';
import { malformed } from './format';

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = (rest >>> 1) ^ (rest & 1 ? 0xedb88320 : 0);
  return rest;
});

/** As zlib does it, which has it from Node 20.15 on. */
export function tableCrc32(bytes: Uint8Array, before = 0): number {
  let sum = ~before;
  for (const byte of bytes) sum = (sum >>> 8) ^ table[(sum ^ byte) & 255]!;
  return ~sum >>> 0;
}

const { crc32 = tableCrc32 } = zlib as { crc32?: typeof tableCrc32 };

const pieceBytes = 1 << 20;
const hex = (sum: number): string => sum.toString(16).padStart(8, '0');

export class CheckedBytes implements ByteSource {
  private sum = 0;
  private seen = 0;
  private isSkipped = false;

  /** `again` gives all of the bytes where some can be skipped. */
  constructor(
    private readonly bytes: ByteSource,
    private readonly expected: { readonly size: number; readonly crc32: number },
    private readonly again?: () => ByteSource,
  ) {}

  get path(): string {
    return this.bytes.path;
  }
  get left(): number | undefined {
    return this.bytes.left;
  }

  async readSome(into: Uint8Array, signal?: AbortSignal): Promise<number> {
    const got = await this.bytes.readSome(into, signal);
    this.sum = crc32(into.subarray(0, got), this.sum);
    this.seen += got;
    return got;
  }

  async skip(count: number, signal?: AbortSignal): Promise<void> {
    if (this.again !== undefined) {
      this.isSkipped ||= count > 0;
      return this.bytes.skip(count, signal);
    }
    const piece = new Uint8Array(Math.min(count, pieceBytes));
    for (let left = count; left > 0;) {
      const got = await this.readSome(piece.subarray(0, Math.min(left, piece.length)), signal);
      if (got === 0) return;
      left -= got;
    }
  }

  async requireIntact(signal?: AbortSignal): Promise<void> {
    if (this.isSkipped) await this.readAgain(signal);
    const { sum, seen, expected, path } = this;
    // What is left is refused as such.
    if (seen < expected.size || sum === expected.crc32) return;
    throw malformed(path, `is damaged: its CRC-32 is ${hex(sum)}, expected ${hex(expected.crc32)}`);
  }

  private async readAgain(signal?: AbortSignal): Promise<void> {
    const all = new CheckedBytes(this.again!(), this.expected);
    await all.skip(this.expected.size, signal);
    [this.sum, this.seen, this.isSkipped] = [all.sum, all.seen, false];
  }

  close(): Promise<void> {
    return this.bytes.close();
  }
}
