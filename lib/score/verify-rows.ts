/** A share of the rows of a job, checked against the float64 oracle while it runs. */
import type { Inputs, OutputOperand } from '../operator';
import { operandsOf, type Bound, type Parameters, type TrueRow } from '../operator';
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

  /** Compares the results of the sampled rows; throws where one is off by more than its bound. */
  check(
    operation: Operation,
    { parameters }: Request,
    { block, first, skipped }: { block: Block; first: number; skipped: ReadonlySet<number> },
    columns: readonly Column[],
    out: readonly ElementArray[],
  ): void {
    const { line } = operation;
    if (line === undefined) return;
    const cols = block.x.length / Math.max(block.rows, 1);
    const all: Parameters = {
      ...Object.fromEntries(
        Object.entries(line.options).map(([name, rule]) => [name, rule.default]),
      ),
      ...parameters,
    };
    for (let row = 0; row < block.rows; row++) {
      if (!this.isSampled(first + row) || skipped.has(row)) continue;
      this.rows++;
      const inputs: Record<string, ArrayLike<number> | number> = {};
      for (const { name, extent } of operation.inputs) {
        const given = block.inputs[name];
        if (given === undefined) continue;
        inputs[name] =
          extent === 'perRow' ? given[row]! : given.subarray(row * cols, (row + 1) * cols);
      }
      const truth = line.oracle(
        block.x.subarray(row * cols, (row + 1) * cols),
        all,
        inputs as Inputs,
      );
      columns.forEach(({ name, width }, i) => {
        const part = operandsOf(line).find((operand) => operand.name === name);
        const isPart = !(typeof truth === 'number' || truth instanceof Float64Array);
        const bound: Bound = isPart ? (part as OutputOperand).bound : line.bound;
        const expected = isPart ? (truth as Record<string, TrueRow | number>)[name]! : truth;
        for (let j = 0; j < width; j++) {
          const [want, size] =
            typeof expected === 'number'
              ? [expected]
              : [(expected as TrueRow)[j]!, (expected as TrueRow).sizes?.[j]];
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
