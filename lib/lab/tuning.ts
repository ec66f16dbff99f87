/** How softmax moves its data. Every setting changes time and no bits. */
export interface Tuning {
  readonly stores: 'ordinary' | 'streaming' | 'auto';
  readonly prefetch: boolean;
  /** Pages of 4 KiB that are walked side by side. */
  readonly streams: number;
}

/** What both papers' code does. */
export const PUBLISHED: Tuning = { stores: 'ordinary', prefetch: false, streams: 1 };

export function tuningText({ stores, prefetch, streams }: Tuning): string {
  return [stores, prefetch ? 'prefetch' : 'no prefetch', `${streams} streams`].join(', ');
}
