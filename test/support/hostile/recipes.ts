/** What a case consists of, as data: it can be drawn, made smaller and printed by fast-check. */
import fc from 'fast-check';
import type { Operator } from '../kernels/operators';
import { ARENA, memoryKinds } from './memory';
import type { MemoryKind } from './memory';
import { oddSizes, strangerNames, strangersToData } from './values';

export interface ViewRecipe {
  readonly memory: MemoryKind;
  readonly from: number;
  readonly length: number;
  /** As long as its memory, where that can change. */
  readonly tracking: boolean;
  readonly form: 'plain' | 'subclass' | 'hostile subclass' | 'lying length' | 'own buffer';
  readonly content: 'ordinary' | 'special' | 'any bits' | 'equal';
  readonly seed: number;
  /** What has happened to it before the call. */
  readonly before: 'nothing' | 'detach' | 'shrink' | 'grow';
}

export interface TensorRecipe {
  /** Dims from the length by this number, or none that fit. */
  readonly split: number;
  readonly dims: 'fit' | 'Int32Array' | 'flat' | 'wrong' | 'huge' | 'stranger';
  readonly object: 'plain' | 'class' | 'throwing class' | 'lying class' | 'getters' | 'proxy';
  readonly type: unknown;
  readonly location: unknown;
}

export interface InputRecipe {
  readonly view: ViewRecipe;
  readonly tensor: TensorRecipe | null;
  readonly stranger: string | null;
}

export type OutRecipe =
  | { readonly to: 'none' | 'x' | 'stranger' | 'undefined'; readonly stranger: string }
  | {
      readonly to: 'array' | 'overlap' | 'tensor' | 'wrong array';
      readonly view: ViewRecipe;
      readonly tensor: TensorRecipe;
    };

/** What is given for an array that the operator reads beside x. */
export interface BesideRecipe {
  readonly how: 'fit' | 'tensor' | 'none' | 'stranger' | 'short' | 'long' | 'wrong array';
  readonly view: ViewRecipe;
  readonly stranger: string;
  /** One element that is no index of a column. */
  readonly odd: number | null;
}

/** What a getter does before it gives its value. */
export const mischiefs = [
  ...['nothing', 'detach x', 'shrink x', 'grow x', 'write x', 'detach out', 'shrink out'],
  ...['grow out', 'call again', 'throw', 'verify', 'write beside', 'detach beside'],
  'shrink beside',
] as const;
export type Mischief = (typeof mischiefs)[number];

export interface OptionsRecipe {
  /** By name; a value as such, or the name of a stranger. */
  readonly values: Readonly<Record<string, { value?: unknown; stranger?: string }>>;
  readonly style: 'plain' | 'getters' | 'frozen' | 'no prototype' | 'proxy' | 'instance' | 'heir';
  readonly mischief: Mischief;
  /** The place of the getter that does it. */
  readonly place: number;
  /** Instead of all this. */
  readonly stranger: string | null;
  readonly polluted: 'no' | 'numbers' | 'objects' | 'strings';
}

export interface CallRecipe {
  readonly input: InputRecipe;
  readonly options: OptionsRecipe;
  readonly out: OutRecipe;
  /** One for each array that any operator reads. */
  readonly beside: readonly BesideRecipe[];
}

const MOST_BESIDE = 3;

/** One of these most of the time, one of those seldom. */
function mostly<T, U>(usual: fc.Arbitrary<T>, rare: fc.Arbitrary<U>, weight = 9) {
  return fc.oneof({ weight, arbitrary: usual }, { weight: 1, arbitrary: rare });
}

const stranger = fc.constantFrom(...strangerNames);
const strangeData = fc.constantFrom(...strangersToData);

const view: fc.Arbitrary<ViewRecipe> = fc.record({
  memory: fc.constantFrom(...memoryKinds),
  from: fc.integer({ min: 1, max: 24 }),
  length: fc.integer({ min: 0, max: ARENA - 26 }),
  tracking: mostly(fc.constant(false), fc.constant(true), 5),
  form: mostly(
    fc.constant('plain' as const),
    fc.constantFrom('subclass', 'hostile subclass', 'lying length', 'own buffer'),
    6,
  ),
  content: fc.constantFrom('ordinary', 'special', 'any bits', 'equal'),
  seed: fc.integer(),
  before: mostly(fc.constant('nothing' as const), fc.constantFrom('detach', 'shrink', 'grow'), 20),
});

const tensor: fc.Arbitrary<TensorRecipe> = fc.record({
  split: fc.integer({ min: 1, max: 6 }),
  dims: mostly(
    fc.constantFrom('fit' as const, 'Int32Array', 'flat'),
    fc.constantFrom('wrong', 'huge', 'stranger'),
    7,
  ),
  object: fc.constantFrom('plain', 'class', 'throwing class', 'lying class', 'getters', 'proxy'),
  type: mostly(
    fc.constantFrom(undefined, 'float32', 'int32'),
    fc.constantFrom('float16', '', 7, null),
  ),
  location: mostly(
    fc.constantFrom(undefined, 'cpu', 'cpu-pinned'),
    fc.constantFrom('gpu-buffer', 'none', 3, null),
  ),
});

const input: fc.Arbitrary<InputRecipe> = fc.record({
  view,
  tensor: mostly(fc.constant(null), tensor, 2),
  stranger: mostly(fc.constant(null), strangeData, 15),
});

const out: fc.Arbitrary<OutRecipe> = mostly(
  fc.oneof(
    fc.record({ to: fc.constantFrom('none', 'x', 'undefined'), stranger: fc.constant('') }),
    fc.record({ to: fc.constantFrom('array', 'tensor', 'overlap'), view, tensor }),
  ),
  fc.oneof(
    fc.record({ to: fc.constant('stranger' as const), stranger: strangeData }),
    fc.record({ to: fc.constant('wrong array' as const), view, tensor }),
  ),
  12,
) as fc.Arbitrary<OutRecipe>;

const beside: fc.Arbitrary<BesideRecipe> = fc.record({
  how: mostly(
    fc.constantFrom('fit' as const, 'fit', 'tensor'),
    fc.constantFrom('none', 'stranger', 'short', 'long', 'wrong array'),
    24,
  ),
  view,
  stranger,
  odd: mostly(fc.constant(null), fc.constantFrom(-1, 70, 2 ** 31 - 1, -(2 ** 31)), 28),
}) as fc.Arbitrary<BesideRecipe>;

type Value = { value?: unknown; stranger?: string };
const just = (value: fc.Arbitrary<unknown>): fc.Arbitrary<Value> =>
  value.map((v) => ({ value: v }));
const named: fc.Arbitrary<Value> = stranger.map((name) => ({ stranger: name }));
const odd = fc.oneof(just(fc.constantFrom(...oddSizes)), named);

function size(usual: fc.Arbitrary<number>): fc.Arbitrary<Value> {
  return mostly(just(usual), odd, 12);
}

/** One value of each option that any call could have. */
function optionValues(line: Operator): Record<string, fc.Arbitrary<Value>> {
  const values: Record<string, fc.Arbitrary<Value>> = {
    cols: size(fc.oneof(fc.constantFrom(1, 2, 3, 4, 6, 8), fc.integer({ min: 0, max: 40 }))),
    stride: size(fc.integer({ min: 1, max: 12 })),
    outStride: size(fc.integer({ min: 1, max: 12 })),
    threads: size(fc.integer({ min: 1, max: 1024 })),
    isa: mostly(just(fc.constantFrom('scalar', 'avx2', 'avx512', undefined)), odd, 12),
  };
  for (const [name, rule] of Object.entries(line.options)) {
    const usual: fc.Arbitrary<unknown> =
      rule.kind === 'choice'
        ? fc.constantFrom(...rule.values)
        : fc.constantFrom(
            ...[rule.default, 0.5, 0.7, 2, 3, 1e-3, 100, 2 ** -100, 2 ** 100].filter(rule.check),
          );
    values[name] = mostly(just(usual), odd, 12);
  }
  return values;
}

export function optionsOf(line: Operator): fc.Arbitrary<OptionsRecipe> {
  const strange = fc.dictionary(
    fc.constantFrom('colums', 'k', '__proto__', 'constructor', 'toString', '', 'signal', 'rows'),
    odd,
    { minKeys: 1, maxKeys: 1 },
  );
  // Rows of a few columns are the usual case; each other option is there now and then.
  const { cols, ...others } = optionValues(line);
  const entries = Object.entries(others).map(([name, arbitrary]) =>
    mostly(fc.constant([name, undefined] as const), fc.tuple(fc.constant(name), arbitrary), 3),
  );
  const values = fc
    .tuple(
      mostly(fc.constant(undefined), cols, 2),
      mostly(fc.constant(undefined), strange, 40),
      ...entries,
    )
    .map(([first, unknown, ...rest]) => {
      const given: Record<string, Value> = first === undefined ? {} : { cols: first };
      for (const [name, value] of rest) if (value !== undefined) given[name] = value;
      return { ...given, ...unknown };
    });
  return fc.record({
    values,
    style: mostly(
      fc.constantFrom('plain' as const, 'getters', 'frozen', 'no prototype', 'proxy'),
      fc.constantFrom('instance', 'heir'),
      15,
    ),
    mischief: mostly(fc.constant('nothing' as const), fc.constantFrom(...mischiefs), 2),
    place: fc.nat(6),
    stranger: mostly(fc.constant(null), stranger, 30),
    polluted: mostly(
      fc.constant('no' as const),
      fc.constantFrom('numbers', 'objects', 'strings'),
      8,
    ),
  });
}

export function callOf(line: Operator): fc.Arbitrary<CallRecipe> {
  const inputs = fc.array(beside, { minLength: MOST_BESIDE, maxLength: MOST_BESIDE });
  return fc.record({ input, options: optionsOf(line), out, beside: inputs });
}

export { input as inputs, odd as oddValues, view as views };
