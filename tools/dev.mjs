// The one entry of every npm script. It needs nothing but node, so that each command works on a
// fresh clone: it sets up what is missing, once, and then does its work.
import { check, format } from './check.mjs';
import { prebuild } from './prebuild.mjs';
import { proofs, prove } from './proof.mjs';
import { setUp } from './setup/index.mjs';
import { sanitizerEnvironment } from './setup/native.mjs';
import { at } from './setup/paths.mjs';
import { ensurePrograms } from './setup/programs.mjs';
import { Stop, node, say } from './setup/run.mjs';

async function script(/** @type {string} */ file, /** @type {string[]} */ args) {
  await setUp();
  return (await node(at(...file.split('/')), args, { env: await sanitizerEnvironment() })).code;
}

/** Everything, or with arguments only what jest finds by them. */
async function test(/** @type {string[]} */ args) {
  await setUp();
  if (args.length === 0) {
    const failed = await check();
    if (failed) return failed;
  }
  const results = process.env.CI ? ['--json', `--outputFile=${at('.cache', 'jest.json')}`] : [];
  const env = await sanitizerEnvironment();
  if (process.platform === 'linux') env.SOFTLANE_PROGRAMS = await ensurePrograms();
  return (await node(at('node_modules', 'jest', 'bin', 'jest.js'), [...results, ...args], { env }))
    .code;
}

/** The proofs in full, an hour and a half (docs/testing.md). Each says what it ran, and with which seed. */
async function slowTest(/** @type {string[]} */ args) {
  await setUp();
  const env = { ...(await sanitizerEnvironment()), SOFTLANE_SLOW: '1' };
  const jest = at('node_modules', 'jest', 'bin', 'jest.js');
  const files = args.some((arg) => !arg.startsWith('-')) ? args : ['test/proof', ...args];
  return (await node(jest, ['--testTimeout=3600000', ...files], { env })).code;
}

/** @type {Record<string, (args: string[]) => Promise<number>>} */
const commands = {
  test,
  'test:slow': slowTest,
  quickstart: (args) => script('quickstart/main.mjs', args),
  bench: (args) => script('bench/main.mjs', args),
  async build() {
    await setUp();
    return 0;
  },
  async lint() {
    await setUp({ native: false });
    return check();
  },
  async format(args) {
    await setUp({ native: false, library: false });
    return format(args);
  },
  async prebuildify() {
    await setUp({ library: false });
    return prebuild();
  },
  ...Object.fromEntries(
    Object.keys(proofs).map((name) => [
      `test:${name}`,
      (/** @type {string[]} */ args) => prove(name, args),
    ]),
  ),
  /** npm runs this before it packs, so that no tarball lacks dist/ or prebuilds/ or has old ones. */
  async prepack() {
    await setUp();
    return prebuild();
  },
};

const [name = '', ...args] = process.argv.slice(2);
try {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) {
    throw new Stop(`expected one of ${Object.keys(commands).join(', ')} but received "${name}".`);
  }
  process.exitCode = await command(args);
} catch (error) {
  if (!(error instanceof Stop)) throw error;
  say(error.message);
  process.exitCode = error.code;
}
