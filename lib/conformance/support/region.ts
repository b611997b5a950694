/** The region of the quirk catalogue: 2 MiB at a multiple of 2 MiB, touched by the CPU. */
import type { CaseContext } from '../framework/context.ts';
import type { Mapping, MappingOptions } from '../framework/mapping.ts';
import { pages } from '../framework/mapping.ts';

/** Pages of the region. */
export const REGION = 512;

/** `count` pages that the CPU has written. */
export function region(t: CaseContext, count: number = REGION, options: MappingOptions = {}): Mapping {
  const memory = t.map(pages(count), options);
  memory.write(0, new Uint8Array(pages(count)).fill(0x11));
  return memory;
}
