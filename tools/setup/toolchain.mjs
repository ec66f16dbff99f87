import { Stop, which } from './run.mjs';

/** Stops with one sentence when something that npm cannot install is missing. */
export function requireToolchain() {
  const missing = [];
  if (!which('cmake')) missing.push('CMake (3.18 or later)');
  if (!which('g++') && !which('clang++')) missing.push('a C++17 compiler (g++ or clang++)');
  if (!which('make') && !which('ninja')) missing.push('make or ninja');
  if (missing.length === 0) return;
  const hint =
    process.platform === 'darwin'
      ? 'xcode-select --install, and brew install cmake'
      : 'apt-get install cmake g++ make, or your system’s equivalent';
  throw new Stop(`building softlane needs ${list(missing)} on the PATH (${hint}).`);
}

function list(/** @type {string[]} */ names) {
  if (names.length === 1) return names[0];
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
