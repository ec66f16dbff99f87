import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Absent, type Maker } from '../ground';

/** What a plug-in's file exports: by name, or all of it as the default. */
export interface RivalPlugin {
  readonly name: string;
  /** Undefined where it has no such operator. */
  prepare(job: RivalJob): RivalReady | undefined | Promise<RivalReady | undefined>;
}
export interface RivalJob {
  /** Of the catalogue, as `softlane ops` names it. */
  readonly op: string;
  readonly rows: number;
  readonly cols: number;
  readonly x: Float32Array;
  readonly threads: number;
}
export interface RivalReady {
  /** Does the work so many times. */
  run(count: number): void | Promise<void>;
  /** Of the last time, row by row. */
  result(): ArrayLike<number>;
}

/** A rival that somebody else wrote: `--rival FILE`. */
export const plugin: Maker = async (contender, ground) => {
  const rival = await loadPlugin(contender.file ?? '');
  const { name } = ground.lineOf(contender);
  const { rows, cols } = ground.family.shape;
  const x = ground.inputOf(contender);
  const ready = await rival.prepare({ op: name, rows, cols, x, threads: contender.threads });
  if (ready === undefined) throw new Absent(`it has no ${name}`);
  return { batch: (count) => ready.run(count), result: () => ready.result() };
};

export async function loadPlugin(file: string): Promise<RivalPlugin> {
  const path = resolve(file);
  let found: Partial<RivalPlugin> & { default?: Partial<RivalPlugin> };
  try {
    found = (
      file.endsWith('.mjs') ? await import(pathToFileURL(path).href) : createRequire(path)(path)
    ) as typeof found;
  } catch (error) {
    throw new Absent(String((error as Error).message).split('\n')[0]);
  }
  const rival = typeof found.prepare === 'function' ? found : found.default;
  if (typeof rival?.prepare !== 'function') throw new Absent(`${file} exports no prepare(job)`);
  return rival as RivalPlugin;
}
