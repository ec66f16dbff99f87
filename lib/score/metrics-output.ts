/** The metrics of a job as one of its outputs. */
import { AtomicFile, type AtomicFileOptions } from './atomic-file';
import type { ElementArray } from './element';
import { jsonText } from './json';
import { aurocOf, Metrics, type MetricsJson, type MetricsResult } from './metrics';
import type { KeptOutput, OutputFile } from './output-file';
import type { ComputeBlock, JobSetting } from './operation';
import type { Column } from './table';

/** The columns that metrics are made of; the last two need labels. */
export function metricColumns(labelled: boolean): Column[] {
  const column = (name: string, element: Column['element'] = 'float32'): Column => ({
    name,
    element,
    width: 1,
    scalar: true,
  });
  const all = [column('confidence'), column('entropy')];
  return labelled ? [...all, column('targetLogProbability'), column('targetRank', 'int32')] : all;
}

/** Computes them; rows with a NaN give NaN and do not count. */
export function startMetrics(
  { operator, cols, common, parameters }: JobSetting,
  labelled: boolean,
): ComputeBlock {
  const maxProbability = operator('maxProbability');
  const rowStats = operator('rowStats');
  return async ({ x, rows, inputs }, [confidence, entropy, logProbability, rank]) => {
    const tensor = { data: x, dims: [rows, cols] };
    const all = { ...parameters, ...common };
    const out = labelled
      ? { entropy, targetLogProbability: logProbability, targetRank: rank }
      : { entropy };
    const targets = labelled ? { targets: inputs['targets'] } : {};
    await Promise.all([
      maxProbability(tensor, { ...all, out: confidence }),
      rowStats(tensor, { ...all, ...targets, stats: Object.keys(out), nan: 'masked', out }),
    ]);
  };
}

const bits = new DataView(new ArrayBuffer(4));

/** Keeps a confidence a row, with the sign bit set for a right one: what the exact AUROC needs. */
export class MetricsOutput implements OutputFile {
  result: MetricsResult | undefined;

  private constructor(
    private readonly file: AtomicFile,
    private readonly metrics: Metrics,
    private readonly options: AtomicFileOptions,
    private readonly isPart: boolean,
  ) {}

  static async create(
    path: string,
    settings: {
      readonly bins: number;
      readonly labelled: boolean;
      /** Whether it is to be merged with others. */
      readonly isPart?: boolean;
    },
    options: AtomicFileOptions,
    state: unknown,
  ): Promise<MetricsOutput> {
    const { bins, labelled, isPart = false } = settings;
    const metrics =
      state === undefined
        ? new Metrics(bins, labelled)
        : Metrics.from(state as MetricsJson, labelled);
    const file = await AtomicFile.create(path, options);
    return new MetricsOutput(file, metrics, options, isPart);
  }

  get path(): string {
    return this.file.path;
  }

  async write(columns: readonly ElementArray[], rows: number): Promise<void> {
    const [confidence, entropy, targetLogProbability, targetRank] = columns as [
      Float32Array,
      Float32Array,
      Float32Array | undefined,
      Int32Array | undefined,
    ];
    const pairs = new Uint32Array(rows);
    let count = 0;
    this.metrics.add(
      { confidence, entropy, targetLogProbability, targetRank },
      rows,
      (sure, right) => {
        bits.setFloat32(0, sure);
        pairs[count++] = bits.getUint32(0) | (right ? 0x80000000 : 0);
      },
    );
    await this.file.write(new Uint8Array(pairs.buffer, 0, 4 * count));
  }

  async take(bytes: Uint8Array, state?: unknown): Promise<void> {
    await this.file.write(bytes);
    const { labelled } = this.metrics;
    if (state !== undefined) this.metrics.merge(Metrics.from(state as MetricsJson, labelled));
  }

  async keep(): Promise<KeptOutput> {
    return { ...(await this.file.keep()), state: this.metrics.toJSON() };
  }

  abandon(): void {
    this.file.abandon();
  }

  discard(): Promise<void> {
    return this.file.discard();
  }

  async commit(_rows: number, signal?: AbortSignal): Promise<void> {
    if (this.isPart) return this.file.commit(signal);
    const result = this.metrics.finish(await this.auroc());
    this.result = result;
    const json = Buffer.from(`${jsonText(result, 2)}\n`);
    return this.file.commitMade(this.options, (made) => made.write(json), signal);
  }

  private async auroc(): Promise<number | null> {
    const pairs = new Uint32Array(this.file.length / 4);
    await this.file.readBack(new Uint8Array(pairs.buffer), 0);
    const isRight = (pair: number): boolean => pair >= 0x80000000;
    return aurocOf(
      pairs.filter(isRight).map((pair) => pair & 0x7fffffff),
      pairs.filter((pair) => !isRight(pair)),
    );
  }
}
