/**
 * The sampler's native call past TypeScript: settings, history, biases, masks and outputs of any kind, and parameters
 * that do not belong to them. A status, tokens that are columns, and no write but to the outputs.
 */
import { types } from 'node:util';
import { afterAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { native } from '../../lib/configure';
import { SampleCall } from '../../lib/sampling/call';
import { FIELDS, METHODS, readSettings } from '../../lib/sampling/settings';
import { Refusal, SPEC_LENGTH, Spec, Status } from '../../lib/spec';
import { effort, say, seed } from '../helpers/effort';
import { seldom } from '../support/hostile/any';
import { Arena, memoryKinds } from '../support/hostile/memory';
import type { MemoryKind } from '../support/hostile/memory';
import { oddSizes, strangerNames, strangers } from '../support/hostile/values';

const binding = native();
const loose = binding as unknown as Record<string, (...args: unknown[]) => unknown>;
const known = new Set<number>(Object.values(Status));
const refusals = new Set<number>(Object.values(Refusal));
const RUNS = effort(4000, 100_000);

let total = 0;
afterAll(() => say(`sample: ${total} cases, seed ${seed}`));

const [HISTORY, BIAS_TOKENS, TOKENS, OPERANDS] = [1, 2, 6, 10];
/** Words of an arena from where an output begins. */
const ROOM = 86;
const token = fc.integer({ min: 0, max: 39 });
const some = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 2 });
const odd = fc.oneof(
  fc.constantFrom(...oddSizes.filter((value) => typeof value === 'number'), 2 ** 62, 1e-300),
  fc.integer({ min: -2, max: 80 }),
);

/** Options that go together. */
const options = fc.record({
  method: fc.constantFrom(...METHODS),
  topK: some(fc.integer({ min: 1, max: 50 })),
  topP: some(fc.constantFrom(0.1, 0.9)),
  minP: some(fc.constantFrom(0.01, 1)),
  typicalP: some(fc.constantFrom(0.5)),
  topNSigma: some(fc.constantFrom(0, 2)),
  xtc: some(fc.constant({ threshold: 0.01, probability: 1 })),
  repetitionPenalty: some(fc.constantFrom(0.5, 1.5)),
  presencePenalty: some(fc.constantFrom(1, -2)),
  noRepeatNgram: some(fc.constantFrom(1, 2, 3)),
  dry: some(fc.record({ multiplier: fc.constant(1), breakers: fc.array(token, { maxLength: 3 }) })),
  logitBias: some(fc.array(token, { maxLength: 9 })),
  temperature: fc.constantFrom(1, 0.1, 30),
});

const drawn = fc.record({
  options,
  rows: fc.integer({ min: 0, max: 3 }),
  cols: fc.integer({ min: 1, max: 40 }),
  count: fc.constantFrom(1, 1, 2, 5),
  replacement: fc.boolean(),
  raw: fc.boolean(),
  filtered: fc.boolean(),
  mask: fc.boolean(),
  history: fc.array(token, { maxLength: 12 }),
  special: fc.constantFrom(0, 0, 0, NaN, -Infinity, Infinity, 3e38),
  /** What is wrong with it. */
  spec: seldom(fc.record({ at: fc.nat(SPEC_LENGTH - 1), value: odd }), 2),
  setting: seldom(fc.record({ at: fc.nat(2 * FIELDS), value: odd }), 2),
  number: seldom(
    fc.record({ at: fc.integer({ min: 1, max: 5 }), place: fc.nat(9), value: odd }),
    3,
  ),
  operand: seldom(
    fc.record({
      at: fc.nat(OPERANDS - 1),
      as: fc.constantFrom('stranger', 'none', 'short', 'overlap', 'detached'),
      stranger: fc.constantFrom(...strangerNames),
    }),
    3,
  ),
  memory: fc.constantFrom(...memoryKinds),
  before: fc.constantFrom('nothing', 'nothing', 'nothing', 'detach', 'write'),
});
type Drawn = typeof drawn extends fc.Arbitrary<infer T> ? T : never;
type Array32 = Int32Array | Float32Array;

interface Built {
  readonly args: unknown[];
  readonly outputs: readonly (Array32 | undefined)[];
  readonly arenas: readonly Arena[];
  readonly inputs: readonly ArrayBufferView[];
  readonly isWhole: boolean;
  /** Whether nothing is wrong but a token that is no column: then no row of it may have a result. */
  readonly hasStranger: boolean;
}

function callFor(recipe: Drawn): SampleCall | undefined {
  const { cols, rows, count, replacement, raw, mask, history, special } = recipe;
  const filtered = recipe.filtered && rows * cols < ROOM;
  const x = Float32Array.from({ length: rows * cols }, (_, i) => ((i * 7) % 11) / 2);
  if (special !== 0 && x.length > 3) x[3] = special;
  const { logitBias, ...others } = recipe.options;
  const bias = logitBias?.map((each, i) => [each % cols, i - 3] as const);
  const dry = others.dry && { ...others.dry, breakers: others.dry.breakers };
  const given = { ...others, dry, ...(bias && { logitBias: new Map(bias) }) };
  const memory = { given, settings: readSettings(given, ''), step: 0, surprise: new Map() };
  const words = Math.ceil(cols / 32);
  try {
    return SampleCall.of(
      memory,
      // Whose results have the lengths that they need; those of the others are copied out of longer ones.
      'async',
      x,
      {
        ...{ cols, count: Math.min(count, cols), replacement, rawLogProbs: raw, filtered, step: 5 },
        history: Array.from({ length: rows }, (_, r) => history.map((t) => (t + r) % cols)),
        ...(mask && { allowed: new Uint32Array(words).fill(0xfffffff7) }),
      },
    );
  } catch {
    // A count that does not go with the method.
    return undefined;
  }
}

/** The outputs in memory of their own kinds, with something around them. */
function build(recipe: Drawn, call: SampleCall): Built {
  const operands: unknown[] = Array.from({ length: OPERANDS }, (_, i) => call.operands[i]);
  const inputs = [call.x, ...operands.slice(0, TOKENS)].filter((a) => ArrayBuffer.isView(a));
  const arenas: Arena[] = [];
  const outputs = [0, 1, 2, 3].map((i): Array32 | undefined => {
    const like = operands[TOKENS + i] as Array32 | undefined;
    if (like === undefined) return undefined;
    const arena = new Arena(recipe.memory as MemoryKind);
    arena.words().fill(0x40e00000);
    arenas.push(arena);
    const Class = i === 0 ? Int32Array : Float32Array;
    const array = new Class(arena.memory as ArrayBuffer, arena.start + 40, like.length);
    operands[TOKENS + i] = array;
    return array;
  });
  const { spec, setting, number, operand, before } = recipe;
  if (spec) call.spec[spec.at] = spec.value;
  const lines = operands[0] as Float64Array;
  if (setting && setting.at < lines.length) lines[setting.at] = setting.value;
  const array = number && (operands[number.at] as Int32Array | undefined);
  if (number && array && number.place < array.length) array[number.place] = number.value;
  if (operand) operands[operand.at] = spoilt(operand, operands, outputs, call);
  const history = operand?.at === HISTORY ? undefined : operands[HISTORY];
  if (before === 'write' && types.isInt32Array(history) && history.length > 0) history.fill(-5);
  for (const arena of arenas) arena.keep();
  if (before === 'detach') for (const arena of arenas) arena.detach();
  const belongs = !spec && !setting && !operand;
  const isWhole = belongs && !number && before === 'nothing';
  const isStrange = (token: number): boolean => token < 0 || token >= call.cols;
  const hasStranger =
    belongs &&
    [HISTORY, BIAS_TOKENS].some((at) => (operands[at] as Int32Array | undefined)?.some(isStrange));
  const args = [call.spec, call.x, undefined, ...operands];
  return { args, outputs, arenas, inputs, isWhole, hasStranger };
}

function spoilt(
  { at, as, stranger }: { at: number; as: string; stranger: string },
  operands: readonly unknown[],
  outputs: readonly (Array32 | undefined)[],
  call: SampleCall,
): unknown {
  const array = operands[at] as Array32 | undefined;
  if (as === 'none' || array === undefined) return undefined;
  if (as === 'stranger') return strangers[stranger]();
  if (as === 'short') return array.slice(0, Math.max(0, array.length - 1));
  if (as === 'detached') {
    const gone = array.slice();
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    return gone;
  }
  const other = at < TOKENS ? outputs[0]! : (call.x as Array32);
  const Class = array.constructor as new (
    buffer: ArrayBufferLike,
    from: number,
    n: number,
  ) => Array32;
  const size = array.BYTES_PER_ELEMENT;
  const from = Math.ceil(other.byteOffset / size) * size;
  const room = Math.floor((other.buffer.byteLength - from) / size);
  return new Class(other.buffer, from, Math.min(array.length, room));
}

/** Throws unless this is what a call may come to. */
function judge(recipe: Drawn, call: SampleCall, built: Built, status: unknown): void {
  if (typeof status !== 'number') throw new Error(`expected a status, received ${String(status)}`);
  const isRefusal = status >= Refusal.NAN;
  if (!(isRefusal ? refusals.has(status % 256) : known.has(status))) throw new Error(`${status}`);
  const isTaken = status === Status.OK || isRefusal;
  const isOther = recipe.spec?.at === Spec.op && recipe.spec.value !== binding.operators.length;
  if (status === Status.OK && built.hasStranger) throw new Error('a token is no column');
  const written = built.outputs.filter((array) => array !== undefined);
  for (const [i, arena] of built.arenas.entries()) {
    const length = recipe.operand ? ROOM : written[i].length;
    const at = arena.changed((i) => isTaken && !isOther && i >= 10 && i < 10 + length);
    if (at >= 0) throw new Error(`status ${status}, element ${at} was written`);
  }
  if (status !== Status.OK || isOther || recipe.before === 'detach') return;
  const [tokens, logs] = built.outputs;
  for (let i = 0; tokens !== undefined && i < tokens.length && recipe.operand?.at !== TOKENS; i++) {
    const inside = tokens[i] >= -1 && tokens[i] < call.cols;
    const isWritten = recipe.spec !== null || inside;
    if (!isWritten || (recipe.spec === null && logs![i] > 0 && !recipe.operand)) {
      throw new Error(`token ${tokens[i]}, ln of its probability ${logs![i]}`);
    }
  }
}

test('run', () => {
  say(`sample: seed ${seed}`);
  let good = 0;
  let whole = 0;
  const property = fc.property(drawn, (recipe) => {
    const call = callFor(recipe);
    if (call === undefined) return;
    const built = build(recipe, call);
    const before = built.inputs.map(bytesOf);
    const status = loose.run(...built.args);
    judge(recipe, call, built, status);
    total++;
    if (status === Status.OK) good++;
    const writes = recipe.before === 'write' || recipe.operand?.as === 'overlap';
    if (!writes) expect(built.inputs.map(bytesOf)).toEqual(before);
    if (!built.isWhole) return;
    // The same by every instruction set and number of threads, and a row that has no result is named.
    whole++;
    const again = callFor(recipe)!;
    again.spec[3] = 3;
    expect(loose.run(again.spec, again.x, undefined, ...again.operands)).toBe(status);
    const { tokens, logProbs, filtered } = again.finish();
    expect(Array.from(built.outputs[0]!)).toEqual(Array.from(tokens));
    expect(Array.from(built.outputs[1]!)).toEqual(Array.from(logProbs));
    if (status === Status.OK && filtered !== undefined) {
      expect(Array.from(built.outputs[3]!)).toEqual(Array.from(filtered));
    }
    if (!Number.isNaN(recipe.special) && recipe.special < Infinity && call.rows > 0) {
      expect([Status.OK, Refusal.MASKED]).toContain((status as number) % 256);
    }
  });
  fc.assert(property, { seed, numRuns: RUNS });
  expect(good).toBeGreaterThan(RUNS / 20);
  expect(whole).toBeGreaterThan(RUNS / 100);
});

function bytesOf(array: ArrayBufferView): string {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('latin1');
}

test('submit and collect', async () => {
  const settled = new Map<number, number>();
  const callback = (ticket: number, status: number): void => void settled.set(ticket, status);
  let next = binding.onSettled(callback) * 2 ** 32;
  let good = 0;
  const property = fc.asyncProperty(fc.array(drawn, { maxLength: 8 }), async (recipes) => {
    const open: { recipe: Drawn; call: SampleCall; built: Built; ticket: number }[] = [];
    for (const recipe of recipes) {
      const call = callFor(recipe);
      if (call === undefined) continue;
      total++;
      const built = build(recipe, call);
      const status = loose.submit(next, ...built.args);
      if (status === Status.OK) open.push({ recipe, call, built, ticket: next });
      else judge(recipe, call, built, status);
      next++;
      // Copied: what becomes of them is nobody's business.
      for (const array of built.inputs.slice(1)) new Uint8Array(array.buffer).fill(255);
    }
    while (binding.pending() > 0) await new Promise((resolve) => setImmediate(resolve));
    for (const { recipe, call, built, ticket } of open) {
      const status = settled.get(ticket)!;
      if (status !== Status.OK) judge(recipe, call, built, status);
      const operands = Array.from({ length: OPERANDS }, (_, i) => built.outputs[i - TOKENS]);
      const collected = loose.collect(ticket, undefined, ...operands);
      if (status === Status.OK && collected === Status.OK) {
        judge(recipe, call, built, status);
        good++;
      }
    }
  });
  await fc.assert(property, { seed, numRuns: Math.ceil(RUNS / 10) });
  expect(good).toBeGreaterThan(RUNS / 40);
  expect(typeof callback).toBe('function');
});
