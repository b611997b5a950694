/** One session to work with: time line, address space, details, operations by hand. */
import type { JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { chromeTraceOf } from '../../trace/export/chrome-exporter.ts';
import { parseTrace } from '../../trace/format/parse-trace.ts';
import { stepSentence } from '../model/describe.ts';
import type { LoadedSession } from '../model/loading.ts';
import { firstLook, fragmentOf, lookOf } from '../model/look.ts';
import type { Part } from '../model/look.ts';
import type { JumpTarget } from '../model/marks.ts';
import type { PageActions } from './page-actions.ts';
import { Details } from './Details.tsx';
import { baseName, saveFile } from './files.ts';
import { HandPanel } from './HandPanel.tsx';
import { Help } from './Help.tsx';
import { Legend } from './Legend.tsx';
import { Objects } from './Objects.tsx';
import { itemSentence, MAP_HEIGHT, SpaceMap } from './SpaceMap.tsx';
import { Splitter, usePanes } from './Splitter.tsx';
import { Timeline } from './Timeline.tsx';
import { GpuChoice, Jumps, Toolbar } from './Toolbar.tsx';
import { useAddress } from './use-address.ts';
import { useKeys } from './use-keys.ts';
import { useLook } from './use-look.ts';
import { useWidth } from './use-width.ts';

interface WorkbenchProps {
  readonly opened: LoadedSession;
  /** What the address says of the view. */
  readonly fragment: string;
  readonly theme: string;
  readonly page: PageActions;
}

const LEAST_PANE = 220;
const LEAST_MIDDLE = 360;

export function Workbench({ opened, fragment, theme, page }: WorkbenchProps): JSX.Element {
  const { name, session } = opened;
  const [first] = useState(() =>
    lookOf(fragment, firstLook(opened.start), { steps: session.steps.length, gpus: session.gpus }),
  );
  const shown = useLook(session, first);
  const { look, steps, step, state, selected, place, marks, change, goTo } = shown;
  const current = look.step;
  // Not part of what is rendered: a zoom changes it with every frame.
  const part = useRef<Part | undefined>(first.part);
  const addressChanged = useAddress(() => fragmentOf({ ...look, part: part.current }));
  const [help, setHelp] = useState(false);
  const [panes, setPane] = usePanes();
  const width = useWidth();

  const jump = (target: JumpTarget, direction: 1 | -1): void => {
    const next = marks.next(target, current, direction);
    if (next !== undefined) goTo(next);
  };
  useKeys({
    j: () => current < steps.length - 1 && goTo(current + 1),
    k: () => current > 0 && goTo(current - 1),
    f: () => jump('fault', 1),
    F: () => jump('fault', -1),
    h: () => jump('trouble', 1),
    H: () => jump('trouble', -1),
    '?': () => setHelp(true),
  });
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

  const timeLine = panes.timeLine ?? Math.min(560, Math.max(300, width * 0.33));
  const details = panes.details ?? Math.min(420, Math.max(270, width * 0.2));
  const map = panes.map ?? MAP_HEIGHT;
  return (
    <>
      <Toolbar
        name={name}
        current={current}
        count={steps.length}
        onStep={goTo}
        page={page}
        onHelp={() => setHelp(true)}
        actions={
          <>
            <button type="button" onClick={() => exportAs('trace')} title="a trace that amdgpu-svm replay accepts">
              Export trace
            </button>
            <button type="button" onClick={() => exportAs('perfetto')} title="Chrome JSON for ui.perfetto.dev">
              Perfetto
            </button>
          </>
        }
      >
        <Jumps marks={marks} onJump={jump} />
        <GpuChoice gpus={session.gpus} gpu={look.gpu} onGpu={(gpu) => change({ gpu })} />
      </Toolbar>
      <main style={{ gridTemplateColumns: `${timeLine}px auto minmax(0, 1fr) auto ${details}px` }}>
        <Timeline id="operations" title="Time line" shown={shown} theme={theme} hasKeys onSelect={goTo} />
        <Splitter
          label="width of the time line"
          orientation="vertical"
          size={timeLine}
          least={LEAST_PANE}
          most={Math.max(LEAST_PANE, width - details - LEAST_MIDDLE)}
          onSize={(size) => setPane('timeLine', size)}
        />
        <div class="middle">
          <SpaceMap
            shown={shown}
            height={map}
            part={first.part}
            theme={theme}
            onPart={(next) => {
              part.current = next;
              addressChanged();
            }}
          />
          <Splitter
            label="height of the map"
            orientation="horizontal"
            size={map}
            least={200}
            most={700}
            onSize={(size) => setPane('map', size)}
          />
          <Legend
            attribute={look.colour}
            hasVram={state.lanes.memory.length > 0}
            onAttribute={(colour) => change({ colour })}
          />
          <HandPanel
            current={current}
            gpu={look.gpu}
            dropped={steps.length - 1 - current}
            canUndo={session.canUndo}
            target={selected ?? place}
            onRun={(source) => goTo(session.runAfter(current, source))}
            onUndo={() => {
              session.undo();
              goTo(session.steps.length - 1);
            }}
          />
          <Objects id="objects" shown={shown} />
        </div>
        <Splitter
          label="width of the details"
          orientation="vertical"
          size={details}
          least={LEAST_PANE}
          most={Math.max(LEAST_PANE, width - timeLine - LEAST_MIDDLE)}
          isAfter
          onSize={(size) => setPane('details', size)}
        />
        <Details shown={shown} onStep={goTo} />
      </main>
      {help && <Help onClose={() => setHelp(false)} />}
      <div class="hidden" role="status">
        {stepSentence(step, current, steps.length)}
        {selected === undefined ? '' : `. Selected ${itemSentence(selected)}`}
      </div>
    </>
  );
}
