import { ensureLibrary } from './library.mjs';
import { locked } from './lock.mjs';
import { ensureNative, nativeBuilt } from './native.mjs';
import { ensurePackages } from './packages.mjs';
import { requireToolchain } from './toolchain.mjs';

/**
 * Brings a clone to the state that a command needs; where it is there already, says nothing.
 * Missing tools are reported before anything is installed or built.
 *
 * @param {{native?: boolean, library?: boolean}} [needs]
 */
export async function setUp({ native = true, library = true } = {}) {
  if (native && !nativeBuilt()) requireToolchain();
  await locked(async () => {
    await ensurePackages();
    if (native) await ensureNative();
    if (library) await ensureLibrary();
  });
}
