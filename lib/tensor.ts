import { SoftlaneTypeError, describe, wrongShape, wrongType } from './errors';
import { arrayOf, halvesOf, isHalves, kinds } from './elements';
import { readDims } from './layout';
import type { AnyElement, OperandArray } from './operator';

/**
 * Any object with `data` and `dims`: an onnxruntime or transformers.js Tensor, or a plain object. Rows run along the
 * last dimension. `data` is a Float32Array, or has 16-bit floats (docs/formats.md), in CPU memory (`location` absent,
 * 'cpu' or 'cpu-pinned').
 */
export interface TensorLike {
  readonly type?: string;
  readonly data: unknown;
  readonly dims: readonly number[];
  readonly location?: string;
}

/** A TensorLike whose data is known. */
export interface TensorOf<A> {
  readonly type?: string;
  readonly data: A;
  readonly dims: readonly number[];
}

/** The fields of a tensor, each read exactly once. */
export interface TensorFields {
  readonly object: TensorLike;
  readonly type: string | undefined;
  /** Of the data: one of those that were asked for. */
  readonly element: AnyElement;
  /** Whether the data is a Float16Array, of which these are the bits. */
  readonly halves: boolean;
  readonly data: OperandArray;
  readonly dims: readonly number[];
}

const CPU_LOCATIONS: readonly unknown[] = [undefined, 'cpu', 'cpu-pinned'];

/** Reads and checks the fields of `value`, which is known to be an object and no typed array. */
export function readTensor(
  operator: string,
  argument: string,
  value: object,
  ...elements: readonly [AnyElement, ...AnyElement[]]
): TensorFields {
  const object = value as TensorLike;
  // A tensor on a GPU, or one that was disposed, throws when its data is read: look at the location first.
  const location: unknown = object.location;
  if (!CPU_LOCATIONS.includes(location)) {
    throw new SoftlaneTypeError(
      'ERR_SOFTLANE_TYPE',
      `${operator}: expected ${argument} to be in CPU memory (await ${argument}.getData() first), received location ${describe(location)}`,
    );
  }
  const type: unknown = object.type;
  const source: unknown = object.data;
  const given: unknown = object.dims;
  const halves = isHalves(source);
  // Without a type, bits are those of the format that is asked for alone.
  const byType = elements.find((each) => each === type);
  const element =
    byType ?? (halves ? elements.find((each) => each === 'float16') : undefined) ?? elements[0];
  const { name: array, is } = kinds[element];
  const data = arrayOf(element, source);
  if (data === undefined && given === undefined) {
    throw wrongType(operator, argument, `${array} or an object with data and dims`, value);
  }
  if (type !== undefined && byType === undefined) {
    const expected = elements.map((each) => JSON.stringify(each)).join(' or ');
    throw wrongType(operator, `${argument}.type`, expected, type);
  }
  if (!is(data)) {
    throw wrongType(operator, `${argument}.data`, array, source);
  }
  const dims = readDims(operator, `${argument}.dims`, given);
  const size = dims.reduce((product, dim) => product * dim, 1);
  const { length } = data;
  if (size !== length) {
    throw wrongShape(
      operator,
      `${argument}.data`,
      `have as many elements as ${argument}.dims [${dims.join(', ')}] say (${size})`,
      `${length} elements`,
    );
  }
  return { object, type: type as string | undefined, element, halves, data, dims };
}

/**
 * A tensor of the same kind as `like`. Where its class takes (type, data, dims) in its constructor, as onnxruntime's
 * and transformers.js's do, the result is of that class; it is checked, and anything else gives a plain object.
 */
export function makeTensor(
  like: TensorFields,
  element: AnyElement,
  bits: OperandArray,
  dims: readonly number[],
): TensorOf<OperandArray> {
  const again = like.halves && element === 'float16';
  const data = again ? (halvesOf(bits as Uint16Array) as OperandArray) : bits;
  if (like.type !== undefined) {
    const made = construct(like.object, element, data, dims);
    if (made !== undefined) return made;
    return { type: element, data, dims };
  }
  return { data, dims };
}

function construct(
  object: object,
  element: string,
  data: OperandArray,
  dims: readonly number[],
): TensorOf<OperandArray> | undefined {
  const prototype = Object.getPrototypeOf(object) as object | null;
  // A plain object, of this realm or another.
  if (prototype === null || Object.getPrototypeOf(prototype) === null) return undefined;
  try {
    const maker: unknown = (object as { constructor?: unknown }).constructor;
    if (typeof maker !== 'function') return undefined;
    const made = Reflect.construct(maker, [element, data, dims]) as TensorOf<OperandArray>;
    const same =
      made.type === element &&
      made.data === data &&
      made.dims.length === dims.length &&
      dims.every((dim, axis) => made.dims[axis] === dim);
    return same ? made : undefined;
  } catch {
    // The class has another constructor: a plain object serves as well.
    return undefined;
  }
}
