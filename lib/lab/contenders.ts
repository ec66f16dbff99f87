import { native } from '../configure';
import * as api from '../index';
import type { Plan, PlanOptions } from '../plan';
import type { OperatorName } from '../catalogue';
import { Absent, type Maker, type Ready } from './ground';
import { memoryMover } from './memory';
import { onnxruntime } from './rivals/onnxruntime';
import { plainJs } from './rivals/plain';
import { plugin } from './rivals/plugin';
import { sampler, transformers } from './rivals/sampling';
import { tfjs } from './rivals/tfjs';
import { switched } from './switches';
import { topK } from './top-k';
import type { Kind } from './task';
import { viewOptions, viewPlan } from '../views';

const softlane: Maker = (contender, ground) => {
  const { algorithm, isa, threads, call } = contender;
  const { shape, options: given } = ground.family;
  const line = ground.lineOf(contender);
  const x = ground.inputOf(contender);
  const out = ground.outputOf(contender);
  const chosen = algorithm === undefined ? { isa, threads } : { algorithm, isa, threads };
  const own = { ...given, ...chosen };
  const result = (): ArrayLike<number> => out.last;
  if (call) {
    const operator = api[line.line.name as OperatorName] as (
      x: Float32Array,
      options: object,
    ) => unknown;
    // One object for each output, made beforehand: that is what a loop in a program would hold on to.
    const options = out.buffers.map((y) =>
      viewOptions(line, x, { ...own, cols: shape.cols, out: y }),
    );
    const batch = (count: number): void => {
      for (let i = 0; i < count; i++) {
        out.next();
        operator(x, options[out.place]);
      }
    };
    return { batch, result };
  }
  const options = { ...own, ...shape };
  const { planned } = viewPlan(line, x, options);
  const plan: Plan = api.plan(line.line.name as OperatorName, planned as PlanOptions<OperatorName>);
  const arrays = out.buffers.map((y) => viewPlan(line, x, { ...options, out: y }).given as never);
  const batch = (count: number): void => {
    for (let i = 0; i < count; i++) {
      out.next();
      plan.run(x, arrays[out.place]);
    }
  };
  return { batch: switched(contender, batch), result };
};

/** The exponential alone, by the same backend: the arithmetic that no softmax in cache can be faster than. */
const exp: Maker = (contender, ground) => {
  const binding = native();
  const index = binding.isas.indexOf(contender.isa ?? '');
  const x = ground.inputOf(contender);
  const out = ground.rotation(Float32Array, x.length, contender.pages);
  const batch = (count: number): void => {
    for (let i = 0; i < count; i++) binding._exp(index, x, out.next());
  };
  return { batch };
};

/** Softmax without a maximum (native/lab/naive.h). */
const naive: Maker = (contender, ground) => {
  const binding = native();
  const { cols } = ground.family.shape;
  const index = binding.isas.indexOf(contender.isa ?? '');
  const x = ground.inputOf(contender);
  const out = ground.outputOf(contender) as { next(): Float32Array; last: Float32Array };
  const batch = (count: number): void => {
    for (let i = 0; i < count; i++) binding._naive(index, cols, x, out.next());
  };
  return { batch, result: () => out.last };
};

/** The input copied by `set`, which is the C library's memcpy. */
const memcpy: Maker = (contender, ground) => {
  const x = ground.inputOf(contender);
  const out = ground.rotation(Float32Array, x.length, contender.pages);
  const batch = (count: number): void => {
    for (let i = 0; i < count; i++) out.next().set(x);
  };
  return { batch };
};

/**
 * The input and nothing else, read by the C library's memcmp of the array with itself: of what JavaScript can call
 * that is the fastest. The second load of each line is from the first-level cache.
 */
const read: Maker = (contender, ground) => {
  const x = ground.inputOf(contender);
  const one = Buffer.from(x.buffer, x.byteOffset, x.byteLength);
  const other = Buffer.from(x.buffer, x.byteOffset, x.byteLength);
  const batch = (count: number): void => {
    for (let i = 0; i < count; i++) Buffer.compare(one, other);
  };
  return { batch };
};

/** Elements below which one native call repeats the work, so that the call itself cannot be seen. */
const SMALL_MEMORY = 2 ** 16;

/** Memory traffic and nothing computed (native/lab/memory.h). */
const memory: Maker = (contender, ground): Ready => {
  const { work, isa, streams, ahead, threads } = contender;
  if (work === undefined) throw new Absent('it names no work');
  const x = ground.inputOf(contender);
  const run = { work, isa, streams, ahead, threads };
  if (!ground.family.cold && x.length <= SMALL_MEMORY) {
    const out = ground.rotation(Float32Array, x.length, contender.pages);
    return {
      batch: (count) => memoryMover({ ...run, repeats: count })(x, work === 'read' ? x : out.last),
    };
  }
  const move = memoryMover(run);
  if (work === 'read') {
    return {
      batch: (count) => {
        for (let i = 0; i < count; i++) move(x, x);
      },
    };
  }
  const out = ground.rotation(Float32Array, x.length, contender.pages);
  // Scaling is the last pass of three-pass-reload: in place, in what was written just before.
  return {
    batch: (count) => {
      for (let i = 0; i < count; i++) {
        const y = out.next();
        move(work === 'scale' ? y : x, y);
      }
    },
  };
};

export const makers: Readonly<Record<Kind, Maker>> = {
  softlane,
  exp,
  naive,
  'top-k': topK,
  'plain-js': plainJs,
  onnxruntime,
  tfjs,
  plugin,
  sampler,
  transformers,
  memcpy,
  read,
  memory,
};
