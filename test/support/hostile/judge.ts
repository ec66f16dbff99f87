/** Whether what came out of a call is right: one of its documented errors, or the oracle's answer and nothing else. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { types } from 'node:util';
import { SoftlaneError, SoftlaneRangeError, SoftlaneTypeError } from '../../../lib/errors';
import { boundDistance } from '../../../lib/ulp';
import { isas } from '../kernels/operators';
import type { TrueRow, Truth } from '../../../lib/operator';
import { viewWidth } from '../../../lib/views';
import type { Operator, OutputArray, Parameters } from '../kernels/operators';
import { fitsGrid, isColumns, rowInputs, wide } from './beside';
import { ARENA } from './memory';
import { lengthOf, offsetOf } from './world';
import type { World } from './world';
import { emptyOptions, isOwnFault, strangers } from './values';

const CLASSES = { SoftlaneTypeError, SoftlaneRangeError, SoftlaneError } as const;

/** Code by code, the class that the TSDoc of a function says it throws. */
export function documentedErrors(file: string, name: string): ReadonlyMap<string, string> {
  const source = readFileSync(join(__dirname, '../../..', 'lib', `${file}.ts`), 'utf8');
  const declaration = new RegExp(
    `/\\*\\*((?:[^*]|\\*(?!/))*)\\*/\\s*(?:export (?:const|function) )?(?:static )?${name}\\b`,
  );
  const comment = declaration.exec(source)?.[1] ?? '';
  const codes = new Map<string, string>();
  for (const [, kind, list] of comment.matchAll(/@throws (\w+)([^\n]*)/g)) {
    for (const [code] of list.matchAll(/ERR_SOFTLANE_\w+/g)) codes.set(code, kind);
  }
  if (codes.size === 0) throw new Error(`expected lib/${file}.ts to document what ${name} throws`);
  return codes;
}

/** Throws unless it is one of these errors, in one sentence; gives its code. */
export function expectDocumented(error: unknown, documented: ReadonlyMap<string, string>): string {
  if (isOwnFault(error)) return 'own fault';
  const { code, message } = error as SoftlaneError;
  const kind = documented.get(code);
  const Class = kind === undefined ? undefined : CLASSES[kind as keyof typeof CLASSES];
  if (Class === undefined || !(error instanceof Class)) {
    throw new Error(`expected a documented error, received ${String(error)}`, { cause: error });
  }
  if (!/^\w+: expected .+, received .+$/.test(message))
    throw new Error(`not a sentence: ${message}`);
  return code;
}

export interface Shape {
  readonly rows: number;
  readonly cols: number;
  readonly stride: number;
  readonly outStride: number;
  /** Values of the call's own options, defaults included. */
  readonly parameters: Parameters;
}

/** What no option takes. */
const INVALID = Symbol('invalid');

/** Values of options as they were given; absent ones are undefined, and objects are no value of any option. */
export function givenOptions(world: World): Record<string, unknown> {
  const { options } = world.recipe;
  const given = Object.create(null) as Record<string, unknown>;
  if (options.stranger !== null) return given;
  for (const name of world.ownOptions) {
    const { value, stranger } = options.values[name];
    const made: unknown = stranger === undefined ? value : strangers[stranger]();
    given[name] = typeof made === 'object' || typeof made === 'function' ? INVALID : made;
  }
  return given;
}

/** Whether every single value is one that the documentation allows. */
function valuesAreValid(world: World, names: readonly string[]): boolean {
  const { line, recipe } = world;
  const { options, input } = recipe;
  if (options.stranger !== null) {
    if (!emptyOptions.includes(options.stranger)) return false;
  } else if (options.style === 'instance' || options.style === 'heir') {
    return false;
  }
  if (input.tensor !== null) {
    const { type, location } = input.tensor;
    if (type !== undefined && type !== 'float32') return false;
    if (![undefined, 'cpu', 'cpu-pinned'].includes(location as string)) return false;
  }
  return Object.entries(givenOptions(world)).every(([name, value]) => {
    const { options: rules } = line.line;
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (name === 'signal' && world.kind === 'awaited') return value === undefined;
    if (rule === undefined && !names.includes(name)) return false;
    if (value === undefined) return true;
    if (rule?.kind === 'choice') return rule.values.includes(value as string);
    if (rule !== undefined) return typeof value === 'number' && rule.check(value);
    if (name === 'isa') return isas.includes(value as string);
    const most = name === 'threads' ? 1024 : 2 ** 53 - 1;
    return (
      Number.isInteger(value) &&
      (value as number) >= Number(name === 'threads') &&
      (value as number) <= most
    );
  });
}

const callNames = ['cols', 'stride', 'threads', 'isa'];

/** The shape that the documentation gives a call on x of this length; undefined where there is none. */
export function shapeOf(world: World, length: number): Shape | undefined {
  const { line, recipe } = world;
  const names = line.output === 'rows' ? [...callNames, 'outStride'] : callNames;
  if (!valuesAreValid(world, names)) return undefined;
  const given = givenOptions(world);
  const number = (name: string): number | undefined => given[name] as number | undefined;
  const { tensor } = recipe.input;
  let cols = number('cols');
  let stride = number('stride');
  let rows: number;
  if (tensor !== null && (stride !== undefined || number('outStride') !== undefined)) return;
  const said = tensor === null ? [length] : world.dims;
  if (!Array.isArray(said) && !types.isInt32Array(said)) return;
  const dims = Array.from(said as ArrayLike<unknown>) as number[];
  if (!dims.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) return;
  if (product(dims) !== length) return;
  const size = groupOf(world);
  if (cols === undefined) {
    if (stride !== undefined) return;
    cols = dims.length === 0 ? 1 : dims[dims.length - 1];
    rows = dims.slice(0, -1).reduce((product, dim) => product * dim, 1);
    if (rows % size !== 0) return;
    rows /= size;
    cols *= size;
    stride = cols;
  } else {
    cols *= size;
    stride ??= cols;
    if (stride < cols) return;
    rows = length === 0 ? 0 : Math.floor((length - cols) / stride) + 1;
    if (length > 0 && !(cols > 0 && rows > 0 && length <= rows * stride)) return;
  }
  // Beyond what an index, or a number of rows, can say.
  if (line.element === 'int32' && cols > 0x7fffffff) return;
  if (!Number.isSafeInteger(rows) || !Number.isSafeInteger(cols)) return;
  const inPlace = world.out !== undefined && world.out === world.x;
  const wide = number('outStride') ?? (inPlace ? stride : cols);
  if (line.output === 'rows' && wide < cols) return;
  if (!limitsHold(world, cols)) return;
  const parameters = parametersOf(world);
  const own = line.output === 'rows' ? wide : widthOf(world, cols);
  return { rows, cols, stride, outStride: own, parameters };
}

/** Rows that are one to the oracle. */
export function groupOf(world: World): number {
  const { group } = world.line.line;
  const size = group === undefined ? 1 : parametersOf(world)[group];
  return typeof size === 'number' ? size : 1;
}

/** Elements of a row's result. */
export function widthOf(world: World, cols: number): number {
  if (typeof cols !== 'number') return NaN;
  const numbers = Object.entries(givenOptions(world)).filter(([, v]) => typeof v === 'number');
  return viewWidth(world.line, cols, Object.fromEntries(numbers));
}

/** Options that may not be more than the columns are. */
export function limitsHold(world: World, cols: number): boolean {
  const given = givenOptions(world);
  return Object.entries(world.line.line.options).every(([name, rule]) => {
    const limited = rule.kind === 'number' && rule.upTo === 'cols';
    return !limited || ((given[name] ?? rule.default) as number) <= Math.max(cols, 1);
  });
}

/** What comes of a call of this shape, as far as the arrays beside x and the elements go. */
export function fateOf(
  world: World,
  { rows, cols, stride, parameters }: Shape,
): 'answer' | 'refusal' | 'either' {
  const { line, beside, elements } = world;
  const fits = beside.map((each) => fitsGrid(each, { rows, cols, stride, parameters }));
  const needed = line.part?.needs;
  const lacks = beside.some(({ operand, given }) => operand.name === needed && given === undefined);
  if (lacks || fits.includes(false)) return 'refusal';
  if (!world.isAsked && world.line.line.lists !== undefined) return 'refusal';
  // An object may inherit what a tensor says of itself.
  const isSpoilt = world.recipe.options.polluted !== 'no';
  const isTensor = beside.some(
    ({ recipe, given }) => recipe.how === 'tensor' && given !== undefined,
  );
  // Beside a tensor it has to have the dims of that one, which a list of its elements may be.
  const isBoth = isTensor && world.recipe.input.tensor !== null;
  if (fits.includes(undefined) || (isSpoilt && isTensor) || isBoth) return 'either';
  const throwsNaN = parameters['nan'] === 'throw';
  const columns = beside.filter(({ operand, array }) => isColumns(operand) && array);
  for (let r = 0; r < rows && cols > 0; r++) {
    const row = elements.subarray(r * stride, r * stride + cols);
    if (throwsNaN && row.some(Number.isNaN)) return 'refusal';
    for (const { operand, seen } of columns) {
      const width = wide(operand, cols, parameters);
      const own = seen.slice(r * width, (r + 1) * width);
      if (!own.every((column) => column >= 0 && column < cols)) return 'refusal';
    }
  }
  return 'answer';
}

export function parametersOf(world: World): Parameters {
  const given = givenOptions(world);
  const entries = Object.entries(world.line.line.options);
  return Object.fromEntries(
    entries.map(([name, rule]) => [name, (given[name] ?? rule.default) as number]),
  );
}

/** A sentence about the first element that is not the oracle's; undefined where there is none. */
function wrongElement(world: World, y: OutputArray, shape: Shape): string | undefined {
  const { line, elements, beside } = world;
  const { line: operator, part } = line;
  const { rows, cols, stride, outStride, parameters } = shape;
  const compare = (at: number, truth: number, size?: number): string | undefined => {
    const distance = boundDistance(y[at], truth, line.bound, size);
    if (distance <= line.bound.maxUlp) return undefined;
    return `expected ${truth} at ${at}, received ${y[at]} (${distance} ULP)`;
  };
  // Where there are no columns, all rows are the same.
  for (let r = 0; r < Math.min(rows, cols === 0 ? 100 : Infinity); r++) {
    const row = elements.subarray(r * stride, r * stride + cols);
    const whole = operator.oracle(row, parameters, rowInputs(beside, r, cols, parameters));
    const truth = part === undefined ? whole : (whole as Record<string, Truth>)[part.name];
    const values = typeof truth === 'number' ? [truth] : (truth as TrueRow);
    const { sizes } = values as Partial<TrueRow>;
    for (let c = 0; c < values.length; c++) {
      const wrong = compare(r * outStride + c, values[c], sizes?.[c]);
      if (wrong !== undefined) return wrong;
    }
  }
  return undefined;
}

function outputLength(line: Operator, { rows, cols, outStride }: Shape): number {
  if (line.output !== 'rows') return rows * outStride;
  return rows === 0 || cols === 0 ? 0 : (rows - 1) * outStride + cols;
}

/** The dims of a result for x with these dims, or for an array x. */
function resultDims(world: World, { rows, cols, outStride }: Shape): number[][] {
  const { line, recipe } = world;
  const { tensor } = recipe.input;
  // Any dims that say as many rows of as many columns.
  if (tensor === null) return [];
  const dims = Array.from(world.dims as ArrayLike<number>);
  if (line.output === 'rows' || line.part?.extent === 'rows') return [dims];
  const size = groupOf(world);
  const last = dims.length === 0 ? 1 : dims[dims.length - 1];
  const isGroup = line.line.group !== undefined && dims.at(-2) === size && last * size === cols;
  const outer = isGroup ? dims.slice(0, -2) : last === cols ? dims.slice(0, -1) : [rows];
  return [line.output === 'perRow' ? outer : [...outer, outStride]];
}

const product = (dims: readonly number[]): number => dims.reduce((all, dim) => all * dim, 1);

/** Whether the dims of an output are those of the result. */
function dimsFit(world: World, dims: readonly number[], shape: Shape): boolean {
  const [want] = resultDims(world, shape);
  if (want !== undefined) return String(want) === String(dims);
  // Of one of several outputs they are its own business.
  if (world.line.part !== undefined) return true;
  if (world.line.output === 'perRow') return product(dims) === shape.rows;
  const last = dims.length === 0 ? 1 : dims[dims.length - 1];
  return last === shape.cols && product(dims.slice(0, -1)) === shape.rows;
}

/** The array of a result, and whether result and dims are of the kind that was promised. */
function resultArray(world: World, whole: unknown, shape: Shape): OutputArray {
  const { line, recipe } = world;
  const { part } = line;
  const result = part === undefined ? whole : (whole as Record<string, unknown>)[part.name];
  const isArray = line.element === 'float32' ? types.isFloat32Array : types.isInt32Array;
  if (world.out !== undefined) {
    if (result !== world.out) throw new Error('expected the output that was given');
    if (recipe.out.to === 'tensor') {
      const dims = Array.from((result as { dims: ArrayLike<number> }).dims);
      if (!dimsFit(world, dims, shape)) throw new Error(`an output of dims ${dims.join()}`);
    }
    return world.outArray ?? world.array;
  }
  const { tensor } = recipe.input;
  const array = (tensor === null ? result : (result as { data: unknown }).data) as OutputArray;
  if (!isArray(array)) throw new Error('expected a new array of the right type');
  if (array.length !== outputLength(line, shape)) throw new Error(`a length of ${array.length}`);
  if (tensor === null) return array;
  const { dims, type } = result as { dims: number[]; type: unknown };
  const isSure = world.lengths.size === 1;
  if (product(dims) !== array.length || (isSure && !dimsFit(world, dims, shape))) {
    throw new Error(`dims ${dims.join()} for ${array.length} elements`);
  }
  if (tensor.type !== undefined && type !== line.element) throw new Error(`type ${String(type)}`);
  return array;
}

/** Whether nothing is wrong with a call at all: then it must not be refused. */
export function isFaultless(world: World, shapes = shapesOf(world)): boolean {
  const { recipe, line } = world;
  const { input, out, options } = recipe;
  if (shapes.length !== 1 || input.stranger !== null || options.mischief !== 'nothing')
    return false;
  if (input.view.form === 'lying length') return false;
  // A class may inherit what a tensor says of itself, and so a polluted object does.
  if (input.tensor !== null && options.polluted !== 'no') return false;
  const [shape] = shapes;
  if (fateOf(world, shape) !== 'answer') return false;
  if (outputLength(line, shape) > ARENA) return false;
  if (world.out === undefined) return true;
  if (out.to === 'x') return line.output === 'rows' && shape.stride === shape.outStride;
  if (out.to !== 'array' || out.view.form === 'lying length' || out.view.before !== 'nothing') {
    return false;
  }
  return lengthOf(world.outArray!) >= outputLength(line, shape);
}

/** Elements of the arena that the call may write to. */
export function mayWrite(world: World, shapes: readonly Shape[]): (index: number) => boolean {
  const { line, outArray, outArena } = world;
  if (outArray === undefined) return () => false;
  const from = (offsetOf(outArray) - outArena.start) / 4;
  return (index) =>
    shapes.some(({ rows, cols, outStride }) => {
      const at = index - from;
      if (at < 0 || index >= ARENA) return false;
      if (line.output !== 'rows') return at < rows * outStride;
      return at % outStride < cols && Math.floor(at / outStride) < rows;
    });
}

/** Every shape that x can have had when its length was read. */
export function allShapesOf(world: World): Shape[] {
  if (world.gone) return [];
  return [...world.lengths].flatMap((length) => shapeOf(world, length) ?? []);
}

/** Those that have an answer; none where the call is to be refused. */
export function shapesOf(world: World): Shape[] {
  return allShapesOf(world).filter((shape) => fateOf(world, shape) !== 'refusal');
}

/** What an error may have written: a row without a result leaves those of the others. */
export function mayWriteAt(error: unknown, world: World, shapes: readonly Shape[]) {
  const isRow = /^\w+: .* row \d+$/.test((error as Error).message);
  return isRow ? mayWrite(world, shapes) : () => false;
}

/** Throws unless `result` is the oracle's answer for the world as it was last noted. */
export function expectAnswer(world: World, result: unknown, shapes = shapesOf(world)): void {
  const { line } = world;
  if (shapes.length === 0) throw new Error('expected these arguments to be refused');
  if (!world.isAsked && line.part?.optional === true) return;
  const problems = shapes.map((shape) => {
    try {
      const y = resultArray(world, result, shape);
      if (lengthOf(y) < outputLength(line, shape)) return `an output of ${lengthOf(y)} elements`;
      return wrongElement(world, y, shape);
    } catch (error) {
      return (error as Error).message;
    }
  });
  if (problems.every((problem) => problem !== undefined)) throw new Error(problems.join('; or '));
}

/** Throws where memory was written to that is none of the call's. */
export function expectUntouched(world: World, allowed: (index: number) => boolean): void {
  for (const arena of world.arenas()) {
    const place = arena.changed(arena === world.outArena ? allowed : () => false);
    if (place >= 0) throw new Error(`element ${place} was written`);
  }
}
