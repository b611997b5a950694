// Models: nothing - the last events of a machine, in bounded memory, and how many there were of each name.
import { EVENT_NAMES } from './events.ts';
import type { EventName, MachineEvent } from './events.ts';
import { argumentError, countArgument } from '../kernel/arguments.ts';

/** Where events come from: an `EmulatedMachine`, or something like it. */
export interface EventSource {
  /** Calls `listener` for all events, or those of `names`; the answer ends it. */
  onAny(listener: (event: MachineEvent) => void, names?: readonly EventName[]): () => void;
}

/** Keeps the last `capacity` events; older ones are dropped and counted. */
export class EventRing {
  readonly capacity: number;
  /** Events that had to make room. */
  dropped = 0;
  readonly #events: MachineEvent[] = [];
  #next = 0;

  /** `capacity`: a whole number from 1; RangeError for anything else. */
  constructor(capacity: number) {
    if (countArgument('capacity', capacity) < 1)
      throw argumentError(RangeError, 'capacity: expected a whole number from 1, got 0');
    this.capacity = capacity;
  }

  /** Number of events that are kept. */
  get size(): number {
    return this.#events.length;
  }

  /** Adds an event, in place of the oldest where the ring is full. */
  push(event: MachineEvent): void {
    if (this.#events.length < this.capacity) {
      this.#events.push(event);
      return;
    }
    this.dropped++;
    this.#events[this.#next] = event;
    this.#next = this.#next + 1 === this.capacity ? 0 : this.#next + 1;
  }

  /** Collects the events of `source`, of all names or of some; the returned function stops it. */
  follow(source: EventSource, names: readonly EventName[] = EVENT_NAMES): () => void {
    return source.onAny((event) => this.push(event), names);
  }

  /** The events that are kept, oldest first. */
  events(): MachineEvent[] {
    return [...this.#events.slice(this.#next), ...this.#events.slice(0, this.#next)];
  }

  /** Forgets the events and the number of dropped ones. */
  clear(): void {
    this.#events.length = 0;
    this.#next = 0;
    this.dropped = 0;
  }
}

/** How often each event happened. */
export type EventCounts = { readonly [Name in EventName]: number };

/** Counts the events of `source` from now on; `stop` ends it. */
export function countEvents(source: EventSource): { readonly counts: EventCounts; stop(): void } {
  const counts = Object.fromEntries(EVENT_NAMES.map((name) => [name, 0])) as Record<EventName, number>;
  return { counts, stop: source.onAny(({ name }) => void counts[name]++) };
}
