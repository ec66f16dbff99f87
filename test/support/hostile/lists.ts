/** Lists of numbers in every form that a function which takes "an array" may be given. */
import { types } from 'node:util';
import fc from 'fast-check';
import { growable, resizable } from '../../helpers/memory';
import { made } from './any';
import { hostile } from './world';
import { oddSizes, strangerNames } from './values';

const forms = [
  ...['array', 'Float64Array', 'Float32Array', 'Uint8Array', 'BigInt64Array', 'array-like'],
  ...['proxy', 'getters', 'heir', 'lying length', 'hostile subclass', 'detached', 'shrunk'],
  ...['shared', 'resizable', 'growable', 'stranger'],
] as const;
type Form = (typeof forms)[number];

export interface ListRecipe {
  readonly form: Form;
  readonly values: readonly number[];
  /** One element is something else. */
  readonly odd: { readonly at: number; readonly value: unknown } | null;
  readonly length: unknown;
  readonly stranger: string;
}

/** Lists of these values; mostly plain arrays. `odd`: what else an element may be, beside numbers that are none. */
export function listOf(value: fc.Arbitrary<number>, maxLength = 12): fc.Arbitrary<ListRecipe> {
  const strange = fc.oneof(
    fc.constantFrom(...oddSizes, 0.3, undefined),
    fc.constantFrom(...strangerNames).map((name) => ({ stranger: name })),
  );
  return fc.record({
    form: fc.oneof(
      { weight: 2, arbitrary: fc.constant('array' as const) },
      { weight: 1, arbitrary: fc.constantFrom(...forms) },
    ),
    values: fc.array(value, { maxLength }),
    odd: fc.oneof(
      { weight: 9, arbitrary: fc.constant(null) },
      { weight: 1, arbitrary: fc.record({ at: fc.nat(maxLength), value: strange }) },
    ),
    length: fc.oneof(
      { weight: 2, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: strange },
    ),
    stranger: fc.constantFrom(...strangerNames),
  }) as fc.Arbitrary<ListRecipe>;
}

export interface List {
  readonly list: unknown;
  /** What its elements are when they are looked at once, in order; undefined where it is no list of the kind. */
  readonly elements: readonly unknown[] | undefined;
}

/** A list, and what is true of it. */
export function makeList(recipe: ListRecipe): List {
  const { values, odd, form } = recipe;
  const elements: unknown[] = [...values];
  if (odd !== null && odd.at < values.length) elements[odd.at] = made(odd.value);
  const length = recipe.length === undefined ? values.length : made(recipe.length);
  const isLength = typeof length === 'number' && Number.isInteger(length) && length >= 0;
  // Beyond what there is, an element is undefined.
  const seen = !isLength
    ? undefined
    : Array.from({ length: Math.min(length, 100) }, (_, i) => elements[i]);
  const like = Object.assign(Object.create(null) as object, elements, { length });
  switch (form) {
    case 'array':
      return { list: elements, elements };
    case 'array-like':
      return { list: like, elements: seen };
    case 'heir':
      return { list: Object.create(like) as unknown, elements: seen };
    case 'proxy':
      return { list: new Proxy(elements, {}), elements };
    case 'getters':
      return { list: changing(elements), elements };
    case 'stranger':
      return strangerList(made({ stranger: recipe.stranger }));
    case 'BigInt64Array': {
      const list = BigInt64Array.from(values, () => 1n);
      return { list, elements: undefined };
    }
    default:
      return typedList(form, values);
  }
}

/** Elements that are something else at every further look, and a list that grows while it is read. */
function changing(elements: readonly unknown[]): unknown {
  const list: unknown[] = [];
  elements.forEach((value, i) => {
    let looks = 0;
    const get = (): unknown => {
      if (i === 0 && looks === 0) list.push(0.25);
      return looks++ === 0 ? value : Symbol('again');
    };
    Object.defineProperty(list, i, { get, enumerable: true, configurable: true });
  });
  return list;
}

function strangerList(list: unknown): List {
  try {
    if (types.isBigInt64Array(list)) return { list, elements: undefined };
    if (types.isTypedArray(list) || Array.isArray(list)) {
      return { list, elements: Array.from(list as number[]) };
    }
    const length = typeof list === 'object' && list !== null ? lengthOf(list) : undefined;
    const elements = Array.from({ length: length as number }, () => undefined);
    return { list, elements: length === undefined ? undefined : elements };
  } catch {
    return { list, elements: undefined };
  }
}

const lengthOf = (list: object): unknown => (list as { length?: unknown }).length;

function typedList(form: Form, values: readonly number[]): List {
  const bytes = 8 * values.length;
  const room = 8 * (values.length + 4);
  if (form === 'Float32Array' || form === 'Uint8Array') {
    const list = (form === 'Float32Array' ? Float32Array : Uint8Array).from(values);
    return { list, elements: Array.from(list) };
  }
  const buffer =
    form === 'shared'
      ? new SharedArrayBuffer(bytes)
      : form === 'resizable' || form === 'shrunk'
        ? resizable(bytes, room)
        : form === 'growable'
          ? growable(bytes, room)
          : new ArrayBuffer(bytes);
  const Class = (
    form === 'hostile subclass' ? hostile(Float64Array as never) : Float64Array
  ) as typeof Float64Array;
  const list = new Class(buffer as ArrayBuffer, 0, values.length);
  values.forEach((value, i) => (list[i] = value));
  if (form === 'lying length') {
    Object.defineProperty(list, 'length', { get: () => values.length + 7 });
  }
  if (form === 'detached') structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
  if (form === 'shrunk' && bytes > 0) (buffer as unknown as { resize(n: number): void }).resize(0);
  const isGone = form === 'detached' || (form === 'shrunk' && bytes > 0);
  return { list, elements: isGone ? undefined : [...values] };
}
