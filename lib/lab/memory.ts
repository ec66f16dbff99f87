import { beginningAt } from '../allocate';
import { native } from '../configure';
import { LabError } from './failure';

/** What memory can be made to do, with nothing computed (native/lab/memory.h). */
export type MemoryWork = 'read' | 'write' | 'write-streaming' | 'copy' | 'copy-streaming' | 'scale';

export interface MemoryRun {
  readonly work: MemoryWork;
  /** Default: the one in use. */
  readonly isa?: string | undefined;
  /** Pages of 4 KiB that are walked side by side: 1 (a sequential stream), 2, 4 or 8. */
  readonly streams?: number | undefined;
  /** Elements by which software prefetches each stream; 0 for none. */
  readonly ahead?: number | undefined;
  readonly threads?: number | undefined;
  /** Times over the same memory, without coming back to JavaScript. */
  readonly repeats?: number | undefined;
}

/** A caller for a hot loop: one native call each time. */
export function memoryMover(run: MemoryRun): (x: Float32Array, y: Float32Array) => void {
  const binding = native();
  const { streams = 1, ahead = 0, threads = 1, repeats = 1 } = run;
  const isa = run.isa === undefined ? -1 : binding.isas.indexOf(run.isa);
  const work = binding._memoryWorks.indexOf(run.work);
  return (x, y) => {
    const status = binding._memory(isa, work, streams, ahead, threads, repeats, x, y);
    if (status !== 0) {
      throw new LabError(
        `expected a memory run that the addon takes, received ${JSON.stringify(run)} on ${x.length} and ${y.length} elements (status ${status})`,
      );
    }
  };
}

export type Pages = '4k' | '2m' | 'default';

const PAGE_BYTES = { '4k': 4096, '2m': 2 ** 21, default: 4096 };

/**
 * Memory of its own, that starts at a page and that nobody has touched. Pages of 2 MiB are asked for, not promised.
 */
export function allocate(length: number, pages: Pages = 'default'): Float32Array {
  const page = PAGE_BYTES[pages];
  const whole = new Float32Array(length + page / 4);
  if (pages !== 'default') {
    const error = native()._hugePages(whole, pages === '2m' ? 1 : 0);
    if (error !== 0) throw new LabError(`the system refused pages of ${pages} (error ${error})`);
  }
  return beginningAt(whole, page, length);
}
