/**
 * The types of the API, checked when this file is compiled: by `npm run lint`, and below together with the declarations
 * that users get.
 */
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Tensor, type TypedTensor as TensorOfType } from 'onnxruntime-common';
import ts from 'typescript';
import {
  argMax,
  configure,
  logSoftmax,
  logSumExp,
  logSumExpState,
  plan,
  softmax,
  type Float32Result,
  type Int32Result,
  type OperatorName,
  type TensorOf,
} from '../lib';
import type { OperatorTypes } from '../lib/catalogue';
import type { FloatPromise, IndexPromise, PromiseOf } from '../lib/types';
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
    typed<Tensor>()(logSumExp(any), true);
    typed<TensorOf<Int32Result>>()(argMax(any), true);
    typed<{ data: typeof x; dims: number[] }>()(softmax({ data: x, dims: [3] }), true);
  });

  test('of plans', () => {
    const step = plan('argMax', { cols: 3 });
    typed<Int32Result>()(step.run(x), true);
    typed<'argMax'>()(step.operator, true);
    const out = new Float32Array(new SharedArrayBuffer(12));
    const other = plan('softmax', { rows: 1, cols: 3, maskedRow: 'zero', temperature: 2 });
    typed<Float32Array<SharedArrayBuffer>>()(other.run(x, out), true);
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
  is<PromiseOf<typeof softmax>, FloatPromise<SoftmaxOptions>>(true);
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
    // @ts-expect-error -- plans are fixed
    plan('softmax', { cols: 3 }).rows = 2;
    // @ts-expect-error -- states take arrays
    logSumExpState().push([1]);
    // @ts-expect-error -- an unknown setting
    configure({ isas: 'avx2' });
  };
  expect(typeof refused).toBe('function');
});

test('the compiler agrees, with declarations for users of older libraries', () => {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2022.d.ts'],
    module: ts.ModuleKind.Node16,
    moduleResolution: ts.ModuleResolutionKind.Node16,
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: false,
    declaration: true,
    emitDeclarationOnly: true,
    rootDir: join(__dirname, '..'),
    outDir: join(__dirname, 'nowhere'),
    stripInternal: true,
    skipLibCheck: true,
  };
  const program = ts.createProgram(
    [__filename, join(__dirname, '../lib/node-gyp-build.d.ts')],
    options,
  );
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
