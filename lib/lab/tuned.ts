import { native } from '../configure';
import { Absent } from './ground';
import { tuningText, type Tuning } from './tuning';

/** The addon of a later kernel has this hook; without it only what `auto` means can be measured. */
interface Tunable {
  _tune?(stores: number, prefetch: number, streams: number): number;
}

const STORES = ['auto', 'ordinary', 'streaming'] as const;

/** Calls with the kernels tuned like this, and as they were afterwards. */
export function tuned(tuning: Tuning, batch: (count: number) => void): (count: number) => void {
  const binding: Tunable = native() as unknown as Tunable;
  const set = binding._tune;
  if (set === undefined) throw new Absent(`this addon cannot be tuned (${tuningText(tuning)})`);
  const { stores, prefetch, streams } = tuning;
  return (count) => {
    const status = set(STORES.indexOf(stores), prefetch ? 1 : 0, streams);
    if (status !== 0) throw new Error(`the addon refused the tuning ${tuningText(tuning)}`);
    try {
      batch(count);
    } finally {
      set(0, 1, 0);
    }
  };
}
