// Models: nothing - it turns what becomes of VRAM and of the pages in it into events.
import { QuietEffects } from '../kernel/effects.ts';
import { addressOfPage } from '../kernel/page-number.ts';
import { NOTIFIER_EVENT_NAMES } from './events.ts';
import type { EventMap, EventName, IntervalEvent } from './events.ts';

/** Who is told of an event. */
export interface EventTarget {
  /** Whether somebody listens to events of that name. */
  has(name: EventName): boolean;
  emit<Name extends EventName>(name: Name, event: EventMap[Name]): void;
}

/** Listens to the VRAM of one device, or to the memory of the process. */
export class MemoryEventSink extends QuietEffects {
  readonly #events: EventTarget;
  readonly #device: number;

  /** `device`: the number of the GPU whose VRAM it is; 0 for the process. */
  constructor(events: EventTarget, device: number) {
    super();
    this.#events = events;
    this.#device = device;
  }

  override bufferAllocated(offset: number, pages: number): void {
    this.#events.emit('vram-allocated', bytes(this.#device, offset, pages));
  }
  override bufferFreed(offset: number, pages: number): void {
    this.#events.emit('vram-freed', bytes(this.#device, offset, pages));
  }
  override evictionBegan(offset: number, pages: number): void {
    this.#events.emit('eviction-began', bytes(this.#device, offset, pages));
  }
  override evictionEnded(offset: number, result: number): void {
    this.#events.emit('eviction-ended', { ...bytes(this.#device, offset, 0), result });
  }
  override copied(toVram: boolean, offset: number, pages: number): void {
    this.#events.emit('pages-copied', { ...bytes(this.#device, offset, pages), to: toVram ? 'vram' : 'system' });
  }
  override migrationAnnounced(event: number, startPage: number, endPage: number): void {
    // An eviction has one for each page.
    if (!this.#events.has('migration-announced')) return;
    const interval = bytes(this.#device, startPage, endPage - startPage);
    this.#events.emit('migration-announced', { ...interval, kind: NOTIFIER_EVENT_NAMES[event]! });
  }
  override movedToVram(startPage: number, pages: number, gpu: number): void {
    this.#events.emit('moved-to-vram', bytes(gpu, startPage, pages));
  }
  override movedToRam(startPage: number, pages: number, gpu: number): void {
    this.#events.emit('moved-to-ram', bytes(gpu, startPage, pages));
  }
}

function bytes(device: number, startPage: number, pages: number): IntervalEvent {
  return { device, address: addressOfPage(startPage), size: addressOfPage(pages) };
}
