/** The exported functions that are no operators, and the checks beneath: any argument, a documented error or right. */
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import * as api from '../../lib';
import * as promises from '../../lib/promises';
import * as check from '../../lib/check';
import { native } from '../../lib/configure';
import { describe as inWords } from '../../lib/errors';
import { logSumExp as oracle } from '../../lib/oracle/softmax';
import { boundDistance } from '../../lib/ulp';
import { parseVerify } from '../../lib/verify';
import { effort, say, seed } from '../helpers/effort';
import { Cases, any, made, madeObject, objectOf } from '../support/hostile/any';
import { documentedErrors } from '../support/hostile/judge';
import { Arena } from '../support/hostile/memory';
import { views } from '../support/hostile/recipes';
import { polluted } from '../support/hostile/values';
import { fillWords, lengthOf, makeView } from '../support/hostile/world';
import { catalogue, isas } from '../support/kernels/operators';

const RUNS = effort(2000, 40_000);
const settings = { seed, numRuns: RUNS };

const cases = new Cases();
const returned = cases.returned.bind(cases);
afterAll(() => say(`functions: ${cases.total} cases, seed ${seed}`));
afterEach(() => api.configure({ isa: 'auto', threads: 'auto', verify: 'off' }));

test('configure: all of it, or nothing and an error', () => {
  const documented = documentedErrors('configure', 'configure');
  let good = 0;
  const recipes = objectOf(['isa', 'threads', 'verify', 'colour']);
  const property = fc.property(recipes, fc.boolean(), (recipe, dirty) => {
    api.configure({ isa: 'auto', threads: 'auto' });
    const before = JSON.stringify(api.capabilities());
    const settings = madeObject(recipe);
    const set = (): void => api.configure(settings as never);
    if (returned(documented, () => (dirty ? polluted(-1, set) : set()))) good++;
    else expect(JSON.stringify(api.capabilities())).toBe(before);
    api.configure({ threads: 'auto', verify: 'off' });
  });
  // Looking at everything that may change reads files of the system.
  const numRuns = Math.ceil(RUNS / 4);
  fc.assert(property, { seed, numRuns });
  expect(good).toBeGreaterThan(numRuns / 50);
});

test('capabilities and the catalogue take no arguments and read none', () => {
  const want = JSON.stringify(api.capabilities());
  const property = fc.property(fc.array(any), (recipes) => {
    cases.total++;
    const call = api.capabilities as unknown as (...args: unknown[]) => unknown;
    expect(JSON.stringify(polluted(7, () => call(...recipes.map(made))))).toBe(want);
  });
  fc.assert(property, { seed, numRuns: Math.ceil(RUNS / 10) });
});

test('allocate: as many zeros, at a cache line, or an error', () => {
  const documented = documentedErrors('allocate', 'allocate');
  let good = 0;
  const lengths = fc.oneof(any, fc.nat(3000), fc.constantFrom(2 ** 20 - 1, 2 ** 20, 2 ** 20 + 1));
  const property = fc.property(lengths, fc.boolean(), (recipe, dirty) => {
    const length = made(recipe) as number;
    // Gigabytes are for test/allocate.test.ts.
    if (typeof length === 'number' && length > 2 ** 24 && length <= 2 ** 32) return;
    let array: Float32Array = new Float32Array(0);
    const get = (): void => void (array = api.allocate(length));
    if (!returned(documented, () => (dirty ? polluted(3, get) : get()))) return;
    expect(array.length === length && array.every((value) => value === 0)).toBe(true);
    expect(native()._place(array) % 64).toBe(0);
    good++;
  });
  const numRuns = Math.ceil(RUNS / 10);
  fc.assert(property, { seed, numRuns });
  expect(good).toBeGreaterThan(numRuns / 5);
  expect(good).toBeLessThan(numRuns * 0.9);
});

test('no exported function is without a test of this kind', () => {
  const here = [
    'configure',
    'capabilities',
    'allocate',
    'plan',
    'logSumExpState',
    'LogSumExpState',
    // In measures.test.ts.
    ...['aupr', 'auroc', 'calibration', 'fitTemperature', 'perplexity', 'riskCoverage'],
    // In sampler-errors.test.ts.
    'createSampler',
    // In makers.test.ts.
    ...['createSpeculator', 'createEntropySwitch', 'crossEntropyState', 'CrossEntropyState'],
    ...['mahalanobis', 'fitMahalanobis', 'mergeRowStats'],
  ];
  const errors = Object.keys(api).filter((name) => /^Softlane\w*Error$/.test(name));
  // In calls.test.ts, by their lines in the catalogue.
  const operators = catalogue.map(({ name }) => name);
  const functions = (all: object): string[] =>
    Object.entries(all).flatMap(([name, value]) => (typeof value === 'function' ? [name] : []));
  expect(functions(api).sort()).toEqual([...here, ...errors, ...operators].sort());
  const makers = ['createSampler', 'createSpeculator'];
  expect(functions(promises).sort()).toEqual([...operators, ...makers].sort());
});

test('plan: any name, any options', () => {
  const documented = documentedErrors('plan', 'plan');
  const names = [...catalogue.map(({ name }) => name), 'toString', '__proto__', ''];
  const keys = ['cols', 'rows', 'stride', 'outStride', 'isa', 'temperature', 'out'];
  let good = 0;
  const name = fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...names) }, any);
  const property = fc.property(name, objectOf(keys), fc.boolean(), (first, recipe, plain) => {
    const plan = api.plan as unknown as (...args: unknown[]) => api.Plan;
    const ok = returned(documented, () => {
      const options = madeObject(recipe);
      const shaped = plain ? { cols: 8, ...Object(options) } : options;
      const step = plan(made(first), shaped);
      const lengths = [step.inputLength, step.outputLength];
      expect(lengths.every((length) => Number.isSafeInteger(length))).toBe(true);
    });
    if (ok) good++;
  });
  fc.assert(property, settings);
  expect(good).toBeGreaterThan(RUNS / 50);
});

describe('the checks of single values', () => {
  const codes = new Map([
    ['ERR_SOFTLANE_TYPE', 'SoftlaneTypeError'],
    ['ERR_SOFTLANE_VALUE', 'SoftlaneRangeError'],
  ]);

  test('give what is valid and throw at the rest', () => {
    const rules = catalogue.flatMap((line) => Object.values(line.options));
    const property = fc.property(any, fc.nat(2), (recipe, min) => {
      const value = made(recipe);
      returned(codes, () => expect(check.size('f', 'x', value, min)).toBeGreaterThanOrEqual(min));
      returned(codes, () => expect([1, 2, 1024]).toContain(check.threadCount('f', 'x', value)));
      returned(codes, () => expect(check.plainObject('f', 'x', value)).toBe(value));
      for (const rule of rules) {
        returned(codes, () => {
          const number = check.ruleValue('f', 'x', rule, value);
          expect(rule.kind === 'number' ? rule.check(number) : number in rule.values).toBe(true);
        });
      }
      const share = parseVerify(value);
      expect(share === undefined || (share >= 0 && share <= 1)).toBe(true);
      expect(inWords(value)).toMatch(/^[^\n]{1,100}$/);
    });
    fc.assert(property, settings);
  });
});

/** What may be done to a state. */
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: views.map((view) => ({ do: 'push' as const, view })) },
    { weight: 1, arbitrary: any.map((value) => ({ do: 'push any' as const, value })) },
    { weight: 2, arbitrary: fc.nat(2).map((which) => ({ do: 'merge' as const, which })) },
    { weight: 1, arbitrary: any.map((value) => ({ do: 'merge any' as const, value })) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.integer({ min: -50, max: 50 }), fc.double({ min: -3e4, max: 3e4, noNaN: true }))
        .map(([exponent, offset]) => ({ do: 'merge pair' as const, exponent, offset })),
    },
    {
      weight: 1,
      arbitrary: objectOf(['mantissa', 'exponent', 'offset']).map((value) => ({
        do: 'merge odd pair' as const,
        value,
      })),
    },
    { weight: 2, arbitrary: fc.constant({ do: 'copy' as const }) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.constantFrom('numbers', 'type', 'temperature'), any, fc.nat(300))
        .map(([field, value, at]) => ({ do: 'damage' as const, field, value, at })),
    },
    { weight: 1, arbitrary: any.map((value) => ({ do: 'from any' as const, value })) },
  ),
  { maxLength: 12 },
);

describe('logSumExpState', () => {
  const { LogSumExpState } = api;
  const created = documentedErrors('state', 'logSumExpState');
  const pushed = documentedErrors('state', 'push');
  const merged = documentedErrors('state', 'merge');
  const read = documentedErrors('state', 'from');
  const { bound } = catalogue.find(({ name }) => name === 'logSumExp')!;

  function expectSum(state: api.LogSumExpState, elements: number[], temperature: number): void {
    const truth = oracle(elements, { temperature });
    const got = state.finish();
    const distance = boundDistance(Math.fround(got), truth, bound);
    if (distance <= bound.maxUlp || Math.abs(got - truth) <= 2 ** -22) return;
    throw new Error(`expected ${truth}, received ${got}`);
  }

  test('any options', () => {
    const recipes = objectOf(['temperature', 'isa', 'cols']);
    let good = 0;
    const property = fc.property(recipes, fc.boolean(), (recipe, dirty) => {
      const options = madeObject(recipe);
      const make = (): unknown => api.logSumExpState(options as never);
      if (returned(created, () => (dirty ? polluted(-1, make) : make()))) good++;
    });
    fc.assert(property, settings);
    expect(good).toBeGreaterThan(RUNS / 50);
  });

  test('any constructor call but its own', () => {
    const property = fc.property(any, any, any, (...recipes) => {
      returned(created, () => {
        const make = LogSumExpState as unknown as new (...args: unknown[]) => api.LogSumExpState;
        new make(...recipes.map(made)).push(Float32Array.of(1)).finish();
      });
    });
    fc.assert(property, { seed, numRuns: Math.ceil(RUNS / 10) });
  });

  test('any history: pushes, merges, copies as data, damaged copies', () => {
    say(`states: seed ${seed}`);
    let sums = 0;
    const property = fc.property(steps, fc.constantFrom(1, 0.7, 3), (history, temperature) => {
      const states = [0, 1, 2].map((i) => ({
        state: api.logSumExpState({ temperature, isa: isas[i % isas.length] }),
        elements: [] as number[],
      }));
      history.forEach((step, i) => {
        const one = states[i % 3];
        if (step.do === 'push') {
          const arena = new Arena(step.view.memory);
          fillWords(arena.words(), step.view);
          const array = makeView(arena, step.view, 'float32') as Float32Array;
          arena.keep();
          if (step.view.before === 'detach') arena.detach();
          if (step.view.before === 'shrink') arena.shrink(20);
          const length = lengthOf(array);
          if (returned(pushed, () => one.state.push(array))) {
            for (let k = 0; k < length; k++) one.elements.push(array[k]);
          }
          expect(arena.changed(() => false)).toBe(-1);
        } else if (step.do === 'push any') {
          const value = made(step.value);
          if (returned(pushed, () => one.state.push(value as Float32Array))) {
            one.elements.push(...(value as Float32Array));
          }
        } else if (step.do === 'merge') {
          const other = states[step.which];
          returned(merged, () => one.state.merge(other.state));
          one.elements.push(...other.elements);
          // A state merged into itself again and again doubles each time.
          if (one.elements.length > 5000) Object.assign(one, fresh(temperature));
        } else if (step.do === 'merge any') {
          const ok = returned(merged, () => one.state.merge(made(step.value) as never));
          expect(ok).toBe(false);
        } else if (step.do === 'merge pair') {
          const { exponent, offset } = step;
          one.state.merge({ mantissa: 1, exponent, offset });
          one.elements.push(offset + exponent * Math.LN2 * temperature);
        } else if (step.do === 'merge odd pair') {
          const pair = madeObject(step.value);
          const state = api.logSumExpState();
          if (returned(merged, () => state.merge(pair as never))) {
            const { mantissa } = pair as api.LogSumExpPair;
            expect(typeof mantissa === 'number' && !(mantissa < 0)).toBe(true);
          }
        } else if (step.do === 'copy') {
          one.state = LogSumExpState.from(
            JSON.parse(JSON.stringify(one.state)) as api.LogSumExpStateJson,
          );
        } else if (step.do === 'from any') {
          returned(read, () => LogSumExpState.from(made(step.value) as never));
        } else {
          returned(read, () => damaged(one.state, step).push(Float32Array.of(1)).finish());
        }
        const { state, elements } = one;
        expectSum(state, elements, temperature);
        sums++;
      });
    });
    fc.assert(property, settings);
    expect(sums).toBeGreaterThan(RUNS);
  });

  function fresh(temperature: number): { state: api.LogSumExpState; elements: number[] } {
    return { state: api.logSumExpState({ temperature }), elements: [] };
  }

  /** A copy read from data with another field, another bit, or a field that changes between two looks. */
  function damaged(
    state: api.LogSumExpState,
    { field, value, at }: { field: string; value: unknown; at: number },
  ): api.LogSumExpState {
    const json = { ...state.toJSON() } as Record<string, unknown>;
    const good = json[field];
    if (at % 3 === 0) json[field] = made(value);
    else if (at % 3 === 1) {
      const bytes = Buffer.from(json['numbers'] as string, 'base64');
      bytes[at % bytes.length] ^= 1 << (at % 8);
      json['numbers'] = bytes.toString('base64');
    } else {
      let looks = 0;
      Object.defineProperty(json, field, { get: () => (looks++ === 0 ? good : made(value)) });
    }
    return LogSumExpState.from(json as unknown as api.LogSumExpStateJson);
  }
});
