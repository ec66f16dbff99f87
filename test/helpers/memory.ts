/** Kinds of memory that the language has and the ES2022 types do not know. */

type ResizableMaker = new (bytes: number, options: { maxByteLength: number }) => unknown;

export type Resizable = ArrayBuffer & { resize(bytes: number): void };
export type Growable = SharedArrayBuffer & { grow(bytes: number): void };

export function resizable(bytes: number, max: number): Resizable {
  return new (ArrayBuffer as unknown as ResizableMaker)(bytes, {
    maxByteLength: max,
  }) as Resizable;
}

export function growable(bytes: number, max: number): Growable {
  return new (SharedArrayBuffer as unknown as ResizableMaker)(bytes, {
    maxByteLength: max,
  }) as Growable;
}

/** Leaves `array` without memory. */
export function detach(array: ArrayBufferView): void {
  structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] });
}

export interface WasmMemory {
  readonly buffer: ArrayBufferLike;
  grow(pages: number): number;
}

/** A WebAssembly.Memory of one page (64 KiB). */
export function wasmMemory(shared: boolean): WasmMemory {
  const { Memory } = (globalThis as unknown as { WebAssembly: Record<string, unknown> })
    .WebAssembly as { Memory: new (options: object) => WasmMemory };
  return new Memory(shared ? { initial: 1, maximum: 4, shared } : { initial: 1 });
}
