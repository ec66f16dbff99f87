/** What comes with an installation, and nothing else: dependencies, their licences, scripts, the lockfile. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { say, slow } from '../helpers/effort';

const root = join(__dirname, '..', '..');
const json = <T>(...path: string[]): T =>
  JSON.parse(readFileSync(join(root, ...path), 'utf8')) as T;

interface Manifest {
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
  readonly peerDependenciesMeta?: Record<string, { optional?: boolean }>;
  readonly scripts?: Record<string, string>;
  readonly allowScripts?: Record<string, boolean>;
  readonly license?: string;
}
interface Locked {
  readonly version: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly deprecated?: string;
}

const manifest = json<Manifest>('package.json');
const { packages } = json<{ packages: Record<string, Locked & Manifest> }>('package-lock.json');
const locked = Object.entries(packages).filter(([path]) => path !== '');
/** What a user gets besides softlane. */
const shipped = locked.filter(([, { dev, devOptional }]) => !dev && !devOptional);
const peers = Object.keys(manifest.peerDependencies ?? {});
const INSTALL = ['preinstall', 'install', 'postinstall', 'prepare'];

/**
 * Versions that an advisory names, of packages that we ship: GHSA-93q8-gq69-wqmw (ansi-regex), GHSA-c2c7-rcm5-vvqj and
 * GHSA-3v7f-55p6-f55p (picomatch), GHSA-gmq8-994r-jv83 (yauzl), the overflow of 2020 (node-addon-api), and the releases
 * of September 2025 that somebody else made. `npm audit` knows them all, where a registry answers it.
 */
const ADVISED: Readonly<Record<string, RegExp>> = {
  'ansi-regex': /^(3\.0\.0|4\.[01]\.0|5\.0\.0|6\.0\.0|6\.2\.1)$/,
  'node-addon-api': /^(0\.|1\.[0-6]\.|1\.7\.[01]$|2\.0\.0$)/,
  picomatch: /^([01]\.|2\.[0-2]\.|2\.3\.[01]$|3\.0\.[01]$|4\.0\.[0-3]$)/,
  'strip-ansi': /^7\.1\.1$/,
  yauzl: /^3\.2\.0$/,
};

/** npm itself, as it was found by whoever started this. */
function npm(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync('npm', args, {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
    maxBuffer: 1 << 26,
  });
  return { status, stdout, stderr };
}

describe('run-time dependencies', () => {
  test('are these: the loader, the command line, and the headers that compiling needs', () => {
    expect(Object.keys(manifest.dependencies ?? {}).sort()).toEqual([
      'cli-progress',
      'commander',
      // Compiling from source, where no prebuilt addon fits, is done in the installed package.
      'node-addon-api',
      'node-gyp-build',
      // What `score` reads file names and .npz with.
      'tinyglobby',
      'yauzl',
    ]);
    expect(manifest.optionalDependencies).toBeUndefined();
  });

  test('are not those of one format or of one adapter: these are peers, each optional', () => {
    expect(peers.sort()).toEqual([
      '@huggingface/transformers',
      'apache-arrow',
      'bullmq',
      'hyparquet',
      'hyparquet-compressors',
      'hyparquet-writer',
      'ioredis',
      'onnxruntime-common',
    ]);
    for (const name of peers) {
      expect(manifest.peerDependenciesMeta?.[name]).toEqual({ optional: true });
    }
  });

  test('bring few others, all under free licences', () => {
    expect(shipped.length).toBeLessThanOrEqual(14);
    for (const [path] of shipped) {
      const { license } = json<Manifest>(path, 'package.json');
      expect({ path, license }).toEqual({
        path,
        license: expect.stringMatching(/^(MIT|ISC|BSD-2-Clause|BSD-3-Clause|Apache-2\.0)$/),
      });
    }
  });

  test('are none that its authors have withdrawn, and no version that an advisory is known to name', () => {
    const names = shipped.map(([path]) => path.split('node_modules/').at(-1)!);
    for (const [i, [path, { version, deprecated }]] of shipped.entries()) {
      expect({ path, deprecated }).toEqual({ path, deprecated: undefined });
      const advised = ADVISED[names[i]]?.test(version) ?? false;
      expect({ path, version, advised }).toEqual({ path, version, advised: false });
    }
    for (const name of Object.keys(ADVISED)) expect(names).toContain(name);
  });

  test('are all that the compiled library asks for', () => {
    const files = readdirSync(join(root, 'dist'), { recursive: true, encoding: 'utf8' });
    const asked = files
      .filter((file) => /\.m?js$/.test(file))
      .map((file) => readFileSync(join(root, 'dist', file), 'utf8'))
      .flatMap((text) => [
        // Examples in comments are not asked for.
        ...text
          .replace(/\/\*[\s\S]*?\*\//g, '')
          .matchAll(/(?:require\(|\bfrom |\bimport\()\s*['"]([^'"]+)['"]/g),
      ])
      .map((match) => match[1])
      .filter((name) => !name.startsWith('.'));
    const names = new Set(
      asked.filter((name) => !builtinModules.includes(name.replace(/^node:/, ''))),
    );
    const known = [...Object.keys(manifest.dependencies ?? {}), ...peers];
    expect([...names].filter((name) => !known.includes(name))).toEqual([]);
    expect(asked.filter((name) => builtinModules.includes(name))).toEqual([]);
  });
});

describe('nothing runs when it is installed', () => {
  test('softlane and what it brings have no install script', () => {
    for (const name of INSTALL) expect(manifest.scripts).not.toHaveProperty(name);
    for (const [path, { hasInstallScript }] of shipped) {
      expect({ path, hasInstallScript }).toEqual({ path, hasInstallScript: undefined });
      const { scripts = {} } = json<Manifest>(path, 'package.json');
      expect(INSTALL.slice(0, 3).filter((name) => name in scripts)).toEqual([]);
      // npm would compile a package that has one.
      expect(existsSync(join(root, path, 'binding.gyp'))).toBe(false);
    }
  });

  test('development tools that have one are refused by name', () => {
    const having = locked.filter(([, { hasInstallScript }]) => hasInstallScript);
    const refused = Object.fromEntries(
      having.map(([path]) => [path.replace('node_modules/', ''), false]),
    );
    expect(manifest.allowScripts).toEqual(refused);
  });
});

describe('the lockfile', () => {
  test('is that of package.json', () => {
    for (const kind of ['dependencies', 'devDependencies'] as const) {
      expect(packages[''][kind]).toEqual(manifest[kind]);
    }
    // npm's own opinion: every range is met by what is locked.
    const { status, stdout } = npm('ls', '--all', '--package-lock-only', '--json');
    const { problems } = JSON.parse(stdout) as { problems?: string[] };
    expect({ status, problems }).toEqual({ status: 0, problems: undefined });
  });

  test('has the hash of every package and the host of none', () => {
    for (const [path, { integrity, resolved }] of locked) {
      expect({ path, integrity }).toEqual({ path, integrity: expect.stringMatching(/^sha512-/) });
      expect({ path, resolved }).toEqual({ path, resolved: undefined });
    }
  });

  const repository = existsSync(join(root, '.git'));
  (repository ? test : test.skip)('is committed', () => {
    const { stdout } = spawnSync('git', ['ls-files', 'package-lock.json'], {
      cwd: root,
      encoding: 'utf8',
    });
    expect(stdout).toBe('package-lock.json\n');
  });
});

/** Asked once, in the slow job; a registry that keeps no advisories gives no report. */
function audit(): { total: number } | undefined {
  try {
    const { metadata } = JSON.parse(npm('audit', '--omit=dev', '--json').stdout) as {
      metadata: { vulnerabilities: { total: number } };
    };
    return metadata.vulnerabilities;
  } catch {
    return undefined;
  }
}
const report = slow ? audit() : undefined;
if (slow && report === undefined) say('npm audit: the registry gives no report');

(report === undefined ? test.skip : test)('npm audit finds nothing in what is shipped', () => {
  expect(report).toMatchObject({ total: 0 });
});
