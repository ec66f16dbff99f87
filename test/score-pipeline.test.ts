import { describe, expect, test } from '@jest/globals';
import { pump, type Flow, type Stages } from '../lib/score/pipeline';

describe('the pipeline', () => {
  interface Block {
    readonly x: Float32Array;
    readonly y: Float32Array;
  }
  const makeBlock = (): Block => ({ x: new Float32Array(6), y: new Float32Array(3) });
  const flow: Flow<Block> = { rows: 10, blockRows: 3, makeBlock };
  const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

  /** Stages that write down when they start and end, and check that what they are given stays as it is. */
  function recorded(
    fail?: string,
    rows = 10,
  ): { stages: Stages<Block>; log: string[]; written: number[] } {
    const log: string[] = [];
    const written: number[] = [];
    const counts = { read: 0, compute: 0, write: 0 };
    let place = 0;
    const step = async (stage: keyof typeof counts, work: () => void): Promise<void> => {
      const name = `${stage} ${counts[stage]++}`;
      log.push(`${name} starts`);
      await tick();
      if (name === fail) throw new Error(name);
      work();
      log.push(`${name} ends`);
    };
    const stages: Stages<Block> = {
      read: async ({ x }, count) => {
        const found = Math.min(count, rows - place);
        await step('read', () => {
          for (let row = 0; row < found; row++) x.fill(place + row, 2 * row, 2 * row + 2);
          place += found;
        });
        return found;
      },
      compute: ({ x, y }, found) =>
        step('compute', () => {
          for (let row = 0; row < found; row++) y[row] = x[2 * row]! + x[2 * row + 1]!;
        }),
      write: ({ y }, found) => step('write', () => written.push(...y.subarray(0, found))),
    };
    return { stages, log, written };
  }

  test('each row goes through once and in order, while the stages overlap', async () => {
    const { stages, log, written } = recorded();
    await pump(flow, stages);
    expect(written).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18]);
    const at = (entry: string): number => log.indexOf(entry);
    expect(at('read 2 starts')).toBeLessThan(at('compute 1 ends'));
    expect(at('write 0 starts')).toBeLessThan(at('compute 1 ends'));
    for (const stage of ['read', 'compute', 'write']) {
      const own = log.filter((entry) => entry.startsWith(stage));
      expect(own).toEqual(
        [0, 1, 2, 3].flatMap((i) => [`${stage} ${i} starts`, `${stage} ${i} ends`]),
      );
    }
  });

  test.each(['read 0', 'read 2', 'compute 0', 'compute 3', 'write 0', 'write 3'])(
    'a failure in %s comes out, and then nothing is at work',
    async (fail) => {
      const { stages, log } = recorded(fail);
      await expect(pump(flow, stages)).rejects.toThrow(fail);
      const length = log.length;
      const starts = log.filter((entry) => entry.endsWith('starts')).length;
      expect(log.filter((entry) => entry.endsWith('ends')).length).toBe(starts - 1);
      await tick();
      await tick();
      expect(log.length).toBe(length);
    },
  );

  test('an abort stops it between blocks, though the stages do not look at the signal', async () => {
    const { stages, written } = recorded(undefined, 1000);
    const controller = new AbortController();
    const reason = new Error('enough');
    const write: Stages<Block>['write'] = async (block, rows) => {
      await stages.write(block, rows);
      controller.abort(reason);
    };
    const job = pump({ ...flow, rows: 1000, signal: controller.signal }, { ...stages, write });
    await expect(job).rejects.toBe(reason);
    expect(written.length).toBeLessThan(12);
  });

  test('nothing to do', async () => {
    const { stages, log } = recorded();
    await pump({ ...flow, rows: 0 }, stages);
    expect(log).toEqual([]);
  });

  test.each([0, 1, 3, 9, 10])(
    'ends where a source of %d rows does, which said no number',
    async (rows) => {
      const { stages, written, log } = recorded(undefined, rows);
      await pump({ ...flow, rows: undefined }, stages);
      expect(written).toEqual(Array.from({ length: rows }, (_, row) => 2 * row));
      // No block without rows is computed.
      expect(log.filter((entry) => entry.startsWith('compute')).length).toBe(
        2 * Math.ceil(rows / 3),
      );
    },
  );

  test('stops after the block that is being computed, when asked to', async () => {
    const { stages, written } = recorded();
    let asked = 0;
    await pump({ ...flow, stopped: () => ++asked === 2 }, stages);
    expect(written).toEqual([0, 2, 4, 6, 8, 10]);
  });
});
