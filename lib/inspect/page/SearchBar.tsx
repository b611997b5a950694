/** The search over the time line. */
import type { JSX, Ref } from 'preact';
import { ONLY_WORDS } from '../model/search.ts';
import type { Filter, StepSearch } from '../model/search.ts';

interface SearchBarProps {
  readonly search: StepSearch;
  readonly filter: Filter;
  /** Operations that are found, of so many; undefined where nothing is asked for. */
  readonly found: number | undefined;
  readonly count: number;
  readonly input: Ref<HTMLInputElement>;
  readonly onFilter: (filter: Filter) => void;
  readonly onNext: (direction: 1 | -1) => void;
}

export function SearchBar({ search, filter, found, count, input, onFilter, onNext }: SearchBarProps): JSX.Element {
  return (
    <div class="search" role="search" aria-label="Search operations">
      <input
        ref={input}
        type="search"
        name="find"
        placeholder="words, Q35, 0x10000000"
        aria-label="words, a quirk or an address"
        title="/"
        spellcheck={false}
        value={filter.text}
        onInput={(event) => onFilter({ ...filter, text: event.currentTarget.value })}
        onKeyDown={(event) => {
          if (event.key === 'Enter') onNext(event.shiftKey ? -1 : 1);
          else if (event.key === 'Escape') event.currentTarget.blur();
        }}
      />
      <select
        name="kind"
        aria-label="kind of operation"
        value={filter.kind}
        onChange={(event) => onFilter({ ...filter, kind: event.currentTarget.value })}
      >
        <option value="">all kinds</option>
        {search.kinds.map(([name, times]) => (
          <option key={name} value={name}>
            {name} ({times})
          </option>
        ))}
      </select>
      <select
        name="only"
        aria-label="what operations met"
        value={filter.only}
        onChange={(event) => onFilter({ ...filter, only: event.currentTarget.value })}
      >
        <option value="">any outcome</option>
        {Object.entries(ONLY_WORDS).map(([what, words]) => (
          <option key={what} value={what}>
            {words}
          </option>
        ))}
        {search.quirks.map(([quirk, times]) => (
          <option key={quirk} value={quirk}>
            {quirk} ({times})
          </option>
        ))}
      </select>
      {found !== undefined && (
        <>
          <button type="button" aria-label="previous found" title="N" disabled={found === 0} onClick={() => onNext(-1)}>
            ‹
          </button>
          <button type="button" aria-label="next found" title="n" disabled={found === 0} onClick={() => onNext(1)}>
            ›
          </button>
          <span class="note found" aria-live="polite">
            {found.toLocaleString('en')} of {count.toLocaleString('en')}
          </span>
          <button type="button" onClick={() => onFilter({ text: '', kind: '', only: '' })}>
            all
          </button>
        </>
      )}
    </div>
  );
}
