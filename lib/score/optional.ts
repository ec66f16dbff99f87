/** Libraries that not every installation has: optional peers, loaded when a file needs them. */
import { SoftlaneFileError, systemCode } from './errors';

/** Loads one, or says in a sentence what to install for the file. */
export async function optional<T>(
  load: () => Promise<T>,
  { path, packages }: { readonly path: string; readonly packages: string },
): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const code = systemCode(error);
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw error;
    throw new SoftlaneFileError(
      'ERR_SOFTLANE_NO_LIBRARY',
      path,
      `needs a library that is not installed: npm install ${packages}`,
      error,
    );
  }
}
