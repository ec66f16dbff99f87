import { native } from '../configure';

/** How outputs are stored; changes no bits. Streaming stores come with a prefetch of the input. */
export type Stores = 'ordinary' | 'streaming';

const KINDS = ['auto', 'ordinary', 'streaming'];

/** Calls with this kind of stores, and with what their size says afterwards. */
export function storedAs(stores: Stores, batch: (count: number) => void): (count: number) => void {
  const binding = native();
  const kind = KINDS.indexOf(stores);
  return (count) => {
    binding._stores(kind);
    try {
      batch(count);
    } finally {
      binding._stores(0);
    }
  };
}
