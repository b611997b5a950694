/** The GPUs that KFD knows, from its topology in sysfs (spec/kfd-queue §2): which one is behind which render node. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One GPU, or one partition of one. */
export interface KfdGpu {
  /** Number of its topology node. */
  readonly node: number;
  /** What KFD's calls name it by; never 0, which is a CPU. */
  readonly gpuId: number;
  /** 'gfx942' */
  readonly gfx: string;
  /** 128 for /dev/dri/renderD128. */
  readonly renderMinor: number;
  /** '0000:c1:00.0'; partitions of one GPU share it or differ in the function only. */
  readonly pci: string;
  /** PCI device, 0x74a1 for MI300X. */
  readonly deviceId: number;
  /** Compute dies that work as one. */
  readonly xccs: number;
  /** Engines that copy in memory, and those for links to other GPUs. */
  readonly sdmaEngines: number;
  readonly sdmaXgmiEngines: number;
  readonly sdmaQueuesPerEngine: number;
  readonly hostAtomics: HostAtomics;
}

/** Which atomic operations reach the memory of the CPU: all over xGMI, those of PCIe over PCIe where bridges let them pass. */
export type HostAtomics = 'none' | 'pcie' | 'all';

/** What is in a topology. */
export interface KfdTopology {
  /** By topology node. */
  readonly gpus: readonly KfdGpu[];
  /** Nodes that were left out, with the reason: a container does not see all of them. */
  readonly leftOut: readonly { readonly node: number; readonly reason: string }[];
  /** Why there is no topology, '' if there is one. */
  readonly reason: string;
}

/** Where Linux has it. */
export const KFD_TOPOLOGY = '/sys/devices/virtual/kfd/kfd/topology';

type ReadText = (path: string) => string;
const readText: ReadText = (path) => readFileSync(path, 'latin1');

const NEEDED = ['gfx_target_version', 'drm_render_minor', 'location_id', 'device_id'] as const;
/** Flag of a link. */
const NO_ATOMICS_64 = 1 << 3;
/** Type of a link. */
const XGMI = 11;
const LARGEST_VALUE = 2n ** 53n - 1n;

/** Reads a topology tree. Never throws; `read` stands for a file that this user may not read. */
export function readKfdTopology(directory: string = KFD_TOPOLOGY, read: ReadText = readText): KfdTopology {
  let numbers: number[];
  try {
    numbers = readdirSync(join(directory, 'nodes'))
      .filter((name) => /^\d{1,6}$/.test(name))
      .map(Number)
      .sort((a, b) => a - b);
  } catch (error) {
    return { gpus: [], leftOut: [], reason: `no KFD topology: ${(error as Error).message}` };
  }
  const gpus: KfdGpu[] = [];
  const leftOut: { node: number; reason: string }[] = [];
  for (const node of numbers) {
    const gpu = readNode(join(directory, 'nodes', String(node)), node, read);
    if (typeof gpu === 'string') leftOut.push({ node, reason: gpu });
    else if (gpu !== undefined) gpus.push(gpu);
  }
  return { gpus, leftOut, reason: '' };
}

/** Undefined for a CPU; a sentence for a node that cannot be read. */
function readNode(folder: string, node: number, read: ReadText): KfdGpu | string | undefined {
  let id: string;
  let text: string;
  try {
    // The node of a GPU that the device cgroup hides gives EPERM.
    id = read(join(folder, 'gpu_id')).trim();
    if (id === '0') return undefined;
    text = read(join(folder, 'properties'));
  } catch (error) {
    return (error as Error).message;
  }
  if (!/^\d{1,10}$/.test(id)) return `gpu_id is ${JSON.stringify(id.slice(0, 40))}, no number`;
  const properties = parseProperties(text);
  const missing = NEEDED.filter((name) => properties.get(name) === undefined);
  if (missing.length > 0) return `its properties lack ${missing.join(', ')}`;
  const value = (name: string): number => properties.get(name) ?? 0;
  return {
    node,
    gpuId: Number(id),
    gfx: gfxName(value('gfx_target_version')),
    renderMinor: value('drm_render_minor'),
    pci: pciAddress(value('domain'), value('location_id')),
    deviceId: value('device_id'),
    xccs: properties.get('num_xcc') ?? 1,
    sdmaEngines: value('num_sdma_engines'),
    sdmaXgmiEngines: value('num_sdma_xgmi_engines'),
    sdmaQueuesPerEngine: value('num_sdma_queues_per_engine'),
    hostAtomics: hostAtomics(folder, read),
  };
}

/** Of the link to node 0, which is a CPU: not where it says that atomic operations of 64 bits do not pass. */
function hostAtomics(folder: string, read: ReadText): HostAtomics {
  try {
    const links = readdirSync(join(folder, 'io_links'))
      .map((link) => parseProperties(read(join(folder, 'io_links', link, 'properties'))))
      .filter(
        (properties) =>
          properties.get('node_to') === 0 && ((properties.get('flags') ?? NO_ATOMICS_64) & NO_ATOMICS_64) === 0,
      );
    if (links.length === 0) return 'none';
    return links.some((properties) => properties.get('type') === XGMI) ? 'all' : 'pcie';
  } catch {
    // No link to be seen is none to rely on.
    return 'none';
  }
}

/** Lines of name and decimal value. Values past 2^53 (`unique_id`, `local_mem_size`) are left out: none of them is used. */
function parseProperties(text: string): Map<string, number> {
  const properties = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^(\w+) (\d{1,20})$/.exec(line.trim());
    if (match !== null && BigInt(match[2]!) <= LARGEST_VALUE) properties.set(match[1]!, Number(match[2]));
  }
  return properties;
}

/** 90402 is gfx942, 90010 is gfx90a: major, minor and stepping, the last two in hexadecimal. */
function gfxName(version: number): string {
  const [major, minor, stepping] = [Math.floor(version / 10_000), Math.floor(version / 100) % 100, version % 100];
  return `gfx${major}${minor.toString(16)}${stepping.toString(16)}`;
}

/** `location` is bus << 8 | device << 3 | function. */
function pciAddress(domain: number, location: number): string {
  const hex = (number: number, digits: number): string => number.toString(16).padStart(digits, '0');
  return `${hex(domain, 4)}:${hex((location >>> 8) & 0xff, 2)}:${hex((location >>> 3) & 0x1f, 2)}.${location & 7}`;
}
