/** A call of the addon past TypeScript with the operands of a catalogue line, and what must come of it. */
import fc from 'fast-check';
import { native } from '../../../lib/configure';
import { extentWidth, operandLength } from '../../../lib/operands';
import type { Inputs, Operand, Operator as Line, TrueRow, Truth } from '../../../lib/operator';
import { groupSize, operandsOf, parametersOf } from '../../../lib/operator';
import { Refusal, SPEC_LENGTH, Spec, Status } from '../../../lib/spec';
import { inputLength, outputLength } from '../../../lib/status';
import { boundDistance } from '../../../lib/ulp';
import { viewsOf } from '../../../lib/views';
import { call as callView } from '../kernels/operators';
import type { OutputArray } from '../kernels/operators';
import { isColumns } from './beside';
import { Arena } from './memory';
import { inputsOf, meets, operandRecipes, placeOperands, spanOf, tricks } from './operands';
import type { OperandRecipe, Placed, Span, Trick } from './operands';
import { views } from './recipes';
import type { ViewRecipe } from './recipes';
import { oddSizes } from './values';
import { lengthOf, makeView } from './world';

const binding = native();
const statuses = new Set<number>(Object.values(Status));
const refusals = new Set<number>(Object.values(Refusal));

const supported = new Int32Array(binding.isas.length);
binding.supported(supported);
const usable = (isa: number): boolean => supported[isa] === 1;

export interface Drawn {
  readonly rows: number;
  readonly cols: number;
  readonly gap: number;
  readonly numbers: readonly number[];
  readonly choices: readonly number[];
  readonly asked: readonly boolean[];
  readonly isa: number;
  readonly threads: number;
  readonly field: number;
  readonly odd: number;
  readonly x: ViewRecipe;
  readonly y: ViewRecipe;
  readonly operands: readonly OperandRecipe[];
  readonly trick: Trick;
  readonly hasNaN: boolean;
}

const seldom = <T>(usual: fc.Arbitrary<T>, rare: fc.Arbitrary<T>, weight: number) =>
  fc.oneof({ weight, arbitrary: usual }, { weight: 1, arbitrary: rare });
const oddNumbers = [...oddSizes.filter((value) => typeof value === 'number'), 2 ** 62, 1e-300];
const still: fc.Arbitrary<ViewRecipe> = views.map((view) => ({
  ...view,
  from: Math.min(view.from, 10),
  length: 85,
}));

/** Of many results fewer are asked for: each is one more that may be wrong. */
const asking = (count: number): fc.Arbitrary<boolean> =>
  fc.nat(Math.max(1, Math.floor(count / 12))).map((n) => n === 0);

export function drawnFor(line: Line): fc.Arbitrary<Drawn> {
  const count = operandsOf(line).length;
  return fc.record({
    rows: fc.nat(5),
    cols: fc.nat(8),
    gap: fc.nat(2),
    numbers: fc.array(fc.constantFrom(1, 2, 3, 0.5, 0), { minLength: 8, maxLength: 8 }),
    choices: fc.array(fc.nat(3), { minLength: 8, maxLength: 8 }),
    asked: fc.array(asking(count), { minLength: count, maxLength: count }),
    isa: fc.integer({ min: -1, max: binding.isas.length - 1 }),
    threads: fc.nat(3),
    field: fc.nat(4 * SPEC_LENGTH),
    odd: fc.constantFrom(...oddNumbers),
    x: still,
    y: seldom(still, views, 12),
    operands: fc.array(operandRecipes, { minLength: count, maxLength: count }),
    trick: seldom(fc.constant('nothing' as const), fc.constantFrom(...tricks), 3),
    hasNaN: seldom(fc.constant(false), fc.constant(true), 6),
  }) as fc.Arbitrary<Drawn>;
}

function specOf(line: Line, drawn: Drawn): Float64Array {
  const spec = new Float64Array(SPEC_LENGTH);
  spec[Spec.op] = binding.operators.indexOf(line.name);
  spec[Spec.isa] = drawn.isa;
  spec[Spec.threads] = drawn.threads;
  spec[Spec.rows] = drawn.rows;
  spec[Spec.cols] = drawn.cols;
  spec[Spec.xStride] = drawn.cols + drawn.gap;
  spec[Spec.yStride] = line.output === 'rows' ? drawn.cols : 1;
  Object.values(line.options).forEach((rule, i) => {
    const number = drawn.numbers[i % 8];
    const choice = drawn.choices[i % 8];
    if (rule.kind === 'choice') spec[rule.index] = choice % rule.values.length;
    else if (rule.upTo === 'cols') spec[rule.index] = 1 + (choice % Math.max(drawn.cols, 1));
    else spec[rule.index] = rule.check(number) ? number : rule.default;
  });
  // A group is a row of all its elements.
  const size = groupSize(line, spec);
  spec[Spec.cols] *= size;
  spec[Spec.xStride] = spec[Spec.cols] + drawn.gap;
  if (drawn.field < SPEC_LENGTH) spec[drawn.field] = drawn.odd;
  return spec;
}

/** One call: its arguments, what happens to them before it is made, and what is true of it then. */
export class Case {
  readonly spec: Float64Array;
  readonly x: Float32Array;
  readonly y: OutputArray;
  readonly placed: Placed[];
  private readonly xArena: Arena;
  private readonly yArena: Arena;
  elements = new Float32Array(0);

  constructor(
    readonly line: Line,
    readonly drawn: Drawn,
  ) {
    this.spec = specOf(line, drawn);
    this.xArena = new Arena(drawn.x.memory);
    this.yArena = new Arena(drawn.y.memory);
    const kind = line.element;
    this.x = makeView(this.xArena, drawn.x, 'float32') as Float32Array;
    this.y = makeView(this.yArena, drawn.y, kind);
    for (let i = 0; i < lengthOf(this.x); i++) this.x[i] = (i * 7) % 11;
    if (drawn.hasNaN) this.x[5] = NaN;
    const copy = Float32Array.from({ length: lengthOf(this.x) }, (_, i) => this.x[i]);
    const sensible = specOf(line, { ...drawn, field: SPEC_LENGTH });
    const at = { arena: this.xArena, elements: copy };
    this.placed = placeOperands(line, sensible, drawn.operands, at, (i) => drawn.asked[i]);
    for (const arena of this.arenas()) this.disturb(arena);
    this.play(drawn.trick);
  }

  /** What the addon is given beside x and y. */
  get operands(): unknown[] {
    return this.placed.map(({ given }) => given);
  }

  private disturb(arena: Arena): void {
    const { x, y } = this.drawn;
    if (arena === this.xArena && x.before === 'detach') arena.detach();
    if (arena === this.yArena && y.before === 'shrink') arena.shrink(8);
    const own = this.placed.findIndex((each) => each.arena === arena);
    const before = own < 0 ? 'nothing' : this.drawn.operands[own].view.before;
    if (before === 'detach' && arena !== this.xArena) arena.detach();
    if (before === 'shrink' && arena !== this.xArena) arena.shrink(4);
    if (before === 'grow') arena.grow();
  }

  arenas(): Set<Arena> {
    const others = this.placed.flatMap(({ arena }) => arena ?? []);
    return new Set([this.xArena, this.yArena, ...others]);
  }

  play(trick: Trick): void {
    const others = [...this.arenas()].filter((arena) => arena !== this.xArena);
    if (trick === 'detach x') this.xArena.detach();
    if (trick === 'shrink x') this.xArena.shrink(24);
    if (trick === 'write inputs') {
      for (const { operand, array } of this.placed) {
        if (operand.role !== 'input' || array === undefined) continue;
        for (let i = 0; i < lengthOf(array); i++) array[i] = (array[i] * 3 + i) % 4;
      }
    }
    if (trick === 'detach all') for (const arena of others) arena.detach();
    if (trick === 'shrink all') for (const arena of others) arena.shrink(3);
    if (trick === 'grow all') for (const arena of others) arena.grow();
    if (trick === 'call again') callView(viewsOf(this.line)[0], Float32Array.of(1, 2, 3), {});
    for (const arena of this.arenas()) arena.keep();
    this.elements = Float32Array.from({ length: lengthOf(this.x) }, (_, i) => this.x[i]);
  }

  /** Whether a number of the spec is another than the operator would have. */
  get isOdd(): boolean {
    return this.drawn.field < SPEC_LENGTH;
  }

  private readonly width = ({ extent }: Operand): number =>
    extentWidth(this.line, extent, this.spec);

  private needed(placed: Placed): number {
    return operandLength(this.line, placed.operand, this.spec);
  }

  /** What is written, of an array of so many elements. */
  spans(role: 'input' | 'output'): Span[] {
    const spans = this.placed.flatMap((each) => {
      const { array, arena, operand } = each;
      if (array === undefined || arena === undefined || operand.role !== role) return [];
      return [spanOf(array, arena, this.needed(each))];
    });
    if (role === 'input') {
      return [...spans, spanOf(this.x, this.xArena, inputLength(this.spec))];
    }
    if (this.line.output === 'record') return spans;
    return [...spans, spanOf(this.y, this.yArena, outputLength(this.line, this.spec))];
  }

  /** What the addon must do with it: true, false, or undefined where a stranger may be an array that it can take. */
  get isTaken(): boolean | undefined {
    const { spec, line, drawn } = this;
    if (this.isOdd) return undefined;
    if (drawn.isa >= 0 && !usable(drawn.isa)) return false;
    if (lengthOf(this.x) < inputLength(spec)) return false;
    if (line.output !== 'record' && lengthOf(this.y) < outputLength(line, spec)) return false;
    for (const [i, each] of this.placed.entries()) {
      const { given, array } = each;
      if (given === undefined || given === null) {
        if (!each.operand.optional) return false;
      } else if (array === undefined) {
        if (drawn.operands[i].how === 'stranger') return undefined;
        return false;
      } else if (lengthOf(array) < this.needed(each)) return false;
    }
    const written = this.spans('output');
    const read = this.spans('input');
    if (written.some((a, i) => written.some((b, j) => i < j && meets(a, b)))) return false;
    return !written.some((a) => read.some((b) => meets(a, b)));
  }

  /** The first row without a result, and why. */
  get refused(): number | undefined {
    const { spec, line } = this;
    const parameters = parametersOf(line, spec);
    const [rows, cols, stride] = [spec[Spec.rows], spec[Spec.cols], spec[Spec.xStride]];
    const columns = this.placed.flatMap(({ operand, array }) => {
      const width = extentWidth(line, operand.extent, spec);
      return isColumns(operand) && array !== undefined ? [{ array, width }] : [];
    });
    for (let r = 0; r < rows && cols > 0; r++) {
      const row = this.elements.subarray(r * stride, r * stride + cols);
      if (parameters['nan'] === 'throw' && row.some(Number.isNaN)) return Refusal.NAN + 256 * r;
      for (const { array, width } of columns) {
        for (let j = r * width; j < (r + 1) * width; j++) {
          if (array[j] < 0 || array[j] >= cols) return Refusal.TARGET + 256 * r;
        }
      }
    }
    return undefined;
  }

  /** Throws unless this is what the call may come to. */
  judge(status: unknown): void {
    if (typeof status !== 'number')
      throw new Error(`expected a status, received ${String(status)}`);
    const isRefusal = status >= Refusal.NAN;
    if (!(isRefusal ? refusals.has(status % 256) : statuses.has(status))) {
      throw new Error(`status ${status}`);
    }
    const taken = status === Status.OK || isRefusal;
    if (this.isTaken !== undefined && taken !== this.isTaken) {
      throw new Error(`status ${status}, for a call that should ${taken ? 'not ' : ''}be taken`);
    }
    const isOther = this.isOdd && this.drawn.field === (Spec.op as number);
    const anywhere = isOther ? [{ arena: this.yArena, from: 0, to: Infinity }] : [];
    const written = taken ? [...this.spans('output'), ...anywhere] : [];
    for (const arena of this.arenas()) {
      const here = written.filter((span) => span.arena === arena);
      const place = arena.changed((i) => here.some(({ from, to }) => 4 * i >= from && 4 * i < to));
      if (place >= 0 && this.isTaken !== undefined) {
        throw new Error(`status ${status}, element ${place} was written`);
      }
    }
    if (this.isTaken !== true) return;
    const refused = this.refused;
    if (status !== (refused ?? Status.OK)) throw new Error(`status ${status}, not ${refused}`);
    if (refused === undefined) this.compare(this.arrays);
  }

  /** What happens to the arrays while the call is pending; x in fixed shared memory is left alone. */
  afterwards(trick: Trick): void {
    const { elements } = this;
    this.seen = this.inputs();
    this.promised = this.isTaken ? (this.refused ?? Status.OK) : undefined;
    this.play(trick);
    this.elements = elements;
  }

  /** The inputs as they were when they were copied. */
  private seen: readonly Inputs[] | undefined;
  /** What the call is to settle with; undefined where that is not known. */
  promised: number | undefined;
  private inputs(): Inputs[] {
    const rows = this.spec[Spec.rows];
    if (!this.isTaken) return [];
    return Array.from({ length: rows }, (_, r) => inputsOf(this.placed, r, this.width));
  }

  private get arrays(): (OutputArray | undefined)[] {
    return this.placed.map(({ array }) => array);
  }

  collectInto(how: string): unknown[] {
    if (how === 'as given') return this.arrays;
    if (how === 'none') return [];
    const memory = new ArrayBuffer(400);
    return this.placed.map(({ operand }, i) => {
      const Class = operand.element === 'int32' ? Int32Array : Float32Array;
      return how === 'one memory' ? new Class(memory) : new Class((i * 5) % 7);
    });
  }

  /** After the results were collected into the arrays that were given, which may have gone since. */
  judgeCollected(status: unknown): void {
    // What was not known when it was submitted is not known now.
    if (this.isOdd || this.promised === undefined) return;
    const outputs = this.placed.filter(({ operand }) => operand.role === 'output');
    const fits = outputs.every(
      (each) => each.array === undefined || lengthOf(each.array) >= this.needed(each),
    );
    const ownFits =
      this.line.output === 'record' || lengthOf(this.y) >= outputLength(this.line, this.spec);
    if ((status === Status.OK) !== (fits && ownFits)) throw new Error(`collect: ${String(status)}`);
    if (status === Status.OK) this.compare(this.arrays);
  }

  /** Compares the results with the oracle's. */
  compare(arrays: readonly (OutputArray | undefined)[]): void {
    const { spec, line } = this;
    const parameters = parametersOf(line, spec);
    const [rows, cols, stride] = [spec[Spec.rows], spec[Spec.cols], spec[Spec.xStride]];
    const parts = viewsOf(line);
    for (let r = 0; r < rows; r++) {
      const row = this.elements.subarray(r * stride, r * stride + cols);
      const truth = line.oracle(
        row,
        parameters,
        this.seen?.[r] ?? inputsOf(this.placed, r, this.width),
      );
      for (const { part, bound } of parts) {
        const i = part === undefined ? -1 : operandsOf(line).indexOf(part);
        const array = part === undefined ? this.y : arrays[i];
        if (array === undefined) continue;
        const own: Truth = part === undefined ? truth : (truth as Record<string, Truth>)[part.name];
        const values = typeof own === 'number' ? [own] : (own as TrueRow);
        const { sizes } = values as Partial<TrueRow>;
        for (let c = 0; c < values.length; c++) {
          const got = array[r * values.length + c];
          const distance = boundDistance(got, values[c], bound, sizes?.[c]);
          if (distance <= bound.maxUlp) continue;
          const at = `${part?.name ?? 'y'}, row ${r}, element ${c}`;
          throw new Error(`${at}: expected ${values[c]}, received ${array[r * values.length + c]}`);
        }
      }
    }
  }
}
