// Models: the memory and links of real boards - data (spec/migration §1). Each board names its `source`, and what no
// document says but follows from others is `concluded`. None of the documents was at hand when the numbers were written
// down and checked, so none is verified: boards.test.ts holds only that they agree with each other.
// Of boards with two GPUs (MI250X) the numbers are those of one GPU.
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
  /** AMD's document that gives the numbers. */
  readonly source: string;
  /** Fields that it does not give as they stand here, with the reason. */
  readonly concluded: Readonly<
    Partial<Record<'vram' | 'stacks' | 'fabricLinks' | 'fabricLinkBandwidth' | 'pcie', string>>
  >;
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
  source: 'Radeon Instinct MI60 data sheet: 32 GB HBM2, 2 Infinity Fabric links, 184 GB/s peer to peer, PCIe 4.0 x16',
  concluded: {
    stacks: '1 TB/s and 4,096 bits are four stacks of HBM2',
    fabricLinkBandwidth: 'half of the 184 GB/s of both links',
  },
};
const MI100: Board = {
  ...MI60,
  fabricLinks: 3,
  source: 'AMD Instinct MI100 brochure: 32 GB HBM2, 3 Infinity Fabric links, 276 GB/s peer to peer, PCIe 4.0 x16',
  concluded: {
    stacks: '1.2 TB/s and 4,096 bits are four stacks of HBM2',
    fabricLinkBandwidth: 'a third of the 276 GB/s of all links',
  },
};
/** A processor with a GPU that uses the memory of the system. */
const ryzen = (pcie: 3 | 4, product: string): Board => ({
  vram: 0,
  memory: 'system',
  stacks: 0,
  fabricLinks: 0,
  fabricLinkBandwidth: 0,
  pcie,
  source: `${product} product page: PCI Express version; it has no memory of its own`,
  concluded: {},
});
/** A graphics card: GDDR6 in chips of 2 GiB, and no links. */
const radeon = (product: string, gib: 8 | 16 | 24, bits: 128 | 256 | 384, pcie: 4 | 5): Board => ({
  vram: gib * GIB,
  memory: 'GDDR6',
  stacks: bits / 32,
  fabricLinks: 0,
  fabricLinkBandwidth: 0,
  pcie,
  source: `${product} product page: ${gib} GB GDDR6, ${bits} bits, PCIe ${pcie}.0`,
  concluded: { stacks: 'each chip of GDDR6 has 32 bits of the interface' },
});

/** By the name of the catalogue. */
export const BOARDS: Readonly<Record<AsicName, Board>> = {
  gfx900: {
    vram: 8 * GIB,
    memory: 'HBM2',
    stacks: 2,
    fabricLinks: 0,
    fabricLinkBandwidth: 0,
    pcie: 3,
    source: 'Radeon RX Vega 64 product page: 8 GB HBM2, 2,048 bits, PCIe 3.0 x16',
    concluded: { stacks: '2,048 bits are two stacks of HBM2' },
  },
  gfx906: MI60,
  'gfx906-xnack': MI60,
  gfx908: MI100,
  'gfx908-xnack': MI100,
  gfx90a: {
    vram: 64 * GIB,
    memory: 'HBM2e',
    stacks: 4,
    fabricLinks: 8,
    fabricLinkBandwidth: 100 * GB,
    pcie: 4,
    source:
      'AMD Instinct MI250X data sheet: 128 GB HBM2e, 8,192 bits, up to 8 Infinity Fabric links of 100 GB/s, PCIe 4.0 x16',
    concluded: {
      vram: 'half of the board, which has two GPUs',
      stacks: 'half of the eight stacks of HBM2e that 8,192 bits are',
      fabricLinks: '4 links lead to the other GPU of the package and 4 out of it (CDNA 2 white paper)',
    },
  },
  gfx90c: ryzen(3, 'Ryzen 7 5700G'),
  gfx942: {
    vram: 192 * GIB,
    memory: 'HBM3',
    stacks: 8,
    fabricLinks: 7,
    fabricLinkBandwidth: 128 * GB,
    pcie: 5,
    source:
      'AMD Instinct MI300X data sheet: 192 GB HBM3, 8,192 bits, 7 Infinity Fabric links of 128 GB/s to other GPUs, PCIe 5.0 x16',
    concluded: { stacks: '8,192 bits are eight stacks of HBM3' },
  },
  'gfx942-apu': {
    vram: 0,
    memory: 'HBM3',
    stacks: 8,
    fabricLinks: 6,
    fabricLinkBandwidth: 128 * GB,
    pcie: 5,
    source: 'AMD Instinct MI300A data sheet: 128 GB unified HBM3, 8,192 bits, 8 links of 128 GB/s',
    concluded: {
      vram: 'its 128 GiB are memory of the system',
      stacks: '8,192 bits are eight stacks of HBM3',
      fabricLinks: 'in a node of four, two of the eight links lead to each of the others (CDNA 3 white paper)',
    },
  },
  gfx950: {
    vram: 288 * GIB,
    memory: 'HBM3E',
    stacks: 8,
    fabricLinks: 7,
    fabricLinkBandwidth: 153.6 * GB,
    pcie: 5,
    source:
      'AMD Instinct MI350X data sheet: 288 GB HBM3E, 8,192 bits, 7 Infinity Fabric links of 153.6 GB/s to other GPUs, PCIe 5.0 x16',
    concluded: { stacks: '8,192 bits are eight stacks of HBM3E' },
  },
  gfx1030: radeon('Radeon RX 6800', 16, 256, 4),
  gfx1100: radeon('Radeon RX 7900 XTX', 24, 384, 4),
  gfx1101: radeon('Radeon RX 7800 XT', 16, 256, 4),
  gfx1150: ryzen(4, 'Ryzen AI 9 HX 370'),
  gfx1151: ryzen(4, 'Ryzen AI Max+ 395'),
  // The one with 8 GB.
  gfx1200: radeon('Radeon RX 9060 XT', 8, 128, 5),
  gfx1201: radeon('Radeon RX 9070 XT', 16, 256, 5),
};

/** The board of a model of the catalogue; undefined for one of the caller's own. */
export function boardOf(asic: string): Board | undefined {
  return Object.hasOwn(BOARDS, asic) ? BOARDS[asic as AsicName] : undefined;
}
