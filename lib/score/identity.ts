/** What an unfinished job was started with, so that it goes on with the same or not at all. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { inputError, SoftlaneFileError } from './errors';
import { InputFile } from './input-file';
import type { ElementArray } from './element';
import { makeColumns } from './table';
import { widthOf } from '../operands';
import { operandsOf } from '../operator';
import { operator } from './compute';
import type { CheckedJob } from './job-options';
import type { Operation, Request } from './operation';

const valueOf = ({ options }: Operation, { parameters }: Request, name: string): unknown =>
  parameters[name] ?? options[name]!.default;

export interface InputIdentity {
  readonly path: string;
  readonly size: number;
  /** When it was last written, in nanoseconds. */
  readonly modified: string;
  /** Of its beginning, its end and pieces between them, or of all of it. */
  readonly sha256: string;
  readonly whole: boolean;
}

const pieceBytes = 65_536;
const pieces = 16;

export async function identify(path: string, whole: boolean): Promise<InputIdentity> {
  const file = await InputFile.open(path);
  try {
    const { size, modified } = file;
    const hash = createHash('sha256');
    const step = whole ? pieceBytes : Math.max(pieceBytes, Math.ceil((size - pieceBytes) / pieces));
    const buffer = new Uint8Array(pieceBytes);
    for (let at = 0; at < size; at += step) {
      const piece = buffer.subarray(0, Math.min(pieceBytes, size - at));
      await file.read(piece, at);
      hash.update(piece);
    }
    return { path, size, modified: String(modified), sha256: hash.digest('hex'), whole };
  } finally {
    await file.close();
  }
}

/** Throws if a file is no longer what it was when it was opened. */
export async function requireUnchanged(path: string, file: InputFile): Promise<void> {
  const now = await stat(path, { bigint: true }).catch((error: unknown) => {
    throw inputError(path, error);
  });
  if (Number(now.size) === file.size && now.mtimeNs === file.modified && now.ino === file.ino)
    return;
  throw new SoftlaneFileError('ERR_SOFTLANE_INPUT_CHANGED', path, 'changed while it was read');
}

/** Those of the operations of a job, by their names, as this machine gives them. */
export async function fingerprints({ outputs }: CheckedJob): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const output of outputs) {
    found[output.operation.name] = await fingerprint(output.operation, output);
  }
  return found;
}

/** The bits that an operation gives for a few rows: another version, or a damaged build, gives others. */
async function fingerprint(operation: Operation, request: Request): Promise<string> {
  const rows = 3;
  const most = Object.entries(operation.options).map(([name, rule]) =>
    rule.kind === 'number' && rule.upTo === 'cols' ? Number(request.parameters[name] ?? 1) : 1,
  );
  const group = operation.line?.group;
  const size = Number(group === undefined ? 1 : valueOf(operation, request, group));
  const cols = Math.ceil(Math.max(61, ...most) / size) * size;
  const x = Float32Array.from({ length: rows * cols }, (_, i) =>
    Math.fround(((i * 7919) % 2003) / 61 - 16),
  );
  const inputs: Record<string, ElementArray> = {};
  for (const operand of operation.line === undefined ? [] : operandsOf(operation.line)) {
    if (operand.role !== 'input') continue;
    const width = widthOf(operand.extent, cols, (option) =>
      Number(valueOf(operation, request, option)),
    );
    const values = Array.from({ length: rows }, (_, row) =>
      operand.example(x.subarray(row * cols, (row + 1) * cols), width),
    ).flatMap((value) => (typeof value === 'number' ? [value] : Array.from(value)));
    inputs[operand.name] =
      operand.element === 'int32' ? Int32Array.from(values) : Float32Array.from(values);
  }
  const table = { columns: operation.columns(cols, request), flat: false };
  const out = makeColumns(table, rows, (bytes) => new ArrayBuffer(bytes));
  const setting = { ...request, operator, cols, blockRows: rows, common: {} };
  await operation.start(setting)({ x, rows, inputs }, out);
  const hash = createHash('sha256');
  for (const { buffer, byteOffset, byteLength } of out) {
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest('hex').slice(0, 16);
}
