/**
 * Calls over the same rows of a file, which the addon reads itself while it works on them: each part of the file once,
 * into memory that stays in a cache until every call has seen it.
 */
import { native } from './configure';
import { submit, workOf } from './jobs';
import type { Format, Operator } from './operator';
import { prepare } from './prepare';
import { FORMATS, Spec, Status } from './spec';
import { plainStatusError } from './status';

/** Where rows lie one after another: in an open file, from a byte on. */
export interface RowsInFile {
  readonly fd: number;
  readonly offset: number;
  readonly format: Format;
}

/** Gathers calls until `run`. Not for verify mode, which looks at x. */
export class Sweep {
  private readonly tickets: number[] = [];

  constructor(private readonly file: RowsInFile) {}

  /**
   * A call as softlane/promises takes it. Of x only the shape counts: what is in its memory is neither read nor changed.
   * A file that cannot be read, or ends before its rows, is an error; so is everything that the call itself refuses.
   */
  call(operator: Operator, x: unknown, options: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const call = prepare(operator, x, options, 'async');
      call.spec[Spec.xFormat] = FORMATS.indexOf(this.file.format);
      submit(operator.name, workOf(call), resolve, reject, undefined, (ticket, work) => {
        const status = native().gather(ticket, work.spec, work.y, ...(work.operands ?? []));
        if (status === Status.OK) this.tickets.push(ticket);
        return status;
      });
    });
  }

  /** Starts the work; the promises of the calls say how it ends. */
  run(): void {
    if (this.tickets.length === 0) return;
    const { fd, offset } = this.file;
    const status = native().sweep(Float64Array.from(this.tickets), fd, offset);
    if (status === Status.OK) return;
    // One was aborted meanwhile: none is to be left without an end.
    for (const ticket of this.tickets) native().abort(ticket);
    throw plainStatusError('score', status);
  }
}
