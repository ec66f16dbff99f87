/** Statistics of rows whose columns lie in several places, from those of each place. */
import { types } from 'node:util';
import { readKnown, plainObject, ruleValue, size } from './check';
import { kinds } from './elements';
import { inTheNameOf, unknownOption, wrongShape, wrongType, wrongValue } from './errors';
import { copyOf } from './lists';
import { makeOperand } from './operands';
import type { NumberRule, Operand, OperandArray } from './operator';
import { operandsOf, temperatureOption } from './operator';
import type { RowStatistics, Statistic } from './stats';
import { rowStats } from './stats';
import type { TensorLike } from './tensor';
import { readTensor } from './tensor';
import type { Float32Result, Int32Result } from './types';

/** What `mergeRowStats` takes: what `rowStats` was given. */
export interface MergeRowStatsOptions {
  /** How many columns each shard has, in their order. */
  readonly cols: readonly number[];
  readonly temperature?: number | undefined;
  /** That of `topValues` and `topIndices`, which need it; a shard of fewer columns has as many as it has columns. */
  readonly k?: number | undefined;
}

/** A statistic of shards that is one of the whole row: neither those of a target nor a norm about another mean. */
export type MergeableStatistic = Exclude<
  Statistic,
  'pNorm' | 'othersLogSumExp' | `target${string}`
>;

const NAME = 'mergeRowStats';
const OPTIONS = ['cols', 'temperature', 'k'];
const MOST = 2 ** 31 - 1;
const kOption = rowStats.operator.options['k'] as NumberRule;

/** What the shards have for one row. */
class Row {
  readonly #get: (name: Statistic) => readonly number[];
  #sum: Sum | undefined;

  constructor(
    get: (name: Statistic) => readonly number[],
    readonly starts: readonly number[],
    readonly temperature: number,
  ) {
    this.#get = get;
  }

  /** One number a shard. */
  of(name: Statistic): readonly number[] {
    return this.#get(name);
  }

  get sum(): Sum {
    return (this.#sum ??= sumOf(this));
  }

  /** The sum of f over the shards that have elements. */
  over(f: (n: number, shard: number) => number): number {
    return total(this.of('count').map((n, shard) => (n > 0 ? f(n, shard) : 0)));
  }
}

/** The sum of exp(x / T), and what each shard has of it. */
interface Sum {
  readonly mantissa: number;
  readonly exponent: number;
  readonly offset: number;
  readonly parts: readonly number[];
}

const total = (terms: readonly number[]): number => terms.reduce((sum, term) => sum + term, 0);
const placeOfMost = (values: readonly number[]): number => values.indexOf(Math.max(...values));

function sumOf(row: Row): Sum {
  const [mantissas, exponents, offsets] = PAIR.map((name) => row.of(name));
  if (mantissas.includes(Infinity)) {
    return { mantissa: Infinity, exponent: 0, offset: 0, parts: mantissas.map(() => NaN) };
  }
  const scales = mantissas.map((m, i) =>
    m > 0 ? exponents[i] * Math.LN2 + offsets[i] / row.temperature : -Infinity,
  );
  const lead = placeOfMost(scales);
  const [exponent, offset] = [exponents[lead], offsets[lead]];
  const parts = mantissas.map((m, i) => {
    if (m === 0) return 0;
    if (offsets[i] === offset) return m * 2 ** (exponents[i] - exponent);
    const down = (exponents[i] - exponent) * Math.LN2 + (offsets[i] - offset) / row.temperature;
    return m * Math.exp(down);
  });
  return { mantissa: total(parts), exponent, offset, parts };
}

/** -sum p ln p, p being a shard's share of the row, and the shards' own entropies by these. */
function entropyOf(row: Row): number {
  const { mantissa, parts } = row.sum;
  if (!(mantissa > 0)) return NaN;
  const lead = placeOfMost(parts);
  // ln of a share of nearly 1 by what the others have.
  const rest = total(parts.filter((_, i) => i !== lead));
  const entropies = row.of('entropy');
  const terms = parts.map((part, i) => {
    if (part === 0) return 0;
    // Of a share that is subnormal the quotient may be no double.
    const surprise =
      i === lead
        ? Math.log1p(rest / part)
        : part < 2 ** -960
          ? Math.log(mantissa) - Math.log(part)
          : Math.log(mantissa / part);
    return (part / mantissa) * (entropies[i] + surprise);
  });
  return total(terms);
}

function logSumExpOf(row: Row): number {
  const logs = row.of('logSumExp');
  const lead = placeOfMost(logs);
  const most = logs[lead];
  if (!Number.isFinite(most)) return most;
  return most + Math.log1p(total(logs.map((log, i) => (i === lead ? 0 : Math.exp(log - most)))));
}

function argMaxOf(row: Row): number {
  const shard = placeOfMost(row.of('max'));
  const index = row.of('argMax')[shard];
  return index < 0 ? -1 : row.starts[shard] + index;
}

function meanOf(row: Row): number {
  const means = row.of('mean');
  return row.over((n, i) => n * means[i]) / total(row.of('count'));
}

/** Chan, Golub and LeVeque: the variances within the shards, and that of their means. */
function varianceOf(row: Row, within: (shard: number) => number): number {
  const mean = meanOf(row);
  const means = row.of('mean');
  return row.over((n, i) => n * (within(i) + (means[i] - mean) ** 2)) / total(row.of('count'));
}

const PAIR = ['mantissa', 'exponent', 'offset'] as const;

/** What a statistic is made of beside itself, and how. */
interface Rule {
  readonly needs?: readonly MergeableStatistic[];
  readonly merge: (row: Row) => number;
}

const rules: Readonly<Record<Exclude<MergeableStatistic, 'topValues' | 'topIndices'>, Rule>> = {
  max: { merge: (row) => Math.max(...row.of('max')) },
  argMax: { needs: ['max'], merge: argMaxOf },
  secondMax: {
    needs: ['max'],
    merge: (row) => [...row.of('max'), ...row.of('secondMax')].sort((a, b) => b - a)[1],
  },
  min: { merge: (row) => Math.min(...row.of('min')) },
  logSumExp: { merge: logSumExpOf },
  mantissa: { needs: PAIR, merge: (row) => row.sum.mantissa },
  exponent: { needs: PAIR, merge: (row) => row.sum.exponent },
  offset: { needs: PAIR, merge: (row) => row.sum.offset },
  count: { merge: (row) => total(row.of('count')) },
  sum: { merge: (row) => total(row.of('sum')) },
  sumOfSquares: { merge: (row) => total(row.of('sumOfSquares')) },
  mean: { needs: ['count'], merge: meanOf },
  variance: {
    needs: ['mean', 'count'],
    merge: (row) => varianceOf(row, (i) => row.of('variance')[i]),
  },
  standardDeviation: {
    needs: ['mean', 'count'],
    merge: (row) => Math.sqrt(varianceOf(row, (i) => row.of('standardDeviation')[i] ** 2)),
  },
  entropy: { needs: PAIR, merge: entropyOf },
  collisionProbability: {
    needs: PAIR,
    merge: (row) => {
      const { mantissa, parts } = row.sum;
      if (!(mantissa > 0)) return NaN;
      const own = row.of('collisionProbability');
      return total(parts.map((part, i) => (part === 0 ? 0 : (part / mantissa) ** 2 * own[i])));
    },
  },
};
const needsOf = (name: MergeableStatistic): readonly MergeableStatistic[] =>
  name === 'topIndices' ? ['topValues'] : name === 'topValues' ? [] : (rules[name].needs ?? []);

const MERGEABLE = [...Object.keys(rules), 'topValues', 'topIndices'] as MergeableStatistic[];
const isTop = (name: string): name is 'topValues' | 'topIndices' => name.startsWith('top');
const operandOf = (name: Statistic): Operand =>
  operandsOf(rowStats.operator).find((operand) => operand.name === name)!;
const kindOf = (name: Statistic) => kinds[operandOf(name).element];

/** The numbers of one shard by the names of its statistics. */
type Numbers = ReadonlyMap<MergeableStatistic, Float64Array>;

/**
 * What `rowStats` gives for whole rows, from what it gave for shards of their columns: for a vocabulary in several places,
 * or rows that are looked at in pieces. All shards have the same statistics.
 *
 * Beside itself, `argMax` and `secondMax` are made of `max`; `topIndices` of `topValues`; `mean` of `count`, `variance` and
 * `standardDeviation` of both; `entropy`, `collisionProbability` and each of `mantissa`, `exponent` and `offset` of these
 * three. `pNorm` is about another mean in each shard, and what is about a target is in one of them alone
 * (`crossEntropyState`): these are refused.
 *
 * Error: orders, indices and counts are exact; the others are float64 arithmetic on the shards' float32 numbers, at most 8
 * ULP off, where nothing cancels (largest measured 1.5): sums and means have the error of the shards' numbers, variances
 * about |mean| / deviation ULP more, and logSumExp is within 2^-22 absolute where it is nearly 0.
 *
 * @param shards - what `rowStats` gave for each shard, arrays or tensors, in the order of the columns
 * @param options - `cols`, `temperature`, `k`
 * @returns the same statistics, of the whole rows: new arrays
 * @throws SoftlaneTypeError `ERR_SOFTLANE_TYPE`, `ERR_SOFTLANE_UNKNOWN_OPTION`, `ERR_SOFTLANE_DETACHED`
 * @throws SoftlaneRangeError `ERR_SOFTLANE_VALUE`, `ERR_SOFTLANE_SHAPE`
 * @throws SoftlaneError `ERR_SOFTLANE_OUT_OF_MEMORY`
 *
 * @example
 * ```ts
 * import { mergeRowStats, rowStats } from 'softlane';
 * const stats = ['max', 'argMax', 'count', 'mean'] as const;
 * const left = rowStats(Float32Array.of(1, 2, 9, 1), { cols: 2, stats }); // columns 0 and 1
 * const right = rowStats(Float32Array.of(3, 0), { cols: 1, stats }); // column 2
 * const { argMax, mean } = mergeRowStats([left, right], { cols: [2, 1] });
 * console.log(argMax, mean); // 2, 0 and 2, 3.33
 * ```
 */
export function mergeRowStats<
  S extends { readonly [N in MergeableStatistic]?: Float32Result | Int32Result | TensorLike },
>(
  shards: readonly S[],
  options: MergeRowStatsOptions,
): Pick<RowStatistics, keyof S & MergeableStatistic> {
  const shape = readOptions(options);
  const { cols, temperature, k } = shape;
  if (!Array.isArray(shards)) throw wrongType(NAME, 'shards', 'an array', shards);
  const list = Array.from(shards as readonly unknown[]);
  if (list.length === 0 || list.length !== cols.length) {
    const expected = `have an element at least, and as many as options.cols (${cols.length})`;
    throw wrongShape(NAME, 'shards', expected, `${list.length}`);
  }
  const { numbers, rows } = readShards(list, shape);
  const starts = cols.map((_, i) => total(cols.slice(0, i)));
  const names = [...numbers[0].keys()];
  const result: Record<string, OperandArray> = {};
  for (const name of names) result[name] = makeArray(name, rows * (isTop(name) ? k : 1));
  for (let r = 0; r < rows; r++) {
    const row = new Row(
      (name) => numbers.map((shard) => shard.get(name as MergeableStatistic)![r]),
      starts,
      temperature,
    );
    for (const name of names) if (!isTop(name)) result[name][r] = rules[name].merge(row);
    if (numbers[0].has('topValues')) putTop(numbers, cols, k, r, result);
  }
  return result as never;
}

function makeArray(name: MergeableStatistic, length: number): OperandArray {
  const { operator } = rowStats;
  return inTheNameOf(NAME, operator.name, () => makeOperand(operator, operandOf(name), length));
}

/** The k largest of the shards' own, of equals the lowest indices. */
function putTop(
  numbers: readonly Numbers[],
  cols: readonly number[],
  k: number,
  r: number,
  result: Record<string, Record<number, number>>,
): void {
  const all: { readonly value: number; readonly index: number }[] = [];
  let start = 0;
  numbers.forEach((shard, s) => {
    const width = Math.min(k, cols[s]);
    for (let at = r * width; at < (r + 1) * width; at++) {
      const value = shard.get('topValues')![at];
      const index = start + (shard.get('topIndices')?.[at] ?? 0);
      if (value > -Infinity) all.push({ value, index });
    }
    start += cols[s];
  });
  all.sort((a, b) => b.value - a.value || a.index - b.index);
  const { topValues, topIndices } = result;
  for (let i = 0; i < k; i++) {
    topValues[r * k + i] = all[i]?.value ?? -Infinity;
    if (numbers[0].has('topIndices')) topIndices[r * k + i] = all[i]?.index ?? -1;
  }
}

interface Shape {
  readonly cols: readonly number[];
  readonly temperature: number;
  /** NaN where it is not given. */
  readonly k: number;
}

function readOptions(options: unknown): Shape {
  const given = readKnown(NAME, 'options', options, OPTIONS);
  const { cols: list, temperature = temperatureOption.default, k } = given;
  if (!Array.isArray(list)) throw wrongType(NAME, 'options.cols', 'an array', list);
  const cols = Array.from(list, (each, i) => size(NAME, `options.cols[${i}]`, each, 1));
  const all = total(cols);
  if (all > MOST) throw wrongShape(NAME, 'options.cols', `be at most ${MOST} in all`, `${all}`);
  const most = k === undefined ? NaN : ruleValue(NAME, 'options.k', kOption, k);
  if (most > Math.max(all, 1)) {
    throw wrongValue(NAME, 'options.k', `at most the number of columns (${all})`, most);
  }
  return {
    cols,
    temperature: ruleValue(NAME, 'options.temperature', temperatureOption, temperature),
    k: most,
  };
}

/** An array, or that of a tensor, which `rowStats` gives for one. */
function arrayOfShard(argument: string, name: MergeableStatistic, value: unknown): OperandArray {
  const kind = kindOf(name);
  if (kind.is(value)) return value;
  if (typeof value === 'object' && value !== null && !types.isTypedArray(value)) {
    return readTensor(NAME, argument, value, operandOf(name).element).data as OperandArray;
  }
  throw wrongType(NAME, argument, `${kind.name} or an object with such data and dims`, value);
}

/** The numbers of every shard: the same statistics in all, each of as many rows. */
function readShards(
  shards: readonly unknown[],
  { cols, k }: Shape,
): { numbers: Numbers[]; rows: number } {
  let names: readonly string[] = MERGEABLE;
  let rows: number | undefined;
  const numbers = shards.map((shard, s) => {
    const argument = `shards[${s}]`;
    const source = plainObject(NAME, argument, shard);
    const found = new Map<MergeableStatistic, Float64Array>();
    for (const key of Object.keys(source)) {
      const value = source[key];
      if (value === undefined) continue;
      if (!names.includes(key)) throw unknownOption(NAME, key, names, argument);
      const name = key as MergeableStatistic;
      // From lengths alone it would be one value a row, and as many rows as there are values.
      if (isTop(name) && Number.isNaN(k)) {
        throw wrongType(NAME, 'options.k', `a number beside ${key}, that of rowStats`, undefined);
      }
      const copy = copyOf(
        NAME,
        `${argument}.${key}`,
        arrayOfShard(`${argument}.${key}`, name, value),
      );
      const width = isTop(name) ? Math.min(k, cols[s]) : 1;
      rows ??= Math.floor(copy.length / width);
      if (copy.length !== rows * width) {
        const expected = `have ${rows * width} elements`;
        throw wrongShape(NAME, `${argument}.${key}`, expected, `${copy.length}`);
      }
      found.set(name, copy);
    }
    for (const name of s === 0 ? [...found.keys()].flatMap(needsOf) : names) {
      if (found.has(name as MergeableStatistic)) continue;
      const expected = `${kindOf(name as MergeableStatistic).name}, which others are made of`;
      throw wrongType(NAME, `${argument}.${name}`, expected, undefined);
    }
    names = [...found.keys()];
    return found;
  });
  return { numbers, rows: rows ?? 0 };
}
