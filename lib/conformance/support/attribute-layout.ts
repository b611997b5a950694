/** A layout of attribute intervals, and what one reads of it. */
import type { CaseContext } from '../framework/context.ts';
import type { Mapping } from '../framework/mapping.ts';
import { pages } from '../framework/mapping.ts';
import { UNDEFINED } from './attributes.ts';

export const SEGMENTS = 5;

export const LENGTH = 4;

/** Five segments of four pages: intervals and holes by turns. */
export function segments(t: CaseContext, beginWith: string): Mapping {
  const memory = t.map(pages(SEGMENTS * LENGTH));
  memory.write(0, new Uint8Array(pages(SEGMENTS * LENGTH)).fill(1));
  for (let segment = beginWith === 'interval' ? 0 : 1; segment < SEGMENTS; segment += 2)
    t.set(part(memory, segment), { granularity: 20 + segment });
  return memory;
}

export function part(memory: Mapping, segment: number): { address: bigint; size: number } {
  return memory.range(pages(segment * LENGTH), pages(LENGTH));
}

/** Prefetch location and GPU_EXEC of each segment. */
export function stored(t: CaseContext, memory: Mapping): number[][] {
  return Array.from({ length: SEGMENTS }, (_, segment) =>
    t.get(part(memory, segment), ['prefetchLocation', 'gpuExecutable']),
  );
}

/** The same, if the first `count` segments were changed. */
export function changed(count: number): number[][] {
  return Array.from({ length: SEGMENTS }, (_, segment) => (segment < count ? [1, 1] : [UNDEFINED, 0]));
}
