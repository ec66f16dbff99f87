/** The memory kernels that everything is placed against, and the other hooks for measuring. */
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { native } from '../lib/configure';
import { Counters } from '../lib/lab/counters';
import { allowedCpus } from '../lib/lab/machine';
import { allocate, memoryMover, type MemoryWork } from '../lib/lab/memory';
import { logits } from '../lib/lab/random';
import { switched } from '../lib/lab/switches';
import { logSoftmax, logSumExp, softmax as softmaxOf } from '../lib/softmax';
import { Status } from '../lib/spec';
import { softmax } from '../lib/oracle/softmax';

const binding = native();
const usable = new Int32Array(binding.isas.length);
binding.supported(usable);
const isas = binding.isas.filter((_, i) => usable[i] === 1);
const STREAMS = [1, 2, 4, 8];
const AHEAD = [0, 512, 5000];
// Whole turns of eight pages, parts of one, and less than a vector.
const LENGTHS = [0, 1, 17, 1024, 8192, 8192 + 1024 + 33];

/** An array within a larger one, so that a stray write is seen; `offset` elements from a page. */
function guarded(length: number, offset: number) {
  const whole = allocate(length + 64 + offset).fill(-7);
  const inner = whole.subarray(offset + 16, offset + 16 + length);
  return {
    inner,
    intact: () =>
      whole.subarray(0, offset + 16).every((value) => value === -7) &&
      whole.subarray(offset + 16 + length).every((value) => value === -7),
  };
}

describe.each(isas)('memory on %s', (isa) => {
  const expected: Record<MemoryWork, ((x: number) => number) | null> = {
    read: null,
    write: () => 1,
    'write-streaming': () => 1,
    copy: (x) => x,
    'copy-streaming': (x) => x,
    scale: (x) => x / 2,
  };

  test.each(binding._memoryWorks as MemoryWork[])('%s does all of it and nothing else', (work) => {
    const value = expected[work];
    for (const length of LENGTHS) {
      const x = logits(length, 10, length);
      const before = Buffer.from(x.slice().buffer);
      for (const streams of STREAMS) {
        for (const ahead of AHEAD) {
          const { inner: y, intact } = guarded(length, (streams * 4 + ahead) % 7);
          memoryMover({ work, isa, streams, ahead })(x, y);
          const wrong = y.findIndex((got, i) => got !== (value === null ? -7 : value(x[i])));
          expect({ length, streams, ahead, wrong, intact: intact() }).toEqual({
            length,
            streams,
            ahead,
            wrong: -1,
            intact: true,
          });
        }
      }
      expect(before.equals(new Uint8Array(x.buffer))).toBe(true);
    }
  });

  test('several threads and repetitions do the same', () => {
    const x = logits(100_003, 10, 1);
    const y = new Float32Array(x.length);
    memoryMover({ work: 'copy', isa, threads: 3, streams: 4, ahead: 512, repeats: 3 })(x, y);
    expect(y).toEqual(x);
    memoryMover({ work: 'scale', isa, threads: 2, repeats: 2 })(y, y);
    expect(y.every((got, i) => got === x[i] / 4)).toBe(true);
    const nothing = new Float32Array(0);
    for (const work of binding._memoryWorks as MemoryWork[]) {
      memoryMover({ work, isa, threads: 2 })(nothing, nothing);
    }
  });

  test('naive softmax is softmax while nothing overflows', () => {
    const x = logits(3 * 1001, 20, 5);
    const y = new Float32Array(x.length);
    expect(binding._naive(binding.isas.indexOf(isa), 1001, x, y)).toBe(Status.OK);
    for (let row = 0; row < 3; row++) {
      const exact = softmax(x.subarray(row * 1001, (row + 1) * 1001), {});
      exact.forEach((want, i) => {
        expect(Math.abs(y[row * 1001 + i] - want)).toBeLessThanOrEqual(1e-6 * want);
      });
    }
  });
});

describe('wrong arguments', () => {
  const x = new Float32Array(64);
  const y = new Float32Array(64);
  const good = [-1, 3, 1, 0, 1, 1, x, y] as const;
  const call = binding._memory as (...args: unknown[]) => number;
  test.each<[string, number, unknown, number]>([
    ['an instruction set that is not here', 0, 15, Status.UNSUPPORTED_ISA],
    ['work that there is not', 1, binding._memoryWorks.length, Status.BAD_SPEC],
    ['three streams', 2, 3, Status.BAD_SPEC],
    ['a negative distance', 3, -1, Status.BAD_SPEC],
    ['no thread', 4, 0, Status.BAD_SPEC],
    ['no repetition', 5, 0, Status.BAD_SPEC],
    ['another array', 6, new Float64Array(64), Status.BAD_INPUT],
    ['a shorter output', 7, new Float32Array(63), Status.BAD_OUTPUT],
    ['an output that overlaps', 7, new Float32Array(x.buffer, 0, 64), Status.OVERLAP],
  ])('%s', (_, place, value, status) => {
    expect(call(...good)).toBe(Status.OK);
    expect(call(...good.map((arg, i) => (i === place ? value : arg)))).toBe(status);
  });

  test('naive: rows that do not fill the array, and arrays of two lengths', () => {
    expect(binding._naive(-1, 63, x, y)).toBe(Status.BAD_INPUT);
    expect(binding._naive(-1, 64, x, new Float32Array(65))).toBe(Status.BAD_OUTPUT);
    expect(binding._naive(-1, 0, x, y)).toBe(Status.BAD_SPEC);
    expect(binding._naive(-1, 32, x, x.subarray(0, 64))).toBe(Status.OK);
  });

  test('arrays for the counters and for pinning', () => {
    expect(binding._counters(new Float64Array(2))).not.toBe(0);
    expect(binding._pin(new Int32Array(0))).not.toBe(0);
    expect(binding._pin(Int32Array.of(-1))).not.toBe(0);
    expect(binding._place({} as Float32Array)).toBe(-1);
  });
});

describe('switches', () => {
  const STORES = [0, 1, 2];
  const PREFETCH = [0, 1, 2, 3];
  const reset = (): void => {
    binding._stores(0);
    binding._prefetch(0);
  };
  afterEach(reset);

  test('numbers that stand for none are refused', () => {
    for (const [hook, last] of [
      [binding._stores, 2],
      [binding._prefetch, 3],
    ] as const) {
      for (let kind = 0; kind <= last; kind++) expect(hook(kind)).toBe(Status.OK);
      expect(hook(last + 1)).toBe(Status.BAD_SPEC);
      expect(hook(-1)).toBe(Status.BAD_SPEC);
    }
  });

  // Several blocks and a part of one, and rows that have none.
  const x = logits(3 * 9001, 10, 9);
  const operators = { softmax: softmaxOf, logSoftmax, logSumExp } as const;
  const algorithms = binding.algorithms as unknown as ('auto' | 'two-pass')[];
  describe.each(isas as 'scalar'[])('on %s', (isa) => {
    test.each(algorithms)('%s: no switch changes a bit', (algorithm) => {
      for (const [name, operator] of Object.entries(operators)) {
        for (const cols of [31, 9001]) {
          const rows = x.subarray(0, 3 * cols);
          const run = () =>
            Buffer.from(operator(rows, { cols, isa, algorithm, threads: 1 }).buffer as ArrayBuffer);
          reset();
          const usual = run();
          for (const stores of STORES) {
            for (const prefetch of PREFETCH) {
              binding._stores(stores);
              binding._prefetch(prefetch);
              const same = run().equals(usual);
              expect({ name, cols, stores, prefetch, same }).toMatchObject({ same: true });
            }
          }
        }
      }
    });
  });

  test('a row that no cache keeps: reload as two-pass, streamed or not, and in place', () => {
    const long = logits(2 ** 20 + 5003, 10, 3);
    const bytes = ({ buffer, byteOffset, byteLength }: Float32Array) =>
      Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
    const truth = bytes(softmaxOf(long, { algorithm: 'two-pass', threads: 1 }));
    const right = (x: Float32Array, out: Float32Array) =>
      truth.equals(bytes(softmaxOf(x, { algorithm: 'three-pass-reload', threads: 1, out })));
    for (const stores of STORES) {
      for (const prefetch of PREFETCH) {
        binding._stores(stores);
        binding._prefetch(prefetch);
        const own = allocate(long.length);
        // Streaming stores need an address that this output has not.
        const odd = new Float32Array(long.length + 3).subarray(3);
        const all = [right(long, own), right(long, odd)];
        own.set(long);
        expect([stores, prefetch, ...all, right(own, own)]).toEqual([
          ...[stores, prefetch],
          ...[true, true, true],
        ]);
      }
    }
  });

  test('contenders set them, and set them back whatever happens', () => {
    const set: string[] = [];
    const log = {
      _stores: (kind: number) => set.push(`stores ${kind}`),
      _prefetch: (kind: number) => set.push(`prefetch ${kind}`),
    };
    const batch = (count: number): void => {
      set.push(`run ${count}`);
      if (count === 0) throw new Error('no');
    };
    const back = ['stores 0', 'prefetch 0'];
    switched({ prefetch: 'pages' }, batch, log)(2);
    expect(set.splice(0)).toEqual(['stores 0', 'prefetch 3', 'run 2', ...back]);
    switched({ stores: 'streaming', prefetch: 'none' }, batch, log)(3);
    expect(set.splice(0)).toEqual(['stores 2', 'prefetch 1', 'run 3', ...back]);
    expect(() => switched({ stores: 'ordinary' }, batch, log)(0)).toThrow('no');
    expect(set.splice(0)).toEqual(['stores 1', 'prefetch 0', 'run 0', ...back]);
    expect(switched({}, batch)).toBe(batch);
  });
});

describe('where arrays lie', () => {
  test.each([
    ['4k', 4096],
    ['2m', 2 ** 21],
    ['default', 4096],
  ] as const)('allocate(%j) begins at a page of %d', (pages, bytes) => {
    const array = allocate(1000, pages);
    expect(array).toHaveLength(1000);
    expect(binding._place(array) % bytes).toBe(0);
    expect(binding._place(array.subarray(3)) % bytes).toBe(12);
    expect(array.every((value) => value === 0)).toBe(true);
  });
});

const linux = process.platform === 'linux' ? describe : describe.skip;
linux('this thread', () => {
  const before = allowedCpus();
  afterAll(() => void binding._pin(Int32Array.from(before)));

  test('is bound to the CPUs that it is told, and to none that do not exist', () => {
    const last = before[before.length - 1];
    expect(binding._pin(Int32Array.of(last))).toBe(0);
    // The main thread's own file; a test may run in another thread.
    expect(binding._pin(Int32Array.from(before))).toBe(0);
    expect(binding._pin(Int32Array.of(1023))).not.toBe(0);
  });

  test('counts, or says in words why not', () => {
    const counters = Counters.open();
    if (counters.names.length === 0) {
      expect(counters.refusal).toMatch(/^not counted: \w/);
      return;
    }
    counters.start();
    let sum = 0;
    for (let i = 0; i < 1e6; i++) sum += Math.sqrt(i);
    const [, instructions] = counters.stop();
    expect(sum).toBeGreaterThan(0);
    expect(instructions).toBeGreaterThan(1e6);
  });
});
