/** The head of the page: files, steps, jumps. */
import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import { GPU_CATALOGUE, formatGcVersion } from '../../../emulator/index.ts';
import type { AsicName } from '../../../emulator/index.ts';

export type Theme = 'auto' | 'light' | 'dark';

interface ToolbarProps {
  readonly name: string;
  readonly current: number;
  readonly count: number;
  readonly faults: number;
  readonly troubles: number;
  /** GPUs of the machine, and the one that is looked at. */
  readonly gpus: number;
  readonly gpu: number;
  readonly theme: Theme;
  readonly onGpu: (gpu: number) => void;
  readonly onTheme: (theme: Theme) => void;
  readonly onStep: (step: number) => void;
  readonly onJump: (what: 'fault' | 'trouble', direction: 1 | -1) => void;
  readonly onOpen: (file: File) => void;
  readonly onNew: (asic: AsicName) => void;
  readonly onExport: (as: 'trace' | 'perfetto') => void;
}

const MODELS = Object.entries(GPU_CATALOGUE).filter(([, model]) => model.gc.major === 9);

export function Toolbar(props: ToolbarProps): JSX.Element {
  const { name, current, count, faults, troubles, gpus, gpu, theme } = props;
  const input = useRef<HTMLInputElement>(null);
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
        <button type="button" onClick={() => props.onStep(0)} disabled={current === 0} aria-label="first operation">
          «
        </button>
        <button
          type="button"
          onClick={() => props.onStep(current - 1)}
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
              props.onStep(Math.min(count, Math.max(1, Math.floor(Number(event.currentTarget.value) || 1))) - 1)
            }
          />
        </label>
        <span class="of">of {count}</span>
        <button
          type="button"
          onClick={() => props.onStep(current + 1)}
          disabled={current >= count - 1}
          aria-label="next operation"
          title="j"
        >
          ›
        </button>
        <button
          type="button"
          onClick={() => props.onStep(count - 1)}
          disabled={current >= count - 1}
          aria-label="last operation"
        >
          »
        </button>
      </div>
      <div class="steps" role="group" aria-label={`${faults} operations with faults`}>
        <button
          type="button"
          onClick={() => props.onJump('fault', -1)}
          disabled={faults === 0}
          aria-label="previous fault"
          title="F"
        >
          ‹
        </button>
        <span class="of">
          {faults} fault{faults === 1 ? '' : 's'}
        </span>
        <button
          type="button"
          onClick={() => props.onJump('fault', 1)}
          disabled={faults === 0}
          aria-label="next fault"
          title="f"
        >
          ›
        </button>
      </div>
      <div class="steps" role="group" aria-label={`${troubles} hazards and differences`}>
        <button
          type="button"
          onClick={() => props.onJump('trouble', -1)}
          disabled={troubles === 0}
          aria-label="previous hazard"
          title="H"
        >
          ‹
        </button>
        <span class="of">
          {troubles} hazard{troubles === 1 ? '' : 's'}
        </span>
        <button
          type="button"
          onClick={() => props.onJump('trouble', 1)}
          disabled={troubles === 0}
          aria-label="next hazard"
          title="h"
        >
          ›
        </button>
      </div>
      {gpus > 1 && (
        <label>
          <span class="hidden">GPU that is shown, and that operations by hand go to</span>
          <select name="gpu" value={gpu} onChange={(event) => props.onGpu(Number(event.currentTarget.value))}>
            {Array.from({ length: gpus }, (_, index) => (
              <option key={index} value={index}>
                GPU {index}
              </option>
            ))}
          </select>
        </label>
      )}
      <span class="spring" />
      <button type="button" onClick={() => input.current!.click()}>
        Open…
      </button>
      <input
        ref={input}
        hidden
        type="file"
        accept=".jsonl,.gz"
        aria-label="trace file"
        onChange={(event) => {
          const [file] = event.currentTarget.files ?? [];
          if (file !== undefined) props.onOpen(file);
          event.currentTarget.value = '';
        }}
      />
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
              props.onNew(device.current!.value as AsicName);
              event.currentTarget.closest('details')!.open = false;
            }}
          >
            start an empty session
          </button>
        </div>
      </details>
      <button type="button" onClick={() => props.onExport('trace')} title="a trace that amdgpu-svm replay accepts">
        Export trace
      </button>
      <button type="button" onClick={() => props.onExport('perfetto')} title="Chrome JSON for ui.perfetto.dev">
        Perfetto
      </button>
      <label>
        <span class="hidden">theme</span>
        <select name="theme" value={theme} onChange={(event) => props.onTheme(event.currentTarget.value as Theme)}>
          <option value="auto">auto</option>
          <option value="light">light</option>
          <option value="dark">dark</option>
        </select>
      </label>
    </header>
  );
}
