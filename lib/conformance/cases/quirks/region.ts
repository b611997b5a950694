/** The region of the quirk catalogue: 2 MiB at a multiple of 2 MiB, touched by the CPU. */
import type { CaseContext } from '../../framework/context.ts';
import type { Mapping, MappingOptions } from '../../framework/mapping.ts';
import { pages } from '../../framework/mapping.ts';

/** Pages of the region, and of its first MiB. */
export const [REGION, MIB] = [512, 256];

export function region(t: CaseContext, count: number = REGION, options: MappingOptions = {}): Mapping {
  const memory = t.map(pages(count), options);
  memory.write(0, new Uint8Array(pages(count)).fill(0x11));
  return memory;
}

/** The region mapped on the GPU by a prefetch. */
export function prefetched(t: CaseContext, count: number = REGION): Mapping {
  const memory = region(t, count);
  t.set(memory.range(), [[1, 1]]);
  t.equal(t.ptes(memory.range()), `rw*${count}`, 'PTEs after the prefetch');
  return memory;
}
