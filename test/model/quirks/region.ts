/** What the model shows of the region of the quirk catalogue. */
import type { CaseContext } from '../../../lib/conformance/framework/context.ts';
import type { Mapping } from '../../../lib/conformance/framework/mapping.ts';
import { REGION, region } from '../../../lib/conformance/support/region.ts';

/** Pages of the first MiB. */
export const MIB = 256;

/** The region mapped on the GPU by a prefetch. */
export function prefetched(t: CaseContext, count: number = REGION): Mapping {
  const memory = region(t, count);
  t.set(memory.range(), { prefetchLocation: 'device' });
  t.equal(t.ptes(memory.range()), `rw*${count}`, 'PTEs after the prefetch');
  return memory;
}
