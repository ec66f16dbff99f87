/** A whole step from logits to a token: ours, ours as a logits processor, and that of transformers.js. */
import { createSampler } from '../../sampler';
import { samplingProcessor } from '../../transformers';
import { topK } from '../../select';
import { Absent, type Ground, type Maker } from '../ground';
import { generator } from '../random';
import type { Contender } from '../task';
import { load } from './load';

/** What every contender does; the last is passed over by transformers.js, which has no top-p. */
export const SAMPLING = {
  repetitionPenalty: 1.1,
  temperature: 0.8,
  topK: 50,
  topP: 0.95,
} as const;

/** Tokens so far. */
export const HISTORY = 1000;

/** The start of every contender's work on a row: its input, and the tokens so far as each takes them. */
function start(contender: Contender, ground: Ground) {
  const { cols } = ground.family.shape;
  const x = ground.inputOf(contender);
  const next = generator(7);
  const history = Int32Array.from({ length: HISTORY }, () => Math.floor(next() * cols));
  const ids = [Array.from(history, BigInt)];
  // Penalties take tokens out of the most likely ones, and bring none in.
  const { indices } = topK(x, { k: SAMPLING.topK + HISTORY });
  const likely = new Set<number>(indices);
  const check = (token: number): void => {
    if (!likely.has(token)) throw new Error(`${contender.name} drew ${token}, which is unlikely`);
  };
  return { x, cols, history, ids, check };
}

/** The greedy sampler of transformers.js, which looks at every logit. */
function placeOfMax(x: Float32Array): number {
  let most = x[0];
  let place = 0;
  for (let i = 1; i < x.length; i++) {
    if (x[i] > most) {
      most = x[i];
      place = i;
    }
  }
  return place;
}

/**
 * createSampler; or with `call` what generate() does with the logits processor: a fresh copy of the logits, the processor,
 * and the search for the one token that it leaves.
 */
export const sampler: Maker = (contender, ground) => {
  const { x, cols, history, ids, check } = start(contender, ground);
  const { threads, isa } = contender;
  if (contender.call === true) {
    const processor = samplingProcessor({ ...SAMPLING, threads });
    const logits = { type: 'float32', data: new Float32Array(cols), dims: [1, cols] };
    return {
      batch(count) {
        let token = -1;
        for (let i = 0; i < count; i++) {
          logits.data.set(x);
          token = placeOfMax(processor(ids, logits).data);
        }
        check(token);
      },
    };
  }
  const ours = createSampler(SAMPLING);
  const options = { history, threads, isa };
  return {
    batch(count) {
      let token = -1;
      for (let i = 0; i < count; i++) [token] = ours.sample(x, options).tokens;
      check(token);
    },
  };
};

/** As much of @huggingface/transformers as its own sampling uses. */
interface Transformers {
  readonly Tensor: new (type: string, data: object, dims: readonly number[]) => Rows;
  readonly LogitsProcessorList: new () => {
    (ids: bigint[][], logits: Rows): Rows;
    push(item: object): void;
  };
  readonly RepetitionPenaltyLogitsProcessor: new (penalty: number) => object;
  readonly TemperatureLogitsWarper: new (temperature: number) => object;
  topk(x: Rows, k: number): Promise<[Values, Values]>;
  softmax(x: ArrayLike<number>): ArrayLike<number>;
  readonly random: { random(): number };
}
interface Values {
  readonly data: ArrayLike<number>;
}
interface Rows extends Values {
  readonly data: Float32Array;
  readonly [row: number]: Rows;
}

/**
 * The processors that `generate()` makes of these settings, and what its sampler does after them, which is not exported:
 * topk, softmax, a draw.
 */
export const transformers: Maker = (contender, ground) => {
  const theirs = load('@huggingface/transformers') as Transformers;
  if (typeof theirs.topk !== 'function') throw new Absent('it is another version');
  const { x, cols, ids, check } = start(contender, ground);
  const processors = new theirs.LogitsProcessorList();
  processors.push(new theirs.RepetitionPenaltyLogitsProcessor(SAMPLING.repetitionPenalty));
  processors.push(new theirs.TemperatureLogitsWarper(SAMPLING.temperature));
  const logits = new theirs.Tensor('float32', new Float32Array(cols), [1, cols]);
  const draw = async (): Promise<number> => {
    logits.data.set(x);
    const [values, indices] = await theirs.topk(processors(ids, logits)[0], SAMPLING.topK);
    const probabilities = theirs.softmax(values.data);
    let left = theirs.random.random();
    let chosen = 0;
    while (chosen + 1 < probabilities.length && (left -= probabilities[chosen]) > 0) chosen++;
    return Number(indices.data[chosen]);
  };
  return {
    async batch(count) {
      let token = -1;
      for (let i = 0; i < count; i++) token = await draw();
      check(token);
    },
  };
};
