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
/** What 16-bit floats in give: the same out, where the results are rows. */
type SameFormat<Options, A> = 'outDtype' extends keyof Options ? A : Float32Result;
interface Halves {
  readonly dtype: HalfFormat;
  readonly outDtype?: undefined;
}

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
    readonly inputs: Inputs;
    readonly arrays: Arrays;
  };
}

/**
 * An operator with float32 results. Each form has its twin below, with a promise. `Inputs`: those of its options that
 * are arrays beside x.
 */
export interface FloatCall<Options, Inputs = NoInputs> extends Described<
  Options,
  Float32Array,
  Float32Result,
  Inputs
> {
  /** Into `out`, which comes back; one with `dims` must have those of the result. */
  <O extends FloatOutput>(x: AnyInput | TensorLike, options: Options & { readonly out: O }): O;
  /** An array in, a new array out. */
  (x: Float32Array, options?: Options & { readonly outDtype?: 'f32' | undefined }): Float32Result;
  /** 16-bit floats in. */
  (x: Uint16Array, options: Options & Halves): SameFormat<Options, Uint16Result>;
  <H extends Float16Like>(x: H, options?: Options & Partial<Halves>): SameFormat<Options, H>;
  /** In another format than x. */
  (x: AnyInput, options: Options & { readonly outDtype: 'f32' }): Float32Result;
  (x: AnyInput, options: Options & { readonly outDtype: HalfFormat }): Uint16Result;
  /** A tensor in, a new one of the same kind out. */
  <T extends TensorLike>(x: T, options?: Options): T;
}

/** An operator with int32 results. */
export interface IndexCall<Options> extends Described<Options, Int32Array, Int32Result> {
  /** Into `out`, which comes back; one with `dims` must have those of the result. */
  <O extends Int32Output>(x: AnyInput | TensorLike, options: Options & { readonly out: O }): O;
  /** An array in, a new array out. */
  (x: AnyInput, options?: Options): Int32Result;
  /** A tensor in, a new one of the same kind and type int32 out. */
  (x: TensorLike, options?: Options): TensorOf<Int32Result>;
}

/** The arrays of a result of several parts. */
export type Parts = Readonly<Record<string, Float32Result | Int32Result>>;

/** Where the parts of a result may go: arrays of the same types, or tensors; those that are absent are made. */
export type PartsOutput<P> = {
  readonly [K in keyof P]?:
    (P[K] extends Int32Result | undefined ? Int32Output : Float32Output) | undefined;
};

/** The names of the parts that a call asks for: by an option of that name, in a list, or by giving the array in `out`. */
type Asked<O, Maybe> = AskedByName<O, Maybe> | AskedByList<O, Maybe>;
type AskedByList<O, Maybe> = O extends { readonly stats: readonly (infer Name)[] }
  ? Name & keyof Maybe
  : never;
type AskedByName<O, Maybe> = {
  [K in keyof Maybe]: O extends { readonly [P in K]: true }
    ? K
    : O extends { readonly out: { readonly [P in K]: object } }
      ? K
      : never;
}[keyof Maybe];

/** Those that it may ask for: by an option that may be true. */
type Perhaps<O, Maybe> = Exclude<
  { [K in keyof Maybe]: K extends keyof O ? (true extends O[K] ? K : never) : never }[keyof Maybe],
  Asked<O, Maybe>
>;

/** The result of a call with these options: what comes always, what was asked for, and what may have been. */
export type PartsResult<O, Always, Maybe> = Always &
  Pick<Maybe, Asked<O, Maybe>> &
  ([Perhaps<O, Maybe>] extends [never] ? unknown : Partial<Pick<Maybe, Perhaps<O, Maybe>>>);

/** The same as tensors. */
export type TensorParts<P> = { readonly [K in keyof P]: TensorOf<P[K]> };

/** Options that are known: an unknown one is a mistake, which a type parameter would hide. */
type Known<O, Options> = O & { readonly [K in Exclude<keyof O, keyof Options>]: never };

/** An operator with several results: an object of arrays. `Maybe`: those that are made where they are asked for. */
export interface RecordCall<Options, Always, Maybe = NoInputs, Inputs = NoInputs> extends Described<
  Options,
  never,
  Always & Partial<Maybe>,
  Inputs,
  Inputs & { readonly out?: PartsOutput<Always & Maybe> | undefined }
> {
  /** An array in, new arrays out, or those of `out`. */
  <O extends Options>(x: AnyInput, options: Known<O, Options>): PartsResult<O, Always, Maybe>;
  (x: AnyInput): Always;
  /** A tensor in, new ones of the same kind out. */
  <O extends Options>(
    x: TensorLike,
    options: Known<O, Options>,
  ): TensorParts<PartsResult<O, Always, Maybe>>;
  (x: TensorLike): TensorParts<Always>;
}

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

/** FloatCall with a promise. */
export interface FloatPromise<Options> {
  <O extends FloatOutput>(
    x: AnyInput | TensorLike,
    options: Options & Abortable & { readonly out: O },
  ): Promise<O>;
  (
    x: Float32Array,
    options?: Options & Abortable & { readonly outDtype?: 'f32' | undefined },
  ): Promise<Float32Result>;
  (
    x: Uint16Array,
    options: Options & Abortable & Halves,
  ): Promise<SameFormat<Options, Uint16Result>>;
  <H extends Float16Like>(
    x: H,
    options?: Options & Abortable & Partial<Halves>,
  ): Promise<SameFormat<Options, H>>;
  (
    x: AnyInput,
    options: Options & Abortable & { readonly outDtype: 'f32' },
  ): Promise<Float32Result>;
  (
    x: AnyInput,
    options: Options & Abortable & { readonly outDtype: HalfFormat },
  ): Promise<Uint16Result>;
  <T extends TensorLike>(x: T, options?: Options & Abortable): Promise<T>;
}

/** IndexCall with a promise. */
export interface IndexPromise<Options> {
  <O extends Int32Output>(
    x: AnyInput | TensorLike,
    options: Options & Abortable & { readonly out: O },
  ): Promise<O>;
  (x: AnyInput, options?: Options & Abortable): Promise<Int32Result>;
  (x: TensorLike, options?: Options & Abortable): Promise<TensorOf<Int32Result>>;
}

/** RecordCall with a promise. */
export interface RecordPromise<Options, Always, Maybe = NoInputs> {
  <O extends Options & Abortable>(
    x: AnyInput,
    options: Known<O, Options & Abortable>,
  ): Promise<PartsResult<O, Always, Maybe>>;
  (x: AnyInput): Promise<Always>;
  <O extends Options & Abortable>(
    x: TensorLike,
    options: Known<O, Options & Abortable>,
  ): Promise<TensorParts<PartsResult<O, Always, Maybe>>>;
  (x: TensorLike): Promise<TensorParts<Always>>;
}

type InputsOf<F> = F extends { readonly types?: { readonly inputs: infer Inputs } }
  ? Inputs
  : NoInputs;

/** The asynchronous twin of an operator's function. */
export type PromiseOf<F> =
  F extends RecordCall<infer Options, infer Always, infer Maybe, InputsOf<F>>
    ? RecordPromise<Options, Always, Maybe>
    : F extends FloatCall<infer Options, InputsOf<F>>
      ? FloatPromise<Options>
      : F extends IndexCall<infer Options>
        ? IndexPromise<Options>
        : never;
