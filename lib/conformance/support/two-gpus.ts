/** Prefetches of two GPUs. */
import type { CaseContext } from '../framework/context.ts';
import type { Mapping } from '../framework/mapping.ts';
import { prefetchToGpu } from './memory.ts';
import type { Memory } from './memory.ts';

export const PREFETCHES = ['no', 'gpu0', 'gpu1', 'both'] as const;

/** False: the memory is one that cannot be prefetched, and that was refused. */
export function prefetch(
  t: CaseContext,
  mapping: Mapping,
  where: (typeof PREFETCHES)[number],
  memory: Memory,
): boolean {
  return [0, 1].every(
    (index) => !(where === 'both' || where === `gpu${index}`) || prefetchToGpu(t, mapping, memory, t.devices[index]),
  );
}
