/** The inspector: one session, the step that is looked at, and what is selected. */
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useState } from 'preact/hooks';
import { chromeTraceOf } from '../../trace/export/chrome-exporter.ts';
import { parseTrace } from '../../trace/format/parse-trace.ts';
import { isFault, isTrouble, placeOf, stepSentence } from '../model/describe.ts';
import type { Place } from '../model/describe.ts';
import type { AttributeColour, LaneItem } from '../model/lanes.ts';
import { occupiedBy } from '../model/occupied.ts';
import { InspectorSession } from '../model/session.ts';
import { Details } from './Details.tsx';
import { baseName, emptySession, readFile, saveFile, sessionOf } from './files.ts';
import type { NamedTrace } from './files.ts';
import { HandPanel } from './HandPanel.tsx';
import { Legend } from './Legend.tsx';
import { Objects } from './Objects.tsx';
import { itemSentence, SpaceMap } from './SpaceMap.tsx';
import { Timeline } from './Timeline.tsx';
import { Toolbar } from './Toolbar.tsx';
import { useTheme } from './theme.ts';

/** Milliseconds of work between two frames, and of rest. */
const PREPARE_SLICE = 6;
const PREPARE_PAUSE = 10;

interface Opened {
  readonly name: string;
  readonly session: InspectorSession;
}

/** The trace, or an empty session with the reason why it can't be read. */
function open(trace: NamedTrace | undefined): { opened: Opened; problem: string } {
  try {
    if (trace !== undefined) return { opened: { name: trace.name, session: sessionOf(trace) }, problem: '' };
    return { opened: { name: 'new session', session: new InspectorSession() }, problem: '' };
  } catch (error) {
    return { opened: { name: 'new session', session: new InspectorSession() }, problem: (error as Error).message };
  }
}

export function App({ start }: { start: NamedTrace | undefined }): JSX.Element {
  const [first] = useState(() => open(start));
  const [{ name, session }, setOpened] = useState(first.opened);
  const [problem, setProblem] = useState(first.problem);
  const [current, setCurrent] = useState(first.opened.session.steps.length - 1);
  const [gpu, setGpu] = useState(0);
  const [event, setEvent] = useState(-1);
  const [eventPlace, setEventPlace] = useState<Place>();
  const [wanted, setWanted] = useState<LaneItem>();
  const [showEvents, setShowEvents] = useState(true);
  const [attribute, setAttribute] = useState<AttributeColour>('access');
  const [theme, shownTheme, setTheme] = useTheme();

  const { steps } = session;
  const step = steps[current]!;
  const state = useMemo(() => session.stateAt(current), [session, steps, current, gpu]);
  const occupied = useMemo(() => occupiedBy(steps), [steps]);
  const troubles = useMemo(() => steps.filter(isTrouble).length, [steps]);
  const faults = useMemo(() => steps.filter(isFault).length, [steps]);
  // What is selected stays selected from step to step, as far as something is at its place.
  const selected = useMemo(() => {
    if (wanted === undefined) return undefined;
    const items = state.lanes[wanted.lane];
    return (
      items.find((item) => item.page === wanted.page && item.pages === wanted.pages) ??
      items.find((item) => item.page <= wanted.page && item.page + item.pages > wanted.page)
    );
  }, [state, wanted]);
  const place = useMemo(() => eventPlace ?? placeOf(step.operation), [eventPlace, step]);

  const goTo = (index: number, at = -1, where?: Place): void => {
    setCurrent(index);
    setEvent(at);
    setEventPlace(where);
  };
  const begin = (opened: Opened): void => {
    setOpened(opened);
    setWanted(undefined);
    setGpu(0);
    goTo(opened.session.steps.length - 1);
  };
  const load = (trace: NamedTrace): void => {
    const next = open(trace);
    setProblem(next.problem);
    if (next.problem === '') begin(next.opened);
  };
  const openFile = (file: File): void => void readFile(file).then(load, (error: Error) => setProblem(error.message));
  const jump = (what: 'fault' | 'trouble', direction: 1 | -1): void => {
    const test = what === 'fault' ? isFault : isTrouble;
    for (let count = 1; count <= steps.length; count++) {
      const index = (current + direction * count + steps.length) % steps.length;
      if (test(steps[index]!)) return goTo(index);
    }
  };
  // Whatever is looked at, the states before it are worked out in pauses: going back must not wait for them.
  useEffect(() => {
    let timer = 0;
    const work = (): void => {
      if (session.prepare(current, PREPARE_SLICE)) timer = window.setTimeout(work, PREPARE_PAUSE);
    };
    timer = window.setTimeout(work);
    return () => clearTimeout(timer);
  }, [session, steps, current, gpu]);
  const exportAs = (as: 'trace' | 'perfetto'): void => {
    const base = baseName(name).replaceAll(' ', '-');
    if (as === 'trace') saveFile(`${base}.jsonl`, session.trace(), 'application/x-ndjson');
    else
      saveFile(
        `${base}.perfetto.json`,
        JSON.stringify(chromeTraceOf(parseTrace(name, session.trace()), name)),
        'application/json',
      );
  };

  // With the layout, not after the next frame: a second key press may come before that.
  useLayoutEffect(() => {
    const onKey = (key: KeyboardEvent): void => {
      const { target } = key;
      if (
        key.ctrlKey ||
        key.altKey ||
        key.metaKey ||
        (target instanceof HTMLElement && target.closest('input, select, textarea') !== null)
      )
        return;
      const actions: Readonly<Record<string, () => void>> = {
        j: () => current < steps.length - 1 && goTo(current + 1),
        k: () => current > 0 && goTo(current - 1),
        f: () => jump('fault', 1),
        F: () => jump('fault', -1),
        h: () => jump('trouble', 1),
        H: () => jump('trouble', -1),
      };
      actions[key.key]?.();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  });

  return (
    <div
      class="app"
      onDragOver={(drag) => drag.preventDefault()}
      onDrop={(drop) => {
        drop.preventDefault();
        const [file] = drop.dataTransfer?.files ?? [];
        if (file === undefined) setProblem('what was dropped is no file: drop a trace, plain or gzip');
        else openFile(file);
      }}
    >
      <Toolbar
        name={name}
        current={current}
        count={steps.length}
        faults={faults}
        troubles={troubles}
        gpus={session.gpus}
        gpu={gpu}
        theme={theme}
        onGpu={(shown) => {
          session.selectGpu(shown);
          setGpu(shown);
        }}
        onTheme={setTheme}
        onStep={goTo}
        onJump={jump}
        onExport={exportAs}
        onOpen={openFile}
        onNew={(asic) => begin({ name: 'new session', session: emptySession(asic) })}
      />
      {problem !== '' && (
        <p role="alert" class="problem">
          {problem}{' '}
          <button type="button" onClick={() => setProblem('')}>
            dismiss
          </button>
        </p>
      )}
      <main>
        <Timeline
          steps={steps}
          current={current}
          event={event}
          showEvents={showEvents}
          theme={shownTheme}
          onShowEvents={(show) => {
            setShowEvents(show);
            setEvent(-1);
          }}
          onSelect={goTo}
        />
        <div class="middle">
          <SpaceMap
            occupied={occupied}
            lanes={state.lanes}
            changes={state.changes}
            attribute={attribute}
            place={place}
            selected={selected}
            theme={shownTheme}
            onSelect={setWanted}
          />
          <Legend attribute={attribute} hasVram={state.lanes.memory.length > 0} onAttribute={setAttribute} />
          <HandPanel
            current={current}
            gpu={gpu}
            dropped={steps.length - 1 - current}
            canUndo={session.canUndo}
            target={selected ?? place}
            onRun={(source) => goTo(session.runAfter(current, source))}
            onUndo={() => {
              session.undo();
              goTo(session.steps.length - 1);
            }}
          />
          <Objects lanes={state.lanes} changes={state.changes} selected={selected} onSelect={setWanted} />
        </div>
        <Details
          index={current}
          step={step}
          state={state}
          selected={selected}
          gcMajor={session.gcMajor}
          onStep={goTo}
        />
      </main>
      <div class="hidden" role="status">
        {stepSentence(step, current, steps.length)}
        {selected === undefined ? '' : `. Selected ${itemSentence(selected)}`}
      </div>
    </div>
  );
}
