/**
 * The types of the API, checked when this file is compiled: by `npm run lint`, and below together with the declarations
 * that users get.
 */
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Tensor, type TypedTensor as TensorOfType } from 'onnxruntime-common';
import ts from 'typescript';
import {
  allocate,
  argMax,
  catalogue,
  configure,
  crossEntropy,
  entropy,
  logSoftmax,
  logSumExp,
  logSumExpState,
  plan,
  rowStats,
  softmax,
  topK,
  type AnyInput,
  type Float16Like,
  type Float32Result,
  type FloatInput,
  type Int32Result,
  type OperatorName,
  type Plan,
  type TensorLike,
  type TensorOf,
  type Uint16Result,
} from '../lib';
import type { OperatorTypes } from '../lib/catalogue';
import * as later from '../lib/promises';
import type { FloatPromise, IndexPromise, PromiseOf, RowPromise } from '../lib/types';
import type { ArgMaxOptions } from '../lib/select';
import type { LogSumExpOptions, SoftmaxOptions } from '../lib/softmax';

type TypedTensor = TensorOfType<'float32'>;

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const is = <A, B>(same: Equal<A, B>): void => expect(same).toBe(true);
/** The value has exactly this type. */
const typed =
  <Want>() =>
  <Got>(value: Got, same: Equal<Got, Want>): void => {
    expect(value).toBeDefined();
    expect(same).toBe(true);
  };

const x = Float32Array.of(1, 2, 3);
const bits = Uint16Array.of(0x3c00, 0x4000, 0x4200);
/** Something that is no more known than by a type: the functions in which it stands are not called. */
const some = <T>(): T => undefined as T;

const compilerOptions: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2022.d.ts'],
  module: ts.ModuleKind.Node16,
  moduleResolution: ts.ModuleResolutionKind.Node16,
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: false,
  skipLibCheck: true,
};
const declarationOfGyp = join(__dirname, '../lib/node-gyp-build.d.ts');

describe('results', () => {
  test('of arrays', () => {
    typed<Float32Array<ArrayBuffer>>()(softmax(x), true);
    typed<Float32Array<ArrayBuffer>>()(logSoftmax(x, { cols: 3, temperature: 2 }), true);
    typed<Float32Array<ArrayBuffer>>()(logSumExp(x, { algorithm: 'online' }), true);
    typed<Int32Array<ArrayBuffer>>()(argMax(x), true);
    is<Float32Result, Float32Array<ArrayBuffer>>(true);
    // What takes no view of shared memory takes these.
    expect(new Blob([softmax(x), argMax(x)]).size).toBe(16);
    // Shared memory is an input like any other.
    softmax(new Float32Array(new SharedArrayBuffer(8)));
  });

  test('are what was given as out', () => {
    const out = new Float32Array(new SharedArrayBuffer(12));
    typed<Float32Array<SharedArrayBuffer>>()(softmax(x, { out }), true);
    const shared = new Int32Array(new SharedArrayBuffer(4));
    typed<Int32Array<SharedArrayBuffer>>()(argMax(x, { cols: 3, out: shared }), true);
    const into = new Tensor('float32', new Float32Array(3), [3]);
    typed<TypedTensor>()(softmax(x, { out: into }), true);
  });

  test('of tensors are tensors', () => {
    const tensor = new Tensor('float32', x, [1, 3]);
    const any: Tensor = tensor;
    typed<TypedTensor>()(softmax(tensor), true);
    typed<Tensor>()(softmax(any), true);
    typed<Tensor>()(softmax(any, { outDtype: 'f32' }), true);
    expect([softmax(any), logSumExp(any)].every((y) => y instanceof Tensor)).toBe(true);
    typed<Tensor>()(logSumExp(any), true);
    typed<TensorOf<Int32Result>>()(argMax(any), true);
  });

  test('of tensors are no more than they have of x', () => {
    const plain = { data: x, dims: [1, 3] as const, type: 'float32', name: 'logits' } as const;
    typed<TensorOf<Float32Result>>()(softmax(plain), true);
    typed<TensorOf<Float32Result>>()(entropy(plain), true);
    typed<TensorOf<Uint16Result>>()(softmax(plain, { outDtype: 'f16' }), true);
    const floats = new Tensor('float32', x, [1, 3]);
    typed<TensorOf<Uint16Result>>()(softmax(floats, { outDtype: 'bf16' }), true);
    const halves = new Tensor('float16', bits, [1, 3]);
    typed<TensorOf<Float32Result>>()(logSumExp(halves), true);
    typed<TensorOf<Float32Result>>()(softmax(halves, { outDtype: 'f32' }), true);
    // @ts-expect-error -- a new object has no other fields
    expect(softmax(plain).name).toBeUndefined();
    // @ts-expect-error -- nor the dims of x, where there is one number a row
    const { dims }: typeof plain = entropy(plain);
    expect(dims).toEqual([1]);
  });

  test('of 16-bit floats', () => {
    typed<Uint16Result>()(softmax(bits, { dtype: 'f16' }), true);
    typed<Uint16Result>()(softmax(x, { outDtype: 'bf16' }), true);
    typed<Uint16Array<ArrayBuffer>>()(softmax(x, { outDtype: 'f16', out: bits.slice() }), true);
    typed<Float32Result>()(softmax(bits, { dtype: 'f16', outDtype: 'f32' }), true);
    typed<Float32Result>()(entropy(bits, { dtype: 'bf16' }), true);
    typed<Int32Result>()(argMax(bits, { dtype: 'bf16' }), true);
    typed<Int32Result>()(topK(bits, { dtype: 'f16', k: 2 }).indices, true);
    const unknown = (): void => {
      typed<Float16Like>()(softmax(some<Float16Like>(), { outDtype: 'f16' }), true);
      const asked = some<'f16' | undefined>();
      typed<Float32Result | Uint16Result>()(softmax(x, { outDtype: asked }), true);
    };
    expect(typeof unknown).toBe('function');
  });

  test('where there may be an out', () => {
    const into = (out?: Float32Array): Float32Array => softmax(x, { cols: 3, out });
    expect(into()).toEqual(into(new Float32Array(3)));
    const one = (out: Tensor | undefined) => entropy(x, { out });
    typed<Float32Result | Tensor>()(one(undefined), true);
    typed<Float32Result>()(softmax(x, { out: undefined }), true);
    typed<Int32Result>()(argMax(x, { out: undefined }), true);
  });

  test('of x of several types, as wrappers have it', async () => {
    const each = (x: FloatInput) => softmax(x, { temperature: 2 });
    const known = (x: AnyInput) => [argMax(x), entropy(x), softmax(x)] as const;
    const index = (x: FloatInput) => argMax(x);
    const largest = (x: FloatInput) => topK(x, { k: 2 }).values;
    typed<Int32Result | TensorOf<Int32Result>>()(index(x), true);
    const or = (x: { data: Float32Array; dims: number[] } | Float32Array) => softmax(x);
    typed<Float32Result | TensorOf<Float32Result>>()(or({ data: x, dims: [3] }), true);
    const own = <T extends TensorLike>(x: T) => logSumExp(x);
    typed<TypedTensor>()(own(new Tensor('float32', x, [3])), true);
    const soon = (x: Float32Array | TensorLike) => later.entropy(x);
    expect([each(x), known(x)[2]]).toHaveLength(2);
    expect(await soon(x)).toEqual(entropy(x));
    expect(largest(x)).toEqual(topK(x, { k: 2 }).values);
    // One of several operators.
    const chosen: typeof softmax | typeof logSoftmax = x.length > 2 ? softmax : logSoftmax;
    typed<Float32Result>()(chosen(x, { cols: 3 }), true);
  });

  test('of promises', async () => {
    typed<Float32Result>()(await later.softmax(x), true);
    typed<Uint16Result>()(await later.softmax(bits, { dtype: 'f16' }), true);
    typed<Int32Result>()((await later.topK(x, { k: 2 })).indices, true);
    typed<TypedTensor>()(await later.softmax(new Tensor('float32', x, [3])), true);
  });

  test('by a list of names', () => {
    typed<Float32Result>()(rowStats(x, { stats: ['max', 'mean'] }).mean, true);
    const names: ('max' | 'mean')[] = ['max', 'mean'];
    const one = names[0];
    typed<Float32Result | undefined>()(rowStats(x, { stats: names }).mean, true);
    typed<Float32Result | undefined>()(rowStats(x, { stats: [one] }).max, true);
    const fixed = ['argMax', 'max'] as const;
    typed<Int32Result>()(rowStats(x, { stats: fixed }).argMax, true);
    // @ts-expect-error -- which was not asked for
    expect(rowStats(x, { stats: ['max'] }).mean).toBeUndefined();
  });

  test('of plans', () => {
    const step = plan('argMax', { cols: 3 });
    typed<Int32Result>()(step.run(x), true);
    typed<'argMax'>()(step.operator, true);
    const out = new Float32Array(new SharedArrayBuffer(12));
    const other = plan('softmax', { rows: 1, cols: 3, maskedRow: 'zero', temperature: 2 });
    typed<Float32Array<SharedArrayBuffer>>()(other.run(x, out), true);
  });

  test('of plans in other formats', () => {
    const to = plan('softmax', { cols: 3, outDtype: 'f16' });
    typed<Uint16Result>()(to.run(x), true);
    typed<Uint16Array<ArrayBuffer>>()(to.run(x, bits.slice()), true);
    typed<Uint16Result>()(plan('softmax', { cols: 3, dtype: 'f16' }).run(bits), true);
    typed<Float32Result>()(plan('entropy', { cols: 3, dtype: 'bf16' }).run(bits), true);
    const scaled = plan('layerNorm', { cols: 3, outDtype: 'bf16' });
    typed<Uint16Result>()(scaled.run(x, { weight: x, out: bits.slice() }), true);
    typed<Uint16Result>()(scaled.run(x), true);
    const loss = plan('crossEntropy', { cols: 3 });
    typed<Float32Result>()(loss.run(x, { targets: Int32Array.of(1) }), true);
    const names = catalogue.map(({ name }) => name);
    typed<OperatorName[]>()(names, true);
    const shape = { cols: 3, rows: 2 };
    expect(names.map((name): Plan => plan(name, shape)).length).toBe(names.length);
  });

  test('of memory for them', () => {
    typed<Float32Result>()(allocate(3), true);
  });

  test('of states', () => {
    const options = { temperature: 2 };
    const sum = logSumExpState(options).push(x).merge(logSumExpState(options));
    typed<number>()(sum.finish(), true);
  });
});

test('every operator has its types by its name', () => {
  is<Extract<OperatorName, 'softmax' | 'argMax' | 'softMax'>, 'softmax' | 'argMax'>(true);
  is<OperatorTypes['softmax']['options'], SoftmaxOptions>(true);
  is<OperatorTypes['logSumExp']['options'], LogSumExpOptions>(true);
  is<OperatorTypes['argMax']['result'], Int32Result>(true);
  is<PromiseOf<typeof softmax>, RowPromise<SoftmaxOptions>>(true);
  is<PromiseOf<typeof logSumExp>, FloatPromise<LogSumExpOptions>>(true);
  is<PromiseOf<typeof argMax>, IndexPromise<ArgMaxOptions>>(true);
});

test('what is wrong does not compile', () => {
  const refused = (): void => {
    // @ts-expect-error -- no input
    softmax();
    // @ts-expect-error -- another element type
    softmax(new Float64Array(3));
    // @ts-expect-error -- a plain array
    softmax([1, 2, 3]);
    // @ts-expect-error -- an unknown option
    softmax(x, { colums: 3 });
    // @ts-expect-error -- an option of another type
    softmax(x, { cols: '3' });
    // @ts-expect-error -- an unknown algorithm
    softmax(x, { algorithm: 'fast' });
    // @ts-expect-error -- softmax alone has a rule for masked rows
    logSoftmax(x, { maskedRow: 'zero' });
    // @ts-expect-error -- one number per row has no row stride
    logSumExp(x, { outStride: 3 });
    // @ts-expect-error -- nothing to scale
    argMax(x, { temperature: 2 });
    // @ts-expect-error -- an output of another element type
    softmax(x, { out: new Int32Array(3) });
    // @ts-expect-error -- indices are int32
    argMax(x, { out: new Float32Array(1) });
    // @ts-expect-error -- signals are for promises
    softmax(x, { signal: AbortSignal.timeout(1) });
    // @ts-expect-error -- no such operator
    plan('softMax', { cols: 3 });
    // @ts-expect-error -- a plan has its shape
    plan('softmax', {});
    // @ts-expect-error -- and no output
    plan('softmax', { cols: 3, out: x });
    // @ts-expect-error -- the output of a plan is of its element type
    plan('argMax', { cols: 3 }).run(x, x);
    // @ts-expect-error -- what x is, and what it gives, is planned
    plan('argMax', { cols: 3 }).run(bits);
    // @ts-expect-error -- as the output is
    plan('softmax', { cols: 3, dtype: 'f16' }).run(bits, x);
    // @ts-expect-error -- rows alone have a format of their own
    plan('argMax', { cols: 3, outDtype: 'f16' });
    // @ts-expect-error -- targets come with each run
    plan('crossEntropy', { cols: 3 }).run(x);
    // @ts-expect-error -- and not the output alone
    plan('crossEntropy', { cols: 3 }).run(x, x);
    // @ts-expect-error -- targets are required
    crossEntropy(x);
    // @ts-expect-error -- among other options too
    crossEntropy(x, { cols: 3 });
    // @ts-expect-error -- a number per row is a float32
    entropy(x, { outDtype: 'f16' });
    // @ts-expect-error -- with targets too
    crossEntropy(x, { targets: Int32Array.of(0), outDtype: 'f16' });
    // @ts-expect-error -- and with a promise
    void later.entropy(x, { outDtype: 'f16' });
    // @ts-expect-error -- which no bits are
    entropy(x, { out: bits });
    // @ts-expect-error -- bits are asked for
    softmax(x, { out: bits });
    // @ts-expect-error -- and floats are not
    softmax(x, { outDtype: 'f16', out: x });
    // @ts-expect-error -- of 16-bit floats
    softmax(bits, { dtype: 'f16', out: x });
    // @ts-expect-error -- bits of which format?
    softmax(bits);
    // @ts-expect-error -- bits of which format?
    argMax(bits, { cols: 3 });
    // @ts-expect-error -- bits of which format?
    argMax(bits, { out: new Int32Array(1) });
    // @ts-expect-error -- bits of which format?
    topK(bits, { k: 2 });
    // @ts-expect-error -- bits of which format?
    rowStats(bits, { stats: ['max'] });
    // @ts-expect-error -- bits of which format?
    void later.argMax(bits);
    // @ts-expect-error -- plans are fixed
    plan('softmax', { cols: 3 }).rows = 2;
    // @ts-expect-error -- states take arrays
    logSumExpState().push([1]);
    // @ts-expect-error -- an unknown setting
    configure({ isas: 'avx2' });
  };
  expect(typeof refused).toBe('function');
});

test('a mistake is explained for arrays', () => {
  const calls = [
    ['crossEntropy(x, { cols: 3 })', "Property 'targets' is missing"],
    ["softmax(x, { cols: '3' })", "Type 'string' is not assignable to type 'number'"],
    ['logSumExp(x, { colums: 3 })', "Did you mean to write 'cols'?"],
    ['softmax(x, { out: new Float64Array(3) })', "not assignable to type 'Float32Output"],
    ['argMax([1, 2])', "not assignable to parameter of type 'Float32Array"],
    ['void later.crossEntropy(x, { cols: 3 })', "Property 'targets' is missing"],
  ] as const;
  const path = join(__dirname, 'mistakes.ts');
  const source = `import { argMax, crossEntropy, logSumExp, softmax } from '../lib';
    import * as later from '../lib/promises';
    const x = new Float32Array(3);\n${calls.map(([call]) => call).join('\n')}`;
  const options = { ...compilerOptions, noEmit: true };
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (name, ...rest) =>
    name === path ? ts.createSourceFile(name, source, rest[0]) : read(name, ...rest);
  const program = ts.createProgram([path, declarationOfGyp], options, host);
  const found = program
    .getSemanticDiagnostics(program.getSourceFile(path))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
  expect(found).toEqual(calls.map(([, words]) => expect.stringContaining(words)));
});

test('the compiler agrees, with declarations for users of older libraries', () => {
  const options: ts.CompilerOptions = {
    ...compilerOptions,
    declaration: true,
    emitDeclarationOnly: true,
    rootDir: join(__dirname, '..'),
    outDir: join(__dirname, 'nowhere'),
    stripInternal: true,
  };
  const program = ts.createProgram([__filename, declarationOfGyp], options);
  const found = ts
    .getPreEmitDiagnostics(program)
    .map(
      ({ messageText, file }) =>
        `${file?.fileName} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    );
  expect(found).toEqual([]);
  const declarations = new Map<string, string>();
  program.emit(undefined, (path, text) =>
    declarations.set(path.replace(/.*\/(lib|test)\//, '$1/'), text),
  );
  const own = [...declarations].filter(([path]) => path.startsWith('lib/'));
  expect(own.length).toBeGreaterThan(10);
  // Typed arrays take a type argument since TypeScript 5.7 only.
  for (const [path, text] of own)
    expect([path, text.match(/(Float32|Int32|Float64)Array</)]).toEqual([path, null]);
});
