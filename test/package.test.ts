/** The tarball that users get: packed, installed into an empty folder, and used from there. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { chmodSync, cpSync, existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Consumer, plainEnvironment, repository } from './helpers/consumer';

interface Manifest {
  version: string;
  scripts?: Record<string, string>;
  dependencies: Record<string, string>;
  gypfile?: boolean;
}

const manifest = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as Manifest;
const { version } = manifest(join(repository, 'package.json'));
const prebuild = `prebuilds/${process.platform}-${process.arch}`;
const ok = { code: 0, stderr: '' };

// A sanitizer build is never packed.
const suite = process.env.SOFTLANE_SANITIZE ? describe.skip : describe;

suite('the packed tarball', () => {
  let consumer: Consumer;
  let installed: ReturnType<Consumer['install']>;
  beforeAll(() => {
    consumer = new Consumer();
    installed = consumer.install();
  }, 300_000);
  afterAll(() => rmSync(consumer.folder, { recursive: true, force: true }));

  const inside = (...parts: string[]) => consumer.path('node_modules', 'softlane', ...parts);

  test('installs with no compiler on the PATH and without a word of warning', () => {
    const stderr = installed.stderr.split('\n').filter((line) => !/Unknown user config/.test(line));
    expect({ ...installed, stdout: '', stderr: stderr.join('\n') }).toEqual({ ...ok, stdout: '' });
    expect(consumer.node(['-e', `require('child_process').execSync('cmake')`]).code).not.toBe(0);
  });

  test('holds these files and no others', () => {
    const files = readdirSync(inside(), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(inside().length + 1));
    const allowed = [
      /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|CMakeLists\.txt|binding\.d\.ts)$/,
      /^docs\/[\w-]+\.md$/,
      /^dist\/[\w/-]+\.(js|d\.ts)$/,
      /^dist\/lab\/report\/plot-bundle\.licenses\.txt$/,
      /^dist\/(index|promises|onnxruntime|transformers|score)\.bridge\.js$/,
      /^dist\/(index|promises|onnxruntime|transformers|score)\.(mjs|d\.mts)$/,
      /^native\/(simd|rows|ops|lab|isa|runtime|binding)\/[\w/-]+\.(h|cpp|map)$/,
      new RegExp(`^${prebuild}/softlane\\.(glibc|musl)\\.node$`),
    ];
    expect(files.filter((file) => !allowed.some((pattern) => pattern.test(file)))).toEqual([]);
    const needed = ['dist/index.js', 'dist/index.mjs', 'dist/cli.js', 'native/binding/module.cpp'];
    const documents = ['README.md', 'LICENSE', 'CHANGELOG.md'];
    const sources = ['CMakeLists.txt', 'binding.d.ts'];
    expect(files).toEqual(expect.arrayContaining([...needed, ...documents, ...sources]));
    // README, TSDoc and the catalogue point to them.
    const pages = readdirSync(join(repository, 'docs')).filter((name) => name.endsWith('.md'));
    expect(files).toEqual(expect.arrayContaining(pages.map((name) => `docs/${name}`)));
    expect(files.filter((file) => file.startsWith('prebuilds/'))).toHaveLength(1);
  });

  test('runs nothing when it is installed', () => {
    const { scripts = {}, gypfile, dependencies } = manifest(inside('package.json'));
    for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) {
      expect(scripts).not.toHaveProperty(name);
    }
    expect(gypfile).toBeUndefined();
    expect(existsSync(inside('binding.gyp'))).toBe(false);
    for (const name of Object.keys(dependencies)) {
      const { scripts: theirs = {} } = manifest(
        consumer.path('node_modules', name, 'package.json'),
      );
      expect({ name, ...theirs }).not.toHaveProperty('postinstall');
    }
  });

  test('brings no model, no onnxruntime and no development tool', () => {
    const packages = readdirSync(consumer.path('node_modules'));
    for (const name of [
      'onnxruntime-node',
      'onnxruntime-common',
      '@huggingface',
      '@gutenye',
      'typescript',
      'cmake-js',
      'jest',
      'd3',
      'linkedom',
    ]) {
      expect(packages).not.toContain(name);
    }
  });

  describe('at run time', () => {
    const check = `
      const y = softmax(Float32Array.of(0, Math.log(3)), { cols: 2 });
      if (y.constructor !== Float32Array || Math.abs(y[1] - 0.75) > 1e-6) throw new Error(String(y));`;

    test('serves require', () => {
      const file = consumer.write(
        'use.cjs',
        `const { softmax } = require('softlane');
        const later = require('softlane/promises');
        ${check}
        later.softmax(Float32Array.of(0, 0), { cols: 2 }).then((z) => console.log(z.join()));`,
      );
      expect(consumer.node([file])).toEqual({ ...ok, stdout: '0.5,0.5\n' });
    });

    test('serves import, from the same single core', () => {
      const file = consumer.write(
        'use.mjs',
        `import { createRequire } from 'node:module';
        import * as all from 'softlane';
        import * as later from 'softlane/promises';
        import * as ort from 'softlane/onnxruntime';
        import * as transformers from 'softlane/transformers';
        import * as batch from 'softlane/score';
        import { softmax } from 'softlane';
        ${check}
        const require = createRequire(import.meta.url);
        const entries = { softlane: all, 'softlane/promises': later, 'softlane/onnxruntime': ort,
          'softlane/transformers': transformers, 'softlane/score': batch };
        for (const [name, entry] of Object.entries(entries)) {
          const core = require(name);
          const names = Object.keys(core).sort().join();
          if (names !== Object.keys(entry).sort().join()) throw new Error(names);
          for (const key in core) if (core[key] !== entry[key]) throw new Error(key);
        }
        console.log((await later.softmax(Float32Array.of(0, 0), { cols: 2 })).join());`,
      );
      expect(consumer.node([file])).toEqual({ ...ok, stdout: '0.5,0.5\n' });
    });

    test('serves worker threads', () => {
      const file = consumer.write(
        'workers.cjs',
        `const { Worker, isMainThread, parentPort } = require('node:worker_threads');
        const { softmax } = require('softlane');
        ${check}
        if (isMainThread) for (let i = 0; i < 4; i++) new Worker(__filename).on('message', console.log);
        else parentPort.postMessage('ok');`,
      );
      expect(consumer.node([file])).toEqual({ ...ok, stdout: 'ok\n'.repeat(4) });
    });

    test('has the command line', () => {
      const command = consumer.path('node_modules', '.bin', 'softlane');
      expect(existsSync(command)).toBe(true);
      expect(consumer.node([command, '--version'])).toEqual({ ...ok, stdout: `${version}\n` });
    });
  });

  describe('has types', () => {
    // No node types and no DOM: a consumer needs neither, and every declaration is checked.
    const strict = { strict: true, noEmit: true, lib: ['ES2022'], types: [], skipLibCheck: false };
    const source = `
      import { softmax, logSumExp } from 'softlane';
      import { softmax as later } from 'softlane/promises';
      import { attachHead, type SessionLike } from 'softlane/onnxruntime';
      import { sampling } from 'softlane/transformers';
      import { scoreBatches } from 'softlane/score';
      declare const session: SessionLike;
      const top = attachHead(session, 'topK', { k: 5 }).run({ x: 1 }).then(({ result }) => result.indices.data);
      const indices: Promise<Int32Array> = top;
      const { logits_processor } = sampling({ topP: 0.9 });
      const y: Float32Array = softmax(new Float32Array(4), { cols: 2, temperature: 2 });
      const z: Float32Array = logSumExp(y, { cols: 2 });
      const w: Promise<Float32Array> = later(z, { cols: 2 });
      void scoreBatches([{ data: y, dims: [2, 2] }], { op: 'softmax' });
      // @ts-expect-error an unknown option
      softmax(y, { cols: 2, colour: 1 });
      // @ts-expect-error a number is no array
      softmax(1, { cols: 2 });
      void [w, indices, logits_processor];`;

    test.each([
      ['node16, ESM', 'types.mts', { module: 'node16' }],
      ['node16, CommonJS', 'types.cts', { module: 'node16' }],
      ['bundler', 'types.ts', { module: 'esnext', moduleResolution: 'bundler' }],
    ])('for %s', (_, name, options) => {
      consumer.write(name, source);
      const compilerOptions = { target: 'ES2022', ...strict, ...options };
      const config = JSON.stringify({ compilerOptions, files: [name] });
      const project = consumer.write(`tsconfig.${name}.json`, config);
      expect(consumer.tool('typescript/bin/tsc', '-p', project)).toEqual({ ...ok, stdout: '' });
    });

    test('without a complaint of publint', () => {
      const { code, stdout } = consumer.tool('publint/src/cli.js', consumer.tarball, '--strict');
      expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('All good!') });
    });

    test('without a complaint of attw', () => {
      const attw = '@arethetypeswrong/cli/dist/index.js';
      const { code, stdout } = consumer.tool(attw, consumer.tarball, '--no-emoji', '--no-color');
      expect({ code, stdout }).toEqual({
        code: 0,
        stdout: expect.stringContaining('No problems found'),
      });
    });
  });

  test('where no binary fits, says how to get one, and that works', () => {
    const other = consumer.path('other');
    cpSync(consumer.path('node_modules'), join(other, 'node_modules'), { recursive: true });
    rmSync(join(other, 'node_modules', 'softlane', 'prebuilds'), { recursive: true });
    const use = `try { console.log(require('softlane').softmax(new Float32Array(2), {cols: 2}).join()) }
      catch (error) { console.log(error.code + ' ' + error.message) }`;

    const before = consumer.node(['-e', use], other).stdout;
    expect(before).toContain('ERR_SOFTLANE_NO_BINARY softlane has no compiled addon for ');
    const command = /`(npx .*)`/.exec(before)?.[1] ?? '';
    expect(command).toBe('npx --yes cmake-js@8 compile --directory node_modules/softlane');

    // The way there is what is tested: without optimisation it takes a fifth of the time.
    const compiler = consumer.write('cxx', '#!/bin/sh\nexec c++ "$@" -O0\n');
    chmodSync(compiler, 0o755);
    const env = { ...plainEnvironment(), CXX: compiler };
    const compiled = consumer.run('sh', ['-c', command], env, other);
    expect({ ...compiled, stdout: '', stderr: '' }).toEqual({ ...ok, stdout: '' });
    expect(consumer.node(['-e', use], other)).toEqual({ ...ok, stdout: '0.5,0.5\n' });
  }, 300_000);
});
