/**
 * The addon called past TypeScript: whatever it is given, a status, and no write but to the output of a good call, which
 * is the oracle's.
 */
import { afterAll, afterEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { native } from '../../lib/configure';
import { allowedCpus } from '../../lib/lab/machine';
import type { TrueRow } from '../../lib/operator';
import { SPEC_LENGTH, Spec, Status } from '../../lib/spec';
import { boundDistance } from '../../lib/ulp';
import { effort, say, seed } from '../helpers/effort';
import { ARENA, Arena } from '../support/hostile/memory';
import { operators } from '../support/kernels/operators';
import type { Operator, OutputArray } from '../support/kernels/operators';
import { views } from '../support/hostile/recipes';
import type { ViewRecipe } from '../support/hostile/recipes';
import { oddSizes, strangerNames, strangers } from '../support/hostile/values';
import { lengthOf, makeView, offsetOf } from '../support/hostile/world';

const binding = native();
const loose = binding as unknown as Record<string, (...args: unknown[]) => unknown>;
const statuses = new Set<unknown>(Object.values(Status));
const RUNS = effort(12_000, 220_000);

/** None for what is no operator's number. */
const line = (id: number): Operator =>
  operators.find(([, view]) => view.line.name === binding.operators[id])?.[1] as Operator;
// Those with operands are in operands.test.ts.
const plainIds = binding.operands.flatMap((list, id) => (list.length === 0 ? id : []));

let total = 0;
afterAll(() => say(`addon: ${total} cases, seed ${seed}`));
afterAll(() => {
  binding.setIsa(0);
  binding.setThreads(0);
});

/** A spec that is good but for one field, which may be anything. */
const specs = fc
  .record({
    op: fc.constantFrom(...plainIds),
    rows: fc.nat(6),
    cols: fc.nat(9),
    gap: fc.nat(3),
    outGap: fc.nat(3),
    algorithm: fc.nat(binding.algorithms.length - 1),
    isa: fc.constantFrom(-1, binding.isas.length - 1),
    threads: fc.nat(1024),
    field: fc.nat(3 * SPEC_LENGTH),
    odd: fc.constantFrom(...oddSizes.filter((value) => typeof value === 'number'), 2 ** 62, 1e-300),
  })
  .map((drawn) => {
    const spec = new Float64Array(SPEC_LENGTH);
    const { op, rows, cols } = drawn;
    spec[Spec.op] = op;
    for (const rule of Object.values(line(op).options)) {
      spec[rule.index] = rule.kind === 'choice' ? 0 : rule.default;
    }
    if ('algorithm' in line(op).options) spec[Spec.algorithm] = drawn.algorithm;
    spec[Spec.isa] = drawn.isa;
    spec[Spec.threads] = drawn.threads;
    spec[Spec.rows] = rows;
    spec[Spec.cols] = cols;
    spec[Spec.xStride] = cols + drawn.gap;
    spec[Spec.yStride] = line(op).output === 'rows' ? cols + drawn.outGap : 1;
    if (drawn.field < SPEC_LENGTH) spec[drawn.field] = drawn.odd;
    return spec;
  });

/** An array in an arena of its own, or in that of the input. */
interface Place {
  readonly arena: Arena;
  readonly array: OutputArray;
}

function place(
  recipe: ViewRecipe,
  kind: 'float32' | 'int32',
  arena = new Arena(recipe.memory),
): Place {
  return { arena, array: makeView(arena, recipe, kind) };
}

/** Throws where a good call's result is not the oracle's, or anything else was written. */
function judge(status: unknown, spec: Float64Array, elements: Float32Array, y: Place): void {
  const good = status === Status.OK;
  const [rows, cols] = [spec[Spec.rows], spec[Spec.cols]];
  const operator = line(spec[Spec.op]);
  const stride = operator?.output === 'rows' ? spec[Spec.yStride] : 1;
  const width = operator?.output === 'rows' ? cols : 1;
  const from = (offsetOf(y.array) - y.arena.start) / 4;
  const written = y.arena.changed((index) => {
    const at = index - from;
    return good && at >= 0 && at % stride < width && Math.floor(at / stride) < rows;
  });
  if (written >= 0) throw new Error(`status ${String(status)}, but element ${written} was written`);
  if (!good) return;
  const parameters = Object.fromEntries(
    Object.entries(operator.options).map(([name, rule]) => {
      const value = spec[rule.index];
      return [name, rule.kind === 'choice' ? rule.values[value] : value];
    }),
  );
  for (let r = 0; r < Math.min(rows, ARENA); r++) {
    const begin = r * spec[Spec.xStride];
    const truth = operator.oracle(elements.subarray(begin, begin + cols), parameters);
    const values = typeof truth === 'number' ? [truth] : truth;
    const { sizes } = values as Partial<TrueRow>;
    for (let c = 0; c < values.length; c++) {
      const distance = boundDistance(
        y.array[r * stride + c],
        values[c],
        operator.bound,
        sizes?.[c],
      );
      if (!(distance <= operator.bound.maxUlp)) throw new Error(`row ${r}, element ${c} is wrong`);
    }
  }
}

const wild = fc.oneof(
  { weight: 30, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(0, 1, 2), fc.constantFrom(...strangerNames)) },
);

interface Drawn {
  readonly spec: Float64Array;
  readonly x: ViewRecipe;
  readonly y: ViewRecipe;
  readonly overlap: boolean;
  readonly stranger: [number, string] | null;
}

const calls: fc.Arbitrary<Drawn> = fc.record({
  spec: specs,
  x: views,
  y: views,
  overlap: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
  stranger: wild,
}) as fc.Arbitrary<Drawn>;

/** Builds a call; `run` is given its arguments, and what it gives is judged. */
function build(drawn: Drawn): { args: unknown[]; judge: (status: unknown) => void; y: Place } {
  const { spec } = drawn;
  const x = place(drawn.x, 'float32');
  x.arena.words().fill(0x3f800000);
  const kind = line(spec[Spec.op])?.element ?? 'float32';
  const y = place(drawn.y, kind, drawn.overlap ? x.arena : undefined);
  if (!drawn.overlap) y.arena.words().fill(0x40e00000);
  const length = lengthOf(x.array);
  for (let i = 0; i < length; i++) (x.array as Float32Array)[i] = (i * 7) % 11;
  if (drawn.x.before === 'detach') x.arena.detach();
  if (drawn.y.before === 'shrink') y.arena.shrink(8);
  x.arena.keep();
  y.arena.keep();
  const elements = Float32Array.from({ length: lengthOf(x.array) }, (_, i) => (i * 7) % 11);
  const args: unknown[] = [spec, x.array, y.array];
  if (drawn.stranger !== null) args[drawn.stranger[0]] = strangers[drawn.stranger[1]]();
  const strange = drawn.stranger !== null;
  return {
    args,
    y,
    judge(status) {
      if (!statuses.has(status)) throw new Error(`expected a status, received ${String(status)}`);
      // A stranger may be an array that a call can take.
      if (!strange) judge(status, spec, elements, y);
    },
  };
}

test('run', () => {
  say(`run: seed ${seed}`);
  let good = 0;
  const property = fc.property(calls, (drawn) => {
    const call = build(drawn);
    const status = loose.run(...call.args);
    call.judge(status);
    if (status === Status.OK) good++;
    total++;
  });
  fc.assert(property, { seed, numRuns: RUNS });
  expect(good).toBeGreaterThan(RUNS / 10);
  expect(good).toBeLessThan(RUNS * 0.9);
});

test('submit, abort and collect, in any order and with any ticket', async () => {
  say(`submit: seed ${seed}`);
  const settled = new Map<number, number>();
  const callback = (ticket: number, status: number): void => {
    if (settled.has(ticket)) throw new Error(`ticket ${ticket} settled twice`);
    settled.set(ticket, status);
  };
  const base = binding.onSettled(callback) * 2 ** 32;
  let next = base;
  let good = 0;
  const step = fc.record({
    drawn: calls,
    ticket: fc.oneof({ weight: 5, arbitrary: fc.constant('next') }, fc.constantFrom(...oddSizes)),
    abort: fc.boolean(),
    wait: fc.boolean(),
    collect: fc.constantFrom('once', 'twice', 'never', 'elsewhere'),
  });
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const property = fc.asyncProperty(
    fc.array(step, { minLength: 1, maxLength: 20 }),
    async (steps) => {
      settled.clear();
      const open: { ticket: unknown; call: ReturnType<typeof build>; collect: string }[] = [];
      for (const { drawn, ticket: asked, abort, wait, collect } of steps) {
        total++;
        const ticket = asked === 'next' ? next++ : asked;
        const call = build(drawn);
        const status = loose.submit(ticket, ...call.args);
        if (!statuses.has(status)) throw new Error(`submit gave ${String(status)}`);
        // Another channel's, of another test file in this process: that one is told.
        const ours = (ticket as number) >= base;
        if (status !== Status.OK) call.judge(status);
        else if (ours) open.push({ ticket, call, collect });
        if (abort) expect(statuses.has(loose.abort(ticket))).toBe(true);
        if (wait) await turn();
      }
      while (binding.pending() > 0) await turn();
      for (const { ticket, call, collect } of open) {
        const status = settled.get(ticket as number);
        if (status === undefined) throw new Error(`ticket ${String(ticket)} never settled`);
        if (collect === 'elsewhere') loose.collect(ticket, new Float32Array(0));
        const collected =
          collect === 'never' ? Status.ABORTED : loose.collect(ticket, call.args[2]);
        if (status === Status.OK && collected === Status.OK) good++;
        // Shared memory is written to by the work itself, whatever is collected.
        if (!call.y.arena.isFixedShared || collected === Status.OK) call.judge(collected);
        if (collect === 'twice')
          expect(loose.collect(ticket, call.args[2])).toBe(Status.UNKNOWN_TICKET);
      }
    },
  );
  await fc.assert(property, { seed, numRuns: Math.ceil(RUNS / 10) });
  expect(good).toBeGreaterThan(RUNS / 100);
  expect(typeof callback).toBe('function');
});

/** Arguments of the other functions: numbers of all sizes, arrays of all kinds, strangers. */
const anything = fc.oneof(
  fc.constantFrom(...oddSizes, 0, 1, 2, 0.7),
  fc.constantFrom(...strangerNames).map((name) => ({ stranger: name })),
  views.map((view) => ({ view, kind: 'float32' as const })),
  views.map((view) => ({ view, kind: 'int32' as const })),
  fc
    .tuple(
      fc.nat(binding.stateLength + 1),
      fc.array(fc.double(), { maxLength: binding.stateLength }),
    )
    .map(([length, numbers]) => ({ length, numbers })),
  fc.constant({ fresh: true }),
);

function make(recipe: unknown): unknown {
  if (typeof recipe !== 'object' || recipe === null || Array.isArray(recipe)) return recipe;
  if ('stranger' in recipe) return strangers[recipe.stranger as string]();
  if ('view' in recipe) {
    const { view, kind } = recipe as { view: ViewRecipe; kind: 'float32' | 'int32' };
    return place(view, kind).array;
  }
  const state = new Float64Array(binding.stateLength);
  if ('fresh' in recipe) {
    binding.stateInit(state, 1);
    return state;
  }
  const { length, numbers } = recipe as { length: number; numbers: number[] };
  const other = new Float64Array(length);
  other.set(numbers.slice(0, length));
  return other;
}

// Opening channels has its own test: there is a most that a process can have.
const tested = ['run', 'submit', 'collect', 'onSettled'];
const others = Object.keys(binding).filter(
  (name) => typeof loose[name] === 'function' && !tested.includes(name),
);

// Some of them change the process: the CPUs of this thread, the kind of stores, the threads.
const cpus = process.platform === 'linux' ? Int32Array.from(allowedCpus()) : undefined;
afterEach(() => {
  if (cpus !== undefined) loose['_pin'](cpus);
  loose['_stores'](0);
});

test.each(others)('%s', (name) => {
  say(`${name}: seed ${seed}`);
  const share = Math.ceil(RUNS / 12);
  const property = fc.property(fc.array(anything, { maxLength: 5 }), (recipes) => {
    const result = loose[name](...recipes.map(make));
    if (typeof result !== 'number' && typeof result !== 'string') {
      throw new Error(`${name} gave ${String(result)}`);
    }
    total++;
  });
  fc.assert(property, { seed, numRuns: share });
});
