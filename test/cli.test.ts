import { describe, expect, test } from '@jest/globals';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { version } from '../package.json';
import { catalogue, type NumberRule } from '../lib/catalogue';
import { bytesText } from '../lib/cli/output';
import { softmax } from '../lib/index';
import { readNpy, writeNpy } from '../lib/score/npy';
import { commandName, findOperation, operations } from '../lib/score/operation';
import { cli, command, softlane, type Outcome } from './helpers/cli';
import { dict, npy, Scratch } from './helpers/npy';

const scratch = new Scratch('cli');
const fresh = (): string => scratch.fresh();

async function input(rows = 30, cols = 20): Promise<string> {
  const path = fresh();
  const data = Float32Array.from({ length: rows * cols }, (_, i) => Math.sin(i) * 10);
  await writeNpy(path, { shape: [rows, cols], data });
  return path;
}

/** The exit code, one sentence on standard error, and nothing else. */
function expectFailure(outcome: Outcome, status: number, ...words: string[]): void {
  expect([outcome.status, outcome.stdout]).toEqual([status, '']);
  expect(outcome.stderr).toMatch(/^softlane[^\n]*\n$/);
  for (const word of words) expect(outcome.stderr).toContain(word);
}

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [970.8683272371568, '971 B'],
  [4.25, '4.25 B'],
  [1536, '1.50 KiB'],
  [99.96 * 1024, '100 KiB'],
  [512 * 2 ** 20, '512 MiB'],
  [12.34 * 2 ** 30, '12.3 GiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(bytesText(bytes)).toBe(text);
});

describe('softlane explains itself', () => {
  test('--version', () => {
    for (const flag of ['--version', '-V']) {
      expect(softlane([flag])).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
    }
  });

  test('--help names commands and exit codes; without arguments it is an error', () => {
    const help = softlane(['--help']);
    expect([help.status, help.stderr]).toEqual([0, '']);
    for (const word of ['score', 'ops', 'info', 'Exit codes', '130', '143', 'SOFTLANE_ISA']) {
      expect(help.stdout).toContain(word);
    }
    expect(softlane([])).toEqual({ status: 2, stdout: '', stderr: help.stdout });
    expect(softlane(['help', 'score']).stdout).toBe(softlane(['score', '--help']).stdout);
  });

  test('score --help has every operation and every option of the catalogue', () => {
    const { stdout } = softlane(['score', '--help']);
    for (const { name, summary, options } of operations) {
      expect(stdout).toContain(`  ${name} `);
      expect(stdout).toContain(summary);
      for (const option of Object.keys(options)) {
        expect(stdout).toContain(`--${option.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)} <`);
      }
    }
  });

  test('ops prints the catalogue', () => {
    const text = softlane(['ops']).stdout;
    const data = JSON.parse(softlane(['ops', '--json']).stdout) as {
      version: string;
      operators: {
        name: string;
        papers: string[];
        bound: object;
        options: object;
        operands?: { name: string }[];
      }[];
      compositions: { cli: string; uses: string[] }[];
    };
    expect(data.version).toBe(version);
    expect(data.operators).toHaveLength(catalogue.length);
    data.operators.forEach((line, i) => {
      const { oracle, options, ...rest } = catalogue[i]!;
      // As JSON has it: without the functions that make examples for tests.
      const plain = JSON.parse(JSON.stringify(rest)) as typeof rest;
      const cli = commandName(catalogue[i]!);
      expect(line).toMatchObject({ ...plain, cli, oracle: oracle.name });
      expect(Object.keys(line.options)).toEqual(Object.keys(options));
      expect(text).toMatch(new RegExp(`^${cli} +${plain.name} `, 'm'));
    });
    expect(data.compositions.map((line) => line.cli)).toEqual(['top-1']);
    expect(text).toMatch(/^top-1 +argMax \+ softmax/m);
  });

  test('info tells of the machine', () => {
    const data = JSON.parse(softlane(['info', '--json']).stdout) as Record<string, unknown>;
    expect(data).toMatchObject({ version, node: process.version, isaReason: 'best supported' });
    const { stdout } = softlane(['info'], {
      env: { SOFTLANE_ISA: 'scalar', SOFTLANE_THREADS: '1' },
    });
    expect(stdout).toMatch(/^isa +scalar \(SOFTLANE_ISA\)$/m);
    expect(stdout).toMatch(/^threads +1 \(SOFTLANE_THREADS\)$/m);
  });

  test('info tells of a file, also of one that score refuses', async () => {
    const path = await input();
    expect(softlane(['info', path]).stdout).toMatch(/^holds +elements of type '<f4' \(30, 20\)$/m);
    const other = scratch.saved(npy(dict('(2, 3)', "'<f8'", 'True'), Buffer.alloc(48)));
    const { status, stdout } = softlane(['info', other, '--json']);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      format: 'npy',
      entries: [{ name: '', holds: "elements of type '<f8'", shape: [2, 3] }],
      scorable: false,
      refusal: { code: 'ERR_SOFTLANE_NPY_ORDER' },
    });
    expect(softlane(['info', other]).stdout).toMatch(/^score +no: /m);
    expectFailure(softlane(['info', fresh()]), 3, 'no such file');
  });
});

describe('softlane score', () => {
  test('writes what the API gives, and says so', async () => {
    const [from, to] = [await input(), fresh()];
    const { status, stdout, stderr } = softlane(['score', from, '--op', 'softmax', '--out', to]);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain(`softmax of ${from} (30 x 20) to ${to}`);
    const [x, y] = [await readNpy(from), await readNpy(to)];
    expect(y).toEqual({ ...x, data: softmax(x.data as Float32Array, { cols: 20 }) });
  });

  test('every option, and a summary in JSON', async () => {
    const [from, to] = [await input(), fresh()];
    const args = ['score', from, '--op', 'softmax', '--out', to, '--json', '--temperature', '.5e1'];
    const more = [
      '--algorithm',
      'online',
      '--masked-row',
      'zero',
      '--isa',
      'scalar',
      '--threads',
      '3',
    ];
    const { status, stdout, stderr } = softlane([...args, ...more]);
    expect([status, stderr]).toEqual([0, '']);
    const lines = stdout.trimEnd().split('\n');
    const summary = JSON.parse(lines[lines.length - 1]!) as Record<string, unknown>;
    expect(summary).toEqual({
      event: 'done',
      inputs: [from],
      outputs: [{ op: 'softmax', path: to, algorithm: 'online' }],
      resumedFrom: 0,
      rejected: 0,
      metrics: null,
      verified: null,
      rows: 30,
      cols: 20,
      elements: 600,
      seconds: expect.any(Number),
      elementsPerSecond: expect.any(Number),
      bytesPerSecond: expect.any(Number),
      isa: 'scalar',
      threads: 3,
      version,
    });
    const options = { cols: 20, temperature: 5, algorithm: 'online', maskedRow: 'zero' } as const;
    const x = (await readNpy(from)).data as Float32Array;
    expect((await readNpy(to)).data).toEqual(softmax(x, options));
  });

  test('--quiet says nothing, with --json the summary alone', async () => {
    const from = await input();
    const run = (...flags: string[]): Outcome =>
      softlane(['score', from, '--op', 'top-1', '--out', fresh(), '--quiet', ...flags]);
    expect(run()).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(JSON.parse(run('--json').stdout)).toMatchObject({
      outputs: [{ op: 'top-1' }],
      rows: 30,
    });
  });

  test('a file name with control characters moves no cursor', () => {
    const outcome = softlane(['score', '/\u001b[31m\nx', '--op', 'softmax', '--out', fresh()]);
    expectFailure(outcome, 3, '/\\x1b[31m\\x0ax: no such file');
  });

  test('a failure shows its stack and cause only to those who ask', () => {
    const args = ['score', '/nowhere.npy', '--op', 'softmax', '--out', fresh()];
    expectFailure(softlane(args), 3);
    const { stderr } = softlane(args, { env: { SOFTLANE_DEBUG: '1' } });
    expect(stderr).toContain('    at ');
    expect(stderr).toContain('ENOENT');
  });
});

describe('wrong usage is exit code 2 and lists what is right', () => {
  const score = (...flags: string[]): string[] => ['score', 'x.npy', '--out', 'y.npy', ...flags];
  const names = operations.map(({ name }) => `"${name}"`);
  const { temperature } = findOperation('softmax')!.options;
  const { expected } = temperature as NumberRule;

  test.each<[string, string[], string[]]>([
    ['unknown command', ['scare'], ["'scare'", 'score, ops, info']],
    ['rows that are no number', ['synth', 'x.npy', '--rows', 'many'], ['--rows', '"many"']],
    [
      'unknown option',
      score('--op', 'softmax', '--temp', '2'),
      ["'--temp'", '--temperature', '--algorithm'],
    ],
    ['unknown option of ops', ['ops', '--yaml'], ["'--yaml'", '--json']],
    ['unknown option before a command', ['--yaml'], ["'--yaml'", '--version']],
    ['no file', ['score', '--op', 'softmax', '--out', 'y'], ['FILES']],
    ['standard input twice', score('-', '-', '--op', 'softmax'), ['one input', 'two']],
    [
      'standard output twice',
      score('--op', 'softmax', '--op', 'gelu', '--out', '-', '--out', '-'),
      ['--op'],
    ],
    [
      'more outputs than operations',
      score('--op', 'softmax', '--out', 'z.npy'),
      ['--op is missing'],
    ],
    [
      'more operations than outputs',
      score('--op', 'softmax', '--op', 'gelu'),
      ['--out is missing'],
    ],
    ['an option without a value', score('--op', 'softmax', '--set', 'temperature'), ['KEY=VALUE']],
    [
      'an option that the operation lacks',
      score('--op', 'top-k', '--set', 'p=2'),
      ['top-k does not take --set p', 'k, sorted, nan, probabilities'],
    ],
    [
      'a statistic that is none',
      score('--op', 'row-stats', '--set', 'stats=mode'),
      ['max, argMax', '"mode"'],
    ],
    ['statistics without names', score('--op', 'row-stats'), ['--set stats', 'nothing']],
    [
      'a loss without labels',
      score('--op', 'cross-entropy'),
      ['targets of cross-entropy', '--labels'],
    ],
    ['another row without a file', score('--op', 'kl-divergence'), ['--with other=FILE']],
    [
      'a row that nothing reads',
      score('--op', 'layer-norm', '--with', 'wieght=w.npy'),
      ['--with', '"wieght"'],
    ],
    [
      'metrics to standard output',
      ['score', 'x.npy', '--metrics', '-'],
      ['metrics', 'standard output is for results'],
    ],
    ['top-k without a file', ['score', 'x.npy', '--top-k', '5'], ['--top-k 5 FILE']],
    ['memory in no unit', score('--op', 'softmax', '--limit-memory', 'much'), ['512MiB', '"much"']],
    ['a share beyond 1', score('--op', 'softmax', '--verify', '2'), ['from 0 to 1']],
    [
      'a format that is not written',
      score('--op', 'softmax', '--out-format', 'npz'),
      ['"npz"', '"npy"'],
    ],
    [
      'the same output twice',
      score('--op', 'softmax', '--op', 'gelu', '--out', 'y.npy'),
      ['a file for each'],
    ],
    ['no output', ['score', 'x.npy', '--op', 'softmax'], ['--out']],
    ['an output without a name', ['score', 'x.npy', '--op', 'softmax', '--out'], ['--out']],
    ['no operation', score(), ['--op is missing', ...names]],
    ['unknown operation', score('--op', 'softmin'), ['"softmin"', ...names]],
    ['an operation by its API name', score('--op', 'logSoftmax'), ['"logSoftmax"', ...names]],
    [
      'unknown algorithm',
      score('--op', 'softmax', '--algorithm', 'fast'),
      ['--algorithm', '"two-pass"', '"online"'],
    ],
    ['unknown instruction set', score('--op', 'softmax', '--isa', 'mmx'), ['"mmx"', '"scalar"']],
    [
      'unknown masked row',
      score('--op', 'softmax', '--masked-row', 'one'),
      ['--masked-row', '"nan" or "zero"'],
    ],
    [
      'an option of another operation',
      score('--op', 'logsumexp', '--masked-row', 'zero'),
      ['logsumexp does not take --masked-row', '--algorithm, --temperature'],
    ],
    [
      'no number',
      score('--op', 'softmax', '--temperature', 'warm'),
      ['--temperature', expected, '"warm"'],
    ],
    ['a number in another notation', score('--op', 'softmax', '--temperature', '0x10'), ['"0x10"']],
    ['a temperature of 0', score('--op', 'softmax', '--temperature', '0'), [expected]],
    ['an infinite temperature', score('--op', 'softmax', '--temperature', '1e999'), [expected]],
    ['no threads', score('--op', 'softmax', '--threads', '0'), ['from 1 to 1024', '"0"']],
    ['half a thread', score('--op', 'softmax', '--threads', '1.5'), ['"1.5"']],
    ['too many threads', score('--op', 'softmax', '--threads', '1025'), ['from 1 to 1024']],
  ])('%s', (_, args, words) => {
    expectFailure(softlane(args, { cwd: scratch.folder }), 2, ...words);
    expect(fs.existsSync(join(scratch.folder, 'y.npy'))).toBe(false);
  });

  test('a wrong environment variable', () => {
    const run = (env: NodeJS.ProcessEnv): Outcome => softlane(score('--op', 'softmax'), { env });
    expectFailure(run({ SOFTLANE_ISA: 'sse9' }), 2, 'SOFTLANE_ISA', '"scalar"', '"sse9"');
    expectFailure(run({ SOFTLANE_THREADS: 'all' }), 2, 'SOFTLANE_THREADS');
  });

  test('help, ops and the check of flags need no addon', () => {
    // A copy of the command without a binary beside it.
    const bare = join(scratch.folder, 'bare');
    fs.cpSync(join(cli, '..'), join(bare, 'dist'), { recursive: true });
    fs.copyFileSync(join(cli, '..', '..', 'package.json'), join(bare, 'package.json'));
    fs.symlinkSync(join(cli, '..', '..', 'node_modules'), join(bare, 'node_modules'));
    const run = (...args: string[]): Outcome =>
      command(process.execPath, [join(bare, 'dist', 'cli.js'), ...args]);
    expect(run('--help').status).toBe(0);
    expect(run('ops').status).toBe(0);
    expect(run('info', scratch.saved(npy(dict('(0,)')))).status).toBe(0);
    expectFailure(run(...score('--op', 'softmin')), 2);
    expectFailure(run(...score('--op', 'softmax')), 1, 'no compiled addon');
    expectFailure(run('info'), 1, 'no compiled addon');
  });
});
