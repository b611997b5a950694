/** The forms of the entries that are written most (spec/trace-format §5). */
import { EntryForm } from './form.ts';

const ADDRESSES = ['address', 'end'] as const;
const PAGES = ['page', 'pages'] as const;
const ADDRESS_AND_PAGES = ['address', 'pages'] as const;
const FIRST_AND_LAST = ['page', 'last'] as const;

export const NOTIFIER_INSERTED = new EntryForm(['notifier+'], ADDRESSES);
export const NOTIFIER_REMOVED = new EntryForm(['notifier-'], ADDRESSES);
export const RANGE_INSERTED = new EntryForm(['range+'], ADDRESSES);
export const RANGE_REMOVED = new EntryForm(['range-'], ADDRESSES);
export const PTES_WRITTEN = new EntryForm(['pte'], [...PAGES, 'flags']);
export const PTES_ZAPPED = new EntryForm(['zap'], PAGES);
export const TLB_FLUSHED = new EntryForm(['tlb'], []);
export const DMA_MAPPED = new EntryForm(['dma+'], ADDRESS_AND_PAGES);
export const DMA_UNMAPPED = new EntryForm(['dma-'], ADDRESS_AND_PAGES);
export const COLLECTION_QUEUED = new EntryForm(['gc+'], FIRST_AND_LAST);
export const RESTORE_QUEUED = new EntryForm(['restore+'], FIRST_AND_LAST);
export const MIGRATION_EVENT = new EntryForm(['event', 'migrate'], ADDRESSES);
export const CLEAR_EVENT = new EntryForm(['event', 'clear'], ADDRESSES);
export const COPIED_IN = new EntryForm(['copy', 'vram'], PAGES);
export const COPIED_OUT = new EntryForm(['copy', 'ram'], PAGES);
export const MOVED_TO_VRAM = new EntryForm(['tovram'], [...PAGES, 'gpu']);
export const MOVED_TO_RAM = new EntryForm(['toram'], [...PAGES, 'gpu']);
