/**
 * One trial: one family in a process of its own, with all of its contenders. Started by run.ts, which sends a `Task` and
 * receives an `Outcome`.
 */
import { findOperator } from '../catalogue';
import { native } from '../configure';
import { boundDistance, ulpOf } from '../ulp';
import { viewsOf, type View } from '../views';
import * as check from './check';
import { makers } from './contenders';
import { Counters } from './counters';
import { Absent, Ground, type Ready } from './ground';
import * as machine from './machine';
import { measure } from './measure';
import { generator, logits } from './random';
import type { Contender, Family, Kind, Note, Outcome, Task } from './task';

/** Elements between two that are touched. */
const CACHE_LINE = 16;

/** The paper's protocol: the input is in the caches as far as it fits, the output is not. */
function toucher(x: Float32Array): () => void {
  const sink = { sum: 0 };
  return () => {
    let sum = 0;
    for (let i = 0; i < x.length; i += CACHE_LINE) sum += x[i];
    sink.sum = sum;
  };
}

function inputOf({ shape, range }: Family, seed: number): Float32Array {
  const length = shape.rows * shape.cols;
  if (range !== 'unit') return logits(length, range, seed);
  const next = generator(seed);
  return new Float32Array(length).map(() => 1 - next());
}

function lineOf(name: string): View {
  const line = findOperator(name);
  if (line === undefined) throw new Error(`there is no operator ${name}`);
  return viewsOf(line)[0];
}

interface Entered {
  readonly contender: Contender;
  readonly ready: Ready;
  readonly maxUlp: number | null;
}

/** Runs each contender once and keeps those whose result is right. */
async function enter(ground: Ground): Promise<{
  entered: Entered[];
  absent: Note[];
  wrong: Note[];
}> {
  const { family, x } = ground;
  const entered: Entered[] = [];
  const absent: Note[] = [];
  const wrong: Note[] = [];
  const truths = new Map<string, check.Truth>();
  const truthOf = (line: View): check.Truth => {
    let truth = truths.get(line.name);
    if (truth === undefined) {
      truth = check.truthOf(line, x, family.shape, family.options);
      truths.set(line.name, truth);
    }
    return truth;
  };
  const compared = (y: ArrayLike<number>, line: View, kind: Kind): check.Found =>
    check.compare(y, truthOf(line), {
      distance: (got, want, size) => boundDistance(got, want, line.bound, size),
      promised: kind === 'softlane' ? line.bound.maxUlp : Infinity,
      ulpOf,
      logarithmic: line.name.startsWith('log'),
    });
  for (const contender of family.contenders) {
    const { name, kind } = contender;
    try {
      const ready = await makers[kind](contender, ground);
      await ready.batch(1);
      const found = ready.result
        ? compared(ready.result(), ground.lineOf(contender), kind)
        : ready.verify?.();
      if (found?.wrong !== undefined) wrong.push({ name, why: found.wrong });
      else entered.push({ contender, ready, maxUlp: found ? found.maxUlp : null });
    } catch (error) {
      if (!(error instanceof Absent)) throw error;
      absent.push({ name, why: error.message });
    }
  }
  return { entered, absent, wrong };
}

function bind(cpus: readonly number[]): void {
  if (cpus.length === 0) return;
  const error = native()._pin(Int32Array.from(cpus));
  if (error !== 0) throw new Error(`the system refused CPU ${cpus.join(',')} (error ${error})`);
}

async function run({ family, pace, order, cache }: Task): Promise<Outcome> {
  bind(family.pin);
  const counters = Counters.open();
  const ground = new Ground(family, cache, lineOf, inputOf(family, pace.seed));
  const { entered, absent, wrong } = await enter(ground);
  const before = machine.cpuTime();
  const { timer, counts, times, counted } = await measure(
    entered.map(({ ready }) => ready),
    {
      repeats: pace.repeats,
      least: pace.least,
      warmUp: pace.warmUp,
      seed: order,
      touch: family.cold ? toucher(ground.x) : undefined,
    },
    counters,
  );
  return {
    measured: entered.map(({ contender, maxUlp }, i) => ({
      name: contender.name,
      calls: counts[i],
      times: times[i],
      maxUlp,
      ...(counted[i] === undefined ? {} : { counted: counted[i] }),
    })),
    absent,
    wrong,
    timer,
    others: machine.othersShare(before, machine.cpuTime()),
    hugePages: machine.hugePageBytes(),
    cpus: machine.cpuList(),
  };
}

process.once('message', (task: Task) => {
  run(task)
    .catch((error: unknown) => ({
      failure: String((error as Error | undefined)?.message ?? error).split('\n')[0],
    }))
    .then((outcome) => process.send?.(outcome, () => process.disconnect?.()))
    .catch(() => process.exit(1));
});
