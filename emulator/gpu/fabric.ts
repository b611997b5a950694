// Models: the links between the GPUs of a machine - who reaches whose VRAM, and who counts as one owner of pages (spec/migration §1, §7).
import { LateMap } from '../kernel/late-map.ts';

/** How a machine's GPUs reach one another where they are in no common hive. */
export const GPU_LINKS = ['none', 'pcie', 'hive'] as const;
/** The option `links`: what lies between the GPUs. */
export type GpuLinks = (typeof GPU_LINKS)[number];

/** What lies between two GPUs: 'hive' XGMI, 'pcie' the bus, over which they reach each other's VRAM, 'none' no way; 'self' one GPU. */
export type FabricLink = 'self' | GpuLinks;

/** The links of one machine. */
export class Fabric {
  private readonly hives: readonly (string | null)[];
  private readonly peers: boolean;
  private readonly owners: readonly object[];

  /** `hives`: name of each GPU's hive, null for none; `peers`: those of no common hive reach each other by PCI Express. */
  constructor(hives: readonly (string | null)[], peers: boolean) {
    this.hives = hives;
    this.peers = peers;
    const tokens = new LateMap<string, object>();
    this.owners = hives.map((hive) => {
      if (hive === null) return {};
      let token = tokens.get(hive);
      if (token === undefined) tokens.set(hive, (token = { hive }));
      return token;
    });
  }

  /** The link between two GPUs, by their numbers. RangeError for one that the machine does not have. */
  link(from: number, to: number): FabricLink {
    const [hive, other] = [this.hiveOf(from), this.hiveOf(to)];
    if (from === to) return 'self';
    if (hive !== null && hive === other) return 'hive';
    return this.peers ? 'pcie' : 'none';
  }

  /** Name of a GPU's hive, null for none. RangeError as of `link`. */
  hiveOf(gpu: number): string | null {
    const hive = this.hives[gpu];
    if (hive === undefined)
      throw Object.assign(new RangeError(`gpu: expected 0 to ${this.hives.length - 1}, got ${String(gpu)}`), {
        code: 'ERR_SVM_INVALID_ARGUMENT',
      });
    return hive;
  }

  /** The owner of pages in a GPU's VRAM: one object for all of a hive (spec/migration §1). */
  ownerOf(gpu: number): object {
    return this.owners[gpu]!;
  }
}
