/** From a recipe to the objects of a call, and the mischief that is done to them. */
import type { Operator, OutputArray } from '../kernels/operators';
import { Random } from '../kernels/random';
import type { Beside, Grid } from './beside';
import { makeBeside } from './beside';
import { ARENA, Arena } from './memory';
import type {
  CallRecipe,
  InputRecipe,
  Mischief,
  OptionsRecipe,
  TensorRecipe,
  ViewRecipe,
} from './recipes';
import { OnPurpose, emptyOptions, polluted, strangers } from './values';

const CANARY = 0x40e00000; // 7

export function fillWords(words: Uint32Array, recipe: ViewRecipe): void {
  const random = new Random(recipe.seed);
  const float = new Float32Array(words.buffer, words.byteOffset, words.length);
  const special = [NaN, Infinity, -Infinity, -0, 1e-45, -1e-40, 3.4e38, -3.4e38, 0, 1];
  const equal = random.uniform(-50, 50);
  for (let i = 0; i < words.length; i++) {
    if (recipe.content === 'any bits') words[i] = random.bits();
    else if (recipe.content === 'equal') float[i] = equal;
    else if (recipe.content === 'special' && random.chance(0.3)) float[i] = random.pick(special);
    else float[i] = random.uniform(-10, 10);
  }
}

type Maker = new (buffer: ArrayBufferLike, offset: number, length?: number) => OutputArray;

/** Throws at whoever uses its methods, which are not softlane's to use. */
export function hostile(Base: Maker): Maker {
  const lie = (): never => {
    throw new OnPurpose('a method that nobody should need');
  };
  const Class = class extends (Base as unknown as typeof Float32Array) {};
  Object.defineProperty(Class, Symbol.species, { get: lie });
  Object.defineProperty(Class.prototype, 'constructor', { get: lie });
  for (const name of ['slice', 'subarray', 'set', 'fill', 'at', 'forEach', 'map']) {
    Object.defineProperty(Class.prototype, name, { value: lie });
  }
  return Class as unknown as Maker;
}

export function makeView(arena: Arena, recipe: ViewRecipe, kind: 'float32' | 'int32'): OutputArray {
  const Base = (kind === 'float32' ? Float32Array : Int32Array) as unknown as Maker;
  const Class =
    recipe.form === 'subclass'
      ? (class extends (Base as unknown as typeof Float32Array) {} as unknown as Maker)
      : recipe.form === 'hostile subclass'
        ? hostile(Base)
        : Base;
  const grows = arena.kind === 'resizable' || arena.kind === 'growable';
  const length =
    recipe.tracking && grows ? undefined : Math.min(recipe.length, ARENA - recipe.from);
  const array = new Class(arena.memory, arena.start + 4 * recipe.from, length);
  if (recipe.form === 'lying length') Object.defineProperty(array, 'length', { value: 4000 });
  if (recipe.form === 'own buffer') {
    Object.defineProperties(array, {
      buffer: { value: new ArrayBuffer(8) },
      byteOffset: { value: 4 },
      byteLength: { value: 2 ** 40 },
    });
  }
  return array;
}

const TYPED = Object.getPrototypeOf(Uint8Array.prototype) as object;
const getter = (name: string): ((array: object) => number) => {
  const { get } = Object.getOwnPropertyDescriptor(TYPED, name)!;
  return (array) => Reflect.apply(get!, array, []) as number;
};
/** What is true of an array, whatever it says itself. */
export const lengthOf = getter('length');
const { at } = TYPED as { at: (this: unknown, index: number) => unknown };

/** Without memory: detached, or beyond the end of what is left of its buffer. */
function isGone(array: object): boolean {
  try {
    Reflect.apply(at, array, [0]);
    return false;
  } catch {
    return true;
  }
}

export const offsetOf = getter('byteOffset');

export class World {
  readonly arena: Arena;
  readonly outArena: Arena;
  /** The array within x, if there is one. */
  readonly array: Float32Array;
  readonly x: unknown;
  /** What x says of its dims, if it is a tensor. */
  readonly dims: unknown;
  outArray: OutputArray | undefined;
  out: unknown;
  readonly options: unknown;
  /** Names of the options that are as the recipe has them. */
  readonly ownOptions = new Set<string>();
  /** Whether x has lost its memory: then a call must be refused. */
  gone = false;
  /** Lengths that x has had, and its elements as they were last. */
  readonly lengths = new Set<number>();
  elements: Float32Array = new Float32Array(0);
  /** Whether the options are ours, and ask for the output that is looked at. */
  isAsked = true;
  /** What the operator reads beside x. */
  beside: readonly Beside[] = [];
  /** For asynchronous calls. */
  readonly abort = new AbortController();

  constructor(
    readonly line: Operator,
    readonly recipe: CallRecipe,
    /** Something to call from within a getter. */
    private readonly again: () => void,
    readonly kind: 'called' | 'planned' | 'awaited' = 'called',
    /** Options instead of those of the recipe, by name. */
    private readonly extra: (world: World) => Record<string, unknown> = () => ({}),
    /** What the call makes of x, as far as can be known. */
    private readonly gridOf: (world: World) => Grid | undefined = () => undefined,
  ) {
    const { view } = recipe.input;
    this.arena = new Arena(view.memory);
    const { out } = recipe;
    const apart = 'view' in out && out.to !== 'overlap';
    this.outArena = apart ? new Arena(out.view.memory) : this.arena;
    for (const arena of new Set([this.arena, this.outArena])) arena.words().fill(CANARY);
    fillWords(this.arena.words(), view);
    this.array = makeView(this.arena, view, 'float32') as Float32Array;
    const { tensor } = recipe.input;
    this.dims = tensor === null ? undefined : dimsOf(tensor, lengthOf(this.array));
    this.x = this.makeInput(recipe.input);
    this.makeOut();
    this.disturb(view.before, this.arena);
    if (apart) this.disturb(out.view.before, this.outArena);
    this.options = this.makeOptions(recipe.options);
    this.note();
  }

  /** Remembers everything as it is now. */
  note(): void {
    for (const arena of this.arenas()) arena.keep();
    for (const each of this.beside) {
      const { array } = each;
      if (array !== undefined)
        each.seen = Array.from({ length: lengthOf(array) }, (_, i) => array[i]);
    }
    const length = lengthOf(this.array);
    this.gone = isGone(this.array);
    this.lengths.add(length);
    this.elements = new Float32Array(length);
    for (let i = 0; i < length; i++) this.elements[i] = this.array[i];
  }

  arenas(): Set<Arena> {
    const others = this.beside.flatMap(({ arena }) => arena ?? []);
    return new Set([this.arena, this.outArena, ...others]);
  }

  /** What is to go to `out`: of an operator of several outputs, an object. */
  get outOption(): unknown {
    const { part } = this.line;
    return part === undefined ? this.out : { [part.name]: this.out };
  }

  /** The arrays beside x by name, as options have them. */
  get besideOptions(): [string, unknown][] {
    return this.beside.map(({ operand, given }) => [operand.name, given]);
  }

  private disturb(what: ViewRecipe['before'], arena: Arena): void {
    if (what === 'detach') arena.detach();
    if (what === 'shrink') arena.shrink(20);
    if (what === 'grow') arena.grow();
  }

  mischief(what: Mischief): void {
    const { arena, outArena } = this;
    if (what === 'detach x') arena.detach();
    if (what === 'shrink x') arena.shrink(24);
    if (what === 'grow x') arena.grow();
    if (what === 'write x') for (let i = 0; i < lengthOf(this.array); i++) this.array[i] = i % 5;
    if (what === 'detach out') outArena.detach();
    if (what === 'shrink out') outArena.shrink(24);
    if (what === 'grow out') outArena.grow();
    if (what === 'call again') this.again();
    for (const { array, arena } of this.beside) {
      if (what === 'detach beside') arena?.detach();
      if (what === 'shrink beside') arena?.shrink(3);
      if (what !== 'write beside' || array === undefined) continue;
      for (let i = 0; i < lengthOf(array); i++) array[i] = (array[i] * 3 + i) % 4;
    }
    this.note();
    if (what === 'throw') throw new OnPurpose('on purpose');
  }

  private makeInput(recipe: InputRecipe): unknown {
    if (recipe.stranger !== null) return strangers[recipe.stranger]();
    if (recipe.tensor === null) return this.array;
    const act = (): void => this.mischief(this.recipe.options.mischief);
    return makeTensor(recipe.tensor, this.array, this.dims, act);
  }

  private makeOut(): void {
    const { out } = this.recipe;
    const { element } = this.line;
    const other = element === 'float32' ? 'int32' : 'float32';
    if (out.to === 'x') this.out = this.x;
    if (out.to === 'x' && element === 'float32') this.outArray = this.array;
    if (out.to === 'stranger') this.out = strangers[out.stranger]();
    if (!('view' in out)) return;
    const array = makeView(this.outArena, out.view, out.to === 'wrong array' ? other : element);
    this.outArray = array;
    const dims = dimsOf(out.tensor, lengthOf(array));
    this.out = out.to === 'tensor' ? makeTensor(out.tensor, array, dims, () => {}) : array;
  }

  private makeOptions(recipe: OptionsRecipe): unknown {
    if (recipe.stranger !== null) {
      if (emptyOptions.includes(recipe.stranger)) this.out = undefined;
      this.isAsked = false;
      const none = this.recipe.beside.map((each) => ({ ...each, how: 'none' as const }));
      this.beside = makeBeside(this.line, none, this.array, undefined);
      return strangers[recipe.stranger]();
    }
    const extra = this.extra(this);
    const own = Object.entries(recipe.values).filter(([name]) => !Object.hasOwn(extra, name));
    const values: [string, unknown][] = own.map(([name, given]) => [
      name,
      given.stranger === undefined ? given.value : strangers[given.stranger](),
    ]);
    for (const [name] of own) this.ownOptions.add(name);
    const { beside } = this.recipe;
    this.beside = makeBeside(this.line, beside, this.array, this.gridOf(this));
    for (const { recipe: each, arena } of this.beside) {
      if (arena !== undefined) this.disturb(each.view.before, arena);
    }
    const isPlanned = this.kind === 'planned';
    if (this.recipe.out.to !== 'none' && !isPlanned) values.push(['out', this.outOption]);
    if (!isPlanned) values.push(...this.besideOptions.filter(([, given]) => given !== undefined));
    values.push(...this.asking());
    values.push(...Object.entries(extra));
    const target = (
      recipe.style === 'no prototype'
        ? Object.create(null)
        : recipe.style === 'instance'
          ? new (class Options {})()
          : {}
    ) as Record<string, unknown>;
    const act = (): void => this.mischief(recipe.mischief);
    values.forEach(([name, value], i) => {
      const get = (): unknown => {
        if (i === recipe.place % values.length) act();
        return value;
      };
      const how = recipe.style === 'getters' ? { get } : { value };
      Object.defineProperty(target, name, { ...how, enumerable: true, configurable: true });
    });
    if (recipe.style === 'frozen') return Object.freeze(target);
    if (recipe.style === 'heir') return Object.create(target) as unknown;
    if (recipe.style !== 'proxy') return target;
    return new Proxy(target, {
      get(of, key, receiver) {
        act();
        return Reflect.get(of, key, receiver) as unknown;
      },
    });
  }

  /** The options that ask for the output that is looked at. */
  private asking(): [string, unknown][] {
    const { part, line } = this.line;
    if (part === undefined) return [];
    if (line.lists !== undefined) return [[line.lists, [part.name]]];
    return part.optional ? [[part.name, true]] : [];
  }

  /** Runs `work` in a world whose objects have properties that nobody gave them. */
  within<T>(work: () => T): T {
    const kind = this.recipe.options.polluted;
    if (kind === 'no') return work();
    const value = kind === 'numbers' ? -1 : kind === 'strings' ? 'spoilt' : new Float32Array(4);
    return polluted(value, work);
  }
}

class OrtLike {
  constructor(
    readonly type: unknown,
    readonly data: unknown,
    readonly dims: unknown,
    readonly location?: unknown,
  ) {}
}

class Throwing extends OrtLike {
  constructor(...given: [unknown, unknown, unknown, unknown?]) {
    if (new.target === Throwing && given.length === 3) throw new OnPurpose('no such tensor');
    super(...given);
  }
}

class Lying extends OrtLike {
  constructor(...given: [unknown, unknown, unknown, unknown?]) {
    super(given[0], given[1], given.length === 3 ? [2 ** 40] : given[2], given[3]);
  }
}

/** The dims of a tensor recipe for data of this length. */
function dimsOf(recipe: TensorRecipe, length: number): unknown {
  const { split } = recipe;
  const fit = length % split === 0 ? [length / split, split] : [1, length];
  switch (recipe.dims) {
    case 'fit':
      return fit;
    case 'Int32Array':
      return Int32Array.from([1, ...fit]);
    case 'flat':
      return length === 1 ? [] : [length];
    case 'wrong':
      return split % 2 === 0 ? [Math.max(0, length - 1), 1] : [length + 1, split];
    case 'huge':
      return length === 0 ? [2 ** 52, 2 ** 52, 0, split] : [2 ** 32, 2 ** 32];
    default:
      return [[3, 4], 'abc', [-1], [NaN], [0.5, 2], [2n], { length: 2 }, null][split];
  }
}

function makeTensor(
  recipe: TensorRecipe,
  data: OutputArray,
  dims: unknown,
  act: () => void,
): unknown {
  const { type, location } = recipe;
  const Class = { class: OrtLike, 'throwing class': Throwing, 'lying class': Lying }[
    recipe.object as string
  ];
  if (Class !== undefined) return new Class(type, data, dims, location);
  const plain = { type, data, dims, location };
  if (recipe.object === 'plain') return plain;
  if (recipe.object === 'getters') {
    return {
      location,
      type,
      get data() {
        act();
        return data;
      },
      get dims() {
        act();
        return dims;
      },
    };
  }
  return new Proxy(plain, {});
}
