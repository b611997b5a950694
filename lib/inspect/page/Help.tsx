/** What the keys do, and what can be searched for. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

const GROUPS: readonly (readonly [title: string, keys: readonly (readonly [keys: string, what: string])[]])[] = [
  [
    'Anywhere',
    [
      ['j  k', 'next, previous operation'],
      ['f  F', 'next, previous fault'],
      ['h  H', 'next, previous hazard or difference'],
      ['/', 'search'],
      ['n  N', 'next, previous operation that the search has found'],
      ['d', 'the first difference, where two traces are compared'],
      ['?', 'this help'],
    ],
  ],
  [
    'In a list',
    [
      ['↑  ↓', 'the row before, after'],
      ['Page Up  Page Down', 'a page of them'],
      ['Home  End', 'the first, the last'],
    ],
  ],
  [
    'In the map',
    [
      ['←  →', 'the item before, after'],
      ['↑  ↓', 'another lane'],
      ['+  −', 'zoom, as the wheel does'],
      ['Page Up  Page Down', 'move; also shift and wheel, or drag'],
      ['Enter', 'zoom to what is selected'],
      ['Home', 'show everything'],
      ['Escape', 'select nothing'],
    ],
  ],
  [
    'On the border of a pane',
    [
      ['arrow keys', 'move it'],
      ['Home  End', 'as far as it goes'],
      ['Enter', 'the usual size'],
    ],
  ],
  [
    'Words of a search',
    [
      ['munmap EINVAL', 'operations that say both: name, place, answer, events'],
      ['0x10001000', 'operations that are about this address'],
      ['Q35', 'operations that met this quirk'],
    ],
  ],
];

export function Help({ onClose }: { onClose: () => void }): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current!.showModal(), []);
  return (
    <dialog
      ref={dialog}
      class="help"
      aria-label="Keys and search"
      onClose={onClose}
      onKeyDown={(event) => event.key === '?' && dialog.current!.close()}
      onClick={(event) => event.target === dialog.current && dialog.current!.close()}
    >
      <div>
        <header>
          <h2>Keys and search</h2>
          <button type="button" onClick={() => dialog.current!.close()}>
            close
          </button>
        </header>
        <div class="groups">
          {GROUPS.map(([title, keys]) => (
            <section key={title}>
              <h3>{title}</h3>
              <dl>
                {keys.map(([key, what]) => (
                  <div key={key}>
                    <dt>
                      {key.split(/ {2}/).map((each) => (
                        <kbd key={each}>{each}</kbd>
                      ))}
                    </dt>
                    <dd>{what}</dd>
                  </div>
                ))}
              </dl>
            </section>
          ))}
        </div>
        <p class="note">
          The address of the page says what is looked at: operation, selection, zoom and search. Reload it, or send it
          with a report, and the view is the same.
        </p>
      </div>
    </dialog>
  );
}
