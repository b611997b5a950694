/** The addresses that matter in a session, so that the empty space between them can be drawn short. */
import { pagesOf } from '../../trace/effects/index.ts';
import { placeOf } from './describe.ts';
import { unite } from './scale.ts';
import type { Occupied } from './scale.ts';
import type { Step } from './step.ts';

/** Larger attribute intervals and unmappings count with their edges only: they are mostly empty. */
const WHOLE = 2 ** 18;
const EDGE = 512;

/** United intervals of all that the operations and their effects are about, over the whole session: the map keeps still while stepping. */
export function occupiedBy(steps: readonly Step[]): Occupied[] {
  const intervals: Occupied[] = [];
  for (const { operation, effects } of steps) {
    const place = placeOf(operation);
    if (place !== undefined) {
      const { page, pages } = place;
      const end = page + pages;
      if (operation.name === 'mmap' || pages <= WHOLE) intervals.push({ start: page, end });
      else intervals.push({ start: page, end: page + EDGE }, { start: end - EDGE, end });
    }
    for (const effect of effects) {
      // Notifiers cover 512 MiB each, whatever is in them.
      if (effect[0] !== 'range+' && effect[0] !== 'pte') continue;
      const { startPage, pages } = pagesOf(effect);
      intervals.push({ start: startPage, end: startPage + pages });
    }
  }
  return unite(intervals);
}
