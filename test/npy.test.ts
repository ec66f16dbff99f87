import { describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { LiteralSyntaxError, LiteralTuple, parseLiteral } from '../lib/score/literal';
import { inspect, openSource } from '../lib/score/inputs';
import { openNpy } from '../lib/score/npy';
import { dict, failure, floats, npy, Scratch } from './helpers/npy';

const scratch = new Scratch('npy');
const fresh = (): string => scratch.fresh();
const saved = (bytes: Uint8Array): string => scratch.saved(bytes);

describe('Python literals', () => {
  const tuple = (...items: unknown[]): LiteralTuple => new LiteralTuple(items as never);

  test.each<[string, unknown]>([
    ['{}', new Map()],
    ["{'a': 1,}", new Map([['a', 1n]])],
    ['{ "a" :\n\t(1 , 2 ,) }', new Map([['a', tuple(1n, 2n)]])],
    ['()', tuple()],
    ['(3,)', tuple(3n)],
    ['(3)', 3n],
    ['[1, [2], (None, True, False)]', [1n, [2n], tuple(null, true, false)]],
    ['-7', -7n],
    ['+7L', 7n],
    ['00', 0n],
    ['2.5', 2.5],
    ['.5', 0.5],
    ['1e3', 1000],
    [`u'caf\\xe9 \\u20ac \\U0001F600 \\n\\'"'`, 'café € 😀 \n\'"'],
    ['123456789012345678901234567890', 123456789012345678901234567890n],
  ])('%s', (text, value) => {
    expect(parseLiteral(text)).toEqual(value);
  });

  test.each([
    '',
    ' ',
    '{',
    '}',
    '{1: 2}',
    "{'a' 1}",
    "{'a': }",
    "{'a': 1, 'a': 2}",
    "{'a': 1 'b': 2}",
    '(1 2)',
    '(,)',
    '[1,,2]',
    '(1',
    "'a",
    "'a\n'",
    "'\\q'",
    "'\\x4'",
    "'\\U00110000'",
    'true',
    'null',
    '0x10',
    '1_000',
    '007',
    '1.5L',
    '--1',
    '1 2',
    "b'a'",
    '__import__("os")',
    '1e',
    '\u00a01',
  ])('refuses %j', (text) => {
    expect(() => parseLiteral(text)).toThrow(LiteralSyntaxError);
  });

  test('refuses nesting and digits beyond any sense', () => {
    for (const text of ['['.repeat(60_000), '['.repeat(40) + ']'.repeat(40), '9'.repeat(401)]) {
      expect(() => parseLiteral(text)).toThrow(LiteralSyntaxError);
    }
    expect(parseLiteral('['.repeat(32) + ']'.repeat(32))).toHaveLength(1);
  });
});

describe('headers that are read', () => {
  const data = floats(1, 2, 3, 4, 5, 6);
  test.each<[string, Buffer]>([
    ['as NumPy writes it', npy(dict('(2, 3)') + ' '.repeat(20) + '\n', data)],
    [
      'other key order, double quotes, no blanks',
      npy('{"shape":(2,3),"fortran_order":False,"descr":"<f4"}', data),
    ],
    [
      'line breaks between everything',
      npy("{\n'shape'\n:\n(\n2\n,\n3\n,\n)\n,\n'descr':'<f4','fortran_order':False}\n", data),
    ],
    ['long integers of Python 2', npy(dict('(2L, 3L)'), data)],
    ['version 2.0', npy(dict('(2, 3)'), data, { version: [2, 0] })],
    ['version 3.0', npy(dict('(2, 3)'), data, { version: [3, 0] })],
  ])('%s', async (_, bytes) => {
    const reader = await openNpy(saved(bytes));
    expect([reader.rows, reader.cols, reader.dtype, reader.shape]).toEqual([2, 3, '<f4', [2, 3]]);
    const into = new Uint8Array(12);
    await reader.readRows(1, 1, into);
    expect(new Float32Array(into.buffer)).toEqual(Float32Array.of(4, 5, 6));
    await reader.verifyUnchanged();
    await reader.close();
  });

  test.each<[string, string, number[], number, number]>([
    ['one dimension is one row', '(6,)', [6], 1, 6],
    ['no columns', '(7, 0)', [7, 0], 7, 0],
    ['no rows', '(0, 5)', [0, 5], 0, 5],
    ['one empty row', '(0,)', [0], 1, 0],
  ])('%s', async (_, shape, expected, rows, cols) => {
    const reader = await openNpy(saved(npy(dict(shape), data.subarray(0, rows * cols * 4))));
    expect([reader.shape, reader.rows, reader.cols]).toEqual([expected, rows, cols]);
    await reader.close();
  });

  test('rows outside the file and a short buffer are refused', async () => {
    const reader = await openNpy(saved(npy(dict('(2, 3)'), data)));
    for (const [first, count] of [
      [0, 3],
      [-1, 1],
      [2, 1],
      [NaN, 1],
    ] as const) {
      await expect(reader.readRows(first, count, new Uint8Array(64))).rejects.toThrow(RangeError);
    }
    await expect(reader.readRows(0, 2, new Uint8Array(23))).rejects.toThrow('do not fit');
    await reader.close();
  });
});

describe('everything else is refused by name', () => {
  const one = floats(1);
  test.each<[string, Buffer, string, string]>([
    ['big-endian', npy(dict('(1,)', "'>f4'"), one), 'DTYPE', "big-endian elements of type '>f4'"],
    ['float64', npy(dict('(1,)', "'<f8'"), Buffer.alloc(8)), 'DTYPE', "'<f8'"],
    ['float16', npy(dict('(1,)', "'<f2'"), Buffer.alloc(2)), 'DTYPE', "'<f2'"],
    ['int32', npy(dict('(1,)', "'<i4'"), one), 'DTYPE', "'<i4'"],
    ['no byte order', npy(dict('(1,)', "'f4'"), one), 'DTYPE', "'f4'"],
    ['Python objects', npy(dict('(1,)', "'|O'"), one), 'DTYPE', 'Python objects'],
    ['a structured type', npy(dict('(1,)', "[('a', '<f4')]"), one), 'DTYPE', 'records of a (<f4)'],
    [
      'a nested structured type',
      npy(dict('(1,)', "[(('t', 'a'), [('b', '<f4')])]"), one),
      'DTYPE',
      'records of a (nested)',
    ],
    ['Fortran order', npy(dict('(1, 1)', "'<f4'", 'True'), one), 'ORDER', 'ascontiguousarray'],
    ['no dimension', npy(dict('()'), one), 'SHAPE', '0 dimensions'],
    ['three dimensions', npy(dict('(1, 1, 1)'), one), 'SHAPE', '3 dimensions'],
    ['a negative dimension', npy(dict('(-1,)'), one), 'SHAPE', 'negative dimension'],
    ['a dimension that is no integer', npy(dict('(1.0,)'), one), 'SHAPE', 'not an integer'],
    ['a truth value as dimension', npy(dict('(True,)'), one), 'SHAPE', 'not an integer'],
    ['a shape that is no tuple', npy(dict('[1]'), one), 'SHAPE', 'not a tuple'],
    ['a shape that is a number', npy(dict('(1)'), one), 'SHAPE', 'not a tuple'],
    ['a huge dimension', npy(dict('(9007199254740993,)'), one), 'SHAPE', 'too large'],
    ['a product that overflows', npy(dict('(4294967296, 4294967296)'), one), 'SHAPE', 'too large'],
    [
      'an overflow that a zero hides',
      npy(dict('(4294967296, 0, 4294967296)'), one),
      'SHAPE',
      'too large',
    ],
    ['bytes missing', npy(dict('(2,)'), one), 'TRUNCATED', 'needs 8 bytes of data, it has 4'],
    ['half an element', npy(dict('(1,)'), one.subarray(0, 2)), 'TRUNCATED', 'it has 2'],
    [
      'a huge file that is not there',
      npy(dict('(1000000000, 1000)'), one),
      'TRUNCATED',
      'needs 4000000000000 bytes',
    ],
    ['bytes too many', npy(dict('(1,)'), floats(1, 2)), 'TRAILING', '4 bytes after its data'],
    ['an empty file', Buffer.alloc(0), 'MAGIC', 'is empty'],
    ['another format', Buffer.from('PK\x03\x04 a zip archive'), 'MAGIC', 'not a .npy file'],
    ['two bytes', Buffer.from('\x93N', 'latin1'), 'MAGIC', 'not a .npy file'],
    [
      'nothing after the magic',
      Buffer.from('\x93NUMPY', 'latin1'),
      'TRUNCATED',
      'inside its header',
    ],
    [
      'no header length',
      Buffer.from('\x93NUMPY\x01\x00', 'latin1'),
      'TRUNCATED',
      'inside its header',
    ],
    [
      'half a header length',
      Buffer.from('\x93NUMPY\x02\x00ab', 'latin1'),
      'TRUNCATED',
      'inside its header',
    ],
    ['half a header', npy(dict('(1,)')).subarray(0, 30), 'TRUNCATED', 'inside its header'],
    ['version 4.0', npy(dict('(1,)'), one, { version: [4, 0] }), 'VERSION', 'version 4.0'],
    ['version 1.1', npy(dict('(1,)'), one, { version: [1, 1] }), 'VERSION', 'version 1.1'],
    [
      'a header beyond the limit',
      npy(dict('(1,)'), one, { version: [2, 0], length: 0xfffffff0 }),
      'HEADER',
      '4294967280 bytes',
    ],
    ['no dictionary', npy('(1, 2)', one), 'HEADER', 'expected a dictionary'],
    ['no literal', npy('import os', one), 'HEADER', 'expected a value'],
    [
      'a missing key',
      npy("{'descr': '<f4', 'shape': (1,)}", one),
      'HEADER',
      "'fortran_order' is missing",
    ],
    ['an unknown key', npy(dict('(1,)').replace('}', "'x': 1}"), one), 'HEADER', 'unknown key "x"'],
    ['a key twice', npy(dict('(1,)').replace('}', "'descr': 1}"), one), 'HEADER', 'each key once'],
    [
      'an order that is a number',
      npy(dict('(1,)', "'<f4'", '0'), one),
      'HEADER',
      "'fortran_order'",
    ],
    ['a type that is a number', npy(dict('(1,)', '4'), one), 'HEADER', "'descr'"],
    ['a list of no fields', npy(dict('(1,)', "['<f4']"), one), 'HEADER', "'descr'"],
    [
      'bytes that are not UTF-8',
      npy(Buffer.from(dict('(1,)', "'\xff'"), 'latin1'), one, { version: [3, 0] }),
      'HEADER',
      'not UTF-8',
    ],
  ])('%s', async (_, bytes, code, message) => {
    const path = saved(bytes);
    const error = await failure(openNpy(path));
    expect(error.code).toBe(`ERR_SOFTLANE_NPY_${code}`);
    expect(error.message).toContain(message);
    expect(error.message.startsWith(path)).toBe(true);
  });

  test('a file that is missing, a directory, a device, a name that no file can have', async () => {
    const codes: [string, string, string][] = [
      [fresh(), 'ERR_SOFTLANE_INPUT_MISSING', 'no such file'],
      [scratch.folder, 'ERR_SOFTLANE_INPUT_UNREADABLE', 'is a directory'],
      ['/dev/null', 'ERR_SOFTLANE_INPUT_UNREADABLE', 'is a device'],
      ['a\0b', 'ERR_SOFTLANE_INPUT_UNREADABLE', 'cannot be read'],
      [join(saved(Buffer.alloc(1)), 'x'), 'ERR_SOFTLANE_INPUT_UNREADABLE', 'not a directory'],
    ];
    for (const [path, code, message] of codes) {
      const error = await failure(openNpy(path));
      expect([error.code, error.message]).toEqual([code, expect.stringContaining(message)]);
    }
  });

  test('a pipe is refused, not waited for', async () => {
    const path = fresh();
    if (spawnSync('mkfifo', [path]).status !== 0) throw new Error('mkfifo failed');
    expect((await failure(openNpy(path))).message).toContain('is a pipe');
  });

  test('a file that shrinks or changes while it is read', async () => {
    const path = saved(npy(dict('(2,)'), floats(1, 2)));
    const reader = await openNpy(path);
    truncateSync(path, statSync(path).size - 4);
    expect((await failure(reader.readRows(0, 1, new Uint8Array(8)))).code).toBe(
      'ERR_SOFTLANE_INPUT_TRUNCATED',
    );
    expect((await failure(reader.verifyUnchanged())).code).toBe('ERR_SOFTLANE_INPUT_CHANGED');
    await reader.close();
  });

  test('inspection describes what reading refuses', async () => {
    const odd = saved(npy(dict('(2, 1, 3)', "'>f8'", 'True'), Buffer.alloc(48)));
    const seen = await inspect({ path: odd, name: undefined });
    expect(seen.entries).toEqual([
      { name: '', holds: "big-endian elements of type '>f8'", shape: [2, 1, 3] },
    ]);
    const refused = await failure(
      openSource({ path: odd, name: undefined }, { element: 'float32' }),
    );
    expect(refused.code).toBe('ERR_SOFTLANE_NPY_DTYPE');
  });
});
