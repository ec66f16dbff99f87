/** Numbers about a whole job, from one or two floats a row: states that merge to the same bits in any split. */
import { ExactSum, type ExactSumJson } from './exact-sum';

/** What metrics take from each row of a block. */
export interface MetricRows {
  /** The largest softmax probability; NaN for a row without a result, which does not count. */
  readonly confidence: Float32Array;
  readonly entropy: Float32Array;
  /** These two where rows have labels. */
  readonly targetLogProbability?: Float32Array | undefined;
  readonly targetRank?: Int32Array | undefined;
}

export interface MetricsJson {
  readonly bins: number;
  readonly rows: number;
  readonly skipped: number;
  readonly ranks: readonly number[];
  readonly counts: readonly number[];
  readonly rights: readonly number[];
  readonly confidence: readonly ExactSumJson[];
  readonly nats: ExactSumJson;
  readonly entropy: ExactSumJson;
  readonly brier: ExactSumJson;
}

/** Ranks that are counted: right at once, or among the first five. */
const topRanks = [1, 5];

export interface Histogram {
  readonly lower: number;
  readonly upper: number;
  readonly count: number;
  /** Mean confidence; null for none. */
  readonly confidence: number | null;
  /** Share of the right ones; null without labels, or for none. */
  readonly accuracy: number | null;
}

export interface MetricsResult {
  readonly rows: number;
  /** Rows without a result: rejected, or without an element that is not masked. */
  readonly skipped: number;
  readonly meanConfidence: number | null;
  readonly meanEntropy: number | null;
  /** The others are null without labels. */
  readonly accuracy: number | null;
  readonly top5Accuracy: number | null;
  /** Mean of -ln p of the labels, and exp of it; Infinity where a label has no probability. */
  readonly nll: number | null;
  readonly perplexity: number | null;
  readonly ece: number | null;
  readonly mce: number | null;
  /** Mean of (right - confidence)^2. */
  readonly brier: number | null;
  /** How often a right row has a higher confidence than a wrong one. */
  readonly auroc: number | null;
  readonly bins: readonly Histogram[];
}

export class Metrics {
  private rows = 0;
  private skipped = 0;
  private readonly ranks = topRanks.map(() => 0);
  private readonly counts: number[];
  private readonly rights: number[];
  private readonly confidence: ExactSum[];
  private nats = new ExactSum();
  private entropy = new ExactSum();
  private brier = new ExactSum();

  constructor(
    readonly bins: number,
    readonly labelled: boolean,
  ) {
    this.counts = Array<number>(bins).fill(0);
    this.rights = Array<number>(bins).fill(0);
    this.confidence = Array.from({ length: bins }, () => new ExactSum());
  }

  /** Adds rows; `pair` gets the confidence of each that counts, and whether it was right. */
  add(from: MetricRows, rows: number, pair: (confidence: number, right: boolean) => void): void {
    const { confidence, entropy, targetLogProbability, targetRank } = from;
    for (let row = 0; row < rows; row++) {
      const sure = confidence[row]!;
      if (Number.isNaN(sure)) {
        this.skipped++;
        continue;
      }
      this.rows++;
      this.entropy.add(entropy[row]!);
      // As in `calibration`: a confidence on a border belongs to the lower bin.
      const bin = Math.min(this.bins, Math.max(1, Math.ceil(sure * this.bins))) - 1;
      this.counts[bin]!++;
      this.confidence[bin]!.add(sure);
      if (!this.labelled) continue;
      const rank = targetRank![row]!;
      const right = rank === 0;
      topRanks.forEach((top, i) => (this.ranks[i]! += rank < top ? 1 : 0));
      if (right) this.rights[bin]!++;
      this.nats.add(-targetLogProbability![row]!);
      // The square of a difference, as two floats that hold all of it but what is below 2^-149.
      const square = ((right ? 1 : 0) - sure) ** 2;
      const high = Math.fround(square);
      this.brier.add(high);
      this.brier.add(Math.fround(square - high));
      pair(sure, right);
    }
  }

  merge(other: Metrics): this {
    this.rows += other.rows;
    this.skipped += other.skipped;
    const add = (to: number[], from: readonly number[]): void =>
      from.forEach((count, i) => (to[i]! += count));
    add(this.ranks, other.ranks);
    add(this.counts, other.counts);
    add(this.rights, other.rights);
    other.confidence.forEach((sum, i) => this.confidence[i]!.merge(sum));
    this.nats.merge(other.nats);
    this.entropy.merge(other.entropy);
    this.brier.merge(other.brier);
    return this;
  }

  toJSON(): MetricsJson {
    const { bins, rows, skipped, ranks, counts, rights, confidence, nats, entropy, brier } = this;
    return {
      bins,
      rows,
      skipped,
      ranks: [...ranks],
      counts: [...counts],
      rights: [...rights],
      confidence: confidence.map((sum) => sum.toJSON()),
      nats: nats.toJSON(),
      entropy: entropy.toJSON(),
      brier: brier.toJSON(),
    };
  }

  static from(json: MetricsJson, labelled: boolean): Metrics {
    const metrics = new Metrics(json.bins, labelled);
    metrics.rows = json.rows;
    metrics.skipped = json.skipped;
    json.ranks.forEach((count, i) => (metrics.ranks[i] = count));
    json.counts.forEach((count, i) => (metrics.counts[i] = count));
    json.rights.forEach((count, i) => (metrics.rights[i] = count));
    json.confidence.forEach((sum, i) => (metrics.confidence[i] = ExactSum.from(sum)));
    metrics.nats = ExactSum.from(json.nats);
    metrics.entropy = ExactSum.from(json.entropy);
    metrics.brier = ExactSum.from(json.brier);
    return metrics;
  }

  /** `auroc` comes from the pairs of all rows. */
  finish(auroc: number | null): MetricsResult {
    const { rows, labelled } = this;
    const mean = (sum: number, count: number): number | null => (count === 0 ? null : sum / count);
    const ifLabelled = (value: number | null): number | null => (labelled ? value : null);
    const total = new ExactSum();
    for (const sum of this.confidence) total.merge(ExactSum.from(sum.toJSON()));
    const bins = this.counts.map((count, i): Histogram => ({
      lower: i / this.bins,
      upper: (i + 1) / this.bins,
      count,
      confidence: mean(this.confidence[i]!.value(), count),
      accuracy: ifLabelled(mean(this.rights[i]!, count)),
    }));
    const offs = bins
      .filter(({ count }) => count > 0)
      .map(({ count, confidence, accuracy }) => ({
        count,
        off: Math.abs((accuracy ?? 0) - confidence!),
      }));
    const ece = offs.reduce((sum, { count, off }) => sum + off * (count / rows), 0);
    const nll = ifLabelled(mean(this.nats.value(), rows));
    return {
      rows,
      skipped: this.skipped,
      meanConfidence: mean(total.value(), rows),
      meanEntropy: mean(this.entropy.value(), rows),
      accuracy: ifLabelled(mean(this.ranks[0]!, rows)),
      top5Accuracy: ifLabelled(mean(this.ranks[1]!, rows)),
      nll,
      perplexity: nll === null ? null : Math.exp(nll),
      ece: ifLabelled(rows === 0 ? null : ece),
      mce: ifLabelled(rows === 0 ? null : Math.max(...offs.map(({ off }) => off))),
      brier: ifLabelled(mean(this.brier.value(), rows)),
      auroc: ifLabelled(auroc),
      bins,
    };
  }
}

/**
 * The exact area under the ROC curve of confidences as float32 bits, those of right rows and of wrong ones, in any
 * order: sorted in place. Null where one of the kinds is missing.
 */
export function aurocOf(right: Uint32Array, wrong: Uint32Array): number | null {
  if (right.length === 0 || wrong.length === 0) return null;
  right.sort();
  wrong.sort();
  let twice = 0n;
  let below = 0;
  let upTo = 0;
  for (const key of right) {
    while (below < wrong.length && wrong[below]! < key) below++;
    upTo = Math.max(upTo, below);
    while (upTo < wrong.length && wrong[upTo]! === key) upTo++;
    twice += BigInt(below + upTo);
  }
  return Number(twice) / 2 / (right.length * wrong.length);
}
