import type { ScoreSummary } from '../score/job';
import { UsageError } from './failure';
import { bytesText, countText, print } from './output';
import type { ScoreFlags } from './program';
import { Progress } from './progress';
import { operationOf, parametersOf } from './score-flags';
import type { Signals } from './signals';

/** `softlane score`. */
export async function runScore(file: string, flags: ScoreFlags, signals: Signals): Promise<void> {
  const operation = operationOf(flags.op);
  if (flags.out === '-') {
    throw new UsageError(
      'score: expected --out to be a file, received "-"; standard output is not supported (a file of that name is ./-)',
    );
  }
  const parameters = parametersOf(operation, flags);
  const progress = new Progress(Progress.wanted(flags.quiet === true));
  // Not before the flags are right: this loads the addon.
  const { scoreFile } = await import('../score/job.js');
  let summary: ScoreSummary;
  try {
    summary = await scoreFile({
      input: file,
      output: flags.out,
      op: operation.name,
      parameters,
      threads: flags.threads,
      isa: flags.isa,
      force: flags.force,
      signal: signals.signal,
      onProgress: ({ rows, rowsDone, inputBytes, inputBytesDone }) => {
        const rate = `${bytesText(inputBytesDone / progress.seconds)}/s`;
        const text = `${bytesText(inputBytesDone)} of ${bytesText(inputBytes)} | ${rate}`;
        progress.update(rowsDone, rows, text);
      },
    });
  } finally {
    progress.stop();
  }
  if (flags.json === true) print(JSON.stringify(summary));
  else if (flags.quiet !== true) print(summaryText(summary));
}

function summaryText(summary: ScoreSummary): string {
  const { op, input, output, rows, cols, seconds, bytesPerSecond, isa, algorithm, threads } =
    summary;
  const how = [algorithm, isa, `${threads} thread${threads === 1 ? '' : 's'}`];
  return (
    `${op} of ${input} (${countText(rows)} x ${countText(cols)}) to ${output}\n` +
    `${seconds.toFixed(3)} s, ${bytesText(bytesPerSecond)}/s of logits; ` +
    how.filter((word) => word !== null).join(', ')
  );
}
