// Models: nothing - what happened, as objects for people who listen (design §3, `.on`).
import type { EffectSink } from './kernel/effects.ts';
import { addressOfPage } from './kernel/page-number.ts';
import type { EmulatedDevice } from './drm/device.ts';
import type { EmulatedFile } from './drm/file.ts';

/** Bytes `[address, address + size)` on the device with number `device`. */
export interface IntervalEvent {
  readonly device: number;
  readonly address: bigint;
  /** Bytes. */
  readonly size: bigint;
}

/** Events by name. */
export interface EventMap {
  'notifier-inserted': IntervalEvent;
  'notifier-removed': IntervalEvent;
  'range-inserted': IntervalEvent;
  'range-removed': IntervalEvent;
  'ptes-written': IntervalEvent & { readonly flags: bigint };
  'ptes-zapped': IntervalEvent;
  'tlb-flushed': { readonly device: number };
  'dma-mapped': IntervalEvent;
  'dma-unmapped': IntervalEvent;
  'collection-queued': IntervalEvent;
  fault: { readonly device: number; readonly address: bigint; readonly write: boolean; readonly result: number };
  hazard: IntervalEvent & { readonly quirk: string; readonly detail: string };
}
export type EventName = keyof EventMap;
export type EventListener<Name extends EventName> = (event: EventMap[Name]) => void;

export const EVENT_NAMES = [
  'notifier-inserted', 'notifier-removed', 'range-inserted', 'range-removed', 'ptes-written', 'ptes-zapped',
  'tlb-flushed', 'dma-mapped', 'dma-unmapped', 'collection-queued', 'fault', 'hazard',
] as const satisfies readonly EventName[];

type AnyListener = (event: never) => void;

/** Listeners of one machine; it observes the devices only while there are any. */
export class MachineEvents {
  readonly #listeners = new Map<EventName, Set<AnyListener>>();
  readonly #detach = new Map<EmulatedFile, () => void>();
  #count = 0;

  on<Name extends EventName>(name: Name, listener: EventListener<Name>, devices: readonly EmulatedDevice[]): () => void {
    if (!EVENT_NAMES.includes(name)) {
      throw new RangeError(`event: unknown event ${JSON.stringify(name)}; known: ${EVENT_NAMES.join(', ')}`);
    }
    if (typeof listener !== 'function') throw new TypeError('listener: expected a function');
    let listeners = this.#listeners.get(name);
    if (listeners === undefined) this.#listeners.set(name, (listeners = new Set()));
    if (listeners.has(listener as AnyListener)) return () => this.#off(name, listener as AnyListener);
    listeners.add(listener as AnyListener);
    this.#count++;
    if (this.#count === 1) for (const device of devices) for (const file of device.files) this.attach(device, file);
    return () => this.#off(name, listener as AnyListener);
  }

  /** A file was opened: observe it if somebody listens. */
  attach(device: EmulatedDevice, file: EmulatedFile): void {
    if (this.#count === 0 || this.#detach.has(file)) return;
    this.#detach.set(file, file.effects.add(new EventSink(this, device)));
  }

  fault(device: number, address: bigint, write: boolean, result: number): void {
    if (this.#count > 0) this.emit('fault', { device, address, write, result });
  }

  emit<Name extends EventName>(name: Name, event: EventMap[Name]): void {
    const listeners = this.#listeners.get(name);
    if (listeners === undefined) return;
    for (const listener of [...listeners]) (listener as EventListener<Name>)(event);
  }

  has(name: EventName): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0;
  }

  #off(name: EventName, listener: AnyListener): void {
    if (this.#listeners.get(name)?.delete(listener) !== true) return;
    this.#count--;
    if (this.#count > 0) return;
    for (const detach of this.#detach.values()) detach();
    this.#detach.clear();
  }
}

type PlainIntervalEvent = Exclude<EventName, 'ptes-written' | 'tlb-flushed' | 'fault' | 'hazard'>;

/** Turns the effects of one file into events. */
class EventSink implements EffectSink {
  readonly #events: MachineEvents;
  readonly #device: EmulatedDevice;

  constructor(events: MachineEvents, device: EmulatedDevice) {
    this.#events = events;
    this.#device = device;
  }

  notifierInserted(startPage: number, pages: number): void {
    this.#interval('notifier-inserted', startPage, pages);
  }
  notifierRemoved(startPage: number, pages: number): void {
    this.#interval('notifier-removed', startPage, pages);
  }
  rangeInserted(startPage: number, pages: number): void {
    this.#interval('range-inserted', startPage, pages);
  }
  rangeRemoved(startPage: number, pages: number): void {
    this.#interval('range-removed', startPage, pages);
  }
  ptesWritten(startPage: number, pages: number, flags: number): void {
    if (!this.#events.has('ptes-written')) return;
    this.#events.emit('ptes-written', { ...this.#bytes(startPage, pages), flags: this.#device.gpu.pteFlags.value(flags) });
  }
  ptesZapped(startPage: number, pages: number): void {
    this.#interval('ptes-zapped', startPage, pages);
  }
  tlbFlushed(): void {
    this.#events.emit('tlb-flushed', { device: this.#device.index });
  }
  dmaMapped(startPage: number, pages: number): void {
    this.#interval('dma-mapped', startPage, pages);
  }
  dmaUnmapped(startPage: number, pages: number): void {
    this.#interval('dma-unmapped', startPage, pages);
  }
  collectionQueued(firstPage: number, lastPage: number): void {
    this.#interval('collection-queued', firstPage, lastPage - firstPage + 1);
  }
  hazard(quirk: string, detail: string, startPage: number, pages: number): void {
    this.#events.emit('hazard', { ...this.#bytes(startPage, pages), quirk, detail });
  }

  #interval(name: PlainIntervalEvent, startPage: number, pages: number): void {
    if (this.#events.has(name)) this.#events.emit(name, this.#bytes(startPage, pages));
  }

  #bytes(startPage: number, pages: number): IntervalEvent {
    return { device: this.#device.index, address: addressOfPage(startPage), size: addressOfPage(pages) };
  }
}
