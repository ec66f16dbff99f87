/** What a job would do, by its options, the heads of its files and its first rows. */
import { BlockComputer } from './compute';
import { Feed } from './feed';
import { requireDoable } from './job';
import { checkJob } from './job-options';
import type { JobOptions } from './job-types';
import { productsOf } from './product';
import { rowWords } from './table';

/** Elements of the rows that are timed; longer ones are not. */
const sample = 2 ** 22;

export interface JobEstimate {
  readonly rows: number | null;
  readonly cols: number;
  /** Without the time that a disk takes for the results. */
  readonly seconds: number | null;
  readonly outputs: readonly {
    readonly op: string;
    readonly path: string;
    readonly bytes: number | null;
  }[];
}

export async function estimateJob(options: JobOptions): Promise<JobEstimate> {
  const checked = checkJob(options);
  const feed = await Feed.open(options, checked);
  try {
    const { cols, rows } = feed;
    const products = productsOf(options, checked, cols);
    await requireDoable(options, checked, feed, products);
    const outputs = checked.outputs.map(({ operation, path }, i) => {
      const words = rowWords({ columns: products[i]!.columns, flat: false });
      return { op: operation.name, path, bytes: rows === undefined ? null : 4 * rows * words };
    });
    if (rows === undefined || feed.hasStream || cols > sample)
      return { rows: rows ?? null, cols, seconds: null, outputs };
    const blockRows = Math.max(1, Math.min(rows, Math.floor(sample / Math.max(cols, 1))));
    const computer = new BlockComputer(options, checked, feed, products, blockRows, 0);
    const block = computer.makeBlock();
    const start = process.hrtime.bigint();
    const found = await feed.read(block.x, block.beside, blockRows);
    if (found > 0) await computer.compute(block, found);
    const each = Number(process.hrtime.bigint() - start) / 1e9 / Math.max(found, 1);
    return { rows, cols, seconds: each * rows, outputs };
  } finally {
    await feed.close();
  }
}
