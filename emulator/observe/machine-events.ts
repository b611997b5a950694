// Models: nothing - it turns effects into events, only while somebody listens.
import { argumentError, functionArgument } from '../kernel/arguments.ts';
import { callNumbers } from '../../lib/uapi/call.ts';
import type { SvmArguments } from '../../lib/uapi/call.ts';
import { decodeAttributePairs } from '../../lib/uapi/codec.ts';
import { QuietEffects } from '../kernel/effects.ts';
import type { AttributeEditKind, FaultReason } from '../kernel/effects.ts';
import { addressOfPage } from '../kernel/page-number.ts';
import { Errno } from '../../lib/uapi/errno.ts';
import type { OperationScope } from '../kernel/operation-scope.ts';
import { EVENT_NAMES, faultOutcome, NOTIFIER_EVENT_NAMES } from './events.ts';
import type { EventListener, EventMap, EventName, IntervalEvent, MachineEvent } from './events.ts';
import { MemoryEventSink } from './memory-events.ts';
import type { Hazard } from './hazard.ts';
import type { ObservedDevice, ObservedFile } from './observed.ts';
import { LateMap } from '../kernel/late-map.ts';

type AnyListener = (event: never) => void;

/** Listeners of one machine; it observes the devices only while there are any. */
export class MachineEvents {
  readonly #listeners = new LateMap<EventName, Set<AnyListener>>();
  readonly #detach = new LateMap<ObservedFile, () => void>();
  readonly #detachMemory: (() => void)[] = [];
  readonly #clock: { readonly now: number };
  readonly #scope: OperationScope;
  readonly #devices: () => readonly ObservedDevice[];
  #count = 0;
  /** Whether the hazard monitor reports what the modelled code meets, so that it is not told twice. */
  monitored = false;

  constructor(clock: { readonly now: number }, scope: OperationScope, devices: () => readonly ObservedDevice[]) {
    this.#clock = clock;
    this.#scope = scope;
    this.#devices = devices;
  }

  on<Name extends EventName>(name: Name, listener: EventListener<Name>): () => void {
    if (!EVENT_NAMES.includes(name)) {
      throw argumentError(RangeError, `event: unknown event ${JSON.stringify(name)}; known: ${EVENT_NAMES.join(', ')}`);
    }
    functionArgument('listener', listener);
    let listeners = this.#listeners.get(name);
    if (listeners === undefined) this.#listeners.set(name, (listeners = new Set()));
    if (listeners.has(listener as AnyListener)) return () => this.#off(name, listener as AnyListener);
    listeners.add(listener as AnyListener);
    this.#count++;
    if (this.#count === 1) {
      for (const device of this.#devices()) for (const file of device.files) this.attach(device, file);
      this.#attachMemory();
    }
    return () => this.#off(name, listener as AnyListener);
  }

  /** One listener for the events of all names, or of some. */
  onAny(listener: (event: MachineEvent) => void, names: readonly EventName[] = EVENT_NAMES): () => void {
    functionArgument('listener', listener);
    const stops = names.map((name) =>
      this.on(name, (event: EventMap[EventName]) => listener({ name, time: this.#clock.now, event } as MachineEvent)),
    );
    return () => {
      for (const stop of stops) stop();
    };
  }

  /** A file was opened: observe it if somebody listens. */
  attach(device: ObservedDevice, file: ObservedFile): void {
    if (this.#count === 0 || this.#detach.has(file)) return;
    this.#detach.set(file, file.effects.add(new EventSink(this, device)));
  }

  #attachMemory(): void {
    for (const { index, memory } of this.#devices()) {
      if (memory !== null) this.#detachMemory.push(memory.effects.add(new MemoryEventSink(this, index)));
    }
    const [device] = this.#devices();
    const pages = device?.surroundings.process.devices?.surroundings.effects;
    if (pages !== undefined) this.#detachMemory.push(pages.add(new MemoryEventSink(this, 0)));
  }

  /** A file was closed. */
  detach(file: ObservedFile): void {
    this.#detach.get(file)?.();
    this.#detach.delete(file);
  }

  /** A fault for a PASID that no file has. */
  lostFault(device: number, page: number, write: boolean): void {
    if (!this.has('fault')) return;
    this.emit('fault', {
      device,
      address: addressOfPage(page),
      write,
      result: -Errno.EOPNOTSUPP,
      outcome: 'killed',
      reason: 'no-context',
      cause: 0,
    });
  }

  /** Time has passed. */
  spent(spending: EventMap['time-spent']): void {
    if (this.has('time-spent')) this.emit('time-spent', spending);
  }

  /** A finding of the hazard monitor. */
  hazard(hazard: Hazard): void {
    if (!this.has('hazard')) return;
    const { device, address, size, quirk, detail } = hazard;
    this.emit('hazard', { device, address, size, quirk, detail, hazard });
  }

  emit<Name extends EventName>(name: Name, event: EventMap[Name]): void {
    const listeners = this.#listeners.get(name);
    if (listeners === undefined) return;
    for (const listener of [...listeners]) {
      // The modelled code may hold locks here: it must run to its end before an error of a listener is seen.
      try {
        (listener as EventListener<Name>)(event);
      } catch (error) {
        this.#scope.defer(error);
      }
    }
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
    for (const detach of this.#detachMemory.splice(0)) detach();
  }
}

type PlainIntervalEvent = {
  [Name in EventName]: IntervalEvent extends EventMap[Name] ? Name : never;
}[EventName];

/** Turns the effects of one file into events. */
class EventSink extends QuietEffects {
  readonly #events: MachineEvents;
  readonly #device: ObservedDevice;

  constructor(events: MachineEvents, device: ObservedDevice) {
    super();
    this.#events = events;
    this.#device = device;
  }

  override notifierInserted(startPage: number, pages: number): void {
    this.#interval('notifier-inserted', startPage, pages);
  }
  override notifierRemoved(startPage: number, pages: number): void {
    this.#interval('notifier-removed', startPage, pages);
  }
  override rangeInserted(startPage: number, pages: number): void {
    this.#interval('range-inserted', startPage, pages);
  }
  override rangeRemoved(startPage: number, pages: number): void {
    this.#interval('range-removed', startPage, pages);
  }
  override ptesWritten(startPage: number, pages: number, flags: number): void {
    if (!this.#events.has('ptes-written')) return;
    this.#events.emit('ptes-written', {
      ...this.#bytes(startPage, pages),
      flags: this.#device.gpu.pteFlags.value(flags),
    });
  }
  override ptesZapped(startPage: number, pages: number): void {
    this.#interval('ptes-zapped', startPage, pages);
  }
  override zapFailed(startPage: number, endPage: number, result: number): void {
    this.#events.emit('zap-failed', { ...this.#bytes(startPage, endPage - startPage), result });
  }
  override commitFailed(startPage: number, pages: number, result: number): void {
    this.#events.emit('commit-failed', { ...this.#bytes(startPage, pages), result });
  }
  override tlbFlushed(): void {
    this.#events.emit('tlb-flushed', { device: this.#device.index });
  }
  override dmaMapped(startPage: number, pages: number): void {
    this.#interval('dma-mapped', startPage, pages);
  }
  override dmaUnmapped(startPage: number, pages: number): void {
    this.#interval('dma-unmapped', startPage, pages);
  }
  override restoreQueued(firstPage: number, lastPage: number): void {
    this.#interval('restore-queued', firstPage, lastPage - firstPage + 1);
  }
  override restoreDropped(startPage: number, pages: number, result: number): void {
    this.#events.emit('restore-dropped', { ...this.#bytes(startPage, pages), result });
  }
  override restoreEnded(again: boolean): void {
    this.#events.emit('restore-ended', { device: this.#device.index, again });
  }
  override queuesQuiesced(result: number): void {
    this.#events.emit('queues-stopped', { device: this.#device.index, result });
  }
  override queuesResumed(result: number): void {
    this.#events.emit('queues-resumed', { device: this.#device.index, result });
  }
  override collectionQueued(firstPage: number, lastPage: number): void {
    this.#interval('collection-queued', firstPage, lastPage - firstPage + 1);
  }
  override collected(startPage: number, pages: number, result: number): void {
    if (this.#events.has('collected')) this.#events.emit('collected', { ...this.#bytes(startPage, pages), result });
  }
  override ioctlAnswered(call: SvmArguments, records: Uint8Array | null, result: number): void {
    if (!this.#events.has('ioctl')) return;
    const attributes = records === null ? [] : decodeAttributePairs(records, call.attributeCount);
    this.#events.emit('ioctl', { device: this.#device.index, ...callNumbers(call), attributes, result });
  }
  override contextCreated(byIoctl: boolean): void {
    this.#events.emit('context-created', { device: this.#device.index, byIoctl });
  }
  override contextFinalised(): void {
    this.#events.emit('context-finalised', { device: this.#device.index });
  }
  override attributesEdited(
    kind: AttributeEditKind,
    firstPage: number,
    lastPage: number,
    oldFirst: number,
    oldLast: number,
    trigger: number,
  ): void {
    if (kind === 'unchanged') return;
    const bytes = this.#bytes(firstPage, lastPage - firstPage + 1);
    this.#events.emit('attributes-changed', { ...bytes, kind, trigger });
    if (kind !== 'split') return;
    this.#events.emit('attribute-split', {
      ...bytes,
      oldAddress: addressOfPage(oldFirst),
      oldSize: addressOfPage(oldLast - oldFirst + 1),
    });
  }
  override setRetried(firstPage: number, lastPage: number): void {
    this.#events.emit('retry', {
      ...this.#bytes(firstPage, lastPage - firstPage + 1),
      of: 'set',
      cause: -Errno.EAGAIN,
      restart: true,
    });
  }
  override prefetched(firstPage: number, lastPage: number, result: number): void {
    this.#events.emit('prefetch', { ...this.#bytes(firstPage, lastPage - firstPage + 1), result });
  }
  override faultEnded(page: number, write: boolean, result: number, reason: FaultReason, cause: number): void {
    if (!this.#events.has('fault')) return;
    const outcome = faultOutcome(result, reason);
    this.#events.emit('fault', {
      device: this.#device.index,
      address: addressOfPage(page),
      write,
      result,
      outcome,
      reason,
      cause,
    });
  }
  override faultRetried(page: number, cause: number, restart: boolean): void {
    this.#events.emit('retry', { ...this.#bytes(page, 1), of: 'fault', cause, restart });
  }
  override faultDropped(page: number, timestamp: number, checkpoint: number): void {
    this.#events.emit('fault-dropped', {
      device: this.#device.index,
      address: addressOfPage(page),
      timestamp,
      checkpoint,
    });
  }
  override notifierCalled(event: number, startPage: number, endPage: number): void {
    if (!this.#events.has('notifier-called')) return;
    this.#events.emit('notifier-called', {
      ...this.#bytes(startPage, endPage - startPage),
      kind: NOTIFIER_EVENT_NAMES[event]!,
    });
  }
  override hazard(quirk: string, detail: string, startPage: number, pages: number): void {
    if (!this.#events.monitored) this.#events.emit('hazard', { ...this.#bytes(startPage, pages), quirk, detail });
  }

  #interval(name: PlainIntervalEvent, startPage: number, pages: number): void {
    if (this.#events.has(name)) this.#events.emit(name, this.#bytes(startPage, pages));
  }

  #bytes(startPage: number, pages: number): IntervalEvent {
    return { device: this.#device.index, address: addressOfPage(startPage), size: addressOfPage(pages) };
  }
}
