/** Two traces side by side, with the first difference marked. */
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { compareSessions } from '../model/comparison.ts';
import type { SessionDifference } from '../model/comparison.ts';
import { stepSentence } from '../model/describe.ts';
import type { LoadedSession } from '../model/loading.ts';
import { firstLook, fragmentOf, lookOf } from '../model/look.ts';
import type { Look, Part } from '../model/look.ts';
import type { PageActions } from './page-actions.ts';
import { Details } from './Details.tsx';
import { Help } from './Help.tsx';
import { SpaceMap } from './SpaceMap.tsx';
import { Timeline } from './Timeline.tsx';
import { GpuChoice, Toolbar } from './Toolbar.tsx';
import { useAddress } from './use-address.ts';
import { useKeys } from './use-keys.ts';
import { useLook } from './use-look.ts';

interface ComparisonProps {
  readonly sides: readonly [LoadedSession, LoadedSession];
  readonly fragment: string;
  readonly theme: string;
  readonly page: PageActions;
}

const MAP_HEIGHT = 230;
const PREFIXES = ['', 'b-'] as const;

export function Comparison({ sides, fragment, theme, page }: ComparisonProps): JSX.Element {
  const [a, b] = sides;
  const difference = useMemo(() => compareSessions(a.session.steps, b.session.steps), [a, b]);
  const firsts = useFirstLooks(sides, difference, fragment);
  const ofA = useLook(a.session, firsts[0]);
  const ofB = useLook(b.session, firsts[1]);
  const parts = [useRef<Part | undefined>(firsts[0].part), useRef<Part | undefined>(firsts[1].part)] as const;
  const both = [ofA, ofB] as const;
  const addressChanged = useAddress(() =>
    both.map(({ look }, side) => fragmentOf({ ...look, part: parts[side]!.current }, PREFIXES[side])).join('&'),
  );
  const [help, setHelp] = useState(false);

  // Operations at the same distance from the first difference belong together.
  const offset = difference.b - difference.a;
  const goTo = (step: number, event = -1, side: 0 | 1 = 0): void => {
    const stepOfA = side === 0 ? step : step - offset;
    ofA.goTo(Math.min(ofA.steps.length - 1, Math.max(0, stepOfA)), side === 0 ? event : -1);
    ofB.goTo(Math.min(ofB.steps.length - 1, Math.max(0, stepOfA + offset)), side === 1 ? event : -1);
  };
  const toDifference = (): void => goTo(difference.a);
  // Counted as in A, also where A has ended and B goes on.
  const current = Math.max(ofA.look.step, ofB.look.step - offset);
  const count = Math.max(ofA.steps.length, ofB.steps.length - offset);
  useKeys({
    j: () => current < count - 1 && goTo(current + 1),
    k: () => current > 0 && goTo(current - 1),
    d: toDifference,
    '?': () => setHelp(true),
  });
  useEffect(() => {
    document.title = `${a.name} and ${b.name} - amdgpu-svm inspect`;
    return () => void (document.title = 'amdgpu-svm inspect');
  }, [a, b]);

  return (
    <>
      <Toolbar
        name={`${a.name} and ${b.name}`}
        current={current}
        count={count}
        onStep={goTo}
        page={page}
        onHelp={() => setHelp(true)}
        actions={
          <button type="button" onClick={page.closeComparison}>
            only {a.name}
          </button>
        }
      >
        <button type="button" title="d" disabled={difference.kind === 'none'} onClick={toDifference}>
          first difference
        </button>
        <GpuChoice
          gpus={Math.min(a.session.gpus, b.session.gpus)}
          gpu={ofA.look.gpu}
          onGpu={(gpu) => both.forEach(({ change }) => change({ gpu }))}
        />
      </Toolbar>
      <p class={`parting ${difference.kind}`} role="note">
        {difference.text}
      </p>
      <main class="comparison">
        {both.map((shown, side) => (
          <div class="side" key={side}>
            <Timeline
              id={`operations-${side === 0 ? 'a' : 'b'}`}
              title={`${side === 0 ? 'A' : 'B'}: ${sides[side]!.name}`}
              shown={shown}
              theme={theme}
              hasKeys={side === 0}
              difference={
                difference.kind === 'none'
                  ? undefined
                  : { step: side === 0 ? difference.a : difference.b, what: difference.what }
              }
              onSelect={(step, event) => goTo(step, event, side as 0 | 1)}
            />
            <SpaceMap
              shown={shown}
              height={MAP_HEIGHT}
              part={firsts[side]!.part}
              theme={theme}
              onPart={(part) => {
                parts[side]!.current = part;
                addressChanged();
              }}
            />
            <Details shown={shown} onStep={(step) => goTo(step, -1, side as 0 | 1)} />
          </div>
        ))}
      </main>
      {help && <Help onClose={() => setHelp(false)} />}
      <div class="hidden" role="status">
        {both
          .map(
            ({ step, look, steps }, side) => `${side === 0 ? 'A' : 'B'} ${stepSentence(step, look.step, steps.length)}`,
          )
          .join('. ')}
      </div>
    </>
  );
}

/** Both open at the first difference, where there is one. */
function useFirstLooks(
  sides: ComparisonProps['sides'],
  difference: SessionDifference,
  fragment: string,
): readonly [Look, Look] {
  const [looks] = useState(() =>
    sides.map(({ session, start }, side) => {
      const at = side === 0 ? difference.a : difference.b;
      const step = difference.kind === 'none' ? start : Math.min(at, session.steps.length - 1);
      return lookOf(fragment, firstLook(step), { steps: session.steps.length, gpus: session.gpus }, PREFIXES[side]);
    }),
  );
  return looks as [Look, Look];
}
