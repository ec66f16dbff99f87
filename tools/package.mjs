import { npm } from './setup/packages.mjs';

/** The tarball that is tested and published: `npm run package -- --pack-destination DIR`. */
export async function makePackage(/** @type {string[]} */ args) {
  return (await npm(['pack', '--ignore-scripts', '--loglevel=error', ...args])).code;
}
