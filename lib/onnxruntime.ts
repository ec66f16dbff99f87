/**
 * softlane for onnxruntime: a session whose logits one of our operators, or a sampler, finishes. It needs no onnxruntime
 * of its own: a session is anything with `outputNames` and `run`, and results are tensors of the class that the session
 * returns. Every operator of `softlane` takes and returns such tensors as it is.
 */
import type { OperatorName, OperatorTypes } from './catalogue';
import { catalogue, findOperator, functionOf } from './catalogue';
import { choice, overridden, plainObject } from './check';
import { native } from './configure';
import { kinds } from './elements';
import {
  SoftlaneTypeError,
  describe,
  listOf,
  unknownOption,
  wrongShape,
  wrongType,
  wrongValue,
} from './errors';
import type { InputArray } from './operator';
import type { AsyncSampler, SampleOptions, SampleResult, Sampler } from './sampler';
import type { TensorFields, TensorLike, TensorOf } from './tensor';
import { makeTensor, readTensor } from './tensor';
import type { Float32Result, Int32Result } from './types';

/** An InferenceSession of onnxruntime-node or onnxruntime-web, as far as it is used. */
export interface SessionLike {
  readonly outputNames: readonly string[];
  run(
    feeds: Readonly<Record<string, unknown>>,
    options?: object,
  ): Promise<Readonly<Record<string, TensorLike>>>;
}

/** Which of the session's numbers are the logits. */
export interface HeadOptions {
  /** Name of the output. Default: 'logits' if there is one of that name, or the only output. */
  readonly output?: string | undefined;
  /**
   * 'all' (default): every row of the last dimension. 'last': of dims [..., positions, cols] the last position alone, as
   * a decoder's next token needs it; the result has no dimension for positions then.
   */
  readonly position?: 'all' | 'last' | undefined;
}

/** What a call gives. */
export interface HeadResult<Result, Outputs> {
  /** Of the operator or the sampler. */
  readonly result: Result;
  /** Everything that the session returned, the logits among it. */
  readonly outputs: Outputs;
}

/** A session with its head; made by {@link attachHead}. */
export interface Head<S extends SessionLike, Options, Result> {
  readonly session: S;
  /** Name of the output that it reads. */
  readonly output: string;
  /**
   * Runs the session, then the head.
   *
   * @param options - over those of `attachHead`, for this call: targets, the tokens so far
   * @param runOptions - for the session
   */
  run(
    feeds: Parameters<S['run']>[0],
    options?: Options,
    runOptions?: object,
  ): Promise<HeadResult<Result, Awaited<ReturnType<S['run']>>>>;
}

/** An operator's result for a tensor: a tensor, or an object of tensors. */
export type HeadTensors<R> = R extends Float32Result | Int32Result
  ? TensorOf<R>
  : { readonly [K in keyof R]: TensorOf<NonNullable<R[K]>> };

/** The options of an operator that say nothing of an array's shape. */
export type HeadOperatorOptions<N extends OperatorName> = Omit<
  OperatorTypes[N]['options'],
  'cols' | 'stride' | 'outStride'
>;

type HeadSampleOptions = Omit<SampleOptions, 'cols'>;

const NAME = 'attachHead';
const OPTIONS = ['output', 'position'];
const POSITIONS = ['all', 'last'];

/** Element types that logits may have. */
const LOGITS = ['float32', 'float16'] as const;

/**
 * Finishes an output of a session with an operator, by its name, or with a sampler.
 *
 * @param session - of onnxruntime
 * @param head - name of an operator, or what `createSampler` returned (that of `softlane/promises` too)
 * @param options - of the operator, or of the sampler's calls
 * @param which - the logits among the session's outputs
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`
 */
export function attachHead<S extends SessionLike, N extends OperatorName>(
  session: S,
  head: N,
  options?: HeadOperatorOptions<N>,
  which?: HeadOptions,
): Head<S, HeadOperatorOptions<N>, HeadTensors<OperatorTypes[N]['result']>>;
export function attachHead<S extends SessionLike>(
  session: S,
  head: Sampler | AsyncSampler,
  options?: HeadSampleOptions,
  which?: HeadOptions,
): Head<S, HeadSampleOptions, SampleResult>;
export function attachHead(
  session: SessionLike,
  head: unknown,
  options?: object,
  which?: HeadOptions,
): Head<SessionLike, object, unknown> {
  requireSession(session);
  const finish = finisherOf(head);
  const given = ownOf('options', options);
  const { output, last } = readWhich(session, which);
  return {
    session,
    output,
    async run(feeds, more, runOptions) {
      const own = ownOf('options', more);
      const outputs = await session.run(feeds, runOptions);
      const logits = logitsOf(outputs, output);
      const rows = last ? lastPosition(logits, output) : logits.object;
      return { result: await finish(rows, overridden(given, own)), outputs };
    },
  };
}

function requireSession(session: unknown): asserts session is SessionLike {
  const { outputNames, run } = (session ?? {}) as Partial<SessionLike>;
  if (typeof run === 'function' && Array.isArray(outputNames)) return;
  throw wrongType(NAME, 'session', 'an InferenceSession, with outputNames and run', session);
}

/** What an object has itself: nothing that Object.prototype was given. */
function ownOf(argument: string, value: unknown): Record<string, unknown> {
  const own = Object.create(null) as Record<string, unknown>;
  return value === undefined ? own : Object.assign(own, plainObject(NAME, argument, value));
}

type Finish = (x: TensorLike, options: object) => unknown;

function finisherOf(head: unknown): Finish {
  if (typeof head === 'string') {
    if (findOperator(head) !== undefined) return functionOf(head as OperatorName) as Finish;
    const names = listOf(catalogue.map(({ name }) => name));
    throw wrongValue(NAME, 'head', `a sampler or ${names}`, head);
  }
  const { sample } = (head ?? {}) as Partial<Sampler>;
  if (typeof sample !== 'function') {
    throw wrongType(NAME, 'head', 'the name of an operator or a sampler', head);
  }
  return (x, options) => (head as Sampler).sample(x, options);
}

function readWhich(
  { outputNames }: SessionLike,
  which: unknown,
): { output: string; last: boolean } {
  const source = ownOf('which', which);
  for (const key of Object.keys(source)) {
    if (!OPTIONS.includes(key)) throw unknownOption(NAME, key, OPTIONS, 'which');
  }
  const { output = usualOutput(outputNames), position = 'all' } = source as HeadOptions;
  if (!outputNames.includes(output as string)) {
    const expected = `one of the session's outputs, ${listOf(outputNames)}`;
    throw (typeof output === 'string' || output === undefined ? wrongValue : wrongType)(
      NAME,
      'which.output',
      expected,
      output,
    );
  }
  const place = POSITIONS[choice(NAME, 'which.position', POSITIONS, position)];
  return { output: output as string, last: place === 'last' };
}

function usualOutput(names: readonly string[]): string | undefined {
  return names.includes('logits') ? 'logits' : names.length === 1 ? names[0] : undefined;
}

function logitsOf(outputs: Readonly<Record<string, unknown>>, name: string): TensorFields {
  const argument = `output ${JSON.stringify(name)}`;
  const tensor = outputs[name];
  if (tensor === undefined) {
    const names = Object.keys(outputs);
    throw new SoftlaneTypeError(
      'ERR_SOFTLANE_TYPE',
      `${NAME}: expected the session to return ${argument}, received ${names.length === 0 ? 'nothing' : listOf(names)}`,
    );
  }
  if (typeof tensor !== 'object' || tensor === null || ArrayBuffer.isView(tensor)) {
    throw wrongType(NAME, argument, 'a tensor', tensor);
  }
  const { type } = tensor as TensorLike;
  if (!(LOGITS as readonly unknown[]).includes(type)) {
    throw new SoftlaneTypeError(
      'ERR_SOFTLANE_TYPE',
      `${NAME}: expected ${argument} to be logits, a tensor of type ${listOf(LOGITS)}, received type ${describe(type)}`,
    );
  }
  const fields = readTensor(NAME, argument, tensor, ...LOGITS);
  if (fields.dims.length === 0) {
    throw wrongShape(NAME, argument, 'have rows along its last dimension', 'dims []');
  }
  return fields;
}

/** Of dims [..., positions, cols] the last position of each: a view where there is one of them, or a copy. */
function lastPosition(fields: TensorFields, name: string): TensorLike {
  const { dims, element } = fields;
  const positions = dims[dims.length - 2];
  if (dims.length < 2 || positions === 0) {
    const expected = 'have dims [..., positions, cols], with a position at least, for the last one';
    const received = `dims [${dims.join(', ')}]`;
    throw wrongShape(NAME, `output ${JSON.stringify(name)}`, expected, received);
  }
  const cols = dims[dims.length - 1];
  const outer = dims.slice(0, -2);
  const rows = outer.reduce((product, dim) => product * dim, 1);
  const logits = fields.data as InputArray;
  const begin = (row: number): number => ((row + 1) * positions - 1) * cols;
  let found = logits;
  if (rows === 1) {
    found = logits.subarray(begin(0), begin(0) + cols);
  } else if (positions > 1) {
    found = new kinds[element].make(rows * cols) as InputArray;
    for (let row = 0; row < rows; row++) {
      found.set(logits.subarray(begin(row), begin(row) + cols), row * cols);
    }
  }
  return makeTensor(fields, element, found, [...outer, cols]);
}

native();
