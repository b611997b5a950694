// Models: nothing - the parts that the state of one SVM context consists of, as the modelled code holds them (spec/trace-format §6).
import { PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import type { VmaKind } from '../mm/vma.ts';
import type { DeviceCounters } from '../gpu/gpu-device.ts';
import type { AttributeRecord } from '../svm/attribute-record.ts';
import type { MigrationCounters } from '../svm/device-memory.ts';
import { isRestoreWork } from '../svm/revision.ts';
import type { RestoreStatistics } from '../svm/revision.ts';
import type { RangeQueue } from '../svm/svm-range.ts';
import { pteStateRun } from '../svm/pte-state.ts';
import type { PteState } from '../svm/pte-state.ts';
import type { ObservedDevice, ObservedFile } from './observed.ts';

/** A run of PTEs with equal flags and state. */
export interface PteRun {
  readonly startPage: number;
  pages: number;
  readonly flags: bigint;
  readonly state: PteState;
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

/** What the state of one open file and its device has besides lists. */
export interface ContextFigures {
  /** Whether the kernel's list of the attribute intervals has another order than its tree, after a race made them overlap. */
  readonly attributeListBroken: boolean;
  /** Whether the revision can move pages to VRAM. */
  readonly migratesToVram: boolean;
  /** What was moved to and from the VRAM of the device. */
  readonly migrations: Readonly<MigrationCounters>;
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

/** Pages from the first to before the last. */
export interface PageInterval {
  readonly startPage: number;
  readonly endPage: number;
}

/** A GPU range as the modelled code has it. */
interface ObservedRange extends PageInterval {
  readonly gpuMapped: boolean;
  readonly unmapped: boolean;
  readonly partiallyUnmapped: boolean;
  readonly pagesValid: boolean;
  readonly hasDevicePages: boolean;
  readonly migrates: boolean;
  readonly queued: boolean;
  readonly queue: RangeQueue;
  readonly hasPending: boolean;
  readonly pendingFirst: number;
  readonly pendingLast: number;
  readonly pendingOperation: 'unmap' | 'restore';
  /** Index of the flags of the last commit. */
  readonly pteFlags: number;
  readonly attributeFlags: number;
  readonly validationTime: number;
}

/**
 * The state of one open file, its device and its process. Items of lists are those of the modelled code: they are looked at
 * one after the other, before anything else happens.
 */
export interface ContextParts extends ContextFigures {
  readonly intervals: Iterable<Readonly<AttributeRecord> & { readonly first: number; readonly last: number }>;
  readonly notifiers: Iterable<PageInterval>;
  readonly ranges: Iterable<ObservedRange>;
  /** The PTE flags of an index; undefined where the revision does not keep them in ranges. */
  readonly rangeFlags: ((index: number) => bigint) | undefined;
  readonly bufferObjects: Iterable<PageInterval> | undefined;
  readonly ptes: readonly PteRun[];
  readonly vmas: Iterable<PageInterval & { readonly protection: number; readonly kind: VmaKind }>;
}

const NOTHING_MOVED: Readonly<MigrationCounters> = { copies: 0, copyPages: 0, evictions: 0 };

/** The state of `file` on `device`. */
export function contextParts(device: ObservedDevice, file: ObservedFile): ContextParts {
  const { process, clock, revision } = device.surroundings;
  const { context } = file;
  const { pteFlags } = device.gpu;
  return {
    intervals: context?.tree.values() ?? [],
    attributeListBroken: context?.tree.listBroken ?? false,
    notifiers: context?.framework.notifiers.values() ?? [],
    ranges: context?.framework.ranges.values() ?? [],
    rangeFlags: revision.keepsPteFlags ? (index) => pteFlags.value(index) : undefined,
    bufferObjects: revision.checksBufferObjects ? file.vm.bufferObjects.values() : undefined,
    migratesToVram: revision.migratesToVram,
    migrations: { ...(device.memory?.counters ?? NOTHING_MOVED) },
    ptes: pteRuns(device, file),
    vmas: process.vmas.values(),
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

/** All PTEs of the file's VM as runs of equal flags and state. */
function pteRuns(device: ObservedDevice, file: ObservedFile): PteRun[] {
  const runs: PteRun[] = [];
  const { process } = device.surroundings;
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
