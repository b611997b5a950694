/** The effects of the trace format (spec/trace-format §5). A new one is an entry of this table. */
import { NotifierEvent } from '../../../emulator/index.ts';
import { bytesAt } from '../../words/sizes.ts';
import { hex } from '../format/hex.ts';
import type { EffectDescriptor, FlaggedPages, ToldPages } from './descriptor.ts';
import type { TraceEffect } from './form.ts';
import * as FORMS from './forms.ts';

/** `[kind, start address, end address]` */
function addresses(entry: TraceEffect): FlaggedPages {
  const startPage = pageOf(entry[1]);
  return { startPage, pages: pageOf(entry[2]) - startPage, flags: 0n };
}

function pageOf(address: string | number | undefined): number {
  return Number(BigInt(address ?? 0) >> 12n);
}

const counted = ({ count }: ToldPages, one: string, many: string): string => (count === 1 ? one : `${count} ${many}`);

export const EFFECTS: readonly EffectDescriptor[] = [
  {
    kind: 'notifier+',
    title: 'notifier inserted',
    listen: {
      notifierInserted(start, pages) {
        this.list.add(this, FORMS.NOTIFIER_INSERTED, start, pages);
      },
    },
    pages: addresses,
    event: 'notifier-inserted',
    sentence: (told) => `A notifier for ${bytesAt(told)} is registered.`,
  },
  {
    kind: 'notifier-',
    title: 'notifier removed',
    listen: {
      notifierRemoved(start, pages) {
        this.list.add(this, FORMS.NOTIFIER_REMOVED, start, pages);
      },
    },
    pages: addresses,
    event: 'notifier-removed',
    sentence: (told) => `The notifier for ${bytesAt(told)} is removed.`,
  },
  {
    kind: 'range+',
    title: 'range inserted',
    listen: {
      rangeInserted(start, pages) {
        this.list.add(this, FORMS.RANGE_INSERTED, start, pages);
      },
    },
    pages: addresses,
    event: 'range-inserted',
    sentence: (told) => `${counted(told, 'A GPU range is', 'GPU ranges are')} made: ${bytesAt(told)}.`,
  },
  {
    kind: 'range-',
    title: 'range removed',
    listen: {
      rangeRemoved(start, pages) {
        this.list.add(this, FORMS.RANGE_REMOVED, start, pages);
      },
    },
    pages: addresses,
    event: 'range-removed',
    sentence: (told) => `${counted(told, 'A GPU range is', 'GPU ranges are')} removed: ${bytesAt(told)}.`,
  },
  {
    kind: 'pte',
    title: 'PTEs written',
    onPageTable: true,
    listen: {
      ptesWritten(start, pages, flags) {
        this.list.run(this, FORMS.PTES_WRITTEN, start, pages, flags);
      },
    },
    pages: ([, start, pages, flags]) => ({
      startPage: Number(start),
      pages: Number(pages),
      flags: BigInt(flags as string),
    }),
    event: 'ptes-written',
    sentence: (told) => `PTEs are written: ${bytesAt(told)}.`,
  },
  {
    kind: 'zap',
    title: 'PTEs zapped',
    onPageTable: true,
    listen: {
      ptesZapped(start, pages) {
        this.list.run(this, FORMS.PTES_ZAPPED, start, pages, 0);
      },
    },
    pages: ([, start, pages]) => ({ startPage: Number(start), pages: Number(pages), flags: 0n }),
    event: 'ptes-zapped',
    sentence: (told) => `PTEs are cleared: ${bytesAt(told)}.`,
  },
  {
    kind: 'tlb',
    title: 'TLB flush',
    onPageTable: true,
    listen: {
      tlbFlushed() {
        this.list.add(this, FORMS.TLB_FLUSHED, 0, 0);
      },
    },
    event: 'tlb-flushed',
    sentence: () => 'The TLB is flushed.',
  },
  {
    kind: 'dma+',
    title: 'DMA mapped',
    listen: {
      dmaMapped(start, pages) {
        this.list.run(this, FORMS.DMA_MAPPED, start, pages, 0);
      },
    },
    pages: ([, start, pages]) => ({ startPage: pageOf(start), pages: Number(pages), flags: 0n }),
    event: 'dma-mapped',
    sentence: (told) => `Pages are collected and DMA-mapped: ${bytesAt(told)}.`,
  },
  {
    kind: 'dma-',
    title: 'DMA unmapped',
    listen: {
      dmaUnmapped(start, pages) {
        this.list.run(this, FORMS.DMA_UNMAPPED, start, pages, 0);
      },
    },
    pages: ([, start, pages]) => ({ startPage: pageOf(start), pages: Number(pages), flags: 0n }),
    event: 'dma-unmapped',
    sentence: (told) => `The DMA mapping goes, always of whole ranges: ${bytesAt(told)}.`,
  },
  {
    kind: 'gc+',
    title: 'queued for collection',
    listen: {
      collectionQueued(first, last) {
        this.list.add(this, FORMS.COLLECTION_QUEUED, first, last - first + 1);
      },
    },
    pages: ([, first, last]) => ({ startPage: Number(first), pages: Number(last) - Number(first) + 1, flags: 0n }),
    event: 'collection-queued',
    sentence: (told) => `${counted(told, 'A range is', 'ranges are')} queued for the collector: ${bytesAt(told)}.`,
  },
  {
    kind: 'restore+',
    title: 'queued for restore',
    listen: {
      restoreQueued(first, last) {
        this.list.add(this, FORMS.RESTORE_QUEUED, first, last - first + 1);
      },
    },
    pages: ([, first, last]) => ({ startPage: Number(first), pages: Number(last) - Number(first) + 1, flags: 0n }),
    event: 'restore-queued',
    sentence: (told) => `${counted(told, 'A range is', 'ranges are')} queued for the restore worker: ${bytesAt(told)}.`,
  },
  {
    kind: 'quiesce',
    title: 'queues stopped',
    listen: {
      queuesQuiesced(result) {
        this.list.push(this.gpu, result === 0 ? ['quiesce'] : ['quiesce', result]);
      },
    },
    event: 'queues-stopped',
    sentence: () => 'The compute queues of the process are to stop.',
  },
  {
    kind: 'resume',
    title: 'queues resumed',
    listen: {
      queuesResumed(result) {
        this.list.push(this.gpu, result === 0 ? ['resume'] : ['resume', result]);
      },
    },
    event: 'queues-resumed',
    sentence: () => 'The compute queues of the process are to run again.',
  },
  {
    kind: 'bo+',
    title: 'VRAM allocated',
    vramAt: 1,
    listen: {
      bufferAllocated(offset, pages) {
        this.list.push(this.gpu, ['bo+', hex(offset), hex(pages)]);
      },
    },
    event: 'vram-allocated',
    sentence: (told) => `${counted(told, 'A buffer takes', 'buffers take')} VRAM: ${bytesAt(told)}.`,
  },
  {
    kind: 'bo-',
    title: 'VRAM freed',
    vramAt: 1,
    listen: {
      bufferFreed(offset, pages) {
        this.list.push(this.gpu, ['bo-', hex(offset), hex(pages)]);
      },
    },
    event: 'vram-freed',
    sentence: (told) => `${counted(told, 'A buffer is', 'buffers are')} freed in VRAM: ${bytesAt(told)}.`,
  },
  {
    kind: 'evict',
    title: 'eviction',
    vramAt: 1,
    listen: {
      evictionBegan(offset, pages) {
        this.list.push(this.gpu, ['evict', hex(offset), hex(pages)]);
      },
    },
    event: 'eviction-began',
    sentence: (told) => `The buffer in VRAM ${bytesAt(told)} is to leave.`,
  },
  {
    kind: 'evicted',
    title: 'end of eviction',
    vramAt: 1,
    listen: {
      evictionEnded(offset, result) {
        this.list.push(this.gpu, ['evicted', hex(offset), result]);
      },
    },
    event: 'eviction-ended',
    sentence: (told) => `The eviction of the buffer at 0x${told.address.toString(16)} of VRAM has ended.`,
  },
  {
    kind: 'event',
    title: 'MMU event of a migration',
    listen: {
      migrationAnnounced(event, startPage, endPage) {
        const form = event === NotifierEvent.migrate ? FORMS.MIGRATION_EVENT : FORMS.CLEAR_EVENT;
        this.list.run(this, form, startPage, endPage - startPage, 0);
      },
    },
    pages: ([, , start, end]) => addresses(['event', start!, end!]),
    event: 'migration-announced',
    sentence: (told) => `The notifiers are told that pages move: ${bytesAt(told)}.`,
  },
  {
    kind: 'copy',
    title: 'copy',
    vramAt: 2,
    listen: {
      copied(toVram, offset, pages) {
        this.list.run(this, toVram ? FORMS.COPIED_IN : FORMS.COPIED_OUT, offset, pages, 0);
      },
    },
    event: 'pages-copied',
    sentence: (told) => `Pages are copied to or from VRAM ${bytesAt(told)}.`,
  },
  {
    kind: 'tovram',
    title: 'moved to VRAM',
    listen: {
      movedToVram(startPage, pages, gpu) {
        this.list.run(this, FORMS.MOVED_TO_VRAM, startPage, pages, gpu);
      },
    },
    pages: ([, start, pages]) => ({ startPage: Number(start), pages: Number(pages), flags: 0n }),
    event: 'moved-to-vram',
    sentence: (told) => `Pages lie in VRAM now: ${bytesAt(told)}.`,
  },
  {
    kind: 'toram',
    title: 'moved to system memory',
    listen: {
      movedToRam(startPage, pages, gpu) {
        this.list.run(this, FORMS.MOVED_TO_RAM, startPage, pages, gpu);
      },
    },
    pages: ([, start, pages]) => ({ startPage: Number(start), pages: Number(pages), flags: 0n }),
    event: 'moved-to-ram',
    sentence: (told) => `Pages lie in system memory now: ${bytesAt(told)}.`,
  },
];

const BY_KIND = new Map(EFFECTS.map((effect) => [effect.kind, effect]));

/** The descriptor of an entry; undefined for marks of injected operations and of GPUs. */
export function effectOf(entry: TraceEffect): EffectDescriptor | undefined {
  return BY_KIND.get(String(entry[0]));
}

/** The pages that an entry is about. */
export function pagesOf(entry: TraceEffect): FlaggedPages {
  return effectOf(entry)?.pages?.(entry) ?? { startPage: 0, pages: 0, flags: 0n };
}
