/** What a job computes of a block of rows: which of them are bad, and the results of its products. */
import { findOperator } from '../catalogue';
import * as promises from '../promises';
import { Sweep } from '../sweep';
import { verification } from '../verify';
import { badLabels, badRowError, blank, bothKinds, nanRows, type BadRow } from './bad-rows';
import type { ElementArray } from './element';
import type { Beside, Feed } from './feed';
import type { FileRows } from './file-rows';
import type { CheckedJob } from './job-options';
import type { JobOptions, Verified } from './job-types';
import type { AsyncOperator, Block, ComputeBlock } from './operation';
import { sharedMemory } from './pipeline';
import type { Product } from './product';
import { makeColumns } from './table';
import { RowVerifier } from './verify-rows';

export interface BlockBuffers {
  readonly x: Float32Array;
  readonly beside: Beside;
  /** By product and column. */
  readonly out: readonly (readonly ElementArray[])[];
  bad: readonly BadRow[];
  /** Where the rows are that x is to get; undefined once they are in it. */
  unread: FileRows | undefined;
}

/** A row has to fit into the cache of a core for the addon to read it there. */
const mostSweptBytes = 2 ** 20;

/**
 * Whether the addon can read the rows of a job itself, while it works on them. Otherwise, and where that goes wrong, they
 * are read into memory first. What looks at elements in JavaScript needs them there.
 */
export function canSweep({ verify }: JobOptions, { canTake, cols }: Feed): boolean {
  const isSeen = verify !== undefined || verification.share !== 0;
  return canTake && !isSeen && cols > 0 && 4 * cols <= mostSweptBytes;
}

/** softlane/promises by name: every operator of the catalogue is there. */
const library = promises as unknown as Readonly<Record<string, AsyncOperator>>;
export const operator = (name: string): AsyncOperator => library[name]!;

export class BlockComputer {
  private computed: number;
  /** While calls are gathered for one. */
  private sweep: Sweep | undefined;
  private readonly computes: readonly ComputeBlock[];
  private readonly common: Readonly<Record<string, unknown>>;
  private readonly verifier: RowVerifier | undefined;
  /** The largest element of each row, where rows with a NaN are looked for. */
  private readonly most: Float32Array | undefined;

  constructor(
    { threads, isa, signal, verify }: JobOptions,
    private readonly checked: CheckedJob,
    private readonly feed: Feed,
    private readonly products: readonly Product[],
    private readonly blockRows: number,
    first: number,
  ) {
    this.computed = first;
    this.common = { threads, isa, signal };
    this.verifier = verify === undefined ? undefined : new RowVerifier(verify);
    const { cols } = feed;
    const { common, operator } = this;
    this.computes = products.map((product) => product.start({ operator, cols, blockRows, common }));
    const looks = checked.policy !== 'keep';
    this.most = looks ? new Float32Array(sharedMemory(4 * blockRows)) : undefined;
  }

  get verified(): Verified | null {
    return this.verifier?.result ?? null;
  }

  makeBlock(): BlockBuffers {
    const { blockRows, feed, products } = this;
    return {
      x: new Float32Array(sharedMemory(4 * blockRows * feed.cols)),
      beside: feed.makeBeside(blockRows, sharedMemory),
      out: products.map(({ columns }) =>
        makeColumns({ columns, flat: false }, blockRows, sharedMemory),
      ),
      bad: [],
      unread: undefined,
    };
  }

  async compute(buffers: BlockBuffers, rows: number): Promise<void> {
    const { feed, checked, products } = this;
    const { cols, widths } = feed;
    const x = buffers.x.subarray(0, rows * cols);
    const inputs = Object.fromEntries(
      Object.entries(buffers.beside).map(([name, array]) => [
        name,
        array.subarray(0, rows * widths[name]!),
      ]),
    );
    const out = products.map(({ columns }, i) =>
      columns.map(({ width }, j) => buffers.out[i]![j]!.subarray(0, rows * width)),
    );
    const labels = checked.labelled ? (inputs['targets'] as Int32Array) : undefined;
    const wrong = badLabels(labels, cols);
    for (const { row } of wrong) if (cols > 0) labels![row] = 0;
    const block = { x, rows, inputs };
    const { unread } = buffers;
    const isFine = wrong.length === 0 || checked.policy === 'reject';
    if (unread !== undefined && isFine && (await this.fromFile(unread, block, out))) {
      buffers.bad = wrong;
    } else {
      await unread?.read(x, this.common['signal'] as AbortSignal | undefined);
      buffers.bad = await this.fromMemory(block, out, wrong);
    }
    for (const { row } of buffers.bad) {
      for (const [i, { columns }] of products.entries()) blank(columns, out[i]!, row);
    }
    this.computed += rows;
  }

  /** False where it is to be done from memory: a read failed, a call refused its rows, or a row has a NaN. */
  private async fromFile(
    unread: FileRows,
    block: Block,
    out: readonly (readonly ElementArray[])[],
  ): Promise<boolean> {
    const sweep = new Sweep(unread);
    this.sweep = sweep;
    try {
      const work: Promise<unknown>[] = this.computes.map((compute, i) => compute(block, out[i]!));
      const most = this.largest(block);
      const settled = Promise.allSettled([...work, most]);
      sweep.run();
      const ends = await settled;
      (this.common['signal'] as AbortSignal | undefined)?.throwIfAborted();
      return ends.every(({ status }) => status === 'fulfilled') && !(await most).some(Number.isNaN);
    } finally {
      this.sweep = undefined;
    }
  }

  private async fromMemory(
    block: Block,
    out: readonly (readonly ElementArray[])[],
    wrong: readonly BadRow[],
  ): Promise<readonly BadRow[]> {
    const { products, checked, feed, computed, computes, verifier } = this;
    const bad = bothKinds(nanRows(block.x, feed.cols, await this.largest(block)), wrong);
    if (bad.length > 0 && checked.policy !== 'reject') {
      const { row, reason } = bad[0]!;
      throw badRowError({ ...feed.locate(computed + row), reason });
    }
    const first = computed + feed.ahead;
    const skipped = new Set(bad.map(({ row }) => row));
    const sampled = verifier?.sample(block, first, skipped) ?? [];
    for (const [i, { columns, operation, request }] of products.entries()) {
      await computes[i]!(block, out[i]!);
      if (operation === undefined) continue;
      verifier?.check(operation, request, { block, first, sampled }, columns, out[i]!);
    }
    return bad;
  }

  /** NaN for a row with one; nothing where nobody asks. */
  private async largest({ x, rows }: Block): Promise<Float32Array> {
    if (this.most === undefined) return new Float32Array(0);
    const most = this.most.subarray(0, rows);
    const dims = [rows, this.feed.cols];
    await this.operator('maxLogit')({ data: x, dims }, { ...this.common, out: most });
    return most;
  }

  private readonly operator = (name: string): AsyncOperator => {
    const line = findOperator(name)!;
    return (x, options) => this.sweep?.call(line, x, options) ?? operator(name)(x, options);
  };
}
