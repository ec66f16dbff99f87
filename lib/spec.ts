/**
 * The call record that crosses into native code: a Float64Array whose fields have the same names and places in
 * native/binding/spec.h. Numbers that are sizes are exact integers below 2^53.
 */
export const Spec = {
  op: 0,
  algorithm: 1,
  isa: 2,
  threads: 3,
  rows: 4,
  cols: 5,
  xStride: 6,
  yStride: 7,
  /** The first operator parameter; those of each operator follow from here on. */
  temperature: 8,
  maskedRow: 9,
  alpha: 10,
  epsilon: 11,
  /** Of x, and of an output of rows: their places in FORMATS. */
  xFormat: 32,
  yFormat: 33,
  /** Rows side by side, of which the elements alternate; 0: rows of neighbouring elements. */
  inner: 34,
  /** Windows of planes of this size. */
  height: 35,
  width: 36,
  /** 0: no windows. */
  kernelHeight: 37,
  kernelWidth: 38,
  stepDown: 39,
  stepRight: 40,
  padHeight: 41,
  padWidth: 42,
} as const;

export const SPEC_LENGTH = 43;

/** Number formats by id. */
export const FORMATS = ['f32', 'f16', 'bf16'] as const;

/** Spec value of `isa` that stands for the ISA in use in the process. */
export const CURRENT_ISA = -1;
/** Spec value of `threads` that stands for the number set in the process. */
export const DEFAULT_THREADS = 0;
/** The most threads that one call may ask for. */
export const MAX_THREADS = 1024;

/** Algorithms by id. `auto` chooses by shape, never by machine, so that the bits stay the same. */
export const ALGORITHMS = [
  'auto',
  'two-pass',
  'three-pass-recompute',
  'three-pass-reload',
  'online',
] as const;

/** What a native function returns. */
export const Status = {
  OK: 0,
  BAD_SPEC: 1,
  BAD_INPUT: 2,
  BAD_OUTPUT: 3,
  OVERLAP: 4,
  UNSUPPORTED_ISA: 5,
  OUT_OF_MEMORY: 6,
  ABORTED: 7,
  BAD_STATE: 8,
  UNKNOWN_TICKET: 9,
  BAD_OPERAND: 10,
  UNREAD: 11,
} as const;

/** Why a row has no result: what a native function returns is the reason plus 256 times the row. */
export const Refusal = {
  NAN: 16,
  TARGET: 17,
  MASKED: 18,
  DISTRIBUTION: 19,
  TOKEN: 20,
  SETTINGS: 21,
  DRAFTED: 22,
} as const;
