import { CommanderError } from 'commander';
import { removeUnfinished } from '../score/atomic-file';
import { errorText, exitCodeOf } from './failure';
import { runFileInfo, runMachineInfo } from './info-command';
import { runCompare, runLab, runReport } from './lab-command';
import { runOps } from './ops-command';
import { note, watchOutput } from './output';
import { makeProgram } from './program';
import { runCancel, runStatus, runSubmit, runWatch, runWorker } from './scale-command';
import { runScore } from './score-command';
import { joinTopK } from './score-program';
import { Signals } from './signals';
import { runSynth } from './synth-command';

/** Runs a command line and gives the exit code. Only what computes loads the addon. */
export async function main(argv: readonly string[]): Promise<number> {
  watchOutput();
  process.on('exit', removeUnfinished);
  const signals = new Signals();
  let code = 0;
  try {
    const program = makeProgram({
      score: async (files, flags) => {
        code = await runScore(files, flags, signals);
      },
      ops: (flags) => runOps(flags),
      info: (file, { json = false }) =>
        file === undefined ? runMachineInfo(json) : runFileInfo(file, json),
      synth: (file, flags) => runSynth(file, flags),
      scale: {
        submit: (file, flags) => runSubmit(file, flags, signals),
        worker: async (flags) => {
          code = await runWorker(flags, signals);
        },
        status: (job, flags) => runStatus(job, flags, signals),
        watch: async (job, flags) => {
          code = await runWatch(job, flags, signals);
        },
        cancel: (job, flags) => runCancel(job, flags, signals),
      },
      lab: {
        suite: async (name, flags) => {
          code = await runLab(name, flags, signals);
        },
        report: (files, flags) => runReport(files, flags),
        compare: async (before, after, flags) => {
          code = await runCompare(before, after, flags);
        },
      },
    });
    await program.parseAsync(joinTopK(argv));
    return code;
  } catch (error) {
    if (signals.exitCode !== undefined) {
      note(errorText(signals.signal.reason, false));
      return signals.exitCode;
    }
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    note(errorText(error, Boolean(process.env['SOFTLANE_DEBUG'])));
    return exitCodeOf(error);
  } finally {
    signals.dispose();
  }
}
