import { existsSync } from 'node:fs';
import os from 'node:os';
import { gzipSync } from 'node:zlib';
import { AtomicFile } from '../score/atomic-file';
import { SoftlaneFileError } from '../score/errors';
import type { Context } from '../lab/gbench';
import type { Result } from '../lab/results';
import type { LabFlags, Setting, Suite } from '../lab/suite';
import type { SuiteName } from '../lab/suites';
import { note, print } from './output';
import type { CompareFlags, ReportFlags } from './lab-program';
import { Progress } from './progress';
import type { Signals } from './signals';

/** Refused before anything is measured: hours later would be late. */
function requireFree(path: string | undefined, force: boolean): void {
  if (path === undefined || force || !existsSync(path)) return;
  throw new SoftlaneFileError(
    'ERR_SOFTLANE_OUTPUT_EXISTS',
    path,
    'exists and is not overwritten unless you say so (--force)',
  );
}

/** All of it or nothing, once it is known that the folder can be written to. */
async function write(path: string, force: boolean, text: string): Promise<void> {
  const file = await AtomicFile.create(path, { force });
  try {
    await file.write(path.endsWith('.gz') ? gzipSync(text, { level: 9 }) : Buffer.from(text));
    await file.commit();
  } finally {
    await file.discard();
  }
}

async function requireWritable(path: string | undefined, force: boolean): Promise<void> {
  if (path === undefined) return;
  requireFree(path, force);
  await (await AtomicFile.create(path, { force })).discard();
}

/** `softlane lab SUITE`; gives the exit code. */
export async function runLab(name: string, flags: LabFlags, signals: Signals): Promise<number> {
  // Not before the command line has been read: this loads the addon.
  const { suites } = await import('../lab/suites/index.js');
  const { settingOf } = await import('../lab/setting.js');
  const { Journal, digest } = await import('../lab/journal.js');
  const { othersNow, runSuite } = await import('../lab/run.js');
  const text = await import('../lab/table.js');
  const { BUSY, facts } = await import('../lab/machine.js');
  const { native } = await import('../configure.js');

  const setting = settingOf(flags, name);
  const suite: Suite = suites[name as SuiteName](setting);
  const json = flags.json ?? (name === 'ops' ? undefined : `softlane-${name}.json`);
  const force = flags.force === true;
  for (const path of [json, flags.csv, flags.markdown]) await requireWritable(path, force);

  const { Counters } = await import('../lab/counters.js');
  const { names, refusal } = Counters.open();
  const machine = {
    ...facts(setting.has, native().cpu()),
    counters: refusal || names.join(', '),
  };
  // The frequency is another one every time.
  const run = digest([name, suite.families, suite.pace, { ...machine, mhz: '' }]);
  const journal =
    json === undefined ? undefined : Journal.open(`${json}.journal`, run, flags.restart === true);
  const loadBefore = os.loadavg();
  const loud = flags.quiet !== true;
  const progress = new Progress(Progress.wanted(!loud));
  const say = (line: string): void => {
    progress.stop();
    if (loud) print(line);
  };
  say(text.listing({ ...machine, load: loadBefore.map((load) => load.toFixed(2)).join(' ') }));
  if (journal !== undefined && journal.size > 0) {
    say(`going on after ${journal.size} finished trials (${journal.path})`);
  }
  for (const remark of suite.remarks) say(remark);
  const others = await othersNow();
  if (others !== null && others > BUSY) say(text.busy(others));

  try {
    const { results, failed } = await runSuite(suite, {
      cache: setting.cache,
      journal,
      signal: signals.signal,
      onProgress: (done, all, family) => {
        if (loud && !process.stderr.isTTY && family !== '') note(`lab: ${family}`);
        progress.update(Math.round(done), Math.round(all), family);
      },
      onResult: (result) => say(`\n${text.table(result)}`),
      onSkip: (family, why, broken) => {
        if (broken) note(`lab: ${why}`);
        else say(`\n${family}: skipped, since ${why}`);
      },
    });
    progress.stop();
    if (loud) print(closing(results, text.duration));
    const context = contextOf(name, suite, setting, machine, loadBefore);
    await writeAll(context, results, { ...flags, json }, force);
    journal?.remove();
    return failed ? 1 : 0;
  } catch (error) {
    progress.stop();
    journal?.close();
    if (journal !== undefined && journal.size > 0) {
      note(
        `softlane: ${journal.size} finished trials are kept in ${journal.path}; the same command goes on from there`,
      );
    }
    throw error;
  }
}

function closing(results: readonly Result[], duration: (ns: number) => string): string {
  // What a call costs before it does any work; a part of every other figure of that contender.
  const single = results
    .find(({ shape }) => shape.rows * shape.cols === 1)
    ?.lines.find(({ name }) => name.startsWith('onnxruntime'));
  return [
    '\n"x NAME": how many times as fast as NAME, the median of the ratios of each round.',
    ...(single
      ? [
          `A call of onnxruntime-node costs ${duration(single.call.median)}, measured on one element.`,
        ]
      : []),
    `load afterwards: ${os
      .loadavg()
      .map((load) => load.toFixed(2))
      .join(' ')}`,
  ].join('\n');
}

function contextOf(
  name: string,
  suite: Suite,
  { has, flags, pin }: Setting,
  machine: Record<string, string>,
  loadBefore: readonly number[],
): Context {
  const { trials, repeats, seed } = suite.pace;
  return {
    suite: name,
    date: new Date(),
    host: os.hostname(),
    executable: `softlane lab ${name}`,
    cpus: os.cpus().length,
    mhz: os.cpus()[0]?.speed ?? 0,
    caches: has.cpu.caches,
    loadBefore,
    loadAfter: os.loadavg(),
    facts: machine,
    settings: {
      trials,
      rounds_per_trial: repeats,
      seed,
      pinned: pin.length === 0 ? 'no' : pin.join(','),
      ...(flags.quick === true ? { quick: 'yes' } : {}),
    },
    remarks: suite.remarks,
  };
}

async function writeAll(
  context: Context,
  results: readonly Result[],
  { json, csv, markdown }: LabFlags,
  force: boolean,
): Promise<void> {
  const { report, reportText } = await import('../lab/gbench.js');
  const { csvOf, markdownOf } = await import('../lab/texts.js');
  const { parseSaved } = await import('../lab/saved.js');
  const document = report(context, results);
  if (json !== undefined) await write(json, force, reportText(document));
  if (csv === undefined && markdown === undefined) return;
  const saved = parseSaved(json ?? 'the results', JSON.stringify(document));
  if (csv !== undefined) await write(csv, force, csvOf([saved]));
  if (markdown !== undefined) await write(markdown, force, markdownOf([saved]));
}

/** `softlane lab report`. */
export async function runReport(files: readonly string[], flags: ReportFlags): Promise<void> {
  const { readSaved } = await import('../lab/saved.js');
  const { render } = await import('../lab/report/render.js');
  const force = flags.force === true;
  requireFree(flags.out, force);
  const saved = files.map((file) => readSaved(file));
  await write(flags.out, force, render(flags.out, saved, flags.title));
  note(`softlane: wrote ${flags.out}`);
}

/** `softlane lab compare`; gives the exit code. */
export async function runCompare(
  before: string,
  after: string,
  flags: CompareFlags,
): Promise<number> {
  const { readSaved } = await import('../lab/saved.js');
  const { compareSaved, comparisonText } = await import('../lab/compare.js');
  const { positive } = await import('../lab/options.js');
  const confidence = positive('confidence', flags.confidence ?? '99', 99.9) / 100;
  const threshold = positive('threshold', flags.threshold ?? '2', 1000) / 100;
  const comparison = compareSaved(readSaved(before), readSaved(after), { confidence, threshold });
  print(
    flags.json === true
      ? JSON.stringify(comparison, undefined, 1)
      : comparisonText(comparison, flags.all === true),
  );
  return comparison.rows.some(({ verdict }) => verdict === 'slower') ? 5 : 0;
}
