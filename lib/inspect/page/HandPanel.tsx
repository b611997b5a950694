/** The form that runs operations by hand. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { address } from '../model/format.ts';
import { HAND_OPERATIONS, handOperation } from '../model/hand.ts';
import type { HandValues } from '../model/hand.ts';
import type { Place } from '../model/describe.ts';

interface HandPanelProps {
  readonly current: number;
  /** Where operations on a GPU go to. */
  readonly gpu: number;
  /** Operations after the current one, which running another here drops. */
  readonly dropped: number;
  readonly canUndo: boolean;
  readonly target: Place | undefined;
  /** Runs the operation; what it throws is shown. */
  readonly onRun: (source: object) => void;
  readonly onUndo: () => void;
}

export function HandPanel({ current, gpu, dropped, canUndo, target, onRun, onUndo }: HandPanelProps): JSX.Element {
  const [name, setName] = useState('mmap');
  const [values, setValues] = useState<HandValues>({});
  const [problem, setProblem] = useState('');
  const operation = HAND_OPERATIONS.find((each) => each.name === name)!;
  const hasPlace = operation.fields.some((field) => field.name === 'addr');

  const run = (event: Event): void => {
    event.preventDefault();
    try {
      onRun(handOperation(name, values, gpu));
      setProblem('');
    } catch (error) {
      setProblem((error as Error).message);
    }
  };

  return (
    <section class="hand" aria-label="Run an operation">
      <form onSubmit={run}>
        <h2>Run by hand</h2>
        <label>
          <span>operation</span>
          <select name="operation" value={name} onChange={(event) => setName(event.currentTarget.value)}>
            {HAND_OPERATIONS.map((each) => (
              <option key={each.name} value={each.name}>
                {each.label}
              </option>
            ))}
          </select>
        </label>
        {operation.fields.map((field) => {
          const value = values[field.name] ?? field.initial;
          const set = (text: string): void => setValues({ ...values, [field.name]: text });
          return (
            <label key={field.name}>
              <span>{field.label}</span>
              {field.choices === undefined ? (
                <input
                  name={field.name}
                  value={value}
                  size={field.name === 'addr' ? 16 : 9}
                  spellcheck={false}
                  onInput={(event) => set(event.currentTarget.value)}
                />
              ) : (
                <select name={field.name} value={value} onChange={(event) => set(event.currentTarget.value)}>
                  {field.choices.map(([choice, words]) => (
                    <option key={choice} value={choice}>
                      {words}
                    </option>
                  ))}
                </select>
              )}
            </label>
          );
        })}
        {hasPlace && (
          <button
            type="button"
            disabled={target === undefined}
            title="take address and size of what is selected"
            onClick={() =>
              target !== undefined &&
              setValues({
                ...values,
                addr: address(target.page).replace('_', ''),
                len: `0x${(target.pages * 4096).toString(16)}`,
              })
            }
          >
            take selection
          </button>
        )}
        <button type="submit" class="primary">
          Run after operation {current + 1}
        </button>
        <button type="button" disabled={!canUndo} onClick={onUndo}>
          undo
        </button>
        {dropped > 0 && (
          <span class="note">
            replaces the {dropped} operation{dropped === 1 ? '' : 's'} after it
          </span>
        )}
      </form>
      <p role="alert" class="bad">
        {problem}
      </p>
    </section>
  );
}
