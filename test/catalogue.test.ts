import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import ts from 'typescript';
import * as api from '../lib';
import { catalogue, findOperator, optionNames, type Operator } from '../lib/catalogue';
import { native } from '../lib/configure';
import { operandsOf, parametersOf } from '../lib/operator';
import { defaultSpec } from '../lib/prepare';
import * as promises from '../lib/promises';
import { ALGORITHMS, FORMATS, MAX_THREADS, Refusal, SPEC_LENGTH, Spec, Status } from '../lib/spec';
import { viewOptions, viewResult, viewWidth, viewsOf } from '../lib/views';

const root = join(__dirname, '..');
const read = (...path: string[]) => readFileSync(join(root, ...path), 'utf8');
const exists = (...path: string[]) => existsSync(join(root, ...path));
const lines = catalogue.map((line) => [line.name, line] as const);

test('names are unique', () => {
  const names = catalogue.map((line) => line.name);
  expect(new Set(names).size).toBe(names.length);
  const cli = catalogue.flatMap((line) => line.cli ?? []);
  expect(new Set(cli).size).toBe(cli.length);
});

test('nobody can change a line, or anything in it', () => {
  const { bound, options, papers, formats } = api.softmax.operator;
  for (const part of [catalogue, bound, options, options['algorithm'], papers, formats]) {
    expect(Object.isFrozen(part)).toBe(true);
  }
  expect(Object.isFrozen((options['algorithm'] as { values: unknown }).values)).toBe(true);
  expect(() => {
    (bound as { maxUlp: number }).maxUlp = 99;
  }).toThrow(TypeError);
  expect(api.softmax.operator.bound.maxUlp).toBe(4);
});

test('the addon has these operators and no others', () => {
  expect([...native().operators].sort()).toEqual(catalogue.map((line) => line.name).sort());
});

describe.each(lines)('%s', (name, line) => {
  test('is found by its names', () => {
    expect(name).toMatch(/^[a-z][A-Za-z0-9]*$/);
    expect(findOperator(name)).toBe(line);
    if (line.cli !== null) expect(line.cli).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
  });

  test('is a function of the package and of softlane/promises', () => {
    const call = (api as Record<string, unknown>)[name] as { name: string; operator: Operator };
    expect(typeof call).toBe('function');
    expect(call.name).toBe(name);
    expect(call.operator).toBe(line);
    expect(Object.isFrozen(line)).toBe(true);
    expect(typeof (promises as Record<string, unknown>)[name]).toBe('function');
  });

  test('has its family in every layer', () => {
    expect(exists('lib', `${line.family}.ts`)).toBe(true);
    expect(exists('lib', 'oracle', `${line.family}.ts`)).toBe(true);
    expect(exists('native', 'ops', `${line.family}.h`)).toBe(true);
    expect(exists(line.docs)).toBe(true);
  });

  test('has a bound that holds what was measured', () => {
    const { maxUlp, measuredUlp, absolute } = line.bound;
    expect(measuredUlp).toBeGreaterThanOrEqual(0);
    expect(measuredUlp).toBeLessThanOrEqual(maxUlp);
    expect(absolute).toBeGreaterThanOrEqual(0);
    expect(absolute).toBeLessThan(1e-6);
  });

  test('has outputs among its operands where it is a record, and there alone', () => {
    const outputs = operandsOf(line).filter(({ role }) => role === 'output');
    expect(outputs.length > 0).toBe(line.output === 'record');
    // On the command line these go by their API names.
    const beyond = line.output === 'record' || operandsOf(line).some(({ optional }) => !optional);
    if (beyond) expect(line.cli).toBeNull();
    const worst = Math.max(...viewsOf(line).map(({ bound }) => bound.maxUlp));
    expect(line.bound.maxUlp).toBe(worst);
  });

  test('names papers by slug, and a source with its year or standard', () => {
    for (const slug of line.papers) expect(slug).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    expect(line.source).toMatch(/\b(19|20)\d\d\b|ONNX|IEEE/);
    expect(line.summary).not.toMatch(/[.\n]$/);
  });

  test('has options that fit into the spec', () => {
    const rules = Object.values(line.options);
    const fields = rules.map((rule) => rule.index);
    expect(new Set(fields).size).toBe(fields.length);
    for (const rule of rules) {
      expect(rule.index === Spec.algorithm || rule.index >= Spec.temperature).toBe(true);
      expect(rule.index).toBeLessThan(SPEC_LENGTH);
      if (rule.kind === 'choice') expect(rule.values).toContain(rule.default);
      else expect(rule.check(rule.default)).toBe(true);
    }
    const common = ['cols', 'stride', 'outStride', 'out', 'threads', 'isa', 'rows', 'signal'];
    common.push(...operandsOf(line).map((operand) => operand.name));
    for (const key of Object.keys(line.options)) expect(common).not.toContain(key);
    expect(new Set(optionNames(line)).size).toBe(optionNames(line).length);
  });

  test('its defaults come back from the spec', () => {
    const defaults = Object.entries(line.options).map(([key, rule]) => [key, rule.default]);
    expect(parametersOf(line, defaultSpec(line))).toEqual(Object.fromEntries(defaults));
  });

  test('its oracle gives the shape that it says', () => {
    const parameters = parametersOf(line, defaultSpec(line));
    for (const view of viewsOf(line)) {
      for (const row of [[], [1], [3, 1, 2]]) {
        const result = view.oracle(row, parameters);
        const values = typeof result === 'number' ? [result] : result;
        expect(values).toHaveLength(viewWidth(view, row.length));
      }
    }
  });

  test('its outputs are of the element types that it says, with every option it names', () => {
    const call = (api as unknown as Record<string, (x: Float32Array, o: object) => unknown>)[name];
    const x = Float32Array.of(1, 2, 3, 4);
    for (const view of viewsOf(line)) {
      const want = viewResult(view, call(x, viewOptions(view, x, { cols: 2 })));
      const element = view.element === 'float32' ? Float32Array : Int32Array;
      expect(want).toBeInstanceOf(element);
      expect(want).toHaveLength(2 * viewWidth(view, 2));
      const all: Record<string, unknown> = { stride: 2, outStride: 2, threads: 1, isa: 'scalar' };
      Object.assign(all, { dtype: 'f32', outDtype: 'f32' });
      for (const operand of operandsOf(line)) {
        if (operand.role === 'output') all[operand.name] = true;
      }
      for (const [key, rule] of Object.entries(line.options)) all[key] = rule.default;
      Object.assign(all, viewOptions(view, x, { cols: 2, out: new element(4) }));
      // In place of cols and strides (test/axes.test.ts).
      const apart = ['axis', 'dims', 'window'];
      const absent = operandsOf(line).filter(
        (operand) => operand.role === 'input' && !view.inputs.includes(operand),
      );
      const names = optionNames(line).filter(
        (key) => !apart.includes(key) && absent.every(({ name }) => name !== key),
      );
      const options = Object.fromEntries(names.map((key) => [key, all[key]]));
      expect(Object.values(options)).not.toContain(undefined);
      const got = viewResult(view, call(x, options));
      expect(got.subarray(0, want.length)).toEqual(want);
    }
  });

  test('its documentation states the bound, the measured maximum, the source, and an example', () => {
    const text = documentation(line);
    expect(text).toContain(`at most ${line.bound.maxUlp} ULP`);
    expect(text).toContain(`largest measured ${line.bound.measuredUlp} ULP`);
    for (const words of [
      'Shape:',
      'Special values:',
      'Source:',
      '@example',
      '@param x',
      '@returns',
    ]) {
      expect(text).toContain(words);
    }
    for (const code of ['ERR_SOFTLANE_TYPE', 'ERR_SOFTLANE_SHAPE']) expect(text).toContain(code);
    for (const key of Object.keys(line.options)) expect(text).toContain(`\`${key}`);
  });
});

/** The comment before an operator's function, in one line. */
function documentation(line: Operator): string {
  const source = read('lib', `${line.family}.ts`);
  const at = source.indexOf(`export const ${line.name} = define`);
  const start = source.lastIndexOf('/**', at);
  expect(source.slice(start, at)).toMatch(/\*\/\s*$/);
  return source.slice(start, at).replace(/\s*\n \*\s?/g, ' ');
}

describe('constants that native code has too', () => {
  const header = (...path: string[]) => read('native', ...path);

  test('the fields of the spec', () => {
    const text = header('binding', 'spec.h');
    const names = [
      'Op',
      'Algorithm',
      'Isa',
      'Threads',
      'Rows',
      'Cols',
      'XStride',
      'YStride',
      'Params',
    ];
    const order = names.map((field) => text.search(new RegExp(`\\bkSpec${field}\\b`)));
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(order[0]).toBeGreaterThan(0);
    const fields = names.slice(0, -1).map((field) => field[0].toLowerCase() + field.slice(1));
    // The parameters of operators follow, in the order of Call::params.
    const all = Object.entries(Spec);
    expect(all.slice(0, fields.length)).toEqual(fields.map((field, i) => [field, i]));
    expect(Spec.temperature).toBe(fields.length);
    const behind = all.findIndex(([field]) => field === 'xFormat');
    const parameters = all.slice(fields.length, behind);
    expect(parameters.map(([, place]) => place)).toEqual(
      parameters.map((_, i) => fields.length + i),
    );
    // Behind the last of them, the formats and the layout.
    const [, count] = /double params\[(\d+)\]/.exec(header('rows', 'operator.h'))!;
    const end = fields.length + Number(count);
    expect(text).toMatch(/kSpecXFormat = kSpecParams \+ sizeof/);
    const layout = ['Inner', 'Height', 'Width', 'KernelHeight', 'KernelWidth'];
    layout.push('StepDown', 'StepRight', 'PadHeight', 'PadWidth');
    const rest = ['XFormat', 'YFormat', ...layout];
    const places = /kSpecXFormat =[^]*?(?=kSpecLength)/.exec(text)![0].replace(/\/\/.*/g, '');
    expect(places.match(/\bkSpec\w+(?=,| =)/g)).toEqual(rest.map((field) => `kSpec${field}`));
    expect(all.slice(behind)).toEqual(
      rest.map((field, i) => [field[0].toLowerCase() + field.slice(1), end + i]),
    );
    expect(SPEC_LENGTH).toBe(end + rest.length);
    const formats = header('rows', 'format.h').match(/kFormatNames\[kFormats\] = \{(.*)\}/)![1];
    expect(formats).toBe(FORMATS.map((format) => `"${format}"`).join(', '));
    expect(native().specLength).toBe(SPEC_LENGTH);
  });

  test('the statuses', () => {
    const text = header('binding', 'status.h');
    for (const [name, value] of Object.entries(Status)) {
      const words = name.toLowerCase().split('_');
      const constant = words.map((word) => word[0].toUpperCase() + word.slice(1)).join('');
      expect(text).toMatch(new RegExp(`\\bk${constant}\\s*=\\s*${value}\\b`, 'i'));
    }
  });

  test('why a row is refused', () => {
    const text = header('rows', 'operator.h');
    for (const [name, value] of Object.entries(Refusal)) {
      expect(text).toMatch(new RegExp(`\\bk${name}\\s*=\\s*${value}\\b`, 'i'));
    }
  });

  test('operands, in the same order', () => {
    native().operators.forEach((name, i) => {
      const listed = operandsOf(findOperator(name)!).map(
        (operand) => `${operand.role === 'input' ? 'read' : 'write'} ${operand.name}`,
      );
      expect(native().operands[i]).toEqual(listed);
    });
  });

  test('algorithms and the limit of threads', () => {
    expect(native().algorithms).toEqual(ALGORITHMS);
    expect(header('runtime', 'limits.h')).toContain(`kMaxThreads = ${MAX_THREADS};`);
  });
});

describe('examples in the documentation run', () => {
  const folder = join(root, 'lib');
  const examples = readdirSync(folder)
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => {
      const blocks = read('lib', file).matchAll(/ \* ```ts\n([\s\S]*?) \* ```/g);
      return [...blocks].map((block, i) => [`${file} ${i + 1}`, block[1]] as const);
    })
    .map(([name, text]) => [name, text.replace(/^ \* ?/gm, '')] as const);

  test('there are some', () => {
    expect(examples.length).toBeGreaterThan(catalogue.length);
  });

  test.each(examples)('%s', async (_, text) => {
    const imported = text.match(/'softlane[^']*'/g) ?? [];
    expect(imported.length).toBeGreaterThan(0);
    const { outputText } = ts.transpileModule(hoist(text), {
      compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
    });
    const printed: unknown[] = [];
    const module = { exports: {} as { example?: () => Promise<void> } };
    const load = (name: string): unknown =>
      name === 'softlane' ? api : name === 'softlane/promises' ? promises : require(name);
    const quiet = { log: (...values: unknown[]) => printed.push(values) };
    new Function('require', 'module', 'exports', 'console', outputText)(
      load,
      module,
      module.exports,
      quiet,
    );
    await module.exports.example!();
    for (const value of printed) expect(value).not.toContain(undefined);
  });

  /** Imports stay outside, the rest becomes a function, for `await`. */
  function hoist(text: string): string {
    const imports = text.split('\n').filter((row) => row.startsWith('import '));
    const body = text.split('\n').filter((row) => !row.startsWith('import '));
    return `${imports.join('\n')}\nexport async function example() {\n${body.join('\n')}\n}`;
  }
});
