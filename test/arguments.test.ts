import { expect, test } from '@jest/globals';
import * as api from '../lib';
import { catalogue, findOperator, optionNames } from '../lib/catalogue';

/** Whatever comes in, a call returns or throws one of softlane's errors, and never writes outside its output. */

let state = 20180508;
function random(): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}
function pick<T>(values: readonly T[]): T {
  return values[Math.floor(random() * values.length)];
}

const GUARD = 16;
const MEMORY = 96;

function hostile(): unknown {
  return pick<() => unknown>([
    () => undefined,
    () => null,
    () => NaN,
    () => -0,
    () => pick([0, 1, 2, 3, 4, 8, 16, 48]),
    () => pick([-1, 0.5, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 1e308, Infinity]),
    () => pick(['', 'auto', 'online', 'scalar', 'avx2', 'avx512', 'zero', 'two-pass', '3']),
    () => pick([true, 1n, Symbol('s'), () => 1, [], [3], {}, new Date(0), /x/]),
    () => new Float32Array(Math.floor(random() * 20)),
    () => new Int32Array(Math.floor(random() * 20)),
    () => pick([new Float64Array(4), new Uint8Array(7), new DataView(new ArrayBuffer(4))]),
    () => ({ data: hostile(), dims: pick([[3], [2, 4], [0], [], hostile()]) }),
    () => ({ type: 'float32', data: new Float32Array(8), dims: pick([[8], [2, 4], [4, 0]]) }),
    () => Object.create(null) as unknown,
  ])();
}

function view(memory: ArrayBuffer): Float32Array {
  const start = GUARD + Math.floor(random() * 8);
  return new Float32Array(memory, 4 * start, Math.floor(random() * (MEMORY - GUARD - start)));
}

function options(name: string, memory: ArrayBuffer): unknown {
  if (random() < 0.05) return hostile();
  const given: Record<string, unknown> = {};
  for (const key of [...optionNames(findOperator(name)!), 'other']) {
    if (random() < 0.8) continue;
    given[key] = random() < 0.6 ? pick([1, 2, 3, 4, 8]) : hostile();
  }
  if (random() < 0.4) {
    given['out'] = random() < 0.5 ? view(memory) : new Int32Array(view(memory).buffer, 64, 20);
  }
  return given;
}

test.each(catalogue.map((line) => line.name))('%s', (name) => {
  const call = (api as unknown as Record<string, (...args: unknown[]) => unknown>)[name];
  const make = api.plan as unknown as (...args: unknown[]) => { run(...args: unknown[]): unknown };
  let returned = 0;
  const codes = new Set<string>();
  const attempt = (work: () => unknown): void => {
    try {
      work();
      returned++;
    } catch (error) {
      const { code } = error as { code?: string };
      if (!code?.startsWith('ERR_SOFTLANE_') || code === 'ERR_SOFTLANE_INTERNAL') throw error;
      codes.add(code);
    }
  };
  for (let n = 0; n < 3000; n++) {
    const memory = new ArrayBuffer(4 * MEMORY);
    const all = new Float32Array(memory).fill(7);
    const x = random() < 0.8 ? view(memory) : hostile();
    attempt(() => call(x, options(name, memory)));
    attempt(() => {
      const { out, ...rest } = Object(options(name, memory)) as Record<string, unknown>;
      const step = make(name, { rows: pick([0, 1, 2, 5]), cols: 4, ...rest });
      return random() < 0.5 ? step.run(x, out) : step.run(x, view(memory));
    });
    const guards = [...all.subarray(0, GUARD), ...all.subarray(MEMORY - GUARD)];
    if (guards.some((value) => value !== 7)) throw new Error(`call ${n} wrote outside its output`);
  }
  // The attempts must reach both the work and the refusals.
  expect(returned).toBeGreaterThan(300);
  expect(codes.size).toBeGreaterThan(5);
});
