/** Bytes in order, from a range of a file or from a stream. */
import { orAborted } from './abort';
import { inputError, SoftlaneFileError } from './errors';
import type { InputFile } from './input-file';

export interface ByteSource {
  readonly path: string;
  /** Bytes from here to the end; undefined where that is not known. */
  readonly left: number | undefined;
  /** Fills as much of `into` as there is; less than all of it only at the end. */
  readSome(into: Uint8Array, signal?: AbortSignal): Promise<number>;
  skip(count: number, signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
  /** Refuses bytes that are not those that were written, when the last has been read; absent where nothing says so. */
  requireIntact?(signal?: AbortSignal): Promise<void>;
  /** Where the next bytes lie in an open file, as if they were read; absent where they do not. */
  take?(count: number): { readonly file: InputFile; readonly offset: number };
}

export class FileBytes implements ByteSource {
  constructor(
    private readonly file: InputFile,
    private position = 0,
    private readonly end = file.size,
    private readonly owned = false,
  ) {}

  get path(): string {
    return this.file.path;
  }
  get left(): number {
    return this.end - this.position;
  }

  async readSome(into: Uint8Array, signal?: AbortSignal): Promise<number> {
    const count = Math.min(into.byteLength, this.left);
    await this.file.read(into.subarray(0, count), this.position, signal);
    this.position += count;
    return count;
  }

  async skip(count: number): Promise<void> {
    this.position = Math.min(this.end, this.position + count);
    return Promise.resolve();
  }

  take(count: number): { readonly file: InputFile; readonly offset: number } {
    const { file, position: offset } = this;
    this.position = Math.min(this.end, offset + count);
    return { file, offset };
  }

  async close(): Promise<void> {
    if (this.owned) await this.file.close();
  }
}

export class StreamBytes implements ByteSource {
  private rest: Uint8Array = new Uint8Array(0);
  private readonly chunks: AsyncIterator<Uint8Array>;
  readonly left = undefined;

  constructor(
    readonly path: string,
    stream: AsyncIterable<Uint8Array>,
    private readonly end?: () => void,
  ) {
    this.chunks = stream[Symbol.asyncIterator]();
  }

  /** The next bytes without taking them, as many as `count` if there are. */
  async peek(count: number): Promise<Uint8Array> {
    while (this.rest.byteLength < count && (await this.more()));
    return this.rest.subarray(0, count);
  }

  async readSome(into: Uint8Array, signal?: AbortSignal): Promise<number> {
    let done = 0;
    while (done < into.byteLength) {
      signal?.throwIfAborted();
      if (this.rest.byteLength === 0 && !(await this.more(signal))) break;
      const piece = this.rest.subarray(0, into.byteLength - done);
      into.set(piece, done);
      done += piece.byteLength;
      this.rest = this.rest.subarray(piece.byteLength);
    }
    return done;
  }

  async skip(count: number, signal?: AbortSignal): Promise<void> {
    const waste = new Uint8Array(Math.min(count, 1 << 20));
    for (let left = count; left > 0;) {
      const got = await this.readSome(waste.subarray(0, Math.min(left, waste.length)), signal);
      if (got === 0) return;
      left -= got;
    }
  }

  /** What has not been read yet, piece by piece; none is longer than is asked for, so that the rest stays here. */
  pieces(): AsyncIterable<Uint8Array> {
    const next = async (most = Infinity): Promise<IteratorResult<Uint8Array, undefined>> => {
      const isEnd = most > 0 && this.rest.byteLength === 0 && !(await this.more());
      if (isEnd) return { done: true, value: undefined };
      const piece = this.rest.subarray(0, most);
      this.rest = this.rest.subarray(piece.byteLength);
      return { done: false, value: piece };
    };
    return { [Symbol.asyncIterator]: () => ({ next }) };
  }

  async close(): Promise<void> {
    this.end?.();
    return Promise.resolve();
  }

  private async more(signal?: AbortSignal): Promise<boolean> {
    let next: IteratorResult<Uint8Array>;
    try {
      const asked = this.chunks.next();
      // A pipe may have nothing to say for hours.
      next = await orAborted(asked, signal);
    } catch (error) {
      if (signal?.aborted === true) throw signal.reason;
      throw inputError(this.path, error);
    }
    if (next.done === true) return false;
    this.rest = this.rest.byteLength === 0 ? next.value : Buffer.concat([this.rest, next.value]);
    return true;
  }
}

/** Exactly `into`; a source that ends before is refused. */
export async function readFully(
  bytes: ByteSource,
  into: Uint8Array,
  signal?: AbortSignal,
): Promise<void> {
  const got = await bytes.readSome(into, signal);
  if (got === into.byteLength) return;
  throw new SoftlaneFileError(
    'ERR_SOFTLANE_INPUT_TRUNCATED',
    bytes.path,
    `is cut off: ${into.byteLength - got} bytes are missing at its end`,
  );
}

/** Whether a stream is not at its end, which is waited for. */
export async function goesOn(bytes: ByteSource, signal?: AbortSignal): Promise<boolean> {
  return (await bytes.readSome(new Uint8Array(1), signal)) > 0;
}
