/**
 * The documentation, executed: every block of code in README and docs runs against the build as a user's program would,
 * and prints what its comments say; paths and links lead somewhere; figures are those of the catalogue.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as library from '../lib';
import { catalogue } from '../lib/catalogue';
import { viewsOf } from '../lib/views';
import { exitCodes } from '../lib/cli/failure';
import { FLOAT, modelOf } from '../lib/lab/rivals/onnx-model';
import { cli, command, runs, softlane } from './helpers/cli';
import { checkJob } from '../lib/score/job-options';
import { jobFrom } from '../lib/score/scale/job-file';
import { blocksOf, difference, isNumbers, programOf, promisedOutput } from './helpers/examples';
import { dict, floats, npy } from './helpers/npy';

const root = join(__dirname, '..');
const read = (...path: string[]): string => readFileSync(join(root, ...path), 'utf8');
const filesIn = (folder: string, ending: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending))
    .map((file) => `${folder}/${file}`)
    .sort();

const pages = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...filesIn('docs', '.md')];
const snippets = pages.flatMap((page) =>
  blocksOf(read(page)).map((block) => ({ ...block, name: `${page}:${block.line}` })),
);
const snippetsIn = (language: string) =>
  snippets
    .filter((block) => block.language === language)
    .map((block) => [block.name, block] as const);

/** Examples of TSDoc, as blocks. */
const examples = filesIn('lib', '.ts').flatMap((file) => {
  const bare = read(file).replace(/^ {0,3}\* ?/gm, '');
  return blocksOf(bare).map((block) => [`${file}:${block.line}`, block.text] as const);
});

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'softlane-docs-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules', 'softlane'), 'dir');
  const ort = 'onnxruntime-node';
  symlinkSync(join(root, 'node_modules', ort), join(folder, 'node_modules', ort), 'dir');
  const value = (name: string) => ({ name, type: FLOAT, dims: ['rows', 'cols'] });
  const node = { type: 'Identity', inputs: ['x'], outputs: ['logits'], attributes: [] };
  writeFileSync(join(folder, 'model.onnx'), modelOf([node], [value('x')], [value('logits')]));
  const measured = { benchmarks: [{ name: 'a', real_time: 1, time_unit: 'ns' }] };
  for (const name of ['before', 'after', 'softlane-two-pass', 'softlane-online']) {
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(measured));
  }
  writeFileSync(join(folder, 'logits.npy'), npy(dict('(2, 3)'), floats(1, 2, 3, 1, 1, 1)));
  const job = { inputs: ['logits.npy'], outputs: [{ op: 'entropy', path: 'entropy-many.npy' }] };
  writeFileSync(join(folder, 'job.json'), JSON.stringify(job));
  writeFileSync(join(folder, 'rows.jsonl'), '[3, 1]\n[0, 4]\n[1, 2]\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a block as a module of its own; what it printed, by line. */
function run(text: string): Map<number, string> {
  const file = join(folder, 'snippet.mjs');
  writeFileSync(file, programOf(text));
  const { status, stdout, stderr } = command(process.execPath, [file], { cwd: folder });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const lines = stdout.split('\n').filter((line) => line !== '');
  return new Map(lines.map((line) => JSON.parse(line) as [number, string]));
}

function wrongComments(text: string, onlyNumbers: boolean): string[] {
  const printed = run(text);
  return [...promisedOutput(text)].flatMap(([line, comment]) => {
    if (onlyNumbers && !isNumbers(comment)) return [];
    return difference(printed.get(line) ?? 'nothing', comment) ?? [];
  });
}

describe('the code of the pages', () => {
  test('is in a language that is executed here', () => {
    const known = ['ts', 'sh', 'python', 'json'];
    expect(snippets.filter(({ language }) => !known.includes(language)).map((b) => b.name)).toEqual(
      [],
    );
    expect(snippetsIn('ts').length).toBeGreaterThanOrEqual(5);
  });

  test.each(snippetsIn('ts'))('%s prints what it says', (_, { text }) => {
    expect(wrongComments(text, false)).toEqual([]);
  });

  test.each(examples)('%s, an example of TSDoc, prints what it says', (_, text) => {
    expect(wrongComments(text, true)).toEqual([]);
  });

  test.each(snippetsIn('sh'))('%s can be typed', (_, { text }) => {
    for (const line of text.split('\n')) {
      const words = line
        .replace(/\s#.*$/, '')
        .trim()
        .split(/\s+/);
      if (words[0] !== '')
        expect({ line, problem: problemOf(words) }).toEqual({ line, problem: null });
    }
  });

  test.each(snippetsIn('json'))('%s is a job that can be submitted', (_, { text }) => {
    const job = jobFrom(JSON.parse(text), 'job.json', folder);
    expect(checkJob(job).outputs.length).toBe(job.outputs.length);
  });

  const numpy = runs('python3', '-c', 'import numpy');
  (numpy ? test : test.skip).each(snippetsIn('python'))(
    '%s gives the constants of the kernels',
    (_, { text }) => {
      const { stdout } = command('python3', ['-c', text]);
      const found = [...stdout.matchAll(/'(-?0x[^']+)'/g)].map((match) => hexFloat(match[1]));
      const constants = [...read('native', 'simd', 'math.h').matchAll(/-?0x1\.[\da-f]+p[-+]?\d+/g)];
      expect(found.length).toBeGreaterThan(3);
      expect(constants.map(([hex]) => hexFloat(hex))).toEqual(expect.arrayContaining(found));
    },
  );
});

const scripts = (JSON.parse(read('package.json')) as { scripts: Record<string, string> }).scripts;

const hasParallel = runs('parallel', '--version');

/** What is wrong with a line of a shell; commands of softlane are run, the others looked up. */
function problemOf(words: string[]): string | null {
  const line = words.join(' ');
  if (words[0].startsWith('SOFTLANE_')) return problemOf(words.slice(1));
  if (line === 'npm install softlane') return null;
  // Read to the end and refused there: a suite takes minutes. Another mistake would be refused before.
  if (/^npx softlane lab (two-pass|online|roofline|ops|sampling) /.test(line)) {
    const { stderr } = softlane([...words.slice(2), '--pin', '99999'], { cwd: folder });
    return stderr.includes('for --pin, received "99999"') ? null : stderr;
  }
  // Where there is no GNU parallel, its lines are only read.
  if (/\| parallel /.test(line) && !hasParallel) return null;
  // There is no queue here, which is found out last: an address that is none is refused when all else is right.
  if (/^npx softlane (submit|worker|status|watch|cancel) /.test(line)) {
    const at = words.indexOf('--redis') + 1;
    const { stderr } = softlane([...words.slice(2, at), 'nowhere', ...words.slice(at + 1)], {
      cwd: folder,
    });
    return /expected --redis to be .* received "nowhere"/.test(stderr) ? null : stderr;
  }
  if (line.includes(' | ')) {
    const run = line.replaceAll('npx softlane', `"${process.execPath}" "${cli}"`);
    const { status, stderr } = command('sh', ['-ec', run], { cwd: folder });
    return status === 0 && stderr === '' ? null : `${status} ${stderr}`;
  }
  if (line.startsWith('npx softlane ')) {
    const { status, stderr } = softlane(words.slice(2), { cwd: folder });
    return status === 0 ? null : stderr;
  }
  if (line.startsWith('npx ')) {
    const known = line.replace(/node_modules\/softlane$/, '${shellWord(fromHere(root))}');
    return read('lib', 'loader.ts').includes(known) ? null : 'the loader names another command';
  }
  if (words[0] === 'npm') {
    const script = words[1] === 'run' ? words[2] : words[1];
    return Object.hasOwn(scripts, script) ? null : `there is no script ${script}`;
  }
  if (words[0] === 'node') return existsSync(join(root, words[1])) ? null : `no ${words[1]}`;
  return 'a command that this test does not know';
}

function hexFloat(text: string): number {
  const [, sign, digits, exponent] = /^(-?)0x1\.([\da-f]+)p([-+]?\d+)$/.exec(text)!;
  const magnitude = (1 + parseInt(digits, 16) / 16 ** digits.length) * 2 ** Number(exponent);
  return sign === '-' ? -magnitude : magnitude;
}

describe.each(pages)('%s', (page) => {
  const text = read(page);
  const prose = text.replace(/^```[\s\S]*?^```$/gm, '');

  test('its links lead somewhere', () => {
    const targets = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]);
    const local = targets.filter((target) => !/^(https?:|#)/.test(target));
    const lost = local.filter(
      (target) => !existsSync(join(root, dirname(page), target.replace(/#.*$/, ''))),
    );
    expect(lost).toEqual([]);
  });

  test('the files that it names exist', () => {
    const names = [
      ...prose.matchAll(/`((?:native|lib|test|docs|tools|quickstart|bench|\.ci)\/[^`\s]*)`/g),
    ];
    const files = names
      .map((match) => match[1])
      .concat([...prose.matchAll(/(?<![\w/(`[])(docs\/[\w-]+\.md)\b/g)].map((match) => match[1]))
      .filter((name) => !/[*<>]|FAMILY/.test(name));
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });
});

test('the table of operators is that of the catalogue', () => {
  const { status, stderr } = command(process.execPath, ['tools/operators-table.mjs', '--check'], {
    cwd: root,
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

test('the README leads to every page, and names in its families what there is', () => {
  const readme = read('README.md');
  const shipped = pages.filter((page) => /^docs\/[\w-]+\.md$/.test(page));
  expect(shipped.filter((page) => !readme.includes(`](${page})`))).toEqual([]);
  const families = /^\| family .*\n\|.*\n((?:\|.*\n)+)/m.exec(readme)![1];
  const named = [...families.matchAll(/`(\w+)`/g)].map((match) => match[1]);
  expect(named.length).toBeGreaterThanOrEqual(20);
  expect(Object.keys(library)).toEqual(expect.arrayContaining(named));
});

describe('the table of errors', () => {
  const rows = [...read('docs/errors.md').matchAll(/^\| `(ERR_\w+)` +\|(?: `(\w+)` +\|)? .+\|$/gm)];
  /** The members of a type that is a union of codes. */
  const unionIn = (file: string, type: string): string[] => {
    const [, union] = new RegExp(`type ${type} =([\\s\\S]*?);\n`).exec(read('lib', file))!;
    return [...union.matchAll(/\| '(ERR_\w+)'/g)].map(([, code]) => code);
  };

  test('has every code of the source, and no other', () => {
    const codes = unionIn('errors.ts', 'ErrorCode');
    const fileCodes = unionIn('score/errors.ts', 'FileErrorCode');
    expect([codes.length, fileCodes.length].every((count) => count >= 15)).toBe(true);
    const withClass = rows.filter(([, , kind]) => kind !== undefined);
    const without = rows.filter(([, , kind]) => kind === undefined);
    expect(withClass.map(([, code]) => code).sort()).toEqual(codes.sort());
    expect(without.map(([, code]) => code).sort()).toEqual(fileCodes.sort());
  });

  test('has the class that the source throws a code with, everywhere', () => {
    const thrown = new Set<string>();
    for (const file of filesIn('lib', '.ts')) {
      const made = /new (Softlane\w*Error)\(\s*'(ERR_\w+)'/g;
      for (const [, kind, code] of read(file).matchAll(made)) {
        if (kind !== 'SoftlaneFileError') thrown.add(`${code} ${kind}`);
      }
    }
    expect([...thrown].sort()).toEqual(
      rows.flatMap(([, code, kind]) => (kind === undefined ? [] : `${code} ${kind}`)).sort(),
    );
  });
});

test('the README has every exit code', () => {
  const codes = /^Exit codes:[\s\S]*?\n\n/m.exec(read('README.md'))![0];
  expect(codes.match(/\d+/g)!.map(Number)).toEqual(exitCodes.map(([code]) => code));
});

describe.each(catalogue.map((line) => [line.name, line] as const))('%s', (name, line) => {
  test('has a page that speaks of it', () => {
    const said = read(line.docs).toLowerCase().includes(name.toLowerCase());
    expect({ page: line.docs, said }).toEqual({ page: line.docs, said: true });
  });
});

describe('figures of accuracy', () => {
  const views = catalogue.flatMap(viewsOf);
  /** Of an operator, of a result of one, or of a result by its own name. */
  const boundOf = (name: string) => {
    const all = [...catalogue, ...views];
    const found = all.find((each) => each.name === name);
    return (found ?? all.find((each) => each.name.endsWith(`.${name}`)))!.bound;
  };
  const cellsOf = (row: string) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim());
  const tablesIn = (page: string) =>
    [...read(page).matchAll(/^(\| (?:operator|statistic) .*)\n\|.*\n((?:\|.*\n)+)/gm)].map(
      ([, head, rows]) => ({ head: cellsOf(head), rows: rows.trimEnd().split('\n').map(cellsOf) }),
    );

  test('are those of the catalogue in every table that gives a bound or what was found', () => {
    const wrong: string[] = [];
    let figures = 0;
    for (const page of pages) {
      for (const { head, rows } of tablesIn(page)) {
        const bounds = head.findIndex((cell) => /^error\b/.test(cell));
        const found = head.findIndex((cell) => /^(found|measured maximum)$/.test(cell));
        if (bounds < 0) continue;
        for (const cells of rows) {
          const name = /\w+/.exec(cells[0])![0];
          const { maxUlp, measuredUlp } = boundOf(name);
          const bound = maxUlp === 0 ? /^exact/ : new RegExp(`^${maxUlp}\\b`);
          const most = new RegExp(`^${measuredUlp}(?![\\d.]*\\d)`);
          const right =
            bound.test(cells[bounds]) && (found < 0 || maxUlp === 0 || most.test(cells[found]));
          if (!right) wrong.push(`${page}: ${name}`);
          figures++;
        }
      }
    }
    expect(wrong).toEqual([]);
    expect(figures).toBeGreaterThan(catalogue.length + 20);
  });

  test('no sweep is worse than what is said to have been found, but for what an absolute bound excuses', () => {
    const table = tablesIn('docs/numerics.md').find(({ head }) => head[1] === 'at most')!;
    const worse = table.rows.flatMap(([name, , ...cells]) => {
      const { absolute, maxUlp, measuredUlp } = boundOf(name);
      const most = Math.max(...cells.map(parseFloat));
      return most <= (absolute > 0 ? maxUlp : measuredUlp) ? [] : [`${name}: ${most}`];
    });
    expect(worse).toEqual([]);
    expect(table.rows.length).toBe(views.length);
  });
});
