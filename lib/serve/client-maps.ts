/** The mappings of a client as they were seen last, and what another look at them brings to light. */
import type { VmaKind } from '../../emulator/index.ts';
import { MappingQuery } from './mapping-query.ts';
import type { MappingAnswer } from './mapping-query.ts';
import { compareMaps, parseMaps } from './proc-maps.ts';
import type { MappedArea, MapsChange } from './proc-maps.ts';

/** The process that is looked at. */
export interface MapsSource {
  /** /proc/PID/maps, open. */
  readonly mapsFile: number;
  /** The mappings as text, valid until the next call; empty when the address space is gone. */
  readMaps(): Uint8Array;
  /** Kind of the mapping of a device file at `start` (hexadecimal). */
  specialKind(start: string): VmaKind;
}

/** The mappings of the pages `[startPage, endPage)` are `areas` now. */
export interface KnownAreas {
  readonly startPage: number;
  readonly endPage: number;
  readonly areas: readonly MappedArea[];
}

/** What a look at everything has found: nothing new, or news; or the address space is gone. */
type Found = (KnownAreas & MapsChange) | 'same' | 'gone';

/** Pages that something is to be known of. */
interface PageInterval {
  readonly startPage: number;
  readonly endPage: number;
}

export class ClientMaps {
  readonly #source: MapsSource;
  readonly #served: string | undefined;
  readonly #query: MappingQuery | undefined;
  #text: Buffer = Buffer.alloc(0);
  #areas: readonly MappedArea[] = [];

  /** `served`: the file system whose files stand for device memory. */
  constructor(source: MapsSource, served?: string) {
    this.#source = source;
    this.#served = served;
    this.#query = MappingQuery.of(source.mapsFile);
  }

  /** The area that has the page, as it was seen last. */
  at(page: number): MappedArea | undefined {
    const area = this.#areas[this.#indexOf(page)];
    return area !== undefined && area.startPage <= page ? area : undefined;
  }

  /** Looks at all mappings. */
  lookAtAll(): Found {
    const text = this.#source.readMaps();
    if (text.length === 0) return 'gone';
    if (this.#text.equals(text)) return 'same';
    this.#text = Buffer.from(text);
    const areas = parseMaps(this.#text.toString('latin1'), this.#specialKind, this.#served);
    const change = compareMaps(this.#areas, areas);
    this.#areas = areas;
    return { ...change, startPage: 0, endPage: Number.POSITIVE_INFINITY, areas };
  }

  /**
   * Looks at the mappings of the intervals, which `next` gives one after the other: it is told which page it was looked up to.
   * 'done': nothing has vanished or has another protection; `added` was told what else there is. 'all': look at everything, since
   * something has, or the kernel cannot be asked, or that takes no longer. One event of the process is one event then.
   */
  lookAt(
    next: (lookedTo: number) => PageInterval | undefined,
    added: (news: KnownAreas) => void,
  ): 'done' | 'all' | 'gone' {
    if (this.#query === undefined) return 'all';
    // A question takes some 1.5 us, a line of the text 0.15 us.
    let questions = 16 + Math.floor(this.#areas.length / 10);
    for (let asked = next(0); asked !== undefined;) {
      let { startPage, endPage } = asked;
      const areas: MappedArea[] = [];
      for (let page = startPage; page < endPage;) {
        if (questions-- === 0) return 'all';
        const answer: MappingAnswer = this.#query.next(page, this.#specialKind, this.#served);
        if (answer === 'gone') return 'gone';
        if (answer === 'none' || answer.startPage >= endPage) break;
        areas.push(answer);
        startPage = Math.min(startPage, answer.startPage);
        page = answer.endPage;
        endPage = Math.max(endPage, page);
      }
      const found = this.#compare(startPage, endPage, areas);
      if (found === 'changed') return 'all';
      if (found === 'added') added({ startPage, endPage, areas });
      asked = next(endPage);
    }
    return 'done';
  }

  close(): void {
    this.#query?.close();
  }

  readonly #specialKind = (start: string): VmaKind => this.#source.specialKind(start);

  /** Index of the first area that ends after `page`. */
  #indexOf(page: number): number {
    let [low, high] = [0, this.#areas.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#areas[middle]!.endPage <= page) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Compares the pages with what was seen, and takes in what was added. */
  #compare(startPage: number, endPage: number, areas: readonly MappedArea[]): 'same' | 'added' | 'changed' {
    const from = this.#indexOf(startPage);
    let to = from;
    while (to < this.#areas.length && this.#areas[to]!.startPage < endPage) to++;
    const old = this.#areas.slice(from, to);
    if (old.length === areas.length && old.every((area, index) => isSame(area, areas[index]!))) return 'same';
    const clipped = old.map((area) => part(area, Math.max(area.startPage, startPage), Math.min(area.endPage, endPage)));
    const { vanished, reprotected } = compareMaps(clipped, areas);
    if (vanished.length + reprotected.length > 0) return 'changed';
    // What was seen of a neighbour outside stays as it was.
    const kept = (area: MappedArea | undefined, start: number, end: number): MappedArea[] =>
      area !== undefined && start < end ? [part(area, start, end)] : [];
    const [first, last] = [old[0], old.at(-1)];
    this.#areas = [
      ...this.#areas.slice(0, from),
      ...kept(first, first?.startPage ?? 0, Math.min(first?.endPage ?? 0, startPage)),
      ...areas,
      ...kept(last, Math.max(last?.startPage ?? 0, endPage), last?.endPage ?? 0),
      ...this.#areas.slice(to),
    ];
    // The text is not what is known any more.
    this.#text = Buffer.alloc(0);
    return 'added';
  }
}

function part(area: MappedArea, startPage: number, endPage: number): MappedArea {
  return { ...area, startPage, endPage };
}

function isSame(left: MappedArea, right: MappedArea): boolean {
  return (
    left.startPage === right.startPage &&
    left.endPage === right.endPage &&
    left.protection === right.protection &&
    left.backing === right.backing &&
    left.kind === right.kind
  );
}
