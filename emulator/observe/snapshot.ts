// Models: nothing - the whole state of one SVM context and its process, as plain data (spec/trace-format §6, `dump`).
import { addressOfPage } from '../kernel/page-number.ts';
import { protectionLetters } from '../mm/vma.ts';
import type { VmaKind } from '../mm/vma.ts';
import type { RangeQueue } from '../svm/svm-range.ts';
import { placedPages } from './memory-snapshot.ts';
import type { PlacedPages } from './memory-snapshot.ts';
import type { ObservedDevice, ObservedFile } from './observed.ts';
import { contextParts } from './parts.ts';
import type { ContextFigures, PageInterval, PteRun } from './parts.ts';

/** An attribute interval; pages inclusive. */
export interface AttributeSnapshot {
  readonly firstPage: number;
  readonly lastPage: number;
  /** Unsigned 32-bit locations. */
  readonly preferredLocation: number;
  readonly prefetchLocation: number;
  readonly access: number;
  /** log2 of pages. */
  readonly granularity: number;
  /** Bits of `SvmFlag`. */
  readonly flags: number;
}

/** A GPU range; addresses in bytes, end exclusive. */
export interface RangeSnapshot {
  readonly start: bigint;
  readonly end: bigint;
  readonly mapped: boolean;
  readonly unmapped: boolean;
  readonly partiallyUnmapped: boolean;
  readonly dmaMapped: boolean;
  /** Its pages were collected in VRAM ("has_devmem_pages"). */
  readonly inVram: boolean;
  /** Its pages can go to VRAM ("migrate_devmem"). */
  readonly migrates: boolean;
  readonly queued: boolean;
  /** Which list the range is on, or 'processing' while a worker has it. */
  readonly queue: RangeQueue;
  /** What is pending for the collector, inclusive pages; undefined if nothing is. */
  readonly pending:
    | { readonly firstPage: number; readonly lastPage: number; readonly operation: 'unmap' | 'restore' }
    | undefined;
  /** Flags of the last commit; undefined where the revision does not keep them. */
  readonly pteFlags: bigint | undefined;
  readonly attributeFlags: number;
  /** Time of the last commit, ns. */
  readonly validationTime: number;
}

/** A mapping of the process: addresses and sizes in bytes. */
export interface VmaSnapshot {
  readonly start: bigint;
  readonly end: bigint;
  /** Letters r, w, x or '-'. */
  readonly protection: string;
  readonly kind: VmaKind;
}

/** State of one open file, its device and its process. */
export interface ContextSnapshot extends ContextFigures {
  readonly attributes: readonly AttributeSnapshot[];
  readonly notifiers: readonly { readonly start: bigint; readonly end: bigint }[];
  readonly ranges: readonly RangeSnapshot[];
  /** Buffer objects in the GPU's address space; undefined where the revision does not look at them. */
  readonly bufferObjects: readonly { readonly start: bigint; readonly end: bigint }[] | undefined;
  readonly ptes: readonly PteRun[];
  readonly vmas: readonly VmaSnapshot[];
  /** Where each page of the process lies; empty on a machine without VRAM. */
  readonly places: readonly PlacedPages[];
}

/** The state of `file` on `device` as plain data; the same state gives the same data. */
export function contextSnapshot(device: ObservedDevice, file: ObservedFile): ContextSnapshot {
  const parts = contextParts(device, file);
  const { rangeFlags, bufferObjects } = parts;
  // Written out, so that the names come in the order in which people read them.
  return {
    attributes: Array.from(parts.intervals, (interval) => ({
      firstPage: interval.first,
      lastPage: interval.last,
      preferredLocation: interval.preferredLocation >>> 0,
      prefetchLocation: interval.prefetchLocation >>> 0,
      access: interval.access,
      granularity: interval.granularity,
      flags: interval.flags,
    })),
    attributeListBroken: parts.attributeListBroken,
    notifiers: Array.from(parts.notifiers, bytesOf),
    ranges: Array.from(parts.ranges, (range) => ({
      start: addressOfPage(range.startPage),
      end: addressOfPage(range.endPage),
      mapped: range.gpuMapped,
      unmapped: range.unmapped,
      partiallyUnmapped: range.partiallyUnmapped,
      dmaMapped: range.pagesValid,
      inVram: range.hasDevicePages,
      migrates: range.migrates,
      queued: range.queued,
      queue: range.queue,
      pending: range.hasPending
        ? { firstPage: range.pendingFirst, lastPage: range.pendingLast, operation: range.pendingOperation }
        : undefined,
      pteFlags: rangeFlags?.(range.pteFlags),
      attributeFlags: range.attributeFlags,
      validationTime: range.validationTime,
    })),
    bufferObjects: bufferObjects === undefined ? undefined : Array.from(bufferObjects, bytesOf),
    migratesToVram: parts.migratesToVram,
    migrations: parts.migrations,
    ptes: parts.ptes,
    vmas: Array.from(parts.vmas, (vma) => ({
      ...bytesOf(vma),
      protection: protectionLetters(vma.protection),
      kind: vma.kind,
    })),
    places: placedPages(device.surroundings.process),
    vram: parts.vram,
    collectorPending: parts.collectorPending,
    collectorQueued: parts.collectorQueued,
    restore: parts.restore,
    clock: parts.clock,
    checkpoint: parts.checkpoint,
    closing: parts.closing,
    counters: parts.counters,
  };
}

function bytesOf({ startPage, endPage }: PageInterval): { readonly start: bigint; readonly end: bigint } {
  return { start: addressOfPage(startPage), end: addressOfPage(endPage) };
}
