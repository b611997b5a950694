/** One session as it is looked at: its state at the chosen operation, what is selected, and how to go elsewhere. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { placeOf } from '../model/describe.ts';
import type { Place } from '../model/describe.ts';
import { eventAt } from '../model/events.ts';
import type { LaneItem } from '../model/lanes.ts';
import type { Look } from '../model/look.ts';
import { StepMarks } from '../model/marks.ts';
import { occupiedBy } from '../model/occupied.ts';
import type { Occupied } from '../model/scale.ts';
import { StepSearch } from '../model/search.ts';
import type { InspectorSession } from '../model/session.ts';
import type { StepState } from '../model/states.ts';
import type { Step } from '../model/step.ts';

/** Milliseconds of work between two frames, and of rest. */
const PREPARE_SLICE = 6;
const PREPARE_PAUSE = 10;

/** What components show of a session. */
export interface SessionLook {
  readonly session: InspectorSession;
  readonly steps: readonly Step[];
  readonly look: Look;
  readonly step: Step;
  readonly state: StepState;
  readonly marks: StepMarks;
  readonly search: StepSearch;
  /** The operations that the filter leaves; undefined: all. */
  readonly matches: Uint32Array | undefined;
  readonly occupied: readonly Occupied[];
  /** What the operation or its event is about. */
  readonly place: Place | undefined;
  readonly selected: LaneItem | undefined;
  readonly change: (part: Partial<Look>) => void;
  readonly goTo: (step: number, event?: number) => void;
}

export function useLook(session: InspectorSession, first: Look): SessionLook {
  const [look, setLook] = useState(first);
  const { steps } = session;
  const current = Math.min(look.step, steps.length - 1);
  const step = steps[current]!;
  const { gpu } = look;
  // The session keeps the states of one GPU; it has to be that one before they are asked for.
  if (session.gpu !== gpu) session.selectGpu(gpu);
  const state = useMemo(() => session.stateAt(current), [session, steps, current, gpu]);
  const marks = useMemo(() => new StepMarks(steps), [steps]);
  const search = useMemo(() => new StepSearch(steps), [steps]);
  const matches = useMemo(() => search.matches(look.filter), [search, look.filter]);
  const occupied = useMemo(() => occupiedBy(steps), [steps]);
  // What is selected stays selected from step to step, as far as something is at its place.
  const selected = useMemo(() => {
    const wanted = look.selected;
    if (wanted === undefined) return undefined;
    const items = state.lanes[wanted.lane];
    return (
      items.find((item) => item.page === wanted.page && item.pages === wanted.pages) ??
      items.find((item) => item.page <= wanted.page && item.page + item.pages > wanted.page)
    );
  }, [state, look.selected]);
  const place = useMemo(() => eventAt(step, look.event)?.place ?? placeOf(step.operation), [step, look.event]);

  // Whatever is looked at, the states before it are worked out in pauses: going back must not wait for them.
  useEffect(() => {
    let timer = 0;
    const work = (): void => {
      if (session.prepare(current, PREPARE_SLICE)) timer = window.setTimeout(work, PREPARE_PAUSE);
    };
    timer = window.setTimeout(work);
    return () => clearTimeout(timer);
  }, [session, steps, current, gpu]);

  const change = (part: Partial<Look>): void => setLook((old) => ({ ...old, ...part }));
  return {
    session,
    steps,
    look: current === look.step ? look : { ...look, step: current },
    step,
    state,
    marks,
    search,
    matches,
    occupied,
    place,
    selected,
    change,
    goTo: (index, event = -1) => change({ step: index, event }),
  };
}
