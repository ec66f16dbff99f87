/** Something that keeps the lab from measuring or reporting, in one sentence. */
export class LabError extends Error {
  override readonly name: string = 'LabError';
  readonly code: string;

  constructor(message: string, code = 'ERR_SOFTLANE_LAB') {
    super(message);
    this.code = code;
  }
}
