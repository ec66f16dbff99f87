import type { Binding } from '../../binding';
import { native } from '../configure';

/** How outputs are stored; changes no bits. */
export type Stores = 'ordinary' | 'streaming';

/**
 * What the passes of softmax ask memory for before they read it: nothing, the block after the one that they work on, or
 * the same block by four of its pages side by side. Changes no bits.
 */
export type Prefetch = 'none' | 'next' | 'pages';

/** What softlane chooses by itself where it is absent. */
export interface Switches {
  readonly stores?: Stores | undefined;
  readonly prefetch?: Prefetch | undefined;
}

const STORES = ['auto', 'ordinary', 'streaming'];
const PREFETCH = ['auto', 'none', 'next', 'pages'];

type Batch = (count: number) => void;

/** Calls with these switches set, and with what softlane chooses afterwards. */
export function switched(
  { stores, prefetch }: Switches,
  batch: Batch,
  binding: Pick<Binding, '_stores' | '_prefetch'> = native(),
): Batch {
  if (stores === undefined && prefetch === undefined) return batch;
  const kinds = [STORES.indexOf(stores ?? 'auto'), PREFETCH.indexOf(prefetch ?? 'auto')];
  return (count) => {
    binding._stores(kinds[0]);
    binding._prefetch(kinds[1]);
    try {
      batch(count);
    } finally {
      binding._stores(0);
      binding._prefetch(0);
    }
  };
}
