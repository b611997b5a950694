/** Prefetches of two GPUs. */
import type { CaseContext } from '../framework/context.ts';
import type { Mapping } from '../framework/mapping.ts';

export const PREFETCHES = ['no', 'gpu0', 'gpu1', 'both'] as const;

export function prefetch(t: CaseContext, mapping: Mapping, where: (typeof PREFETCHES)[number]): void {
  for (const index of [0, 1]) {
    if (where === 'both' || where === `gpu${index}`) t.set(mapping, { prefetchLocation: 'device' }, t.devices[index]);
  }
}
