import type { WindowOptions } from './layout';
import type { Format, Operator } from './operator';
import type { TensorLike, TensorOf } from './tensor';

/** A new Float32Array on its own ArrayBuffer; written so that it means the same before and after TypeScript 5.7. */
export type Float32Result = ReturnType<Float32ArrayConstructor['of']>;
/** A new Int32Array on its own ArrayBuffer. */
export type Int32Result = ReturnType<Int32ArrayConstructor['of']>;

/** A new Uint16Array on its own ArrayBuffer: the bits of 16-bit floats. */
export type Uint16Result = ReturnType<Uint16ArrayConstructor['of']>;

/** Number formats: float32, IEEE 754 binary16, and bfloat16. 16-bit floats are in a Uint16Array, as their bits. */
export type NumberFormat = Format;
type HalfFormat = Exclude<Format, 'f32'>;
/** A Float16Array, where the runtime has it; f16 without being told. */
export interface Float16Like extends ArrayBufferView {
  readonly length: number;
  readonly [Symbol.toStringTag]: 'Float16Array';
}
/** Arrays that x may be; a Uint16Array says with `dtype` what its bits mean. */
export type AnyInput = Float32Array | Uint16Array | Float16Like;
/** Floats in any format, or a tensor of them; a Uint16Array beside x is of the format of x. */
export type FloatInput = AnyInput | TensorLike;
interface Halves {
  readonly dtype: HalfFormat;
}
/** What options say besides where x is bits. */
type Needed<X> = [X] extends [Uint16Array] ? Halves : unknown;
/** Any x but bits, which need options; a union with them is for wrappers. */
type Plain<X> = [X] extends [Uint16Array] ? Float32Array | Float16Like | TensorLike : X;

/** What every call takes: how it runs. */
export interface RunOptions {
  /** Threads for this call, 1 to 1024 (default: as configured). The result does not depend on it. */
  readonly threads?: number | undefined;
  /** Instruction set for this call, for tests and measurements; one of those in `capabilities()`. */
  readonly isa?: string | undefined;
}

/** What a call takes that draws. */
export interface DrawOptions extends RunOptions {
  /** Columns, the size of the vocabulary. Default: the whole array as one row, or the last of `dims`. */
  readonly cols?: number | undefined;
  /** For each row (verification: each sequence), the number that its randomness is keyed by, below 2^32 (default: its place). */
  readonly rows?: readonly number[] | undefined;
  /** What the randomness is keyed by besides (default: how many calls there have been, from 0). */
  readonly step?: number | undefined;
  /** Format of the (target's) logits (default: 'f32', 'f16' for a Float16Array, or as the `type` of an object says). */
  readonly dtype?: NumberFormat | undefined;
}

/** What every operator takes. */
export interface CallOptions extends RunOptions {
  /**
   * Elements per row. Default: the whole array as one row, or the last dimension of an object with `dims`. The number of
   * rows follows from the length; `cols: 0` is zero rows.
   */
  readonly cols?: number | undefined;
  /**
   * Distance in elements between the starts of two rows of a typed array, at least `cols` (default: `cols`). There are
   * floor((length - cols) / stride) + 1 rows; the gap after the last one may be missing.
   */
  readonly stride?: number | undefined;
  /** What the rows run along (default: the last dimension); negative: from the end. docs/axes.md. */
  readonly axis?: number | undefined;
  /** Dims of a typed array, of which all elements are used; in place of `cols` and `stride`. */
  readonly dims?: readonly number[] | undefined;
  /** Rows are windows over the last dimension, or over the last two, instead. docs/axes.md. */
  readonly window?: WindowOptions | undefined;
  /**
   * Format of x (default: 'f32', 'f16' for a Float16Array, or as the `type` of an object says). Every x is widened to float32, exactly; arithmetic and bounds are those of float32.
   */
  readonly dtype?: NumberFormat | undefined;
}

/** What most operators of logits take besides. */
export interface LogitOptions extends CallOptions {
  /** Divides the logits; from 2^-100 to 2^100 (default 1). */
  readonly temperature?: number | undefined;
}

/** What an operator with one output element per input element takes besides. */
export interface RowOptions extends CallOptions {
  /** A row becomes a row: there are no windows. */
  readonly window?: undefined;
  /** Distance in elements between the starts of two output rows, at least `cols` (default: `cols`; in place: `stride`). */
  readonly outStride?: number | undefined;
  /** Format of the result (default: that of x). The float32 result is rounded to the nearest number, ties to even. */
  readonly outDtype?: NumberFormat | undefined;
}

/** Where a float32 result may go: given as `out`, it is also what the call returns. */
export type Float32Output = Float32Array | TensorLike;
/** Where a result of floats of any format may go. */
export type FloatOutput = Float32Output | Uint16Array | Float16Like;
/** Where an int32 result may go. */
export type Int32Output = Int32Array | TensorLike;

/** A list of names; with the empty one, what is written in a call is known name by name. */
export type Names<Name> = readonly Name[] | readonly [];

/** Options that are arrays: what an operator reads beside x. */
export type NoInputs = Record<never, never>;

/** What `run` of a plan takes beside x, by name; nothing where an operator reads x alone and has one output. */
type RunArrays<Inputs, Out> = [keyof Inputs] extends [never]
  ? never
  : Inputs & { readonly out?: Out | undefined };

/** What every operator's function has besides being called. */
export interface Described<
  Options,
  Out,
  Result,
  Later,
  Inputs = NoInputs,
  Arrays = RunArrays<Inputs, Out>,
> {
  /** The operator's line in the catalogue. */
  readonly operator: Operator;
  /** For the types of `plan` and of `softlane/promises` alone: there is no such value. */
  readonly types?: {
    readonly options: Options;
    readonly out: Out;
    readonly result: Result;
    readonly later: Later;
    readonly inputs: Inputs;
    readonly arrays: Arrays;
  };
}

/** What a call gives: now, or by a promise. */
type Given<Later, Result> = Later extends true ? Promise<Result> : Result;
/** The parameters after x: options may be left out where none of them is required. */
type Rest<Options, More = unknown> = NoInputs extends Options
  ? [options?: Options & More]
  : [options: Options & More];
/** `out`, which comes back. */
interface Into<O> {
  readonly out: O;
}
/** `out`, if there is one; `O` is never where nothing is said of it. */
interface MaybeInto<O> {
  readonly out?: O | undefined;
}
interface NoOutput {
  readonly out?: undefined;
}
/** The same type, of which nothing is learnt from where the result goes. */
type Kept<O> = [O][O extends unknown ? 0 : never];

/** The format of what an array, or the data of a tensor, has in it. */
type FormatOf<X> = X extends Float32Array
  ? 'f32'
  : X extends Float16Like
    ? 'f16'
    : X extends Uint16Array
      ? HalfFormat
      : X extends { readonly data: infer Data }
        ? FormatOf<Data>
        : Format;
/** Where rows of a format may go. */
type OutputOf<F extends Format> = F extends 'f32'
  ? Float32Output
  : Uint16Array | TensorLike | (F extends 'f16' ? Float16Like : never);
/** A new array of a format, for x in an array of this type: f16 is as x is. */
export type ArrayOf<F extends Format, A> = F extends 'f32'
  ? Float32Result
  : F extends 'f16'
    ? HalvesOf<A>
    : Uint16Result;
type HalvesOf<A> = unknown extends A
  ? Uint16Result | Float16Like
  : A extends Float16Like
    ? A
    : Uint16Result;

/** A Tensor of onnxruntime or transformers.js; plain objects have no methods. */
interface TensorObject extends TensorLike {
  readonly type: string;
  dispose(): void;
}
/** A new tensor of floats for one of this type: of its class, where that is one of any type or of floats. */
type FloatTensor<T> = T extends TensorObject
  ? 'float32' extends T['type']
    ? T
    : TensorOf<Float32Result>
  : TensorOf<Float32Result>;

/** New rows for this x, in the format that is asked for. */
type RowsOf<X, F extends Format> = X extends TensorLike
  ? F extends 'f32'
    ? FloatTensor<X>
    : TensorOf<ArrayOf<F, X['data']>>
  : ArrayOf<F, X>;
/** The same in that of x. */
type SameRowsOf<X> = X extends TensorObject ? X : RowsOf<X, FormatOf<X>>;
/** A new number per row for this x. */
type NumbersOf<X, Result> = X extends TensorLike
  ? Result extends Float32Result
    ? FloatTensor<X>
    : TensorOf<Result>
  : Result;

// The compiler explains a mistake by the last form alone, where there are more than three: that of plain arrays.

interface RowForms<Options, Later> {
  /** An array in, a new array out. */
  (
    x: Float32Array,
    ...rest: Rest<Options, NoOutput & { readonly outDtype?: 'f32' | undefined }>
  ): Given<Later, Float32Result>;
  /** Into `out`, which comes back; one with `dims` must have those of the result. */
  <X extends FloatInput, F extends Format, O extends OutputOf<F>>(
    x: X,
    options: Options & Needed<X> & Into<O> & { readonly outDtype: F },
  ): Given<Later, O>;
  <X extends FloatInput, O extends OutputOf<FormatOf<X>>>(
    x: X,
    options: Options & Needed<X> & Into<O> & { readonly outDtype?: undefined },
  ): Given<Later, O>;
  /** In the format that is asked for. */
  <X extends FloatInput, F extends Format, O extends OutputOf<F> = never>(
    x: X,
    options: Options & Needed<X> & MaybeInto<O> & { readonly outDtype: F },
  ): Given<Later, RowsOf<X, F> | Kept<O>>;
  /** 16-bit floats in, and out. */
  <O extends OutputOf<HalfFormat> = never>(
    x: Uint16Array,
    options: Options & Halves & MaybeInto<O> & { readonly outDtype?: undefined },
  ): Given<Later, Uint16Result | Kept<O>>;
  /** A tensor in, a new one of the same kind out; x may be of several types. */
  <X extends FloatInput, O extends OutputOf<FormatOf<X>> = never>(
    x: Plain<X>,
    ...rest: Rest<Options, MaybeInto<O> & { readonly outDtype?: undefined }>
  ): Given<Later, SameRowsOf<X> | Kept<O>>;
  /** In a format that is not known here. */
  <X extends FloatInput>(x: Plain<X>, ...rest: Rest<Options>): Given<Later, RowsOf<X, Format>>;
  /** An array in; `out` if there is one. */
  <O extends Float32Output = never>(
    x: Float32Array,
    ...rest: Rest<Options, MaybeInto<O> & { readonly outDtype?: 'f32' | undefined }>
  ): Given<Later, Float32Result | Kept<O>>;
}

interface PerRowForms<Options, Result, Output, Later> {
  /** An array in, a new array out. */
  (x: Float32Array, ...rest: Rest<Options, NoOutput>): Given<Later, Result>;
  /** Into `out`, which comes back; one with `dims` must have those of the result. */
  <X extends FloatInput, O extends Output>(
    x: X,
    options: Options & Needed<X> & Into<O>,
  ): Given<Later, O>;
  /** 16-bit floats in. */
  <O extends Output = never>(
    x: Uint16Array,
    options: Options & Halves & MaybeInto<O>,
  ): Given<Later, Result | Kept<O>>;
  /** A tensor in, a new one of the same kind out; x may be of several types. */
  <X extends FloatInput, O extends Output = never>(
    x: Plain<X>,
    ...rest: Rest<Options, MaybeInto<O>>
  ): Given<Later, NumbersOf<X, Result> | Kept<O>>;
  /** An array in; `out` if there is one. */
  <O extends Output = never>(
    x: Float32Array,
    ...rest: Rest<Options, MaybeInto<O>>
  ): Given<Later, Result | Kept<O>>;
}

/** An operator that makes a row of a row. `Inputs`: those of its options that are arrays beside x. */
export interface RowCall<Options, Inputs = NoInputs>
  extends
    RowForms<Options, false>,
    Described<Options, Float32Array, Float32Result, RowPromise<Options>, Inputs> {}

/** An operator with a float32 result per row. */
export interface FloatCall<Options, Inputs = NoInputs>
  extends
    PerRowForms<Options, Float32Result, Float32Output, false>,
    Described<Options, Float32Array, Float32Result, FloatPromise<Options>, Inputs> {}

/** An operator with an int32 result per row. */
export interface IndexCall<Options>
  extends
    PerRowForms<Options, Int32Result, Int32Output, false>,
    Described<Options, Int32Array, Int32Result, IndexPromise<Options>> {}

/** The arrays of a result of several parts. */
export type Parts = Readonly<Record<string, Float32Result | Int32Result>>;

/** Where the parts of a result may go: arrays of the same types, or tensors; those that are absent are made. */
export type PartsOutput<P> = {
  readonly [K in keyof P]?:
    (P[K] extends Int32Result | undefined ? Int32Output : Float32Output) | undefined;
};

/** The names of the parts that a call asks for: by an option of that name, in a list, or by giving the array in `out`. */
type Asked<O, Maybe> = AskedByName<O, Maybe> | (AskedByList<O> & keyof Maybe);
type AskedByName<O, Maybe> = {
  [K in keyof Maybe]: O extends { readonly [P in K]: true }
    ? K
    : O extends { readonly out: { readonly [P in K]: object } }
      ? K
      : never;
}[keyof Maybe];
/** What is in a list for certain: names that stand there themselves. */
type AskedByList<O> = O extends { readonly stats: infer List extends readonly unknown[] }
  ? number extends List['length']
    ? never
    : { [I in keyof List]: OneName<List[I]> }[number]
  : never;
type OneName<Name, All = Name> = Name extends All ? ([All] extends [Name] ? Name : never) : never;

/** Those that it may ask for: by an option that may be true, or in a list. */
type Perhaps<O, Maybe> = Exclude<
  | { [K in keyof Maybe]: K extends keyof O ? (true extends O[K] ? K : never) : never }[keyof Maybe]
  | (O extends { readonly stats?: readonly (infer Name)[] | undefined }
      ? Name & keyof Maybe
      : never),
  Asked<O, Maybe>
>;

/** The result of a call with these options: what comes always, what was asked for, and what may have been. */
export type PartsResult<O, Always, Maybe> = Always &
  Pick<Maybe, Asked<O, Maybe>> &
  ([Perhaps<O, Maybe>] extends [never] ? unknown : Partial<Pick<Maybe, Perhaps<O, Maybe>>>);

/** The same as tensors. */
export type TensorParts<P> = { readonly [K in keyof P]: TensorOf<NonNullable<P[K]>> };
type PartsFor<X, P> = X extends TensorLike ? TensorParts<P> : P;

/** Options that are known: an unknown one is a mistake, which a type parameter would hide. */
type Known<O, Options> = O & { readonly [K in Exclude<keyof O, keyof Options>]: never };

interface RecordForms<Options, Always, Maybe, Later> {
  /** An array in, new arrays out, or those of `out`; a tensor in, new ones of the same kind out. */
  <X extends FloatInput, O extends Options>(
    x: X,
    options: Known<O, Options> & Needed<X>,
  ): Given<Later, PartsFor<X, PartsResult<O, Always, Maybe>>>;
  <X extends FloatInput>(x: Plain<X>): Given<Later, PartsFor<X, Always>>;
}

/** An operator with several results: an object of arrays. `Maybe`: those that are made where they are asked for. */
export interface RecordCall<Options, Always, Maybe = NoInputs, Inputs = NoInputs>
  extends
    RecordForms<Options, Always, Maybe, false>,
    Described<
      Options,
      never,
      Always & Partial<Maybe>,
      RecordPromise<Options, Always, Maybe>,
      Inputs,
      Inputs & { readonly out?: PartsOutput<Always & Maybe> | undefined }
    > {}

/** An AbortSignal as far as it is used: written so, these types ask for neither the DOM's nor Node's. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** What a call with a promise takes besides. */
export interface Abortable {
  /** Stops the call; the promise then rejects with `signal.reason`. */
  readonly signal?: AbortSignalLike | undefined;
}

/** RowCall with a promise. */
export type RowPromise<Options> = RowForms<Options & Abortable, true>;
/** FloatCall with a promise. */
export type FloatPromise<Options> = PerRowForms<
  Options & Abortable,
  Float32Result,
  Float32Output,
  true
>;
/** IndexCall with a promise. */
export type IndexPromise<Options> = PerRowForms<
  Options & Abortable,
  Int32Result,
  Int32Output,
  true
>;
/** RecordCall with a promise. */
export type RecordPromise<Options, Always, Maybe = NoInputs> = RecordForms<
  Options & Abortable,
  Always,
  Maybe,
  true
>;

/** The asynchronous twin of an operator's function. */
export type PromiseOf<F> = F extends { readonly types?: { readonly later: infer Later } }
  ? Later
  : never;
