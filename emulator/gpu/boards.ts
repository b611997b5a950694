// Models: the memory and links of real boards - data (spec/migration §1). Sources: AMD's product pages and data sheets of
// each board ("Memory Specifications", "Infinity Fabric Links", "PCIe interface") and the CDNA, CDNA 2, CDNA 3 and CDNA 4
// white papers. Of boards with two GPUs (MI250X) the numbers are those of one GPU, half of the board's.
import type { AsicName } from './catalogue.ts';

/** The memory of a board and what leads to it. */
export interface Board {
  /** Bytes of VRAM of one GPU; 0: its memory is that of the system. */
  readonly vram: number;
  /** Kind of the memory; 'system': what the computer has, of an APU without memory of its own. */
  readonly memory: 'HBM2' | 'HBM2e' | 'HBM3' | 'HBM3E' | 'GDDR6' | 'system';
  /** Stacks of HBM, or chips of GDDR6, of one GPU; 0 for the memory of the system. */
  readonly stacks: number;
  /** Infinity Fabric (XGMI) links to other GPUs; a GPU without any is in no hive. */
  readonly fabricLinks: number;
  /** Bytes in a second over one such link, in both directions together; 0 without links. */
  readonly fabricLinkBandwidth: number;
  /** Generation of the PCI Express interface, which has 16 lanes on all boards; of a processor, that of its lanes. */
  readonly pcie: 3 | 4 | 5;
}

const GIB = 2 ** 30;
/** Data sheets count bandwidth in powers of ten. */
const GB = 1e9;

const MI60: Board = {
  vram: 32 * GIB,
  memory: 'HBM2',
  stacks: 4,
  fabricLinks: 2,
  fabricLinkBandwidth: 92 * GB,
  pcie: 4,
};
const MI100: Board = { ...MI60, fabricLinks: 3 };
/** A processor with a GPU that uses the memory of the system. */
const ryzen = (pcie: 3 | 4): Board => ({
  vram: 0,
  memory: 'system',
  stacks: 0,
  fabricLinks: 0,
  fabricLinkBandwidth: 0,
  pcie,
});

/** By the name of the catalogue. */
export const BOARDS: Readonly<Record<AsicName, Board>> = {
  gfx900: { vram: 8 * GIB, memory: 'HBM2', stacks: 2, fabricLinks: 0, fabricLinkBandwidth: 0, pcie: 3 },
  gfx906: MI60,
  'gfx906-xnack': MI60,
  gfx908: MI100,
  'gfx908-xnack': MI100,
  // The board has 128 GiB in 8 stacks; 4 links lead to the other GPU of the package, 4 out of it.
  gfx90a: { vram: 64 * GIB, memory: 'HBM2e', stacks: 4, fabricLinks: 8, fabricLinkBandwidth: 100 * GB, pcie: 4 },
  gfx90c: ryzen(3),
  gfx942: { vram: 192 * GIB, memory: 'HBM3', stacks: 8, fabricLinks: 7, fabricLinkBandwidth: 128 * GB, pcie: 5 },
  // MI300A: its 128 GiB are memory of the system; in a node of four, two links lead to each of the others.
  'gfx942-apu': { vram: 0, memory: 'HBM3', stacks: 8, fabricLinks: 6, fabricLinkBandwidth: 128 * GB, pcie: 5 },
  gfx950: { vram: 288 * GIB, memory: 'HBM3E', stacks: 8, fabricLinks: 7, fabricLinkBandwidth: 153.6 * GB, pcie: 5 },
  gfx1030: { vram: 16 * GIB, memory: 'GDDR6', stacks: 8, fabricLinks: 0, fabricLinkBandwidth: 0, pcie: 4 },
  gfx1100: { vram: 24 * GIB, memory: 'GDDR6', stacks: 12, fabricLinks: 0, fabricLinkBandwidth: 0, pcie: 4 },
  gfx1101: { vram: 16 * GIB, memory: 'GDDR6', stacks: 8, fabricLinks: 0, fabricLinkBandwidth: 0, pcie: 4 },
  gfx1150: ryzen(4),
  gfx1151: ryzen(4),
  // The one with 8 GiB.
  gfx1200: { vram: 8 * GIB, memory: 'GDDR6', stacks: 4, fabricLinks: 0, fabricLinkBandwidth: 0, pcie: 5 },
  gfx1201: { vram: 16 * GIB, memory: 'GDDR6', stacks: 8, fabricLinks: 0, fabricLinkBandwidth: 0, pcie: 5 },
};

/** The board of a model of the catalogue; undefined for one of the caller's own. */
export function boardOf(asic: string): Board | undefined {
  return Object.hasOwn(BOARDS, asic) ? BOARDS[asic as AsicName] : undefined;
}
