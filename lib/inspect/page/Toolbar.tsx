/** The head of the page: files, steps, jumps. */
import type { ComponentChildren, JSX, Ref } from 'preact';
import { useRef } from 'preact/hooks';
import { GPU_CATALOGUE, formatGcVersion } from '../../../emulator/index.ts';
import type { AsicName } from '../../../emulator/index.ts';
import type { JumpTarget, StepMarks } from '../model/marks.ts';
import type { PageActions } from './page-actions.ts';
import type { Theme } from './theme.ts';

interface ToolbarProps {
  readonly name: string;
  readonly current: number;
  readonly count: number;
  readonly onStep: (step: number) => void;
  readonly page: PageActions;
  readonly onHelp: () => void;
  /** What else belongs to the operations that are shown. */
  readonly children?: ComponentChildren;
  /** What is done with the whole of it. */
  readonly actions?: ComponentChildren;
}

const MODELS = Object.entries(GPU_CATALOGUE).filter(([, model]) => model.gc.major === 9);

export function Toolbar({ name, current, count, onStep, page, onHelp, children, actions }: ToolbarProps): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const other = useRef<HTMLInputElement>(null);
  const device = useRef<HTMLSelectElement>(null);
  return (
    <header class="toolbar">
      <h1>
        amdgpu-svm <span>inspect</span>
      </h1>
      <span class="file" title={name}>
        {name}
      </span>
      <div class="steps" role="group" aria-label="Steps">
        <button type="button" onClick={() => onStep(0)} disabled={current === 0} aria-label="first operation">
          «
        </button>
        <button
          type="button"
          onClick={() => onStep(current - 1)}
          disabled={current === 0}
          aria-label="previous operation"
          title="k"
        >
          ‹
        </button>
        <label>
          <span class="hidden">operation</span>
          <input
            name="step"
            type="number"
            min={1}
            max={count}
            value={current + 1}
            onChange={(event) =>
              onStep(Math.min(count, Math.max(1, Math.floor(Number(event.currentTarget.value) || 1))) - 1)
            }
          />
        </label>
        <span class="of">of {count}</span>
        <button
          type="button"
          onClick={() => onStep(current + 1)}
          disabled={current >= count - 1}
          aria-label="next operation"
          title="j"
        >
          ›
        </button>
        <button
          type="button"
          onClick={() => onStep(count - 1)}
          disabled={current >= count - 1}
          aria-label="last operation"
        >
          »
        </button>
      </div>
      {children}
      <span class="spring" />
      <button type="button" onClick={() => input.current!.click()}>
        Open…
      </button>
      <FileInput label="trace file" input={input} onFile={page.openFile} />
      <button
        type="button"
        title="another trace next to this one, with the first difference marked"
        onClick={() => other.current!.click()}
      >
        Compare…
      </button>
      <FileInput label="file to compare with" input={other} onFile={page.compareWith} />
      <details class="menu">
        <summary>New</summary>
        <div>
          <label>
            <span>device</span>
            <select ref={device} name="device">
              {MODELS.map(([asic, model]) => (
                <option key={asic} value={asic} selected={asic === 'gfx942'}>
                  {asic} (GC {formatGcVersion(model.gc)})
                </option>
              ))}
            </select>
          </label>
          <button
            type="button"
            class="primary"
            onClick={(event) => {
              page.begin(device.current!.value as AsicName);
              event.currentTarget.closest('details')!.open = false;
            }}
          >
            start an empty session
          </button>
        </div>
      </details>
      {actions}
      <label>
        <span class="hidden">theme</span>
        <select name="theme" value={page.wish} onChange={(event) => page.setTheme(event.currentTarget.value as Theme)}>
          <option value="auto">auto</option>
          <option value="light">light</option>
          <option value="dark">dark</option>
        </select>
      </label>
      <button type="button" aria-label="help" title="?" onClick={onHelp}>
        ?
      </button>
    </header>
  );
}

function FileInput({
  label,
  input,
  onFile,
}: {
  label: string;
  input: Ref<HTMLInputElement>;
  onFile: (file: File) => void;
}): JSX.Element {
  return (
    <input
      ref={input}
      hidden
      type="file"
      accept=".jsonl,.gz"
      aria-label={label}
      onChange={(event) => {
        const [file] = event.currentTarget.files ?? [];
        if (file !== undefined) onFile(file);
        event.currentTarget.value = '';
      }}
    />
  );
}

/** Leads from fault to fault and from hazard to hazard. */
export function Jumps({
  marks,
  onJump,
}: {
  marks: StepMarks;
  onJump: (target: JumpTarget, direction: 1 | -1) => void;
}): JSX.Element {
  const kinds = [
    { target: 'fault', word: 'fault', count: marks.faults, keys: 'fF', what: 'operations with faults' },
    { target: 'trouble', word: 'hazard', count: marks.troubles, keys: 'hH', what: 'hazards and differences' },
  ] as const;
  return (
    <>
      {kinds.map(({ target, word, count, keys, what }) => (
        <div key={target} class="steps" role="group" aria-label={`${count} ${what}`}>
          <button
            type="button"
            onClick={() => onJump(target, -1)}
            disabled={count === 0}
            aria-label={`previous ${word}`}
            title={keys[1]}
          >
            ‹
          </button>
          <span class="of">
            {count} {word}
            {count === 1 ? '' : 's'}
          </span>
          <button
            type="button"
            onClick={() => onJump(target, 1)}
            disabled={count === 0}
            aria-label={`next ${word}`}
            title={keys[0]}
          >
            ›
          </button>
        </div>
      ))}
    </>
  );
}

/** The choice of a GPU, where there are several. */
export function GpuChoice({
  gpus,
  gpu,
  onGpu,
}: {
  gpus: number;
  gpu: number;
  onGpu: (gpu: number) => void;
}): JSX.Element | null {
  if (gpus < 2) return null;
  return (
    <label>
      <span class="hidden">GPU that is shown, and that operations by hand go to</span>
      <select name="gpu" value={gpu} onChange={(event) => onGpu(Number(event.currentTarget.value))}>
        {Array.from({ length: gpus }, (_, index) => (
          <option key={index} value={index}>
            GPU {index}
          </option>
        ))}
      </select>
    </label>
  );
}
