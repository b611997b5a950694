// Models: nothing - the numbers of the cost model, each with its source and how far off it may be (docs/cost.md is made of them).
import { BOARDS } from '../gpu/boards.ts';
import type { CostField } from './cost-fields.ts';

/** One number. */
export interface CostFigure {
  readonly value: number;
  readonly source: string;
  /** '±' a part of it, or 'x' the factor by which it may be too large or too small. */
  readonly uncertainty: string;
}

type CostFigures = Readonly<Record<CostField, CostFigure>>;

/** GB/s of the memory of one GPU, at its peak; of an MI250X half of the board's. */
const MEMORY_BANDWIDTH = { gfx90a: 1638.4, gfx942: 5300, 'gfx942-apu': 5300 } as const;
type Gpu = keyof typeof MEMORY_BANDWIDTH;
/** GB/s in each direction of 16 lanes, after their coding: 128b/130b of 16 and 32 GT/s. */
const PCIE_BANDWIDTH = { 4: 31.5, 5: 63 } as const;
/** GB/s in each direction of the link between the CPU and one GPU of an MI250X. */
const CPU_FABRIC_BANDWIDTH = 36;
/** Parts of the peak that programs see. */
const COPIED = 0.85;
const ACCESSED = 0.65;
const SUSTAINED = 0.8;

function estimate(value: number, source: string, uncertainty: string): CostFigure {
  return { value, source: `estimate: ${source}`, uncertainty };
}

function ofPeak(part: number, peak: number, what: string, uncertainty: string): CostFigure {
  return {
    value: Math.round(part * peak * 10) / 10,
    source: `${part} of the peak of ${what}, ${peak} GB/s`,
    uncertainty,
  };
}

/** What the kernel and the firmware take: the same on all boards. */
const SOFTWARE = {
  faultDelivery: estimate(
    20_000,
    'published measurements of faults of GPUs, of several makers, lie between 10 and 50 us',
    'x2.5',
  ),
  faultHandling: estimate(3000, 'some lookups and locks, and a page of the kernel log at most', 'x2'),
  ioctl: estimate(1000, 'a system call with copies of its arguments takes 0.3 to 2 us', 'x2'),
  pageTableCall: estimate(500, 'a walk of the GPU page table and a fence; the CPU writes the entries', 'x3'),
  pte: estimate(5, '8 bytes, write-combined, over the link', 'x3'),
  tlbFlush: estimate(5000, 'a packet to the firmware and its answer', 'x3'),
  dmaPage: estimate(60, 'a step of the walk over the CPU page table, and an address; the IOMMU passes through', 'x2'),
  migrationCall: estimate(10_000, 'draining the page lists of all CPUs, one MMU notifier', 'x3'),
  migrationPage: estimate(
    1000,
    'the real code takes about 1.8 us for each page in the simulated surroundings of the recordings, copy and PTEs included',
    'x2',
  ),
  copySetup: estimate(8000, 'a submission to the copy engine, and the wait for its fence', 'x2'),
  eviction: estimate(20_000, 'the choice of a buffer, its reservation, and the wait for its fences', 'x3'),
  cpuFault: estimate(1000, 'a page fault of Linux, with a page to clear, takes 0.5 to 1.5 us', 'x1.5'),
  queueStop: estimate(200_000, 'the firmware saves the waves of all queues of the process: 0.1 to 1 ms', 'x5'),
  queueResume: estimate(100_000, 'the firmware maps the queues and restores their waves', 'x5'),
} as const satisfies Partial<CostFigures>;

interface Link {
  readonly name: string;
  /** GB/s in one direction. */
  readonly peak: number;
}

function pcie(generation: keyof typeof PCIE_BANDWIDTH): Link {
  return { name: `PCI Express ${generation}.0 x16`, peak: PCIE_BANDWIDTH[generation] };
}

function board(gpu: Gpu, link: Link): CostFigures {
  return {
    ...SOFTWARE,
    copyBandwidth: ofPeak(COPIED, link.peak, link.name, '±15 %'),
    localBandwidth: ofPeak(SUSTAINED, MEMORY_BANDWIDTH[gpu], BOARDS[gpu].memory, '±15 %'),
    remoteBandwidth: ofPeak(ACCESSED, link.peak, link.name, '±30 %'),
  };
}

/** The memory of an MI300A is one: copies read and write it, accesses are local. */
function shared(gpu: Gpu): CostFigures {
  const [peak, { memory }] = [MEMORY_BANDWIDTH[gpu], BOARDS[gpu]];
  const access = ofPeak(SUSTAINED, peak, memory, '±15 %');
  return {
    ...SOFTWARE,
    copyBandwidth: ofPeak(SUSTAINED / 2, peak, `${memory}, which a copy reads and writes`, '±15 %'),
    localBandwidth: access,
    remoteBandwidth: access,
  };
}

/** The tables, by the name of the board. */
export const COST_FIGURES = {
  /** PCI Express 5. */
  mi300x: board('gfx942', pcie(5)),
  /** PCI Express 4. Its GPU and memory are those of one half of an MI250X. */
  mi210: board('gfx90a', pcie(4)),
  /** One GPU of the board, where Infinity Fabric leads to the CPU, as in the nodes that were built with it. */
  mi250x: board('gfx90a', { name: 'Infinity Fabric (XGMI) between CPU and GPU', peak: CPU_FABRIC_BANDWIDTH }),
  /** All memory is local. */
  mi300a: shared('gfx942-apu'),
} as const satisfies Readonly<Record<string, CostFigures>>;

/** Name of a table of the cost model. */
export type CostName = keyof typeof COST_FIGURES;
/** Names of the tables of the cost model. */
export const COST_NAMES = Object.keys(COST_FIGURES) as readonly CostName[];
