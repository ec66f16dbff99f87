/** A share of the rows of a job, checked against the float64 oracle while it runs. */
import { widthOf } from '../operands';
import type { Inputs, Parameters, TrueRow } from '../operator';
import { boundDistance } from '../ulp';
import { SoftlaneError } from '../errors';
import type { ElementArray } from './element';
import type { Verified } from './job-types';
import type { Block, Operation, Request } from './operation';
import type { Column } from './table';

export class RowVerifier {
  private rows = 0;
  private worstUlp = 0;

  constructor(private readonly share: number) {}

  get result(): Verified {
    return { rows: this.rows, worstUlp: this.worstUlp };
  }

  /** Row n of the job is one of the sample where ceil((n + 1) share) > ceil(n share): the first, then evenly spread. */
  isSampled(row: number): boolean {
    return Math.ceil((row + 1) * this.share) > Math.ceil(row * this.share);
  }

  /** The sampled ones of a block of which row `first` of the job is the first; counts them. */
  sample({ rows }: Block, first: number, skipped: ReadonlySet<number>): number[] {
    const sampled: number[] = [];
    for (let row = 0; row < rows; row++) {
      if (this.isSampled(first + row) && !skipped.has(row)) sampled.push(row);
    }
    this.rows += sampled.length;
    return sampled;
  }

  /** Compares the results of such rows; throws where one is off by more than its bound. */
  check(
    operation: Operation,
    { parameters }: Request,
    { block, first, sampled }: { block: Block; first: number; sampled: readonly number[] },
    columns: readonly Column[],
    out: readonly ElementArray[],
  ): void {
    const { oracle, bounds } = operation.truth;
    const cols = block.x.length / Math.max(block.rows, 1);
    const all: Parameters = {
      ...Object.fromEntries(
        Object.entries(operation.options).map(([name, rule]) => [name, rule.default]),
      ),
      ...parameters,
    };
    for (const row of sampled) {
      const inputs: Record<string, ArrayLike<number> | number> = {};
      for (const { name, extent } of operation.inputs) {
        const given = block.inputs[name];
        if (given === undefined) continue;
        const width = widthOf(extent, cols, (option) => Number(all[option]));
        inputs[name] =
          extent === 'perRow' ? given[row]! : given.subarray(row * width, (row + 1) * width);
      }
      const x = block.x.subarray(row * cols, (row + 1) * cols);
      const truth = oracle(x, all, inputs as Inputs);
      columns.forEach(({ name, width }, i) => {
        const bound = bounds[name]!;
        const expected: TrueRow | number = truth[name]!;
        for (let j = 0; j < width; j++) {
          const [want, size] =
            typeof expected === 'number' ? [expected] : [expected[j]!, expected.sizes?.[j]];
          const got = out[i]![row * width + j]!;
          const ulp = boundDistance(got, want, bound, size);
          if (ulp > bound.maxUlp) {
            throw new SoftlaneError(
              'ERR_SOFTLANE_VERIFY',
              `${operation.name}: expected ${name} of row ${first + row}, column ${j} to be ${want} within ${bound.maxUlp} ULP, received ${got}`,
            );
          }
          this.worstUlp = Math.max(this.worstUlp, ulp);
        }
      });
    }
  }
}
