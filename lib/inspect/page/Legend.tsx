/** What the colours of the map mean; chooses the attribute that gives the attribute lane its colours. */
import type { JSX } from 'preact';
import { PTE_STATE_WORDS } from '../../words/faults.ts';
import { ATTRIBUTE_COLOURS, attributeLegend } from '../model/lanes.ts';
import type { AttributeColour } from '../model/lanes.ts';

const FIXED: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
  [
    'VMAs',
    [
      ['vma-writable', 'writable'],
      ['vma-readable', 'read-only'],
      ['vma-none', 'no access'],
    ],
  ],
  [
    'lies in',
    [
      ['memory-system', 'system'],
      ['memory-vram-0', 'VRAM of GPU 0, 2 ...'],
      ['memory-vram-1', 'of GPU 1, 3 ...'],
    ],
  ],
  [
    'ranges',
    [
      ['range-2m', '2 MiB'],
      ['range-64k', '64 KiB'],
      ['range-4k', '4 KiB'],
      ['half', 'half: not mapped'],
    ],
  ],
  [
    'PTEs',
    [
      ['pte-ok', PTE_STATE_WORDS.ok],
      ['pte-readonly', `${PTE_STATE_WORDS.ok}, read-only`],
      ...(['stale', 'perm', 'cow', 'orphan', 'nodma'] as const).map(
        (state) => [`pte-${state}`, PTE_STATE_WORDS[state]] as const,
      ),
    ],
  ],
  [
    'outline',
    [
      ['changed', 'changed here'],
      ['removed', 'gone'],
      ['selected', 'selected'],
    ],
  ],
];

interface LegendProps {
  readonly attribute: AttributeColour;
  /** Whether memory can lie in more than one place. */
  readonly hasVram: boolean;
  readonly onAttribute: (attribute: AttributeColour) => void;
}

export function Legend({ attribute, hasVram, onAttribute }: LegendProps): JSX.Element {
  return (
    <div class="legend">
      <label>
        <span>attributes by</span>
        <select
          name="colour"
          value={attribute}
          onChange={(event) => onAttribute(event.currentTarget.value as AttributeColour)}
        >
          {ATTRIBUTE_COLOURS.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
        </select>
      </label>
      <Group entries={attributeLegend(attribute).map(([number, words]) => [`set-${number}`, words])} />
      {FIXED.filter(([title]) => hasVram || title !== 'lies in').map(([title, entries]) => (
        <span key={title} class="group">
          <b>{title}</b> <Group entries={entries} outline={title === 'outline'} />
        </span>
      ))}
    </div>
  );
}

function Group({
  entries,
  outline = false,
}: {
  entries: readonly (readonly [string, string])[];
  outline?: boolean;
}): JSX.Element {
  return (
    <>
      {entries.map(([paint, words]) => (
        <span key={paint} class="entry">
          <i
            class={`swatch ${paint}${outline ? ' outline' : ''}`}
            style={outline ? { borderColor: `var(--${paint})` } : { background: `var(--${paint})` }}
          />{' '}
          {words}
        </span>
      ))}
    </>
  );
}
