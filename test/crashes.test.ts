/**
 * Ways in which native addons are known to crash or to hang a process, each in a process of its own. The letters are
 * those of docs/decisions/0004-asynchronous-calls.md.
 */
import { expect, test } from '@jest/globals';
import { runFixture } from './helpers/child';

/** Ends by itself, with this code, having said this. */
function survives(title: string, scenario: string, stdout = 'done\n', code = 0): void {
  test(title, async () => {
    const ended = await runFixture('crashes.cjs', [scenario]);
    expect(ended).toMatchObject({ code, signal: null, stdout });
    if (code === 0) expect(ended.stderr).toBe('');
  });
}

survives('a: the input is transferred and collected while a call is pending', 'transfer');
survives('b: the input goes to a worker that exits', 'postMessage');
survives('c: the input is resized to nothing', 'resize');
survives('c: the output is resized or transferred: a rejection', 'output');
survives('d: the input is overwritten: the result is that of the call', 'write');
survives('shared memory is used in place and outlives its last reference', 'shared');
survives('e, i, j: workers terminated with work in flight', 'terminate');
survives('f: the addon lives in a worker alone, which ends before its work', 'unload');
survives('g: slow calls do not hold up the file system', 'libuv');
survives('h: idle threads do not hold up the exit', 'idleExit');
survives('h: process.exit() with work in flight', 'busyExit', '', 7);
survives('h: an uncaught error with work in flight', 'uncaught', '', 1);
survives('h: process.exit() among results that are handed over', 'exitAmongResults', '', 7);
survives('e: thousands of pending calls, of workers that end too', 'thousands');
survives('no rejection but those that somebody was given', 'rejections');
survives('k: a pending promise keeps the process alive', 'pending', 'done\nsettled\n');
survives('l: settled promises do not', 'settled', 'settled\ndone\n');
survives('l: nor does a module that was never used', 'unused');
