/**
 * The shape of the compiled addon. Internal: the API is lib/index.ts.
 *
 * Functions here never throw and never keep an array. They check every type and length again before they touch memory
 * and return a status (lib/spec.ts, native/binding/status.h); arguments that are missing or of a wrong type are one too.
 */
export interface Binding {
  /** Version of the package that the addon was built from. */
  readonly version: string;
  /** Operators by id. */
  readonly operators: readonly string[];
  /** Arrays beside x and y of each operator, in order: "read NAME" or "write NAME". */
  readonly operands: readonly (readonly string[])[];
  /** Algorithms by id. */
  readonly algorithms: readonly string[];
  /** Instruction sets that are compiled in, best first. */
  readonly isas: readonly string[];
  /** Elements of a call's spec. */
  readonly specLength: number;
  /** Elements of a logSumExp state. */
  readonly stateLength: number;
  /** Elements of a block, the unit of the fixed order of addition. */
  readonly blockLength: number;

  /** Writes 1 for each of `isas` that this CPU and operating system can run, else 0. */
  supported(into: Int32Array): number;
  /** "key=value" lines about the CPU, its caches and this process's share of it. */
  cpu(): string;

  /** The instruction set and the number of threads of calls that name none; of the whole process. 0 threads: the default. */
  setIsa(index: number): number;
  getIsa(): number;
  setThreads(count: number): number;
  getThreads(): number;

  /**
   * Runs a call. `y` is a Float32Array, an Int32Array for an operator that gives indices, or anything for one whose
   * results are all operands. Behind it the operands, as listed in `operands`; undefined or null is one that is not given.
   */
  run(
    spec: Float64Array,
    x: ArrayBufferView,
    y: ArrayBufferView | undefined,
    ...operands: readonly (ArrayBufferView | undefined)[]
  ): number;

  /**
   * Opens a channel for asynchronous calls and returns its number, from 1 on, or 0. Its tickets are
   * channel * 2^32 + n with any n below 2^32. `callback` is called once for each ticket that was submitted, in the order
   * in which the work ended; it is held weakly while nothing is pending, so the caller keeps it.
   */
  onSettled(callback: (ticket: number, status: number) => void): number;
  /**
   * Queues a call. x is copied, unless it is in a SharedArrayBuffer of fixed length; so is the result, until `collect`.
   * Where y is in such memory the work writes to it directly. Operands are copied always.
   */
  submit(
    ticket: number,
    spec: Float64Array,
    x: ArrayBufferView,
    y: ArrayBufferView | undefined,
    ...operands: readonly (ArrayBufferView | undefined)[]
  ): number;
  /** Checks a call as `submit` does whose rows are in a file, without gaps; it waits for its sweep. */
  gather(
    ticket: number,
    spec: Float64Array,
    y: ArrayBufferView | undefined,
    ...operands: readonly (ArrayBufferView | undefined)[]
  ): number;
  /**
   * Queues the gathered calls of these tickets, all about the same rows, which lie in the open file from that byte on.
   * Each part of the file is read once for all of them; where that fails every one settles with Status.UNREAD.
   */
  sweep(tickets: Float64Array, fd: number, offset: number): number;
  /** Copies the results of a ticket that settled with status 0 into y and the operands, and forgets the ticket. */
  collect(
    ticket: number,
    y: ArrayBufferView | undefined,
    ...operands: readonly (ArrayBufferView | undefined)[]
  ): number;
  /** Stops a call as soon as may be; it settles, and if this returns 0 it does so with Status.ABORTED. */
  abort(ticket: number): number;
  /** Tickets of this environment that have not settled. */
  pending(): number;

  /**
   * A row of a call that comes in pieces; of the spec the operator, its parameters and the columns count. Gives a number
   * for the functions below, or 0 where the operator needs its row as a whole.
   */
  openRow(spec: Float64Array): number;
  /** The next elements: 2^k * blockLength, where the piece begins at a multiple of its length, or the last of the row. */
  reduceRow(row: number, x: ArrayBufferView): number;
  /** When all came: the number that the row becomes, if it does. */
  finishRow(row: number, y: Float32Array): number;
  /** Elements of the row that it becomes, in any order and as many at a time as there is room for. */
  mapRow(row: number, x: ArrayBufferView, y: Float32Array): number;
  closeRow(row: number): number;

  /** The state of a sum that arrives in pieces: Float64Array(stateLength). */
  stateInit(state: Float64Array, temperature: number): number;
  statePush(state: Float64Array, x: ArrayBufferView, isa: number): number;
  /** Appends `other`, whose pieces come after those of `state`. */
  stateMerge(state: Float64Array, other: Float64Array): number;
  /** out[0]: logsumexp; out[1], out[2], out[3]: mantissa, exponent and shift of the sum, m 2^e exp(shift / temperature). */
  stateFinish(state: Float64Array, out: Float64Array): number;

  /** For tests: functions of native/simd/math.h over whole arrays. */
  _exp(isa: number, x: Float32Array, y: Float32Array): number;
  _log(isa: number, x: Float32Array, y: Float32Array): number;
  _extExp(isa: number, x: Float32Array, mantissa: Float32Array, exponent: Float32Array): number;
  /** 16-bit formats (1: f16, 2: bf16) to floats; for tests, back past the cache or not. */
  _widen(isa: number, format: number, x: Uint16Array, y: Float32Array): number;
  _narrow(isa: number, format: number, streamed: number, x: Float32Array, y: Uint16Array): number;
  /** For tests: CPUs that the control groups described by the files under `root` grant, 0 for no limit. */
  _cpuQuota(root: string): number;
  /** For tests: Philox 4x32-10 of a counter and a key, six words, into four. */
  _philox(counterAndKey: Uint32Array, out: Uint32Array): number;
  /** For tests: threads of the pool that have been started in this process. */
  _poolThreads(): number;

  /** For measuring: what `_memory` does, by number. */
  readonly _memoryWorks: readonly string[];
  /**
   * For measuring: moves memory `repeats` times and computes nothing. `streams`: 1, 2, 4 or 8 pages of 4 KiB side by
   * side; `ahead`: elements by which software prefetches each of them, 0 for none. Only reading leaves y alone, only
   * writing x; scaling may be in place.
   */
  _memory(
    isa: number,
    work: number,
    streams: number,
    ahead: number,
    threads: number,
    repeats: number,
    x: Float32Array,
    y: Float32Array,
  ): number;
  /** For measuring: softmax without a maximum, rows of `cols` elements, on one thread. */
  _naive(isa: number, cols: number, x: Float32Array, y: Float32Array): number;
  /**
   * For measuring: writes cycles, instructions and last-level cache misses of this process so far, in user mode; NaN for
   * what cannot be counted here. 0, or the system's error where nothing can.
   */
  _counters(into: Float64Array): number;
  /**
   * For measuring: how rows are stored from now on, in the whole process; 0: as their size says, 1: ordinary stores, 2:
   * past the cache. Changes no bits.
   */
  _stores(kind: number): number;
  /**
   * For measuring: what the passes of the softmax family ask memory for before they read it, from now on and in the
   * whole process; 0: what was measured to be best, 1: nothing, 2: the next block, 3: the next block, four of its pages
   * side by side. Changes no bits.
   */
  _prefetch(kind: number): number;
  /** For measuring: the address of a typed array's first byte modulo 2 MiB, or -1. */
  _place(array: ArrayBufferView): number;
  /** For measuring: asks for pages of 2 MiB (1) or 4 KiB (0) in memory that nobody has touched. 0, or the system's error. */
  _hugePages(array: ArrayBufferView, wanted: number): number;
  /** For measuring: binds the calling thread, and those it starts from now on, to these CPUs. 0, or the system's error. */
  _pin(cpus: Int32Array): number;
}
