/** What makes something that is then called: any options and any arguments, a documented error or a right answer. */
import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import * as api from '../../lib';
import { effort, say, seed } from '../helpers/effort';
import { Cases, any, made, madeObject, objectOf, seldom } from '../support/hostile/any';
import { documentedErrors } from '../support/hostile/judge';
import { polluted } from '../support/hostile/values';

const RUNS = effort(500, 40_000);
const settings = { seed, numRuns: RUNS };
const cases = new Cases();
afterAll(() => say(`makers: ${cases.total} cases, seed ${seed}`));

type Anything = (...args: unknown[]) => unknown;
/** What every call on logits may throw. */
const called = documentedErrors('softmax', 'softmax');

/** A good value most of the time. */
function mostly(good: () => unknown): fc.Arbitrary<() => unknown> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.constant(good) },
    any.map((recipe) => () => made(recipe)),
  );
}

/** Keys of good options, some of which are anything. */
function options(good: Record<string, unknown>): fc.Arbitrary<() => unknown> {
  const changed = fc.dictionary(fc.constantFrom(...Object.keys(good)), any, { maxKeys: 2 });
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant(() => ({ ...good })) },
    { weight: 5, arbitrary: changed.map((own) => () => ({ ...good, ...Object(madeObject(own)) })) },
    any.map((recipe) => () => made(recipe)),
  );
}

/** Runs it with arguments of these kinds, also while prototypes are polluted; some have to be taken, and some refused. */
function tryAll(
  documented: ReadonlyMap<string, string>,
  kinds: readonly fc.Arbitrary<() => unknown>[],
  work: (...args: unknown[]) => void,
): void {
  let good = 0;
  const property = fc.property(fc.tuple(...kinds), fc.boolean(), (makers, dirty) => {
    const args = makers.map((make) => make());
    const run = (): void => work(...args);
    if (cases.returned(documented, () => (dirty ? polluted(-1, run) : run()))) good++;
  });
  fc.assert(property, settings);
  expect(good).toBeGreaterThan(RUNS / 20);
  expect(good).toBeLessThan(RUNS * 0.98);
}

/** Rows of ours, whose length is no lie. */
const rows = new WeakSet<object>();
const row = (n: number) => (): Float32Array => {
  const x = Float32Array.from({ length: n }, (_, i) => (i * 5) % 7);
  rows.add(x);
  return x;
};

describe('createSpeculator', () => {
  const filters = { temperature: 0.8, topK: 3, topP: 0.9, minP: 0.01, seed: 7, draft: { topK: 2 } };

  test('any options', () => {
    const documented = documentedErrors('speculator', 'createSpeculator');
    const make = api.createSpeculator as Anything;
    tryAll(documented, [options(filters)], (given) => void make(given));
  });

  const call = { cols: 4, sequences: 1, rows: [3], step: 2, input: 'logits', threads: 2 };
  test.each([
    ['verify', [row(12), row(8), () => [1, 2]]],
    ['verifyOne', [row(4), row(4), () => Int32Array.of(1, 2, 2)]],
    ['backOff', [row(8), () => [1, 3]]],
  ] as const)('%s: any arguments', (name, args) => {
    const speculator = api.createSpeculator({ seed: 1 });
    const method = speculator[name] as Anything;
    tryAll(called, [...args.map(mostly), options(call)], (...given) => {
      const { accepted, tokens, logProbs } = method(...given) as api.VerifyResult;
      const [first] = accepted as Int32Array;
      expect(first).toBeGreaterThanOrEqual(-1);
      expect(first).toBeLessThanOrEqual(3);
      // Without `cols` all of the logits are one row.
      const logits = given[0] as Float32Array;
      const cols = rows.has(logits) ? logits.length : Infinity;
      for (const token of tokens as Int32Array) expect(token >= -1 && token < cols).toBe(true);
      expect(logProbs).toHaveLength(tokens.length);
    });
  });
});

describe('createEntropySwitch', () => {
  const good = { threshold: 1, window: 3, dwell: 2, start: 'large' };

  test('any options', () => {
    const documented = documentedErrors('entropy-switch', 'createEntropySwitch');
    const make = api.createEntropySwitch as unknown as Anything;
    tryAll(documented, [options(good)], (given) => {
      const { next } = make(given) as api.EntropySwitch;
      expect(['small', 'large']).toContain(next(row(4)())[0]);
    });
  });

  test('any logits', () => {
    const models = api.createEntropySwitch({ threshold: 1 });
    const kinds = [mostly(row(8)), options({ cols: 4, rows: [1, 0], threads: 1 })];
    tryAll(called, kinds, (x, given) => {
      const chosen = models.next(x as Float32Array, given as api.SwitchOptions);
      for (const model of chosen) expect(['small', 'large']).toContain(model);
    });
  });
});

describe('crossEntropyState', () => {
  const make = api.crossEntropyState as Anything;

  test('any options, any shard, any target', () => {
    const documented = new Map([
      ...documentedErrors('sharded', 'crossEntropyState'),
      ...documentedErrors('sharded', 'push'),
    ]);
    const kinds = [
      options({ temperature: 2, labelSmoothing: 0.1 }),
      mostly(row(9)),
      mostly(() => 4),
    ];
    tryAll(documented, kinds, (given, x, target) => {
      const state = make(given) as api.CrossEntropyState;
      state.push(x as Float32Array, target as number);
      if (state.hasTarget) expect(typeof state.finish()).toBe('number');
    });
  });

  test('any state to merge, any JSON', () => {
    const documented = new Map([
      ...documentedErrors('sharded', 'merge'),
      ...documentedErrors('sharded', 'from'),
    ]);
    const other = api.crossEntropyState().push(row(5)());
    const json = JSON.parse(JSON.stringify(other)) as Record<string, unknown>;
    const kinds = [mostly(() => other), options(json), options({ isa: 'scalar' })];
    tryAll(documented, kinds, (state, text, given) => {
      api.crossEntropyState().merge(state as api.CrossEntropyState);
      const back = api.CrossEntropyState.from(text as never, given as never).push(row(3)(), 1);
      expect(back.finish()).toBeGreaterThan(0);
    });
  });

  test('any constructor call but its own', () => {
    const property = fc.property(any, any, (...recipes) => {
      const Made = api.CrossEntropyState as unknown as new (...args: unknown[]) => unknown;
      const documented = documentedErrors('sharded', 'push');
      expect(cases.returned(documented, () => new Made(...recipes.map(made)))).toBe(false);
    });
    fc.assert(property, settings);
  });
});

describe('Mahalanobis', () => {
  test('any model', () => {
    const documented = documentedErrors('mahalanobis', 'mahalanobis');
    const make = api.mahalanobis as unknown as Anything;
    const covariance = Float64Array.of(2, 0.5, 0.5, 1);
    const good = { cols: 2, means: Float32Array.of(0, 0, 3, 4), covariance };
    tryAll(documented, [options(good)], (given) => {
      const model = make(given) as api.Mahalanobis;
      expect(model.score(Float32Array.of(1, 1)).distance[0]).toBeGreaterThanOrEqual(0);
    });
  });

  test('any training data', () => {
    const documented = documentedErrors('mahalanobis', 'fitMahalanobis');
    const make = api.fitMahalanobis as unknown as Anything;
    const labels = Int32Array.of(0, 0, 1, 1, 0, 1);
    const good = { cols: 2, labels, classes: 2, ridge: 0.1 };
    tryAll(documented, [mostly(row(12)), options(good)], (x, given) => {
      expect((make(x, given) as api.Mahalanobis).cols).toBeGreaterThan(0);
    });
  });

  test('any features', () => {
    const documented = documentedErrors('mahalanobis', 'score');
    const identity = Float64Array.of(1, 0, 0, 1);
    const model = api.mahalanobis({ cols: 2, means: Float32Array.of(0, 0), covariance: identity });
    tryAll(documented, [mostly(row(8))], (x) => {
      const { distance, nearest } = model.score(x as Float32Array);
      expect(distance).toHaveLength(nearest.length);
    });
  });
});

/** Nothing that they need, or an option that none of them knows. */
test('whatever is no object is refused by all of them', () => {
  const makers = [
    api.createSpeculator,
    api.createEntropySwitch,
    api.crossEntropyState,
  ] as Anything[];
  for (const make of makers)
    for (const value of [1, 'a', true]) expect(() => make(value)).toThrow();
  fc.assert(
    fc.property(objectOf(['cols', 'colour']), (recipe) => {
      const documented = documentedErrors('mahalanobis', 'mahalanobis');
      const call = (): unknown => (api.mahalanobis as unknown as Anything)(madeObject(recipe));
      expect(cases.returned(documented, call)).toBe(false);
    }),
    { seed, numRuns: Math.ceil(RUNS / 10) },
  );
});

test('mergeRowStats: any shards, any options', () => {
  const documented = documentedErrors('merge-stats', 'mergeRowStats');
  const names = ['max', 'argMax', 'count', 'mean', 'topValues', 'mantissa', 'pNorm', 'constructor'];
  const arrays = {
    floats: () => Float32Array.of(3, NaN),
    indices: () => Int32Array.of(1, -1),
    longer: () => new Float32Array(4),
  };
  const shard = fc.dictionary(fc.constantFrom(...names), fc.constantFrom(...Object.keys(arrays)), {
    maxKeys: 4,
  });
  const fit = { max: 'floats', argMax: 'indices', count: 'indices', mean: 'floats' };
  const shards = fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant(fit) }, shard), {
    maxLength: 3,
  });
  let good = 0;
  const property = fc.property(
    fc.tuple(shards, seldom(any), seldom(any)),
    objectOf(['cols', 'temperature', 'k', 'colour']),
    fc.integer({ min: -2, max: 8 }),
    ([recipes, strangeShard, strange], recipe, kind) => {
      const list: unknown[] = recipes.map((each) =>
        Object.fromEntries(
          Object.entries(each).map(([name, array]) => [
            name,
            arrays[array as keyof typeof arrays](),
          ]),
        ),
      );
      if (strangeShard !== null) list[0] = made(strangeShard);
      const usual = { cols: recipes.map((_, i) => 2 + i), k: Math.max(1, kind) };
      const options = kind < 0 ? madeObject(recipe) : usual;
      const merge = (): unknown =>
        (api.mergeRowStats as unknown as Anything)(
          strange === null ? list : made(strange),
          options,
        );
      const ok = cases.returned(documented, () => (kind === 0 ? polluted(-1, merge) : merge()));
      if (ok) good++;
    },
  );
  fc.assert(property, { seed, numRuns: RUNS });
  expect(good).toBeGreaterThan(RUNS / 50);
});
