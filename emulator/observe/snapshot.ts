// Models: nothing - the whole state of one SVM context and its process, as plain data (spec/trace-format §6, `dump`).
import { addressOfPage, PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import { protectionLetters } from '../mm/vma.ts';
import type { VmaKind } from '../mm/vma.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import type { DeviceCounters } from '../gpu/gpu-device.ts';
import { RangeState } from '../gpusvm/range.ts';
import type { MigrationCounters } from '../svm/device-memory.ts';
import { isRestoreWork } from '../svm/revision.ts';
import type { RestoreStatistics } from '../svm/revision.ts';
import { SvmRangeState } from '../svm/svm-range.ts';
import type { AmdgpuSvmRange } from '../svm/svm-range.ts';
import { pteStateRun } from '../svm/pte-state.ts';
import type { PteState } from '../svm/pte-state.ts';
import { placedPages } from './memory-snapshot.ts';
import type { PlacedPages } from './memory-snapshot.ts';
import type { ObservedDevice, ObservedFile } from './observed.ts';

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
  readonly queue: 'none' | 'gc' | 'restore' | 'processing';
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

/** A run of PTEs with equal flags and state. */
export interface PteRun {
  readonly startPage: number;
  pages: number;
  readonly flags: bigint;
  readonly state: PteState;
}

/** A mapping of the process: addresses and sizes in bytes. */
export interface VmaSnapshot {
  readonly start: bigint;
  readonly end: bigint;
  /** Letters r, w, x or '-'. */
  readonly protection: string;
  readonly kind: VmaKind;
}

/** The restore worker of a context without retry faults, and the compute queues of the process. */
interface RestoreSnapshot {
  /** Ranges on the restore list. */
  readonly pending: number;
  /** Time at which the worker is due, ns; undefined while it is not pending. */
  readonly due: number | undefined;
  /** Eviction events since the queues were resumed last. */
  readonly evicted: number;
  readonly quiesced: boolean;
  /** Successful stops without a successful resume. */
  readonly stopped: number;
  readonly quiesceCalls: number;
  readonly resumeCalls: number;
  /** What the works have done; undefined without a context or with retry faults. */
  readonly statistics: RestoreStatistics | undefined;
}

/** State of one open file, its device and its process. */
export interface ContextSnapshot {
  readonly attributes: readonly AttributeSnapshot[];
  /** Whether the kernel's list of the attribute intervals has another order than its tree, after a race made them overlap. */
  readonly attributeListBroken: boolean;
  readonly notifiers: readonly { readonly start: bigint; readonly end: bigint }[];
  readonly ranges: readonly RangeSnapshot[];
  /** Buffer objects in the GPU's address space; undefined where the revision does not look at them. */
  readonly bufferObjects: readonly { readonly start: bigint; readonly end: bigint }[] | undefined;
  /** Whether the revision can move pages to VRAM. */
  readonly migratesToVram: boolean;
  /** What was moved to and from the VRAM of the device. */
  readonly migrations: Readonly<MigrationCounters>;
  readonly ptes: readonly PteRun[];
  readonly vmas: readonly VmaSnapshot[];
  /** Where each page of the process lies; empty on a machine without VRAM. */
  readonly places: readonly PlacedPages[];
  /** VRAM of the device in pages of 4096 bytes: of buffers of SVM, of others, and all there is. */
  readonly vram: { readonly evictable: number; readonly pinned: number; readonly total: number };
  /** Ranges on the collector's list. */
  readonly collectorPending: number;
  /** Whether the collector's work item is queued. */
  readonly collectorQueued: boolean;
  /** The restore worker and the queues; undefined where the revision never stops them. */
  readonly restore: RestoreSnapshot | undefined;
  readonly clock: number;
  readonly checkpoint: number;
  readonly closing: boolean;
  readonly counters: Readonly<DeviceCounters> & { readonly pagesAllocated: number };
}

const NOTHING_MOVED: Readonly<MigrationCounters> = { copies: 0, copyPages: 0, evictions: 0 };

/** The state of `file` on `device` as plain data; the same state gives the same data. */
export function contextSnapshot(device: ObservedDevice, file: ObservedFile): ContextSnapshot {
  const { process, clock, revision } = device.surroundings;
  const context = file.context;
  return {
    attributes:
      context === null
        ? []
        : Array.from(context.tree.values(), (interval) => ({
            firstPage: interval.first,
            lastPage: interval.last,
            preferredLocation: interval.preferredLocation >>> 0,
            prefetchLocation: interval.prefetchLocation >>> 0,
            access: interval.access,
            granularity: interval.granularity,
            flags: interval.flags,
          })),
    attributeListBroken: context?.tree.listBroken ?? false,
    notifiers:
      context === null
        ? []
        : Array.from(context.framework.notifiers.values(), (notifier) => ({
            start: addressOfPage(notifier.startPage),
            end: addressOfPage(notifier.endPage),
          })),
    ranges:
      context === null
        ? []
        : Array.from(context.framework.ranges.values(), (range) => ({
            start: addressOfPage(range.startPage),
            end: addressOfPage(range.endPage),
            mapped: range.gpuMapped,
            unmapped: (range.state & RangeState.unmapped) !== 0,
            partiallyUnmapped: (range.state & RangeState.partiallyUnmapped) !== 0,
            dmaMapped: range.pagesValid,
            inVram: range.hasDevicePages,
            migrates: range.migrates,
            queued: range.queued,
            queue: queueOf(range),
            pending: range.hasPending
              ? {
                  firstPage: range.pendingFirst,
                  lastPage: range.pendingLast,
                  operation:
                    (range.state & SvmRangeState.unmapPending) !== 0 ? ('unmap' as const) : ('restore' as const),
                }
              : undefined,
            pteFlags: revision.keepsPteFlags ? device.gpu.pteFlags.value(range.pteFlags) : undefined,
            attributeFlags: range.attributeFlags,
            validationTime: range.validationTime,
          })),
    bufferObjects: revision.checksBufferObjects
      ? Array.from(file.vm.bufferObjects.values(), ({ startPage, endPage }) => ({
          start: addressOfPage(startPage),
          end: addressOfPage(endPage),
        }))
      : undefined,
    migratesToVram: revision.migratesToVram,
    migrations: { ...(device.memory?.counters ?? NOTHING_MOVED) },
    ptes: pteRuns(device, file, process),
    vmas: vmaSnapshots(process),
    places: placedPages(process),
    vram: {
      evictable: device.memory?.vram.evictablePages ?? 0,
      pinned: device.memory?.vram.pinnedPages ?? 0,
      total: device.memory?.vram.total ?? 0,
    },
    collectorPending: context?.collector.pending ?? 0,
    collectorQueued: context?.collector.work.pending ?? false,
    restore: revision.stopsQueues ? restoreSnapshot(file) : undefined,
    clock: clock.now,
    checkpoint: context?.checkpoint ?? 0,
    closing: context?.closing ?? false,
    counters: { ...device.gpu.counters, pagesAllocated: process.pages.allocated },
  };
}

function restoreSnapshot({ vm, context }: ObservedFile): RestoreSnapshot {
  const work = context !== null && isRestoreWork(context.collector) ? context.collector : undefined;
  return {
    pending: work?.restorePending ?? 0,
    due: work?.restoreDue,
    evicted: work?.evicted ?? 0,
    quiesced: work?.quiesced ?? false,
    stopped: vm.kfd.stopped,
    quiesceCalls: vm.kfd.quiesceCalls,
    resumeCalls: vm.kfd.resumeCalls,
    statistics: work === undefined ? undefined : { ...work.statistics, dropped: new Map(work.statistics.dropped) },
  };
}

function queueOf({ state, queued, hasPending }: AmdgpuSvmRange): RangeSnapshot['queue'] {
  if ((state & SvmRangeState.processing) !== 0) return 'processing';
  if ((state & SvmRangeState.restoring) !== 0) return 'restore';
  if (queued) return 'gc';
  return hasPending ? 'processing' : 'none';
}

/** All PTEs of the file's VM as runs of equal flags and state. */
function pteRuns(device: ObservedDevice, file: ObservedFile, process: AddressSpace): PteRun[] {
  const runs: PteRun[] = [];
  const { pageTable } = file.vm;
  let lastIndex = 0;
  for (const blockNumber of pageTable.blocks.blockNumbers()) {
    const blockEnd = (blockNumber + 1) * PAGES_PER_BLOCK;
    const { marks, base } = pageTable.blocks.get(blockNumber)!;
    const markOfPage = base - (blockEnd - PAGES_PER_BLOCK);
    for (let page = blockEnd - PAGES_PER_BLOCK; page < blockEnd;) {
      const flags = marks[markOfPage + page]!;
      if (flags === 0) {
        page++;
        continue;
      }
      const { state, endPage } = pteStateRun(file.vm, device.gpu, process, page, blockEnd);
      const run = runs[runs.length - 1];
      if (run !== undefined && run.startPage + run.pages === page && lastIndex === flags && run.state === state) {
        run.pages += endPage - page;
      } else {
        runs.push({ startPage: page, pages: endPage - page, flags: device.gpu.pteFlags.value(flags), state });
        lastIndex = flags;
      }
      page = endPage;
    }
  }
  return runs;
}

function vmaSnapshots(process: AddressSpace): VmaSnapshot[] {
  return Array.from(process.vmas.values(), (vma) => ({
    start: addressOfPage(vma.startPage),
    end: addressOfPage(vma.endPage),
    protection: protectionLetters(vma.protection),
    kind: vma.kind,
  }));
}
