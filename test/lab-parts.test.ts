import { describe, expect, test } from '@jest/globals';
import { UsageError } from '../lib/cli/failure';
import type { Capabilities } from '../lib/capabilities';
import { catalogue, findOperator } from '../lib/catalogue';
import { compare, truthOf } from '../lib/lab/check';
import { report, type Context } from '../lib/lab/gbench';
import { othersShare, parseCpuList, parseStat } from '../lib/lab/machine';
import { measure } from '../lib/lab/measure';
import { logits } from '../lib/lab/random';
import { combine } from '../lib/lab/results';
import { oneNode } from '../lib/lab/rivals/onnx-model';
import { plain } from '../lib/lab/rivals/plain';
import { shapeName } from '../lib/lab/shapes';
import { operatorOf, type LabFlags } from '../lib/lab/suite';
import { baseOf, expand, ops, shapesOf } from '../lib/lab/suites/ops';
import { digits, duration, table } from '../lib/lab/table';
import type { Family, Outcome } from '../lib/lab/task';
import { boundDistance, ulpOf } from '../lib/ulp';
import { viewsOf } from '../lib/views';

/** A machine with two instruction sets. */
const setting = (flags: LabFlags = {}) => ({
  flags,
  has: {
    algorithms: ['auto', 'two-pass', 'online'],
    cpu: { caches: { l1d: 2 ** 15, l2: 2 ** 20, l3: 2 ** 25 }, allowed: 2 },
  } as unknown as Capabilities,
  operators: catalogue,
  isas: ['avx2', 'scalar'],
  cache: 2 ** 25,
  beyond: 2 ** 25,
  pin: [],
  threads: flags.threads === undefined ? [1] : flags.threads.split(',').map(Number),
});

describe('arguments of ops', () => {
  const suite = (flags: LabFlags) => ops(setting(flags));

  test('the defaults', () => {
    const { families, pace } = suite({});
    expect(pace).toMatchObject({ trials: 3, repeats: 11, seed: 1 });
    expect(families.map(({ name }) => name)).toContain('softmax/1x2^26');
    expect(families[0]).toMatchObject({ op: 'softmax', range: 10, base: 'onnxruntime', pin: [] });
  });

  test('--quick has fewer shapes and one process, unless told otherwise; --large adds to both', () => {
    expect(suite({ quick: true }).pace.trials).toBe(1);
    expect(suite({ quick: true, trials: '2' }).pace.trials).toBe(2);
    expect(shapesOf({ quick: true }).length).toBeLessThan(shapesOf({}).length);
    expect(shapesOf({ quick: true, large: true }).map(shapeName)).toContain('1x2^28');
  });

  test('lists lose their blanks and their repetitions; presets stand for their shapes', () => {
    expect(shapesOf({ shapes: '1x4, 2x4,1x4' })).toHaveLength(2);
    expect(shapesOf({ shapes: 'llama-3,pp-ocr' }).map(shapeName)).toEqual([
      '1x128256',
      '32x128256',
      '40x6625',
      '640x6625',
    ]);
  });

  test('rows of one element are measured for what a call of the rival costs', () => {
    const { families } = suite({ shapes: '2x5' });
    expect(families.map(({ name }) => name)).toEqual(['softmax/1x1', 'softmax/2x5']);
    expect(families[0].contenders.map(({ kind }) => kind)).toEqual(['onnxruntime']);
    expect(suite({ shapes: '2x5', contenders: 'softlane' }).families).toHaveLength(1);
  });

  test('--set gives an operator its own options', () => {
    const { families } = suite({ shapes: '2x5', set: ['temperature=0.5', 'maskedRow=zero'] });
    expect(families[1].options).toEqual({ temperature: 0.5, maskedRow: 'zero' });
    expect(() => suite({ set: ['temperature=-1'] })).toThrow('--set temperature');
    expect(() => suite({ set: ['depth=1'] })).toThrow(
      'name=value with temperature or maskedRow (softmax)',
    );
  });

  test.each<[LabFlags, string]>([
    [{ shapes: '1x4,,2x2' }, 'empty place'],
    [{ shapes: '0x4' }, 'ROWSxCOLS'],
    [{ shapes: 'bert' }, 'a preset (gpt-2, llama-3'],
    [{ repeats: '0' }, 'an integer from 1 to 10000 for --repeats, received "0"'],
    [{ repeats: '1e3' }, '--repeats'],
    [{ trials: '-1' }, '--trials'],
    [{ range: '0' }, 'greater than 0'],
    [{ range: 'Infinity' }, 'at most 1e30'],
    [{ seed: '4294967296' }, '--seed'],
    [{ cold: 'maybe' }, 'auto, on or off for --cold, received "maybe"'],
    [{ contenders: 'tfjs2' }, 'memcpy or read for --contenders, received "tfjs2"'],
  ])('%j is refused in one sentence', (flags, words) => {
    expect(() => suite(flags)).toThrow(UsageError);
    expect(() => suite(flags)).toThrow(words);
    expect(() => suite(flags)).toThrow(/^[^\n]*[^.]$/);
  });
});

describe('contenders', () => {
  const names = (flags: LabFlags, shape = { rows: 1, cols: 1000 }) =>
    expand(setting(flags), shape).map(({ name }) => name);

  test('softlane by ISA and algorithm, with a plain call where that shows, and the rivals', () => {
    expect(names({})).toEqual([
      'softlane/auto/avx2',
      'softlane/two-pass/avx2',
      'softlane/online/avx2',
      'softlane/auto/scalar',
      'softlane/two-pass/scalar',
      'softlane/online/scalar',
      'softlane/auto/avx2/call',
      'exp/avx2',
      'exp/scalar',
      'plain-js',
      'onnxruntime',
      'tfjs',
      'memcpy',
      'read',
    ]);
    expect(names({}, { rows: 2, cols: 1000 })).not.toContain('softlane/auto/avx2/call');
  });

  test('--quick has the best ISA alone; --isa, --algorithms and --threads choose', () => {
    expect(names({ quick: true }).join()).not.toContain('scalar');
    const chosen = { isa: 'scalar', algorithms: 'online', threads: '1,2' };
    expect(names({ ...chosen, contenders: 'softlane,onnxruntime,memcpy' })).toEqual([
      'softlane/online/scalar',
      'softlane/online/scalar/call',
      'softlane/online/scalar/2t',
      'softlane/online/scalar/2t/call',
      'onnxruntime',
      'onnxruntime/2t',
      'memcpy',
    ]);
  });

  test('an operator without algorithms has one contender an ISA', () => {
    expect(names({ op: 'argMax', contenders: 'softlane' }, { rows: 9, cols: 1000 })).toEqual([
      'softlane/avx2',
      'softlane/scalar',
    ]);
    expect(() => names({ op: 'argMax', algorithms: 'online' })).toThrow(UsageError);
  });

  test('operators are found by both of their names; unknown names list the known ones', () => {
    expect(operatorOf(catalogue, 'log-softmax').name).toBe('logSoftmax');
    expect(() => operatorOf(catalogue, 'softmex')).toThrow('softmax, logSoftmax');
    expect(() => names({ isa: 'sse' })).toThrow('expected avx2 or scalar for --isa');
    expect(() => names({ algorithms: 'fast' })).toThrow('auto, two-pass or online');
  });

  test('the base is onnxruntime where that takes part, else the first', () => {
    expect(baseOf(undefined, ['a', 'onnxruntime/2t'])).toBe('onnxruntime/2t');
    expect(baseOf(undefined, ['a', 'b'])).toBe('a');
    expect(baseOf('b', ['a', 'b'])).toBe('b');
    expect(() => baseOf('c', ['a', 'b'])).toThrow(UsageError);
  });
});

describe('the check against the oracle', () => {
  const [line] = viewsOf(findOperator('softmax')!);
  const shape = { rows: 3, cols: 50 };
  const x = logits(150, 10, 3);
  const truth = truthOf(line, x, shape);
  const right = Float32Array.from(truth.values);
  const ours = {
    distance: (got: number, want: number) => boundDistance(got, want, line.bound),
    promised: line.bound.maxUlp,
    ulpOf,
    logarithmic: false,
  };
  const rival = { ...ours, promised: Infinity };
  const spoilt = (place: number, value: number) => {
    const y = right.slice();
    y[place] = value;
    return y;
  };

  test('passes what is right and tells the distance', () => {
    expect(truth).toMatchObject({ length: 150, sum: expect.closeTo(3, 12) });
    expect(compare(right, truth, ours)).toEqual({ maxUlp: expect.any(Number) });
    expect(compare(right, truth, ours).maxUlp).toBeLessThanOrEqual(0.5);
  });

  test('holds softlane to its bound, and rivals to a hundredth', () => {
    const off = Float32Array.from(right, (value) => value * (1 + 2 ** -19));
    expect(compare(off, truth, ours).wrong).toMatch(/^element 0 is /);
    expect(compare(off, truth, rival).wrong).toBeUndefined();
    expect(compare(off, truth, rival).maxUlp).toBeGreaterThan(8);
    expect(compare(spoilt(149, right[149] * 1.02), truth, rival).wrong).toMatch(/^element 149 /);
  });

  test('refuses NaN and a result that is missing, also between the compared elements', () => {
    expect(compare(spoilt(7, NaN), truth, rival).wrong).toMatch(/^element 7 is NaN/);
    expect(compare(right.subarray(1), truth, rival).wrong).toBe('149 results instead of 150');
    const sparse = truthOf(line, x, shape, {}, 10);
    expect(sparse.places.length).toBeLessThanOrEqual(12);
    expect(sparse.places.at(-1)).toBe(149);
    expect(sparse.values.at(-1)).toBe(truth.values[149]);
    sparse.places.forEach((place, i) => expect(sparse.values[i]).toBe(truth.values[place]));
    expect(sparse.sum).toBe(truth.sum);
    const between = sparse.places[1] + 1;
    expect(compare(spoilt(between, NaN), sparse, rival).wrong).toMatch(/^all results add up/);
  });
});

describe('rivals', () => {
  const shape = { rows: 4, cols: 33 };
  const x = logits(132, 10, 5);

  const written = catalogue.filter(({ name }) => Object.hasOwn(plain, name));
  test.each(written.map((line) => [line.name, line] as const))(
    'plain JavaScript computes %s',
    (name, line) => {
      const perRow = line.output === 'perRow';
      const y = new (line.element === 'int32' ? Int32Array : Float32Array)(perRow ? 4 : 132);
      plain[name](x, y as never, shape.cols);
      const rules = { distance: ulpOf, promised: Infinity, ulpOf, logarithmic: perRow };
      expect(compare(y, truthOf(viewsOf(line)[0], x, shape), rules).wrong).toBeUndefined();
    },
  );

  test('the ONNX model is the protocol buffer of one node', () => {
    const { model, perRow, int64 } = oneNode('softmax', 2, 300)!;
    expect([perRow, int64]).toEqual([false, false]);
    // input "x", output "y", op_type "Softmax", an attribute named "axis"
    const node = [
      '0a0178',
      '120179',
      '2207536f66746d6178',
      '2a0b',
      '0a0461786973',
      '1801',
      'a00102',
    ];
    expect(model.toString('hex')).toContain(node.join(''));
    // dim 300 is two bytes of a varint.
    expect(model.toString('hex')).toContain('0a0208020a0308ac02');
    expect(oneNode('argMax', 2, 3)).toMatchObject({ perRow: true, int64: true });
    expect(oneNode('softpick', 2, 3)).toBeUndefined();
  });
});

describe('measuring', () => {
  test('every round has every contender once, and samples are as long as asked', async () => {
    const calls = [0, 0, 0];
    const contenders = calls.map((_, i) => ({
      batch(count: number) {
        calls[i] += count;
        // The last has no synchronous form.
        return i === 2 ? Promise.resolve() : undefined;
      },
    }));
    const settings = { repeats: 5, least: 2000, warmUp: 4000, seed: 1 };
    const { counts, times } = await measure(contenders, settings);
    expect(times.map((rounds) => rounds.length)).toEqual([5, 5, 5]);
    for (const i of [0, 1, 2]) expect(calls[i]).toBeGreaterThanOrEqual(5 * counts[i]);
  });

  test('work that takes no time comes to an end', async () => {
    const settings = { repeats: 2, least: 1e6, warmUp: 1e6, seed: 1 };
    const { counts, times } = await measure([{ batch: () => undefined }], settings);
    expect(counts).toEqual([2 ** 30]);
    expect(times[0]).toHaveLength(2);
  });

  test('with cold outputs the input is touched before every call', async () => {
    let touched = 0;
    let calls = 0;
    const touch = () => void touched++;
    const batch = (count: number) => {
      expect(count).toBe(1);
      calls++;
    };
    await measure([{ batch }], { repeats: 3, least: 1, warmUp: 1, seed: 1, touch });
    expect(touched).toBe(calls);
    expect(calls).toBeGreaterThan(3);
  });

  test('what other programs and the host take is told apart from what we do', () => {
    const before = parseStat('cpu  1000 0 500 9000 10 20 30 40 0 0\ncpu0 1 2 3')!;
    expect(before).toEqual({ busy: 15.5, stolen: 0.4 });
    expect(parseStat('')).toBeNull();
    const start = { at: 100, own: 5, machine: before };
    const quiet = { at: 110, own: 15, machine: { busy: 25.5, stolen: 0.4 } };
    expect(othersShare(start, quiet)).toBe(0);
    const shared = { ...quiet, machine: { busy: 30.5, stolen: 1.4 } };
    expect(othersShare(start, shared)).toBeCloseTo(0.6, 2);
    expect(othersShare({ ...start, machine: null }, quiet)).toBeNull();
  });

  test('lists of CPUs are read as the system writes them', () => {
    expect(parseCpuList('0-3,8')).toEqual([0, 1, 2, 3, 8]);
    expect(parseCpuList('x,3-1,')).toEqual([]);
  });
});

describe('reports', () => {
  const family = (base: string): Family => ({
    name: 'softmax/1x100',
    part: 'shapes',
    op: 'softmax',
    options: {},
    shape: { rows: 1, cols: 100 },
    cold: false,
    range: 10,
    contenders: [
      { name: 'softlane/auto/avx2', kind: 'softlane', isa: 'avx2', algorithm: 'auto', threads: 1 },
      { name: 'onnxruntime', kind: 'onnxruntime', threads: 1 },
      { name: 'memcpy', kind: 'memcpy', threads: 1 },
    ],
    base,
    pin: [],
  });
  const outcome: Outcome = {
    measured: [
      { name: 'softlane/auto/avx2', calls: 10, times: [100, 200], maxUlp: 1.5 },
      { name: 'onnxruntime', calls: 3, times: [1000, 1000], maxUlp: 12 },
      { name: 'memcpy', calls: 99, times: [50, 50], maxUlp: null },
    ],
    absent: [{ name: 'other', why: 'it is not installed' }],
    wrong: [],
    timer: 30,
    others: 0.01,
    hugePages: 0,
    cpus: '0-1',
  };
  const second = {
    ...outcome,
    measured: outcome.measured.slice(0, 2),
    wrong: [{ name: 'memcpy', why: 'element 3 is NaN' }],
    others: 0.5,
  };

  test('trials are put together, and one that was wrong once has no number', () => {
    const result = combine(family('onnxruntime'), 2, [outcome, second]);
    expect(result.lines.map(({ name }) => name)).toEqual(['softlane/auto/avx2', 'onnxruntime']);
    expect(result.lines[0]).toMatchObject({
      calls: [10, 10],
      trials: [
        [100, 200],
        [100, 200],
      ],
    });
    expect(result.lines[0].faster.onnxruntime.median).toBe(7.5);
    expect(result).toMatchObject({ others: 0.5, absent: [{ name: 'other' }] });
    const text = table(result);
    expect(text).toContain('softmax 1x100: warm outputs, 2 x 2 rounds');
    expect(text).toMatch(
      /softlane\/auto\/avx2 +150 ns +1\.50 +1\.00 \.\. 2\.00 +1\.50 +7\.50 +5\.00 \.\. 10\.0 /,
    );
    expect(text).toContain('WRONG, so without a number: memcpy: element 3 is NaN');
    expect(text).toContain('skipped: other: it is not installed');
    expect(text).toContain('BUSY MACHINE: other programs took 50 %');
  });

  test('a table without its base has no such columns', () => {
    const text = table(combine(family('nobody'), 2, [outcome]));
    expect(text).not.toContain('x nobody');
    expect(text).toMatch(/x onnxruntime +x memcpy/);
    expect(text).not.toContain('BUSY');
  });

  test('numbers have three digits and a fitting unit', () => {
    expect([0.00016, 0.0123, 1.234, 12.34, 1234].map(digits)).toEqual([
      '0.00016',
      '0.012',
      '1.23',
      '12.3',
      '1234',
    ]);
    expect([12, 1234, 5.6e6, 2e9].map(duration)).toEqual([
      '12.0 ns',
      '1.23 µs',
      '5.60 ms',
      '2.00 s',
    ]);
  });

  test('the JSON has the schema of google/benchmark', () => {
    const results = [combine(family('onnxruntime'), 2, [outcome, second])];
    const context: Context = {
      suite: 'ops',
      remarks: [],
      date: new Date(0),
      host: 'h',
      executable: 'e',
      cpus: 2,
      mhz: 1,
      caches: { l1d: 49152, l2: 2 ** 20, l3: 0 },
      loadBefore: [0, 0, 0],
      loadAfter: [1, 1, 1],
      facts: { cpu: 'c' },
      settings: { seed: 1 },
    };
    const { context: head, benchmarks } = report(context, results);
    expect(head).toMatchObject({ json_schema_version: 1, num_cpus: 2, softlane_cpu: 'c', seed: 1 });
    expect(head.caches).toEqual([
      { type: 'Data', level: 1, size: 49152 },
      { type: 'Unified', level: 2, size: 2 ** 20 },
    ]);
    const name = 'softmax/1x100/softlane/auto/avx2';
    const rounds = benchmarks.filter((entry) => entry.name === name);
    expect(rounds).toHaveLength(4);
    expect(rounds[2]).toMatchObject({
      run_type: 'iteration',
      repetitions: 4,
      repetition_index: 2,
      iterations: 10,
      real_time: 100,
      cpu_time: 100,
      time_unit: 'ns',
      trial: 1,
      items_per_second: 1e9,
    });
    expect(benchmarks.find((entry) => entry.name === `${name}_median`)).toMatchObject({
      run_type: 'aggregate',
      aggregate_name: 'median',
      real_time: 150,
      times_as_fast_as_onnxruntime: 7.5,
    });
    const wrong = benchmarks.find((entry) => entry.name === 'softmax/1x100/memcpy');
    expect(wrong).toMatchObject({ error_occurred: true, error_message: 'element 3 is NaN' });
    const absent = benchmarks.find((entry) => entry.name === 'softmax/1x100/other');
    expect(absent).toMatchObject({ skipped: true, skip_message: 'it is not installed' });
  });
});
