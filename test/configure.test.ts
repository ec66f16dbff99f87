import { afterEach, describe, expect, jest, test } from '@jest/globals';
import type { Binding } from '../binding';
import * as api from '../lib';
import { expectError } from './helpers/errors';

type Api = typeof api;

const VARIABLES = ['SOFTLANE_ISA', 'SOFTLANE_THREADS', 'SOFTLANE_VERIFY'] as const;
type Environment = Partial<Record<(typeof VARIABLES)[number], string>>;

/** The real addon, its settings kept apart from the process's, on a machine that has only the given ISAs. */
function machine(usable: readonly string[]): Binding {
  const { loadBinding } = jest.requireActual<{ loadBinding(): Binding }>('../lib/loader');
  const real = loadBinding();
  let isa = real.isas.findIndex((name) => usable.includes(name));
  let threads = 0;
  const own: Partial<Binding> = {
    supported(into) {
      real.isas.forEach((name, i) => (into[i] = usable.includes(name) ? 1 : 0));
      return 0;
    },
    setIsa(index) {
      isa = index;
      return 0;
    },
    getIsa: () => isa,
    setThreads(count) {
      threads = count;
      return 0;
    },
    getThreads: () => (threads === 0 ? 3 : threads),
    cpu: () => 'vendor=Somebody\nthreads=3\n',
  };
  const properties = Object.entries(own).map(([key, value]) => [key, { value }]);
  return Object.create(real, Object.fromEntries(properties)) as Binding;
}

/** `import 'softlane'` as a process that starts with that environment does it. */
function start(env: Environment = {}, binding: Binding = machine(['avx2', 'scalar'])): Api {
  for (const name of VARIABLES) delete process.env[name];
  Object.assign(process.env, env);
  jest.resetModules();
  jest.doMock('../lib/loader', () => ({ loadBinding: () => binding }));
  return require('../lib') as Api;
}

afterEach(() => {
  for (const name of VARIABLES) delete process.env[name];
  jest.dontMock('../lib/loader');
  jest.resetModules();
});

describe('capabilities', () => {
  test('of this machine', () => {
    const c = api.capabilities();
    expect(c.version).toBe((require('../package.json') as { version: string }).version);
    expect([c.platform, c.arch]).toEqual([process.platform, process.arch]);
    expect(c.isas.map(({ name }) => name)).toContain('scalar');
    expect(c.isas.find(({ name }) => name === c.isa)?.supported).toBe(true);
    expect(c.threads).toBeGreaterThanOrEqual(1);
    expect(c.cpu.allowed).toBeGreaterThanOrEqual(1);
    expect(c.cpu.quota === null || c.cpu.quota > 0).toBe(true);
    for (const size of Object.values(c.cpu.caches)) expect(size).toBeGreaterThanOrEqual(0);
    for (const { name, supported } of c.isas) {
      if (name === 'scalar' || !supported) continue;
      expect(c.cpu.features).toContain(name);
      expect(c.cpu.osSaves).toContain(name === 'avx512' ? 'zmm' : 'ymm');
    }
    expect(JSON.parse(JSON.stringify(c))).toEqual(c);
  });

  test('choose the best that is supported, and say so', () => {
    expect(start().capabilities()).toMatchObject({
      isa: 'avx2',
      isaReason: 'best supported',
      threads: 3,
      threadsReason: 'CPUs allowed',
      isas: [
        { name: 'avx512', supported: false },
        { name: 'avx2', supported: true },
        { name: 'scalar', supported: true },
      ],
    });
  });
});

describe('the environment', () => {
  test('chooses ISA and threads', () => {
    const { capabilities } = start({ SOFTLANE_ISA: 'scalar', SOFTLANE_THREADS: '7' });
    expect(capabilities()).toMatchObject({
      isa: 'scalar',
      isaReason: 'SOFTLANE_ISA',
      threads: 7,
      threadsReason: 'SOFTLANE_THREADS',
    });
  });

  test('counts as absent where it is empty', () => {
    const { capabilities } = start({ SOFTLANE_ISA: '', SOFTLANE_THREADS: '', SOFTLANE_VERIFY: '' });
    expect(capabilities()).toMatchObject({ isaReason: 'best supported', threads: 3 });
  });

  test.each(['sse2', 'AVX2', 'auto', ' avx2', 'avx512'])(
    'refuses SOFTLANE_ISA=%s at import',
    (isa) => {
      const words = [
        'expected SOFTLANE_ISA',
        '"avx2" or "scalar"',
        `received ${JSON.stringify(isa)}`,
      ];
      const error = expectError(
        () => start({ SOFTLANE_ISA: isa }),
        RangeError,
        'ERR_SOFTLANE_ENV',
        ...words,
      );
      if (isa === 'avx512') expect(error.message).toContain('CPU and operating system support');
    },
  );

  test.each(['0', '-1', '1.5', 'two', '1025', '1e2', ' 2'])(
    'refuses SOFTLANE_THREADS=%s',
    (threads) => {
      const words = 'SOFTLANE_THREADS to be an integer from 1 to 1024';
      expectError(
        () => start({ SOFTLANE_THREADS: threads }),
        RangeError,
        'ERR_SOFTLANE_ENV',
        words,
      );
    },
  );

  test.each(['on', '1.01', '-0.5', '.', 'Always', 'NaN'])(
    'refuses SOFTLANE_VERIFY=%s',
    (verify) => {
      const words = 'SOFTLANE_VERIFY to be "always", "off" or a share from 0 to 1';
      expectError(() => start({ SOFTLANE_VERIFY: verify }), RangeError, 'ERR_SOFTLANE_ENV', words);
    },
  );

  test.each([
    ['always', 1],
    ['off', 0],
    ['0.01', 0.01],
    ['1e-3', 0.001],
    ['1', 1],
  ])('takes SOFTLANE_VERIFY=%s', (verify, share) => {
    start({ SOFTLANE_VERIFY: verify });
    const { verification } = require('../lib/verify') as typeof import('../lib/verify');
    expect(verification.share).toBe(share);
  });

  test('does not undo what another thread of the process has configured', () => {
    const binding = machine(['avx512', 'avx2', 'scalar']);
    start({}, binding).configure({ isa: 'scalar', threads: 6 });
    const want = { isa: 'scalar', isaReason: 'configure', threads: 6, threadsReason: 'configure' };
    expect(start({}, binding).capabilities()).toMatchObject(want);
    const env = { SOFTLANE_ISA: 'avx2', SOFTLANE_THREADS: '2' };
    expect(start(env, binding).capabilities()).toMatchObject(want);
  });
});

describe('configure', () => {
  test('sets, says why, and goes back to the default', () => {
    const { configure, capabilities } = start({ SOFTLANE_ISA: 'avx2' });
    configure({ isa: 'scalar', threads: 5 });
    expect(capabilities()).toMatchObject({
      isa: 'scalar',
      isaReason: 'configure',
      threads: 5,
      threadsReason: 'configure',
    });
    configure({ isa: 'auto', threads: 'auto' });
    expect(capabilities()).toMatchObject({
      isa: 'avx2',
      isaReason: 'best supported',
      threads: 3,
      threadsReason: 'CPUs allowed',
    });
    configure({});
    configure({ isa: undefined as never });
    expect(capabilities().isa).toBe('avx2');
  });

  test('a thread that did not set it sees that it was set', () => {
    const binding = machine(['avx2', 'scalar']);
    const { capabilities } = start({}, binding);
    binding.setIsa(2);
    binding.setThreads(9);
    expect(capabilities()).toMatchObject({ isaReason: 'configure', threadsReason: 'configure' });
  });

  test('checks everything before it changes anything', () => {
    const { configure, capabilities } = start();
    for (const bad of [{ threads: 0 }, { verify: 2 }, { verify: 'on' }]) {
      expect(() => configure({ isa: 'scalar', ...bad } as never)).toThrow();
    }
    expect(() => configure({ threads: 2, isa: 'avx512' })).toThrow();
    expect(capabilities()).toMatchObject({ isa: 'avx2', threads: 3 });
  });

  test('refuses', () => {
    const { configure } = start();
    const call = (settings: unknown) => () => configure(settings as never);
    const type = 'ERR_SOFTLANE_TYPE';
    for (const value of [undefined, null, 1, 'scalar', []]) {
      expectError(call(value), TypeError, type, 'settings to be a plain object');
    }
    const unknown = 'isa, threads, verify, received "isas"';
    expectError(call({ isas: 1 }), TypeError, 'ERR_SOFTLANE_UNKNOWN_OPTION', unknown);
    const names = '"avx2", "scalar" or "auto"';
    expectError(call({ isa: 2 }), TypeError, type, `isa to be "avx512", ${names}`);
    expectError(call({ isa: null }), TypeError, type, `isa to be "avx512", ${names}`);
    expectError(call({ isa: 'neon' }), RangeError, 'ERR_SOFTLANE_ISA', `isa to be ${names}`);
    expectError(call({ isa: 'avx512' }), RangeError, 'ERR_SOFTLANE_ISA', `support (${names})`);
    const count = 'threads to be an integer from 1 to 1024 or "auto"';
    for (const threads of ['2', null]) expectError(call({ threads }), TypeError, type, count);
    for (const threads of [0, 1025, 1.5, NaN]) {
      expectError(call({ threads }), RangeError, 'ERR_SOFTLANE_VALUE', count);
    }
  });

  test('the option of a call has no "auto", and its error names none', () => {
    const { softmax } = start();
    const x = Float32Array.of(1);
    for (const options of [{ isa: 'auto' }, { isa: 2 }, { threads: 0 }, { threads: 'auto' }]) {
      const call = () => softmax(x, options as never);
      expect(call).toThrow(/expected options\.(isa|threads) to be (?!.*"auto".*received)/);
    }
  });
});

describe('an addon that does not fit', () => {
  const fits = machine(['scalar']);
  const other = (properties: Record<string, unknown>) =>
    Object.create(
      fits,
      Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, { value }])),
    ) as Binding;

  test.each([
    ['a spec of another length', { specLength: 20 }],
    ['other algorithms', { algorithms: ['auto'] }],
  ])('%s is refused at import', (_, properties) => {
    const words = 'addon built from the same version';
    expectError(() => start({}, other(properties)), Error, 'ERR_SOFTLANE_BINARY', words);
  });

  test('a missing operator is refused at its first call', () => {
    const { softmax, argMax } = start(
      {},
      other({ operators: ['softmax', 'logSoftmax', 'logSumExp'] }),
    );
    expect(softmax(Float32Array.of(1))).toHaveLength(1);
    expectError(() => argMax(Float32Array.of(1)), Error, 'ERR_SOFTLANE_BINARY', 'argMax');
  });
});

test('what needs no addon loads none', () => {
  jest.resetModules();
  jest.doMock('../lib/loader', () => ({
    loadBinding() {
      throw new Error('loaded');
    },
  }));
  for (const name of [
    'catalogue',
    'oracle/softmax',
    'oracle/select',
    'ulp',
    'errors',
    'configure',
  ]) {
    require(`../lib/${name}`);
  }
  expect(() => require('../lib')).toThrow('loaded');
});
