// Models: nothing - the quantities of the cost model (docs/cost.md): what each is, and when it is spent.

/** Unit of a quantity: nanoseconds, or gigabytes (10^9 bytes) in a second. */
type CostUnit = 'ns' | 'GB/s';

interface CostFieldDescription {
  readonly unit: CostUnit;
  /** When it is spent, for people. */
  readonly spent: string;
}

/** The quantities, in the order of the documentation. */
export const COST_FIELDS = {
  faultDelivery: {
    unit: 'ns',
    spent:
      'for each GPU fault: from the access to the fault handler (interrupt, ring, worker), and from the answer to the access that is repeated',
  },
  faultHandling: { unit: 'ns', spent: 'for each GPU fault: what its handler does besides what is in other rows' },
  ioctl: { unit: 'ns', spent: 'for each SVM ioctl: the system call itself' },
  pageTableCall: {
    unit: 'ns',
    spent:
      'for each call that writes or clears PTEs: one for each page, or for each huge page of 2 MiB, of what is written; one for what is cleared',
  },
  pte: { unit: 'ns', spent: 'for each PTE that is written or cleared' },
  tlbFlush: { unit: 'ns', spent: 'for each flush of the TLB of a GPU' },
  dmaPage: { unit: 'ns', spent: 'for each page of system memory that is collected and mapped for the GPU' },
  migrationCall: {
    unit: 'ns',
    spent: 'for each set-up of a migration to VRAM or back (an eviction has none: it begins with the pages in VRAM)',
  },
  migrationPage: {
    unit: 'ns',
    spent: 'for each page that moved: its entries in the page tables, its lists, its new page',
  },
  copySetup: { unit: 'ns', spent: 'for each copy of consecutive pages: its submission and the wait for its fence' },
  copyBandwidth: { unit: 'GB/s', spent: 'copies between system memory and VRAM, in each direction' },
  eviction: { unit: 'ns', spent: 'for each buffer that is chosen to leave VRAM' },
  cpuFault: { unit: 'ns', spent: 'for each page that an access of the CPU does not find present' },
  queueStop: { unit: 'ns', spent: 'XNACK off: for each time that the compute queues are stopped' },
  queueResume: { unit: 'ns', spent: 'XNACK off: for each time that they are resumed' },
  localBandwidth: { unit: 'GB/s', spent: 'bytes of VRAM that the GPU accesses' },
  remoteBandwidth: { unit: 'GB/s', spent: 'bytes of system memory that the GPU accesses' },
} as const satisfies Readonly<Record<string, CostFieldDescription>>;

/** Name of a quantity of the cost model. */
export type CostField = keyof typeof COST_FIELDS;

/** A value for each quantity. */
export type CostTable = Readonly<Record<CostField, number>>;

/** What time is spent on. */
export const COST_KINDS = [
  'fault-delivery',
  'fault-handling',
  'ioctl',
  'page-tables',
  'tlb-flush',
  'dma-mapping',
  'migration-setup',
  'migration',
  'copy',
  'eviction',
  'cpu-fault',
  'queues',
  'gpu-access',
] as const;
/** What virtual time was spent on. */
export type CostKind = (typeof COST_KINDS)[number];
