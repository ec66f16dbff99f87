/** What `softlane/score` refuses, in a sentence of ours, before anything is written. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import * as arrow from 'apache-arrow';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { command } from './helpers/cli';
import { safetensors, zip } from './helpers/files';
import { dict, floats, npy, Scratch } from './helpers/npy';

const scratch = new Scratch('refusals');
const built = join(__dirname, '..', 'dist', 'score.js');

/** Calls of the built package, which imports its parts when they are needed: what jest cannot do. */
const prelude = `
  const { score, scoreBatches, readRows } = require(${JSON.stringify(built)});
  const drain = async (items) => { const all = []; for await (const item of items) all.push(item); return all; };
  const job = { inputs: ['a.npy'], outputs: [{ op: 'arg-max', path: 'y.csv' }] };
  const output = (more) => score({ ...job, outputs: [{ ...job.outputs[0], ...more }] });
  const batch = { data: Float32Array.of(1, 2, 3), dims: [1, 3] };
  const batches = (given, options = { op: 'softmax' }) => drain(scoreBatches(given, options));
  const rows = (...args) => drain(readRows(...args));`;

/** What became of each call: its result, or the code and the sentence of an error of ours, or any other error. */
function outcomes(calls: readonly string[]): unknown[] {
  const script = `${prelude}
    (async () => {
      const all = [];
      for (const call of [${calls.map((each) => `() => ${each}`).join(',')}]) {
        all.push(await Promise.resolve().then(call).catch(({ name, code, message }) =>
          name.startsWith('Softlane') ? code.replace('ERR_SOFTLANE_', '') + ': ' + message : { name, message }));
      }
      console.log(JSON.stringify(all));
    })();`;
  const { stdout, stderr } = command(process.execPath, ['-e', script], { cwd: scratch.folder });
  expect(stderr).toBe('');
  return JSON.parse(stdout) as unknown[];
}

/** A row for each label, beside columns of labels that are none. */
function writeLabels(): void {
  const list = new arrow.FixedSizeList(3, new arrow.Field('item', new arrow.Float32()));
  const table = new arrow.Table({
    x: arrow.vectorFromArray(
      [
        [1, 2, 3],
        [3, 1, 2],
      ],
      list,
    ),
    text: arrow.vectorFromArray(['', '1'], new arrow.Utf8()),
    bool: arrow.vectorFromArray([true, false], new arrow.Bool()),
    gap: arrow.vectorFromArray([null, 1], new arrow.Int32()),
    whole: arrow.vectorFromArray([0n, 1n], new arrow.Int64()),
  });
  fs.writeFileSync(join(scratch.folder, 'l.arrow'), arrow.tableToIPC(table, 'file'));
  const script = `import('hyparquet-writer').then(({ parquetWriteBuffer }) => {
    const bytes = parquetWriteBuffer({
      schema: [
        { name: 'root', num_children: 5 },
        { name: 'x', repetition_type: 'REQUIRED', converted_type: 'LIST', num_children: 1 },
        { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
        { name: 'element', type: 'FLOAT', repetition_type: 'REQUIRED' },
        { name: 'text', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
        { name: 'bool', type: 'BOOLEAN', repetition_type: 'OPTIONAL' },
        { name: 'gap', type: 'INT32', repetition_type: 'OPTIONAL' },
        { name: 'whole', type: 'INT64', repetition_type: 'REQUIRED' },
      ],
      columnData: [
        { name: 'x', data: [[1, 2, 3], [3, 1, 2]] },
        { name: 'text', data: ['', '1'] },
        { name: 'bool', data: [true, false] },
        { name: 'gap', data: [null, 1] },
        { name: 'whole', data: [0n, 1n] },
      ],
    });
    require('node:fs').writeFileSync(process.argv[1], new Uint8Array(bytes));
  });`;
  const path = join(scratch.folder, 'l.parquet');
  const { stderr } = command(process.execPath, ['-e', script, path], {
    cwd: join(__dirname, '..'),
  });
  expect(stderr).toBe('');
}

const array = npy(dict('(2, 3)'), floats(1, 2, 3, 6, 5, 4));
let before: string[];

beforeAll(() => {
  const part = { dtype: 'F32', shape: [2, 3], data: array.subarray(-24) };
  const files: Record<string, Uint8Array | string> = {
    'a.npy': array,
    'a.npz': zip({ 'x.npy': array }, true),
    'a.safetensors': safetensors({ x: part }),
    'l.npy': npy(dict('(2,)', "'<i4'"), Buffer.from([2, 0, 0, 0, 0, 0, 0, 0])),
    'r.jsonl': '{"x":[1,2,3],"y":1}\n',
  };
  for (const [name, bytes] of Object.entries(files)) {
    fs.writeFileSync(join(scratch.folder, name), bytes);
  }
  writeLabels();
  before = fs.readdirSync(scratch.folder);
});

/** Each call has to be refused with that code and those words, and nothing is written. */
function refused(cases: readonly (readonly [call: string, code: string, words: string])[]): void {
  const found = outcomes(cases.map(([call]) => call));
  const wanted = cases.map(([call, code, words]) => [call, true, code, words]);
  expect(
    found.map((each, i) => {
      const [call, code, words] = cases[i]!;
      const said = typeof each === 'string' && !each.includes('\n') ? each : JSON.stringify(each);
      const isSo = said.startsWith(`${code}: `) && said.includes(words);
      return isSo ? [call, true, code, words] : [call, false, said];
    }),
  ).toEqual(wanted);
  expect(fs.readdirSync(scratch.folder)).toEqual(before);
}

describe('score', () => {
  test('options that there are not, or of another type', () => {
    const inputs = 'score: expected inputs to be a file or a list of files';
    refused([
      ['score()', 'TYPE', 'score: expected options to be a plain object, received undefined'],
      [
        'score({ ...job, tempreature: 2 })',
        'UNKNOWN_OPTION',
        'options to have only inputs, outputs',
      ],
      ['score({ ...job, inputs: 5 })', 'TYPE', inputs],
      ['score({ outputs: job.outputs })', 'TYPE', inputs],
      ['score({ ...job, inputs: [] })', 'VALUE', inputs],
      ['score({ ...job, inputs: [5] })', 'VALUE', inputs],
      ['score({ ...job, outputs: {} })', 'VALUE', 'outputs to be a list of objects'],
      ["score({ inputs: ['a.npy'] })", 'VALUE', 'outputs to be one output at least'],
      ["score({ ...job, badRows: 'drop' })", 'VALUE', 'badRows to be "keep" or "stop"'],
      ["score({ ...job, badRows: 'reject' })", 'VALUE', 'badRows to be "keep" or "stop"'],
      ['score({ ...job, badRows: 1 })', 'TYPE', 'badRows to be "keep" or "stop"'],
      ["score({ ...job, resume: 'yes' })", 'TYPE', 'resume to be true or false'],
      ['score({ ...job, force: 1 })', 'TYPE', 'force to be true or false'],
      ["score({ ...job, verify: '0.1' })", 'TYPE', 'verify to be a finite number'],
      ['score({ ...job, verify: 2 })', 'VALUE', 'verify to be a share from 0 to 1'],
      ['score({ ...job, head: 5 })', 'TYPE', 'head to be a string'],
      ['score({ ...job, labels: 5 })', 'TYPE', 'labels to be a string'],
      ["score({ ...job, labels: '' })", 'VALUE', 'labels to be a string that is not empty'],
      ["score({ ...job, metrics: 'm.json' })", 'TYPE', 'metrics to be an object'],
      ["score({ ...job, metrics: { path: 'm', bins: '9' } })", 'TYPE', 'metrics.bins to be'],
      [
        "score({ ...job, metrics: { path: 'm', bin: 9 } })",
        'UNKNOWN_OPTION',
        'metrics to have only',
      ],
      ['score({ ...job, beside: { other: 5 } })', 'VALUE', 'beside to be an object, each value'],
      ["score({ ...job, limitMemory: '1' })", 'TYPE', 'limitMemory to be a positive number'],
      ['score({ ...job, signal: {} })', 'TYPE', 'an AbortSignal'],
      ['score({ ...job, onEvent: true })', 'TYPE', 'onEvent to be a function'],
    ]);
  });

  test('outputs of which the same holds', () => {
    refused([
      ['score({ ...job, outputs: [undefined] })', 'TYPE', 'outputs[0] to be a plain object'],
      ['output({ colour: 1 })', 'UNKNOWN_OPTION', 'outputs[0] to have only path, op, parameters'],
      ['output({ op: 5 })', 'TYPE', 'outputs[0].op to be a string'],
      ["output({ op: 'sofmax' })", 'VALUE', 'score: expected op to be "softmax"'],
      ['output({ path: undefined })', 'TYPE', 'outputs[0].path to be a string'],
      ['output({ parameters: 5 })', 'TYPE', 'outputs[0].parameters to be an object'],
      ["output({ parts: 'all' })", 'TYPE', 'outputs[0].parts to be a list'],
    ]);
  });

  test('takes one input as a string, and metrics without outputs', () => {
    const job = "{ inputs: 'a.npy', labels: 'l.npy', metrics: { path: 'm.json' } }";
    expect(outcomes([`score(${job})`])).toMatchObject([{ rows: 2, metrics: { accuracy: 1 } }]);
    fs.rmSync(join(scratch.folder, 'm.json'));
  });

  test('a label column of inputs without columns', () => {
    const output = "{ op: 'cross-entropy', path: 'y.csv' }";
    const score = (inputs: string): string =>
      `score({ inputs: ${inputs}, outputs: [${output}], labelColumn: 'y' })`;
    const files = ['a.npy', 'a.npz', 'a.safetensors'];
    refused(
      files.flatMap((name) =>
        [
          score(`['${name}']`),
          score(`['r.jsonl', '${name}']`),
          `rows('${name}', { labelColumn: 'y' })`,
        ].map(
          (call) => [call, 'INPUT_NAME', `${name}: has no columns to take labels from`] as const,
        ),
      ),
    );
  });
});

describe('labels that are no integers', () => {
  const score = (input: string, labels: string): string =>
    `score({ inputs: '${input}', outputs: [{ op: 'cross-entropy', path: 'y.csv' }], ${labels} })`;
  const column = (name: string): string => `labelColumn: '${name}'`;
  const missing = 'has a missing value where a whole number is needed';

  test('in a column of Arrow or Parquet', () => {
    const held = [
      ['l.arrow', 'Utf8, expected integers', 'Bool, expected integers'],
      ['l.parquet', 'byte_array, expected', 'boolean, expected'],
    ];
    refused(
      held.flatMap(([file, text, bool]) => [
        [score(file, column('text')), 'INPUT_FORMAT', `${file}:text: holds ${text}`],
        [score(file, column('bool')), 'INPUT_FORMAT', `${file}:bool: holds ${bool}`],
        [score(file, column('gap')), 'INPUT_VALUE', `${file}:gap: ${missing}`],
        [score(file, `labels: '${file}:gap'`), 'INPUT_VALUE', `${file}:gap: ${missing}`],
      ]),
    );
    const whole = ['l.arrow', 'l.parquet'].map((input) => score(input, column('whole')));
    const results = outcomes(whole.map((call) => call.replace('})', ', force: true })')));
    expect(results).toMatchObject([{ rows: 2 }, { rows: 2 }]);
    fs.rmSync(join(scratch.folder, 'y.csv'));
  });
});

test('scoreBatches and readRows', () => {
  const options = 'scoreBatches: expected ';
  refused([
    ['drain(scoreBatches([batch]))', 'TYPE', `${options}options to be a plain object`],
    ['batches([batch], {})', 'TYPE', `${options}op to be a string`],
    ["batches([batch], { op: 'sofmax' })", 'VALUE', `${options}op to be "softmax"`],
    ["batches([batch], { op: 'softmax', k: 2 })", 'UNKNOWN_OPTION', `${options}options to have`],
    ["batches([batch], { op: 'softmax', parameters: 2 })", 'TYPE', `${options}parameters to be`],
    ["batches([batch], { op: 'softmax', signal: 2 })", 'TYPE', `${options}options.signal`],
    ['batches()', 'TYPE', `${options}batches to be an iterable`],
    ['batches([null])', 'TYPE', `${options}a batch to be an object with data and dims`],
    ['batches([batch.data])', 'TYPE', `${options}a batch to be an object with data and dims`],
    ['batches([{ ...batch, data: [1, 2, 3] }])', 'TYPE', `${options}a batch.data to be`],
    ['batches([{ ...batch, dims: [-1, 3] }])', 'TYPE', `${options}a batch.dims[0] to be`],
    ['batches([{ ...batch, dims: [2, 3] }])', 'SHAPE', `${options}a batch.data to have`],
    ['batches([{ ...batch, labels: 5 }], { op: "cross-entropy" })', 'TYPE', 'targets'],
    ['rows(5)', 'TYPE', 'readRows: expected inputs to be a file or a list of files'],
    ['rows([])', 'VALUE', 'readRows: expected inputs to be a file or a list of files'],
    ["rows('a.npy', { rows: 5 })", 'UNKNOWN_OPTION', 'readRows: expected options to have'],
    ["rows('a.npy', { batchRows: 0 })", 'VALUE', 'readRows: expected options.batchRows'],
    ["rows('a.npy', { labelColumn: 5 })", 'TYPE', 'readRows: expected options.labelColumn'],
  ]);
});
