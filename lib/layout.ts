/**
 * Where the elements of rows are when they are not neighbours: along any axis of a tensor, or in windows of its planes
 * (native/rows/layout.h; docs/axes.md).
 */
import { readKnown } from './check';
import { types } from 'node:util';
import { wrongShape, wrongType, wrongValue } from './errors';
import { Spec } from './spec';

/** Windows over the last dimension of a tensor, or over the last two. */
export interface WindowOptions {
  /** Elements of a window in each of the dimensions that it goes over, one or two. */
  readonly kernel: number | readonly number[];
  /** Elements from one window to the next (default: those of the kernel, so that windows do not overlap). */
  readonly stride?: number | readonly number[] | undefined;
  /** What is not there, counted on both sides (default: 0; at most half the kernel). */
  readonly padding?: number | readonly number[] | undefined;
}

/** What the options say of it, before it is compared with the dims. NaN and null stand for "not given". */
export interface Layout {
  axis: number;
  dims: readonly number[] | null;
  window: ReadWindow | null;
}

interface ReadWindow {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
}

export function noLayout(): Layout {
  return { axis: NaN, dims: null, window: null };
}

export function isGiven({ axis, dims, window }: Layout): boolean {
  return dims !== null || window !== null || !Number.isNaN(axis);
}

export function readAxis(name: string, value: unknown): number {
  if (typeof value !== 'number') throw wrongType(name, 'options.axis', 'an integer', value);
  if (!Number.isSafeInteger(value)) throw wrongValue(name, 'options.axis', 'an integer', value);
  return value;
}

export function readDims(name: string, argument: string, given: unknown): readonly number[] {
  const dims = listOfNumbers(given);
  if (dims === null) throw wrongType(name, argument, 'an array of sizes', given);
  dims.forEach((dim, axis) => {
    if (!Number.isSafeInteger(dim) || (dim as number) < 0) {
      throw wrongType(name, `${argument}[${axis}]`, 'a non-negative integer', dim);
    }
  });
  return dims as number[];
}

function listOfNumbers(given: unknown): unknown[] | null {
  if (Array.isArray(given)) return Array.from(given as unknown[]);
  return types.isInt32Array(given) ? Array.from(given) : null;
}

export function readWindow(name: string, value: unknown): ReadWindow {
  const known = ['kernel', 'stride', 'padding'];
  const { kernel, stride, padding } = readKnown(name, 'options.window', value, known);
  const sizes = readSizes(name, 'kernel', kernel, 1, undefined);
  return {
    kernel: sizes,
    stride: stride === undefined ? sizes : readSizes(name, 'stride', stride, 1, sizes.length),
    padding: readSizes(name, 'padding', padding ?? 0, 0, sizes.length),
  };
}

/** One number for all dimensions, or one for each. */
function readSizes(
  name: string,
  part: string,
  value: unknown,
  least: number,
  count: number | undefined,
): readonly number[] {
  const argument = `options.window.${part}`;
  const expected = `${least === 0 ? 'a non-negative' : 'a positive'} integer below 2^31`;
  const list = typeof value === 'number' ? Array(count ?? 1).fill(value) : listOfNumbers(value);
  if (list === null) throw wrongType(name, argument, `${expected}, or an array of such`, value);
  const most = count ?? 2;
  if (list.length > most || list.length < (count ?? 1)) {
    const dimensions = count === undefined ? '1 or 2' : String(count);
    throw wrongShape(name, argument, `have ${dimensions} sizes`, String(list.length));
  }
  for (const size of list) {
    if (typeof size !== 'number') throw wrongType(name, argument, expected, size);
    if (!Number.isInteger(size) || size < least || size >= 2 ** 31) {
      throw wrongValue(name, argument, expected, size);
    }
  }
  return list as number[];
}

export function sizeOf(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** Writes the shape of a call on an array of these dims into its spec: rows, columns and where they are. */
export function placeRows(
  name: string,
  { axis, window }: Layout,
  dims: readonly number[],
  spec: Float64Array,
): void {
  if (window !== null && !Number.isNaN(axis)) {
    throw wrongShape(name, 'options.axis', 'be absent beside options.window', String(axis));
  }
  if (window !== null) placeWindows(name, window, dims, spec);
  else placeAxis(axisOf(name, axis, dims), dims, spec);
  // Possible without any elements only.
  if (!Number.isSafeInteger(spec[Spec.rows])) {
    throw wrongShape(name, 'x.dims', 'say fewer than 2^53 rows', `[${dims.join(', ')}]`);
  }
  spec[Spec.xStride] = spec[Spec.cols];
}

function axisOf(name: string, axis: number, dims: readonly number[]): number {
  const rank = dims.length;
  if (Number.isNaN(axis)) return rank - 1;
  if (axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis;
  const expected = rank === 0 ? 'absent for a scalar' : `an axis from ${-rank} to ${rank - 1}`;
  throw wrongValue(name, 'options.axis', expected, axis);
}

function placeAxis(axis: number, dims: readonly number[], spec: Float64Array): void {
  const inner = sizeOf(dims.slice(axis + 1));
  // A scalar is a row of one.
  spec[Spec.cols] = axis < 0 ? 1 : dims[axis];
  spec[Spec.rows] = axis < 0 ? 1 : sizeOf(dims.slice(0, axis)) * inner;
  spec[Spec.inner] = inner > 1 && axis >= 0 ? inner : 0;
}

function placeWindows(
  name: string,
  { kernel, stride, padding }: ReadWindow,
  dims: readonly number[],
  spec: Float64Array,
): void {
  const over = kernel.length;
  const outer = dims.slice(0, -over);
  if (dims.length < over) {
    const expected = `have ${over} dimensions at least for windows over ${over}`;
    throw wrongShape(name, 'x.dims', expected, `[${dims.join(', ')}]`);
  }
  padding.forEach((pad, i) => {
    if (pad <= kernel[i] / 2) return;
    const expected = `at most half of the kernel (${kernel[i]})`;
    throw wrongValue(name, 'options.window.padding', expected, pad);
  });
  const sizes = dims.slice(-over);
  const counts = sizes.map((size, i) => {
    const padded = size + 2 * padding[i];
    if (size > 0 && padded < kernel[i]) {
      const expected = `at most the size with its padding (${padded})`;
      throw wrongValue(name, 'options.window.kernel', expected, kernel[i]);
    }
    return size === 0 ? 0 : Math.floor((padded - kernel[i]) / stride[i]) + 1;
  });
  const isLine = over === 1;
  spec[Spec.rows] = sizeOf(outer) * sizeOf(counts);
  spec[Spec.cols] = sizeOf(kernel);
  spec[Spec.height] = isLine ? 1 : sizes[0];
  spec[Spec.width] = sizes[over - 1];
  spec[Spec.kernelHeight] = isLine ? 1 : kernel[0];
  spec[Spec.kernelWidth] = kernel[over - 1];
  spec[Spec.stepDown] = isLine ? 1 : stride[0];
  spec[Spec.stepRight] = stride[over - 1];
  spec[Spec.padHeight] = isLine ? 0 : padding[0];
  spec[Spec.padWidth] = padding[over - 1];
}

function steps(size: number, pad: number, kernel: number, step: number): number {
  const padded = size + 2 * pad;
  return size === 0 || padded < kernel ? 0 : Math.floor((padded - kernel) / step) + 1;
}

function windowsDown(spec: Float64Array): number {
  const [height, pad] = [spec[Spec.height], spec[Spec.padHeight]];
  return steps(height, pad, spec[Spec.kernelHeight], spec[Spec.stepDown]);
}

function windowsAcross(spec: Float64Array): number {
  const [width, pad] = [spec[Spec.width], spec[Spec.padWidth]];
  return steps(width, pad, spec[Spec.kernelWidth], spec[Spec.stepRight]);
}

/** Dims of what has so many elements a row, or, without a width, one number a row, for x of these dims. */
export function dimsOfResult(
  { axis, window }: Layout,
  spec: Float64Array,
  dims: readonly number[],
  width?: number,
): number[] {
  const each = width === undefined ? [] : [width];
  if (window !== null) {
    const over = window.kernel.length;
    const counts = over === 1 ? [] : [windowsDown(spec)];
    return [...dims.slice(0, -over), ...counts, windowsAcross(spec), ...each];
  }
  if (!Number.isNaN(axis)) {
    const at = axis < 0 ? axis + dims.length : axis;
    return [...dims.slice(0, at), ...each, ...dims.slice(at + 1)];
  }
  const last = dims.length === 0 ? 1 : dims[dims.length - 1];
  const outer = last === spec[Spec.cols] ? dims.slice(0, -1) : [spec[Spec.rows]];
  return [...outer, ...each];
}

/** Elements of x that windows are taken of. */
export function elementsUnderWindows(spec: Float64Array): number {
  const windows = windowsDown(spec) * windowsAcross(spec);
  return windows === 0 ? 0 : (spec[Spec.rows] / windows) * spec[Spec.height] * spec[Spec.width];
}

/** Where element i of a row is in an array of so many elements a row that lies as x does. */
export function placeOf(
  spec: Float64Array,
  row: number,
  i: number,
  width: number,
  stride: number,
): number {
  const inner = spec[Spec.inner];
  if (inner <= 1) return row * stride + i;
  return (Math.floor(row / inner) * width + i) * inner + (row % inner);
}

/** The elements of a row of x. */
export function rowOf(spec: Float64Array, x: Float32Array, row: number): Float32Array {
  const cols = spec[Spec.cols];
  if (spec[Spec.kernelHeight] > 0) return windowOf(spec, x, row);
  if (spec[Spec.inner] <= 1) {
    const start = row * spec[Spec.xStride];
    return x.subarray(start, start + cols);
  }
  return Float32Array.from({ length: cols }, (_, i) => x[placeOf(spec, row, i, cols, cols)]);
}

function windowOf(spec: Float64Array, x: Float32Array, row: number): Float32Array {
  const [height, width] = [spec[Spec.height], spec[Spec.width]];
  const [across, down] = [windowsAcross(spec), windowsDown(spec)];
  const top = (Math.floor(row / across) % down) * spec[Spec.stepDown] - spec[Spec.padHeight];
  const left = (row % across) * spec[Spec.stepRight] - spec[Spec.padWidth];
  const plane = Math.floor(row / across / down) * height * width;
  return Float32Array.from({ length: spec[Spec.cols] }, (_, i) => {
    const y = top + Math.floor(i / spec[Spec.kernelWidth]);
    const x0 = left + (i % spec[Spec.kernelWidth]);
    const inside = y >= 0 && y < height && x0 >= 0 && x0 < width;
    return inside ? x[plane + y * width + x0] : -Infinity;
  });
}

/** How many times rows lie side by side: all rows of a slab, and then those of the next. */
export function slabsOf(spec: Float64Array): number {
  return spec[Spec.rows] / Math.max(spec[Spec.inner], 1);
}
