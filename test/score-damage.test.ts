/** Files that are damaged: an error of ours, whatever the damage, and an end. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { SoftlaneError } from '../lib/errors';
import { tableCrc32 } from '../lib/score/checked-bytes';
import { openSource } from '../lib/score/inputs';
import { softlane } from './helpers/cli';
import { safetensors, zip } from './helpers/files';
import { dict, floats, npy, Scratch } from './helpers/npy';

const scratch = new Scratch('damage');
const at = (name: string): string => join(scratch.folder, name);
const save = (name: string, bytes: string | Uint8Array): string => {
  writeFileSync(at(name), bytes);
  return at(name);
};

// In a process each: jest cannot load the library.
test('a damaged Arrow file ends in an error, where its reader would go on without end', () => {
  const score = (...words: string[]) => softlane(['score', ...words], { cwd: scratch.folder });
  save('x.npy', npy(dict('(12, 5)'), floats(...Array(60).keys())));
  expect(score('x.npy', '--op', 'softmax', '--out', 'good.arrow').status).toBe(0);
  const good = readFileSync(at('good.arrow'));
  expect(good).toHaveLength(658);
  const damages: [Readonly<Record<number, number>>, string][] = [
    // Lists with missing ones, and no bits that say which.
    [{ 84: 231, 363: 1, 634: 255 }, 'is damaged: it has less than it says'],
    // Messages that are read again and again.
    [{ 38: 116, 338: 74, 374: 249 }, 'is damaged: it has no end'],
  ];
  for (const [damage, reason] of damages) {
    const bytes = Uint8Array.from(good);
    for (const [place, byte] of Object.entries(damage)) bytes[Number(place)] = byte;
    save('bad.arrow', bytes);
    const { status, stderr } = score('bad.arrow', '--op', 'max-logit', '--out', 'y.npy');
    expect([status, stderr]).toEqual([3, expect.stringContaining(reason)]);
  }
});

test('damaged .safetensors and JSON Lines are refused, whatever the damage', async () => {
  const good = [
    safetensors({ logits: { dtype: 'F32', shape: [2, 2], data: floats(1, 2, 3, 4) } }),
    Buffer.from('{"logits":[1,2]}\n{"logits":[3,4]}\n'),
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.nat(1),
      fc.nat(200),
      fc.nat(255),
      fc.nat(200),
      async (which, place, byte, length) => {
        const bytes = Uint8Array.from(good[which]!);
        bytes[place % bytes.length] = byte;
        const cut = bytes.subarray(0, length > 150 ? bytes.length : Math.min(length, bytes.length));
        const path = save(which === 0 ? 'fuzz.safetensors' : 'fuzz.jsonl', cut);
        try {
          const { source } = await openSource({ path, name: undefined }, { element: 'float32' });
          await source
            .read({ x: new Float32Array(4 * source.cols) }, 4)
            .finally(() => source.close());
        } catch (error) {
          expect(error).toBeInstanceOf(SoftlaneError);
        }
      },
    ),
    { numRuns: 300 },
  );
});

describe.each([
  ['stored', false],
  ['deflated', true],
])('an array of an .npz, %s,', (_, deflate) => {
  const member = npy(dict('(3, 2)'), floats(1, 2, 3, 4, 5, 6));
  const path = `crc-${deflate}.npz`;
  const read = async (bytes: Uint8Array, skipped = 0): Promise<number[]> => {
    const name = undefined;
    const { source } = await openSource({ path: save(path, bytes), name }, { element: 'float32' });
    const x = new Float32Array(6);
    try {
      await source.skip(skipped);
      const rows = await source.read({ x }, 3);
      return [...x.subarray(0, 2 * rows)];
    } finally {
      await source.close();
    }
  };
  const good = zip({ 'x.npy': member }, deflate);
  // As if the data were other than when it was written.
  const damaged = zip({ 'x.npy': npy(dict('(3, 2)'), floats(1, 2, 3, 4, 5, 7)) }, deflate);
  for (const place of [14, damaged.indexOf('PK\x01\x02') + 16]) {
    damaged.writeUInt32LE(crc32(member), place);
  }

  test('is refused with another checksum, whether rows are skipped or not', async () => {
    expect(await read(good)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await read(good, 2)).toEqual([5, 6]);
    for (const skipped of [0, 2]) {
      await expect(read(damaged, skipped)).rejects.toThrow(
        /^[^\n]*npz:x: is damaged: its CRC-32 is [0-9a-f]{8}, expected [0-9a-f]{8}$/,
      );
    }
  });

  test('ends a job without an output', () => {
    save(path, damaged);
    const args = ['score', path, '--op', 'softmax', '--out', `${path}.npy`];
    const { status, stderr } = softlane(args, { cwd: scratch.folder });
    expect([status, stderr]).toEqual([3, expect.stringContaining(`${path}:x: is damaged`)]);
    expect(existsSync(at(`${path}.npy`))).toBe(false);
  });
});

test('the checksum is that of zlib where it has none', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (first, second) => {
      const sum = crc32(second, crc32(first));
      expect(tableCrc32(second, tableCrc32(first))).toBe(sum);
    }),
  );
});
