import { viewWidth, type View } from '../views';
import type { Found } from './check';
import { allocate, type Pages } from './memory';
import { Rotation, countOf, strideOf, type OutputArray, type OutputType } from './outputs';
import type { Contender, Family } from './task';

/** Said of a contender that cannot run here; the others do. */
export class Absent extends Error {}

/** A contender, ready to be timed. It loops over its own calls: none pays for a loop that others made megamorphic. */
export interface Ready {
  batch(count: number): void | Promise<void>;
  /** Of the last call; absent where the work is no operator. */
  readonly result?: (() => ArrayLike<number>) | undefined;
  /** Where a result is more than one array: what is wrong with the last one. */
  readonly verify?: (() => Found) | undefined;
}

export type Maker = (contender: Contender, ground: Ground) => Ready | Promise<Ready>;

/** What the contenders of one trial share: the input, and outputs that take turns. */
export class Ground {
  readonly #inputs = new Map<Pages, Float32Array>();
  readonly #rotations = new Map<string, Rotation<OutputArray>>();

  constructor(
    readonly family: Family,
    /** Bytes of the largest cache. */
    readonly cache: number,
    private readonly operators: (name: string) => View,
    readonly x: Float32Array,
  ) {
    this.#inputs.set('default', x);
  }

  lineOf(contender: Contender): View {
    return this.operators(contender.op ?? this.family.op);
  }

  inputOf({ pages = 'default' }: Contender): Float32Array {
    const known = this.#inputs.get(pages);
    if (known !== undefined) return known;
    const copy = allocate(this.x.length, pages);
    copy.set(this.x);
    this.#inputs.set(pages, copy);
    return copy;
  }

  /** Shared by all that write outputs of this type, length and pages. */
  rotation<T extends OutputArray>(
    type: OutputType<T>,
    length: number,
    pages: Pages = 'default',
  ): Rotation<T> {
    const key = `${type.name} ${length} ${pages}`;
    const known = this.#rotations.get(key);
    if (known !== undefined) return known as Rotation<OutputArray> as Rotation<T>;
    const { cold } = this.family;
    const count = countOf(length * type.BYTES_PER_ELEMENT, cold, this.cache);
    const made =
      pages === 'default'
        ? Rotation.of(type, length, count)
        : new Rotation(paged(type, length, count, pages));
    this.#rotations.set(key, made as Rotation<OutputArray>);
    return made;
  }

  /** Outputs of an operator of ours, or of a rival that does the same. */
  outputOf(contender: Contender): Rotation<Float32Array | Int32Array> {
    const line = this.lineOf(contender);
    const { rows, cols } = this.family.shape;
    const length = rows * viewWidth(line, cols, this.family.options);
    return line.element === 'int32'
      ? this.rotation(Int32Array, length, contender.pages)
      : this.rotation(Float32Array, length, contender.pages);
  }
}

/** Outputs that all lie in pages of that size; in one block while that may be, for pages of 2 MiB hold many. */
function paged<T extends OutputArray>(
  type: OutputType<T>,
  length: number,
  count: number,
  pages: Pages,
): T[] {
  const stride = strideOf(length * type.BYTES_PER_ELEMENT);
  const within = stride * count <= 2 ** 30 ? count : 1;
  return Array.from({ length: Math.ceil(count / within) }, () =>
    allocate((stride / 4) * within, pages),
  ).flatMap(({ buffer, byteOffset }) =>
    Array.from(
      { length: within },
      (_, i) => new type(buffer as ArrayBuffer, byteOffset + i * stride, length),
    ),
  );
}
