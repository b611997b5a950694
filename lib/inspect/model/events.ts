/** The events of an operation as the time line lists them: its effects, then its hazards. */
import { effectText } from './describe.ts';
import type { Place } from './describe.ts';
import type { Step } from './step.ts';

/** One event in words, with its pages if it has any. */
export interface StepEvent {
  readonly text: string;
  readonly place: Place | undefined;
}

/** How many a step has. */
export function eventCount({ effects, hazards }: Step): number {
  return effects.length + hazards.length;
}

/** Event `index` of a step; undefined where it has none of that number. */
export function eventAt({ effects, hazards }: Step, index: number): StepEvent | undefined {
  if (index < 0) return undefined;
  const effect = effects[index];
  if (effect !== undefined) return effectText(effect);
  const hazard = hazards[index - effects.length];
  return hazard === undefined
    ? undefined
    : {
        text: `${hazard.isNotice ? 'notice' : 'hazard'} ${hazard.quirk}: ${hazard.detail}`,
        place: { page: hazard.page, pages: hazard.pages },
      };
}
