// Models: nothing - what happened, as objects for people who listen.
import type { AnsweredSvmCall, SvmCallNumbers } from '../../lib/uapi/call.ts';
import type { AttributeEditKind, FaultReason } from '../kernel/effects.ts';
import type { CostKind } from '../cost/cost-fields.ts';
import type { Hazard } from './hazard.ts';

/** Bytes `[address, address + size)` on the device with number `device`. */
export interface IntervalEvent {
  readonly device: number;
  readonly address: bigint;
  /** Bytes. */
  readonly size: bigint;
}

/** Kinds of MMU notifier events by the kernel's code (spec/04-invalidation-and-gc §1). */
export const NOTIFIER_EVENT_NAMES = [
  'unmap',
  'clear',
  'protection-vma',
  'protection-page',
  'soft-dirty',
  'release',
  'migrate',
  'exclusive',
] as const;
/** Kind of an MMU notifier event. */
export type NotifierEventName = (typeof NOTIFIER_EVENT_NAMES)[number];

/**
 * What became of a retry fault: 'mapped' PTEs were written; 'retry' the GPU may try again although
 * nothing was mapped; 'dropped' as stale; 'killed' the access fails.
 */
export type FaultOutcome = 'mapped' | 'retry' | 'dropped' | 'killed';

/** Events by name. */
export interface EventMap {
  /** An SVM ioctl was answered; `attributes` are the records after the call, as far as the caller's memory could be read. */
  ioctl: { readonly device: number } & SvmCallNumbers & Pick<AnsweredSvmCall, 'attributes' | 'result'>;
  'context-created': { readonly device: number; readonly byIoctl: boolean };
  'context-finalised': { readonly device: number };
  /** Attributes of pages changed; `trigger` is the change trigger (spec/02-attributes §5.1). */
  'attributes-changed': IntervalEvent & {
    readonly kind: Exclude<AttributeEditKind, 'unchanged'>;
    readonly trigger: number;
  };
  /** An attribute interval was split around the pages of the event. */
  'attribute-split': IntervalEvent & { readonly oldAddress: bigint; readonly oldSize: bigint };
  /** SET_ATTR mapped an interval on the GPU; `result` is 0 or a negative errno. */
  prefetch: IntervalEvent & { readonly result: number };
  /** The modelled code tries again: SET_ATTR from its first page, a fault with what is left of its attempts or (`restart`) from its lookup. */
  retry: IntervalEvent & { readonly of: 'set' | 'fault'; readonly cause: number; readonly restart: boolean };
  /** The fault handler answered. `cause` is the error behind the answer, 0 if there was none. */
  fault: {
    readonly device: number;
    readonly address: bigint;
    readonly write: boolean;
    readonly result: number;
    readonly outcome: FaultOutcome;
    readonly reason: FaultReason;
    readonly cause: number;
  };
  'fault-dropped': {
    readonly device: number;
    readonly address: bigint;
    readonly timestamp: number;
    readonly checkpoint: number;
  };
  /** The process's memory changes and a notifier of the context is called. */
  'notifier-called': IntervalEvent & { readonly kind: NotifierEventName };
  'notifier-inserted': IntervalEvent;
  'notifier-removed': IntervalEvent;
  'range-inserted': IntervalEvent;
  'range-removed': IntervalEvent;
  'ptes-written': IntervalEvent & { readonly flags: bigint };
  'ptes-zapped': IntervalEvent;
  /** The page-table layer refused to clear PTEs. */
  'zap-failed': IntervalEvent & { readonly result: number };
  /** PTEs of a range were not written, or written and not recorded. */
  'commit-failed': IntervalEvent & { readonly result: number };
  'tlb-flushed': { readonly device: number };
  'dma-mapped': IntervalEvent;
  'dma-unmapped': IntervalEvent;
  'collection-queued': IntervalEvent;
  /** A range waits for the restore worker. */
  'restore-queued': IntervalEvent;
  /** The restore worker gave up a range for good: the GPU goes on without these pages. */
  'restore-dropped': IntervalEvent & { readonly result: number };
  /** The restore worker has ended; the queues stay stopped where it comes `again`. */
  'restore-ended': { readonly device: number; readonly again: boolean };
  /** All compute queues of the process are stopped; `result` is 0 or the negative errno with which that failed. */
  'queues-stopped': { readonly device: number; readonly result: number };
  /** All compute queues of the process run again as far as this device is concerned; `result` as above. */
  'queues-resumed': { readonly device: number; readonly result: number };
  /** The collector is done with a range; an error leaves it behind (Q46). */
  collected: IntervalEvent & { readonly result: number };
  /** A buffer of SVM takes VRAM; `address` is an offset in it. */
  'vram-allocated': IntervalEvent;
  'vram-freed': IntervalEvent;
  /** A buffer is to leave VRAM, and has left it or could not (`result`, a negative errno). */
  'eviction-began': IntervalEvent;
  'eviction-ended': IntervalEvent & { readonly result: number };
  /** Pages were copied from or to the VRAM at the offset `address`. */
  'pages-copied': IntervalEvent & { readonly to: 'vram' | 'system' };
  /** Migration is about to tell the notifiers; `device` is 0. */
  'migration-announced': IntervalEvent & { readonly kind: NotifierEventName };
  /** Pages of the process lie in the VRAM of `device` now. */
  'moved-to-vram': IntervalEvent;
  /** ... and in system memory again. */
  'moved-to-ram': IntervalEvent;
  /** Virtual time has passed for something, up to now; only with the option `cost`. `device` is 0 for the process. */
  'time-spent': {
    readonly device: number;
    readonly kind: CostKind;
    readonly nanoseconds: number;
    /** Bytes that were copied or accessed, 0: none. */
    readonly bytes: number;
  };
  /** A defect was met: `quirk` is its number in the catalogue, or what is wrong in a word. */
  hazard: IntervalEvent & {
    readonly quirk: string;
    readonly detail: string;
    /** All of it, if the hazard monitor is on. */
    readonly hazard?: Hazard;
  };
}
/** Name of an event. */
export type EventName = keyof EventMap;
/** Gets the fields of an event. */
export type EventListener<Name extends EventName> = (event: EventMap[Name]) => void;

/** An event of any name, with the machine's clock. */
export type MachineEvent = {
  [Name in EventName]: {
    readonly name: Name;
    /** Nanoseconds since boot. */ readonly time: number;
    readonly event: EventMap[Name];
  };
}[EventName];

/** Names of all events. */
export const EVENT_NAMES = [
  'ioctl',
  'context-created',
  'context-finalised',
  'attributes-changed',
  'attribute-split',
  'prefetch',
  'retry',
  'fault',
  'fault-dropped',
  'notifier-called',
  'notifier-inserted',
  'notifier-removed',
  'range-inserted',
  'range-removed',
  'ptes-written',
  'ptes-zapped',
  'zap-failed',
  'commit-failed',
  'tlb-flushed',
  'dma-mapped',
  'dma-unmapped',
  'collection-queued',
  'restore-queued',
  'restore-dropped',
  'restore-ended',
  'queues-stopped',
  'queues-resumed',
  'collected',
  'vram-allocated',
  'vram-freed',
  'eviction-began',
  'eviction-ended',
  'pages-copied',
  'migration-announced',
  'moved-to-vram',
  'moved-to-ram',
  'time-spent',
  'hazard',
] as const satisfies readonly EventName[];

/** The outcome that a reason and a result stand for. */
export function faultOutcome(result: number, reason: FaultReason): FaultOutcome {
  if (result !== 0) return 'killed';
  if (reason === 'mapped') return 'mapped';
  return reason === 'stale' ? 'dropped' : 'retry';
}
