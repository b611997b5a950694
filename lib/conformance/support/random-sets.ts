/** Random SETs. */
import type { CaseContext } from '../framework/context.ts';
import { EINVAL } from './errno.ts';
import type { ModelledMemory } from './attribute-model.ts';
import type { Span } from './attribute-model.ts';
import { isAccepted } from './attributes.ts';
import type { AttributePair } from '../../uapi/call.ts';

const VALUES = [0, 0, 1, 1, 2, 3, 5, 9, 12, 63, 64, 0xffff_fffe, 0xffff_ffff] as const;

export const ROUNDS = Array.from({ length: 20 }, (_, round) => round);

export function randomSpan(t: CaseContext, size: number): Span {
  const first = t.random.below(size);
  // Short ones are more likely: they make more intervals.
  const longest = t.random.below(3) === 0 ? size - first : Math.min(size - first, 6);
  return { first, count: 1 + t.random.below(longest) };
}

/** One to four records; without `gpu` none that would map anything. */
function randomRecords(t: CaseContext, gpu: boolean): AttributePair[] {
  return Array.from({ length: 1 + t.random.below(4) }, (): AttributePair => {
    const type = t.random.below(t.attributes.length);
    if (type === 1 && !gpu) return [type, 0];
    if (type >= 4) return [type, t.random.below(16) === 0 ? 2 : type === 11 ? 0 : t.random.below(2)];
    return [type, t.random.pick(VALUES)];
  });
}

/** A random SET; its answer must be that of the tables. */
export function randomSet(t: CaseContext, modelled: ModelledMemory, gpu: boolean): void {
  const span = randomSpan(t, modelled.model.size);
  const records = randomRecords(t, gpu);
  if (records.every((each) => isAccepted(t, each))) modelled.set(span, records);
  else t.equal(t.trySet(modelled.range(span), records), -EINVAL, 'result of an illegal SET_ATTR');
}
