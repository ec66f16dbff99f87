/** Every format in and out of `softlane score`; what is written is read back by somebody else where there is one. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import * as arrow from 'apache-arrow';
import fc from 'fast-check';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { softmax, topK } from '../lib/index';
import { openSource } from '../lib/score/inputs';
import { floatText } from '../lib/score/text';
import { cli, command, softlane, type Outcome } from './helpers/cli';
import { safetensors, safetensorsOf, zip } from './helpers/files';
import { dict, floats, npy, Scratch } from './helpers/npy';

const scratch = new Scratch('formats');
const at = (name: string): string => join(scratch.folder, name);
const save = (name: string, bytes: string | Uint8Array): string => {
  writeFileSync(at(name), bytes);
  return at(name);
};

const [rows, cols] = [50, 7];
const x = Float32Array.from({ length: rows * cols }, (_, i) => Math.fround(Math.sin(i * i) * 9));
x[3] = -Infinity;
const labels = Int32Array.from({ length: rows }, (_, row) => (row * 5) % cols);
const bytesOf = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

function ok(outcome: Outcome): Outcome {
  expect([outcome.status, outcome.stderr]).toEqual([0, '']);
  return outcome;
}
const score = (...args: string[]): Outcome =>
  softlane(['score', ...args, '--force', '--quiet'], { cwd: scratch.folder });

beforeAll(() => {
  save('x.npy', npy(dict(`(${rows}, ${cols})`), bytesOf(x)));
  save('labels.npy', npy(dict(`(${rows},)`, "'<i4'"), bytesOf(labels)));
});

const endings = ['npy', 'safetensors', 'arrow', 'arrows', 'parquet', 'jsonl', 'csv'];

describe('one pass over the input writes every format', () => {
  const p = softmax(x, { cols });
  const top = topK(x, { cols, k: 3, probabilities: true });
  beforeAll(() => {
    const all = endings.flatMap((end) => [
      ...['--op', 'softmax', '--out', `p.${end}`],
      ...['--op', 'top-k', '--set', 'k=3', '--set', 'probabilities=true', '--out', `t.${end}`],
    ]);
    ok(score('x.npy', ...all));
  });

  test('safetensors, a tensor a column', () => {
    const bytes = readFileSync(at('t.safetensors'));
    const start = 8 + Number(bytes.readBigUInt64LE());
    const header = JSON.parse(bytes.toString('utf8', 8, start)) as Record<string, any>;
    expect(start % 64).toBe(0);
    expect(header['indices']).toMatchObject({ dtype: 'I32', shape: [rows, 3] });
    for (const [name, want] of Object.entries(top)) {
      const [from, to] = header[name].data_offsets as [number, number];
      expect(bytes.subarray(start + from, start + to).equals(bytesOf(want))).toBe(true);
    }
    const single = readFileSync(at('p.safetensors'));
    expect(single.subarray(-4 * rows * cols).equals(bytesOf(p))).toBe(true);
  });

  test.each(['arrow', 'arrows'])('%s, by apache-arrow', (end) => {
    const seen = arrow.tableFromIPC(readFileSync(at(`t.${end}`)));
    expect(seen.numRows).toBe(rows);
    for (const [name, want] of Object.entries(top)) {
      const lists = seen.getChild(name)!.toArray() as ArrayLike<ArrayLike<number>>;
      const flat = Array.from(lists, (list) => Array.from(list)).flat();
      expect(flat).toEqual(Array.from(want as ArrayLike<number>));
    }
  });

  test('Parquet, by hyparquet', () => {
    const script = `import('hyparquet').then(async (m) => {
      const file = await m.asyncBufferFromFile(${JSON.stringify(at('t.parquet'))});
      console.log(JSON.stringify(await m.parquetReadObjects({ file })));
    });`;
    const { stdout } = ok(
      command(process.execPath, ['-e', script], { cwd: join(__dirname, '..') }),
    );
    const seen = JSON.parse(stdout) as Record<string, number[]>[];
    expect(seen.length).toBe(rows);
    expect(seen.flatMap((row) => row['indices'])).toEqual(Array.from(top.indices));
    expect(seen.flatMap((row) => row['probabilities'])).toEqual(Array.from(top.probabilities!));
  });

  test('JSON Lines and CSV, with digits enough', () => {
    const lines = readFileSync(at('t.jsonl'), 'utf8').trimEnd().split('\n');
    const seen = lines.map((line) => JSON.parse(line) as Record<string, number[]>);
    const read = seen.flatMap((row) => row['probabilities']!.map(Math.fround));
    expect(read).toEqual(Array.from(top.probabilities!));
    const [head, ...cells] = readFileSync(at('p.csv'), 'utf8').trimEnd().split('\n');
    expect(head).toBe('softmax_0,softmax_1,softmax_2,softmax_3,softmax_4,softmax_5,softmax_6');
    expect(
      cells.flatMap((line) => line.split(',').map((cell) => Math.fround(Number(cell)))),
    ).toEqual(Array.from(p));
  });

  test.each(endings.filter((end) => end !== 'csv'))('%s is read as it was written', (end) => {
    const want = softmax(p, { cols });
    ok(score(`p.${end}`, '--op', 'softmax', '--out', 'again.npy'));
    expect(
      readFileSync(at('again.npy'))
        .subarray(-4 * rows * cols)
        .equals(bytesOf(want)),
    ).toBe(true);
    ok(
      score(
        `t.${end === 'npy' ? 'arrow' : end}:probabilities`,
        '--op',
        'max-logit',
        '--out',
        'm.csv',
      ),
    );
  });

  test.each(['npy', 'safetensors', 'arrow', 'arrows', 'jsonl'])(
    '%s comes through standard input and goes to standard output',
    (end) => {
      const input = readFileSync(at(`p.${end}`));
      const args = [
        'score',
        '-',
        '--op',
        'softmax',
        '--out',
        '-',
        '--out-format',
        'jsonl',
        '--quiet',
      ];
      const { stdout } = ok(softlane(args, { input, cwd: scratch.folder }));
      const seen = stdout
        .trimEnd()
        .split('\n')
        .flatMap((line) => (JSON.parse(line) as any).softmax);
      expect(seen.map(Math.fround)).toEqual(Array.from(softmax(p, { cols })));
    },
  );

  test.each(['npy', 'arrows'])('%s of standard output is the file', (end) => {
    const args = [
      'score',
      'x.npy',
      '--op',
      'softmax',
      '--out',
      '-',
      '--out-format',
      end,
      '--quiet',
    ];
    const line = `"$0" "$@" > out.${end}`;
    ok(command('sh', ['-c', line, process.execPath, cli, ...args], { cwd: scratch.folder }));
    expect(readFileSync(at(`out.${end}`)).equals(readFileSync(at(`p.${end}`)))).toBe(true);
  });
});

describe('numbers', () => {
  const read = async (path: string, name?: string): Promise<number[]> => {
    const { source } = await openSource({ path, name }, { element: 'float32' });
    const seen = new Float32Array((source.rows ?? 8) * source.cols);
    await source.read({ x: seen }, source.rows ?? 8);
    await source.close();
    return Array.from(seen);
  };

  test('every float16 and bfloat16 is the float that it stands for', async () => {
    const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const parts = {
      half: { dtype: 'F16', shape: [256, 256], data: bytesOf(all) },
      brain: { dtype: 'BF16', shape: [256, 256], data: bytesOf(all) },
    };
    // An odd header: no number of the file lies where a typed array could.
    const path = save('halves.safetensors', safetensors(parts, 1));
    const halves = await read(path, 'half');
    expect([0, 1, 0x3c00, 0x3555, 0x7bff, 0x7c00, 0x8001, 0xfc00].map((i) => halves[i])).toEqual([
      0,
      2 ** -24,
      1,
      0.333251953125,
      65504,
      Infinity,
      -(2 ** -24),
      -Infinity,
    ]);
    expect(halves[0x7e00]).toBeNaN();
    expect(Object.is(halves[0x8000], -0)).toBe(true);
    const brains = await read(path, 'brain');
    const words = new DataView(new ArrayBuffer(4));
    for (let i = 0; i < 65536; i++) {
      words.setUint32(0, i * 65536);
      expect(Object.is(brains[i], words.getFloat32(0))).toBe(true);
    }
  });

  test('float64 is rounded, and that is said', async () => {
    const wide = Float64Array.of(0.1, 1e300, -1e-300, 16777217);
    const path = save('wide.npy', npy(dict('(2, 2)', "'<f8'"), bytesOf(wide)));
    expect(await read(path)).toEqual([Math.fround(0.1), Infinity, -0, 16777216]);
    const { status, stderr } = softlane(['score', path, '--op', 'max-logit', '--out', at('w.npy')]);
    expect([status, stderr]).toEqual([0, `softlane: ${path}: float64 is rounded to float32\n`]);
  });

  test('.npz, stored and deflated', async () => {
    const member = npy(dict('(2, 2)'), floats(1, 2, 3, 4));
    for (const deflate of [false, true]) {
      const one = save('one.npz', zip({ 'logits.npy': member }, deflate));
      expect(await read(one)).toEqual([1, 2, 3, 4]);
      const two = save(
        'two.npz',
        zip({ 'a.npy': member, 'b.npy': npy(dict('(1, 1)'), floats(5)) }, deflate),
      );
      expect(await read(two, 'b')).toEqual([5]);
      await expect(read(two)).rejects.toThrow('has 2 of them (a, b): name one, FILE:NAME');
    }
  });

  test('JSON Lines: lists, objects, words for what JSON lacks, blank lines', async () => {
    const text =
      '[1, null]\n\n{"id": "a", "logits": ["-Infinity", 2.5]}\r\n{"logits": ["NaN", "Infinity"]}';
    expect((await read(save('a.jsonl', text))).slice(0, 6)).toEqual([
      1,
      NaN,
      -Infinity,
      2.5,
      NaN,
      Infinity,
    ]);
  });

  test('JSON Lines: a mask is one again', () => {
    ok(score('x.npy', '--op', 'top-p', '--set', 'p=0.5', '--out', 'mask.jsonl'));
    ok(score('x.npy', '--op', 'top-p', '--set', 'p=0.5', '--out', 'mask.npy'));
    for (const end of ['jsonl', 'npy']) {
      ok(score(`mask.${end}`, '--op', 'softmax', '--out', `of-${end}.npy`));
    }
    expect(readFileSync(at('mask.jsonl'), 'utf8')).toContain('"-Infinity"');
    expect(readFileSync(at('of-jsonl.npy'))).toEqual(readFileSync(at('of-npy.npy')));
  });

  test('JSON Lines: lines of more than one reading, that begin and end anywhere', async () => {
    const row = (length: number, from: number): number[] =>
      Array.from({ length }, (_, i) => (from + i) % 9973);
    const want = [row(70_001, 0), row(70_001, 5), row(70_001, 77)];
    const text = want.map((values) => JSON.stringify(values)).join('\n');
    const { source } = await openSource(
      { path: save('long.jsonl', text), name: undefined },
      { element: 'float32' },
    );
    const x = new Float32Array(3 * source.cols);
    expect(await source.read({ x }, 4)).toBe(3);
    await source.close();
    expect([...x]).toEqual(want.flat());
  });

  test('the text of a float reads back as it', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true }), (value) => {
        expect(Math.fround(Number(floatText(value)))).toBe(value);
        expect(floatText(value).length).toBeLessThan(24);
      }),
    );
  });

  test('Arrow lists with missing values', () => {
    const column = arrow.vectorFromArray(
      [[1, 2], null, [3, null]],
      new arrow.FixedSizeList(2, new arrow.Field('item', new arrow.Float32(), true)),
    );
    save('gaps.arrow', arrow.tableToIPC(new arrow.Table({ logits: column }), 'file'));
    ok(score('gaps.arrow', '--op', 'gelu', '--out', 'gaps.csv'));
    const [, ...lines] = readFileSync(at('gaps.csv'), 'utf8').trimEnd().split('\n');
    expect(lines.slice(1)).toEqual(['NaN,NaN', expect.stringMatching(/^2\.99\d+,NaN$/)]);
  });
});

describe('labels', () => {
  test('more of them than rows are refused, however late that is known', () => {
    save('two.jsonl', '[1, 2]\n[3, 4]\n');
    save('four.jsonl', '0\n1\n0\n1\n');
    save('four.npy', npy(dict('(4,)', "'<i4'"), new Uint8Array(16)));
    save('two.npy', npy(dict('(2, 2)'), floats(1, 2, 3, 4)));
    for (const [from, with_] of [
      ['two.jsonl', 'four.jsonl'],
      ['two.npy', 'four.jsonl'],
      ['two.jsonl', 'four.npy'],
    ]) {
      const out = ['--op', 'cross-entropy', '--out', 'late.csv'];
      const { status, stderr } = score(from, '--labels', with_, ...out);
      expect([status, stderr]).toEqual([3, expect.stringContaining(`${with_}: goes on where`)]);
      expect(existsSync(at('late.csv'))).toBe(false);
    }
  });

  const loss = (...args: string[]): string => {
    ok(score(...args, '--op', 'cross-entropy', '--out', 'loss.csv'));
    return readFileSync(at('loss.csv'), 'utf8');
  };

  test('from a file, a field or a column are the same', () => {
    const lines = Array.from({ length: rows }, (_, row) => {
      const logits = Array.from(x.subarray(row * cols, (row + 1) * cols), (v) =>
        v === -Infinity ? '-Infinity' : v,
      );
      return JSON.stringify({ label: labels[row], logits });
    });
    save('labelled.jsonl', lines.join('\n'));
    save('labels.jsonl', Array.from(labels).join('\n'));
    const list = new arrow.FixedSizeList(cols, new arrow.Field('item', new arrow.Float32()));
    const logits = arrow.vectorFromArray(
      Array.from({ length: rows }, (_, row) =>
        Array.from(x.subarray(row * cols, (row + 1) * cols)),
      ),
      list,
    );
    const table = new arrow.Table({ logits, label: arrow.vectorFromArray(labels) });
    save('labelled.arrow', arrow.tableToIPC(table, 'file'));
    const want = loss('x.npy', '--labels', 'labels.npy');
    expect(want.split('\n').length).toBe(rows + 2);
    expect(loss('x.npy', '--labels', 'labels.jsonl')).toBe(want);
    expect(loss('labelled.jsonl', '--label-column', 'label')).toBe(want);
    expect(loss('labelled.arrow', '--label-column', 'label')).toBe(want);
  });

  test('many files are one, patterns too', () => {
    const half = 20 * cols;
    save('part-1.npy', npy(dict(`(20, ${cols})`), bytesOf(x.subarray(0, half))));
    save('part-2.npy', npy(dict(`(${rows - 20}, ${cols})`), bytesOf(x.subarray(half))));
    const want = loss('x.npy', '--labels', 'labels.npy');
    expect(loss('part-1.npy', 'part-2.npy', '--labels', 'labels.npy')).toBe(want);
    expect(loss('part-?.npy', '--labels', 'labels.npy')).toBe(want);
  });
});

describe('refusals are a sentence', () => {
  const part = (data: Uint8Array, shape: number[], dtype = 'F32') => ({ dtype, shape, data });
  const cases: [string, string, string | Uint8Array, string][] = [
    ['no tensor', 'a.safetensors', safetensors({}), 'has no tensor to read'],
    [
      'integers',
      'a.safetensors',
      safetensors({ t: part(floats(1), [1, 1], 'I32') }),
      'holds int32',
    ],
    [
      'three dimensions',
      'a.safetensors',
      safetensors({ t: part(floats(1), [1, 1, 1]) }),
      '3 dimensions',
    ],
    ['a long header', 'a.safetensors', Buffer.alloc(16, 255), 'not .safetensors'],
    ['no JSON', 'a.safetensors', Buffer.from('\x02\0\0\0\0\0\0\0{]'), 'not JSON'],
    [
      'a gap',
      'a.safetensors',
      safetensorsOf({ t: { dtype: 'F32', shape: [1], data_offsets: [4, 8] } }, floats(1, 2)),
      'a gap or an overlap',
    ],
    [
      'a shape that does not fit',
      'a.safetensors',
      safetensorsOf({ t: { dtype: 'F32', shape: [3], data_offsets: [0, 4] } }, floats(1)),
      'tensor "t"',
    ],
    [
      'data that is cut off',
      'a.safetensors',
      safetensors({ t: part(floats(1, 2), [1, 2]) }).subarray(0, -1),
      'is cut off',
    ],
    [
      'bytes that are left',
      'a.safetensors',
      Buffer.concat([safetensors({}), floats(1)]),
      '4 bytes after',
    ],
    ['rows of two lengths', 'a.jsonl', '[1,2]\n[1]\n', 'line 2 has 1 numbers, those before it 2'],
    ['a word', 'a.jsonl', '[1,"x"]', 'line 1 has "x" for a number'],
    ['text', 'a.jsonl', 'hello', 'line 1 is not JSON'],
    ['an object without a list', 'a.jsonl', '{"a":1}', 'no list of numbers'],
    ['no zip', 'a.npz', 'PK but no more', 'not a .npz file'],
    ['no Arrow', 'a.arrow', Buffer.alloc(100), 'not an Arrow'],
    ['no Parquet', 'a.parquet', Buffer.alloc(100), 'no Parquet file'],
    ['no format', 'a.bin', 'hello', 'in no format that is read here'],
  ];
  test.each(cases)('%s', (_, name, bytes, words) => {
    save(name, bytes);
    const { status, stdout, stderr } = score(name, '--op', 'softmax', '--out', 'none.npy');
    expect([status, stdout]).toEqual([3, '']);
    expect(stderr).toMatch(new RegExp(`^softlane: ${name.replace('.', '\\.')}[^\\n]*\\n$`));
    expect(stderr).toContain(words);
  });

  test('outputs that a format cannot hold, or no format', () => {
    const refused = (words: string, ...args: string[]): void => {
      const { status, stderr } = score(...args);
      expect([status, stderr.includes(words), stderr]).toEqual([4, true, stderr]);
    };
    refused('ends in .npy', 'x.npy', '--op', 'softmax', '--out', 'y.bin');
    save('long.npy', npy(dict('(1, 20000)'), new Uint8Array(80_000)));
    refused('too many for CSV', 'long.npy', '--op', 'softmax', '--out', 'y.csv');
    refused('to a file', 'x.npy', '--top-k', '2', '-', '--out-format', 'safetensors');
  });

  test('a library that is not there', () => {
    const bare = at('bare');
    cpSync(join(cli, '..'), join(bare, 'dist'), { recursive: true });
    const root = join(cli, '..', '..');
    for (const name of ['package.json', 'build']) symlinkSync(join(root, name), join(bare, name));
    mkdirSync(join(bare, 'node_modules'));
    for (const name of [
      'commander',
      'cli-progress',
      'node-gyp-build',
      'yauzl',
      'tinyglobby',
      'pend',
    ]) {
      symlinkSync(join(root, 'node_modules', name), join(bare, 'node_modules', name));
    }
    save('some.parquet', Buffer.from('PAR1'));
    const lacks: [string[], string][] = [
      [['some.parquet', '--op', 'softmax', '--out', 'n.npy'], 'hyparquet hyparquet-compressors'],
      [['x.npy', '--op', 'softmax', '--out', 'n.arrow'], 'apache-arrow'],
      [['x.npy', '--op', 'softmax', '--out', 'n.parquet'], 'hyparquet-writer'],
    ];
    for (const [args, packages] of lacks) {
      const all = [join(bare, 'dist', 'cli.js'), 'score', ...args];
      const { status, stderr } = command(process.execPath, all, { cwd: scratch.folder });
      expect([status, stderr]).toEqual([
        1,
        expect.stringContaining(`not installed: npm install ${packages}\n`),
      ]);
    }
  });
});
