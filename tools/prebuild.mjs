import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { addon, at, cache } from './setup/paths.mjs';
import { Stop, node, step } from './setup/run.mjs';
import { digest, filesIn, readStamp, writeStamp } from './setup/stamp.mjs';

/** prebuilds/<platform>-<arch>/softlane.<libc>.node, for this machine. */
export async function prebuild() {
  if (process.env.SOFTLANE_SANITIZE) throw new Stop('a sanitizer build is not for shipping.');
  const wanted = digest([...filesIn('tools/prebuild.mjs'), addon], readStamp('native'));
  const folder = at('prebuilds', `${process.platform}-${process.arch}`);
  if (readStamp('prebuild') === wanted && filesIn('prebuilds').length > 0) return 0;
  const cwd = join(cache, 'prebuild');
  mkdirSync(cwd, { recursive: true });
  rmSync(folder, { recursive: true, force: true });
  await step('making the prebuild (prebuildify)', () =>
    node(
      at('node_modules', 'prebuildify', 'bin.js'),
      ['--napi', '--strip', '--tag-libc', '--name', 'softlane', '--cwd', cwd, '--out', at()],
      { quiet: true, env: { PREBUILD_NODE_GYP: at('tools', 'node-gyp-shim.mjs') } },
    ),
  );
  writeStamp('prebuild', wanted);
  return 0;
}
