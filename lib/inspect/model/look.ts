/** What of a session is looked at, and the same as the fragment of an address: reloaded or shared, it gives the same view. */
import type { Place } from './describe.ts';
import { ATTRIBUTE_COLOURS, LANES } from './lanes.ts';
import type { AttributeColour, LaneName } from './lanes.ts';
import { EVERYTHING, isEverything } from './search.ts';
import type { Filter } from './search.ts';

/** Something of a lane, by its place. */
export interface ItemPlace extends Place {
  readonly lane: LaneName;
}

/** A part of the address space: pages, with fractions. */
export interface Part {
  readonly firstPage: number;
  readonly lastPage: number;
}

/** What is looked at. */
export interface Look {
  readonly step: number;
  /** The selected event of the operation, -1 for none. */
  readonly event: number;
  readonly gpu: number;
  readonly selected: ItemPlace | undefined;
  /** What the map shows; undefined: everything. */
  readonly part: Part | undefined;
  readonly compress: boolean;
  readonly showEvents: boolean;
  readonly colour: AttributeColour;
  readonly filter: Filter;
}

/** How a session opens. */
export function firstLook(step: number): Look {
  return {
    step,
    event: -1,
    gpu: 0,
    selected: undefined,
    part: undefined,
    compress: true,
    showEvents: true,
    colour: 'access',
    filter: EVERYTHING,
  };
}

/** Names of the fragment. Those of the second of two traces begin with "b-". */
const NAMES = ['op', 'event', 'gpu', 'select', 'map', 'gaps', 'events', 'colour', 'find', 'kind', 'only'] as const;
type Name = (typeof NAMES)[number];

/** The fragment, without '#'; `prefix` before each name. */
export function fragmentOf(look: Look, prefix = ''): string {
  const values: Record<Name, string> = {
    op: String(look.step + 1),
    event: look.event < 0 ? '' : String(look.event + 1),
    gpu: look.gpu === 0 ? '' : String(look.gpu),
    select:
      look.selected === undefined
        ? ''
        : `${look.selected.lane}:${hexOf(look.selected.page)}:${hexOf(look.selected.pages)}`,
    map: look.part === undefined ? '' : `${hexOf(look.part.firstPage)}-${hexOf(look.part.lastPage)}`,
    gaps: look.compress ? '' : 'full',
    events: look.showEvents ? '' : 'no',
    colour: look.colour === 'access' ? '' : look.colour,
    find: look.filter.text,
    kind: look.filter.kind,
    only: look.filter.only,
  };
  const parameters = new URLSearchParams();
  for (const name of NAMES) if (values[name] !== '') parameters.set(prefix + name, values[name]);
  // What an address may hold as it is, is easier to read.
  return parameters.toString().replaceAll('%3A', ':');
}

/** What a fragment says of a session with so many operations and GPUs; what it does not say, or says wrongly, is as in `first`. */
export function lookOf(
  fragment: string,
  first: Look,
  { steps, gpus }: { readonly steps: number; readonly gpus: number },
  prefix = '',
): Look {
  const parameters = new URLSearchParams(fragment.replace(/^#/, ''));
  const get = (name: Name): string => parameters.get(prefix + name) ?? '';
  const numberIn = (name: Name, least: number, most: number, otherwise: number): number => {
    const value = /^\d+$/.test(get(name)) ? Number(get(name)) : NaN;
    return value >= least && value <= most ? value : otherwise;
  };
  const filter: Filter = { text: get('find'), kind: get('kind'), only: get('only') };
  return {
    step: numberIn('op', 1, steps, first.step + 1) - 1,
    event: numberIn('event', 1, Number.MAX_SAFE_INTEGER, 0) - 1,
    gpu: numberIn('gpu', 0, gpus - 1, first.gpu),
    selected: itemIn(get('select')) ?? first.selected,
    part: partIn(get('map')) ?? first.part,
    compress: get('gaps') === 'full' ? false : first.compress,
    showEvents: get('events') === 'no' ? false : first.showEvents,
    colour: ATTRIBUTE_COLOURS.find((each) => each === get('colour')) ?? first.colour,
    filter: isEverything(filter) ? first.filter : filter,
  };
}

const PAGE_BYTES = 4096;

/** Pages, with a fraction, as bytes. */
function hexOf(pages: number): string {
  return `0x${Math.round(pages * PAGE_BYTES).toString(16)}`;
}

function itemIn(text: string): ItemPlace | undefined {
  const [, lane, page, pages] = /^(\w+):(0x[0-9a-f]{1,13}):(0x[0-9a-f]{1,13})$/.exec(text) ?? [];
  const known = LANES.find((each) => each === lane);
  if (known === undefined) return undefined;
  return { lane: known, page: Number(page) / PAGE_BYTES, pages: Number(pages) / PAGE_BYTES };
}

function partIn(text: string): Part | undefined {
  const [, first, last] = /^(0x[0-9a-f]{1,13})-(0x[0-9a-f]{1,13})$/.exec(text) ?? [];
  if (first === undefined || !(Number(last) > Number(first))) return undefined;
  return { firstPage: Number(first) / PAGE_BYTES, lastPage: Number(last) / PAGE_BYTES };
}
