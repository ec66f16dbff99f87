/** A copy of the native sources in which a piece can be changed, and the addon that comes of it. */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Mutant } from './list';

const root = join(__dirname, '..', '..', '..');

/** The kernels that the addon under test has: what leaves them alone is compiled in seconds. */
const BUILT = join(root, 'build');
const hasPlainKernels = (): boolean =>
  !process.env['SOFTLANE_SANITIZE'] && existsSync(join(BUILT, 'Release', 'softlane.node'));

/** Everything else is compiled into the kernels. */
const changesKernels = ({ file }: Mutant): boolean =>
  file.startsWith('native/') && !/^native\/(binding|runtime)\/\w+\.cpp$/.test(file);

/** What lies between two tokens: nothing, white space, comments. */
const GAP = String.raw`(?:\s|//[^\n]*\n|/\*[\s\S]*?\*/)*`;

/** Finds a piece of source however it is laid out. */
function pattern(piece: string): RegExp {
  const tokens = piece.match(/\w+|[^\w\s]/g) ?? [];
  const literal = tokens.map((token) => token.replace(/[^\w]/g, String.raw`\$&`));
  return new RegExp(literal.join(GAP), 'g');
}

/** The source with the mutant's changes, each of which must have one place. */
export function changed(mutant: Mutant, source: string): string {
  return mutant.changes.reduce((text, [from, to]) => {
    const places = [...text.matchAll(pattern(from))];
    if (places.length !== 1) {
      throw new Error(
        `${mutant.file} should have this once, and has it ${places.length} times: ${from}`,
      );
    }
    return text.replace(places[0][0], () => to);
  }, source);
}

export class Workshop {
  readonly folder = mkdtempSync(join(tmpdir(), 'softlane-mutants-'));

  constructor() {
    for (const name of ['native', 'CMakeLists.txt', 'package.json']) {
      cpSync(join(root, name), join(this.folder, name), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(this.folder, 'node_modules'));
    this.build(hasPlainKernels());
  }

  /** What makes softlane load the addon that is here: node-gyp-build reads it. */
  get environment(): NodeJS.ProcessEnv {
    return { SOFTLANE_PREBUILD: this.folder };
  }

  /** Runs `work` with an addon that has been changed. */
  async with(mutant: Mutant, work: () => Promise<void>): Promise<void> {
    const file = join(this.folder, mutant.file);
    const whole = readFileSync(file, 'utf8');
    writeFileSync(file, changed(mutant, whole));
    try {
      this.build(hasPlainKernels() && !changesKernels(mutant));
      await work();
    } finally {
      writeFileSync(file, whole);
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private build(takesKernels: boolean): void {
    const kernels = takesKernels ? BUILT : '';
    // In it the last folder of kernels would outlive an empty one: a mutant of the kernels would link those of the others.
    rmSync(join(this.folder, 'build', 'CMakeCache.txt'), { force: true });
    for (const command of ['configure', 'build']) this.cmakeJs(command, kernels);
  }

  private cmakeJs(command: string, kernels: string): void {
    const cmakeJs = join(root, 'node_modules', 'cmake-js', 'bin', 'cmake-js');
    const folder = ['--directory', this.folder, `--CDSOFTLANE_KERNELS=${kernels}`];
    const args = [cmakeJs, command, ...folder, '--parallel', '2'];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${stdout}${stderr}`);
  }
}
