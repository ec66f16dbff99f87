import type { Setting, Suite } from '../suite';
import { online } from './online';
import { ops } from './ops';
import { roofline } from './roofline';
import { sampling } from './sampling';
import { twoPass } from './two-pass';

/** Every suite by its name on the command line. */
export const suites = {
  'two-pass': twoPass,
  online,
  roofline,
  ops,
  sampling,
} as const satisfies Readonly<Record<string, (setting: Setting) => Suite>>;

export type SuiteName = keyof typeof suites;
