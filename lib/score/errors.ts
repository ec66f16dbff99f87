import { SoftlaneError, type ErrorCode } from '../errors';

/** The stable codes of the file layer, in the order of the exit codes that the command line gives them. */
export type FileErrorCode =
  /** The input does not exist. */
  | 'ERR_SOFTLANE_INPUT_MISSING'
  /** The input exists and cannot be read: permission, a directory, a device, a failing disk. */
  | 'ERR_SOFTLANE_INPUT_UNREADABLE'
  /** The input changed while it was read. */
  | 'ERR_SOFTLANE_INPUT_CHANGED'
  /** Not of the format that its name says, or damaged. */
  | 'ERR_SOFTLANE_INPUT_FORMAT'
  /** Nothing by that name in the file, or several things and no name. */
  | 'ERR_SOFTLANE_INPUT_NAME'
  /** Rows of different lengths, or of another length than they need. */
  | 'ERR_SOFTLANE_INPUT_SHAPE'
  /** A number that cannot be what it has to be: a label that is no column, a NaN where the job stops at one. */
  | 'ERR_SOFTLANE_INPUT_VALUE'
  /** Fewer bytes or rows than there should be. */
  | 'ERR_SOFTLANE_INPUT_TRUNCATED'
  /** Not a .npy file at all. */
  | 'ERR_SOFTLANE_NPY_MAGIC'
  /** A .npy format version that is not 1.0, 2.0 or 3.0. */
  | 'ERR_SOFTLANE_NPY_VERSION'
  /** A header that is damaged or longer than the limit. */
  | 'ERR_SOFTLANE_NPY_HEADER'
  /** Elements of a type that is not supported here. */
  | 'ERR_SOFTLANE_NPY_DTYPE'
  /** Fortran (column-major) order. */
  | 'ERR_SOFTLANE_NPY_ORDER'
  /** A shape that is no shape, has the wrong number of dimensions, or is too large. */
  | 'ERR_SOFTLANE_NPY_SHAPE'
  /** Fewer bytes of data than the shape needs. */
  | 'ERR_SOFTLANE_NPY_TRUNCATED'
  /** More bytes of data than the shape needs. */
  | 'ERR_SOFTLANE_NPY_TRAILING'
  /** The output exists and may not be overwritten. */
  | 'ERR_SOFTLANE_OUTPUT_EXISTS'
  /** The output is the input. */
  | 'ERR_SOFTLANE_OUTPUT_SAME'
  /** An unfinished job for this output is there. */
  | 'ERR_SOFTLANE_OUTPUT_UNFINISHED'
  /** A worker does not see the folder that the output is to be in. */
  | 'ERR_SOFTLANE_OUTPUT_UNSEEN'
  /** The format cannot hold this output. */
  | 'ERR_SOFTLANE_OUTPUT_FORMAT'
  /** The output cannot be written: permission, no such directory, a full disk. */
  | 'ERR_SOFTLANE_OUTPUT_UNWRITABLE'
  /** What an unfinished job was started with is not what it is to go on with. */
  | 'ERR_SOFTLANE_JOB_OPTIONS'
  /** A library that reads or writes the format is not installed. */
  | 'ERR_SOFTLANE_NO_LIBRARY'
  /** The queue of jobs for several machines cannot be used, or has no such job. */
  | 'ERR_SOFTLANE_QUEUE';

/** A file that cannot be read, is refused, or cannot be written. `cause` is the system's error where there is one. */
export class SoftlaneFileError extends SoftlaneError {
  override readonly name: string = 'SoftlaneFileError';
  readonly path: string;

  constructor(code: FileErrorCode, path: string, reason: string, cause?: unknown) {
    super(code as string as ErrorCode, `${path}: ${reason}`);
    this.path = path;
    if (cause !== undefined) this.cause = cause;
  }
}

/** Less memory allowed than a job needs: another limit is all that it takes. */
export class LimitError extends SoftlaneError {
  constructor(message: string) {
    super('ERR_SOFTLANE_OUT_OF_MEMORY', message);
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  ENOENT: 'no such file or directory',
  ENOTDIR: 'a part of the path is not a directory',
  EISDIR: 'is a directory',
  ENAMETOOLONG: 'the name is too long',
  ELOOP: 'too many symbolic links',
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file would be larger than is allowed here',
  EROFS: 'the file system is read-only',
  EMFILE: 'too many open files',
  ENFILE: 'too many open files in the system',
  EIO: 'the device reported an input/output error',
  EEXIST: 'already exists',
  ERR_INVALID_ARG_VALUE: 'not a path that a file can have',
};

/** The code of a system error (ENOENT ...), or undefined. */
export function systemCode(error: unknown): string | undefined {
  const code: unknown =
    typeof error === 'object' && error !== null ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : undefined;
}

function inWords(error: unknown): string {
  const code = systemCode(error);
  if (code !== undefined && reasons[code] !== undefined) return reasons[code];
  const message: unknown = (error as { message?: unknown } | null | undefined)?.message;
  return typeof message === 'string' ? message : String(error);
}

/** A system error on the way in, as one of ours; our own errors pass unchanged. `where`: of the file. */
export function inputError(path: string, error: unknown, where?: string): SoftlaneError {
  if (error instanceof SoftlaneError) return error;
  return systemCode(error) === 'ENOENT'
    ? new SoftlaneFileError('ERR_SOFTLANE_INPUT_MISSING', path, 'no such file', error)
    : new SoftlaneFileError(
        'ERR_SOFTLANE_INPUT_UNREADABLE',
        path,
        `cannot be read${where === undefined ? '' : ` ${where}`}: ${inWords(error)}`,
        error,
      );
}

/** The same on the way out. */
export function outputError(path: string, error: unknown): SoftlaneError {
  if (error instanceof SoftlaneError) return error;
  return new SoftlaneFileError(
    'ERR_SOFTLANE_OUTPUT_UNWRITABLE',
    path,
    `cannot be written: ${inWords(error)}`,
    error,
  );
}
