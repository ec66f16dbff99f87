/** A little memory of every kind that a typed array can lie in, which remembers what it held. */
import { growable, resizable, wasmMemory } from '../../helpers/memory';
import type { Growable, Resizable, WasmMemory } from '../../helpers/memory';

export const memoryKinds = [
  'plain',
  'shared',
  'resizable',
  'growable',
  'wasm',
  'shared wasm',
] as const;
export type MemoryKind = (typeof memoryKinds)[number];

/** Elements of an arena. */
export const ARENA = 96;
const BYTES = 4 * ARENA;

/** Each reserves gigabytes of addresses: a few serve for all cases, place by place, and are left when they have grown. */
interface Wasm {
  readonly memory: WasmMemory;
  pages: number;
  places: number;
}
const MOST_PAGES = 3;
const PLACES = Math.floor(65536 / BYTES);
const wasmMemories = new Map<boolean, Wasm>();

function wasm(shared: boolean): Wasm {
  let entry = wasmMemories.get(shared);
  if (entry === undefined || entry.pages >= MOST_PAGES) {
    entry = { memory: wasmMemory(shared), pages: 1, places: 0 };
    wasmMemories.set(shared, entry);
  }
  return entry;
}

export class Arena {
  private buffer: ArrayBufferLike;
  private readonly entry: Wasm | undefined;
  /** Bytes before it in its buffer. */
  readonly start: number;
  private gone = false;
  private kept = new Uint32Array(0);

  constructor(readonly kind: MemoryKind) {
    this.entry = kind.endsWith('wasm') ? wasm(kind === 'shared wasm') : undefined;
    this.buffer =
      this.entry !== undefined
        ? this.entry.memory.buffer
        : kind === 'shared'
          ? new SharedArrayBuffer(BYTES)
          : kind === 'resizable'
            ? resizable(BYTES, 2 * BYTES)
            : kind === 'growable'
              ? growable(BYTES, 2 * BYTES)
              : new ArrayBuffer(BYTES);
    this.start = this.entry === undefined ? 0 : BYTES * (this.entry.places++ % PLACES);
  }

  get memory(): ArrayBufferLike {
    return this.buffer;
  }

  /** Its memory is used by asynchronous calls as it is. */
  get isFixedShared(): boolean {
    return this.kind === 'shared' || this.kind === 'shared wasm';
  }

  /** All of it, as it is now; shorter where it has shrunk. */
  words(): Uint32Array {
    const buffer = this.entry === undefined ? this.buffer : this.entry.memory.buffer;
    const length = Math.min(ARENA, Math.floor((buffer.byteLength - this.start) / 4));
    return new Uint32Array(buffer, this.start, length);
  }

  /** From now on, this is what it held. */
  keep(): void {
    this.kept = this.words().slice();
  }

  /** Index of an element that has changed and should not have; -1 where there is none. */
  changed(allowed: (index: number) => boolean): number {
    const now = this.words();
    const length = Math.min(now.length, this.kept.length);
    for (let i = 0; i < length; i++) if (now[i] !== this.kept[i] && !allowed(i)) return i;
    return -1;
  }

  /** Takes the memory from its views, where that can be. */
  detach(): void {
    if (this.gone) return;
    if (this.kind === 'plain' || this.kind === 'resizable') {
      structuredClone(this.buffer, { transfer: [this.buffer as ArrayBuffer] });
      this.buffer = new ArrayBuffer(0);
      this.gone = true;
      this.keep();
    } else if (this.entry !== undefined) {
      // Growing by nothing makes another buffer of the same memory as well.
      this.entry.memory.grow(0);
    }
  }

  shrink(elements: number): void {
    if (this.kind !== 'resizable' || this.gone) return;
    (this.buffer as Resizable).resize(Math.min(4 * elements, this.buffer.byteLength));
    this.keep();
  }

  grow(): void {
    if (this.gone) return;
    if (this.kind === 'resizable') (this.buffer as Resizable).resize(2 * BYTES);
    if (this.kind === 'growable') (this.buffer as Growable).grow(2 * BYTES);
    if (this.entry !== undefined && this.entry.pages < MOST_PAGES) {
      this.entry.memory.grow(1);
      this.entry.pages++;
    }
    this.keep();
  }
}
