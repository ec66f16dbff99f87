/** Command lines that were taken without a word, or that did something else than they said. */
import { describe, expect, test } from '@jest/globals';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { softlane, temporaryFiles, type Outcome } from './helpers/cli';
import { dict, floats, npy, Scratch } from './helpers/npy';

const scratch = new Scratch('cli-refusals');
let folders = 0;

const array = (...rows: number[][]): Buffer =>
  npy(dict(`(${rows.length}, ${rows[0]!.length})`), floats(...rows.flat()));

/** A new folder with a.npy and what else is given, and `softlane` run in it. */
function place(files: Readonly<Record<string, Uint8Array | string>> = {}) {
  const folder = join(scratch.folder, String(folders++));
  fs.mkdirSync(folder);
  const all = { 'a.npy': array([1, 2, 3], [6, 5, 4]), ...files };
  for (const [name, bytes] of Object.entries(all)) fs.writeFileSync(join(folder, name), bytes);
  return {
    at: (name: string): string => join(folder, name),
    names: (): string[] => fs.readdirSync(folder).sort(),
    text: (name: string): string => fs.readFileSync(join(folder, name), 'utf8'),
    run: (...args: string[]): Outcome => softlane(args, { cwd: folder }),
    pipe: (input: Uint8Array, ...args: string[]): Outcome => softlane(args, { cwd: folder, input }),
    temporary: (): string[] => temporaryFiles(folder),
  };
}

/** The exit code, one sentence on standard error, nothing on standard output. */
function expectFailure(outcome: Outcome, status: number, ...words: string[]): void {
  expect(outcome).toMatchObject({ status, stdout: '' });
  expect(outcome.stderr).toMatch(/^softlane[^\n]*\n$/);
  for (const word of words) expect(outcome.stderr).toContain(word);
}

const fine = { status: 0, stderr: '' };

describe('--label-column', () => {
  test('of a file without columns is refused before anything is written', () => {
    const { run, names } = place({ 'r.jsonl': '{"x":[1,2,3],"y":2}\n' });
    const before = names();
    const score = (...files: string[]): Outcome =>
      run('score', ...files, '--op', 'cross-entropy', '--label-column', 'y', '--out', 'c.csv');
    expectFailure(score('a.npy'), 3, 'a.npy: has no columns to take labels from', '--labels FILE');
    expectFailure(score('r.jsonl', 'a.npy'), 3, 'a.npy: has no columns');
    expect(names()).toEqual(before);
    expect(score('r.jsonl')).toMatchObject({ status: 0 });
  });
});

describe('objects of JSON Lines', () => {
  const lines = (...objects: object[]): string =>
    objects.map((each) => `${JSON.stringify(each)}\n`).join('');
  const to = ['--op', 'arg-max', '--out', '-', '--out-format', 'csv', '--quiet'];

  test('with several lists of numbers are refused, unless one is named', () => {
    const two = { words: ['a', 'b'], ids: [7, 3], x: [1.5, 2] };
    const { run } = place({ 'r.jsonl': lines(two, two), 'one.jsonl': lines({ ...two, ids: 7 }) });
    const words = 'r.jsonl: has 2 of them (ids, x): name one, FILE:NAME';
    expectFailure(run('score', 'r.jsonl', ...to), 3, words);
    expect(run('score', 'r.jsonl:x', ...to)).toEqual({ ...fine, stdout: 'argMax\n1\n1\n' });
    expect(run('score', 'one.jsonl', ...to)).toEqual({ ...fine, stdout: 'argMax\n1\n' });
    const { stdout } = run('info', 'r.jsonl');
    expect(stdout.match(/^(words|ids|x)\b/gm)).toEqual(['ids', 'x']);
  });

  test('with several whole numbers are refused as labels, unless one is named', () => {
    const [first, second] = [
      { id: 2, label: 1, weight: 0.5 },
      { id: 1, label: 0, weight: 2 },
    ];
    const { run } = place({ 'r.jsonl': lines(first, second) });
    const score = (labels: string): Outcome =>
      run('score', 'a.npy', '--labels', labels, '--op', 'cross-entropy', ...to.slice(2));
    expectFailure(score('r.jsonl'), 3, 'r.jsonl: has 2 of them (id, label): name one, FILE:NAME');
    expect(score('r.jsonl:label')).toMatchObject(fine);
  });

  test('are read by the field of the first of them', () => {
    const { run } = place({
      'r.jsonl': lines({ x: [1, 2] }, { y: [9, 0], x: [3, 4] }, { y: [1, 2] }),
    });
    expectFailure(run('score', 'r.jsonl', ...to), 3, 'r.jsonl: line 3 has no list "x"');
  });
});

test.each(['npy', 'jsonl', 'parquet', 'safetensors'])(
  'lines without columns are rows of .%s',
  (end) => {
    const { run, at } = place({ 'r.jsonl': '[]\n[]\n[]\n' });
    const score = (from: string, to: string) =>
      run('score', from, '--op', 'softmax', '--out', to, '--quiet', '--json');
    for (const outcome of [score('r.jsonl', `y.${end}`), score(`y.${end}`, 'z.npy')]) {
      expect([outcome.stderr, JSON.parse(outcome.stdout)]).toMatchObject([
        '',
        { rows: 3, cols: 0 },
      ]);
    }
    expect(fs.readFileSync(at('z.npy'), 'latin1')).toContain('(3, 0)');
  },
);

test('a name in a file that has none is refused', () => {
  const { run } = place({ 'r.jsonl': '[1,2]\n' });
  const score = (input: string): Outcome =>
    run('score', input, '--op', 'arg-max', '--out', 'y.csv');
  expectFailure(score('a.npy:typo'), 3, 'a.npy: has no array "typo": it is one, without a name');
  expectFailure(score('r.jsonl:typo'), 3, 'r.jsonl: line 1 is no object with "typo"');
});

test('JSON Lines begin with a byte order mark in a file and in a stream', () => {
  const text = Buffer.from('\ufeff[1,2]\n[4,3]\n');
  const { run, pipe } = place({ 'r.jsonl': text });
  const to = ['--op', 'arg-max', '--out', '-', '--out-format', 'csv', '--quiet'];
  const wanted = { ...fine, stdout: 'argMax\n1\n0\n' };
  expect(run('score', 'r.jsonl', ...to)).toEqual(wanted);
  expect(pipe(text, 'score', '-', ...to)).toEqual(wanted);
});

test.each(['run (1)/', '!n/', 'a[b/', 'x{1,2}/y*/', '!', './'])(
  'a pattern in a folder that is called %j finds its files',
  (folder) => {
    const { run, at } = place();
    fs.mkdirSync(at(folder), { recursive: true });
    for (const end of ['2.npy', '10.npy']) fs.copyFileSync(at('a.npy'), at(`${folder}part-${end}`));
    const to = ['--op', 'arg-max', '--out', 'y.csv', '--quiet', '--json'];
    for (const prefix of [folder, at(folder)]) {
      const { stderr, stdout } = run('score', `${prefix}part-*.npy`, ...to, '--force');
      expect([stderr, JSON.parse(stdout)]).toMatchObject(['', { rows: 4 }]);
    }
  },
);

test('float64 is said to be rounded, once, whichever of the inputs has it', () => {
  const wide = npy(dict('(1, 3)', "'<f8'"), new Uint8Array(24));
  const { run } = place({ 'b.npy': wide, 'c.npy': wide });
  const to = ['--op', 'arg-max', '--out', '-', '--out-format', 'csv'];
  const said = (...inputs: string[]): string[] =>
    run('score', ...inputs, ...to)
      .stderr.split('\n')
      .filter((line) => line.includes('float64'));
  const line = (name: string): string => `softlane: ${name}: float64 is rounded to float32`;
  expect(said('a.npy')).toEqual([]);
  expect(said('a.npy', 'b.npy', 'c.npy')).toEqual([line('b.npy')]);
  expect(said('c.npy', 'a.npy', 'b.npy')).toEqual([line('c.npy')]);
});

describe('--set', () => {
  const first = (text: string): string => text.split('\n')[0]!;

  test('behind --top-k is of that, and wins over what --top-k says itself', () => {
    const { run, text } = place();
    const flags = ['--set', 'temperature=2', '--set', 'probabilities=false', '--quiet'];
    expect(run('score', 'a.npy', '--top-k', '1', 't.csv', ...flags)).toMatchObject(fine);
    expect(text('t.csv')).toBe('values_0,indices_0\n3,2\n6,0\n');
    const more = ['--set', 'k=2', '--quiet', '--force'];
    expect(run('score', 'a.npy', '--top-k', '1', 't.csv', ...more)).toMatchObject(fine);
    expect(first(text('t.csv'))).toContain('values_1');
    expect(first(text('t.csv'))).toContain('probabilities_1');
  });

  test('goes to the operation before it, whichever way that was named', () => {
    const { run, text } = place();
    const job = ['--op', 'logsumexp', '--out', 'l.csv', '--top-k', '1', 't.csv'];
    const wrong = run('score', 'a.npy', ...job, '--set', 'unknown=1');
    expectFailure(wrong, 2, 'top-k does not take --set unknown');
    const set = ['--set', 'temperature=4', '--quiet'];
    expect(run('score', 'a.npy', ...job, ...set)).toMatchObject(fine);
    expect(run('score', 'a.npy', '--top-k', '1', 'u.csv', '--quiet')).toMatchObject(fine);
    expect(text('l.csv').split('\n')[1]).toMatch(/^3\.4076/);
    const probability = (name: string): number => Number(text(name).split('\n')[1]!.split(',')[2]);
    expect(probability('t.csv')).toBeLessThan(probability('u.csv'));
  });

  test('of no operation is an error', () => {
    const { run } = place();
    const outcome = run('score', 'a.npy', '--metrics', 'm.json', '--set', 'temperature=2');
    expectFailure(outcome, 2, '--set temperature has no operation');
  });
});

describe('a stream that goes on after its array', () => {
  const job = ['score', '-', '--op', 'arg-max', '--out', 'y.csv', '--quiet'];

  test.each(['npy', 'safetensors', 'arrow', 'arrows'])(
    '.%s is refused, as its file is',
    (format) => {
      const { run, pipe, at, names } = place();
      expect(run('score', 'a.npy', '--op', 'softmax', '--out', `p.${format}`)).toMatchObject(fine);
      const once = fs.readFileSync(at(`p.${format}`));
      fs.writeFileSync(at(`twice.${format}`), Buffer.concat([once, once]));
      const before = names();
      const [, , ...rest] = job;
      for (const outcome of [
        pipe(Buffer.concat([once, once]), ...job),
        run('score', `twice.${format}`, ...rest),
      ]) {
        expectFailure(outcome, 3, '');
        expect(outcome.stderr).toMatch(
          /has (more|\d+) bytes (after|between)|goes on after its last/,
        );
      }
      expect(names()).toEqual(before);
      expect(pipe(once, ...job)).toMatchObject(fine);
    },
  );

  test('of labels, or of a head', () => {
    const labels = npy(dict('(2,)', "'<i4'"), Buffer.alloc(8));
    const { pipe, at } = place({ 'head.npy': array([1, 0, 0], [0, 1, 0]) });
    const loss = ['--op', 'cross-entropy', '--out', 'l.csv', '--labels', '-', '--quiet'];
    const twice = Buffer.concat([labels, labels]);
    expectFailure(pipe(twice, 'score', 'a.npy', ...loss), 3, 'standard input: has more bytes');
    expect(pipe(labels, 'score', 'a.npy', ...loss)).toMatchObject(fine);
    const head = ['--op', 'arg-max', '--out', 'h.csv', '--head', '-', '--quiet'];
    const doubled = Buffer.concat([fs.readFileSync(at('head.npy')), labels]);
    expectFailure(pipe(doubled, 'score', 'a.npy', ...head), 3, 'has more bytes');
  });
});

test('standard input is one input, whatever reads it', () => {
  const { run } = place();
  const job = ['score', '-', '--op', 'kl-divergence', '--out', 'y.npy'];
  for (const other of [
    ['--labels', '-'],
    ['--head', '-'],
    ['--with', 'other=-'],
  ]) {
    expectFailure(run(...job, ...other), 2, 'expected standard input to be one input');
  }
});

describe('synth', () => {
  const synth = ['synth', 'x.npy', '--rows', '2', '--cols', '3', '--labels'];

  test.each(['x.npy', './x.npy', 'link/x.npy'])('to one file, %s, leaves it as it is', (labels) => {
    const { run, names, at } = place();
    fs.symlinkSync('.', at('link'));
    const before = names();
    expectFailure(run(...synth, labels), 2, 'another file than that of the logits');
    expect(names()).toEqual(before);
    fs.writeFileSync(at('x.npy'), 'precious');
    expectFailure(run(...synth, labels, '--force'), 2, 'another file');
    expect(fs.readFileSync(at('x.npy'), 'utf8')).toBe('precious');
  });

  test('gives both names or none', () => {
    const { run, names, temporary } = place({ 'l.npy': 'precious' });
    const before = names();
    expectFailure(run(...synth, 'l.npy'), 4, 'l.npy: exists');
    expect(names()).toEqual(before);
    expect(run(...synth, 'l.npy', '--force')).toMatchObject(fine);
    expect([names(), temporary()]).toEqual([[...before, 'x.npy'].sort(), []]);
  });

  test('to a stream is refused', () => {
    const { run, names } = place();
    const before = names();
    expectFailure(run('synth', '-', '--rows', '2'), 2, 'expected FILE to be a file', '"-"');
    expectFailure(run(...synth, '-'), 2, 'expected --labels to be a file', '"-"');
    expect(names()).toEqual(before);
  });
});

test('--bad-rows keep names the row of an operator that cannot keep it, as no flag does', () => {
  const rows = 70_000;
  const data = Buffer.alloc(4 * 64 * rows);
  const bad = 69_000;
  data.writeFloatLE(NaN, 4 * (64 * bad + 5));
  const { run } = place({ 'bn.npy': npy(dict(`(${rows}, 64)`), data) });
  for (const flags of [[], ['--bad-rows', 'keep'], ['--bad-rows', 'keep', '--threads', '1']]) {
    const outcome = run('score', 'bn.npy', '--top-k', '1', 't.csv', ...flags);
    expectFailure(outcome, 3, `bn.npy: row ${bad}: NaN in column 5`);
  }
  const masked = ['--set', 'nan=masked', '--bad-rows', 'keep', '--quiet'];
  expect(run('score', 'bn.npy', '--top-k', '1', 't.csv', ...masked)).toMatchObject(fine);
});

test('a journal that is none says what to do about it', () => {
  const { run, names } = place({ 'e.npy.job': '' });
  const before = names();
  for (const flag of ['--force', '--resume', '--quiet']) {
    const outcome = run('score', 'a.npy', '--op', 'softmax', '--out', 'e.npy', flag);
    expectFailure(outcome, 4, 'e.npy.job: is not the journal of a job', 'remove it by hand');
  }
  expect(names()).toEqual(before);
});

test('a --limit-memory that is too little is wrong usage', () => {
  const { run } = place();
  const job = ['score', 'a.npy', '--op', 'softmax', '--out', 'y.npy', '--limit-memory', '16'];
  expectFailure(run(...job), 2, 'expected --limit-memory to be at least the 48 bytes');
});

describe('--dry-run refuses what the job would be refused for, and writes nothing', () => {
  const job = ['score', 'a.npy', '--op', 'softmax', '--out'];

  test.each<[string, string[], number, string]>([
    ['an output that exists', ['y.npy'], 4, 'y.npy: exists'],
    ['a folder that does not', ['none/z.npy'], 4, 'none/z.npy: cannot be written: no such file'],
    ['a folder that is a file', ['y.npy/z.npy'], 4, 'a part of the path is not a directory'],
    ['the input itself', ['a.npy', '--force'], 4, 'a.npy: is the input itself'],
    ['metrics that exist', ['z.npy', '--metrics', 'y.npy'], 4, 'y.npy: exists'],
    ['rejects that exist', ['z.npy', '--reject', 'y.npy'], 4, 'y.npy: exists'],
    ['a manifest that exists', ['z.npy', '--manifest', 'y.npy'], 4, 'y.npy: exists'],
    ['a job that is unfinished', ['j.npy'], 4, 'j.npy.job: is not the journal'],
    ['too little memory', ['z.npy', '--limit-memory', '16'], 2, '--limit-memory'],
    ['a name in no format', ['z.what'], 4, 'expected a name that ends in'],
  ])('%s', (_, flags, status, words) => {
    const { run, names, text } = place({ 'y.npy': 'precious', 'j.npy.job': '' });
    const before = names();
    const dry = run(...job, ...flags, '--dry-run');
    expectFailure(dry, status, words);
    expect(run(...job, ...flags)).toEqual(dry);
    expect([names(), text('y.npy')]).toEqual([before, 'precious']);
  });

  test('a row that cannot be scored, where it stops the job', () => {
    const { run, names } = place({
      'l.npy': npy(dict('(2,)', "'<i4'"), Buffer.from(Int32Array.of(1, 3).buffer)),
      'nan.npy': array([1, 2, 3], [6, NaN, 4]),
    });
    const before = names();
    const rejects = ['--reject', 'bad.jsonl'];
    const cases: [string[], string][] = [
      [['a.npy', '--op', 'cross-entropy', '--labels', 'l.npy'], 'row 1: label 3 is none of the 3'],
      [['a.npy', '--metrics', 'm.json', '--labels', 'l.npy'], 'row 1: label 3 is none of the 3'],
      [['nan.npy', '--op', 'softmax', '--bad-rows', 'stop'], 'nan.npy: row 1: NaN in column 1'],
    ];
    for (const [args, words] of cases) {
      const whole = ['score', ...args, ...(args.includes('--op') ? ['--out', 'y.npy'] : [])];
      const dry = run(...whole, '--dry-run');
      expectFailure(dry, 3, words);
      expect(run(...whole)).toEqual(dry);
      expect(run(...whole, ...rejects, '--dry-run')).toMatchObject(fine);
    }
    expect(names()).toEqual(before);
  });

  test('and takes what is fine, with --force and unfinished jobs too', () => {
    const { run, names } = place({ 'y.npy': 'precious' });
    const before = names();
    for (const flags of [['z.npy'], ['y.npy', '--force'], ['-'], ['z.npy', '--resume']]) {
      const outcome = run(...job, ...flags, '--dry-run');
      expect(outcome).toMatchObject(fine);
      expect(outcome.stdout).toContain('2 rows of 3');
    }
    expect(names()).toEqual(before);
  });
});
