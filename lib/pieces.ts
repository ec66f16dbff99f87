/** A row that comes in pieces: once to be reduced and, where it becomes a row, once more to be mapped. */
import { native } from './configure';
import { SoftlaneError } from './errors';
import { noOptions, readOptions } from './options';
import type { Operator } from './operator';
import { defaultSpec } from './prepare';
import { Spec, Status } from './spec';
import { plainStatusError } from './status';

export class RowInPieces {
  private readonly value = new Float32Array(1);

  private constructor(
    private readonly operator: Operator,
    private readonly row: number,
  ) {}

  /** Undefined where the operator, or this way of it, needs a row as a whole. */
  static open(operator: Operator, cols: number, options: object): RowInPieces | undefined {
    const spec = defaultSpec(operator);
    readOptions(operator, 'sync', options, spec, noOptions());
    spec[Spec.rows] = 1;
    for (const place of [Spec.cols, Spec.xStride, Spec.yStride]) spec[place] = cols;
    const row = native().openRow(spec);
    return row === 0 ? undefined : new RowInPieces(operator, row);
  }

  /** The next elements: all pieces but the last have the same length, a power of two of blocks. */
  reduce(x: Float32Array): void {
    this.require(native().reduceRow(this.row, x));
  }

  /** When all are there: the number that the row becomes, if it becomes one. */
  finish(): number {
    this.require(native().finishRow(this.row, this.value));
    return this.value[0];
  }

  /** Elements of the row that it becomes. */
  map(x: Float32Array, y: Float32Array): void {
    this.require(native().mapRow(this.row, x, y));
  }

  close(): void {
    native().closeRow(this.row);
  }

  private require(status: number): void {
    if (status === Status.OK) return;
    if (status !== Status.BAD_STATE) throw plainStatusError(this.operator.name, status);
    throw new SoftlaneError(
      'ERR_SOFTLANE_INTERNAL',
      `${this.operator.name}: expected the pieces of a row in order, received another`,
    );
  }
}

/** Elements of a block: pieces are a power of two of them. */
export const blockLength = (): number => native().blockLength;
